"""`make bench-scale`: many simulated charges through features and training, under a memory limit, in one command.

    python -m tools.scale_bench [--charges N] [--limit-gb G] [--workers W] [--no-speed] [--no-quality] [--out DIR]

Steps are the project's own commands; the limit holds for all processes of the run together, and breaking it ends the
run. Then the rows of one and of two workers are compared, and the forests of rows in memory, of pages on disk and of
two workers, on units none has seen. Figures go to DIR/scale.json (build/scale); times are of this machine, today.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from train.cluster import Cluster
from train.config import Config
from train.models.crossfit import train_forests
from train.models.external import train_stored_forests
from train.models.quality import differences, errors_of_forests, gathered_rows, line_of, sampled_estimate
from train.models.split import split_units
from train.models.stored import StoredRows, load_stored
from train.process_tree import PeakMemory
from train.sessions.simulator import device_names

ROOT = Path(__file__).resolve().parent.parent
CHARGES_A_UNIT = 5
QUALITY_ROWS = 600_000  # that all three ways are compared on: memory must hold them


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; exit code 0, that of the step that failed, or 8 over the memory limit."""
    args = _arguments(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {"limit_bytes": round(args.limit_gb * 2**30), "workers": args.workers, "steps": {}}
    os.setpgrp()  # so that breaking the limit ends this run and nothing else

    def exceeded(n_bytes: int) -> None:
        print(f"bench-scale: {n_bytes / 2**30:.2f} GB, over the limit of {args.limit_gb} GB", file=sys.stderr)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(8))
        os.killpg(0, signal.SIGTERM)

    with PeakMemory(figures["limit_bytes"], exceeded) as peak:
        for name, command in _steps(args).items():
            code = _step(name, command, figures)
            if code:
                return code
        print(f"all steps   peak memory of all processes {peak.bytes / 2**20:.0f} MB")
        figures["peak_bytes"] = peak.bytes
    if not args.no_speed:
        figures["speed"] = _speed(args)
    if not args.no_quality:
        figures["quality"] = _quality(load_stored(args.out / "rows"), args.workers)
    (args.out / "scale.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"figures: {args.out / 'scale.json'}")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.scale_bench", description=__doc__.splitlines()[0])
    parser.add_argument("--charges", type=int, default=2_000, metavar="N", help="simulated (default %(default)s)")
    parser.add_argument("--limit-gb", type=float, default=4.0, metavar="G", help="of memory (default %(default)s)")
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="processes (default %(default)s)")
    parser.add_argument("--no-speed", action="store_true", help="leave out one worker against two")
    parser.add_argument("--no-quality", action="store_true", help="leave out the comparison of the three ways to train")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "scale", metavar="DIR", help="where it all goes")
    return parser.parse_args(argv)


