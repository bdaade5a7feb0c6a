"""Evaluation on charges of units the model has not seen: docs/evaluation.md."""
