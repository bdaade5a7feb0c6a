"""`python -m host bridge`: what the board says, for other programs."""
