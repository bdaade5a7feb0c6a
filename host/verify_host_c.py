"""C-on-host: the artifact's C and the core, compiled for this machine and fed with the same samples.

It is built apart from whatever the board runs and checked for undefined behaviour while it answers. Equal to the
reference it acquits the emitted C; unequal to the board it convicts the board's platform.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from host.commands import run_module
from host.errors import FirmwareBuildError
from host.reference import ANSWER_FIELDS, Charge

_ROOT = Path(__file__).resolve().parent.parent
_CORE = _ROOT / "firmware" / "lib" / "core"
_DRIVER = Path(__file__).resolve().parent / "host_c" / "answer.c"
_FLAGS = ("-std=c11", "-O1", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
_SIGNED = [name.startswith("remaining") for name in ANSWER_FIELDS]


@dataclass(frozen=True, slots=True)
class Program:
    """The compiled program, and how it was made."""

    path: Path
    compiler: str
    flags: tuple[str, ...]


def find_compiler() -> str | None:
    """The C compiler of this machine, None where there is none."""
    return next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)


def build(compiler: str, artifact: Path, folder: Path) -> Program:
    """Emit the artifact's C into a folder and compile it with the core; raises CommandError, FirmwareBuildError."""
    model = folder / "model"
    run_module("codegen", ["compile", "--artifact", str(artifact), "--out", str(model)])
    sources = [str(path) for place in (_CORE / "src", model) for path in sorted(place.glob("*.c"))]
    program = folder / "answer"
    includes = [f"-I{model}", f"-I{_CORE / 'include'}"]
    command = [compiler, *_FLAGS, *includes, str(_DRIVER), *sources, "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (
            [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines() or ["no word"]
        )
        raise FirmwareBuildError(f"C-on-host: {compiler} failed: {lines[0]}")
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout.splitlines()
    return Program(program, version[0] if version else compiler, _FLAGS)


def answers(program: Program, charge: Charge) -> tuple[NDArray[np.int64], str]:
    """Its answers [n, ANSWER_FIELDS] to a charge and why it stopped early; n is smaller where it did."""
    measured = np.array(charge.samples, dtype=np.int64).astype(np.uint32)
    done = subprocess.run([str(program.path)], input=measured.tobytes(), capture_output=True, check=False)
    n_fields = len(ANSWER_FIELDS)
    words = np.frombuffer(done.stdout[: len(done.stdout) // (4 * n_fields) * 4 * n_fields], dtype=np.uint32)
    rows = words.reshape(-1, n_fields).astype(np.int64)
    rows[:, _SIGNED] = rows[:, _SIGNED].astype(np.int32)
    return rows, _complaint(done.returncode, len(rows))


def _complaint(code: int, n_answered: int) -> str:
    if code == 0:
        return ""
    if code < 0:
        name = signal.Signals(-code).name
        return f"stopped by {name} at sample {n_answered}: undefined behaviour or a wild access in the C"
    reason = {2: "refused sample", 4: "cannot run the model; sample"}.get(code, f"ended with {code} at sample")
    return f"{reason} {n_answered}"
