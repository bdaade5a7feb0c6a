"""wattprint: host."""
