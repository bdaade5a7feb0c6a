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
from host.messages import AskHello, AskStatistics, Mode, Prediction, Refusal, Reset, Sample, encode, parse_from_board
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
    session: Session,
    charges: Sequence[Charge],
    plan: Plan,
    n_lines: int,
    on_lines: Callable[[int], None],
    now: Callable[[], float] = time.monotonic,
) -> Storm:
    """Send and receive at least n_lines damaged lines; `session` is open.

    Raises SilentBoardError when the board does not answer the whole samples.
    """
    result, damager, started = Storm(), _Damager(plan), now()
    while result.lines < n_lines:
        for charge in charges:
            session.ask(Reset(0), first(Reset), "does not answer a reset")
            for k in range(len(charge.samples)):
                before = result.lines
                as_ever = _sample(session, charge, k, damager, result, now)
                on_lines(result.lines - before)
                if not as_ever or result.lines >= n_lines:
                    break
            if result.lines >= n_lines:
                break
    result.seconds = round(now() - started, 3)
    return result


def _sample(
    session: Session, charge: Charge, k: int, damager: _Damager, result: Storm, now: Callable[[], float]
) -> bool:
    """One sample: as many damaged lines as fit the credit beside it, then the whole one, then its answer damaged.

    False when the board did not answer as ever: damage has changed its charge, which has to begin again.
    """
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
    answer, strange = _answer(session, k, whole, now)
    result.to_board_accepted += strange
    result.answers += 1
    result.mismatches += answer != charge.expected[k]
    said = encode(answer or charge.expected[k])
    for _ in range(len(lines)):
        result.from_board_accepted += _accepted(damager.line(said))
        result.from_board += 1
    return answer is not None


def _answer(session: Session, k: int, whole: bytes, now: Callable[[], float]) -> tuple[Prediction | None, int]:
    """The answer to sample k, and how many messages came that nobody asked for: damage taken for a message.

    None when the board refuses the sample: its charge is no longer what was sent whole.
    """
    strange = 0
    for _ in range(_ATTEMPTS):
        deadline = now() + SILENCE_S
        while now() < deadline:
            for message in session.receive(deadline):
                if isinstance(message, Prediction) and message.sequence == k:
                    return message, strange
                if isinstance(message, Refusal):
                    return None, strange + 1
                # The answer before this one comes again when it was asked for twice.
                strange += not (isinstance(message, Prediction) and message.sequence == k - 1)
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
