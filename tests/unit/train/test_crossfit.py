"""Rows and their weights; calibration by models that have not seen the unit they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.train.fleet import charges
from train.config import Config, Forest, Forests, RemainingForest
from train.models import crossfit
from train.models.alone import fitted_to_few
from train.models.rows import TrainingRows, training_rows
from train.models.split import UnitSplit
from train.sessions.types import Charge

DEVICES = ("device0", "device1")
QUICK = Config(forest=Forests(device=Forest(rounds=1), remaining=RemainingForest(rounds=1)))


@pytest.fixture(scope="module")
def fleet() -> list[Charge]:
    return charges(2, 4, 1)


@pytest.fixture(scope="module")
def rows(fleet: list[Charge]) -> TrainingRows:
    return training_rows(fleet, DEVICES)


def test_early_rows_weigh_more_and_a_charge_one(rows: TrainingRows) -> None:
    weight = rows.weight(4.0)
    for number in np.unique(rows.charge):
        own = rows.charge == number
        early = own & (rows.elapsed_s <= 300)
        assert weight[own].sum() == pytest.approx(1)
        assert weight[early].min() == pytest.approx(4 * weight[own & ~early].max())
    assert rows.weight()[0] == pytest.approx(1 / np.count_nonzero(rows.charge == 0))


@pytest.mark.parametrize("enough", [0, 1, 100])
def test_no_unit_is_answered_by_a_model_that_saw_it(
    rows: TrainingRows, fleet: list[Charge], monkeypatch: pytest.MonkeyPatch, enough: int
) -> None:
    split = UnitSplit(
        train=tuple(f"{device}/u{unit}" for device in DEVICES for unit in (0, 1, 2)),
        calibration=("device0/u3",),
        held_out=("device1/u3",),
    )
    seen: list[set[str]] = []
    answered: list[set[str]] = []
    train, answer = crossfit.train_models, crossfit._answer

    def recorded_training(part: TrainingRows, devices: Sequence[str], config: Config, *others: Any) -> crossfit.Trained:
        seen.append({part.units[index] for index in part.unit})
        return train(part, devices, config, *others)

    def recorded_answer(part: TrainingRows, *others: Any) -> crossfit.UnseenAnswers:
        answered.append({part.units[index] for index in part.unit})
        return answer(part, *others)

    final = train(rows.of_units(split.train), DEVICES, QUICK)
    monkeypatch.setattr(crossfit, "train_models", recorded_training)
    monkeypatch.setattr(crossfit, "_answer", recorded_answer)
    config = replace(QUICK, split=replace(QUICK.split, enough_calibration_units=enough))
    unseen = crossfit.unseen_answers(rows, fleet, split, DEVICES, final, config)
    assert answered[0] == {"device0/u3"}
    if enough <= 1:
        assert (len(seen), unseen.n_units) == (0, 1)
        return
    assert [part for part in answered[1:] if not part] == []
    assert all(part & other == set() for part, other in zip(seen, answered[1:], strict=True))
    assert sorted(unit for part in answered[1:] for unit in part) == sorted(split.train)
    assert unseen.n_units == 7
    assert {fleet[number].unit_key for number in unseen.course.charge} == {*split.train, *split.calibration}
    assert (
        len(unseen.device_margin)
        == len(unseen.rows)
        == np.count_nonzero([unit != "device1/u3" for unit in np.array(rows.units)[rows.unit]])
    )


def test_few_charges_still_split() -> None:
    parameters = Forest(min_child_weight=8.0)
    assert fitted_to_few(parameters, 24).min_child_weight == 4.0
    assert fitted_to_few(parameters, 7).min_child_weight == 3.0
    assert fitted_to_few(parameters, 4000) == parameters
