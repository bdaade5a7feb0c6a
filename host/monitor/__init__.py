"""`python -m host monitor`: what the board says now, and the views of it."""
