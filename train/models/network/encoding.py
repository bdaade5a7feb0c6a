"""Which pieces of which features a network sees: the ones that a forest splits, where it splits them.

A byte holds 255 values, a feature up to 2**25. So a feature that matters is dealt out over several inputs, each a
stretch of its range (the piecewise linear encoding of Gorishniy et al. 2022, "On Embeddings for Numerical Features in
Tabular Deep Learning", 3.2), borders where a forest of the same rows gains most; one that the forest leaves alone gets
none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from train.artifact_network import FEATURE_MAX, NetworkInput

SPAN = 254  # from -127 to 127
MULTIPLIER_MAX = 127
SHIFT_MAX = 31
LEAST_PIECE = 2
TAIL = 0.005  # share of the training rows beyond either end of a feature's range


def piece(feature: int, low: float, high: float) -> NetworkInput:
    """The input that runs from -127 at `low` to 127 at `high`, as nearly as 7 bits of multiplier allow."""
    offset = int(np.clip(round(low), -FEATURE_MAX, FEATURE_MAX))
    ratio = SPAN / max(LEAST_PIECE, round(high) - offset)
    shift = next(s for s in range(SHIFT_MAX, -1, -1) if round(ratio * 2.0**s) <= MULTIPLIER_MAX)
    return NetworkInput(feature, offset, max(1, round(ratio * 2.0**shift)), shift)


def choose_inputs(x: NDArray[np.float32], forests: Sequence[bytes], n_inputs: int) -> tuple[NetworkInput, ...]:
    """`n_inputs` pieces for rows [n, n_features] (NaN: missing), by the splits of forests saved as JSON.

    The forests count alike. A feature's share is the root of its gain: what is gained at the first split is lost to
    the ones after it, and a net has no first one.
    """
    splits = [_among(x.shape[1], *_splits(data)) for data in forests]
    gains = np.zeros(x.shape[1])
    for feature, _, gain in splits:
        found = np.bincount(feature, weights=gain, minlength=x.shape[1])
        gains += found / max(float(found.sum()), 1e-30)
    if not gains.any():
        gains[:] = 1.0
    feature, threshold, gain = (np.concatenate(columns) for columns in zip(*splits, strict=True))
    inputs: list[NetworkInput] = []
    for index, n_pieces in enumerate(_deal_out(np.sqrt(gains), n_inputs)):
        if n_pieces:
            own = feature == index
            inputs += _pieces(index, x[:, index], threshold[own], gain[own], n_pieces)
    return tuple(inputs)


def whole_range(x: NDArray[np.float32], features: Sequence[int]) -> tuple[NetworkInput, ...]:
    """One input for each of the features, over the range of its rows."""
    return tuple(_pieces(index, x[:, index], np.empty(0), np.empty(0), 1)[0] for index in features)


def _among(
    n_features: int, feature: NDArray[np.intp], threshold: NDArray[np.float64], gain: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Splits on the first features: a forest may be told of the device's history as well, a network is not."""
    own = feature < n_features
    return feature[own], threshold[own], gain[own]


def _splits(data: bytes) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Feature, threshold and gain of every split."""
    columns: list[list[float]] = [[], [], []]
    for tree in json.loads(data)["learner"]["gradient_booster"]["model"]["trees"]:
        for node, child in enumerate(tree["left_children"]):
            if child >= 0:
                for column, key in zip(columns, ("split_indices", "split_conditions", "loss_changes"), strict=True):
                    column.append(tree[key][node])
    return np.array(columns[0], np.intp), np.array(columns[1], np.float64), np.array(columns[2], np.float64).clip(0)


def _deal_out(shares: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """`n` seats by shares, highest averages first (D'Hondt); the lower index wins a tie."""
    seats = np.zeros(len(shares), np.intp)
    for _ in range(n):
        seats[int(np.argmax(shares / (seats + 1)))] += 1
    return seats


def _pieces(
    feature: int,
    values: NDArray[np.float32],
    threshold: NDArray[np.float64],
    gain: NDArray[np.float64],
    n_pieces: int,
) -> list[NetworkInput]:
    known = values[~np.isnan(values)].astype(np.float64)
    low, high = np.quantile(known, [TAIL, 1 - TAIL]) if len(known) else (0.0, 1.0)
    if len(threshold):
        low, high = min(low, threshold.min()), max(high, threshold.max())
    order = np.argsort(threshold, kind="stable")
    cumulative = np.cumsum(gain[order])
    levels = np.arange(1, n_pieces) / n_pieces
    inner = [threshold[order][np.searchsorted(cumulative, level * cumulative[-1])] for level in levels]
    borders = np.unique(np.round([low, *inner, high]))
    return [piece(feature, a, b) for a, b in pairwise(borders)] or [piece(feature, low, high)]
