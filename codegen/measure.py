"""What a folder of generated C costs: linked bytes, worst stack, executed instructions.

A forest's folder (`codegen compile MODEL`) is measured alone; an artifact's (`codegen compile --artifact`) with the
core: one whole answer, features, models, post-processing and state CRC. Bytes are those of a program with it, less
those of one without. Stack is the worst chain of calls gcc knows, on rv32imc at least what a run has touched.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen.emit.files import render
from codegen.errors import CodegenError, CompilerError, DeadlineError
from codegen.measure_stack import parse_call_graphs, worst_stack

_ROOT = Path(__file__).resolve().parent.parent
_RUNTIME = Path(__file__).resolve().parent / "measure_runtime"
_CORE = _ROOT / "firmware" / "lib" / "core"
_START = _ROOT / "firmware" / "platform" / "qemu" / "bsp" / "start.S"
_OPTIMISATIONS = ("-Os", "-O2")
_FLAGS = (
    *("-std=c11", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"),
    *("-ffp-contract=off", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"),
)
_SECONDS_MAX = 600


@dataclass(frozen=True, slots=True)
class _Target:
    compiler: str
    size: str
    install: str  # what to install when the compiler is missing
    flags: tuple[str, ...] = ()
    emulator: tuple[str, ...] = ()


TARGETS = {
    "host": _Target("gcc", "size", "gcc"),
    "rv32imc": _Target(
        "riscv64-unknown-elf-gcc",
        "riscv64-unknown-elf-size",
        "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc",
        (
            *("-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "--specs=picolibc.specs", "-nostartfiles"),
            *("-T", str(_RUNTIME / "virt.ld"), str(_START)),
        ),
        (
            *("qemu-system-riscv32", "-M", "virt", "-bios", "none", "-display", "none", "-serial", "stdio"),
            *("-monitor", "none", "-icount", "shift=0", "-kernel"),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is measured: its sources and how it is called."""

    sources: tuple[Path, ...]
    includes: tuple[Path, ...]
    entry: str
    indirect: tuple[str, ...]
    values: dict[str, Any]
    n_features: int = 0
    feature_type: str = ""


def measure(folder: Path, *, target: str, opt: str = "-Os", inputs: Path | None = None) -> dict[str, Any]:
    """flash_bytes, ram_bytes, stack_bytes and instructions {mean, max, rows} or None with `instructions_note`.

    Raises CompilerError when a compiler or emulator is missing or fails.
    """
    if target not in TARGETS:
        raise CodegenError(f"target {target!r} is not there; existing: {' '.join(TARGETS)}")
    if opt not in _OPTIMISATIONS:
        raise CodegenError(f"--opt {opt!r} is not one of {' '.join(_OPTIMISATIONS)}")
    subject, tools = _subject(folder), TARGETS[target]
    with tempfile.TemporaryDirectory(prefix="wattprint-measure-") as name:
        work = Path(name)
        (work / "measure_call.h").write_text(render("measure_call.h.j2", subject.values), encoding="ascii")
        flash, ram = _sizes(tools, subject, work, opt)
        stack = _stack(tools, subject, work, opt)
        result = {"target": target, "opt": opt, "flash_bytes": flash, "ram_bytes": ram, "stack_bytes": stack}
        note = "give --inputs to count instructions" if inputs is None else ""
        if not tools.emulator:
            note = f"{target} has no counter of executed instructions that is exact; measure rv32imc"
        if inputs is None or note:
            return result | {"instructions": None, "instructions_note": note}
        counts = _count(tools, subject, work, opt, inputs)
    instructions = {"mean": round(counts["sum"] / counts["rows"], 1), "max": counts["max"], "rows": counts["rows"]}
    return result | {"stack_bytes": max(stack, counts["stack"]), "instructions": instructions}


