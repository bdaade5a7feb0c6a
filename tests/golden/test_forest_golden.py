"""Whole emitted files of two tiny models; `pytest --update-golden` rewrites them, the difference is reviewed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codegen.emit.artifact import emit_artifact
from codegen.emit.forest import emit_forest
from codegen.emit.styles import STYLES
from codegen.readers.xgboost import read_model
from train.artifact import HISTORY_FEATURES, Artifact, write_artifact
from train.features import feature_names

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"
INTEGER_STYLES = [name for name, style in STYLES.items() if style.output_type("int32") == "int32"]


def rules(devices: tuple[str, ...], *, several: bool = True) -> dict[str, Any]:
    """The manifest's keys of prototypes and estimate; one device has no prototypes, but a baseline."""
    prototypes = {
        "features": ["current_mean_900s_ma", "power_mw"],
        "shifts": [0, 2],
        "centres": {device: [[100 + k, -20], [900, 40]][: 1 + k % 2] for k, device in enumerate(devices)},
        "weights": {device: [6553, 13107] for device in devices},
        "unfamiliar_above": 2000,
    }
    baseline = {"step_s": 600, "remaining_s": [max(0, 3600 - 500 * k) for k in range(16)]}
    return {
        "prototypes": prototypes if several and len(devices) > 1 else None,
        "history": {device: {"duration_s": 3600, "charge_mah": 2400, "power_mw": 9000} for device in devices},
        "remaining_baseline": None if len(devices) > 1 else dict.fromkeys(devices, baseline),
        "remaining_of_duration": len(devices) == 1,
        "smoothing_s": 180,
        "interval": [[0, -60, 90], [30, -45, 80]],
    }


def remaining_model() -> bytes:
    """The second model as one of the features and those of the device's history."""
    n = len(feature_names())
    data = (MODELS / "quantiles.json").read_bytes()
    return data.replace(b'"num_feature":"%d"' % n, b'"num_feature":"%d"' % (n + len(HISTORY_FEATURES)))


def artifact(
    folder: Path,
    *,
    devices: tuple[str, ...] = ("iPhone 13", "Galaxy S21", "e-bike */"),
    leaf_bits: int | None = None,
) -> Artifact:
    """An artifact of the two models, or of the second alone with one device; whole leaves without leaf_bits."""
    several = len(devices) > 1
    width = {} if leaf_bits is None else {"leaf_bits": leaf_bits}
    files = {"remaining.json": remaining_model()}
    if several:
        files["device.json"] = (MODELS / "classes.json").read_bytes()
    manifest = {
        "schema": 2,
        "kind": "forest",
        "name": "golden",
        "features_version": 2,
        "features": list(feature_names()),
        "devices": list(devices),
        "device_model": {"file": "device.json", "output_scale_log2": 20, **width} if several else None,
        "softmax": {"multiplier": 1477, "shift": 20} if several else None,
        "unknown_below_permille": 400,
        "remaining_model": {"file": "remaining.json", "output_scale_log2": 10, **width},
        "quantiles_permille": [100, 500, 900],
        **rules(devices),
        "full_durations_s": {device: [3600] for device in devices},
        "split": {"train": ["a/1"], "calibration": ["a/2"], "held_out": ["a/3"]},
        "data": {"hash": "sha256:0", "charges": 1, "units": 1, "source": "made by hand"},
        "training": {},
        "versions": {},
    }
    return write_artifact(folder, manifest, files)


def compare(produced: Path, expected: Path, update: bool) -> None:
    if update:
        expected.mkdir(parents=True, exist_ok=True)
        for path in expected.iterdir():
            path.unlink()
        for path in produced.iterdir():
            (expected / path.name).write_bytes(path.read_bytes())
    assert sorted(path.name for path in produced.iterdir()) == sorted(path.name for path in expected.iterdir())
    for path in produced.iterdir():
        assert path.read_text() == (expected / path.name).read_text(), f"{path.name}: --update-golden, then review"


