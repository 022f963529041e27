"""Text encoders over several devices."""
