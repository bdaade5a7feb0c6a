"""`python -m train features`: a dataset to training rows, once, for as many trainings as are wanted."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from train.cluster import add_cluster_options, cluster_of
from train.errors import ConfigError
from train.sessions.cli import add_on_fault
from train.sessions.place import place

if TYPE_CHECKING:
    from train.features.build import Built
    from train.features.part import Done

DESCRIPTION = """\
Work out the training rows of a dataset and keep them as Parquet (docs/scale.md). A run that was broken off goes on
where it stopped: parts that are there are kept. The rows are the same for every engine and however the dataset is
parted; the hash that is printed covers them all.
"""
EPILOG = """\
examples:
  python -m train features build/fleet build/rows
  python -m train features build/fleet build/rows --engine dask --workers 2 --worker-memory 1GB
  python -m train features s3://bucket/fleet s3://bucket/rows --engine dask --scheduler tcp://head:8786
  python -m train fit --data build/rows --out build/artifact
"""


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `features`."""
    parser = subparsers.add_parser(
        "features",
        help="training rows of a dataset, kept as Parquet; on a cluster if asked",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", metavar="DATA", type=place, help="dataset folder or URL")
    parser.add_argument("out", metavar="OUT", type=place, help="feature folder or URL to write, or to go on with")
    parser.add_argument(
        "--engine",
        choices=("process", "dask"),
        default="process",
        help="this process alone, or a cluster (default %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="make all parts again")
    add_on_fault(parser, default="stop", stop="the parts done are kept", carry_on="leave charges out, count bad rows")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    add_cluster_options(parser)
    parser.set_defaults(func=features)


def features(args: argparse.Namespace) -> int:
    """Run it."""
    from train.features.build import build_features
    from train.process_tree import PeakMemory

    cluster = cluster_of(args)
    if args.engine == "process" and (cluster.scheduler or cluster.workers):
        raise ConfigError("--scheduler and --workers are for --engine dask")
    start = time.monotonic()
    with PeakMemory() as peak, _Progress(quiet=args.json) as progress:
        built = build_features(
            args.data,
            args.out,
            cluster=cluster if args.engine == "dask" else None,
            carry_on=args.on_fault == "carry-on",
            force=args.force,
            progress=progress.show,
        )
    _report(args, built, time.monotonic() - start, peak.bytes)
    return 0


def _report(args: argparse.Namespace, built: Built, seconds: float, peak_bytes: int) -> None:
    table = built.table
    for line in built.count.lines():
        print(f"left out: {line}", file=sys.stderr)
    summary: dict[str, Any] = {
        **table.data,
        "rows": table.n_rows,
        "rows_hash": table.hash,
        "parts": len(table.parts),
        "parts_kept": built.parts_kept,
        "bad_rows": dict(built.count.bad_rows),
        "samples_worked": built.samples,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(built.cpu_s, 2),
        "peak_bytes": peak_bytes,
        "path": str(args.out),
    }
    if args.json:
        print(json.dumps(summary, indent=1))
        return
    rate, core_rate = built.samples / seconds / 1e6, built.samples / max(built.cpu_s, 1e-9) / 1e6
    print(
        f"{len(table.parts)} parts ({built.parts_kept} kept); {built.samples} samples in {seconds:.1f} s: "
        f"{rate:.2f} million a second, {core_rate:.2f} million a core-second; "
        f"peak memory of all processes {peak_bytes / 2**20:.0f} MB"
    )
    print(f"{table.n_rows} rows of {table.data['charges']} charges, {table.hash} → {args.out}")


class _Progress:
    """A bar on a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet or not sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> _Progress:
        if not self._quiet:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("parts", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, n_done: int, n_parts: int, last: Done) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=n_done, total=n_parts, description=f"parts ({last.part.name[:6]})")
