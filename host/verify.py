"""Verification: every answer of a board against the independent reference, field by field."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from host.errors import SilentBoardError
from host.messages import Prediction
from host.reference import ANSWER_FIELDS, Charge
from host.session import Session

Rows = NDArray[np.int64]
"""Answers [n, ANSWER_FIELDS]."""

_ROW = attrgetter(*ANSWER_FIELDS)


@dataclass(frozen=True, slots=True)
class Streamed:
    """One charge's answers from the board; `wrong` counts samples that were ever answered otherwise."""

    answers: Rows
    wrong: int
    first_wrong: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first answer that is not the reference's."""

    session: str
    sample: int
    t_ms: int
    voltage_mv: int
    current_ma: int
    features: dict[str, int]  # after this sample, as the reference has them
    expected: dict[str, int]
    got: dict[str, int]  # empty where no answer came
    host_c: dict[str, int]  # what the same C answers on this machine; empty where that was not asked
    finding: str
    reproduce: str

    @property
    def differing(self) -> list[str]:
        """Names of the fields that differ."""
        return [name for name, value in self.expected.items() if self.got.get(name) != value]


def stream(session: Session, charge: Charge, on_samples: Callable[[int], None]) -> Streamed:
    """Replay one charge and compare every answer; raises SilentBoardError when there are fewer than samples."""
    answers: list[Prediction] = []
    wrong: dict[int, Prediction] = {}  # a charge replayed after a restart answers the same indexes again

    def compare(index: int, answer: Prediction) -> None:
        if answer != charge.expected[index]:
            wrong.setdefault(index, answer)
        if index == len(answers):
            answers.append(answer)
            on_samples(1)

    before = time.monotonic()
    session.replay(charge.samples, compare)
    if len(answers) != len(charge.samples):  # replay promises it; no verdict rests on that alone
        raise SilentBoardError(f"{charge.session}: {len(answers)} answers to {len(charge.samples)} samples")
    seconds = time.monotonic() - before
    for index, answer in wrong.items():  # what was answered first counts, should a replay have answered otherwise
        answers[index] = answer
    return Streamed(rows_of(answers), len(wrong), min(wrong, default=None), round(seconds, 3))


def rows_of(answers: Sequence[Prediction]) -> Rows:
    """Predictions as rows."""
    return np.array(list(map(_ROW, answers)), dtype=np.int64).reshape(-1, len(ANSWER_FIELDS))


def differing(one: Rows, other: Rows) -> tuple[int, int | None]:
    """How many of the rows differ, and the first; a row that one side lacks differs."""
    n = min(len(one), len(other))
    unequal = (one[:n] != other[:n]).any(axis=1)
    missing = max(len(one), len(other)) - n
    first = int(unequal.argmax()) if unequal.any() else n if missing else None
    return int(unequal.sum()) + missing, first


def divergence(
    charge: Charge,
    index: int,
    got: Rows,
    host_c: Rows | None,
    feature_names: Sequence[str],
    reproduce: str,
) -> Divergence:
    """All there is to know of the sample at which `got` [n] first left the reference."""
    return Divergence(
        session=charge.session,
        sample=index,
        **charge.samples[index]._asdict(),
        features=dict(zip(feature_names, charge.features[index].tolist(), strict=True)),
        expected=_fields(charge.answers, index),
        got=_fields(got, index),
        host_c={} if host_c is None else _fields(host_c, index),
        finding=_finding(charge.answers, got, host_c, index),
        reproduce=f"{reproduce} --session {charge.session}",
    )


def _fields(rows: Rows, index: int) -> dict[str, int]:
    return dict(zip(ANSWER_FIELDS, rows[index].tolist(), strict=True)) if index < len(rows) else {}


def _finding(expected: Rows, got: Rows, host_c: Rows | None, index: int) -> str:
    """Who is to blame, as far as the same C on this machine can tell."""
    crc = ANSWER_FIELDS.index("state_crc")
    if index < len(got) and got[index, crc] != expected[index, crc]:
        what = "the state differs already, so the features do"
    else:
        what = "the state is equal, so the features are: look at the model or what follows it"
    if host_c is None:
        return what
    here = host_c[index].tolist() if index < len(host_c) else None
    if here == expected[index].tolist():
        return f"{what}; C on this machine answers as the reference: look at the board's build, flags and memory"
    if index < len(got) and here == got[index].tolist():
        return f"{what}; C on this machine answers as the board: look at the emitted C and the core"
    return f"{what}; C on this machine answers otherwise again: look at the core for undefined behaviour"
