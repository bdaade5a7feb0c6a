"""What the search draws for networks: a width and the technique that gets there."""

from __future__ import annotations

from train.compress import distil_network, post_training_int8, quantisation_aware, unit_pruning
from train.compress.network_task import CompressedNetwork, NetworkTask


def compress(task: NetworkTask, *, units: int, hidden: int, technique: str) -> CompressedNetwork:
    """A network of that width by post_training, aware, unit_pruning or distilled."""
    if technique == "unit_pruning":
        return unit_pruning.compress(task, units=units, hidden=hidden)
    if technique == "distilled":
        return distil_network.compress(task, units=units, hidden=hidden)
    if technique == "aware":
        return quantisation_aware.compress(task, units=units, hidden=hidden)
    return post_training_int8.compress(task, units=units, hidden=hidden)
