"""The reference against XGBoost, against hand-worked answers, and end to end against the emitted C in the core."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from codegen.cli import main
from codegen.emit.artifact import emit_artifact
from codegen.emit.styles import STYLES
from codegen.errors import MismatchError, ModelError, StyleError
from codegen.ir.forest import Forest, Leaf, Tree
from codegen.readers.xgboost import read_model
from codegen.reference import answers_from_outputs, check_margins, outputs_from_leaves
from codegen.reference_history import history_features, unfamiliar
from tests.golden.test_forest_golden import artifact
from tests.parity.compiled import WARNINGS, compile_folder, predict
from tests.unit.codegen.forests import features, save, to_int32, train
from train.answer_rules import EstimateRules, History, Interval
from train.artifact import Artifact, Softmax

CORE = Path(__file__).resolve().parents[2] / "firmware" / "lib" / "core"
RULES: dict[str, Any] = {
    "unknown_below_permille": 500,
    "remaining_shift": 4,
    "estimate": EstimateRules((History(1, 1, 1),), intervals=(Interval(0, -10, 20),)),
}


def moments(n: int) -> dict[str, Any]:
    """n charges of one sample each."""
    return {"elapsed_ms": np.zeros(n, np.int64), "offsets": np.arange(n + 1)}


def spelled_out(margin: list[int], softmax: Softmax) -> tuple[int, int]:
    """docs/artifact.md for one sample, in Python's unbounded integers and fractions."""
    device = margin.index(max(margin))
    weights = []
    for value in margin:
        z = (max(margin) - value) * softmax.multiplier // 2**softmax.shift
        table = round(Fraction(65535) * Fraction(2.0 ** (-((z % 1024) // 16) / 64)))
        weights.append(0 if z >= 16384 else table // 2 ** (z // 1024))
    return device, (1000 * weights[device] + sum(weights) // 2) // sum(weights)


@pytest.mark.parametrize("softmax", [Softmax(1477, 20), Softmax(2**32 - 1, 47), Softmax(1, 0), Softmax(0, 3)])
def test_device_and_confidence_follow_the_rules(softmax: Softmax) -> None:
    rng = np.random.default_rng(1)
    spread = rng.choice([3, 1000, 2**20, 2**31 - 1], size=(800, 1))
    margin = (rng.random((800, 6)) * 2 - 1) * spread
    margin[rng.random(margin.shape) < 0.2] = 0  # ties
    whole = margin.astype(np.int64)
    whole[0] = [-(2**31), 2**31 - 1, -(2**31), 0, 2**31 - 1, 7]
    answers = answers_from_outputs(
        whole, np.zeros((800, 3)), np.ones(800, np.uint8), softmax=softmax, **RULES, **moments(800)
    )
    for row in range(800):
        device, confidence = spelled_out(whole[row].tolist(), softmax)
        assert (answers.device[row], answers.confidence_permille[row]) == (device, confidence)
        assert answers.flags[row] == (confidence < 500) | 1 << 1


def test_remaining_time_follows_the_rules() -> None:
    quantile = np.array([[1600, 1608, 1607], [-1600, -8, -9], [2**31 - 1, 2**31 - 1, 0], [320, 320, 320]])
    phase = np.array([0, 1, 2, 3], dtype=np.uint8)
    answers = answers_from_outputs(np.zeros((4, 0)), quantile, phase, softmax=None, **RULES, **moments(4))
    # (1600 + 8) >> 4 = 100, (1608 + 8) >> 4 = 101, (1607 + 8) >> 4 = 100; then offsets, limits, sorting, FULL
    assert answers.remaining_s.tolist() == [
        [90, 101, 120],
        [0, 0, 19],
        [20, 2**24 - 11, 2**24 - 1],
        [0, 0, 0],
    ]
    assert answers.flags.tolist() == [8, 8 | 2, 8 | 4, 8 | 6]
    assert not answers.device.any()
    assert not answers.confidence_permille.any()
    rules = RULES | {"remaining_shift": 0}
    unscaled = answers_from_outputs(np.zeros((1, 0)), quantile[:1], phase[:1], softmax=None, **rules, **moments(1))
    assert unscaled.remaining_s.tolist() == [[1590, 1608, 1627]]


def test_a_confidence_of_the_threshold_itself_is_known() -> None:
    rules = RULES | {"unknown_below_permille": 500}
    equal = answers_from_outputs(
        np.zeros((1, 2)), np.zeros((1, 3)), np.zeros(1), softmax=Softmax(1, 0), **rules, **moments(1)
    )
    assert (equal.confidence_permille[0], equal.flags[0]) == (500, 0)


def test_integers_that_stray_are_named(tmp_path: Path) -> None:
    booster = train("multi")
    forest = read_model(save(booster, tmp_path / "m.json")).forest
    data = xgb.DMatrix(features(300, seed=4))
    leaves = booster.predict(data, pred_leaf=True).astype(np.int64)
    margin = booster.predict(data, output_margin=True)
    outputs = outputs_from_leaves(forest, leaves, 20)
    check_margins(forest, outputs, margin, 20, "device model")
    wrong = outputs.copy()
    wrong[17, 2] += 12  # seven addends round by at most half a unit each, the float sum by about one
    with pytest.raises(MismatchError, match="device model: row 17, output 2"):
        check_margins(forest, wrong, margin, 20, "device model")
    leaves[5, 3] = 0  # the root of tree 3
    with pytest.raises(ModelError, match="row 5, tree 3: node 0"):
        outputs_from_leaves(forest, leaves, 20)
    with pytest.raises(ModelError, match="leaf columns"):
        outputs_from_leaves(forest, leaves[:, 1:], 20)


@pytest.mark.parametrize(("off", "explained"), [(0, True), (1, True), (-1, True), (2, False), (-2, False)])
def test_what_rounding_explains(off: int, explained: bool) -> None:
    """A base and one leaf round by half a unit each: one unit may be missing, two may not. Here both are exact."""
    forest = Forest(trees=(Tree(Leaf(0.5, 0), 0),), base=(0.25,), n_features=1, objective="reg:squarederror")
    outputs, margins = np.array([[3 * 2**18 + off]]), np.array([[0.75]], np.float32)
    if explained:
        check_margins(forest, outputs, margins, 20, "model")
    else:
        with pytest.raises(MismatchError, match="rounding explains"):
            check_margins(forest, outputs, margins, 20, "model")


def predictions(model: Artifact, path: Path, **changed: Any) -> Path:
    """What `python -m train predict` writes, of random features, with XGBoost's own leaves and margins."""
    n = 400
    rng = np.random.default_rng(8)
    x = rng.integers(-3000, 12000, size=(n, len(model.features))).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    columns: dict[str, Any] = {
        "model_hash": model.model_hash,
        "device_names": np.array(model.devices),
        "sessions": np.array(["a", "b"]),
        "session_devices": np.array(["iPhone 13", "x"]),
        "session_units": np.array(["1", "2"]),
        "offsets": np.array([0, 150, n], dtype=np.int64),
        "t_ms": np.arange(n, dtype=np.uint32) * 1000,
        "voltage_mv": np.full(n, 5000, dtype=np.int32),
        "current_ma": np.full(n, 1000, dtype=np.int32),
        "features": to_int32(x),
        "state_crc": rng.integers(0, 1 << 32, n).astype(np.uint32),
        "phase": rng.integers(0, 4, n).astype(np.uint8),
        "true_remaining_s": np.full(n, -1, dtype=np.int32),
        "baseline_remaining_s": np.zeros(n, dtype=np.int32),
        "device_leaf": np.zeros((n, 0), dtype=np.int32),
        "device_margin": np.zeros((n, 0), dtype=np.float32),
    }
    device = np.zeros(n, np.int64)
    for kind, file in (("device", model.device_model), ("remaining", model.remaining_model)):
        if file is not None:
            rows = x if kind == "device" else np.column_stack([x, columns["history_features"]])
            booster = xgb.Booster(model_file=model.path / file.file)
            leaves = booster.predict(xgb.DMatrix(rows), pred_leaf=True)
            columns[f"{kind}_leaf"] = leaves.reshape(n, -1).astype(np.int32)
            columns[f"{kind}_margin"] = booster.predict(xgb.DMatrix(rows), output_margin=True)
        if kind == "device":
            if file is not None:
                forest = read_model(model.path / file.file).forest
                outputs = outputs_from_leaves(forest, columns["device_leaf"], file.output_scale_log2, file.leaf_bits)
                device = outputs.argmax(axis=1)
            history = history_features(columns["features"], model.features, device, model.estimate)
            columns["history_features"] = history.astype(np.int32)
    with path.open("wb") as stream:
        np.savez(stream, **{key: value for key, value in (columns | changed).items() if value is not None})
    return path


INTEGER_STYLES = [name for name, style in STYLES.items() if style.output_type("int32") == "int32"]
WHOLE = [name for name in INTEGER_STYLES if not STYLES[name].quantises_leaves or STYLES[name].takes_whole_leaves]


@pytest.mark.parity
@pytest.mark.parametrize("devices", [("a", "b", "c"), ("lamp",)])
@pytest.mark.parametrize(
    ("style", "leaf_bits"),
    [*((name, None) for name in WHOLE), *((name, bits) for name in INTEGER_STYLES for bits in (3, 12))],
)
def test_the_reference_file_is_what_the_emitted_model_answers(
    style: str, leaf_bits: int | None, devices: tuple[str, ...], tmp_path: Path
) -> None:
    model = artifact(tmp_path / "artifact", devices=devices, leaf_bits=leaf_bits)
    out = tmp_path / "reference.npz"
    made = predictions(model, tmp_path / "p.npz")
    assert main(["reference", "--artifact", str(model.path), "--predictions", str(made), "--out", str(out)]) == 0
    with np.load(made) as given, np.load(out) as file:
        answered = {key: file[key] for key in file}
        passed_on = set(given) - {"device_leaf", "remaining_leaf"}
        made_here = {"device_output", "remaining_output", "device", "confidence_permille", "remaining_s", "flags"}
        assert set(answered) == passed_on | made_here
        assert all(np.array_equal(given[key], answered[key]) for key in passed_on)
    emit_artifact(model, tmp_path / "c", style=style)
    folder = tmp_path / "predict"
    folder.mkdir()
    for path in {*(tmp_path / "c").iterdir()} - {tmp_path / "c" / "model.c", tmp_path / "c" / "model.h"}:
        (folder / path.name).write_bytes(path.read_bytes())
    library = compile_folder(folder, "gcc")
    x = answered["features"]
    several = len(devices) > 1
    margin = predict(library, "wp_device", x, 3) if several else np.zeros((len(x), 0), np.int64)
    device = margin.argmax(axis=1) if several else np.zeros(len(x), np.int64)
    elapsed_ms = np.concatenate([np.arange(150), np.arange(250)]) * 1000
    expected = answers_from_outputs(
        margin,
        predict(library, "wp_remaining", np.column_stack([x, answered["history_features"]]), 3),
        answered["phase"],
        softmax=model.softmax,
        unknown_below_permille=model.unknown_below_permille,
        remaining_shift=10,
        elapsed_ms=elapsed_ms,
        offsets=answered["offsets"],
        estimate=model.estimate,
        unfamiliar=unfamiliar(x, model.features, device, elapsed_ms, model.prototypes),
    )
    for key in ("device", "confidence_permille", "remaining_s", "flags"):
        assert np.array_equal(answered[key], getattr(expected, key)), key
    assert len(np.unique(answered["device"])) == len(devices)


def test_each_model_has_a_style_of_its_own(tmp_path: Path) -> None:
    model = artifact(tmp_path / "artifact")
    emit_artifact(model, tmp_path / "c", style={"device": "fast", "remaining": "m2cgen"})
    for kind, style in (("device", "fast"), ("remaining", "m2cgen")):
        assert f"style {style};" in (tmp_path / "c" / f"{kind}.c").read_text()
    assert " * styles    device fast, remaining m2cgen\n" in (tmp_path / "c" / "model.h").read_text()
    with pytest.raises(StyleError, match="styles for device; this artifact has device, remaining"):
        emit_artifact(model, tmp_path / "d", style={"device": "fast"})
    with pytest.raises(StyleError, match="gives float32 outputs"):
        emit_artifact(model, tmp_path / "d", style="exact")
    with pytest.raises(StyleError, match="these are whole; choose one of m2cgen"):
        emit_artifact(model, tmp_path / "d", style="balanced")
    assert not (tmp_path / "d").exists()


@pytest.mark.parity
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("devices", [("a", "b", "c"), ("lamp",)])
def test_the_emitted_model_compiles_against_the_core(compiler: str, devices: tuple[str, ...], tmp_path: Path) -> None:
    emit_artifact(artifact(tmp_path / "artifact", devices=devices), tmp_path / "c")
    for path in (tmp_path / "c").glob("*.c"):
        command = [compiler, *WARNINGS, "-I", str(CORE / "include"), "-I", str(tmp_path / "c"), "-c", str(path)]
        subprocess.run([*command, "-o", str(path.with_suffix(".o"))], check=True)
    header = tmp_path / "c" / "model.h"
    stale = header.read_text().replace("WP_FEATURES_VERSION != 2", "WP_FEATURES_VERSION != 3")
    header.write_text(stale)
    done = subprocess.run(
        [compiler, "-I", str(CORE / "include"), "-fsyntax-only", str(tmp_path / "c" / "model.c")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert "run codegen again" in done.stderr


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"model_hash": "0" * 16}, "predictions of model 0000000000000000"),
        ({"phase": None}, "phase"),
        ({"phase": np.zeros(400)}, "phase is of type float64"),
        ({"state_crc": np.zeros(3, np.uint32)}, "state_crc does not fit"),
        ({"history_features": np.zeros((400, 2), np.int32)}, "history_features does not fit"),
        ({"offsets": np.array([0, 5])}, "offsets does not fit"),
        ({"remaining_leaf": np.zeros((400, 3), np.int32)}, "is no leaf"),
    ],
)
def test_predictions_that_do_not_fit_are_one_line(
    changed: dict[str, Any], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = artifact(tmp_path / "artifact")
    made = predictions(model, tmp_path / "p.npz", **changed)
    out = tmp_path / "reference.npz"
    assert main(["reference", "--artifact", str(model.path), "--predictions", str(made), "--out", str(out)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert word in message
    assert not out.exists()


def test_margins_of_another_model_are_a_mismatch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = artifact(tmp_path / "artifact")
    made = predictions(model, tmp_path / "p.npz", device_margin=np.ones((400, 3), np.float32))
    arguments = [
        "reference",
        "--artifact",
        str(model.path),
        "--predictions",
        str(made),
        "--out",
        str(tmp_path / "r.npz"),
    ]
    assert main(arguments) == 1
    assert "device model: row 0" in capsys.readouterr().err


def test_history_of_another_device_is_a_mismatch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = artifact(tmp_path / "artifact")
    with np.load(predictions(model, tmp_path / "p.npz")) as file:
        history = file["history_features"].copy()
    history[17, 1] += 1
    made = predictions(model, tmp_path / "p.npz", history_features=history)
    arguments = ["--artifact", str(model.path), "--predictions", str(made), "--out", str(tmp_path / "r.npz")]
    assert main(["reference", *arguments]) == 1
    assert "history_features: row 17, column 1" in capsys.readouterr().err


def test_a_damaged_manifest_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = artifact(tmp_path / "artifact")
    manifest = json.loads((model.path / "manifest.json").read_text())
    manifest["unknown_below_permille"] = 1
    (model.path / "manifest.json").write_text(json.dumps(manifest))
    assert main(["compile", "--artifact", str(model.path), "--out", str(tmp_path / "c")]) == 2
    assert "changed by hand" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()
