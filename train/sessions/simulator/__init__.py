"""A simulator of charges as a board's sensor sees them, for training where there are no recordings."""

from train.sessions.simulator.fleet import device_names, simulate, simulate_nominal

__all__ = ["device_names", "simulate", "simulate_nominal"]
