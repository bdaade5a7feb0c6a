"""wattprint's training side: charges in, an artifact out."""
