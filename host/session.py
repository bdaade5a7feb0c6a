"""A whole charge through a board without losing a sample, from the host's own samples (injected mode)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from host.conversation import SILENCE_S, Conversation, first
from host.conversation import Counters as Counters  # re-exported: what a session counts
from host.errors import HostError, SilentBoardError
from host.messages import (
    CHARGER,
    INJECTED,
    REFUSED_GAP,
    REFUSED_MODE,
    REFUSED_TIME,
    BoardMessage,
    Credit,
    Hello,
    Mode,
    Prediction,
    Refusal,
    Reset,
    Sample,
    encode,
)
from host.window import Window

MAX_SILENCES = 10
"""Silences in a row during a charge, each followed by the first unanswered line sent again."""

MAX_RESTARTS = 10
"""Starts of a charge in a row that bring no sample beyond the furthest answered one."""


class Measurement(NamedTuple):
    """What the board is told of one sample."""

    t_ms: int
    voltage_mv: int
    current_ma: int


class Sampled(Protocol):
    """A sample of either profile."""

    @property
    def t_ms(self) -> int:
        """On the clock of whoever measured."""


class Answered(Protocol):
    """An answer of either profile."""

    @property
    def sequence(self) -> int:
        """Of the sample it answers."""


SampleT = TypeVar("SampleT", bound=Sampled)
AnswerT = TypeVar("AnswerT", bound=Answered)


class _ChargeLostError(Exception):
    """The board no longer has this charge's state: begin again."""


class InjectedSession(Conversation, ABC, Generic[SampleT, AnswerT]):
    """A conversation in injected mode, whatever is sampled and answered."""

    @abstractmethod
    def lines(self, sequence: int, sample: SampleT) -> bytes:
        """A sample as it is sent."""

    @abstractmethod
    def answer(self, message: BoardMessage) -> AnswerT | None:
        """The answer that a message is, or completes."""

    def begin(self) -> None:
        """Tell the board what it has to know at the start of a charge."""

    def open(self) -> Hello:
        """Learn who the board is; read away whatever it said before; take injected mode.

        Raises ModelMismatchError for another model or protocol, SilentBoardError when nobody answers.
        """
        hello = self.ask_hello()
        # The echo of a number that nobody used before proves that all older lines have been read.
        fresh = Reset(int(self._link.now() * 1e6) & 0xFFFFFFFF | 1)
        self.ask(fresh, _echo(fresh), "does not answer a reset")
        self.ask(Mode(INJECTED), first(Mode), "does not answer a change of mode")
        return hello

    def replay(
        self,
        samples: Sequence[SampleT],
        on_answer: Callable[[int, AnswerT], None],
        *,
        speed: float | None = None,
    ) -> None:
        """Send a whole charge from a fresh state; every answer goes to on_answer(index, answer), in order.

        At `speed` times real time, without one as fast as the line takes it. Should the board start anew, the charge
        is replayed and on_answer sees its indexes again from 0. Raises SilentBoardError when that, or silence, does
        not end; HostError for a sample the board refuses.
        """
        lines = [self.lines(k, sample) for k, sample in enumerate(samples)]
        due_at = None if speed is None else _schedule(samples, self._link.now(), speed)
        furthest, in_vain = -1, 0
        while True:
            window = Window(lines, self.credit_bytes)
            try:
                self.ask(Reset(0), _echo(Reset(0)), "does not answer a reset")
                self.begin()
                self._stream(window, samples, on_answer, due_at)
                return
            except _ChargeLostError:
                self.counters.resets += 1
                in_vain = in_vain + 1 if window.base <= furthest else 0
                furthest = max(furthest, window.base)
                if in_vain >= MAX_RESTARTS:
                    raise SilentBoardError(
                        f"the board lost the charge {in_vain} times at or before sample {furthest}; "
                        "is its supply steady (brown-out), and is it in injected mode?"
                    ) from None
                self.open()
            finally:
                self.counters.resent += window.n_resent
                self.counters.sent += window.sent_once + window.n_resent

    def _stream(
        self,
        window: Window,
        samples: Sequence[SampleT],
        on_answer: Callable[[int, AnswerT], None],
        due_at: Sequence[float] | None,
    ) -> None:
        silences = 0
        quiet_since = self._link.now()
        while not window.done:
            released = len(samples) if due_at is None else bisect_right(due_at, self._link.now())
            lines = window.take(released)
            if lines:
                self.send(b"".join(lines))
                quiet_since = self._link.now()
            idle = window.idle  # nothing is awaited: the next sample is not due yet
            messages = self.receive(due_at[released] if idle and due_at is not None else quiet_since + SILENCE_S)
            forward = [self._take(message, window, samples, on_answer) for message in messages]
            if any(forward):
                silences = 0
                quiet_since = self._link.now()
            elif not idle and self._link.now() >= quiet_since + SILENCE_S:
                # Said nothing, or nothing that brings the charge forward.
                silences += 1
                self.counters.silences += 1
                if silences > MAX_SILENCES:
                    raise SilentBoardError(f"the board does not answer sample {window.base}, asked {silences} times")
                window.silent()

    def _take(
        self,
        message: BoardMessage,
        window: Window,
        samples: Sequence[SampleT],
        on_answer: Callable[[int, AnswerT], None],
    ) -> bool:
        """Handle one message during a charge; True when it brought the charge forward."""
        answer = self.answer(message)
        if answer is not None:
            if window.answered(answer.sequence):
                on_answer(answer.sequence, answer)
                return True
        elif isinstance(message, Refusal):
            self._take_refusal(message, window, samples)
        elif isinstance(message, Hello):
            # Nobody asked: the board has started anew.
            raise _ChargeLostError
        elif isinstance(message, Credit):
            self.credit_bytes = message.n_bytes
        return False

    def _take_refusal(self, refusal: Refusal, window: Window, samples: Sequence[SampleT]) -> None:
        self.counters.refusals += 1
        if refusal.reason == REFUSED_TIME and refusal.sequence == window.base:
            t_ms = samples[refusal.sequence].t_ms
            raise HostError(
                f"sample {refusal.sequence}, t_ms {t_ms}: refused, time must move forward; mend the recording"
            )
        if refusal.reason == REFUSED_MODE:
            raise _ChargeLostError
        if refusal.reason in (REFUSED_GAP, REFUSED_TIME):
            if not window.refused(refusal.sequence, refusal.expected):
                raise _ChargeLostError
        elif refusal.sequence >= window.base:
            raise _ChargeLostError


class Session(InjectedSession[Measurement, Prediction]):
    """With a charger's board."""

    PROFILE = CHARGER

    def lines(self, sequence: int, sample: Measurement) -> bytes:
        """One line."""
        return encode(Sample(sequence, *sample))

    def answer(self, message: BoardMessage) -> Prediction | None:
        """One line."""
        return message if isinstance(message, Prediction) else None


def _schedule(samples: Sequence[Sampled], start: float, speed: float) -> list[float]:
    """When each sample is due, on the link's clock."""
    return [start + ((sample.t_ms - samples[0].t_ms) & 0xFFFFFFFF) / 1000 / speed for sample in samples]


def _echo(expected: Reset) -> Callable[[BoardMessage], Reset | None]:
    return lambda message: expected if message == expected else None
