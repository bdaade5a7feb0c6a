"""Models: the split of units, the boosted forests, their calibration, and predictions on a dataset."""
