"""python -m network_bench [--models dense,lstm] [--rows N] [--out FILE.json]: networks in C beside TFLite Micro.

Bytes and executed instructions are of rv32imc under QEMU: style aot at -Os, aot-fast at -O2, one program for both.
RAM is arena, stack and the caller's input and output. What TensorFlow Lite Micro takes is quoted: whole programs,
measured once with the same models and compiler, start-up and test main of 1.5 KB included. Where its wheel is
installed, its answers to `--rows` inputs are compared with those of the C on this machine, under sanitizers, as
sequences with resets.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from codegen.emit.network import emit_network
from codegen.errors import CodegenError
from codegen.measure import measure
from codegen.readers.tflite import NetworkSource, read_network

FOLDER = "WATTPRINT_BENCH"
STYLES = (("aot", "-Os"), ("aot-fast", "-O2"))
N_COUNTED = 200
Row = dict[str, Any]

# rv32imc: flash bytes, instructions of an invoke, RAM bytes (None: not measured).
QUOTED: dict[str, tuple[tuple[str, int, int, int | None], ...]] = {
    "dense": (
        ("TFLM -Os (quoted)", 36_952, 19_980, 1_804),
        ("TFLM + ESP-NN -O2 (quoted)", 40_448, 17_658, None),
    ),
    "separable_conv": (
        ("TFLM -Os (quoted)", 51_512, 694_624, 3_596),
        ("TFLM -O2 (quoted)", 59_984, 301_004, None),
        ("TFLM + ESP-NN -O2 (quoted)", 68_408, 209_163, None),
    ),
    "lstm": (("TFLM -Os (quoted)", 56_032, 1_136_185, None),),
}
COLUMNS = (
    ("model", "model"),
    ("form", "form"),
    ("flash_bytes", "flash"),
    ("instructions", "instructions"),
    ("ram_bytes", "RAM"),
    ("arena_bytes", "arena"),
    ("rows", "rows"),
    ("mismatches", "wrong rows"),
    ("times_smaller", "x smaller"),
    ("times_fewer_instructions", "x fewer instr."),
    ("times_less_ram", "x less RAM"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write JSON; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m network_bench", description=__doc__)
    parser.add_argument("--models", default="", metavar="A,B", help=f"of {FOLDER}/networks (default: all)")
    parser.add_argument(
        "--rows", type=int, default=100_000, metavar="N", help="inputs to compare (default: %(default)s)"
    )
    parser.add_argument("--work", type=Path, default=Path("build/bench/network"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("build/bench/network.json"), metavar="FILE")
    args = parser.parse_args(argv)
    started = time.monotonic()
    wanted = tuple(filter(None, args.models.split(",")))
    paths = sorted((Path(os.environ.get(FOLDER, "nowhere")) / "networks").glob("*.tflite"))
    paths = [path for path in paths if not wanted or path.stem in wanted]
    if not paths:
        print(f"bench-network: no model; {FOLDER} names a folder with networks/NAME.tflite", file=sys.stderr)
        return 2
    work = args.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    rows: list[Row] = []
    try:
        for path in paths:
            if sys.stderr.isatty():
                print(f"{path.stem} ...", file=sys.stderr)
            rows += measure_model(path, work / path.stem, args.rows)
    except CodegenError as error:
        print(f"bench-network: {error}", file=sys.stderr)
        return error.exit_code
    show(rows)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    wrong = sum(row.get("mismatches") or 0 for row in rows)
    print(f"{len(rows)} rows in {time.monotonic() - started:.0f} s, {wrong} outputs differ")
    return 1 if wrong else 0


def measure_model(path: Path, work: Path, n_rows: int) -> Iterator[Row]:
    """A row for each style, then the quoted ones."""
    source = read_network(path)
    tensors = source.network.tensors
    ends = sum(tensors[index].size for index in (*source.network.inputs, *source.network.outputs))
    n_inputs = sum(tensors[index].size for index in source.network.inputs)
    work.mkdir(parents=True)
    inputs = work / "rows.npz"
    np.savez(inputs, x=np.random.default_rng(0).integers(-128, 128, (N_COUNTED, n_inputs)))
    known = _known(source, n_rows)
    quoted = QUOTED.get(path.stem, ())
    for style, opt in STYLES:
        folder = work / style
        emit_network(source, "net", folder, style=style)
        cost = measure(folder, target="rv32imc", opt=opt, inputs=inputs)
        ram = cost["ram_bytes"] + cost["stack_bytes"] + ends
        row: Row = {
            "model": path.stem,
            "form": f"{style} {opt}",
            "flash_bytes": cost["flash_bytes"],
            "instructions": cost["instructions"]["max"],
            "ram_bytes": ram,
            "arena_bytes": cost["ram_bytes"],
        }
        if known is not None:
            row |= {"rows": len(known.rows), "mismatches": count_mismatches(folder, known)}
        yield row | _ratios(row, quoted)
    for form, flash, instructions, ram_bytes in quoted:
        yield {
            "model": path.stem,
            "form": form,
            "flash_bytes": flash,
            "instructions": instructions,
            "ram_bytes": ram_bytes,
        }


def _known(source: NetworkSource, n_rows: int) -> Any:
    """TensorFlow Lite Micro's own answers, None where its wheel is not installed."""
    if not n_rows or find_spec("tflite_micro") is None:
        return None
    from tests.oracle.network_sequences import run_sequences

    return run_sequences(source, n_rows, 2)


def count_mismatches(folder: Path, known: Any) -> int:
    """Rows the C on this machine answers otherwise."""
    from tests.parity.network_program import run_networks

    outputs = run_networks(folder, {"net": known.rows}, {"net": known.resets}, "gcc", "-O2")["net"]
    return int((outputs != known.outputs).any(axis=1).sum())


def _ratios(row: Row, quoted: Sequence[tuple[str, int, int, int | None]]) -> Row:
    """How many times the quoted figure at the same level of optimisation, the best of them, is ours."""
    level = row["form"][-3:]
    same = [entry for entry in quoted if level in entry[0]] or list(quoted)
    if not same:
        return {}
    ratios = {
        "times_smaller": round(min(entry[1] for entry in same) / row["flash_bytes"], 1),
        "times_fewer_instructions": round(min(entry[2] for entry in same) / row["instructions"], 1),
    }
    ram = [entry[3] for entry in quoted if entry[3] is not None]
    return ratios | ({"times_less_ram": round(min(ram) / row["ram_bytes"], 1)} if ram else {})


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    title = "bench-network, rv32imc; quoted: TensorFlow Lite Micro, whole programs"
    table = Table(title=title, title_justify="left", show_edge=False)
    for key, name in COLUMNS:
        table.add_column(name, justify="left" if key in ("model", "form") else "right", no_wrap=True)
    for row in rows:
        values = (row.get(key) for key, _ in COLUMNS)
        table.add_row(*("" if value is None else str(value) for value in values))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
