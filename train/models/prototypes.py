"""How charges of each device begin: what an unknown device is told by.

The charges of a device fall into groups, by charger above all. Each group is a prototype: the medians of some features
that are settled after the first half minute. A charge is unfamiliar when it lies far from every prototype of the
device it was taken for (docs/artifact.md, Unfamiliarity).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import Prototypes
from train.features import feature_names
from train.models.rows import TrainingRows

FEATURES = (
    *("current_at_0s_ma", "current_at_2s_ma", "current_at_4s_ma", "current_at_7s_ma", "current_at_15s_ma"),
    *("current_first_10s_ma", "current_max_ma", "current_rise_max_ma"),
    *("voltage_first_step_s", "voltage_max_mv", "power_max_mw"),
)
FROM_S = 30  # BEGUN_MS of the core
PROTOTYPES_MAX = 5  # of one device
LEAST_CHARGES = 3  # of a prototype
LEAST_SPREAD = 0.005  # of a centre: sensors and shunts differ by about that much
ROUNDS = 30
STARTS = 4
REPEATS = 3


def fit_prototypes(rows: TrainingRows, n_devices: int, seed: int) -> Prototypes | None:
    """Prototypes of each device; None when one of them has too few charges to tell its usual from its rare."""
    begun = rows.where(rows.elapsed_s >= FROM_S)
    columns = [feature_names().index(name) for name in FEATURES]
    values = np.nan_to_num(begun.features[:, columns].astype(np.float64))
    shifts = _shifts(values)
    values = np.trunc(values / 2.0**shifts)
    centres, weights = [], []
    for device in range(n_devices):
        own = begun.device == device
        if len(np.unique(begun.charge[own])) < LEAST_CHARGES:
            return None
        centre, weight = _of_device(values[own], begun.charge[own], np.random.default_rng([seed, device]))
        centres.append(centre)
        weights.append(weight)
    return Prototypes(FEATURES, tuple(map(int, shifts)), tuple(centres), tuple(weights), 0)


def _shifts(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The least shifts that bring each column within 16 bits."""
    largest = np.abs(values).max(axis=0, initial=1.0)
    return np.asarray(np.maximum(0, np.ceil(np.log2((largest + 1) / 32768.0))), np.int64)


def _of_device(
    values: NDArray[np.float64], charge: NDArray[np.intp], random: np.random.Generator
) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """Centres of one device's prototypes, and weights of its features."""
    group = _tightest_groups(values, random)
    kept = [k for k in np.unique(group) if len(np.unique(charge[group == k])) >= LEAST_CHARGES]
    kept = kept or [int(np.bincount(group).argmax())]
    own = np.isin(group, kept)
    centre = np.array([np.median(values[group == k], axis=0) for k in kept])
    variance = _variance_within(values[own], group[own]) + (LEAST_SPREAD * np.abs(centre).max(axis=0)) ** 2 + 1
    weight = np.clip(np.rint(65536 / np.sqrt(variance)), 1, 65535)
    return tuple(tuple(map(int, row)) for row in np.rint(centre)), tuple(map(int, weight))


def _variance_within(values: NDArray[np.float64], group: NDArray[np.intp]) -> NDArray[np.float64]:
    """Variance [features] of values [n, features] around the medians of their groups, two in a hundred cut off at
    either end."""
    apart = np.concatenate([values[group == k] - np.median(values[group == k], axis=0) for k in np.unique(group)])
    low, high = np.quantile(apart, [0.02, 0.98], axis=0)
    variance: NDArray[np.float64] = (np.clip(apart, low, high) ** 2).mean(axis=0)
    return variance


def _tightest_groups(values: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.intp]:
    """Group numbers [n] of values [n, features]: the tightest of STARTS.

    What sets groups apart is many times what units differ by, and not alike for all features: k-means is repeated in
    units of the spread within the groups it found, which is a mixture of Gaussians of one diagonal covariance by
    classification EM (Celeux, Govaert 1992). The tightest has the least logarithm of that covariance's determinant.
    """
    least = (LEAST_SPREAD * np.abs(values).max(axis=0)) ** 2 + 1
    found: list[tuple[float, NDArray[np.intp]]] = []
    for _ in range(STARTS):
        spread = values.std(axis=0) + 0.01 * np.abs(values).max(axis=0) + 2
        group = _moved(values / spread, _starts(values / spread, random))
        for _ in range(REPEATS):
            points = values / np.sqrt(_variance_within(values, group) + least)
            group = _moved(points, np.array([points[group == k].mean(axis=0) for k in np.unique(group)]))
        found.append((float(np.log(_variance_within(values, group) + least).sum()), group))
    return min(found, key=lambda one: one[0])[1]


def _starts(points: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """PROTOTYPES_MAX of points [n, features], or all there are, far from each other: k-means++ (Arthur, Vassilvitskii
    2007)."""
    centres: NDArray[np.float64] = points[random.integers(len(points))][None, :]
    while len(centres) < PROTOTYPES_MAX:
        nearest = _distances(points, centres).min(axis=1)
        if nearest.sum() <= 0:
            break
        centres = np.vstack([centres, points[random.choice(len(points), p=nearest / nearest.sum())]])
    return centres


def _moved(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.intp]:
    """Group numbers [n] of points [n, features] once the centres have moved to their means: Lloyd's k-means."""
    for _ in range(ROUNDS):
        group = _distances(points, centres).argmin(axis=1)
        moved = np.array(
            [points[group == k].mean(axis=0) if np.any(group == k) else centres[k] for k in range(len(centres))]
        )
        if np.array_equal(moved, centres):
            break
        centres = moved
    return np.asarray(_distances(points, centres).argmin(axis=1), np.intp)


def _distances(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances [n, centres]."""
    squares = (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
    return np.asarray(np.maximum(squares, 0), np.float64)
