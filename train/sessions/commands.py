"""The commands of cli.py, once parsed: each returns an exit code or raises TrainError."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.errors import ConfigError, DatasetError
from train.sessions.place import is_url

if TYPE_CHECKING:
    from train.sessions.simulator.calibration import Comparison
    from train.sessions.types import Charge


@dataclass(slots=True)
class Tally:
    """What a dataset holds, counted charge by charge."""

    n_charges: int = 0
    n_samples: int = 0
    n_with_end: int = 0  # with a known time to full
    units: dict[str, set[str]] = field(default_factory=dict)  # by device
    ended: Counter[str] = field(default_factory=Counter)

    def add(self, charge: Charge) -> None:
        """Count one charge."""
        from train.sessions.labels import full_t_ms

        self.n_charges += 1
        self.n_samples += len(charge.t_ms)
        self.n_with_end += full_t_ms(charge) is not None
        self.units.setdefault(charge.device, set()).add(charge.unit)
        self.ended[charge.ended] += 1

    def as_json(self) -> dict[str, Any]:
        """The counts under stable keys."""
        return {
            "charges": self.n_charges,
            "samples": self.n_samples,
            "charges_with_end": self.n_with_end,
            "units": {device: len(units) for device, units in sorted(self.units.items())},
            "ended": dict(sorted(self.ended.items())),
        }

    def __str__(self) -> str:
        n_units = sum(map(len, self.units.values()))
        return (
            f"{_count(self.n_charges, 'charge')} ({self.n_with_end} with a known end) of {_count(n_units, 'unit')} of "
            f"{_count(len(self.units), 'device')}, {self.n_samples} samples"
        )


def simulate(args: argparse.Namespace) -> int:
    """`simulate OUT`: charges of the built-in fleet."""
    from train.sessions.fleets import Phones, Vehicles

    fleet = Vehicles(args) if args.profile == "ev" else Phones(args)
    if args.list_devices:
        print(json.dumps(fleet.names) if args.json else "\n".join(fleet.names))
        return 0
    if args.published:
        return _published(fleet.compare(), as_json=args.json)
    if args.out is None:
        raise ConfigError("simulate: OUT is missing; name the dataset folder to write")
    names = [name.strip() for name in args.devices.split(",")] if args.devices else list(fleet.names)
    stopwatch = _Stopwatch(fleet.charges(names))
    tally = _write(args, stopwatch, fleet.n_charges(names))
    rate = round(tally.n_charges / max(stopwatch.cpu_s, 1e-9))
    _report(args, tally, {"charges_per_cpu_second": rate}, f"simulated at {rate} charges/s of one core")
    return 0


def _published(rows: list[Comparison], *, as_json: bool) -> int:
    """The simulator beside published figures; 1 when one of them is off by more than a tenth."""
    from train.sessions.simulator.calibration import TOLERANCE, as_markdown

    far = [row for row in rows if not row.within]
    if as_json:
        print(json.dumps([{**asdict(row), "off": row.off} for row in rows], indent=1))
    else:
        print(as_markdown(rows))
        print(f"{len(rows) - len(far)} of {len(rows)} within {TOLERANCE:.0%}")
    return 1 if far else 0


def import_nasa(args: argparse.Namespace) -> int:
    """`import nasa DIR OUT`."""
    from train.sessions.importers.nasa import read_nasa

    left_out = _LeftOut(args)
    tally = _write(args, _beside(args, read_nasa(args.source, left_out.refused)), None)
    _report(args, tally, left_out.as_json(), left_out.text())
    return 0


def import_csv(args: argparse.Namespace) -> int:
    """`import csv FILE… OUT`."""
    from train.sessions.importers.each import read_each
    from train.sessions.importers.meter_csv import Identity, parse_format, read_meter_csv

    layout = parse_format(
        args.columns,
        units=args.units,
        separator="\t" if args.separator == "tab" else args.separator,
        decimal_comma=args.decimal_comma,
        negative=args.sign == "negative",
        time_format=args.time_format,
        skip_lines=args.skip_lines,
    )
    identity = Identity(args.device, args.unit, args.charger, args.ended)
    left_out = _LeftOut(args)
    charges = read_each(args.files, lambda path: read_meter_csv(path, layout, identity), left_out.refused)
    tally = _write(args, _beside(args, charges), None if args.add else len(args.files))
    _report(args, tally, left_out.as_json(), left_out.text())
    return 0


class _LeftOut:
    """What an import leaves out; nothing unless asked to carry on."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.refused = self._count if args.on_fault == "carry-on" else None
        self._bad_rows: dict[str, int] = {}

    def _count(self, path: Path, error: DatasetError) -> None:
        self._bad_rows[str(path)] = error.n_faults
        print(f"left out: {path}: {_count(error.n_faults, 'bad row')}: {error}", file=sys.stderr)

    def as_json(self) -> dict[str, Any]:
        return {"left_out": self._bad_rows} if self._bad_rows else {}

    def text(self) -> str:
        n = sum(self._bad_rows.values())
        return f"{_count(len(self._bad_rows), 'file')} left out for {_count(n, 'bad row')}" if n else ""


