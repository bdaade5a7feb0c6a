"""Comparisons of trainings: what is left out was never learnt from, what is told helps, and a split by row flatters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.train.fleet import charges
from train.config import Config, Forests, RemainingForest, Split
from train.evaluate.bounds import bounds
from train.evaluate.left_out import left_out
from train.evaluate.moments import moments
from train.evaluate.twins import twins
from train.sessions.types import Charge

FOREST = RemainingForest(rounds=4, max_depth=3, eta=0.5, min_child_weight=0.1)
CONFIG = Config(split=Split(enough_calibration_units=1), forest=Forests(device=FOREST, remaining=FOREST))


def with_soc(charge: Charge) -> Charge:
    """The charge with a level that tells how long it has to go: a point for each minute and a half."""
    full = charge.full_t_ms or 0
    left_min = np.maximum(0, full - charge.t_ms.astype(np.int64)) / 60_000
    return replace(charge, soc_pct=(100 - left_min / 1.5).clip(0, 100).astype(np.float32))


def test_moments_hold_the_row_in_force() -> None:
    found = moments([with_soc(charge) for charge in charges(1, 2, 1)], ["device0"])
    assert np.unique(found.rows.charge[found.at(60)]).tolist() == found.rows.charge[found.at(60)].tolist() == [0, 1]
    assert found.rows.elapsed_s[found.at(60)].tolist() == [60, 60]
    first = found.rows.charge == 0
    assert found.lasts_s[first][:-1].tolist() == np.diff(found.rows.elapsed_s[first]).tolist()
    values = found.rows.elapsed_s.astype(np.float64)
    means = found.mean(np.where(found.rows.charge == 0, values, np.nan))
    assert means["60s"] == 60
    assert means["overall"] == pytest.approx(np.average(values[first], weights=found.lasts_s[first]))
    level = 100 - found.rows.remaining_s / 90
    assert found.soc_pct == pytest.approx(level.clip(0, 100), abs=0.02)


def test_what_is_told_helps_and_a_split_by_row_flatters() -> None:
    table = {row["model"]: row for row in bounds([with_soc(c) for c in charges(3, 8, 3)], CONFIG, lambda _: None)}
    assert list(table) == [
        "baseline",
        "as on the board",
        "unbounded float",
        "unbounded, SoC given",
        "leaky: split by row",
    ]
    minutes = {name: row["mae_minutes"]["overall"] for name, row in table.items()}
    assert minutes["unbounded, SoC given"] < 0.5 * minutes["unbounded float"]
    assert minutes["leaky: split by row"] < 0.8 * minutes["unbounded float"]
    assert table["unbounded float"]["accuracy"]["60s"] == 1.0
    without = [replace(charge, soc_pct=None) for charge in charges(3, 6, 2)]
    assert "unbounded, SoC given" not in [row["model"] for row in bounds(without, CONFIG, lambda _: None)]


def test_a_device_left_out_is_strange_unless_it_has_a_twin() -> None:
    """Four devices of their own, and a fifth that is the first under another name."""
    own = charges(4, 8, 3)
    twin = [replace(c, device="twin", session=f"t{c.session}", unit=f"t{c.unit}") for c in own if c.device == "device0"]
    table = {row["device"]: row for row in left_out([*own, *twin], CONFIG, lambda _: None)}
    assert table["device3"]["auroc"] > 0.9
    assert (table["twin"]["taken_for"], table["twin"]["taken"]) == ("device0", 1.0)
    assert table["twin"]["auroc"] < 0.8
    assert table["twin"]["charges"] == 24
    assert table["device3"]["bound"] == 1.0
    assert table["twin"]["bound"] < 1.0


def test_what_is_set_apart_counts_no_more() -> None:
    every = charges(3, 8, 3)
    board = bounds(every, CONFIG, lambda _: None, lambda one: one.device != "device1")[1]
    alone = bounds(every, CONFIG, lambda _: None)[1]
    assert alone["accuracy_apart"] == alone["accuracy"] == board["accuracy"]
    of_all = bounds(every, CONFIG, lambda _: None, lambda _: True)[1]
    assert of_all["accuracy_apart"] == {}
    assert set(board["accuracy_apart"]) == set(board["accuracy"])


def test_two_devices_are_told_apart_as_far_as_their_samples_go() -> None:
    """On one charger the second takes more; on the other both are the same but for their name."""
    plain = [
        replace(one, charger="shared" if number % 2 else "own")
        for unit in range(24)
        for number, one in enumerate(charges(1, 1, 2))
        for one in (replace(one, unit=f"u{unit}", session=f"{unit}-{number}"),)
    ]
    twin = [
        replace(
            one,
            device="device9",
            session=f"twin{one.session}",
            current_ma=one.current_ma + (200 if one.charger == "own" else 0),
        )
        for one in plain
    ]
    rows = {row["charger"]: row for row in twins([*plain, *twin], Config(), lambda _: None)}
    assert list(rows) == ["own", "shared", "all"]
    assert rows["own"]["accuracy"] == {"10s": 1.0, "30s": 1.0, "60s": 1.0}
    assert rows["shared"]["accuracy"]["60s"] == 0.5
    assert rows["all"]["accuracy"]["60s"] == 0.75
    assert rows["all"]["charges"] == rows["own"]["charges"] + rows["shared"]["charges"]
