"""The split: by unit, complete, repeatable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.errors import TrainError
from train.models.split import folds, split_units

fleets = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 12), min_size=1).map(
    lambda counts: [f"{device}/u{number}" for device, n in sorted(counts.items()) for number in range(n)]
)


def counts(units: tuple[str, ...], device: str) -> int:
    return sum(unit.startswith(f"{device}/") for unit in units)


@given(fleets, st.integers(0, 5), st.randoms())
def test_every_unit_is_in_one_part_whatever_the_order(units: list[str], seed: int, random: object) -> None:
    split = split_units(units, seed=seed)
    parts = [*split.train, *split.calibration, *split.held_out]
    assert sorted(parts) == sorted(units)
    shuffled = units * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert split_units(shuffled, seed=seed) == split


@given(fleets, st.integers(0, 5))
def test_each_device_trains_and_few_units_are_enough(units: list[str], seed: int) -> None:
    split = split_units(units, seed=seed)
    for device in {unit[0] for unit in units}:
        n = counts(tuple(units), device)
        assert counts(split.train, device) >= 1
        assert (counts(split.held_out, device) >= 1) == (n >= 2)
        assert (counts(split.calibration, device) >= 1) == (n >= 4)


def test_shares() -> None:
    split = split_units([f"phone/{number}" for number in range(100)])
    assert (len(split.train), len(split.calibration), len(split.held_out)) == (60, 20, 20)
    assert split_units([f"phone/{number}" for number in range(100)], seed=2).held_out != split.held_out


def test_a_unit_s_part_does_not_depend_on_other_devices() -> None:
    phones = [f"phone/{number}" for number in range(10)]
    alone, together = split_units(phones), split_units([*phones, "car/1", "car/2"])
    assert alone.held_out == tuple(unit for unit in together.held_out if unit.startswith("phone/"))


def test_named_units_are_held_out_and_no_others() -> None:
    units = [f"{device}/{number}" for device in ("car", "phone") for number in range(6)]
    split = split_units(units, hold_out=["car/3"])
    assert split.held_out == ("car/3",)
    assert split.calibration
    whole_device = split_units(units, hold_out=[unit for unit in units if unit.startswith("car")])
    assert {unit[:3] for unit in whole_device.train} == {"pho"}


def test_refusals() -> None:
    with pytest.raises(TrainError, match="phone/9: no such unit"):
        split_units(["phone/1", "phone/2"], hold_out=["phone/9"])
    with pytest.raises(TrainError, match="none is left to train on"):
        split_units(["phone/1"], hold_out=["phone/1"])


@given(fleets, st.integers(2, 6))
def test_folds_leave_each_unit_out_once_and_never_a_whole_device(units: list[str], n_folds: int) -> None:
    groups = folds(units, n_folds, 1)
    left_out = [unit for group in groups for unit in group]
    assert len(left_out) == len(set(left_out))
    assert set(left_out) == {unit for unit in units if counts(tuple(units), unit[0]) >= 2}
    for group in groups:
        assert {unit[0] for unit in set(units) - group} == {unit[0] for unit in units}