def _beside(args: argparse.Namespace, charges: Iterable[Charge]) -> Iterable[Charge]:
    """The charges, after those of the dataset that is already there with --add."""
    from train.sessions.dataset import read_charges

    if not args.add:
        return charges
    if args.force:
        raise ConfigError("--add keeps what is there, --force replaces it; give one of them")
    if not args.out.is_dir() or not any(args.out.iterdir()):
        return charges
    if is_url(args.out):
        raise ConfigError(f"--add: {args.out} cannot be rewritten in place; import into a new folder")
    args.force = True  # the dataset is written anew, complete or not at all
    return chain(read_charges(args.out), charges)


def validate(args: argparse.Namespace) -> int:
    """`validate DIR`: every fault on standard error as it is found, then the counts by file and the verdict."""
    from train.sessions.dataset import charge_digest, hash_of_digests, scan_dataset
    from train.sessions.faults import Fault, FaultCount

    tally, count, shown, digests = Tally(), FaultCount(), [], {}
    for item in scan_dataset(args.data):
        if not isinstance(item, Fault):
            tally.add(item)
            digests[item.session] = charge_digest(item)
            continue
        count.add(item)
        print(f"{args.data}/{item}", file=sys.stderr)
        if args.json:
            shown.append(str(item))
        if args.on_fault == "stop":
            break
    digest = None if count.n_faults else hash_of_digests(digests)
    if args.json:
        found = {"faults": shown, "bad_rows": dict(count.bad_rows), "hash": digest, "path": str(args.data)}
        print(json.dumps(tally.as_json() | found, indent=1))
    elif count.n_faults:
        if count.n_faults > 1:
            print("\n".join(count.lines()))
        print(f"FAIL: {args.data}: {_count(count.n_faults, 'fault')}; {tally.n_charges} charges could be used")
    else:
        print(f"PASS: {args.data}: {tally}, {digest}")
    return DatasetError.exit_code if count.n_faults else 0


class _Stopwatch:
    """Iterates over charges and adds up the processor time it takes to make them."""

    def __init__(self, charges: Iterable[Charge]) -> None:
        self._charges = iter(charges)
        self.cpu_s = 0.0

    def __iter__(self) -> Iterator[Charge]:
        while True:
            start = time.process_time()
            charge = next(self._charges, None)
            self.cpu_s += time.process_time() - start
            if charge is None:
                return
            yield charge


def _write(args: argparse.Namespace, charges: Iterable[Charge], total: int | None) -> Tally:
    """Write the charges to args.out, counting them, with progress on a terminal."""
    from rich.console import Console
    from rich.progress import track

    from train.sessions.dataset import write_dataset

    tally = Tally()

    def counted() -> Iterator[Charge]:
        console = Console(stderr=True)
        quiet = args.json or not console.is_terminal
        for charge in track(charges, "charges", total=total, console=console, disable=quiet, transient=True):
            yield charge
            tally.add(charge)

    write_dataset(args.out, counted(), format=args.format, force=args.force)
    return tally


def _report(args: argparse.Namespace, tally: Tally, more: dict[str, Any], text: str) -> None:
    if args.json:
        print(json.dumps(tally.as_json() | more | {"path": str(args.out)}, indent=1))
        return
    if text:
        print(text)
    print(f"{tally} → {args.out}")


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
