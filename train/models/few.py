"""Remaining time from few units: what transfers, on top of the baseline, with a simulated fleet as prior or without.

Few units overfit: a forest over all features learns the cells it has seen (docs/evaluation.md, Few charges). So the
forest sees only how the charge tapers and stands against the device's own charges, and what it says is added to the
baseline, the median of what was left: where it has learnt nothing, the baseline is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import HISTORY_FEATURES, EstimateRules
from train.config import Config, Forest
from train.features import AnswerRules, feature_names
from train.models.answering import remaining_columns
from train.models.history import baseline_at, baselines, histories
from train.models.rows import TrainingRows, training_rows

FEW_UNITS = 8  # fewer are few
TRANSFERS = (
    *("elapsed_s", "current_of_max_permille", "current_ratio_60s_300s_permille", "current_ratio_300s_900s_permille"),
    *("since_current_high_s", "taper_end_s"),
)
TRANSFERS_BETWEEN_DEVICES = (*TRANSFERS, *HISTORY_FEATURES)
FOREST = Forest(rounds=40, max_depth=3, eta=0.2, min_child_weight=8.0, l2=1.0, early_weight=1.0)
PRIOR_UNITS = 12  # of each simulated device
OWN_WEIGHT = 10.0  # how many simulated charges one recorded charge counts for


@dataclass(frozen=True, slots=True)
class FewRows:
    """What a forest for few units is fitted to."""

    columns: NDArray[np.float32]  # [n, n_features + 3], NaN where a feature does not transfer
    target: NDArray[np.float32]  # [n] what the baseline lacks, in parts of the device's median duration
    weight: NDArray[np.float32]  # [n], in charges


def few_parameters(parameters: Forest) -> Forest:
    """The forest for few units; how wide its leaves are is the configuration's."""
    return replace(FOREST, leaf_bits=parameters.leaf_bits, rounds=min(FOREST.rounds, max(1, parameters.rounds * 2)))


def few_estimate(rows: TrainingRows, n_devices: int, smoothing_s: int) -> EstimateRules:
    """The rules of a model for few units."""
    return EstimateRules(
        histories(rows, n_devices),
        baselines=baselines(rows, n_devices),
        of_duration=True,
        smoothing_s=smoothing_s,
    )


def few_rows(rows: TrainingRows, estimate: EstimateRules, transfers: tuple[str, ...]) -> FewRows:
    """Rows of known remaining time as a forest for few units sees them."""
    known = rows.where(rows.remaining_s >= 0)
    rules = AnswerRules(len(estimate.histories), estimate=estimate)
    columns = remaining_columns(rules, known.features, known.device)
    names = (*feature_names(), *HISTORY_FEATURES)
    columns[:, [name not in transfers for name in names]] = np.nan
    duration = np.array([item.duration_s for item in estimate.histories], np.float64)[known.device]
    lacking = known.remaining_s - baseline_at(estimate.baselines, known.device, known.elapsed_s)
    return FewRows(columns, (lacking / duration).astype(np.float32), known.weight())


def with_prior(own: FewRows, prior: FewRows) -> FewRows:
    """Own rows among those of the prior."""
    return FewRows(
        np.concatenate([own.columns, prior.columns]),
        np.concatenate([own.target, prior.target]),
        np.concatenate([own.weight * np.float32(OWN_WEIGHT), prior.weight]),
    )


def fleet_prior(config: Config) -> FewRows:
    """Rows of the simulated fleet, each device against its own history."""
    from train.sessions.simulator import device_names, simulate

    devices = device_names()
    fleet = list(simulate(seed=config.fleet.seed, units_per_device=PRIOR_UNITS, charges_per_unit=2))
    rows = training_rows(fleet, devices)
    return few_rows(rows, few_estimate(rows, len(devices), 0), TRANSFERS_BETWEEN_DEVICES)
