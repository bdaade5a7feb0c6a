"""A dataset folder to a feature folder, part by part, by one process or many."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from train.cluster import Cluster, connected, spread
from train.errors import DatasetError
from train.features.core import build_core, feature_names, features_version
from train.features.part import Done, Job, finished, job_of, run_job
from train.features.table import (
    FEATURES,
    SCHEMA,
    FeatureTable,
    hash_of_rows,
    load_table,
    read_part_charges,
)
from train.sessions.dataset import hash_of_digests
from train.sessions.faults import FaultCount, error_of
from train.sessions.partitions import Index, index_dataset
from train.sessions.place import is_url, remove_folder

FOLDERS = ("rows", "charges")

Progress = Callable[[int, int, Done], None]


@dataclass(frozen=True, slots=True)
class Built:
    """A feature folder and what making it took."""

    table: FeatureTable
    parts_kept: int  # that were there already
    samples: int  # of the parts that were made
    cpu_s: float  # of one core, making them
    count: FaultCount  # of charges left out


def build_features(
    data: Path,
    out: Path,
    *,
    cluster: Cluster | None = None,
    carry_on: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Built:
    """Make the feature folder `out`, on a cluster or in this process; parts that are there already are kept.

    progress is called after each part with the number done, of all, and what came of it. Raises DatasetError for the
    first fault in the data, unless it is to carry on, and for a folder `out` that holds something else.
    """
    data, out = _whole(data), _whole(out)
    _check_target(out, force=force)
    index = index_dataset(data)
    count = FaultCount()
    for fault in index.faults:
        count.add(fault)
    if index.faults and not carry_on:
        raise error_of(data, index.faults)
    if not index.partitions:
        raise error_of(data, index.faults) if index.faults else DatasetError(f"{data}: has no charge")
    jobs = [job_of(data, partition, out, carry_on=carry_on) for partition in index.partitions]
    done: dict[str, Done] = {}
    for job in jobs:
        if (before := finished(job)) is not None:
            done[job.name] = before
    kept = len(done)
    missing = [job for job in jobs if job.name not in done]
    build_core()  # once, before many want it
    for result in _run(missing, cluster):
        done[result.part.name] = result
        if progress is not None:
            progress(len(done), len(jobs), result)
    in_order = [done[job.name] for job in jobs]
    made = [done[job.name] for job in missing]
    table = _finish(data, out, in_order, index)
    for result in in_order:
        _add_all(count, result.count)
    return Built(table, kept, sum(one.part.samples for one in made), sum(one.cpu_s for one in made), count)


def _run(jobs: list[Job], cluster: Cluster | None) -> Iterator[Done]:
    if cluster is None or not jobs:
        yield from map(run_job, jobs)
        return
    with connected(cluster) as client:
        yield from spread(client, run_job, jobs, key=lambda job: f"features-{job.name}")


def _finish(data: Path, out: Path, done: Iterable[Done], index: Index) -> FeatureTable:
    """Write features.json over the parts, and remove those of earlier runs that are not among them."""
    parts = [one.part for one in done]
    data_digests: dict[str, bytes] = {}
    rows_digests: dict[str, bytes] = {}
    units: set[str] = set()
    for part in parts:
        charges = read_part_charges(out, part.name)
        data_digests.update(zip(charges.session, charges.data_digest, strict=True))
        rows_digests.update(zip(charges.session, charges.rows_digest, strict=True))
        units.update(charges.unit_keys)
    if not data_digests:
        raise DatasetError(f"{data}: every one of its {index.n_charges} charges has a fault")
    text: dict[str, Any] = {
        "schema": SCHEMA,
        "features_version": features_version(),
        "features": list(feature_names()),
        "data": {
            "hash": hash_of_digests(data_digests),
            "charges": len(data_digests),
            "units": len(units),
            "source": data.name,
        },
        "hash": hash_of_rows(rows_digests),
        "parts": [asdict(part) for part in parts],
    }
    names = {part.name for part in parts}
    for folder in FOLDERS:
        for path in (out / folder).iterdir():
            if path.name.removesuffix(".parquet") not in names:
                path.unlink()
    with (out / FEATURES).open("wb") as stream:
        stream.write((json.dumps(text, indent=1) + "\n").encode("ascii"))
    return load_table(out)


def _check_target(out: Path, *, force: bool) -> None:
    if not out.exists():
        return
    if not out.is_dir() or not {path.name for path in out.iterdir()} <= {*FOLDERS, FEATURES}:
        raise DatasetError(f"{out}: is not a feature folder and not empty; name another folder")
    if force:
        remove_folder(out)
    elif (out / FEATURES).exists():
        (out / FEATURES).unlink()  # not complete until this run is


def _whole(path: Path) -> Path:
    """As a worker in another folder finds it."""
    return path if is_url(path) else path.resolve()


def _add_all(count: FaultCount, more: FaultCount) -> None:
    count.n_faults += more.n_faults
    count.bad_rows.update(more.bad_rows)
    count.first = {**more.first, **count.first}
