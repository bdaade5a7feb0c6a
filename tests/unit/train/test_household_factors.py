"""Interval factors, kinds of households, and what an energy says about which car it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from train.artifact_household import STAGES
from train.features.household import COLUMNS, HouseholdAnswers, answer_charge
from train.features.vehicle import vehicle_feature_names
from train.household.answered import KINDS, Answered, Tables, by_car
from train.household.bound import bound, energies_to_come
from train.household.calibrate import OPEN, OPEN_FACTORS
from train.household.enrol import any_other
from train.household.factors import LEAST_CHARGES, fitted
from train.household.figures import baseline_of
from train.household.history import Past, pasts_of
from train.household.pooled import load_pooled
from train.household.times import energy_at_end_wh
from train.sessions.simulator.ev import simulate_households

ENERGY_3 = STAGES.index("energy_3")


def _past(elapsed_s: NDArray[np.int64], energy_wh: NDArray[np.int64], done_s: float) -> Past:
    x = np.full((len(elapsed_s), len(vehicle_feature_names())), -(2**31), np.int32)
    told: dict[str, NDArray[np.int64] | int] = {"elapsed_s": elapsed_s, "energy_wh": energy_wh, "power_w": 11_000}
    told |= {"current_ma": 16_000, "active_phases": 3, "plateau_ma": 16_000, "plateau_dwell_s": 600, "pilot_ma": 16_000}
    for name, values in told.items():
        x[:, vehicle_feature_names().index(name)] = values
    return Past("s", "car", "home", direct=False, ended="full", x=x, done_s=done_s, target_soc_pct=None)


def test_factors_hold_their_levels_and_learn_what_is_added() -> None:
    """Times that are off by a factor and by some seconds: both are found, and 80 % lie between the outer levels."""
    random = np.random.default_rng(3)
    answered, true, said = [], [], []
    for _ in range(3 * LEAST_CHARGES):
        elapsed = np.arange(0, 3000, 60)
        past = _past(elapsed, elapsed * 3, float(elapsed[-1] + random.integers(60, 3000)))
        left = (past.done_s or 0.0) - elapsed
        table = np.zeros((len(elapsed), len(COLUMNS)), np.int32)
        table[:, COLUMNS.index("stage")] = ENERGY_3
        guess = np.maximum((left * random.uniform(0.98, 1.02) - 40) / 1.5, 1)
        for column in ("done_10_s", "done_50_s", "done_90_s"):
            table[:, COLUMNS.index(column)] = np.rint(guess)
        answered.append(Answered(past, 0, ("car",), HouseholdAnswers(table, np.zeros((len(elapsed), 8), np.uint32))))
        true.append(left)
        said.append(table[:, COLUMNS.index("done_50_s")])
    factors = fitted(answered, OPEN_FACTORS)
    low, middle, high = (factors.done_q10[3 * ENERGY_3 + q] / 1024 for q in range(3))
    plus = factors.done_plus_s[3 * ENERGY_3 : 3 * ENERGY_3 + 3]
    assert low <= middle <= high
    assert middle == pytest.approx(1.5, rel=0.05)
    assert plus[1] == pytest.approx(40, abs=20)
    all_true, all_said = np.concatenate(true), np.concatenate(said)
    inside = (all_said * low + plus[0] <= all_true) & (all_true <= all_said * high + plus[2])
    assert inside.mean() == pytest.approx(0.8, abs=0.03)
    assert factors.target_q10 == OPEN_FACTORS.target_q10  # no state of charge was told
    few = fitted(answered[: LEAST_CHARGES - 1], OPEN_FACTORS)
    assert few == OPEN_FACTORS


def test_kinds_have_their_factors() -> None:
    pooled = load_pooled()
    assert set(pooled.factors) == set(KINDS)
    table = any_other(pooled)
    kinds = {
        Tables(("a",), (table, table), 500, distinct=distinct, limited_share=share).kind
        for distinct in (False, True)
        for share in (None, 0.2, 0.5)
    }
    assert kinds == set(KINDS)


def test_a_car_that_has_taken_more_than_it_ever_does_loses_its_weight() -> None:
    """Two cars of one signature: once the smaller one's usual energy is exceeded, the time is the larger one's."""
    pooled = load_pooled()
    small = replace(any_other(pooled), energy_wh=tuple(range(9_000, 12_400, 200)), usual_end_pct=(80,) * 6)
    large = replace(small, energy_wh=tuple(range(39_000, 42_400, 200)))
    elapsed = np.arange(0, 8000, 60)
    past = _past(elapsed, elapsed * 3, 9000.0)
    both = answer_charge((small, large, small), OPEN, past.x)
    alone = answer_charge((large, large), OPEN, past.x)
    before, after = 10_000 // 180, 13_000 // 180
    assert both.column("possible")[after] == 3  # the set goes by what was drawn, not by how much
    assert both.done_s[after, 1] == pytest.approx(alone.done_s[after, 1], rel=0.01)
    assert both.done_s[0, 1] < 0.7 * alone.done_s[0, 1]
    assert alone.done_s[before, 1] > both.done_s[before, 1]


def test_the_bound_knows_what_a_car_takes() -> None:
    """Energies drawn from its arrivals lie around those of its charges, and what is left is the middle of the rest."""
    charges = simulate_households(seed=5, households=1, cars_each=2, charges_per_car=6, period_ms=60_000)
    household = by_car(list(pasts_of(charges)))
    energies = energies_to_come(household, seed=5, index=0, cars=2, different=False)
    assert set(energies) == set(household)
    for car, past in household.items():
        own = [energy_at_end_wh(one) for one in past if one.done_s is not None]
        assert (np.diff(energies[car]) >= 0).all()
        assert energies[car][0] <= np.median(own) <= energies[car][-1]
        inside = (energies[car][10] <= own) & (own <= energies[car][-10])
        assert inside.mean() > 0.7
    answered = [
        Answered(one, 0, tuple(household), HouseholdAnswers(np.zeros((0, 0), np.int32), np.zeros((0, 8), np.uint32)))
        for past in household.values()
        for one in past
    ]
    baselines = {car: baseline_of(past) for car, past in household.items()}
    found = bound(answered, energies, baselines)
    assert found is not None
    assert 0 < found[0] < 1.5
    assert bound([], energies, baselines) is None
