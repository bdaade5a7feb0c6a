"""A board's answers for people and for files: words, table rows, CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from host.messages import FLAG_NO_CLASSIFIER, FLAG_UNKNOWN, PHASES, Prediction
from host.monitor.names import known_models
from host.session import Measurement

CSV_COLUMNS = (
    *("session", "sequence", "t_ms", "voltage_mv", "current_ma"),
    *("device", "confidence_permille", "remaining_10_s", "remaining_50_s", "remaining_90_s"),
    *("unknown", "phase", "state_crc"),
)

Names = Callable[[str], Sequence[str]]
"""Device names of the model with a hash, none where they are not known."""


def names_of(artifact: Path | None) -> Names:
    """Names from an artifact folder, or from those in the usual places; read when they are first needed.

    The function that is returned raises HostError when a named artifact is not sound.
    """

    @cache
    def names(model_hash: str) -> tuple[str, ...]:
        model = known_models(artifact).get(model_hash)
        return () if model is None else model.devices

    return names


def device_text(answer: Prediction, names: Sequence[str]) -> str:
    """The device as the board names it, `unknown` where it says so."""
    if answer.flags & FLAG_UNKNOWN and not answer.flags & FLAG_NO_CLASSIFIER:
        return "unknown"
    return names[answer.device] if answer.device < len(names) else f"device {answer.device}"


def phase_text(answer: Prediction) -> str:
    """The phase in words."""
    return PHASES[answer.flags >> 1 & 3]


def minutes_text(answer: Prediction) -> str:
    """Minutes left with their interval."""
    low, middle, high = (s / 60 for s in (answer.remaining_10_s, answer.remaining_50_s, answer.remaining_90_s))
    return f"{middle:.0f} min ({low:.0f} to {high:.0f})"


def sentence(answer: Prediction, names: Sequence[str]) -> str:
    """An answer on one line."""
    who = device_text(answer, names)
    if not answer.flags & (FLAG_NO_CLASSIFIER | FLAG_UNKNOWN):
        who += f" ({answer.confidence_permille / 10:.0f} %)"
    elif answer.flags & FLAG_UNKNOWN:
        who = "a device it does not know"
    return f"{who}, {minutes_text(answer)} left, {phase_text(answer)}"


def car_sentence(answer: Prediction, names: Sequence[str]) -> str:
    """A charge point's answer on one line, as far as its second line tells."""
    who = "a car it does not know" if answer.flags & FLAG_UNKNOWN else device_text(answer, names)
    return f"{who}, {minutes_text(answer)} until it ends the charge"


def record_of(session: str, sample: Measurement, answer: Prediction, names: Sequence[str]) -> dict[str, Any]:
    """An answer with its sample under the names of CSV_COLUMNS."""
    values = (
        *(session, answer.sequence, *sample, device_text(answer, names)),
        *(answer.confidence_permille, answer.remaining_10_s, answer.remaining_50_s, answer.remaining_90_s),
        *(int(bool(answer.flags & FLAG_UNKNOWN)), phase_text(answer), f"{answer.state_crc:08x}"),
    )
    return dict(zip(CSV_COLUMNS, values, strict=True))
