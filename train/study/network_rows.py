"""Rows of networks: the task they share, trained once and kept, their answers scored and their bytes measured."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from train.compress.network_task import (
    EPOCHS,
    FEWER_EPOCHS,
    MANY_ROWS,
    CompressedNetwork,
    NetworkTask,
    Outputs,
    choose_inputs,
    lessons_of,
)
from train.compress.technique import Technique
from train.errors import BuildError, TrainError
from train.study import score
from train.study.cost import codegen, deflated, measured
from train.study.watch import Watch

if TYPE_CHECKING:
    from train.study.rows import Job, Workshop

N_MEASURED = 200


def network_parts(
    workshop: Workshop, technique: Technique, job: Job
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """The row's part and its scores, as for forests."""
    began_with: list[float] = []
    task = network_task(workshop, began_with.append)
    watch = Watch()
    compressed = technique.compress(task, **job.settings["network"])
    seconds = watch.seconds(max(began_with, default=0.0))
    data = workshop.data
    rows = data.scored
    logits, roots = compressed.answer(rows.features, rows.charge)
    correct = score.device_scores(rows, logits[rows.at_60s])
    calibrating = compressed.answer(data.calibration.features, data.calibration.charge)
    estimate = data.estimate(workshop.config.network.smoothing_s)
    estimate = score.calibrated(estimate, data.calibration, *_answered(calibrating, task.longest_s))
    seconds_left = score.answered_seconds(estimate, rows, *_answered((logits, roots), task.longest_s))
    remaining = score.remaining_scores(rows, seconds_left)
    part = {
        **network_cost(compressed),
        "tflite_bytes": len(compressed.tflite),
        "deflated_bytes": deflated(compressed.tflite),
        **seconds,
    }
    return {"network": part}, {"correct_60s": correct, **remaining}


def _answered(outputs: Outputs, longest_s: float) -> tuple[NDArray[np.intp], NDArray[np.int32], int]:
    """Devices [n], whole seconds [n, 3] and their scale."""
    logits, roots = outputs
    seconds = np.round(np.clip(roots, 0, 1) ** 2 * longest_s).astype(np.int32)
    return np.asarray(logits.argmax(axis=1)), seconds, 0


def network_cost(compressed: CompressedNetwork) -> dict[str, Any]:
    """Measured bytes of its C, or those of the .tflite where no C can be made of it, with the reason."""
    with tempfile.TemporaryDirectory(prefix="wattprint-study-") as folder:
        work = Path(folder)
        if compressed.c_files is not None:
            for name, text in compressed.c_files.items():
                (work / name).write_text(text, encoding="ascii")
            return {**_measured(work), "note": compressed.note}
        (work / "net.tflite").write_bytes(compressed.tflite)
        try:
            codegen("compile", work / "net.tflite", "--emit", "aot", "--name", "net", "--out", work / "c")
            return {**_measured(work / "c"), "note": compressed.note}
        except BuildError:
            raise
        except TrainError as error:
            nothing = dict.fromkeys(("ram_bytes", "instructions_mean", "instructions_max"))
            reason = str(error).replace(f"{work}/", "")  # no path of this machine in what is kept
            note = f"{compressed.note} Bytes of the .tflite: no C ({reason}).".strip()
            return {"flash_bytes": len(compressed.tflite), **nothing, "note": note}


def _measured(folder: Path) -> dict[str, Any]:
    """The cost of a network's C, on bytes drawn at random: what it executes hardly depends on them."""
    found = re.search(r"NET_INPUT_BYTES (\d+)", (folder / "net.h").read_text(encoding="ascii"))
    if found is None:
        raise TrainError(f"{folder}/net.h: does not define NET_INPUT_BYTES")
    x = np.random.default_rng(1).integers(-128, 128, (N_MEASURED, int(found[1])), dtype=np.int8)
    with tempfile.TemporaryDirectory(prefix="wattprint-study-") as other:
        rows = Path(other) / "rows.npz"
        np.savez(rows, x=x)
        return measured(folder, rows)


def network_task(workshop: Workshop, began_with: Callable[[float], None] = lambda _: None) -> NetworkTask:
    """The task of all networks; what they start from is trained when the first one asks, and kept.

    began_with  is told the CPU seconds of that training by a technique that starts from it
    """
    data, rows = workshop.data, workshop.data.train
    forests = [workshop.task("device").uncompressed, workshop.task("remaining").uncompressed]
    inputs = choose_inputs(rows.features, forests)
    longest_s = float(rows.remaining_s.max())
    task = NetworkTask(
        inputs=inputs,
        lessons=lessons_of(rows, inputs, longest_s),
        n_devices=len(data.devices),
        longest_s=longest_s,
        seed=workshop.config.forest.seed,
        epochs=FEWER_EPOCHS if len(rows) < MANY_ROWS else EPOCHS,
        whole_weights=None,
        teacher=lambda: _teacher(workshop),
    )
    *weights, seconds = _whole_weights(workshop, task)

    def whole_weights() -> list[NDArray[np.float32]]:
        began_with(float(seconds))
        return weights

    return replace(task, whole_weights=whole_weights)


def _kept(workshop: Workshop, name: str) -> Path:
    digest = hashlib.sha256(workshop.about.encode())
    folder = Path(__file__).resolve().parents[1] / "compress"
    for source in ("surrogate.py", "network_task.py"):
        digest.update((folder / source).read_bytes())
    return workshop.folder / f"{name}-{digest.hexdigest()[:16]}.npz"


def _whole_weights(workshop: Workshop, task: NetworkTask) -> list[NDArray[np.float32]]:
    """Its weights, and the CPU seconds they took."""
    from train.compress.surrogate import whole

    path = _kept(workshop, "network")
    if not path.exists():
        watch = Watch()
        weights = [np.asarray(values) for values in whole(task).get_weights()]
        _save(path, [*weights, np.array(watch.seconds()["train_cpu_seconds"], np.float32)])
    return _load(path)


def _teacher(workshop: Workshop) -> Outputs:
    from train.compress.distil_forest import teacher_margins

    path = _kept(workshop, "teacher")
    if not path.exists():
        _save(path, [teacher_margins(workshop.task("device")).astype(np.float32)])
    return _load(path)[0], np.empty((0, 3), np.float32)


def _save(path: Path, arrays: list[NDArray[np.float32]]) -> None:
    temporary = path.with_name(f".{path.name}")
    np.savez(temporary, *arrays)
    temporary.replace(path)


def _load(path: Path) -> list[NDArray[np.float32]]:
    with np.load(path, allow_pickle=False) as file:
        return [file[f"arr_{index}"] for index in range(len(file.files))]
