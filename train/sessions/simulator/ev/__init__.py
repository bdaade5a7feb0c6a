"""Charges of electric vehicles as a charge point's meter sees them, in AC and DC."""

from train.sessions.simulator.ev.fleet import known_cars, nominal_charge, simulate_vehicles

__all__ = ["known_cars", "nominal_charge", "simulate_vehicles"]
