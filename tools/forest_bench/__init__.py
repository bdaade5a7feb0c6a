"""`make bench-forest`: wattprint's styles and other generators side by side, on the same forests, from one run."""
