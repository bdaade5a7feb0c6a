"""Processes to spread work over: a Dask cluster of this machine, or a running one joined by address."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from train.errors import ConfigError, TrainError
from train.sessions.place import place

JOIN_TIMEOUT_S = 30
QUEUED_A_WORKER = 2  # jobs in flight for each: one running, one waiting; more would only fill the scheduler
RETRIES = 3  # of a job whose worker died

J = TypeVar("J")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which processes; without a scheduler's address as many workers of this machine as asked for."""

    scheduler: str | None = None  # tcp://host:port or tls://host:port
    workers: int | None = None  # of this machine; default: one a core
    worker_memory: str = "auto"  # of each worker of this machine, as Dask takes it: 1GB
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """The options of Cluster; `--engine` stands beside them."""
    group = parser.add_argument_group("cluster (with --engine dask)")
    group.add_argument("--scheduler", metavar="ADDRESS", help="join a running cluster: tcp://host:8786 or tls://…")
    group.add_argument("--workers", type=int, metavar="N", help="processes of this machine (default: one a core)")
    group.add_argument(
        "--worker-memory", default="auto", metavar="SIZE", help="limit of each, for instance 1GB (default: its share)"
    )
    group.add_argument("--tls-ca", type=Path, metavar="FILE", help="authority that signs the cluster's certificates")
    group.add_argument("--tls-cert", type=Path, metavar="FILE", help="this client's certificate")
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="and its key")


def add_stored_rows_options(parser: argparse.ArgumentParser) -> None:
    """The options of a training on stored rows: which, taught by whom, and where."""
    parser.add_argument(
        "--rows",
        type=place,
        metavar="ROWS",
        help="the data's feature folder (python -m train features): train on it from disk, whatever its size "
        "(of networks: dense)",
    )
    parser.add_argument(
        "--engine",
        choices=("process", "dask"),
        default="process",
        help="with --rows: this process alone, or a cluster (default %(default)s)",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="DIR",
        help="with --rows: learn the answers of python -m train teacher too",
    )
    add_cluster_options(parser)


def cluster_of(args: argparse.Namespace) -> Cluster:
    """The cluster that parsed options ask for; raises ConfigError for options that do not go together."""
    if args.scheduler and args.workers:
        raise ConfigError("--workers starts processes of this machine, --scheduler joins others; give one of them")
    if args.workers is not None and not 1 <= args.workers <= 1024:
        raise ConfigError(f"--workers {args.workers}: must lie within 1 to 1024")
    tls = (args.tls_ca, args.tls_cert, args.tls_key)
    if any(tls) and not (all(tls) and (args.scheduler or "").startswith("tls://")):
        raise ConfigError("TLS needs --scheduler tls://… with --tls-ca, --tls-cert and --tls-key")
    if (args.scheduler or "").startswith("tls://") and not all(tls):
        raise ConfigError("a tls:// scheduler needs --tls-ca, --tls-cert and --tls-key")
    return Cluster(args.scheduler, args.workers, args.worker_memory, *tls)


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """A Dask client with at least one worker; prints where its dashboard is. Raises TrainError if there is none."""
    try:
        import distributed
    except ImportError:
        raise ConfigError("Dask is not installed; set it up with: make scale") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a worker that dies is told by what comes of its jobs
    if cluster.scheduler is None:
        with _local(distributed, cluster) as client:
            yield client
        return
    security = None
    if cluster.tls_ca:
        security = distributed.Security(
            tls_ca_file=str(cluster.tls_ca),
            tls_client_cert=str(cluster.tls_cert),
            tls_client_key=str(cluster.tls_key),
            require_encryption=True,
        )
    try:
        client = distributed.Client(cluster.scheduler, timeout=JOIN_TIMEOUT_S, security=security, set_as_default=False)
        client.wait_for_workers(1, timeout=JOIN_TIMEOUT_S)
    except (OSError, TimeoutError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else "no answer"
        raise TrainError(f"--scheduler {cluster.scheduler}: no cluster with a worker there: {reason}") from None
    with client:
        _show_dashboard(client)
        yield client


@contextmanager
def _local(distributed: Any, cluster: Cluster) -> Iterator[Any]:
    try:
        local = distributed.LocalCluster(
            n_workers=cluster.workers or os.cpu_count() or 1,
            threads_per_worker=1,
            processes=True,
            memory_limit=cluster.worker_memory,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        )
    except ValueError as error:
        raise ConfigError(f"--worker-memory {cluster.worker_memory}: {error}") from None
    with local, distributed.Client(local, set_as_default=False) as client:
        _show_dashboard(client)
        yield client


def _show_dashboard(client: Any) -> None:
    n = len(client.scheduler_info(n_workers=-1)["workers"])
    print(f"{n} {'worker' if n == 1 else 'workers'}; dashboard: {client.dashboard_link}", file=sys.stderr)


def spread(client: Any, work: Callable[[J], R], jobs: Iterable[J], key: Callable[[J], str]) -> Iterator[R]:
    """The results of `work` on each job as they come, in any order.

    No more jobs are handed out than the workers can soon take, so the client's and the scheduler's memory does not grow
    with their number. A job whose worker dies is done again by another. Raises what `work` raises, and TrainError when
    a job has taken RETRIES workers with it.
    """
    from distributed import KilledWorker, as_completed

    waiting = iter(jobs)
    running = as_completed(loop=client.loop)
    n_running = 0

    def hand_out() -> int:
        n = 0
        wanted = QUEUED_A_WORKER * max(1, sum(client.nthreads().values()))
        while n_running + n < wanted and (job := next(waiting, None)) is not None:
            running.add(client.submit(work, job, key=key(job), pure=False))
            n += 1
        return n

    n_running = hand_out()
    for future in running:
        try:
            result = future.result()
        except KilledWorker:
            raise TrainError(
                f"the worker of part {future.key} died {RETRIES + 1} times; give workers more memory (--worker-memory)"
            ) from None
        future.release()
        yield result
        n_running += hand_out() - 1
