"""Where there is no terminal: one line a change, or one JSON object a sample."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from host.monitor import vehicle_wording, wording
from host.monitor.as_json import notes_json, snapshot_json
from host.monitor.history import History
from host.monitor.snapshot import Answer, Note, Snapshot, Status

CALM_S = 30.0
"""Answers waver from sample to sample; a change of them is told once in so long, a change of state at once."""


class Lines:
    """Prints a line when something a person would name has changed: state, device, phase, whole minutes, a log line."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._status: Status | None = None
        self._answer: tuple[Any, ...] | None = None
        self._told_at_s = 0.0
        self._log = _NewNotes()

    def show(self, snapshot: Snapshot, _: History | None) -> None:
        """Print what has changed."""
        for note in self._log.of(snapshot):
            self._write(f"{_time(snapshot, note.at_s)}  {'board: ' if note.board else ''}{note.text}")
        answer = _named(snapshot)
        wavers = answer != self._answer and (self._answer is None or snapshot.at_s - self._told_at_s >= CALM_S)
        if snapshot.status is not self._status or wavers:
            self._status, self._answer, self._told_at_s = snapshot.status, answer, snapshot.at_s
            self._write(f"{_time(snapshot, snapshot.at_s)}  {_line(snapshot)}")


def _named(snapshot: Snapshot) -> tuple[Any, ...] | None:
    """What of an answer a person would call another one."""
    answer = snapshot.answer
    if answer is None or snapshot.status not in (Status.CHARGING, Status.FULL):
        return None
    device = None if answer.unknown else answer.device
    return answer.unknown, device, answer.phase, wording.minutes(answer.remaining_s[1])


class JsonLines:
    """Prints the whole snapshot as one JSON object a line whenever its version changes, with the new log lines."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._seen: tuple[Any, ...] | None = None
        self._log = _NewNotes()

    def show(self, snapshot: Snapshot, _: History | None) -> None:
        """Print it, if it is new: counters and questions alone are not."""
        reading, answer = snapshot.reading, snapshot.answer
        new = self._log.of(snapshot)
        key = (
            snapshot.status,
            None if snapshot.charge is None else (snapshot.charge.ordinal, snapshot.charge.ended),
            None if reading is None else reading.sequence,
            None if answer is None else answer.sequence,
            snapshot.board,
        )
        if key == self._seen and not new:
            return
        self._seen = key
        log = [entry for entry, note in zip(notes_json(snapshot), snapshot.notes, strict=True) if note in new]
        self._write(json.dumps({**snapshot_json(snapshot), "log": log}, ensure_ascii=False))


class _NewNotes:
    """Hands over each log line once."""

    def __init__(self) -> None:
        self._last: tuple[Note, ...] = ()

    def of(self, snapshot: Snapshot) -> list[Note]:
        notes, seen = snapshot.notes, {id(note) for note in self._last}
        self._last = notes
        return [note for note in notes if id(note) not in seen]


def _time(snapshot: Snapshot, at_s: float) -> str:
    if not snapshot.wall_clock:
        return wording.duration(int(at_s * 1000))
    return time.strftime("%H:%M:%S", time.localtime(at_s))


def _who(answer: Answer) -> str:
    if answer.vehicle is not None:
        return vehicle_wording.car(answer.vehicle)
    return "unknown device" if answer.unknown else wording.device(answer)


def _line(snapshot: Snapshot) -> str:
    answer, charge, reading = snapshot.answer, snapshot.charge, snapshot.reading
    if snapshot.status not in (Status.CHARGING, Status.FULL) or answer is None or charge is None:
        return "  ".join(filter(None, (snapshot.status.value, snapshot.detail)))
    parts = [snapshot.status.value, _who(answer)]
    if answer.confidence_permille is not None:
        parts.append(wording.percent(answer.confidence_permille))
    if not answer.full:
        low, middle, high = answer.remaining_s
        parts.append(f"{wording.minutes(middle)} ({wording.interval(low, high)})")
        full = snapshot.full_at_s()
        if full is not None:
            parts.append(f"full at {wording.clock(full[1], snapshot.at_s)}")
        parts.append(answer.phase_name)
    if reading is not None:
        parts.append(wording.watts(reading.power_mw))
    parts.append(wording.watt_hours(charge))
    return "  ".join(parts)
