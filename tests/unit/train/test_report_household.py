"""The page of a household: cars, sets, minutes and proof from report.json and the reference, tolerant of gaps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.codegen.drawn_household import write_household
from tests.unit.train.test_report import checked
from train.errors import TrainError
from train.report.build import write_report
from train.report.household import coincide
from train.report.household_charges import read_household_reference, typical_of_each_car

N = 40
UNITS = ["leaf_40/a", "model_3_sr/b"]
NAMES = ["leaf_40", "model_3_sr"]


def report_json(folder: Path) -> dict[str, Any]:
    household = write_household(folder, 1, n_cars=2)
    one = [0.75, 0.5, 1.0]
    row = {"charges": 4, "accuracy": one, "set_holds_truth": one, "set_size": [1.25, 1.0, 1.5]}
    minutes = {"charges": 3, "mae_minutes": [54.4, 17, 104], "linear_mae_minutes": [44.7, 35, 53], "coverage": one}
    return {
        "title": "my <household>",
        "model": {"hash": "0123456789abcdef", "kind": "household", "classes": NAMES, "units": UNITS, "features": []},
        "household": {"enrolled": 20, "tables": household.manifest["tables"]},
        "data": {"source": "my_cars", "household": "garage", "charges": 24, "units": 2},
        "evaluation": {
            "charges": 4,
            "which": {"charges": 4, "60s_after_ramp": row, "end": row},
            "unknown": {"false_alarms": [0.0, 0.0, 0.0], "caught": None},
            "ac_minutes": minutes,
            "dc_to_80": {"charges": 2, "mape": [0.05, 0, 1], "mae_minutes": [0.9, 0, 1], "coverage": one},
        },
        "cost": {
            "rv32imc": {"flash_bytes": 11_348, "ram_bytes": 100, "stack_bytes": 700, "instructions_per_sample": None}
        },
        "verify": {"verdict": "PASS", "samples": 3 * N, "mismatches": 0, "charges": []},
        "provenance": {"commit": "abc", "settings": {}},
    }


def write_reference(path: Path) -> None:
    """Three charges of N minutes: the first car alone from the tenth on, the second never, a stranger unknown."""
    n = 3 * N
    samples = np.zeros((n, 9), np.int32)
    samples[:, :3], samples[:, 3:6], samples[:, 6] = 230_000, 16_000, 160
    for charge in range(3):
        samples[charge * N + 30 : (charge + 1) * N, 3:6] = 0
    possible = np.full(n, 0b11)
    possible[10:N] = 0b01
    state = np.zeros(n, np.int64)
    state[2 * N :] = 1
    left = np.tile(np.maximum(30 - np.arange(N), 0) * 60, 3)
    np.savez(
        path,
        offsets=np.arange(4) * N,
        sessions=np.array(["one", "two", "three"]),
        session_devices=np.array(["leaf_40", "model_3_sr", "zoe"]),
        session_units=np.array(["a", "b", "c"]),
        t_ms=np.tile(np.arange(N) * 60_000, 3),
        vehicle_samples=samples,
        possible=possible,
        state=state,
        done_10_s=left * 10 // 50,
        done_50_s=left,
        done_90_s=left * 90 // 50,
    )


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(report_json(tmp_path / "household")))
    write_reference(folder / "reference.npz")
    return folder


def test_a_whole_page(build: Path) -> None:
    assert write_report(build) == build / "report.html"
    text = checked(build / "report.html")
    for words in (
        "my <household>",
        "A charge point's tables for 2 cars of household garage, enrolled with 20 charges (my_cars).",
        "PASS: 120 samples verified, 0 mismatches",
        "75.0 % car right 60\u00a0s after the ramp",
        "54.4 min mean error of time to the end in AC; the linear formula 45",
        "11 348 B of flash on rv32imc",
        "Not always told apart by the end: leaf_40 and model_3_sr (100 %).",
        "60 s after the ramp 4 75.0 % (50–100)",
        "DC, to 80 % 2 0.9 (0.0–1.0) min, 5.0 %",
        "Enrolled cars called unknown at the end: 0.0 % (0–0).",
        "one: 0.7 h, up to 11.0 kW; told after 10 min",
        "two: 0.7 h, up to 11.0 kW; never the only one possible",
        "Everything an answer needs: features, tables, rules, state check.",
    ):
        assert words in text, words


def test_without_charges_and_figures(build: Path) -> None:
    report = report_json(build.parent / "again")
    report["evaluation"], report["cost"] = {}, {}
    (build / "report.json").write_text(json.dumps(report))
    (build / "reference.npz").unlink()
    text = checked(write_report(build))
    assert "The cars, as they were learnt" in text
    assert "How long it takes" not in text
    assert "taken for one another" not in text


def test_charges_of_the_reference(build: Path) -> None:
    one, two, stranger = read_household_reference(build / "reference.npz", UNITS)
    assert (one.car, two.car, stranger.car) == (0, 1, -1)
    assert one.end_min == 30.0
    assert one.kind.tolist() == [2] * 10 + [0] * 30  # of several, then alone
    assert set(stranger.kind) == {1}
    assert typical_of_each_car([one, two, stranger], 2) == [one, two]
    found = coincide(NAMES, [one, two, stranger])
    assert found is not None
    assert [[cell["count"] for cell in row["cells"]] for row in found["rows"]] == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert coincide(NAMES, []) is None


def test_another_reference_is_refused(build: Path) -> None:
    (build / "reference.npz").write_bytes(b"PK")
    with pytest.raises(TrainError, match="not a household's reference"):
        write_report(build)
