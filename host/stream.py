"""`python -m host stream`: recorded charges to a board, its answers to the screen and to files."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from host import stream_vehicles
from host.answers import CSV_COLUMNS, names_of, record_of
from host.board import link_of
from host.errors import HostError
from host.messages import Prediction
from host.output import reader_left
from host.samples import SampleCharge, load_charges
from host.session import Measurement, Session
from host.stream_screen import StreamScreen, row_text, table_head
from host.vehicle_samples import holds_vehicles


class _ReaderLeftError(Exception):
    """Nobody reads the answers any more."""


def run(args: argparse.Namespace) -> int:
    """Stream; returns 0 when every sample has its answer."""
    if holds_vehicles(args.source):
        return stream_vehicles.run(args, _answers_file)
    charges = load_charges(args.source, args.session, args.charges)
    started = time.monotonic()
    with _answers_file(args.out) as out, link_of(args) as link:
        session = Session(link, on_log=_show_log)
        hello = session.open()
        names = names_of(args.artifact)(hello.model_hash)
        began = time.monotonic()
        with StreamScreen(charges, args.speed, names) as screen:
            emit = _Emitter(args, screen, out, names)
            try:
                for charge in charges:
                    emit.begin(charge)
                    session.replay(charge.samples, emit.answer, speed=args.speed)
            except _ReaderLeftError:
                return 0
        seconds = time.monotonic() - began
        counters = session.counters
    n_samples = sum(len(charge.samples) for charge in charges)
    facts: dict[str, Any] = {
        "charges": len(charges),
        "samples": n_samples,
        "seconds": round(seconds, 3),
        "answers_per_s": round(n_samples / max(seconds, 1e-9), 1),
        "bytes_sent": counters.bytes_sent,
        "bytes_received": counters.bytes_received,
        "sent": counters.sent,
        "resent": counters.resent,
        "damaged": counters.damaged,
        "resets": counters.resets,
        "model_hash": hello.model_hash,
        "seconds_in_all": round(time.monotonic() - started, 3),
    }
    if args.json:
        print(json.dumps({"summary": facts}))
    else:
        print(_summary(facts, args.out))
    return 0


class _Emitter:
    """Every answer once, in order, to whatever was asked for."""

    def __init__(
        self, args: argparse.Namespace, screen: StreamScreen, out: TextIO | None, names: Sequence[str]
    ) -> None:
        self._screen = screen
        self._names = names
        self._writer = None if out is None else csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
        self._json = args.json and not args.summary
        self._text = not (args.json or args.summary) and not sys.stdout.isatty()
        self._name, self._n_done = "", 0
        self._samples: Sequence[Measurement] = ()
        if self._writer is not None:
            self._writer.writeheader()
        if self._text:
            print(table_head())

    def begin(self, charge: SampleCharge) -> None:
        """The answers that follow are of this charge."""
        self._name, self._samples, self._n_done = charge.session, charge.samples, 0

    def answer(self, index: int, answer: Prediction) -> None:
        """Take an answer; those repeated after a restart of the board are not emitted again."""
        if index < self._n_done:
            return
        self._n_done += 1
        sample = self._samples[index]
        self._screen.answer(self._name, sample, answer)
        if self._writer is None and not (self._json or self._text):
            return
        record = record_of(self._name, sample, answer, self._names)
        if self._writer is not None:
            self._writer.writerow(record)
        if self._json:
            print(json.dumps(record))
        elif self._text:
            print(row_text(self._name, sample, answer, self._names))
        if reader_left():
            raise _ReaderLeftError


def _summary(facts: dict[str, Any], out: Path | None) -> str:
    charges = f"{facts['charges']} charge{'s' if facts['charges'] != 1 else ''}"
    where = "" if out is None else f" → {out}"
    return (
        f"{facts['samples']} samples of {charges} answered in {facts['seconds']:.1f} s "
        f"({facts['answers_per_s']:.0f} a second; {facts['resent']} resent, {facts['damaged']} damaged, "
        f"{facts['resets']} resets){where}"
    )


@contextmanager
def _answers_file(path: Path | None) -> Iterator[TextIO | None]:
    """An open CSV file, each row handed to the system as it is written; raises HostError where it cannot be."""
    if path is None:
        yield None
        return
    try:
        with path.open("w", encoding="utf-8", newline="", buffering=1) as file:
            yield file
    except OSError as error:
        if error.filename not in (None, str(path)):
            raise
        why = os.strerror(error.errno) if error.errno else str(error)
        raise HostError(f"--out {path}: cannot be written: {why}; name another file") from None


def _show_log(line: str) -> None:
    print(f"board: {line}", file=sys.stderr)