def _steps(args: argparse.Namespace) -> Mapping[str, list[object]]:
    units = -(-args.charges // (CHARGES_A_UNIT * len(device_names())))
    data, rows = args.out / "fleet", args.out / "rows"
    dask = ["--engine", "dask", "--workers", args.workers, "--worker-memory", f"{args.limit_gb / 4}GB"]
    network = ["--kind", "network", "--config", _short_training(args.out)]
    sizes = ["--units", units, "--charges", CHARGES_A_UNIT, "--format", "parquet", "--force"]
    steps: dict[str, list[object]] = {
        "simulate": ["simulate", data, *sizes],
        "features": ["features", data, rows, *dask, "--force"],
        "fit": ["fit", "--data", data, "--rows", rows, "--out", args.out / "artifact", *dask],
    }
    if find_spec("tensorflow") is not None:
        steps["network"] = ["fit", "--data", data, "--rows", rows, "--out", args.out / "network", *network]
    return steps


def _short_training(out: Path) -> Path:
    """A configuration whose network passes over the rows twice: what memory it takes shows at once."""
    path = out / "network.toml"
    path.write_text("[network]\nepochs = 2\ndistil = 0.0\n", encoding="utf-8")
    return path


def _step(name: str, command: Sequence[object], figures: dict[str, Any]) -> int:
    start = time.monotonic()
    with PeakMemory() as peak:
        done = subprocess.run(
            [sys.executable, "-m", "train", *map(str, command), "--json"], cwd=ROOT, stdout=subprocess.PIPE, check=False
        )
    if done.returncode:
        return done.returncode
    summary = json.loads(done.stdout)
    seconds = time.monotonic() - start
    figures["steps"][name] = {"seconds": round(seconds, 1), "peak_bytes": peak.bytes, **summary}
    print(f"{name:11} {seconds:7.1f} s   peak memory {peak.bytes / 2**20:5.0f} MB   {_said(name, summary)}", flush=True)
    return 0


def _said(name: str, summary: Mapping[str, Any]) -> str:
    if name == "simulate":
        return f"{summary['charges']} charges, {summary['samples']} samples"
    if name == "features":
        rate = summary["samples_worked"] / summary["cpu_seconds"] / 1e6
        return f"{summary['rows']} rows, {rate:.2f} million samples a core-second, {summary['rows_hash'][:23]}"
    return f"{summary['rows']} rows, model {summary['model_hash']}"


def _speed(args: argparse.Namespace) -> dict[str, Any]:
    """One worker against as many as asked for, on the same data; the cluster stands before the clock starts."""
    from train.cluster import connected, spread
    from train.features.part import job_of, run_job
    from train.sessions.partitions import index_dataset

    data, seconds, parts = args.out / "fleet", {}, set()
    partitions = index_dataset(data).partitions[:40]
    for n_workers in (1, args.workers):
        out = args.out / f"rows-{n_workers}"
        jobs = [job_of(data, partition, out, carry_on=False) for partition in partitions]
        with connected(Cluster(workers=n_workers, worker_memory="1GB")) as client:
            client.wait_for_workers(n_workers)
            client.run(_warm)
            start = time.monotonic()
            done = list(spread(client, run_job, jobs, key=lambda job: job.name))
            seconds[n_workers] = time.monotonic() - start
        parts.add(tuple((path.name, path.read_bytes()) for path in sorted(out.glob("*/*.parquet"))))
    ratio = seconds[1] / seconds[args.workers]
    load = os.getloadavg()[0]
    n_samples = sum(one.part.samples for one in done)
    equal = len(parts) == 1
    print(f"1 → {args.workers} workers   {ratio:.2f} × on {n_samples} samples, files equal: {equal}; load {load:.1f}")
    return {"ratio": ratio, "equal": equal, "load": load, "seconds": seconds}


def _warm() -> None:
    import train.features.part  # noqa: F401
    from train.features.core import load_core

    load_core()


def _quality(stored: StoredRows, n_workers: int) -> dict[str, Any]:
    """The three ways to train, on the same units, scored on the same units that none has seen."""
    config = Config()
    parts = split_units(stored.unit_keys, config.split.calibration, config.split.held_out, config.split.seed)
    share = min(1.0, QUALITY_ROWS / stored.table.n_rows)
    units, held_out = (kept[: max(1, int(share * len(kept)))] for kept in map(_mixed, (parts.train, parts.held_out)))
    devices = tuple(sorted({unit.partition("/")[0] for unit in units}))
    held = gathered_rows(stored, held_out, devices)
    estimate = sampled_estimate(stored, units, devices)
    rows, workers = gathered_rows(stored, units, devices), Cluster(workers=n_workers)
    ways = {
        "memory": train_forests(rows, devices, config, estimate),
        "pages": train_stored_forests(stored, units, devices, config, estimate, None, sample=rows),
        f"{n_workers} workers": train_stored_forests(stored, units, devices, config, estimate, workers, sample=rows),
    }
    errors = {way: errors_of_forests(files, held, len(devices), estimate) for way, files in ways.items()}
    figures: dict[str, Any] = {"units": len(units), "held_out_units": len(held_out)}
    for way, found in errors.items():
        print(line_of(way, found, errors["memory"]))
        figures[way] = {
            "wrong_share": found.wrong_share,
            "mae_minutes": found.mae_minutes,
            "less_memory": differences(found, errors["memory"]),
        }
    return figures


def _mixed(units: Sequence[str]) -> list[str]:
    """Units of all devices in turn."""
    return sorted(units, key=lambda unit: (unit.partition("/")[2], unit))


if __name__ == "__main__":
    sys.exit(main())
