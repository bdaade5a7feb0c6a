"""How long a board takes for an answer, by its own counters: one sample at a time, each followed by a look at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
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
    counts: tuple[int, ...]  # a histogram from 0 to the largest, in equal bins


@dataclass(frozen=True, slots=True)
class Timing:
    """Answer times of `samples` answers; `ticks` None where the board has no counter finer than its clock."""

    samples: int
    period_s: float  # of the charges, what an answer has time for
    micros: Spread
    ticks: Spread | None
    ticks_per_s: int | None  # 0: a tick is one executed instruction
    stack_bytes: int | None

    @property
    def finest(self) -> Spread:
        """In the finest unit that the board counts."""
        return self.ticks or self.micros

    @property
    def largest_s(self) -> float:
        """The longest answer's time."""
        if self.ticks is not None and self.ticks_per_s:
            return self.ticks.largest / self.ticks_per_s
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
    ticks = [row["answer_ticks"] for row in rows] if "answer_ticks" in known else None
    per_s = known.get("ticks_per_s", 0)
    return Timing(
        samples=len(rows),
        period_s=period_s,
        micros=_spread(MICROSECONDS, [row["answer_us"] for row in rows]),
        ticks=None if ticks is None else _spread("ticks" if per_s else INSTRUCTIONS, ticks),
        ticks_per_s=None if ticks is None else per_s,
        stack_bytes=max(row["stack_bytes"] for row in rows) if "stack_bytes" in known else None,
    )


def to_json(timing: Timing) -> dict[str, Any]:
    """The documented object of `host bench --json` and of a verification's `timing`."""
    spreads = {spread.unit: spread for spread in (timing.micros, timing.ticks) if spread is not None}
    return {
        "samples": timing.samples,
        "spread": {unit: {k: v for k, v in asdict(each).items() if k != "counts"} for unit, each in spreads.items()},
        "ticks_per_s": timing.ticks_per_s,
        "period_s": timing.period_s,
        "share_of_period": timing.share_of_period,
        "stack_bytes": timing.stack_bytes,
    }


def _spread(unit: str, values: Sequence[int]) -> Spread:
    p50, p99 = np.percentile(values, (50, 99), method="higher")
    largest = max(values)
    counts, _ = np.histogram(values, bins=min(32, largest + 1), range=(0, largest + 1))
    return Spread(
        unit, float(p50), float(p99), float(largest), round(float(np.mean(values)), 1), tuple(map(int, counts))
    )


def _answer_to(sequence: int) -> Callable[[BoardMessage], Prediction | None]:
    def take(message: BoardMessage) -> Prediction | None:
        return message if isinstance(message, Prediction) and message.sequence == sequence else None

    return take


def _counters(names: Sequence[str], next_sequence: int) -> Callable[[BoardMessage], dict[str, int] | None]:
    """Collects the counters named, from a report that is of the sample just answered."""
    found: dict[str, int] = {}
    wanted = {_NUMBER[name]: name for name in names}

    def take(message: BoardMessage) -> dict[str, int] | None:
        if not isinstance(message, Statistic) or message.counter not in wanted or message.value == NOT_KNOWN:
            return None
        found[wanted[message.counter]] = message.value
        complete = len(found) == len(wanted) and found["next_sequence"] == next_sequence
        return found if complete else None

    return take
