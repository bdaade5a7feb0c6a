"""`python -m host record`: from a source to a dataset folder, charge after charge."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from host.answers import names_of
from host.board import SIM, link_of
from host.errors import HostError, SilentBoardError
from host.interruption import Interruption, interruptible
from host.recording.asking import ask_labels, ask_resume, new_name
from host.recording.board_source import BoardSource
from host.recording.csv_layout import parse_layout
from host.recording.csv_source import STANDARD_INPUT, CsvSource, must_be_there
from host.recording.events import Exhausted, Noted, Source
from host.recording.folder import Labels, check_session, prepare
from host.recording.note import Interrupted
from host.recording.recorder import Recorded, Recorder
from host.recording.resuming import Resumption, find_interrupted, take_up
from host.recording.screen import Screen, Shown, duration

LISTEN_S = 0.1


def run(args: argparse.Namespace) -> int:
    """Record; returns 0 when every charge asked for is kept, 130 when interrupted."""
    _check(args)
    folder: Path = args.out
    prepare(folder)
    resumption, labels = _beginning(args, folder)
    session_names = new_name(folder, args.session)
    shown = Shown(str(folder), args.from_ or args.port, args.charges, names_of(args.artifact))
    done: list[Recorded] = []
    with interruptible() as interruption, Screen(shown) as screen, _source(args, screen) as source:
        recorder = Recorder(folder, labels, source.name, source.speed, lambda: session_names(labels))
        if resumption is not None:
            recorder.resume(resumption)
        try:
            for recorded in _charges(recorder, source, screen, interruption, args):
                done.append(recorded)
                screen.ended(_line(recorded))
        except HostError as error:
            if not args.json:
                _print_lines(done)
            if recorder.session is None:
                raise
            error.args = (f"{error}; {recorder.session} is kept so far: go on with --resume",)
            raise
        finally:
            recorder.close()
    return _finish(done, interruption, args)


def _check(args: argparse.Namespace) -> None:
    if (args.port is None) == (args.from_ is None):
        raise HostError("name one source of samples: --port for a board, or --from for a CSV file, - or a socket")
    if args.from_ is not None and args.play:
        raise HostError("--play is the sensor of --port sim; it has no part in --from")
    if args.from_ is not None:
        must_be_there(args.from_)  # before a folder is made for it
    if args.session is not None:
        check_session(args.session)
    if args.artifact is not None:
        names_of(args.artifact)("")  # one that is not sound is told before the charge, not in it


def _beginning(args: argparse.Namespace, folder: Path) -> tuple[Resumption | None, Labels]:
    """What to go on with, and the labels of what comes after; charges nobody goes on with are ended."""
    stopped = find_interrupted(folder)
    chosen: Interrupted | None = None
    if stopped and (args.resume or ask_resume(stopped[0], ask=args.from_ != STANDARD_INPUT)):
        chosen = stopped[0]
    elif args.resume:
        print(f"{folder}: no charge was interrupted; a new one begins", file=sys.stderr)
    if chosen is not None and args.device is None:
        labels = chosen.labels
    else:
        labels = ask_labels(args, folder, ask=args.from_ != STANDARD_INPUT)
    resumption = None
    for charge in stopped:
        found = take_up(folder, charge)
        if found is None:
            continue
        if charge is chosen:
            resumption = found
        else:
            kept = found.end()
            what = f"kept, {len(found.samples)} samples" if kept else "too short to keep"
            print(f"{charge.session}: was interrupted; ended as it is ({what})", file=sys.stderr)
    return resumption, labels


@contextmanager
def _source(args: argparse.Namespace, screen: Screen) -> Iterator[Source]:
    if args.from_ is not None:
        layout = parse_layout(
            args.columns, args.separator, decimal_comma=args.decimal_comma, negative=args.sign == "negative"
        )
        with CsvSource(args.from_, layout, idle_s=args.idle) as rows:
            yield rows
        return
    simulated = args.port == SIM
    speed = (args.speed or None) if simulated else 1.0
    patience_s = 0.0 if simulated else args.patience  # a virtual board that is gone does not come back
    with BoardSource(lambda: link_of(args), on_log=screen.log, patience_s=patience_s, speed=speed) as board:
        yield board


def _charges(
    recorder: Recorder, source: Source, screen: Screen, interruption: Interruption, args: argparse.Namespace
) -> Iterator[Recorded]:
    """The charges as they end, as many as were asked for."""
    n_done, idle_since = 0, time.monotonic()
    while n_done < args.charges and not interruption.requested:
        for event in source.events(LISTEN_S):
            if isinstance(event, Noted):
                screen.note(event.text)
            if isinstance(event, Exhausted):
                return
            recorded = recorder.take(event, time.monotonic())
            if recorded is not None:
                n_done += not recorded.objection
                yield recorded
            if n_done == args.charges:
                return
        now = time.monotonic()
        recorder.sync(now)
        screen.show(recorder, n_done)
        idle_since = now if recorder.session is not None else idle_since
        if args.wait is not None and now - idle_since > args.wait:
            raise SilentBoardError(f"{source.name}: no charge began within {args.wait:g} s; is the device plugged in?")
    recorded = recorder.finish("unknown")
    if recorded is not None:
        yield recorded


def _finish(done: Sequence[Recorded], interruption: Interruption, args: argparse.Namespace) -> int:
    kept = [recorded for recorded in done if not recorded.objection]
    if args.json:
        charges = [recorded.to_json() for recorded in done]
        facts = {"charges": charges, "path": str(args.out), "interrupted": interruption.requested}
        print(json.dumps(facts, indent=1))
    else:
        _print_lines(done)
    if interruption.requested:
        what = f"{', '.join(recorded.session for recorded in kept)} kept" if kept else "nothing was recorded"
        print(f"interrupted; {what}; the port is released", file=sys.stderr)
        return 130
    if len(kept) < args.charges:
        raise HostError(
            f"{args.from_ or args.port}: {len(kept)} of {args.charges} charges came"
            + (f" ({done[-1].objection})" if done and done[-1].objection else "")
        )
    if not args.json:
        print(f"{_count(len(kept), 'charge')} → {args.out}  (check: python -m train validate {args.out})")
    return 0


def _print_lines(done: Sequence[Recorded]) -> None:
    print("".join(f"{_line(recorded)}\n" for recorded in done), end="", flush=True)


def _line(recorded: Recorded) -> str:
    if recorded.objection:
        return f"{recorded.session}: not kept as a charge: {recorded.objection}"
    left_out = f", {recorded.left_out} left out" if recorded.left_out else ""
    gap = f", longest gap {recorded.longest_gap_s:.0f} s" if recorded.longest_gap_s >= 5 else ""
    return (
        f"{recorded.session}: {recorded.ended} after {duration(recorded.seconds)}, {recorded.samples} samples{left_out}"
        f"{gap}, {recorded.energy_mwh / 1000:.2f} Wh, {recorded.charge_mah:.0f} mAh"
    )


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
