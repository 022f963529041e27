"""Autoencoders over several ranks."""
