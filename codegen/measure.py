"""What a folder of generated C costs: linked bytes, worst stack, executed instructions; and what it answers.

A forest's or a network's folder (`codegen compile MODEL`) is measured alone; an artifact's (`codegen compile
--artifact`) with the core: one whole answer, features, models, post-processing and state CRC. Bytes are those of a
program with it, less those of one without. Stack is the worst chain of calls the compiler knows, under an emulator at
least what a run has touched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen.emit.files import render
from codegen.errors import CodegenError, CompilerError
from codegen.measure_stack import XTENSA_BELOW_BYTES, parse_call_graphs, parse_xtensa, worst_stack
from codegen.measure_subject import Subject, read_subject
from codegen.measure_targets import (
    ROWS_AT_ONCE_BYTES,
    RUNTIME,
    TARGETS,
    Target,
    compile_object,
    execute,
    link,
    sizes,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

_OPTIMISATIONS = ("-Os", "-O2")
_OVERHEAD_MAX = 8
"""Instructions two readings of a counter may cost; more means that it counts something else."""
_N_TOTALS = 4
_ALL_TOUCHED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class _Bench:
    """A subject compiled for a target, in a folder of its own."""

    target: Target
    subject: Subject
    work: Path
    opt: str
    objects: tuple[Path, ...]
    start: tuple[Path, ...]

    def program(self, *runtime: str, with_subject: bool = True, define: str = "-DCALL=1") -> Path:
        """A program of the named files of measure_runtime."""
        out = self.work / f"{Path(runtime[0]).stem}_{define[-1]}"
        folders = (self.work, RUNTIME, self.target.machine or RUNTIME, *self.subject.includes)
        arguments = [self.opt, define, *(f"-I{path.resolve()}" for path in folders)]
        sources = [RUNTIME / name for name in runtime]
        objects = _compile_all(self.target, sources, out, arguments)
        link(self.target, [*self.start, *objects, *(self.objects if with_subject else ())], out)
        return out


def _compile_all(target: Target, sources: Sequence[Path], stem: Path, arguments: Sequence[str]) -> tuple[Path, ...]:
    """Objects beside `stem`, one a source."""
    objects = tuple(stem.with_name(f"{stem.name}.{index}.o") for index in range(len(sources)))
    for source, out in zip(sources, objects, strict=True):
        compile_object(target, source, out, arguments)
    return objects


def _target(name: str, opt: str) -> Target:
    if name not in TARGETS:
        raise CodegenError(f"target {name!r} is not there; existing: {' '.join(TARGETS)}")
    if opt not in _OPTIMISATIONS:
        raise CodegenError(f"--opt {opt!r} is not one of {' '.join(_OPTIMISATIONS)}")
    return TARGETS[name]


@contextmanager
def _bench(tools: Target, subject: Subject, opt: str) -> Iterator[_Bench]:
    with tempfile.TemporaryDirectory(prefix="wattprint-measure-") as temporary:
        work = Path(temporary)
        (work / "measure_call.h").write_text(render("measure_call.h.j2", subject.values), encoding="ascii")
        includes = [f"-I{path.resolve()}" for path in subject.includes]
        objects = _compile_all(tools, subject.sources, work / "subject", [opt, *includes])
        start = _compile_all(tools, tools.start, work / "start", [opt])
        yield _Bench(tools, subject, work, opt, objects, start)


def measure(
    folder: Path, *, target: str, opt: str = "-Os", inputs: Path | None = None, name: str | None = None
) -> dict[str, Any]:
    """flash_bytes, ram_bytes, stack_bytes and instructions {mean, max, rows, resolution} or None with a note.

    Raises CompilerError when a compiler or emulator is missing or fails.
    """
    tools, subject = _target(target, opt), read_subject(folder, name)
    with _bench(tools, subject, opt) as bench:
        flash, ram = _sizes(bench)
        stack = _stack(bench)
        result = {"target": target, "opt": opt, "flash_bytes": flash, "ram_bytes": ram, "stack_bytes": stack}
        note = "give --inputs to count instructions" if inputs is None else ""
        if not bench.target.emulator:
            note = f"{target} has no counter of executed instructions that is exact; measure rv32imc"
        if inputs is None or note:
            return result | {"instructions": None, "instructions_note": note}
        counts, touched = _count(bench, _read_inputs(bench, inputs))
    instructions = {
        "mean": round(float(counts.mean()), 1),
        "max": int(counts.max()),
        "rows": len(counts),
        "resolution": 1,  # proved by every run: measure_runtime/counter.c
    }
    return result | {"stack_bytes": max(stack, touched), "instructions": instructions}


def run_on_target(
    folder: Path, target: str, rows: ArrayLike, *, opt: str = "-Os", name: str | None = None
) -> NDArray[Any]:
    """The outputs of every row, bit for bit as the target computes them: [n, outputs] in the type of the C.

    `rows` [n, width]: a forest's features (float32 or int32, as it was compiled), a network's input bytes (int8), or
    an artifact's samples (codegen.measure_subject.SAMPLE_FIELDS, int32), whose outputs are ANSWER_FIELDS (int64).
    Rows are called in order, so what keeps state between calls keeps it. Compiles once and starts the emulator once
    for each 8 MB of rows: 5 000 rows of a small forest take about a second. `name` picks one of several models.
    Raises CodegenError for rows that do not fit, CompilerError when a program is missing, fails or crashes.
    """
    import numpy as np

    from codegen.measure_inputs import exact_rows

    tools, subject = _target(target, opt), read_subject(folder, name)
    table = exact_rows(rows, subject)
    at_once = max(1, ROWS_AT_ONCE_BYTES // (table.itemsize * table.shape[1]))
    if subject.kind != "forest" and len(table) > at_once:
        raise CodegenError(f"{len(table)} rows: at most {at_once} at once of what keeps state between calls")
    with _bench(tools, subject, opt) as bench:
        program = bench.program("run.c", "runtime.c", tools.system)
        pieces = [_run(bench, program, table[first : first + at_once]) for first in range(0, len(table), at_once)]
    return np.concatenate(pieces) if pieces else np.empty((0, subject.output_width), dtype=subject.output_dtype)


def count_on_target(
    folder: Path, target: str, rows: ArrayLike, *, opt: str = "-Os", name: str | None = None
) -> NDArray[np.uint32]:
    """Executed instructions of every row [n], exact to the instruction; rows as for run_on_target.

    Raises CodegenError for rows that do not fit or a target that cannot count, else as run_on_target.
    """
    from codegen.measure_inputs import exact_rows

    tools, subject = _target(target, opt), read_subject(folder, name)
    table = exact_rows(rows, subject)
    if not tools.emulator:
        raise CodegenError(f"{target} has no counter of executed instructions that is exact")
    if table.nbytes > ROWS_AT_ONCE_BYTES:
        raise CodegenError(f"{len(table)} rows are too many to count at once")
    with _bench(tools, subject, opt) as bench:
        return _count(bench, table)[0]


def _run(bench: _Bench, program: Path, rows: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    subject = bench.subject
    said = execute(bench.target, program, _image(bench.work, rows.tobytes(), len(rows)))
    expected = len(rows) * subject.output_width * np.dtype(subject.output_dtype).itemsize
    if len(said) != expected:
        raise CompilerError(f"{subject.entry}: the program wrote {len(said)} bytes, {expected} were expected")
    return np.frombuffer(said, dtype=subject.output_dtype).reshape(len(rows), subject.output_width)


def _image(work: Path, rows: bytes, n_rows: int) -> Path:
    """A file of rows as measure_runtime/runtime.h lays them out."""
    path = work / "rows.bin"
    path.write_bytes(n_rows.to_bytes(4, "little") + bytes(12) + rows)
    return path


def _sizes(bench: _Bench) -> tuple[int, int]:
    """Linked bytes of code and constant data, and of variables: with the call less without."""
    with_call = sizes(bench.target, bench.program("size.c"))
    without = sizes(bench.target, bench.program("size.c", define="-DCALL=0", with_subject=False))
    return with_call[0] - without[0], with_call[1] - without[1]


def _stack(bench: _Bench) -> int:
    subject = bench.subject
    if bench.target.compiler:
        graphs = [path.with_suffix(".ci").read_text(encoding="utf-8") for path in bench.objects]
        return worst_stack(parse_call_graphs(graphs), subject.entry, subject.indirect)
    texts = [path.with_suffix(".s").read_text(encoding="utf-8") for path in (*bench.objects, *bench.start)]
    return worst_stack(parse_xtensa(texts), subject.entry, subject.indirect) + XTENSA_BELOW_BYTES


def _read_inputs(bench: _Bench, inputs: Path) -> NDArray[Any]:
    from codegen.measure_inputs import feature_rows, sample_rows

    kind = bench.subject.kind
    return sample_rows(inputs, kind) if kind in ("artifact", "household") else feature_rows(inputs, bench.subject)


def _count(bench: _Bench, rows: NDArray[Any]) -> tuple[NDArray[np.uint32], int]:
    """Executed instructions of each row, and bytes of stack that any of them has touched."""
    import numpy as np

    program = bench.program("count.c", "counter.c", "runtime.c", bench.target.system)
    said = execute(bench.target, program, _image(bench.work, rows.tobytes(), len(rows)), count=True)
    if len(said) != 4 * (len(rows) + _N_TOTALS):
        raise CompilerError(f"{bench.subject.entry}: the program wrote {len(said)} bytes")
    numbers = np.frombuffer(said, dtype="<u4")
    overhead, stack, overflowed, _ = (int(number) for number in numbers[-_N_TOTALS:])
    if overhead > _OVERHEAD_MAX:
        emulator, packages = bench.target.emulator[0], bench.target.packages
        raise CompilerError(f"{emulator}: does not count executed instructions; install {packages}")
    if overflowed:
        raise CompilerError(f"{bench.subject.entry}: one call executes more instructions than the target can count")
    if stack == _ALL_TOUCHED:
        raise CompilerError(f"{bench.subject.entry}: touches more stack than is watched")
    return numbers[:-_N_TOTALS], stack
