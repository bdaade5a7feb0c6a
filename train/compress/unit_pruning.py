"""Unit pruning (structured): whole neurons go, and with them their rows and columns. The rest is fine-tuned.

A neuron counts the sum of its incoming weights' magnitudes times that of its outgoing ones. Unlike zeros, what is cut
out here is gone from every format.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.compress.network_task import CompressedNetwork, NetworkTask
from train.compress.surrogate import build, deployed, learn, whole


def compress(task: NetworkTask, *, units: int, hidden: int) -> CompressedNetwork:
    """Keep `units` and `hidden` neurons of the two layers."""
    return deployed(narrowed(task, units, hidden), task)


def narrowed(task: NetworkTask, units: int, hidden: int) -> Any:
    """The whole network cut down in two steps, fine-tuned after each."""
    weights = [np.asarray(values) for values in whole(task).get_weights()]
    halfway = (round((task.units * units) ** 0.5), round((task.hidden * hidden) ** 0.5))
    model: Any = None
    for first, last in (halfway, (units, hidden)):
        model = cut(task, weights, strongest(weights, first, last))
        learn(model, task.lessons, task.tuning_epochs, seed=task.seed)
        weights = [np.asarray(values) for values in model.get_weights()]
    return model


def strongest(weights: list[NDArray[np.float32]], units: int, hidden: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The neurons to keep of each layer; weights are kernels and biases of first, last and the two heads."""
    first, last, device, remaining = weights[0], weights[2], weights[4], weights[6]
    strength = np.abs(first).sum(axis=0) * np.abs(last).sum(axis=1)
    outgoing = np.abs(device).sum(axis=1) + np.abs(remaining).sum(axis=1)
    other = np.abs(last).sum(axis=0) * outgoing
    return np.sort(np.argsort(-strength)[:units]), np.sort(np.argsort(-other)[:hidden])


def cut(task: NetworkTask, weights: list[NDArray[np.float32]], kept: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Any:
    """A network of the kept neurons alone."""
    first, last = kept
    model = build(task, len(first), len(last))
    model.set_weights(
        [
            weights[0][:, first],
            weights[1][first],
            weights[2][np.ix_(first, last)],
            weights[3][last],
            weights[4][last],
            weights[5],
            weights[6][last],
            weights[7],
        ]
    )
    return model
