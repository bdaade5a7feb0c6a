"""From a dataset folder to an artifact, predictions and figures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.train.fleet import charge, charges, dataset
from train.answer_rules import Interval
from train.artifact import Artifact, load_artifact, manifest_hash, sha256
from train.cli import main
from train.config import Config, Forest, Forests, RemainingForest
from train.errors import ArtifactError, ConfigError, TrainError
from train.evaluate.metrics import HORIZON_KEYS
from train.evaluate.run import evaluate
from train.models import answering
from train.models.fit import fit
from train.models.predict import load_model, predict
from train.sessions.dataset import write_dataset
from train.sessions.labels import remaining_s

QUICK = Config(
    forest=Forests(
        smoothing_s=0,  # so that an answer is that of its own row
        device=Forest(rounds=4, max_depth=3, eta=0.5, min_child_weight=0.1),
        remaining=RemainingForest(rounds=6, max_depth=3, eta=0.4, min_child_weight=0.5),
    )
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("fleet") / "fleet")


@pytest.fixture(scope="module")
def artifact(data: Path) -> Artifact:
    fit(data, data.parent / "model", QUICK)
    return load_artifact(data.parent / "model")


def test_artifact_says_what_it_is(artifact: Artifact, data: Path) -> None:
    assert artifact.name == "model"
    assert artifact.devices == ("device0", "device1", "device2")
    assert artifact.manifest["data"]["charges"] == 30
    assert sorted(sum(artifact.split.values(), ())) == sorted({c.unit_key for c in charges(3, 5, 2)})
    assert [len(artifact.split[part]) for part in ("train", "calibration", "held_out")] == [9, 3, 3]
    in_training = [c for c in charges(3, 5, 2) if c.device == "device1" and c.unit_key in artifact.split["train"]]
    assert list(artifact.full_durations_s["device1"]) == sorted((c.full_t_ms or 0) // 1000 for c in in_training)
    assert 0 < artifact.unknown_below_permille <= 900
    assert str(data.parent) not in json.dumps(dict(artifact.manifest))


def test_same_data_same_bytes(artifact: Artifact, data: Path, tmp_path: Path) -> None:
    fit(data, tmp_path / "again", QUICK, name="model")
    for file in artifact.path.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name
    assert fit(data, tmp_path / "other", QUICK, name="model", seed=9).model_hash != artifact.model_hash


def test_predictions_are_complete_and_xgboost_s(artifact: Artifact, data: Path, tmp_path: Path) -> None:
    import xgboost as xgb

    out = tmp_path / "p.npz"
    summary = predict(artifact.path, data, out)
    assert (summary["charges"], summary["units"]) == (6, 3)
    with np.load(out, allow_pickle=False) as file:
        got = {key: file[key] for key in file.files}
    assert str(got["model_hash"]) == artifact.model_hash
    n = summary["samples"]
    types = {"t_ms": "u4", "voltage_mv": "i4", "features": "i4", "state_crc": "u4", "phase": "u1"}
    types |= {"true_remaining_s": "i4", "baseline_remaining_s": "i4", "device_leaf": "i4", "device_margin": "f4"}
    for key, kind in types.items():
        assert (got[key].dtype, len(got[key])) == (np.dtype(kind), n), key
    units = {f"{d}/{u}" for d, u in zip(got["session_devices"], got["session_units"], strict=True)}
    assert units == set(artifact.split["held_out"])
    features = np.where(got["features"] == -(2**31), np.nan, got["features"]).astype(np.float32)
    booster = xgb.Booster(model_file=artifact.path / "remaining.json")
    rows = xgb.DMatrix(np.column_stack([features, got["history_features"]]))
    assert np.array_equal(booster.predict(rows, pred_leaf=True), got["remaining_leaf"])
    assert np.array_equal(booster.predict(rows, output_margin=True), got["remaining_margin"])
    start, end = got["offsets"][2:4]
    original = next(c for c in charges(3, 5, 2) if c.session == got["sessions"][2])
    assert np.array_equal(got["current_ma"][start:end], original.current_ma)
    assert np.array_equal(got["true_remaining_s"][start:end], remaining_s(original))
    row = int(start) + 20
    named = artifact.devices[int(np.argmax(got["device_margin"][row]))]
    elapsed = int(got["t_ms"][row] - got["t_ms"][start]) // 1000
    assert got["baseline_remaining_s"][row] == artifact.baseline_remaining_s(named, elapsed)


def test_charges_are_dealt_out_over_devices(artifact: Artifact, data: Path, tmp_path: Path) -> None:
    predict(artifact.path, data, tmp_path / "a.npz", split="all", n_charges=5)
    predict(artifact.path, data, tmp_path / "b.npz", split="all", n_charges=5)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz") as file:
        assert list(file["session_devices"]) == ["device0", "device1", "device2", "device0", "device1"]
        assert len(set(file["sessions"])) == 5


def test_selection_of_charges(artifact: Artifact, data: Path, tmp_path: Path) -> None:
    assert predict(artifact.path, data, tmp_path / "p.npz", split="train")["units"] == 9
    chosen = predict(artifact.path, data, tmp_path / "p.npz", split="all", sessions=["d0u0c0", "d2u1c1"])
    assert chosen["charges"] == 2
    for options, words in (
        ({"sessions": ["d9"]}, "--sessions d9: no such session"),
        ({"n_charges": 0}, "--charges 0"),
        ({"sessions": [c.session for c in charges(3, 5, 2) if c.unit_key in artifact.trained_units]}, "--split all"),
    ):
        with pytest.raises(TrainError, match=words):
            predict(artifact.path, data, tmp_path / "none.npz", **options)
    assert not (tmp_path / "none.npz").exists()


def test_evaluation_has_the_report_s_keys(artifact: Artifact, data: Path) -> None:
    result = evaluate(artifact.path, data)
    quality = result["quality"]
    assert {"protocol", "accuracy", "mae_minutes", "baseline_mae_minutes", "coverage"} <= set(quality)
    assert (quality["oracle_mae_minutes"], quality["unknown_auroc"]) == ({}, {})
    for key in ("accuracy", "mae_minutes", "baseline_mae_minutes", "coverage"):
        assert list(quality[key]) == list(HORIZON_KEYS)
    assert quality["accuracy"]["60s"] == 1.0  # the devices differ in voltage and by a third in current
    assert quality["mae_minutes"]["overall"] < quality["baseline_mae_minutes"]["overall"]
    assert sum(map(sum, result["confusion"]["charges"])) == result["charges"] == 6
    json.dumps(result, allow_nan=False)


def test_evaluation_scores_what_predictions_and_integer_rules_give(
    artifact: Artifact, data: Path, tmp_path: Path
) -> None:
    """Error of the 50 % answer from the leaves in the predictions file, with the rules of docs/artifact.md by hand."""
    predict(artifact.path, data, tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as file:
        got = {key: file[key] for key in file.files}
    forest = json.loads((artifact.path / "remaining.json").read_text())["learner"]
    trees = forest["gradient_booster"]["model"]["trees"]
    k = artifact.remaining_model.output_scale_log2
    base = json.loads(forest["learner_model_param"]["base_score"])
    outputs = np.tile([round(float(np.float32(value)) * 2**k) for value in base], (len(got["t_ms"]), 1))
    for tree, leaves in enumerate(got["remaining_leaf"].T):
        ends = [child == -1 for child in trees[tree]["left_children"]]
        exact = [float(np.float32(value)) * 2**k for value in trees[tree]["split_conditions"]]
        shift = 0
        while True:  # the least shift at which the leaves span less than 2**12 steps
            steps = [round(value / 2**shift) for value, end in zip(exact, ends, strict=True) if end]
            if max(steps) - min(steps) < 2**12:
                break
            shift += 1
        outputs[:, tree % 3] += np.array([round(value / 2**shift) * 2**shift for value in exact])[leaves]
    only = artifact.estimate.intervals[0]  # so few charges share one correction
    assert len(artifact.estimate.intervals) == 1
    seconds = (outputs + 2 ** (k - 1)) // 2**k + np.array([only.low_s, 0, only.high_s])
    median = np.sort(np.clip(seconds, 0, 2**24 - 1), axis=1)[:, 1] * (got["phase"] != 3)
    errors = []
    for start, end in zip(got["offsets"], got["offsets"][1:], strict=False):
        known = got["true_remaining_s"][start:end] >= 0  # samples are 10 s apart: all are scored
        errors.append(np.abs(median[start:end] - got["true_remaining_s"][start:end])[known].mean() / 60)
    assert evaluate(artifact.path, data)["quality"]["mae_minutes"]["overall"] == pytest.approx(np.mean(errors))


def test_a_model_that_learnt_nothing_says_so(tmp_path: Path) -> None:
    """Two charges are fewer than a leaf must rest on: the trees do not split."""
    data = dataset(tmp_path / "few", n_devices=1, n_units=2, n_charges=1)
    summary = fit(data, tmp_path / "model", Config())
    assert summary.sizes["splits for the remaining time"] == 0
    assert [note for note in summary.notes if "nothing was learnt of how long it takes" in note]
    enough = fit(dataset(tmp_path / "many", n_devices=2, n_units=6), tmp_path / "other", QUICK)
    assert enough.sizes["splits for the remaining time"] > 0
    assert not [note for note in enough.notes if "nothing was learnt" in note]


def test_one_device_has_no_classifier(tmp_path: Path) -> None:
    data = dataset(tmp_path / "one", n_devices=1, n_units=3)
    summary = fit(data, tmp_path / "model", QUICK)
    assert any("the model answers minutes, not which device" in note for note in summary.notes)
    artifact, forests = load_model(tmp_path / "model")
    assert isinstance(forests, answering.Forests)
    assert (artifact.device_model, artifact.softmax, forests.device) == (None, None, None)
    predict(tmp_path / "model", data, tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as file:
        assert file["device_leaf"].shape == file["device_margin"].shape == (len(file["t_ms"]), 0)
        assert (file["baseline_remaining_s"] > 0).any()
    result = evaluate(tmp_path / "model", data)
    assert result["quality"]["accuracy"] == result["per_device"]["device0"]["accuracy"] == {}
    assert result["quality"]["mae_minutes"]["overall"] > 0


def test_one_unit_cannot_be_calibrated_and_says_so(tmp_path: Path) -> None:
    data = dataset(tmp_path / "one", n_devices=1, n_units=1)
    notes = fit(data, tmp_path / "model", QUICK).notes
    assert any("uncalibrated" in note for note in notes)
    assert any("no unit is held out" in note for note in notes)
    assert load_artifact(tmp_path / "model").estimate.intervals == (Interval(0, 0, 0),)
    with pytest.raises(TrainError, match="--split all"):
        evaluate(tmp_path / "model", data)
    assert evaluate(tmp_path / "model", data, "all")["charges"] == 2


def test_a_device_never_trained_on_keeps_its_name(artifact: Artifact, tmp_path: Path) -> None:
    write_dataset(tmp_path / "new", [charge(4, 0, 0), charge(0, 7, 0)])
    predict(artifact.path, tmp_path / "new", tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as file:
        assert sorted(file["session_devices"]) == ["device0", "device4"]
        assert list(file["device_names"]) == ["device0", "device1", "device2"]
    result = evaluate(artifact.path, tmp_path / "new")
    assert result["unknown_devices"] == ["device4"]
    assert sum(map(sum, result["confusion"]["charges"])) == 1


def test_censored_charges_teach_the_device_only(tmp_path: Path) -> None:
    fleet = [
        replace(c, full_t_ms=None, ended="unplugged", **{name: getattr(c, name)[:40] for name in SAMPLES})
        for c in charges(2, 3, 1)
    ]
    write_dataset(tmp_path / "cut", fleet)
    with pytest.raises(TrainError, match="gets full"):
        fit(tmp_path / "cut", tmp_path / "model", QUICK)
    assert not (tmp_path / "model").exists()
    write_dataset(tmp_path / "half", [*fleet[:3], *charges(2, 3, 1)[3:]])
    fit(tmp_path / "half", tmp_path / "model", QUICK)
    assert load_artifact(tmp_path / "model").full_durations_s["device0"] == ()


SAMPLES = ("t_ms", "voltage_mv", "current_ma")


@pytest.mark.parametrize("name", ["9phones", "Phone", "a-b", ""])
def test_names_are_c_identifiers(data: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="--name"):
        fit(data, tmp_path / "model", QUICK, name=name)


def test_names_come_from_folders(data: Path, tmp_path: Path) -> None:
    fit(data, tmp_path / "9 Phones.x", QUICK)
    assert load_artifact(tmp_path / "9 Phones.x").name == "model_9_phones_x"


def _change(key: str, value: Any) -> Callable[[Path], None]:
    """Change the manifest and give it a hash that fits."""

    def apply(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest[key] = value(manifest[key]) if callable(value) else value
        manifest["hash"] = manifest_hash(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest))

    return apply


def _change_a_byte(folder: Path) -> None:
    data = bytearray((folder / "remaining.json").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "remaining.json").write_bytes(data)


def _other_model(folder: Path) -> None:
    """Another program's file under a hash that fits."""
    data = b'{"format": "onnx"}'
    (folder / "remaining.json").write_bytes(data)
    _change("files", lambda files: {**files, "remaining.json": sha256(data)})(folder)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), r"manifest\.json: not found"),
        (lambda folder: (folder / "device.json").unlink(), r"device\.json: not found"),
        (_change_a_byte, r"remaining\.json: does not match"),
        (lambda folder: (folder / "manifest.json").write_text("{"), r"manifest\.json: cannot be read"),
        (_change("schema", 1), "schema 1"),
        (_change("kind", "tree"), "kind 'tree'"),
        (_change("kind", "network"), "key 'network' is missing"),
        (_change("features_version", 99), "features version 99"),
        (_change("features", lambda names: names[::-1]), "train again"),
        (_change("files", lambda files: {"remaining.json": files["remaining.json"]}), r"device\.json is not among"),
        (_change("remaining_model", lambda entry: {**entry, "leaf_bits": 1}), "out of range"),
        (_change("device_model", lambda entry: {**entry, "leaf_bits": "wide"}), "invalid literal"),
        (_other_model, r"remaining\.json: is not a model that XGBoost saved"),
    ],
)
def test_bad_artifacts_are_refused(
    artifact: Artifact, tmp_path: Path, damage: Callable[[Path], Any], words: str
) -> None:
    shutil.copytree(artifact.path, tmp_path / "bad")
    damage(tmp_path / "bad")
    with pytest.raises(ArtifactError, match=words) as error:
        load_model(tmp_path / "bad")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("absent", [True, False])
