"""Compiles emitted C with the flags of docs/design.md and calls it through ctypes."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WARNINGS = (
    *("-std=c11", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wundef"),
    *("-Wdouble-promotion", "-Werror", "-ffp-contract=off"),
)


def compile_folder(folder: Path, compiler: str, *flags: str) -> ctypes.CDLL:
    """Every .c of a folder as one shared library."""
    library = folder / f"lib_{compiler}.so"
    sources = sorted(str(path) for path in folder.glob("*.c"))
    command = [compiler, *WARNINGS, "-shared", "-fPIC", *(flags or ("-O2",)), "-I", str(folder), *sources]
    done = subprocess.run([*command, "-o", str(library)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return ctypes.CDLL(str(library))


def predict(library: ctypes.CDLL, name: str, x: NDArray[Any], n_outputs: int) -> NDArray[Any]:
    """NAME_predict row by row: [n, features] to [n, outputs] of the same type."""
    rows = np.ascontiguousarray(x)
    out = np.full((len(rows), n_outputs), 77, dtype=rows.dtype)
    function = library[f"{name}_predict"]
    for row, result in zip(rows, out, strict=True):
        function(ctypes.c_void_p(row.ctypes.data), ctypes.c_void_p(result.ctypes.data))
    return out
