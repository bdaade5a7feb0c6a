"""`python -m host bridge ocpp`: between charge points and their central system."""
