"""Start a teacher's workers in their own environment, or go on with those that were broken off."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from train.config import Split
from train.errors import ConfigError, TrainError
from train.features.core import ROOT
from train.models.split import folds, split_units
from train.models.stored import StoredRows
from train.sessions.place import is_url
from train.teacher.settings import N_FOLDS, SETTINGS, TEACHER, Settings, read_settings, without_pid, write_settings

PYTHON = ROOT / ".venv" / "teacher" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Size:
    """How large a teacher, and how long it trains."""

    epochs: int = 20
    hidden: int = 128
    layers: int = 2
    batch_charges: int = 16
    learning_rate: float = 2e-3
    seed: int = 1


def train_teacher(stored: StoredRows, out: Path, split: Split, size: Size, processes: int) -> None:
    """Train a teacher on the units in training of a feature folder and leave its labels in `out`.

    What a run before has left is gone on with, if it was asked for the same. Raises ConfigError without the teacher's
    environment, TrainError if another run is at work there, was asked for something else, or the workers fail.
    """
    if not PYTHON.exists():
        raise ConfigError("a teacher needs PyTorch and DeepSpeed in an environment of their own: make teacher")
    out.mkdir(parents=True, exist_ok=True)
    settings = replace(_settings(stored, split, size), launcher_pid=os.getpid())
    with _alone(out):
        if (out / SETTINGS).exists() and without_pid(read_settings(out)) != without_pid(settings):
            raise TrainError(f"{out}: holds a teacher of other rows or settings; name another folder, or give --force")
        if (out / TEACHER).exists():
            return
        write_settings(out, settings)
        _run_workers(out, processes)


def clear(out: Path) -> None:
    """Remove a teacher; anything else there raises TrainError."""
    if out.exists() and any(out.iterdir()) and not (out / SETTINGS).exists():
        raise TrainError(f"{out}: is not a teacher's folder and not empty; name another folder")
    shutil.rmtree(out, ignore_errors=True)


def _settings(stored: StoredRows, split: Split, size: Size) -> Settings:
    parts = split_units(stored.unit_keys, split.calibration, split.held_out, split.seed)
    left_out = folds(parts.train, N_FOLDS, split.seed)
    if len(left_out) < N_FOLDS:
        raise TrainError("a teacher needs two units of a device in training, or more: record charges of another unit")
    single = tuple(sorted(set(parts.train).difference(*left_out)))
    path = stored.table.path
    return Settings(
        rows=str(path) if is_url(path) else str(path.resolve()),
        rows_hash=stored.table.hash,
        devices=tuple(sorted({unit.partition("/")[0] for unit in parts.train})),
        folds=tuple(tuple(sorted(members)) + (single if k == 0 else ()) for k, members in enumerate(left_out)),
        held_out=parts.held_out,
        epochs=size.epochs,
        hidden=size.hidden,
        layers=size.layers,
        batch_charges=size.batch_charges,
        learning_rate=size.learning_rate,
        seed=size.seed,
    )


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """No other run writes there; the lock goes with its process, however that ends."""
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TrainError(f"{out}: another run is training there; wait for it, or name another folder") from None
        yield


def _run_workers(out: Path, processes: int) -> None:
    command = [str(PYTHON), "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "DS_BUILD_OPS": "0",
        "TORCH_EXTENSIONS_DIR": str(out.resolve() / "extensions"),  # no lock of another program's killed build
        "PYTHONWARNINGS": "ignore",
    }
    log = out / "log.txt"
    with log.open("ab") as errors:
        workers = subprocess.Popen(
            [*command, "-m", "train.teacher.worker", str(out.resolve())],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            for line in workers.stdout or ():
                if line.startswith("teacher "):
                    print(line, end="", file=sys.stderr, flush=True)
                else:
                    errors.write(line.encode())
            code = workers.wait()
        finally:
            if workers.poll() is None:
                workers.terminate()
                workers.wait()
    if code:
        raise TrainError(f"{out}: the teacher's processes ended with {code}; see {log}; run again to go on")
