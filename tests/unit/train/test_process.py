"""What carries over from few units to another: a smooth process, and the forest that says what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.train.fleet import charge, charges
from train.artifact import load_artifact
from train.config import Config, Forest
from train.evaluate.run import evaluate
from train.features import feature_names
from train.models import crossfit
from train.models.few import FEW_UNITS, TRANSFERS, few_config, few_estimate, few_rows
from train.models.fit import fit
from train.models.forest import load_forest, train_labelled_forest
from train.models.own import all_of_few
from train.models.process import LENGTH, coordinates_of, fit_process, process_forest, several_units
from train.models.rows import TrainingRows, training_rows
from train.models.split import UnitSplit
from train.sessions.dataset import write_dataset

CONFIG = few_config(Config())


@pytest.fixture(scope="module")
def rows() -> TrainingRows:
    """Rows of four units' charges."""
    return training_rows(charges(1, 4, 5), ("device0",))


def test_the_forest_says_what_the_process_says(rows: TrainingRows) -> None:
    estimate = few_estimate(rows, 1, 0)
    known = rows.where(rows.remaining_s >= 0)
    shown, at = few_rows(known, estimate, TRANSFERS), coordinates_of(known, estimate)
    said = fit_process(known, at, shown.target.astype(np.float64)).quantiles(at)
    n_features = len(feature_names()) + 3
    data = process_forest(rows, CONFIG, estimate)
    forest = load_forest(data, where="here", objective="reg:quantileerror", n_features=n_features, n_outputs=3)
    told = forest.margins(shown.columns)
    assert np.abs(told - said).mean() < 0.1 * np.abs(said).mean()
    assert np.all(np.diff(said, axis=1) > 0)
    tapers = at[:, 0] < 2.5  # of ln 20: from there on the current tells what is left
    assert np.abs(shown.target - said[:, 1])[tapers].mean() < 0.6 * np.abs(shown.target)[tapers].mean()


def test_far_from_what_was_seen_stands_the_baseline(rows: TrainingRows) -> None:
    estimate = few_estimate(rows, 1, 0)
    known = rows.where(rows.remaining_s >= 0)
    at = coordinates_of(known, estimate)
    process = fit_process(known, at, few_rows(known, estimate, TRANSFERS).target.astype(np.float64))
    far = at[:1] + 20 * LENGTH * process.spread
    near = process.quantiles(at)
    low, median, high = process.quantiles(far)[0]
    assert median == pytest.approx(0, abs=1e-9)
    assert high - low > (near[:, 2] - near[:, 0]).max()


def test_what_one_unit_says_alone_counts_less_than_what_several_say(rows: TrainingRows) -> None:
    known = rows.where(rows.remaining_s >= 0)
    at, lacking = coordinates_of(known, few_estimate(rows, 1, 0)), np.full(len(known), 0.2)
    of_several = fit_process(known, at, lacking).quantiles(at)[:, 1]
    of_one = fit_process(replace(known, unit=np.zeros_like(known.unit)), at, lacking).quantiles(at)[:, 1]
    early = known.elapsed_s < 300
    assert np.all(np.abs(of_one[early]) < np.abs(of_several[early]))
    assert np.all(of_several[early] < 0.2)


def test_the_process_does_not_care_how_long_a_device_takes(rows: TrainingRows) -> None:
    """Of a device that takes twice as long and decays half as fast, rows stand in the same place."""
    slow = replace(rows, elapsed_s=2 * rows.elapsed_s, remaining_s=2 * rows.remaining_s)
    columns = rows.features.copy()
    columns[:, feature_names().index("since_current_high_s")] *= 2
    one = coordinates_of(rows, few_estimate(rows, 1, 0))
    other = coordinates_of(replace(slow, features=columns), few_estimate(slow, 1, 0))
    apart = [0, 3, 4]  # rates come from filters of their own length
    assert other[:, apart] == pytest.approx(one[:, apart], rel=1e-3)
    assert np.all(one[:, 1:3] >= 0)


def test_labels_come_out_in_their_order_and_scale() -> None:
    columns = np.arange(400, dtype=np.float32)[:, None]
    labels = np.stack([columns[:, 0] - 50, columns[:, 0], columns[:, 0] + 90], axis=1)
    forest = Forest(rounds=30, max_depth=4, eta=0.5, min_child_weight=1.0, l2=0.0)
    data = train_labelled_forest(columns, labels, np.ones(400, np.float32), forest, 1)
    found = load_forest(data, where="here", objective="reg:quantileerror", n_features=1, n_outputs=3)
    assert np.abs(found.margins(columns) - labels).max() < 10


def test_a_unit_alone_has_no_other_to_carry_over_to(rows: TrainingRows) -> None:
    assert several_units(rows)
    assert not several_units(rows.of_units(["device0/u0"]))
    assert not several_units(training_rows([charge(0, 0, 0), charge(1, 0, 0)], ("device0", "device1")))


def test_none_of_few_units_is_only_calibrated_on() -> None:
    few = UnitSplit(("a/1", "a/3"), ("a/2",), ("a/4",))
    assert all_of_few(few) == UnitSplit(("a/1", "a/2", "a/3"), (), ("a/4",))
    many = UnitSplit(tuple(f"a/{n}" for n in range(FEW_UNITS - 1)), ("b/1",), ())
    assert all_of_few(many) is many


def test_another_unit_is_answered_better_than_by_the_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    def counted(*given: Any, **how: Any) -> bytes:
        used.append(given)
        return process_forest(*given, **how)

    monkeypatch.setattr(crossfit, "process_forest", counted)
    write_dataset(tmp_path / "data", charges(1, 5, 6))
    fit(tmp_path / "data", tmp_path / "model", Config(), hold_out=["device0/u4"])
    assert used
    assert load_artifact(tmp_path / "model").split["calibration"] == ()
    quality = evaluate(tmp_path / "model", tmp_path / "data", "held-out")["quality"]
    of_baseline = {key: off / quality["baseline_mae_minutes"][key] for key, off in quality["mae_minutes"].items()}
    assert of_baseline["overall"] < 0.75
    assert max(of_baseline.values()) < 1.05
