"""Style tflm: the array in the linked program is the model, bit for bit what TensorFlow Lite Micro made of the file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from codegen.emit.network import emit_network
from codegen.emit.tflite_strip import strip_model
from codegen.readers.tflite import NetworkSource, network_of, read_network
from tests.oracle.network_sequences import drawn_rows
from tests.oracle.tflite_micro import Interpreter
from tests.parity.compiled import WARNINGS
from tests.unit.codegen.drawn_networks import draw_network

MODELS = sorted((Path(os.environ.get("WATTPRINT_BENCH", "nowhere")) / "networks").glob("*.tflite"))
pytestmark = [pytest.mark.tflm, pytest.mark.parity]

# As much of the interpreter's face as the glue touches.
FACE = {
    "tensorflow/lite/schema/schema_generated.h": """namespace tflite {
struct Model;
const Model *GetModel(const void *);
}""",
    "tensorflow/lite/micro/micro_mutable_op_resolver.h": """#include <cstddef>
#include <cstdint>
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
namespace tflite {
class MicroOpResolver {};
template <unsigned n> class MicroMutableOpResolver : public MicroOpResolver {
public:
    TfLiteStatus METHODS;
};
}""",
    "tensorflow/lite/micro/micro_interpreter.h": """#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
struct TfLiteTensor { struct { int8_t *int8; } data; };
namespace tflite {
struct Model;
class MicroInterpreter {
public:
    MicroInterpreter(const Model *, const MicroOpResolver &, uint8_t *, size_t);
    TfLiteStatus AllocateTensors();
    TfLiteStatus Invoke();
    TfLiteStatus Reset();
    TfLiteTensor *input(size_t);
    TfLiteTensor *output(size_t);
};
}""",
}


def outputs_of(model: bytes, n_inputs: int) -> np.ndarray:
    return Interpreter(model).invoke(drawn_rows(np.random.default_rng(6), 40, n_inputs))


def check_array(source: NetworkSource, folder: Path, compiler: tuple[str, ...]) -> None:
    """The bytes of the array, taken out of a linked program, in the interpreter."""
    emit_network(source, "net", folder, style="tflm")
    (folder / "main.c").write_text('#include "net_model.h"\nint main(void) { return net_model[0]; }\n')
    program = folder / "program"
    sources = [str(folder / name) for name in ("main.c", "net_model.c")]
    command = [*compiler, *WARNINGS, "-I", str(folder), *sources, "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with program.open("rb") as stream:
        elf = ELFFile(stream)
        symbols = elf.get_section_by_name(".symtab")
        assert isinstance(symbols, SymbolTableSection)
        found = symbols.get_symbol_by_name("net_model")
        assert found is not None
        symbol = found[0]
        section = elf.get_section(symbol["st_shndx"])
        start = symbol["st_value"] - section["sh_addr"]
        array = section.data()[start : start + symbol["st_size"]]
    assert symbol["st_value"] % 16 == 0
    assert len(array) < len(source.data)
    n_inputs = sum(source.network.tensors[index].size for index in source.network.inputs)
    assert np.array_equal(outputs_of(array, n_inputs), outputs_of(source.data, n_inputs))


@pytest.mark.bench
@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in MODELS or [Path("none.tflite")]])
def test_array_of_a_benchmark(path: Path, tmp_path: Path) -> None:
    check_array(read_network(path), tmp_path, ("gcc",))


@pytest.mark.qemu
def test_array_in_a_program_for_a_microcontroller(tmp_path: Path) -> None:
    source = network_of(draw_network(34).data, "drawn.tflite", "drawn")
    gcc = ("riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "--specs=picolibc.specs")
    check_array(source, tmp_path, gcc)


def test_stripped_models_answer_alike() -> None:
    for seed in range(60):
        model = draw_network(seed).data
        source = network_of(model, "drawn.tflite", "drawn")
        n_inputs = sum(source.network.tensors[index].size for index in source.network.inputs)
        stripped = strip_model(model)
        assert len(stripped) < len(model)
        assert np.array_equal(outputs_of(stripped, n_inputs), outputs_of(model, n_inputs)), seed


def test_glue_compiles_and_names_exactly_the_operators(tmp_path: Path) -> None:
    source = network_of(draw_network(21).data, "drawn.tflite", "drawn")
    emit_network(source, "net", tmp_path / "c", style="tflm")
    text = (tmp_path / "c" / "net.cc").read_text()
    added = [line.strip().removesuffix("();") for line in text.splitlines() if line.startswith("        Add")]
    assert len(added) == len(source.operators)
    for name, content in FACE.items():
        path = tmp_path / "face" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        methods = "(), ".join(added) + "()"
        path.write_text("#pragma once\n" + content.replace("METHODS", methods) + "\n")
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", str(tmp_path / "face")]
    done = subprocess.run([*command, str(tmp_path / "c" / "net.cc")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
