"""Capacity from marks of the state of charge, against cars whose every figure is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.sessions.making import charge
from train.cli import main
from train.errors import DatasetError
from train.health.evaluate import fit_by_marks, leave_units_out
from train.health.marks import MarksModel, fit_marks, marks_of
from train.health.reading import Reading
from train.health.stored import read_model, write_model
from train.health.trend import estimate
from train.sessions.dataset import write_dataset
from train.sessions.simulator.ev import simulate_vehicles
from train.sessions.types import Charge

RATED_WH = 50_000.0
LOST = 1.1  # drawn for each Wh stored
PERIOD_S = 10


def car(
    session: str,
    unit: str,
    soh: float,
    *,
    low: float = 20.0,
    high: float = 70.0,
    ambient: int = 200,
    watts: int = 50_000,
) -> Charge:
    """A DC charge at constant power, its state of charge told in whole per cents."""
    wh_a_sample = watts * PERIOD_S / 3600
    pct_a_sample = wh_a_sample / LOST / (RATED_WH * soh) * 100
    n = int((high - low) / pct_a_sample) + 2
    soc = np.floor(np.minimum(low + np.arange(n) * pct_a_sample, 100))
    one = charge(
        session,
        t_ms=range(0, n * PERIOD_S * 1000, PERIOD_S * 1000),
        current_ma=[watts * 1000 // 400] * n,
        device="car",
        soc_pct=list(soc),
        details={"soh_pct": f"{100 * soh:.2f}", "ambient_decidegc": str(ambient), "profile": "ev"},
    )
    energy = np.floor(np.arange(n) * wh_a_sample).astype(np.int32)
    return replace(one, unit=unit, voltage_mv=np.full(n, 400_000, np.int32), energy_wh=energy)


def fleet() -> list[Charge]:
    states = (0.98, 0.92, 0.87, 0.81)
    return [car(f"u{u}_{k}", f"u{u}", soh, low=10 + 7 * k) for u, soh in enumerate(states) for k in range(4)]


@pytest.fixture(scope="module")
def model() -> MarksModel:
    return fit_marks(fleet(), RATED_WH)


def test_energy_between_marks() -> None:
    one = car("a", "u", 0.9)
    found = marks_of(one)
    assert found is not None
    assert found.side == "dc"
    assert found.whole_wh() == pytest.approx(LOST * 0.9 * RATED_WH, rel=3 * found.sd + 1e-3)
    assert 0 < found.sd < 0.005
    without_meter = marks_of(replace(one, energy_wh=None))
    assert without_meter is not None
    assert without_meter.whole_wh() == pytest.approx(found.whole_wh(), rel=2e-3)
    assert marks_of(replace(one, soc_pct=None)) is None
    assert one.soc_pct is not None
    assert marks_of(replace(one, soc_pct=np.full_like(one.soc_pct, 40))) is None
    falling = one.soc_pct.copy()
    falling[5] = 0  # a reading that is lost is no mark
    again = marks_of(replace(one, soc_pct=falling))
    assert again is not None
    assert again.whole_wh() == pytest.approx(found.whole_wh(), rel=1e-3)


def test_coarser_samples_say_so() -> None:
    fine, coarse = marks_of(car("a", "u", 0.9, watts=5_000)), marks_of(car("a", "u", 0.9, watts=200_000))
    assert fine is not None
    assert coarse is not None
    assert coarse.sd > 10 * fine.sd


def test_losses_are_learnt_and_health_told(model: MarksModel) -> None:
    assert np.exp(model.lost["dc"]) == pytest.approx(LOST, rel=0.005)
    read = model.read(car("x", "new", 0.75))
    assert isinstance(read, Reading)
    assert np.exp(read.log_soh) == pytest.approx(0.75, rel=0.01)
    found = list(
        estimate(
            model,
            [
                car("a", "new", 0.75),
                car("b", "new", 0.75, high=35),
                car("c", "new", 0.75, ambient=20),
                replace(car("d", "new", 0.75), soc_pct=None),
                car("e", "new", 0.3),
                car("f", "new", 0.75),
            ],
        )
    )
    assert [one.flag for one in found] == ["", "short_span", "temperature", "no_marks", "out_of_family", ""]
    assert found[-1].trend == pytest.approx(0.75, rel=0.01)


def test_too_little_to_learn_from() -> None:
    with pytest.raises(DatasetError, match="0 charges of car with soh_pct show 20 %"):
        fit_marks([car("a", "u", 0.9, high=30)], RATED_WH)


def test_simulated_cars_of_unseen_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = list(simulate_vehicles(["leaf_40"], seed=4, units_per_car=10, charges_per_unit=10))
    made.sort(key=lambda one: one.session)
    found = leave_units_out(made, fit_by_marks(38_000))
    for side in ("ac", "dc"):
        figures = found["starts"][side]
        assert figures["charges"] >= 5
        assert figures["error_pct"] < 3
        assert figures["error_pct"] < 0.6 * figures["class_mean_error_pct"]
        assert figures["error_pct"] < 0.5 * figures["counted_error_pct"]
    assert 0.6 <= found["trend"]["coverage"] <= 0.95
    data, file = tmp_path / "data", tmp_path / "health.json"
    write_dataset(data, made, format="parquet")
    assert main(["health", "fit", "--data", str(data), "--rated-wh", "38000", "--out", str(file)]) == 0
    assert main(["health", "show", "--data", str(data), "--model", str(file)]) == 0
    shown = capsys.readouterr().out
    assert " Wh" in shown
    assert main(["health", "evaluate", "--data", str(data), "--rated-mah", "38000"]) == 2
    assert "give --rated-wh" in capsys.readouterr().err
    assert "the state of charge is not told" in shown
    assert main(["health", "show", "--data", str(data), "--model", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rated_wh"] == 38_000


def test_stored_and_read_again(model: MarksModel, tmp_path: Path) -> None:
    write_model(tmp_path / "health.json", model)
    assert read_model(tmp_path / "health.json") == model
