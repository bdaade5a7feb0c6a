"""How much a battery still holds, from charges that need not begin empty."""
