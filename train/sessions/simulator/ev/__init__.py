"""Charges of electric vehicles as a charge point's meter sees them, in AC and DC."""

from train.sessions.simulator.ev.fleet import known_cars, nominal_charge, simulate_households, simulate_vehicles
from train.sessions.simulator.ev.households import household_of

__all__ = ["household_of", "known_cars", "nominal_charge", "simulate_households", "simulate_vehicles"]
