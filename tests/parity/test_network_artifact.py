"""Networks from rows to the board's C: the same bytes twice, and every answer equal to TensorFlow Lite Micro's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.cli import main as codegen
from codegen.emit.artifact import emit_artifact
from codegen.errors import StyleError
from codegen.measure import run_on_target
from tests.unit.train.fleet import dataset
from train.artifact import load_artifact
from train.config import Config, Dense, Forest, Forests, NetworkSettings, Recurrent, RemainingForest, Split, Windowed
from train.errors import ConfigError, TrainError
from train.evaluate.run import evaluate
from train.models.fit import fit
from train.models.network.layers import TOPOLOGIES
from train.models.network.silence import silenced
from train.models.predict import predict

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("network")]

QUICK = Config(
    forest=Forests(device=Forest(rounds=3, max_depth=3), remaining=RemainingForest(rounds=3, max_depth=3)),
    network=NetworkSettings(
        epochs=8,
        batch=64,
        distil=0.0,
        dense=Dense(inputs=16, units=12, hidden=8),
        conv=Windowed(inputs=16, units=12, hidden=8, rows=9),
        separable=Windowed(inputs=16, units=12, hidden=8, rows=9),
        gru=Recurrent(inputs=16, units=8, hidden=8),
    ),
    split=Split(enough_calibration_units=0),
)


def config_of(topology: str, **changes: Any) -> Config:
    return replace(QUICK, network=replace(QUICK.network, topology=topology, **changes))


@pytest.fixture(scope="module")
def charges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("fleet") / "data", n_devices=2, n_units=4)


@dataclass(frozen=True)
class Proved:
    """A trained network, its C in a style, and the answers that the reference gives to held-out charges."""

    artifact: Path
    model: Path
    rows: NDArray[np.int32]
    expected: NDArray[np.int64]


@pytest.fixture(scope="module", params=TOPOLOGIES)
def proved(request: pytest.FixtureRequest, charges: Path, tmp_path_factory: pytest.TempPathFactory) -> Proved:
    topology, folder = str(request.param), tmp_path_factory.mktemp(str(request.param))
    artifact_dir, model, file = folder / "artifact", folder / "model", folder / "reference.npz"
    fit(charges, artifact_dir, config_of(topology), kind="network")
    artifact = load_artifact(artifact_dir)
    assert artifact.network is not None
    assert (artifact.kind, artifact.network.topology) == ("network", topology)
    assert codegen(["reference", "--artifact", str(artifact_dir), "--data", str(charges), "--out", str(file)]) == 0
    emit_artifact(artifact, model, style="aot-fast" if topology == "conv" else None)
    with np.load(file) as reference:
        expected = np.column_stack(
            [reference[key] for key in ("device", "confidence_permille", "remaining_s", "flags", "state_crc")]
        ).astype(np.int64)
        begins = np.isin(np.arange(len(expected)), reference["offsets"][:-1])
        samples = [reference[key].astype(np.int64).astype(np.uint32) for key in ("t_ms", "voltage_mv", "current_ma")]
    rows = np.column_stack([begins.astype(np.uint32), *samples]).view(np.int32)
    return Proved(artifact_dir, model, rows, expected)


@pytest.mark.parity
def test_the_board_answers_as_tensorflow_lite_micro(proved: Proved, charges: Path) -> None:
    assert len(np.unique(proved.expected[:, 4])) > 10
    assert np.array_equal(run_on_target(proved.model, "host", proved.rows), proved.expected)
    quality = evaluate(proved.artifact, charges)["quality"]
    assert 0.4 <= quality["accuracy"]["60s"] <= 1.0
    assert set(quality["mae_minutes"]) >= {"60s", "300s", "overall"}
    with pytest.raises(StyleError, match="'tflm' needs a library that the firmware does not link; take aot or aot-fa"):
        emit_artifact(load_artifact(proved.artifact), proved.model, style="tflm")


@pytest.mark.qemu
def test_so_does_rv32imc(proved: Proved) -> None:
    assert np.array_equal(run_on_target(proved.model, "rv32imc", proved.rows), proved.expected)


def test_the_same_rows_give_the_same_bytes_with_a_teacher_too(charges: Path, tmp_path: Path) -> None:
    """TensorFlow's sums, the calibration and the teacher's folds: nothing is left to chance."""
    config = config_of("dense", distil=0.5)
    for name in ("a", "b"):
        summary = fit(charges, tmp_path / name, config, kind="network", name="same")
        assert "distilled from the forest: device right" in summary.notes[0]
        assert "without it: device right" in summary.notes[0]
    assert load_artifact(tmp_path / "a").hash == load_artifact(tmp_path / "b").hash
    other = replace(config, network=replace(config.network, seed=2))
    fit(charges, tmp_path / "c", other, kind="network", name="same")
    files = [(tmp_path / name / "network.tflite").read_bytes() for name in ("b", "c")]
    assert files[0] != files[1]


def test_one_device_has_no_classifier(tmp_path: Path) -> None:
    alone = dataset(tmp_path / "one", n_devices=1, n_units=3)
    fit(alone, tmp_path / "artifact", config_of("dense"), kind="network")
    artifact = load_artifact(tmp_path / "artifact")
    assert artifact.network is not None
    assert (artifact.network.n_margins, artifact.device_model, artifact.softmax) == (0, None, None)
    predict(tmp_path / "artifact", alone, tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as file:
        assert file["device_margin"].shape == (len(file["t_ms"]), 0)
    emit_artifact(artifact, tmp_path / "model")
    assert ".n_devices = 1" in (tmp_path / "model" / "model.c").read_text()


def test_what_does_not_fit_the_state_is_refused(charges: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"network.conv.rows: 252 bytes to keep, the state has room for \d+"):
        fit(charges, tmp_path / "a", config_of("conv", conv=Windowed(rows=64)), kind="network")
    with pytest.raises(ConfigError, match=r"network.conv.kernel 8: too long for 9 rows"):
        fit(charges, tmp_path / "a", config_of("conv", conv=Windowed(rows=9, kernel=8)), kind="network")


def _converted(*, whole: bool, batch: int | None) -> bytes:
    """A dense layer and a rounding, or one of floats alone, as TensorFlow converts them."""
    from train.models.network.learn import quiet_tensorflow

    tf = quiet_tensorflow(1)
    import tf_keras as keras

    inputs = keras.Input((4,), batch_size=batch)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="relu" if whole else "gelu")(inputs))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if whole:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([np.full((1, 4), v, np.float32)] for v in (-1, 1))
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with silenced():
        return bytes(converter.convert())


def test_the_lint_tells_what_a_board_cannot_run() -> None:
    from train.models.network.lint import lint

    found = lint(_converted(whole=True, batch=1), "net.tflite")
    assert found.operators == ("FULLY_CONNECTED",)
    assert [tensor.n_bytes for tensor in (*found.inputs, *found.outputs)] == [4, 3]
    with pytest.raises(TrainError, match=r"net.tflite: FULLY_CONNECTED: tensor .* has a size of \[-1, 4\]"):
        lint(_converted(whole=True, batch=None), "net.tflite")
    with pytest.raises(TrainError, match=r"net.tflite: (FULLY_CONNECTED: tensor .* is FLOAT32|operator \w+ is not)"):
        lint(_converted(whole=False, batch=1), "net.tflite")
    with pytest.raises(TrainError, match=r"net.tflite: is not a .tflite file"):
        lint(b"nothing of the sort", "net.tflite")
