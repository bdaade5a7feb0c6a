"""What a network technique is given and what it hands back: the one interface of all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from train.models.rows import TrainingRows

EPOCHS, FEWER_EPOCHS, MANY_ROWS = 20, 15, 80_000  # of the whole network; fewer where there are not many rows
EARLY_WEIGHT = 10.0
ROWS_OF_WINDOW = 8
N_INPUTS = 64
PIECES = 3  # of a feature's range, each an input
QUANTILES = (0.1, 0.5, 0.9)

Outputs = tuple[NDArray[np.float32], NDArray[np.float32]]  # logits [n, n_devices], roots [n, 3]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a network sees: stretches of features, each from -1 to 1. A missing value is the low end."""

    feature: NDArray[np.intp]  # [n_inputs]
    low: NDArray[np.float32]  # [n_inputs]
    high: NDArray[np.float32]  # [n_inputs]

    def encode(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows [n, n_inputs] of rows [n, n_features], rounded to the 1/127 that a byte holds."""
        picked = np.nan_to_num(features[:, self.feature], nan=-np.inf)
        share = (picked - self.low) / (self.high - self.low)
        return (np.round((2 * np.clip(share, 0, 1) - 1) * 127) / 127).astype(np.float32)


def choose_inputs(features: NDArray[np.float32], forests: Sequence[bytes], n_inputs: int = N_INPUTS) -> Inputs:
    """Cut the features that forests gain most by where their splits lie (piecewise linear, Gorishniy et al. 2022).

    What a forest is told beyond `features` [n, n_features], the history of the answered device, a network is not.
    """
    gain: dict[int, float] = {}
    splits: dict[int, list[float]] = {}
    n_features = features.shape[1]
    for model in forests:
        trees = json.loads(model)["learner"]["gradient_booster"]["model"]["trees"]
        total = sum(sum(tree["loss_changes"]) for tree in trees) or 1.0
        for tree in trees:
            for node, child in enumerate(tree["left_children"]):
                index = int(tree["split_indices"][node])
                if child >= 0 and index < n_features:
                    gain[index] = gain.get(index, 0.0) + tree["loss_changes"][node] / total
                    splits.setdefault(index, []).append(tree["split_conditions"][node])
    chosen = sorted(gain, key=lambda index: -gain[index])[: n_inputs // PIECES]
    pieces: list[tuple[int, float, float]] = []
    for index in chosen:
        known = features[:, index][~np.isnan(features[:, index])]
        low, high = np.quantile(known, (0.005, 0.995))
        inner = np.quantile(splits[index], np.arange(1, PIECES) / PIECES)
        borders = np.unique(np.round([min(low, inner.min()), *inner, max(high, inner.max())]))
        pieces += [(index, float(a), float(b)) for a, b in pairwise(borders)]
    feature, low, high = (list(column) for column in zip(*pieces, strict=True))
    return Inputs(np.array(feature, np.intp), np.array(low, np.float32), np.array(high, np.float32))


@dataclass(frozen=True, slots=True)
class Lessons:
    """Rows to learn from, in the units a network takes."""

    x: NDArray[np.float32]  # [n, n_inputs]
    device: NDArray[np.int32]  # [n]
    root: NDArray[np.float32]  # [n] of the remaining time as a share of `longest_s`, 0 where unknown
    device_weight: NDArray[np.float32]  # [n] 1 on average
    remaining_weight: NDArray[np.float32]  # [n] 0 where unknown
    charge: NDArray[np.intp]  # [n] ascending, rows of a charge in order of time


@dataclass(frozen=True)
class NetworkTask:
    """The network to be learnt: both answers from one trunk of hidden layers.

    A row's remaining time is answered as a root: root² · longest_s seconds.
    """

    inputs: Inputs
    lessons: Lessons
    n_devices: int
    longest_s: float
    seed: int
    epochs: int
    whole_weights: Callable[[], Sequence[NDArray[np.float32]]] | None  # of what all others start from, once trained
    teacher: Callable[[], Outputs]  # out-of-fold answers of the uncompressed forests to the lessons
    units: int = 128
    hidden: int = 64

    @property
    def tuning_epochs(self) -> int:
        """Epochs of a network that is trained already and was changed."""
        return max(1, self.epochs // 3)


@dataclass(frozen=True, slots=True)
class CompressedNetwork:
    """A technique's result: what is deployed, and how its answers are computed for scoring."""

    tflite: bytes  # int8; or float32 in the one row that shows it
    answer: Callable[[NDArray[np.float32], NDArray[np.intp]], Outputs]  # rows [n, n_features], charge numbers [n]
    c_files: Mapping[str, str] | None = None  # deployed in place of the .tflite's own C
    weight_bytes: int | None = None  # of what is deployed, where that is not the .tflite
    note: str = ""


def lessons_of(rows: TrainingRows, inputs: Inputs, longest_s: float) -> Lessons:
    """Training rows as a network learns them; a charge's rows weigh 1 together, early ones EARLY_WEIGHT times more."""
    weight = rows.weight(EARLY_WEIGHT)
    known = rows.remaining_s >= 0
    return Lessons(
        x=inputs.encode(rows.features),
        device=rows.device,
        root=np.sqrt(np.clip(rows.remaining_s, 0, longest_s) / longest_s).astype(np.float32),
        device_weight=(weight / weight.mean()).astype(np.float32),
        remaining_weight=(np.where(known, weight, 0) / weight[known].mean()).astype(np.float32),
        charge=rows.charge,
    )


def windows(values: NDArray[np.float32], charge: NDArray[np.intp], n_rows: int = ROWS_OF_WINDOW) -> NDArray[np.float32]:
    """The last rows of the same charge beside each row, [n, n_rows, columns], oldest first; the first row fills up."""
    starts = np.flatnonzero(np.diff(charge, prepend=-1))
    start_of = np.repeat(starts, np.diff(np.append(starts, len(charge))))
    back = np.arange(len(charge))[:, None] - np.arange(n_rows - 1, -1, -1)[None, :]
    return np.asarray(values[np.maximum(back, start_of[:, None])])
