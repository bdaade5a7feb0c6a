"""Nothing but damaged lines, both ways: how many are taken for messages? Between them whole samples prove the state.

To the board go damaged samples, each the next one it waits for, and damaged requests; every few of them the whole
sample follows, whose answer with its state CRC is the reference's only if none got through. Back come answers: each is
damaged many times over and given to the host's own parser.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from host.conversation import SILENCE_S, first
from host.errors import DamagedLineError, SilentBoardError
from host.framing import LineSplitter
from host.inject import KINDS, Plan
from host.messages import AskHello, AskStatistics, Mode, Prediction, Reset, Sample, encode, parse_from_board
from host.reference import Charge
from host.session import Session

_REQUESTS = tuple(encode(message) for message in (AskHello(), AskStatistics(), Reset(0), Mode(1)))
_SAMPLE_SHARE = 0.8
_ATTEMPTS = 10


@dataclass(slots=True)
class Storm:
    """What came of it; `…_accepted` must be 0."""

    to_board: int = 0
    to_board_accepted: int = 0
    from_board: int = 0
    from_board_accepted: int = 0
    answers: int = 0  # to whole samples in between
    mismatches: int = 0
    seconds: float = 0.0

    @property
    def lines(self) -> int:
        """Damaged lines, both ways."""
        return self.to_board + self.from_board

    @property
    def accepted(self) -> int:
        """Damaged lines taken for messages, either way."""
        return self.to_board_accepted + self.from_board_accepted


class _Damager:
    def __init__(self, plan: Plan) -> None:
        self._random = random.Random(plan.seed)  # noqa: S311 (to be repeated, not to be secret)
        # A dropped line is no line: there is nothing to accept.
        self._kinds = [KINDS[kind] for kind in plan.rates if kind != "drop"] or list(KINDS.values())[1:]

    def line(self, original: bytes) -> bytes:
        """A damaged line that does not hold the original; ends with LF."""
        while True:
            damaged = self._random.choice(self._kinds)(original, self._random)
            if not damaged.endswith(b"\n"):
                damaged += b"\n"
            if original[:-1] not in damaged.split(b"\n"):
                return damaged

    def request(self, sample: bytes) -> bytes:
        """What the next damaged line is made from."""
        return sample if self._random.random() < _SAMPLE_SHARE else self._random.choice(_REQUESTS)


def storm(
    session: Session, charges: Sequence[Charge], plan: Plan, n_lines: int, on_lines: Callable[[int], None]
) -> Storm:
    """Send and receive at least n_lines damaged lines; `session` is open.

    Raises SilentBoardError when the board does not answer the whole samples.
    """
    result, damager, started = Storm(), _Damager(plan), time.monotonic()
    while result.lines < n_lines:
        for charge in charges:
            session.ask(Reset(0), first(Reset), "does not answer a reset")
            for k in range(len(charge.samples)):
                before = result.lines
                _sample(session, charge, k, damager, result)
                on_lines(result.lines - before)
                if result.lines >= n_lines:
                    result.seconds = time.monotonic() - started
                    return result
    return result


def _sample(session: Session, charge: Charge, k: int, damager: _Damager, result: Storm) -> None:
    """One sample: as many damaged lines as fit the credit beside it, then the whole one, then its answer damaged."""
    whole = encode(Sample(k, *charge.samples[k]))
    lines: list[bytes] = []
    room = session.credit_bytes - len(whole)
    while True:
        damaged = damager.line(damager.request(whole))
        if lines and sum(len(line) for line in lines) + len(damaged) > room:
            break
        lines.append(damaged)
    # An end of line first: what a damaged line left open is no part of the whole one.
    session.send(b"".join(lines) + b"\n" + whole)
    result.to_board += len(lines)
    answer, strange = _answer(session, k, whole)
    result.to_board_accepted += strange
    result.answers += 1
    result.mismatches += answer != charge.expected[k]
    said = encode(answer)
    for _ in range(len(lines)):
        result.from_board_accepted += _accepted(damager.line(said))
        result.from_board += 1


def _answer(session: Session, k: int, whole: bytes) -> tuple[Prediction, int]:
    """The answer to sample k, and how many messages came that nobody asked for: damage taken for a message."""
    strange = 0
    for _ in range(_ATTEMPTS):
        deadline = time.monotonic() + SILENCE_S
        while time.monotonic() < deadline:
            for message in session.receive(deadline):
                if not isinstance(message, Prediction):
                    strange += 1
                elif message.sequence == k:
                    return message, strange
                else:
                    strange += message.sequence != k - 1  # the one before, when it was asked for twice
        session.send(b"\n" + whole)
    raise SilentBoardError(f"the board does not answer sample {k} between damaged lines, asked {_ATTEMPTS} times")


def _accepted(damaged: bytes) -> int:
    accepted = 0
    for line in LineSplitter().push(damaged):
        try:
            parse_from_board(line)
        except DamagedLineError:
            continue
        accepted += 1
    return accepted
