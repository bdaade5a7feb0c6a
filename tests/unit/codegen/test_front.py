"""The compression study in builds: the point within a budget, what a KB more buys, rows that are stale."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from codegen.arguments import at_least_one
from codegen.budget import Budget
from codegen.errors import BudgetError, ModelError
from codegen.front import Refused, choose_point, compression_rows, front_points, read_study

CORE = {"flash_bytes": 4000, "ram_bytes": 300, "instructions_max": 1000}


def model(flash: int, instructions: int, **quality: float) -> dict[str, Any]:
    return {
        "technique": "retrain_small",
        "title": "retraining small",
        "label": f"{flash} bytes",
        "settings": {"rounds": flash},
        "flash_bytes": flash,
        "ram_bytes": 80,
        "instructions_mean": instructions / 2,
        "instructions_max": instructions,
        **quality,
    }


STUDY: dict[str, Any] = {
    "schema": 1,
    "commit": "abc",
    "command": "python -m train compare",
    "data_hash": "sha256:1",
    "target": "rv32imc",
    "core": CORE,
    "rows": [{"technique": "retrain_small", "label": "a", "raw_bytes": 5, "ratio": 9.0, "accuracy": 0.9}],
    "front": {
        "device": [
            model(1000, 5000, accuracy=0.95),
            model(1800, 4000, accuracy=0.97),
            model(3000, 9000, accuracy=0.98),
        ],
        "remaining": [model(1500, 3000, mae_minutes=14.0), model(2600, 8000, mae_minutes=13.0)],
    },
}


def taken(budget: Budget) -> tuple[int, int]:
    models = choose_point(STUDY, budget).point.models
    return models["device"]["flash_bytes"], models["remaining"]["flash_bytes"]


@pytest.mark.parametrize(
    ("budget", "flash"),
    [
        (Budget(flash_bytes=6500), (1000, 1500)),
        (Budget(flash_bytes=7300), (1800, 1500)),  # 2 points of accuracy outweigh 7.7 % of minutes
        (Budget(flash_bytes=99_999), (3000, 2600)),
        (Budget(instructions=8_000), (1800, 1500)),
        (Budget(flash_bytes=99_999, instructions=14_000), (1800, 2600)),
    ],
)
def test_what_loses_least_within_all_bounds_is_taken(budget: Budget, flash: tuple[int, int]) -> None:
    assert taken(budget) == flash


def test_a_kb_more_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = choose_point(STUDY, Budget(flash_bytes=7400)).text
    assert "1 KB more of flash buys +0.00 points of accuracy and -1.00 minutes of error" in text
    assert "7300 bytes of flash, 8000 instructions, 97.0 % right at 60 s, 14.0 minutes off" in text
    assert "1 KB more of flash buys nothing, nor does any more" in choose_point(STUDY, Budget(flash_bytes=99_999)).text
    text = choose_point(STUDY, Budget(flash_bytes=8400)).text
    assert "1 KB more of flash buys nothing; 9600 bytes buy +1.00 points of accuracy and +0.00 minutes" in text
    assert "KB" not in choose_point(STUDY, Budget(ram_bytes=400)).text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        (Budget(flash_bytes=6499), "6500 bytes of flash, 1 over 6499"),
        (Budget(ram_bytes=300), "380 bytes of RAM and stack, 80 over 300"),
        (Budget(flash_bytes=9000, instructions=7_999), "8000 instructions, 1 over 7999"),
    ],
)
def test_a_budget_nothing_meets(budget: Budget, says: str) -> None:
    with pytest.raises(BudgetError, match=says):
        choose_point(STUDY, budget)


def test_a_point_over_the_budget_once_built_gives_way_to_one_smaller_by_as_much() -> None:
    budget = Budget(flash_bytes=7400)
    point = choose_point(STUDY, budget).point
    assert point.flash_bytes == 7300
    refused = [Refused(point, BudgetError("nearest is fast: 7900", [("bytes of flash", 7900, 7400)]))]
    following = choose_point(STUDY, budget, refused).point
    assert following.flash_bytes == 6500  # 7300 less the 500 it was over, and none of 6800 or less is better
    refused.append(Refused(following, BudgetError("nearest is small: 7401", [("bytes of flash", 7401, 7400)])))
    with pytest.raises(BudgetError, match="nearest is small: 7401; no point of the study is smaller"):
        choose_point(STUDY, budget, refused)


def test_code_that_two_forests_share_counts_once() -> None:
    shared = {
        **STUDY,
        "core": {**CORE, "shared_bytes": {"small": 400}},
        "front": {
            "device": [{**STUDY["front"]["device"][0], "style": style} for style in ("small", "balanced")],
            "remaining": [{**STUDY["front"]["remaining"][0], "style": style} for style in ("small", "balanced")],
        },
    }
    sizes = {tuple(part["style"] for part in p.models.values()): p.flash_bytes for p in front_points(shared)}
    assert sizes.pop(("small", "small")) == 6100
    assert set(sizes.values()) == {6500}
    assert len(sizes) == 3


def test_rows_are_marked_stale_for_other_data() -> None:
    (row,) = compression_rows(STUDY, "sha256:1")
    assert row["stale"] is False
    assert row["commit"] == "abc"
    assert row["raw_bytes"] == 5
    (row,) = compression_rows(STUDY, "sha256:2")
    assert row["stale"] is True
    assert compression_rows(None, "sha256:2") == []


def test_a_file_that_is_no_study(tmp_path: Path) -> None:
    assert read_study(tmp_path) is None
    (tmp_path / "artifacts").mkdir()
    path = tmp_path / "artifacts" / "compression.json"
    path.write_text(json.dumps(STUDY), encoding="utf-8")
    assert read_study(tmp_path) == STUDY
    for text in ("", "[]", '{"schema": 2}', '{"schema": 1}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ModelError, match="is no compression study"):
            read_study(tmp_path)


def test_budgets_in_kilobytes() -> None:
    assert at_least_one("8k") == 8192
    assert at_least_one("15000") == 15000
    with pytest.raises(argparse.ArgumentTypeError):
        at_least_one("0k")
    with pytest.raises(ValueError, match="invalid literal"):
        at_least_one("k")