def test_artifacts_without_leaf_bits_have_whole_leaves(artifact: Artifact, tmp_path: Path, absent: bool) -> None:
    shutil.copytree(artifact.path, tmp_path / "old")
    entry = {"file": "remaining.json", "output_scale_log2": 9} | ({} if absent else {"leaf_bits": None})
    _change("remaining_model", entry)(tmp_path / "old")
    assert load_artifact(tmp_path / "old").remaining_model.leaf_bits is None


@pytest.mark.parametrize(("threshold", "rate"), [(0, 0.0), (1001, 1.0)])
def test_unknown_is_a_confidence_below_the_threshold(
    artifact: Artifact, data: Path, tmp_path: Path, threshold: int, rate: float
) -> None:
    shutil.copytree(artifact.path, tmp_path / "model")
    _change("unknown_below_permille", threshold)(tmp_path / "model")
    assert evaluate(tmp_path / "model", data)["unknown_rate"]["overall"] == rate


def test_commands(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[forest.device]\nrounds = 2\n[forest.remaining]\nrounds = 2\n")
    arguments = ["fit", "--data", str(data), "--out", str(tmp_path / "m"), "--config", str(config)]
    assert main([*arguments, "--hold-out", "device0/u1", "device1/u2"]) == 0
    assert str(tmp_path / "m") in capsys.readouterr().out.splitlines()[-1]
    assert load_artifact(tmp_path / "m").split["held_out"] == ("device0/u1", "device1/u2")
    assert main(["evaluate", "--model", str(tmp_path / "m"), "--data", str(data)]) == 0
    assert "minutes to full" in capsys.readouterr().out.splitlines()[-1]
    out = tmp_path / "p.npz"
    assert main(["predict", "--model", str(tmp_path / "m"), "--data", str(data), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["charges"] == 4
    assert main(["evaluate", "--model", str(tmp_path / "none"), "--data", str(data)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
