"""`make prove`: the board's loop under Frama-C."""
