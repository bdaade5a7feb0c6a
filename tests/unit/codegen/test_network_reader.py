"""The reader of .tflite models: one clear line for whatever it refuses, and no file that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from codegen.cli import main
from codegen.emit.network import network_files
from codegen.errors import CodegenError, ModelError
from codegen.readers.tflite import OPERATORS, network_of, read_network
from tests.golden.made import MODELS
from tests.unit.codegen.made_networks import ACTIVATION, Builder

pytestmark = pytest.mark.tflm

Break = Callable[[Builder], None]


def dense(change: Break = lambda _: None) -> bytes:
    """A layer of 2 x 3 weights, changed before it is written."""
    builder = Builder()
    x = builder.tensor((1, 3), 0.1, 4, name="x")
    data = np.array([[1, 2, 3], [-4, 5, 6]], np.int8)
    w = builder.tensor((2, 3), [0.01, 0.02], data=data, name="kernel")
    b = builder.tensor((2,), [0.001, 0.002], data=np.array([5, -5], np.int32), kind="INT32", name="bias")
    y = builder.tensor((1, 2), 0.05, -1, name="y")
    builder.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    change(builder)
    return builder.finish([x], [y])


def refusal(data: bytes) -> str:
    with pytest.raises(ModelError) as caught:
        network_of(data, "m.tflite", "m.tflite")
    message = str(caught.value)
    assert message.startswith("m.tflite: ")
    assert "\n" not in message
    return message


def set_type(index: int, kind: str) -> Break:
    def change(builder: Builder) -> None:
        builder.graph.tensors[index].type = getattr(builder.fb.TensorType, kind)

    return change


def set_shape(index: int, *shape: int) -> Break:
    def change(builder: Builder) -> None:
        builder.graph.tensors[index].shape = list(shape)

    return change


def set_quantization(index: int, **fields: list[float] | list[int] | int) -> Break:
    def change(builder: Builder) -> None:
        for name, value in fields.items():
            setattr(builder.graph.tensors[index].quantization, name, value)

    return change


def set_option(name: str, value: int) -> Break:
    def change(builder: Builder) -> None:
        setattr(builder.graph.operators[0].builtinOptions, name, value)

    return change


REFUSED: dict[str, tuple[Break, tuple[str, ...]]] = {
    "float input": (set_type(0, "FLOAT32"), ("operator 0 FULLY_CONNECTED", "'x'", "FLOAT32", "full int8")),
    "int16 output": (set_type(3, "INT16"), ("operator 0 FULLY_CONNECTED", "'y'", "INT16")),
    "weights of int4": (set_type(1, "INT4"), ("operator 0 FULLY_CONNECTED", "'kernel'", "INT4")),
    "bias of int64": (set_type(2, "INT64"), ("'bias'", "bytes of data")),
    "another shape": (set_shape(0, 1, 4), ("operator 0 FULLY_CONNECTED", "do not fit")),
    "dynamic batch": (set_shape(0, -1, 3), ("'x'", "fixed batch")),
    "no scale": (set_quantization(0, scale=[]), ("'x'", "no single scale")),
    "scale of 0": (set_quantization(3, scale=[0.0]), ("'y'", "no single scale")),
    "asymmetric weights": (set_quantization(1, zeroPoint=[0, 1]), ("'kernel'", "zero points")),
    "three scales for two channels": (
        set_quantization(1, scale=[0.1] * 3, zeroPoint=[0] * 3),
        ("'kernel'", "3 scales"),
    ),
    "negative scale": (set_quantization(1, scale=[0.1, -0.1]), ("'kernel'", "below 0")),
    "another activation": (set_option("fusedActivationFunction", ACTIVATION["TANH"]), ("TANH", "RELU6")),
    "shuffled weights": (set_option("weightsFormat", 1), ("shuffled",)),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused(name: str) -> None:
    change, words = REFUSED[name]
    message = refusal(dense(change))
    assert all(word in message for word in words), message


def test_an_operator_that_is_not_compiled() -> None:
    """Its name and number, the tensor it writes, and what there is instead."""
    builder = Builder()
    x, y = builder.tensor((1, 3), 0.1, 4), builder.tensor((1, 3), 0.1, 4, name="rooted")
    builder.operator("RSQRT", [x], [y])
    message = refusal(builder.finish([x], [y]))
    assert "operator 0 RSQRT" in message
    assert "'rooted'" in message
    assert all(operator in message for operator in OPERATORS)


def test_sums_that_could_overflow() -> None:
    def change(builder: Builder) -> None:
        data = np.array([(1 << 30) + 5, 0], np.int32).tobytes()
        builder.model.buffers[2].data = np.frombuffer(data, np.uint8)

    assert "2^30" in refusal(dense(change))


def test_reads_what_was_not_written() -> None:
    builder = Builder()
    x, y = builder.tensor((1, 3), 0.1, 4), builder.tensor((1, 3), 1 / 256, -128)
    builder.operator("LOGISTIC", [x], [y])
    assert "before anything wrote it" in refusal(builder.finish([y], [x]))


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "no .tflite model" in refusal(b"")
    assert "no .tflite model" in refusal(b'{"learner": {}}' * 10)
    with pytest.raises(ModelError, match="cannot be read"):
        read_network(tmp_path / "missing.tflite")


def test_a_file_cut_short_is_damaged() -> None:
    """Wherever it ends; what is read is inside the file or not read at all."""
    data = MODELS["net_rows"]()
    for length in range(16, len(data), 5):
        refusal(data[:length])


@pytest.mark.parametrize("name", list(MODELS))
def test_damaged_files_break_nothing(name: str) -> None:
    """Bytes changed at random: C for what still is a model, one line for what is none."""
    data, rng = MODELS[name](), np.random.default_rng(3)
    refused: list[str] = []
    for _ in range(150):
        changed = bytearray(data)
        for place in rng.integers(0, len(data), int(rng.integers(1, 4))):
            changed[place] = rng.integers(0, 256)
        try:
            network_files(network_of(bytes(changed), "m.tflite", "m.tflite"), "net")
        except CodegenError as error:
            refused.append(str(error))
    assert len(refused) > 15
    assert not any("\n" in message for message in refused)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Styles of the other kind of model, options that are not a network's, and a model that cannot be read."""
    path = tmp_path / "Charge-Phase.tflite"
    path.write_bytes(dense())

    def said(*arguments: str) -> str:
        assert main(["compile", *arguments, "--out", str(tmp_path / "c")]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        return lines[0]

    assert "'exact' is for XGBoost models" in said(str(path), "--emit", "exact")
    assert "not there" in said(str(path), "--emit", "fastest")
    assert "--features" in said(str(path), "--features", "int32")
    assert "--emit auto" in said(str(path), "--inputs", "rows.npz")
    assert "no array x" in said(str(path), "--emit", "auto", "--inputs", str(path))
    assert "go with --emit auto" in said(str(path), "--budget-flash", "100")
    forest = tmp_path / "forest.json"
    forest.write_text("{}")
    assert "'aot' is for networks" in said(str(forest), "--emit", "aot")
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(dense()[:300])
    assert "damaged" in said(str(broken))
    assert not (tmp_path / "c").exists()
    assert main(["compile", str(path), "--out", str(tmp_path / "c")]) == 0
    assert "charge_phase.c" in capsys.readouterr().out
    assert (tmp_path / "c" / "charge_phase.h").exists()
