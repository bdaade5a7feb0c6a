"""Remaining time from few units: what transfers, on top of the baseline, with a simulated fleet as prior or without.

Few units overfit: a forest over all features learns the cells it has seen (docs/evaluation.md, Few charges). So the
forest sees only how the charge tapers and stands against the device's own charges, and what it says is added to the
baseline, the median of what was left: where it has learnt nothing, the baseline is the answer.

The prior is made of few charges too: every unit of the simulated fleet is held against a handful of its own, as the
owner's device will be, so that the forest learns how far such a history can be trusted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import HISTORY_FEATURES, EstimateRules
from train.config import Config, Forest
from train.features import AnswerRules, feature_names
from train.models.answering import remaining_columns
from train.models.history import baseline_at, baselines, histories
from train.models.rows import TrainingRows, training_rows
from train.sessions.limits import until_full

FEW_UNITS = 8  # fewer are few
TRANSFERS = (
    *("elapsed_s", "current_of_max_permille", "current_ratio_60s_300s_permille", "current_ratio_300s_900s_permille"),
    *("since_current_high_s", "taper_end_s"),
)
TRANSFERS_BETWEEN_DEVICES = (*TRANSFERS, *HISTORY_FEATURES)
OF_ONE_UNIT = (
    *("elapsed_s", "current_mean_60s_ma", "current_mean_300s_ma", "voltage_mean_60s_mv", "charge_mah", "energy_mwh"),
    *("current_ratio_60s_300s_permille", "current_ratio_300s_900s_permille", "current_of_max_permille"),
    *("since_current_high_s", "taper_end_s", "voltage_drift_60s_300s_mv", "plateau_ma", "power_max_mw"),
    *HISTORY_FEATURES,
)  # what tells how far a charge has come, where all charges are of the unit that will be answered
FOREST = Forest(rounds=30, max_depth=3, eta=0.2, min_child_weight=8.0, l2=1.0, early_weight=1.0)
DEVICE_FOREST = Forest(rounds=12, max_depth=5, eta=0.5, gamma=0.8, min_child_weight=0.2, early_weight=10.0)
FOREST_ON_PRIOR = replace(FOREST, rounds=60, eta=0.25)
PRIOR_UNITS = 12  # of each simulated device
PRIOR_HISTORY = 5  # charges of a unit that the others are held against
PRIOR_CHARGES = PRIOR_HISTORY + 3  # of a unit
OWN_WEIGHT = 30.0  # how many simulated charges one recorded charge counts for


@dataclass(frozen=True, slots=True)
class FewRows:
    """What a forest for few units is fitted to."""

    columns: NDArray[np.float32]  # [n, n_features + 3], NaN where a feature does not transfer
    target: NDArray[np.float32]  # [n] what the baseline lacks, in parts of the device's median duration
    weight: NDArray[np.float32]  # [n], in charges

    def joined(self, *others: FewRows) -> FewRows:
        """All rows of these and the others, in order."""
        parts = (self, *others)
        return FewRows(*(np.concatenate([getattr(part, name) for part in parts]) for name in FewRows.__slots__))


def few_config(config: Config) -> Config:
    """The configuration for few units: what prunes and refines large forests is not meant for these.

    How many rounds at most, and how wide leaves are (`few_leaf_bits`), is still the configuration's.
    """
    forest, width = config.forest, config.forest.few_leaf_bits
    device = few_parameters(replace(forest.device, leaf_bits=width), DEVICE_FOREST)
    remaining = replace(forest.remaining, leaf_bits=width, kept_splits=1.0, kept_tails=1.0, refined=False)
    return replace(config, forest=replace(forest, device=device, remaining=remaining))


def few_parameters(parameters: Forest, few: Forest) -> Forest:
    """A forest `few` for few units; how wide its leaves are, and that a quick one is wanted, is the configuration's."""
    return replace(few, leaf_bits=parameters.leaf_bits, rounds=min(few.rounds, max(1, parameters.rounds * 4)))


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
    return replace(own, weight=own.weight * np.float32(OWN_WEIGHT)).joined(prior)


def fleet_prior(config: Config, without: Collection[str] = ()) -> FewRows:
    """Rows of the simulated fleet but for the devices `without`, each unit against PRIOR_HISTORY of its own charges."""
    rows = _fleet_rows(config.fleet.seed, PRIOR_UNITS)
    units = {unit for unit in rows.units if unit.partition("/")[0] not in without}
    first, *others = _episodes(rows.of_units(units))
    return first.joined(*others)


@lru_cache(maxsize=1)
def _fleet_rows(seed: int, units_per_device: int) -> TrainingRows:
    from train.sessions.simulator import device_names, simulate

    fleet = list(simulate(seed=seed, units_per_device=units_per_device, charges_per_unit=PRIOR_CHARGES))
    return training_rows(until_full(fleet), device_names())


def _episodes(rows: TrainingRows) -> Iterator[FewRows]:
    """Of each unit, the charges after its first ones as few_rows; nothing of a unit that has no full one in either."""
    alone = replace(rows, device=np.zeros_like(rows.device))
    for unit in range(len(rows.units)):
        own = alone.where(alone.unit == unit)
        first = np.isin(own.charge, np.unique(own.charge)[:PRIOR_HISTORY])
        past, later = own.where(first), own.where(~first)
        if np.any(past.remaining_s >= 0) and np.any(later.remaining_s >= 0):
            yield few_rows(later, few_estimate(past, 1, 0), TRANSFERS_BETWEEN_DEVICES)
