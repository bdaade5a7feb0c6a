"""Forests from more rows than memory holds: XGBoost's pages on disk, in one process or in each of a cluster's.

The trees depend on the rows, on how they are parted and on the number of processes, and on nothing else: ranks are
given out by the parts they hold, and each sums its histograms in one thread.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import EstimateRules
from train.cluster import JOIN_TIMEOUT_S, Cluster, connected
from train.compress.forest_combination import reduced
from train.compress.forest_task import forest_task
from train.config import Config, Forest
from train.errors import TrainError
from train.features import AnswerRules
from train.models.alone import fitted_to_few
from train.models.answering import remaining_columns
from train.models.crossfit import DEVICE_FILE, REMAINING_FILE, Trained, trained_models, with_history
from train.models.distilled import device_rows, labelled_batches, remaining_rows
from train.models.forest import as_saved, device_options, remaining_options, xgboost_parameters
from train.models.rows import TrainingRows
from train.models.stored import StoredRows, load_stored, stored_batches
from train.models.thresholds import Gaps, gaps_of, moved_thresholds

POLL_S = 0.2
ATTEMPTS = 3  # of a forest on a cluster: a worker that dies breaks the sums of all off


@dataclass(frozen=True, slots=True)
class Task:
    """One forest of an artifact; plain data, so that it can be sent."""

    target: str  # "device" or "remaining"
    devices: tuple[str, ...]
    units: frozenset[str]
    parameters: Forest
    seed: int
    estimate: EstimateRules  # what the remaining model is told of the devices
    teacher: Path | None = None  # whose labels are learnt too

    @property
    def options(self) -> dict[str, Any]:
        """XGBoost's objective."""
        return device_options(len(self.devices)) if self.target == "device" else remaining_options()


Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]  # features, label, weight


def train_stored_models(
    stored: StoredRows,
    sample: TrainingRows,
    units: Sequence[str],
    devices: Sequence[str],
    config: Config,
    cluster: Cluster | None,
    teacher: Path | None = None,
) -> Trained:
    """What train_models makes from rows in memory; histories, prototypes and refined leaves are those of a sample.

    Raises TrainError when no charge of the units gets full, and when a cluster's workers keep dying.
    """
    return trained_models(
        sample,
        devices,
        config,
        lambda estimate: train_stored_forests(stored, units, devices, config, estimate, cluster, teacher, sample),
    )


def train_stored_forests(
    stored: StoredRows,
    units: Sequence[str],
    devices: Sequence[str],
    config: Config,
    estimate: EstimateRules,
    cluster: Cluster | None,
    teacher: Path | None = None,
    sample: TrainingRows | None = None,
) -> dict[str, bytes]:
    """The model files of an artifact, as train_forests makes them from rows in memory; distilled from a teacher if any.

    Leaves are fitted again on the `sample`; without one, and of a teacher's student, they stay as they were grown.

    Raises TrainError when no charge of the units gets full, and when a cluster's workers keep dying.
    """
    forest = config.forest
    n_full = stored.n_full(units)
    if n_full == 0:
        raise TrainError("no charge to train on gets full: minutes to full cannot be learnt; add charges that do")
    remaining = fitted_to_few(forest.remaining, n_full)
    about = {"devices": tuple(devices), "units": frozenset(units), "seed": forest.seed}
    about |= {"estimate": estimate, "teacher": teacher}
    tasks = {DEVICE_FILE: Task("device", parameters=forest.device, **about)} if len(devices) > 1 else {}  # type: ignore[arg-type]
    tasks[REMAINING_FILE] = Task("remaining", parameters=remaining, **about)  # type: ignore[arg-type]
    if cluster is None:
        grown = {file: _centred([_train_rank(stored, task, 0, 1, None)]) for file, task in tasks.items()}
    else:
        with connected(cluster) as client:
            grown = {file: _centred(_train_on(client, stored.table.path, task)) for file, task in tasks.items()}
    rows = None if teacher is not None else sample
    return {file: _reduced(grown[file], task, rows, config) for file, task in tasks.items()}


def _reduced(model: bytes, task: Task, sample: TrainingRows | None, config: Config) -> bytes:
    """The forest after the configuration's steps."""
    again = None
    if sample is not None and task.target == "device":
        again = forest_task(sample, "device", len(task.devices), config)
    elif sample is not None:
        again = forest_task(with_history(sample, task.estimate), "remaining", len(task.devices), config)
    return reduced(model, task.parameters, again)


@dataclass(frozen=True, slots=True)
class _Trained:
    """What a rank hands back: the forest, the same for all, and what its own rows leave around the thresholds."""

    data: bytes
    gaps: Gaps


def _centred(ranks: Sequence[_Trained]) -> bytes:
    return as_saved(moved_thresholds(ranks[0].data, [rank.gaps for rank in ranks]))


def _train_on(client: Any, path: Path, task: Task) -> list[_Trained]:
    """Train on all workers of a cluster together, again from the start when one dies."""
    from xgboost.core import XGBoostError

    n_parts = len(load_stored(path).parts_of(task.units))
    for _ in range(ATTEMPTS):
        client.wait_for_workers(1, timeout=JOIN_TIMEOUT_S)
        workers = sorted(client.scheduler_info(n_workers=-1)["workers"])
        workers = workers[: max(1, min(len(workers), n_parts))]  # a rank without a row could not take part
        with _tracker(client, len(workers)) as arguments:
            futures = [
                client.submit(_train_rank_of, path, task, rank, len(workers), arguments, workers=[worker], pure=False)
                for rank, worker in enumerate(workers)
            ]
            try:
                _wait_for_all(client, futures, workers)
                results: list[_Trained] = client.gather(futures)
                return results
            except (_WorkerLostError, XGBoostError, OSError):
                client.cancel(futures, force=True)
    raise TrainError(f"workers died in {ATTEMPTS} trainings in a row; give them more memory (--worker-memory)")


