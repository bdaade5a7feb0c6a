"""Post-training quantisation: weights and activations to int8 by the converter, ranges from 300 rows."""

from __future__ import annotations

from train.compress.network_task import CompressedNetwork, NetworkTask
from train.compress.surrogate import build, deployed, learn, whole


def compress(
    task: NetworkTask, *, quantised: bool = True, units: int | None = None, hidden: int | None = None
) -> CompressedNetwork:
    """The whole network, or one trained narrower from the start, in int8 (or left in float32)."""
    if units is None and hidden is None:
        return deployed(whole(task), task, quantised=quantised)
    narrow = learn(build(task, units, hidden), task.lessons, task.epochs, seed=task.seed)
    return deployed(narrow, task, quantised=quantised)
