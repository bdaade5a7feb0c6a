"""A snapshot as JSON: the lines of `--json`, and what the page is sent. docs/host.md has the keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from host.monitor import vehicle_wording
from host.monitor.snapshot import Answer, Charge, Reading, Snapshot


def snapshot_json(snapshot: Snapshot) -> dict[str, Any]:
    """Every key is always there; null is what is not known."""
    board, link = snapshot.board, snapshot.link
    return {
        "at_s": round(snapshot.at_s, 3),
        "wall_clock": snapshot.wall_clock,
        "source": snapshot.source,
        "status": snapshot.status.value,
        "detail": snapshot.detail,
        "stale": snapshot.stale,
        "board": None
        if board is None
        else {
            "model_hash": board.model_hash,
            "model": board.model,
            "devices": board.n_devices,
            "firmware": board.firmware,
            "protocol": board.protocol,
            "boot": board.boot,
        },
        "charge": None if snapshot.charge is None else _charge(snapshot.charge),
        "reading": None if snapshot.reading is None else _reading(snapshot.reading),
        "answer": None if snapshot.answer is None else _answer(snapshot.answer),
        "vehicle": _vehicle(snapshot),
        "full_at_s": _rounded(snapshot.full_at_s()),
        "pace": round(snapshot.pace, 3),
        "link": {
            "lines": link.lines,
            "damaged": link.damaged,
            "missed_samples": link.missed_samples,
            "missed_answers": link.missed_answers,
            "restarts": link.restarts,
            "reconnects": link.reconnects,
            "heard_at_s": None if link.heard_at_s is None else round(link.heard_at_s, 3),
        },
        "counters": dict(snapshot.counters),
    }


def notes_json(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The log, oldest first."""
    return [{"at_s": round(note.at_s, 3), "text": note.text, "board": note.board} for note in snapshot.notes]


def _charge(charge: Charge) -> dict[str, Any]:
    return {
        "ordinal": charge.ordinal,
        "number": charge.number,
        "whole": charge.whole,
        "started_at_s": round(charge.started_at_s, 3),
        "elapsed_ms": charge.elapsed_ms,
        "charge_mah": round(charge.charge_mah, 3),
        "energy_wh": round(charge.energy_mwh / 1000, 4),
        "full_since_s": None if charge.full_since_s is None else round(charge.full_since_s, 3),
        "ended": charge.ended,
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "sequence": reading.sequence,
        "t_ms": reading.t_ms,
        "voltage_mv": reading.voltage_mv,
        "current_ma": reading.current_ma,
        "power_mw": reading.power_mw,
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "sequence": answer.sequence,
        "device": answer.device,
        "device_name": answer.device_name,
        "confidence_permille": answer.confidence_permille,
        "unknown": answer.unknown,
        "phase": answer.phase_name,
        "remaining_s": list(answer.remaining_s),
    }


def _vehicle(snapshot: Snapshot) -> dict[str, Any] | None:
    """What only a charge point's board says; None of a charger's."""
    reading = None if snapshot.reading is None else snapshot.reading.vehicle
    answer = None if snapshot.answer is None else snapshot.answer.vehicle
    advice = None if snapshot.charge is None else snapshot.charge.advice
    if reading is None and answer is None:
        return None
    return {
        "reading": None if reading is None else asdict(reading),
        "answer": None if answer is None else asdict(answer),
        "advice": None if advice is None else {**asdict(advice), "text": vehicle_wording.advice(advice)},
    }


def _rounded(times: tuple[float, float, float] | None) -> list[float] | None:
    return None if times is None else [round(at_s, 3) for at_s in times]