def _subject(folder: Path) -> _Subject:
    sources = tuple(sorted(folder.glob("*.c")))
    if not sources:
        raise CodegenError(f"{folder}: holds no .c file; make some with: python -m codegen compile")
    if folder / "model.c" in sources:
        core = tuple(sorted((_CORE / "src").glob("*.c")))
        return _Subject(
            sources=sources + core,
            includes=(folder, _CORE / "include"),
            entry="wp_charge_update",
            indirect=("wp_device_predict", "wp_remaining_predict"),
            values={"kind": "artifact"},
        )
    if len(sources) > 1:
        raise CodegenError(f"{folder}: holds {len(sources)} models; measure one at a time, each in its own folder")
    name = sources[0].stem
    header = sources[0].with_suffix(".h").read_text(encoding="ascii")
    n_features = re.search(rf"#define {name.upper()}_N_FEATURES (\d+)", header)
    feature_type = re.search(rf"typedef (\w+) {name}_feature;", header)
    if n_features is None or feature_type is None:
        raise CodegenError(f"{folder}: {name}.h is not generated by codegen compile")
    values = {"kind": "forest", "name": name, "NAME": name.upper()}
    return _Subject(sources, (folder,), f"{name}_predict", (), values, int(n_features[1]), feature_type[1])


def _compile(tools: _Target, subject: _Subject, work: Path, arguments: Sequence[str]) -> None:
    includes = [f"-I{path.resolve()}" for path in (work, _RUNTIME, *subject.includes)]
    _run([tools.compiler, *_FLAGS, *tools.flags, *includes, *arguments], work, tools.install)


def _sizes(tools: _Target, subject: _Subject, work: Path, opt: str) -> tuple[int, int]:
    """Linked bytes of code and constant data, and of variables: with the call less without."""
    sources = [str(path.resolve()) for path in subject.sources]
    totals = []
    for call in (1, 0):
        program = work / f"size{call}.elf"
        arguments = [opt, f"-DCALL={call}", str(_RUNTIME / "size.c"), *(sources if call else ()), "-o", str(program)]
        _compile(tools, subject, work, arguments)
        line = _run([tools.size, "-B", str(program)], work, tools.install).splitlines()[1]
        text, data, bss = (int(field) for field in line.split()[:3])
        totals.append((text + data, data + bss))
    return totals[0][0] - totals[1][0], totals[0][1] - totals[1][1]


def _stack(tools: _Target, subject: _Subject, work: Path, opt: str) -> int:
    graphs = []
    flags = [flag for flag in tools.flags if flag not in ("-T", "-nostartfiles") and not flag.startswith("/")]
    for index, source in enumerate(subject.sources):
        stem = work / f"graph{index}"
        arguments = [opt, "-fcallgraph-info=su", "-c", str(source.resolve()), "-o", str(stem.with_suffix(".o"))]
        includes = [f"-I{path.resolve()}" for path in subject.includes]
        _run([tools.compiler, *_FLAGS, *flags, *includes, *arguments], work, tools.install)
        graphs.append(stem.with_suffix(".ci").read_text(encoding="utf-8"))
    return worst_stack(parse_call_graphs(graphs), subject.entry, subject.indirect)


def _count(tools: _Target, subject: _Subject, work: Path, opt: str, inputs: Path) -> dict[str, int]:
    from codegen.measure_inputs import feature_rows, sample_rows

    artifact = subject.values["kind"] == "artifact"
    rows = sample_rows(inputs) if artifact else feature_rows(inputs, subject.n_features, subject.feature_type)
    (work / "rows.bin").write_bytes(rows)
    runtime = [str(_RUNTIME / name) for name in ("count.c", "runtime.c", "rows.S")]
    sources = [str(path.resolve()) for path in subject.sources]
    program = work / "count.elf"
    _compile(tools, subject, work, [opt, *runtime, *sources, "-o", str(program)])
    output = _run([*tools.emulator, str(program)], work, tools.install)
    counts = {name: int(value) for name, value in (line.split() for line in output.splitlines())}
    if counts.get("overhead", 1 << 32) > 8 or not counts.get("rows"):
        raise CompilerError(f"{tools.emulator[0]}: does not count executed instructions; install {tools.install}")
    return counts


def _run(command: Sequence[str], work: Path, install: str) -> str:
    if shutil.which(command[0]) is None:
        raise CompilerError(f"{command[0]} is not installed; on Debian: apt-get install {install}")
    try:
        done = subprocess.run(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeadlineError(
            f"{command[0]}: takes longer than {_SECONDS_MAX} s; give a smaller model or --inputs"
        ) from None
    if done.returncode:
        lines = (
            [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines() or ["no word"]
        )
        raise CompilerError(f"{command[0]} failed ({done.returncode}): {lines[0]}")
    return done.stdout
