"""ControlNets over several devices."""