class _WorkerLostError(Exception):
    """A worker has gone, and its rank with it; the others would wait for it."""


def _wait_for_all(client: Any, futures: Sequence[Any], workers: Sequence[str]) -> None:
    """Until each rank is done or one has failed; raises _WorkerLostError as soon as a worker is gone."""
    while not all(future.status == "finished" for future in futures):
        if any(future.status in ("error", "cancelled", "lost") for future in futures):
            return
        if not set(workers) <= set(client.scheduler_info(n_workers=-1)["workers"]):
            raise _WorkerLostError
        time.sleep(POLL_S)


class _tracker:  # noqa: N801
    """XGBoost's meeting point for the ranks, in this process."""

    def __init__(self, client: Any, n_ranks: int) -> None:
        from distributed.comm import get_address_host
        from distributed.utils import get_ip
        from xgboost.tracker import RabitTracker

        host = get_ip(get_address_host(client.scheduler.address))
        self._tracker = RabitTracker(n_workers=n_ranks, host_ip=host, sortby="task")

    def __enter__(self) -> dict[str, Any]:
        self._tracker.start()
        arguments: dict[str, Any] = self._tracker.worker_args()
        return arguments

    def __exit__(self, *_: object) -> None:
        from xgboost.core import XGBoostError

        with suppress(XGBoostError):  # it complains of ranks that never came
            self._tracker.free()


def _train_rank_of(path: Path, task: Task, rank: int, n_ranks: int, arguments: dict[str, Any]) -> _Trained:
    return _train_rank(load_stored(path), task, rank, n_ranks, arguments)


def _train_rank(stored: StoredRows, task: Task, rank: int, n_ranks: int, arguments: dict[str, Any] | None) -> _Trained:
    """Train together with the other ranks on every n_ranks-th part; alone without arguments for meeting them."""
    import xgboost as xgb

    parts = stored.parts_of(task.units, rank, n_ranks)

    def batches() -> Iterator[Batch]:
        return _batches(stored, parts, task)

    with _met(rank, arguments), tempfile.TemporaryDirectory(prefix="wattprint-pages.") as folder:
        pages = xgb.ExtMemQuantileDMatrix(
            _iterator(batches, folder), max_bin=task.parameters.max_bin, nthread=1, max_quantile_batches=None
        )
        parameters = xgboost_parameters(task.options, task.parameters, task.seed)
        booster = xgb.train(parameters, pages, task.parameters.rounds)
        data = bytes(booster.save_raw("json"))
        del pages, booster
    return _Trained(data, gaps_of(data, (features for features, _, _ in batches())))


@contextmanager
def _met(rank: int, arguments: dict[str, Any] | None) -> Iterator[None]:
    """Joined with the other ranks, quietly; they are numbered in the order of the names given here.

    xgboost.dask names them after the workers and their ports, which differ from run to run.
    """
    if arguments is None:
        yield
        return
    from xgboost.collective import CommunicatorContext

    meeting = CommunicatorContext(**arguments, dmlc_task_id=f"{rank:06d}")
    with redirect_stdout(io.StringIO()):  # it says which rank it got, whatever the verbosity
        meeting.__enter__()
    try:
        yield
    finally:
        meeting.__exit__()


def _batches(stored: StoredRows, parts: Sequence[int], task: Task) -> Iterator[Batch]:
    if task.teacher is not None:
        yield from _taught_batches(stored, parts, task, task.teacher)
        return
    for rows in stored_batches(stored, parts, task.units, task.devices):
        if task.target == "remaining":
            rows = rows.where(rows.remaining_s >= 0)
            if len(rows) == 0:
                continue
        label = rows.device if task.target == "device" else rows.remaining_s
        features = _with_history(rows, task).features if task.target == "remaining" else rows.features
        yield features, label.astype(np.float32), rows.weight(task.parameters.early_weight)


def _with_history(rows: TrainingRows, task: Task) -> TrainingRows:
    rules = AnswerRules(len(task.devices), estimate=task.estimate)
    return replace(rows, features=remaining_columns(rules, rows.features, rows.device))


def _taught_batches(stored: StoredRows, parts: Sequence[int], task: Task, teacher: Path) -> Iterator[Batch]:
    n_devices = len(task.devices)
    for rows, labels in labelled_batches(stored, parts, task.units, task.devices, teacher):
        weight = rows.weight(task.parameters.early_weight)
        if task.target == "device":
            yield device_rows(rows, labels[:, :n_devices], weight)
        else:
            yield remaining_rows(_with_history(rows, task), labels[:, n_devices:], weight)


def _iterator(batches: Callable[[], Iterator[Batch]], folder: str) -> Any:
    """Batches as XGBoost asks for them, as often as it asks."""
    import xgboost as xgb

    class Batches(xgb.DataIter):
        def __init__(self) -> None:
            self._left = batches()
            super().__init__(cache_prefix=str(Path(folder) / "page"))

        def next(self, input_data: Callable[..., None]) -> bool:
            batch = next(self._left, None)
            if batch is None:
                return False
            features, label, weight = batch
            input_data(data=features, label=label, weight=weight)
            return True

        def reset(self) -> None:
            self._left = batches()

    return Batches()