@pytest.mark.parametrize("feature_type", ["float32", "int32"])
@pytest.mark.parametrize("model", ["classes", "quantiles"])
def test_a_forests_files(model: str, feature_type: str, update_golden: bool, tmp_path: Path) -> None:
    source = read_model(MODELS / f"{model}.json")
    emit_forest(source, model, tmp_path, feature_type=feature_type)  # type: ignore[arg-type]
    compare(tmp_path, HERE / "expected" / f"{model}_{feature_type}", update_golden)


@pytest.mark.parametrize(("model", "feature_type"), [("classes", "float32"), ("quantiles", "int32")])
def test_files_of_the_fast_style(model: str, feature_type: str, update_golden: bool, tmp_path: Path) -> None:
    emit_forest(read_model(MODELS / f"{model}.json"), model, tmp_path, style="fast", feature_type=feature_type)  # type: ignore[arg-type]
    compare(tmp_path, HERE / "expected" / f"{model}_{feature_type}_fast", update_golden)


def test_an_exact_forests_tables(update_golden: bool, tmp_path: Path) -> None:
    """Without the runtime, which is no template."""
    emit_forest(read_model(MODELS / "quantiles.json"), "quantiles", tmp_path, style="exact")
    for path in tmp_path.glob("wp_*"):
        path.unlink()
    compare(tmp_path, HERE / "expected" / "quantiles_exact", update_golden)


@pytest.mark.parametrize(
    ("style", "model", "feature_type"),
    [("small", "classes", "float32"), ("small", "quantiles", "int32"), ("balanced", "classes", "int32")],
)
def test_tables(style: str, model: str, feature_type: str, update_golden: bool, tmp_path: Path) -> None:
    """Without the runtime, which is no template."""
    emit_forest(read_model(MODELS / f"{model}.json"), model, tmp_path, style=style, feature_type=feature_type)  # type: ignore[arg-type]
    for path in tmp_path.glob("wp_*"):
        path.unlink()
    compare(tmp_path, HERE / "expected" / f"{model}_{feature_type}_{style}", update_golden)


def test_an_artifacts_files(update_golden: bool, tmp_path: Path) -> None:
    emit_artifact(artifact(tmp_path / "artifact"), tmp_path / "c")
    compare(tmp_path / "c", HERE / "expected" / "artifact", update_golden)


def test_an_artifact_of_one_device_has_no_classifier(update_golden: bool, tmp_path: Path) -> None:
    """And removes the classifier that an earlier model left in the folder, but no file of the user's."""
    emit_artifact(artifact(tmp_path / "several"), tmp_path / "c")
    (tmp_path / "c" / "mine.c").write_text("int mine;\n")
    emit_artifact(artifact(tmp_path / "one", devices=("lamp",)), tmp_path / "c")
    assert (tmp_path / "c" / "mine.c").exists()
    (tmp_path / "c" / "mine.c").unlink()
    compare(tmp_path / "c", HERE / "expected" / "artifact_one_device", update_golden)


def test_another_style_removes_the_runtime_of_the_one_before(tmp_path: Path) -> None:
    made = artifact(tmp_path / "artifact", leaf_bits=12)
    folders = {}
    for name in (*INTEGER_STYLES, *reversed(INTEGER_STYLES)):
        emit_artifact(made, tmp_path / "used", style=name)
        emit_artifact(made, tmp_path / name, style=name)
        folders[name] = {path.name for path in (tmp_path / name).iterdir()}
        assert {path.name for path in (tmp_path / "used").iterdir()} == folders[name]
    assert len(set(map(frozenset, folders.values()))) > 1
    (tmp_path / "used" / "wp_forest_small.h").write_text("int mine;\n")
    emit_artifact(made, tmp_path / "used", style="fast")
    assert (tmp_path / "used" / "wp_forest_small.h").exists()
