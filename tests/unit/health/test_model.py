"""Capacity of units not learnt from, what is not answered, and the trend."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.health.cells import DEVICE, RATED_MAH, ageing, charge, fleet
from train.cli import main
from train.errors import ArtifactError, DatasetError
from train.health.evaluate import fit_tail, leave_units_out
from train.health.model import HealthModel, fit_health
from train.health.stored import read_model, write_model
from train.health.trend import estimate
from train.sessions.dataset import write_dataset


@pytest.fixture(scope="module")
def model() -> HealthModel:
    return fit_health(fleet(), RATED_MAH)


def test_unseen_units_by_start() -> None:
    found = leave_units_out(fleet(), fit_tail(RATED_MAH))
    empty, half = found["starts"]["empty"], found["starts"]["half full"]
    assert empty["charges"] == 45
    assert half["charges"] == 5 * 45
    assert empty["error_pct"] < 2
    assert half["error_pct"] < 7
    assert half["error_pct"] < 0.65 * half["class_mean_error_pct"]
    # 100 % of the capacity is counted but for the last of the tail, of which at most 3 % is beyond 5 % of the current.
    assert empty["counted_error_pct"] < 3
    assert found["per_unit"][f"{DEVICE}/u0"]["empty"]["charges"] == 9
    assert found["trend"]["answers"] >= 40


def test_counts_do_not_decide_for_the_estimate() -> None:
    """Health shuffled over the charges: nothing is to be learnt from them, and the error says so."""
    charges = fleet()
    told = [one.details["soh_pct"] for one in charges]
    rng = np.random.default_rng(1)
    shuffled = [
        replace(one, details={"soh_pct": str(soh)}) for one, soh in zip(charges, rng.permutation(told), strict=True)
    ]
    found = leave_units_out(shuffled, fit_tail(RATED_MAH))
    assert found["starts"]["empty"]["error_pct"] > 4


def test_what_is_not_answered(model: HealthModel) -> None:
    found = list(
        estimate(
            model,
            [
                charge("a", "x", 0.9, 0.12),
                charge("b", "x", 0.9, 0.12, ambient=40),
                charge("c", "x", 0.9, 0.4),  # a resistance that no unit had
                charge("d", "x", 0.9, 0.12, start=0.97),  # begins within its tail
                charge("e", "x", 0.9, 0.12, start=0.5),
            ],
        )
    )
    assert [one.flag for one in found] == ["", "temperature", "out_of_family", "no_whole_tail", ""]
    assert [one.start for one in found] == ["empty", *["unanswered"] * 3, "late"]
    assert all((one.trend is None) == (one.start == "unanswered") for one in found)


def test_trend_narrows_follows_and_flags(model: HealthModel) -> None:
    before = [charge(f"{k:02d}", "x", 0.93 - 0.002 * k, 0.12) for k in range(8)]
    found = list(estimate(model, [*before, charge("99", "x", 0.72, 0.17)]))
    assert not any(one.flag for one in found[:-1])
    assert found[-1].flag == "jump"
    widths = [one.high - one.low for one in found if one.high is not None and one.low is not None]
    assert widths[7] <= widths[0]
    assert found[7].trend == pytest.approx(0.93 - 0.002 * 7, rel=0.03)


def test_too_little_to_learn_from() -> None:
    with pytest.raises(DatasetError, match=r"18 charges of paper_cell .* at least 3 units"):
        fit_health([*ageing("a", 0.1, 0.5), *ageing("b", 0.12, 0.5)], RATED_MAH)
    with pytest.raises(DatasetError, match=r"without paper_cell/u0: .* have 4 or more"):
        leave_units_out([one for one in fleet() if one.unit in ("u0", "u1", "u2")], fit_tail(RATED_MAH))


def test_stored_and_read_again(model: HealthModel, tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    write_model(path, model)
    again = read_model(path)
    one = [charge("a", "x", 0.81, 0.13)]
    assert list(estimate(again, one)) == list(estimate(model, one))
    values = json.loads(path.read_text(encoding="utf-8"))
    damages: tuple[dict[str, Any], ...] = (
        {"schema": 2},
        {"late": {}},
        {"plateau_ma": 0},
        {"empty": {**values["empty"], "weights": [1.0]}},
    )
    for damage in damages:
        path.write_text(json.dumps({**values, **damage}), encoding="utf-8")
        with pytest.raises(ArtifactError, match="health"):
            read_model(path)
    path.write_text("no", encoding="utf-8")
    with pytest.raises(ArtifactError, match="not JSON"):
        read_model(path)


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, file = str(tmp_path / "data"), str(tmp_path / "health.json")
    write_dataset(tmp_path / "data", fleet())
    rated = ["--rated-mah", "2000"]
    assert main(["health", "evaluate", "--data", data, *rated]) == 0
    table = capsys.readouterr().out
    assert "half full" in table
    assert "class mean" in table
    assert main(["health", "fit", "--data", data, *rated, "--out", file]) == 0
    assert "5 units" in capsys.readouterr().out
    assert main(["health", "show", "--model", file, "--data", data, "--unit", "u2", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert list(shown["units"]) == ["u2"]
    assert shown["units"]["u2"][0]["trend"] == pytest.approx(0.98, rel=0.03)
    assert main(["health", "show", "--model", file, "--data", data, "--unit", "none"]) == 2
    assert main(["health", "fit", "--data", data, "--rated-mah", "0", "--out", file]) == 2
    assert "--rated-mah" in capsys.readouterr().err
