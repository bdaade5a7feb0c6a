"""Remaining time from several units, though few: a Gaussian process, and a forest that says on the board what it says.

A forest fitted to few units steps between the charges it has seen, and another unit's lie beyond the steps. A process
is smooth, and returns to the baseline where nothing like a charge was seen. What is left is taken as the baseline plus

    f(x) + s(x) · (u(x) + c(x)) + noise

with f shared by all units, u of each unit and c of each charge: draws of the same smooth kind. s falls with the square
of what the current has left to decay: whatever sets a unit or a charge apart, little of it is left near the end. Only f
is carried over to another unit; u and c make it cautious where all that speaks is one unit's, or one charge's.

Variances and length are in units of f's variance and of each coordinate's spread: chosen by leaving out each
pair of six recorded cells in turn, and flat around what was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import EstimateRules
from train.config import Config, Forest
from train.features import feature_names
from train.models.alone import fitted_to_few
from train.models.few import FOREST, TRANSFERS, FewRows, few_parameters, few_rows
from train.models.forest import load_forest, train_labelled_forest, train_remaining_forest
from train.models.rows import TrainingRows

FOREST_OF_PROCESS = replace(FOREST, rounds=40, max_depth=4, eta=0.3, min_child_weight=0.3)
LENGTH = 2.0
UNIT_VARIANCE = CHARGE_VARIANCE = 1.0
NOISE_VARIANCE = 0.01
LEAST_SPREAD = 0.05  # of a coordinate: what hardly varies tells nothing
POINTS_MAX = 1200  # that the process rests on: its cost is their cube
POINTS_OF_CHARGE = 14
EARLY_S = (60, 300)
BEGUN_S = 30  # by then the current has risen
DECAY_TO_FULL = float(np.log(20))  # full is a twentieth of the largest current
TAIL = 1.2816  # standard deviations from the median to the 10 and 90 % quantiles

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Process:
    """What the process has learnt."""

    centre: Floats  # [n_coordinates]
    spread: Floats
    points: Floats  # [n, n_coordinates] scaled
    coefficient: Floats  # [n]
    inverse: Floats  # [n, n] of the points' covariance
    variance: float  # of f

    def quantiles(self, coordinates: Floats) -> Floats:
        """The 10, 50 and 90 % of what the baseline lacks for another unit, [n, 3]; coordinates [n, n_coordinates]."""
        covariance = _smooth((coordinates - self.centre) / self.spread, self.points)
        median = covariance @ self.coefficient
        known = np.einsum("ij,ij->i", covariance @ self.inverse, covariance)
        apart = (UNIT_VARIANCE + CHARGE_VARIANCE) * _apart(coordinates) ** 2
        tail = TAIL * np.sqrt(self.variance * np.maximum(1 - known + apart + NOISE_VARIANCE, NOISE_VARIANCE))
        return np.stack([median - tail, median, median + tail], axis=1)


def several_units(rows: TrainingRows) -> bool:
    """Whether a device has more than one unit: only then is there something to carry over from one to another."""
    known = rows.where(rows.remaining_s >= 0)
    return len(np.unique(known.unit)) > len(np.unique(known.device))


def process_forest(rows: TrainingRows, config: Config, estimate: EstimateRules, *, smooth: bool = True) -> bytes:
    """The forest for the remaining time of another unit, as XGBoost saves it.

    It says what the process says, or without `smooth` what a plain forest does once a charge has begun: before that a
    current which still rises looks like one that decays, and a plain forest takes it for that.
    """
    known = rows.where(rows.remaining_s >= 0)
    shown = few_rows(known, estimate, TRANSFERS)
    coordinates = coordinates_of(known, estimate)
    found = fit_process(known, coordinates, shown.target.astype(np.float64))
    labels = found.quantiles(coordinates).astype(np.float32)
    if not smooth:
        begun = known.elapsed_s >= BEGUN_S
        labels[begun] = _plain_quantiles(shown, len(np.unique(known.charge)), config)[begun]
    parameters: Forest = few_parameters(config.forest.remaining, FOREST_OF_PROCESS)
    return train_labelled_forest(shown.columns, labels, shown.weight, parameters, config.forest.seed)


def _plain_quantiles(shown: FewRows, n_charges: int, config: Config) -> NDArray[np.float32]:
    """What a plain forest fitted to rows says of them, [n, 3] in order."""
    parameters = fitted_to_few(few_parameters(config.forest.remaining, FOREST), n_charges)
    data = train_remaining_forest(shown.columns, shown.target, shown.weight, parameters, config.forest.seed)
    width = shown.columns.shape[1]
    forest = load_forest(data, where="training", objective="reg:quantileerror", n_features=width, n_outputs=3)
    return np.sort(forest.margins(shown.columns), axis=1).astype(np.float32)


def fit_process(rows: TrainingRows, coordinates: Floats, lacking: Floats) -> Process:
    """The process of some rows of known remaining time: what the baseline `lacking` [n] is at `coordinates`."""
    chosen = _points(rows)
    at, y = coordinates[chosen], lacking[chosen]
    centre, spread = at.mean(axis=0), np.maximum(at.std(axis=0), LEAST_SPREAD)
    points = (at - centre) / spread
    smooth = _smooth(points, points)
    unit, charge, apart = rows.unit[chosen], rows.charge[chosen], _apart(at)
    same = UNIT_VARIANCE * (unit[:, None] == unit) + CHARGE_VARIANCE * (charge[:, None] == charge)
    covariance = smooth * (1 + same * apart[:, None] * apart) + NOISE_VARIANCE * np.eye(len(points))
    inverse = np.linalg.inv(covariance)
    coefficient = inverse @ y
    return Process(centre, spread, points, coefficient, inverse, float(y @ coefficient) / len(y))


def coordinates_of(rows: TrainingRows, estimate: EstimateRules) -> Floats:
    """Where rows stand in a charge, [n, 5]; no matter how large the device and how long it takes.

    What the current has left to decay until full, as a logarithm; the rate at which it decays, as two pairs of running
    means have it (docs/design.md, Taper); the time since it was high and the time gone by. Times and rates are in parts
    of the device's median duration.
    """
    duration = np.array([item.duration_s for item in estimate.histories], np.float64)[rows.device]
    current, highest = _feature(rows, "current_mean_60s_ma"), _feature(rows, "current_max_ma")
    return np.stack(
        [
            np.log(np.maximum(current / np.maximum(50.0, highest / 20), 0.9)),
            duration * _rate(_feature(rows, "current_ratio_60s_300s_permille"), 60.0, 300.0),
            duration * _rate(_feature(rows, "current_ratio_300s_900s_permille"), 300.0, 900.0),
            _feature(rows, "since_current_high_s") / duration,
            rows.elapsed_s / duration,
        ],
        axis=1,
    )


def _feature(rows: TrainingRows, name: str) -> Floats:
    return rows.features[:, feature_names().index(name)].astype(np.float64)


def _rate(permille: Floats, short_s: float, long_s: float) -> Floats:
    """Rate of decay, a second, at which two filters stand so; 0 where the current rises or nothing is known."""
    ratio = np.minimum(np.nan_to_num(permille, nan=1000.0) / 1000, 1.0)
    return np.minimum((1 - ratio) / (long_s - short_s * ratio), 1 / 300)


def _apart(coordinates: Floats) -> Floats:
    return np.clip((coordinates[:, 0] + 0.1) / DECAY_TO_FULL, 0.05, 1.0) ** 2


def _smooth(a: Floats, b: Floats) -> Floats:
    """exp(-d² / 2 LENGTH²) between scaled points, [len(a), len(b)]."""
    square = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1) - 2 * a @ b.T
    return np.asarray(np.exp(-np.maximum(square, 0) / (2 * LENGTH**2)))


def _points(rows: TrainingRows) -> NDArray[np.intp]:
    """Numbers of the rows that the process rests on: as many of each charge, evenly over its time, and early ones."""
    numbers = np.unique(rows.charge)
    numbers = numbers[:: max(1, -(-len(numbers) * 3 // POINTS_MAX))]
    n = max(3, min(POINTS_OF_CHARGE, POINTS_MAX // len(numbers)))
    found = []
    for number in numbers:
        own = np.flatnonzero(rows.charge == number)
        elapsed = rows.elapsed_s[own]
        times = np.concatenate([EARLY_S[: n - 3], np.linspace(0.03, 0.97, n - len(EARLY_S[: n - 3])) * elapsed[-1]])
        found.append(own[np.unique(np.searchsorted(elapsed, times).clip(0, len(own) - 1))])
    return np.concatenate(found)
