"""`python -m host stream` of vehicles' charges to a charge point's board."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from host.board import link_of
from host.household_firmware import firmware_of
from host.output import reader_left
from host.vehicle_answers import VehicleAnswer, cars_of, known_households, vehicle_answer
from host.vehicle_samples import VehicleCharge, load_vehicle_charges
from host.vehicle_session import VehicleMeasurement, VehicleReply, VehicleSession

CSV_COLUMNS = (
    *("session", "sequence", "t_ms", "power_w", "car", "cars", "unknown", "confidence_permille", "phase", "phases"),
    *("power_class_w", "done_10_s", "done_50_s", "done_90_s", "target_10_s", "target_50_s", "target_90_s"),
    *("energy_to_go_wh", "state_crc"),
)
_WIDTHS = (9, 8, 34, 4, 26, 9)
MOST_MIN = 9999  # a week: shown as such, and not to the minute
_HEAD = ("elapsed", "kW", "car", "%", "left", "phase")


class _ReaderLeftError(Exception):
    """Nobody reads the answers any more."""


def run(args: argparse.Namespace, answers_file: Callable[[Any], Any]) -> int:
    """Stream; returns 0 when every sample has its answer. `answers_file` opens `--out`."""
    charges = load_vehicle_charges(args.source, args.session, args.charges)
    known = known_households(args.artifact)
    args.firmware = firmware_of(args.port, args.firmware, args.artifact)
    with answers_file(args.out) as out, link_of(args) as link:
        session = VehicleSession(link, on_log=lambda text: print(f"board: {text}", file=sys.stderr))
        hello = session.open()
        emit = _Emitter(args, out, cars_of(known, hello))
        began = time.monotonic()
        try:
            for charge in charges:
                emit.begin(charge)
                session.replay(charge.samples, emit.answer, speed=args.speed)
        except _ReaderLeftError:
            return 0
        seconds = time.monotonic() - began
        counters = session.counters
    n_samples = sum(len(charge.samples) for charge in charges)
    facts = {
        "charges": len(charges),
        "samples": n_samples,
        "seconds": round(seconds, 3),
        "answers_per_s": round(n_samples / max(seconds, 1e-9), 1),
        "sent": counters.sent,
        "resent": counters.resent,
        "damaged": counters.damaged,
        "resets": counters.resets,
        "model_hash": hello.model_hash,
    }
    if args.json:
        print(json.dumps({"summary": facts}))
    else:
        charged = f"{len(charges)} charge{'s' if len(charges) != 1 else ''}"
        where = "" if args.out is None else f" → {args.out}"
        print(
            f"{n_samples} samples of {charged} answered in {seconds:.1f} s ({facts['answers_per_s']:.0f} a second; "
            f"{counters.resent} resent, {counters.damaged} damaged, {counters.resets} resets){where}"
        )
    return 0


class _Emitter:
    """Every answer once, in order, to whatever was asked for."""

    def __init__(self, args: argparse.Namespace, out: TextIO | None, cars: tuple[str, ...]) -> None:
        self._cars, self._n_done = cars, 0
        self._charge = VehicleCharge("", ())
        self._writer = None if out is None else csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
        self._json = args.json and not args.summary
        self._text = not (args.json or args.summary)
        if self._writer is not None:
            self._writer.writeheader()
        if self._text:
            print(_row(_HEAD))

    def begin(self, charge: VehicleCharge) -> None:
        """The answers that follow are of this charge."""
        self._charge, self._n_done = charge, 0

    def answer(self, index: int, reply: VehicleReply) -> None:
        """Take an answer; those repeated after a restart of the board are not emitted again."""
        if index < self._n_done:
            return
        self._n_done += 1
        sample, answer = self._charge.samples[index], vehicle_answer(reply, self._cars)
        record = record_of(self._charge.session, sample, answer, reply)
        if self._writer is not None:
            self._writer.writerow({**record, "cars": " ".join(answer.cars)})
        if self._json:
            print(json.dumps(record, ensure_ascii=False))
        elif self._text:
            print(_row(_cells(record, answer)))
        if reader_left():
            raise _ReaderLeftError


def record_of(session: str, sample: VehicleMeasurement, answer: VehicleAnswer, reply: VehicleReply) -> dict[str, Any]:
    """An answer with its sample under the names of CSV_COLUMNS; a target that is not known is null."""
    target = answer.target_s or (None, None, None)
    values = (
        *(session, reply.sequence, sample.t_ms, _power_w(sample), answer.car, list(answer.cars), int(answer.unknown)),
        *(answer.confidence_permille, answer.phase, answer.phases, answer.power_class_w, *answer.done_s, *target),
        *(answer.energy_to_go_wh, f"{reply.prediction.state_crc:08x}"),
    )
    return dict(zip(CSV_COLUMNS, values, strict=True))


def _power_w(sample: VehicleMeasurement) -> int:
    return round(sum(sample[1 + k] * sample[4 + k] for k in range(3)) / 1e6)


def _cells(record: dict[str, Any], answer: VehicleAnswer) -> Sequence[str]:
    seconds = record["t_ms"] // 1000
    low, middle, high = map(_minutes, answer.done_s)
    cars = (answer.car, *(car for car in answer.cars if car != answer.car))
    who = f"unknown, {answer.power_class_w / 1000:g} kW" if answer.unknown else cars_text(cars, _WIDTHS[2])
    return (
        f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
        f"{record['power_w'] / 1000:.2f}",
        who,
        f"{answer.confidence_permille / 10:.0f}",
        f"{middle} min ({low} to {high})",
        answer.phase,
    )


def cars_text(cars: Sequence[str], width: int) -> str:
    """As many names as fit a column, the rest by its number: `zoe or id3 or 4 more`.

    `cars` begins with the likeliest.
    """
    for shown in range(len(cars), 0, -1):
        rest = [f"{len(cars) - shown} more"] if shown < len(cars) else []
        text = " or ".join([*cars[:shown], *rest])
        if len(text) <= width:
            return text
    rest_text = f" or {len(cars) - 1} more" if len(cars) > 1 else ""
    return cars[0][: width - len(rest_text) - 1] + "…" + rest_text if cars else "none"


def _minutes(seconds: int) -> str:
    minutes = seconds / 60
    return f"{minutes:.0f}" if minutes <= MOST_MIN else f"{MOST_MIN}+"


def _row(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()
