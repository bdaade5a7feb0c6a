"""How long a board takes for an answer, by its own counters: one sample at a time, each followed by a look at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from host.conversation import first
from host.messages import (
    COUNTERS,
    NOT_KNOWN,
    AskStatistics,
    BoardMessage,
    Prediction,
    Reset,
    Sample,
    Statistic,
)
from host.session import Measurement, Session

MICROSECONDS = "µs"
INSTRUCTIONS = "instructions"

_NUMBER = {name: number for number, name in enumerate(COUNTERS)}


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one unit's figures, one an answer."""

    unit: str
    p50: float
    p99: float
    largest: float
    mean: float
    edges: tuple[float, ...]  # [bins + 1], of a histogram from the smallest to the largest
    counts: tuple[int, ...]  # [bins]


@dataclass(frozen=True, slots=True)
class Timing:
    """Answer times of `samples` answers; `instructions` None where the board does not count them."""

    samples: int
    period_s: float  # of the charges, what an answer has time for
    micros: Spread
    instructions: Spread | None
    stack_bytes: int | None

    @property
    def finest(self) -> Spread:
        """What is the same on every run, where the board counts it."""
        return self.instructions or self.micros

    @property
    def largest_s(self) -> float:
        """The longest answer's time."""
        return self.micros.largest / 1e6

    @property
    def share_of_period(self) -> float | None:
        """The longest answer's part of the time between two samples; None where that is not known."""
        return self.largest_s / self.period_s if self.period_s else None


def thinned(samples: Sequence[Measurement], n: int) -> list[Measurement]:
    """At most n samples, evenly from first to last: all phases of a charge, which need not be sampled evenly."""
    if len(samples) <= n:
        return list(samples)
    return [samples[k] for k in np.linspace(0, len(samples) - 1, n).astype(int).tolist()]


def measure(
    session: Session, samples: Sequence[Measurement], period_s: float, on_samples: Callable[[int], None]
) -> Timing:
    """Time the answer to each sample of a charge; `session` is open. Raises SilentBoardError when the board resets."""
    known = session.statistics()
    names = ["next_sequence", "answer_us", *(name for name in ("answer_ticks", "stack_bytes") if name in known)]
    session.ask(Reset(0), first(Reset), "does not answer a reset")
    rows = []
    for k, sample in enumerate(samples):
        session.ask(Sample(k, *sample), _answer_to(k), f"does not answer sample {k}")
        rows.append(session.ask(AskStatistics(), _counters(names, k + 1), "does not answer with its counters"))
        on_samples(1)
    micros: list[float] = [row["answer_us"] for row in rows]
    instructions = None
    if "answer_ticks" in known:
        ticks = [row["answer_ticks"] for row in rows]
        if per_s := known.get("ticks_per_s", 0):
            micros = [1e6 * each / per_s for each in ticks]
        else:
            instructions = _spread(INSTRUCTIONS, ticks)
    return Timing(
        samples=len(rows),
        period_s=period_s,
        micros=_spread(MICROSECONDS, micros),
        instructions=instructions,
        stack_bytes=max(row["stack_bytes"] for row in rows) if "stack_bytes" in known else None,
    )


def to_json(timing: Timing) -> dict[str, Any]:
    """The documented object of `host bench --json` and of a verification's `timing`."""
    spreads = [spread for spread in (timing.micros, timing.instructions) if spread is not None]
    figures = ("p50", "p99", "largest", "mean")
    return {
        "samples": timing.samples,
        **{spread.unit.replace("µ", "u"): {name: getattr(spread, name) for name in figures} for spread in spreads},
        "period_s": timing.period_s,
        "share_of_period": timing.share_of_period,
        "stack_bytes": timing.stack_bytes,
    }


def figure(value: float) -> str:
    """A count in full, a time to three digits."""
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"


def _spread(unit: str, values: Sequence[float]) -> Spread:
    p50, p99 = np.percentile(values, (50, 99), method="higher")
    counts, edges = np.histogram(values, bins=min(32, max(len(set(values)), 1)))
    return Spread(
        unit=unit,
        p50=float(p50),
        p99=float(p99),
        largest=float(max(values)),
        mean=round(float(np.mean(values)), 3),
        edges=tuple(map(float, edges)),
        counts=tuple(map(int, counts)),
    )


def _answer_to(sequence: int) -> Callable[[BoardMessage], Prediction | None]:
    def take(message: BoardMessage) -> Prediction | None:
        return message if isinstance(message, Prediction) and message.sequence == sequence else None

    return take


def _counters(names: Sequence[str], next_sequence: int) -> Callable[[BoardMessage], dict[str, int] | None]:
    """Collects the counters named, from a report that is of the sample just answered."""
    found: dict[str, int] = {}
    wanted = {_NUMBER[name]: name for name in names}
    latest = -1

    def take(message: BoardMessage) -> dict[str, int] | None:
        nonlocal latest
        if not isinstance(message, Statistic):
            return None
        if message.counter <= latest:  # they come in order: another report begins
            found.clear()
        latest = message.counter
        if message.counter not in wanted or message.value == NOT_KNOWN:
            return None
        found[wanted[message.counter]] = message.value
        complete = len(found) == len(wanted) and found["next_sequence"] == next_sequence
        return found if complete else None

    return take
