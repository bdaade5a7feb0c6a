"""A conversation with a board: who it is, and a whole charge through it without losing a sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from host.errors import DamagedLineError, HostError, ModelMismatchError, SilentBoardError
from host.framing import LineSplitter, is_message
from host.messages import (
    COUNTERS,
    INJECTED,
    PROTOCOL_VERSION,
    REFUSED_GAP,
    REFUSED_MODE,
    REFUSED_TIME,
    AskHello,
    AskStatistics,
    BoardError,
    BoardMessage,
    Credit,
    Event,
    Hello,
    HostMessage,
    Mode,
    Prediction,
    Refusal,
    Reset,
    Sample,
    Statistic,
    encode,
    parse_from_board,
)
from host.transport import Link
from host.window import Window

SILENCE_S = 0.5
"""After so long without a response a line counts as lost."""

MAX_ASKED = 10
"""How often one question is asked; a board that boots takes up to 2 s to hear it."""

MAX_SILENCES = 10
"""Silences in a row during a charge, each followed by the first unanswered line sent again."""

MAX_RESTARTS = 10
"""Starts of a charge in a row that bring no sample beyond the furthest answered one."""

T = TypeVar("T")


class Measurement(NamedTuple):
    """What the board is told of one sample."""

    t_ms: int
    voltage_mv: int
    current_ma: int


@dataclass(slots=True)
class Counters:
    """What happened on the line."""

    bytes_sent: int = 0
    bytes_received: int = 0
    sent: int = 0  # sample lines, repeated ones included
    resent: int = 0
    damaged: int = 0  # received lines that were no message
    refusals: int = 0
    silences: int = 0
    resets: int = 0  # charges begun again because the board had lost them
    errors: int = 0  # X lines
    events: int = 0
    logs: int = 0


class _ChargeLostError(Exception):
    """The board no longer has this charge's state: begin again."""


def _ignore(_: str) -> None:
    """Show no log."""


class Session:
    """One board on one link. `model_hash` is what its hello must carry, None takes any."""

    def __init__(self, link: Link, *, model_hash: str | None = None, on_log: Callable[[str], None] = _ignore) -> None:
        self.counters = Counters()
        self._link = link
        self._model_hash = model_hash
        self._on_log = on_log
        self._splitter = LineSplitter()
        self._pending: list[BoardMessage] = []
        self.credit_bytes = 0

    def open(self) -> Hello:
        """Learn who the board is; read away whatever it said before; take injected mode.

        Raises ModelMismatchError for another model or protocol, SilentBoardError when nobody answers.
        """
        hello = self._ask(AskHello(), _hello_and_credit(), "does not say hello")
        self._check(hello[0])
        self.credit_bytes = hello[1].n_bytes
        # The echo of a number that nobody used before proves that all older lines have been read.
        fresh = Reset(int(self._link.now() * 1e6) & 0xFFFFFFFF | 1)
        self._ask(fresh, _echo(fresh), "does not answer a reset")
        self._ask(Mode(INJECTED), _first(Mode), "does not answer a change of mode")
        return hello[0]

    def replay(self, samples: Sequence[Measurement], on_answer: Callable[[int, Prediction], None]) -> None:
        """Send a whole charge from a fresh state; every answer goes to on_answer(index, answer), in order.

        Should the board start anew, the charge is replayed and on_answer sees its indexes again from 0. Raises
        SilentBoardError when that, or silence, does not end; HostError for a sample the board refuses.
        """
        lines = [encode(Sample(k, *sample)) for k, sample in enumerate(samples)]
        furthest, in_vain = -1, 0
        while True:
            window = Window(lines, self.credit_bytes)
            try:
                self._ask(Reset(0), _echo(Reset(0)), "does not answer a reset")
                self._stream(window, samples, on_answer)
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

    def statistics(self) -> dict[str, int]:
        """The board's own counters by name; `answer_us` and `answer_max_us` are times in µs."""
        values: dict[int, int] = {}

        def collect(message: BoardMessage) -> dict[int, int] | None:
            if isinstance(message, Statistic):
                values[message.counter] = message.value
            return values if len(values.keys() & set(range(len(COUNTERS)))) == len(COUNTERS) else None

        self._ask(AskStatistics(), collect, "does not answer with its counters")
        return {name: values[number] for number, name in enumerate(COUNTERS)}

    def _check(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL_VERSION:
            raise ModelMismatchError(
                f"the board speaks protocol {hello.protocol}, this program {PROTOCOL_VERSION}; flash the firmware again"
            )
        if self._model_hash is not None and hello.model_hash != self._model_hash:
            raise ModelMismatchError(
                f"the board runs model {hello.model_hash}, the artifact is {self._model_hash}; "
                "build (tools/pio.py run) and flash this artifact's firmware, or name the right --artifact"
            )

    def _stream(
        self, window: Window, samples: Sequence[Measurement], on_answer: Callable[[int, Prediction], None]
    ) -> None:
        silences = 0
        quiet_since = self._link.now()
        while not window.done:
            lines = window.take()
            if lines:
                self._send(b"".join(lines))
                quiet_since = self._link.now()
            messages = self._receive(quiet_since + SILENCE_S)
            forward = [self._take(message, window, samples, on_answer) for message in messages]
            if any(forward):
                silences = 0
                quiet_since = self._link.now()
            elif self._link.now() >= quiet_since + SILENCE_S:  # said nothing, or nothing that brings the charge forward
                silences += 1
                self.counters.silences += 1
                if silences > MAX_SILENCES:
                    raise SilentBoardError(f"the board does not answer sample {window.base}, asked {silences} times")
                window.silent()

    def _take(
        self,
        message: BoardMessage,
        window: Window,
        samples: Sequence[Measurement],
        on_answer: Callable[[int, Prediction], None],
    ) -> bool:
        """Handle one message during a charge; True when it brought the charge forward."""
        if isinstance(message, Prediction):
            if window.answered(message.sequence):
                on_answer(message.sequence, message)
                return True
        elif isinstance(message, Refusal):
            self._take_refusal(message, window, samples)
        elif isinstance(message, Hello):
            # Nobody asked: the board has started anew.
            raise _ChargeLostError
        elif isinstance(message, Credit):
            self.credit_bytes = message.n_bytes
        return False

    def _take_refusal(self, refusal: Refusal, window: Window, samples: Sequence[Measurement]) -> None:
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

    def _ask(self, question: HostMessage, answer: Callable[[BoardMessage], T | None], complaint: str) -> T:
        """Send a question until `answer` makes something of the messages that come; others are dropped."""
        for _ in range(MAX_ASKED):
            self._send(encode(question))
            deadline = self._link.now() + SILENCE_S
            while self._link.now() < deadline:
                messages = self._receive(deadline)
                for position, message in enumerate(messages):
                    found = answer(message)
                    if found is not None:
                        self._pending = messages[position + 1 :]
                        return found
        raise SilentBoardError(
            f"the board {complaint} ({MAX_ASKED} times, {SILENCE_S} s each); "
            "is this its port, does it run this firmware, and is the baud rate right?"
        )

    def _send(self, data: bytes) -> None:
        self.counters.bytes_sent += len(data)
        self._link.send(data)

    def _receive(self, deadline: float) -> list[BoardMessage]:
        """The next messages, waiting no longer than the deadline; empty when only logs, damage or nothing came."""
        if self._pending:
            pending, self._pending = self._pending, []
            return pending
        data = self._link.receive(max(deadline - self._link.now(), 0.0))
        self.counters.bytes_received += len(data)
        messages = []
        for line in self._splitter.push(data):
            if not is_message(line):
                self.counters.logs += 1
                self._on_log(line.decode("utf-8", "replace").rstrip("\r"))
                continue
            try:
                message = parse_from_board(line)
            except DamagedLineError:
                self.counters.damaged += 1
                continue
            self.counters.errors += isinstance(message, BoardError)
            self.counters.events += isinstance(message, Event)
            messages.append(message)
        return messages


def _first(kind: type[T]) -> Callable[[BoardMessage], T | None]:
    return lambda message: message if isinstance(message, kind) else None


def _echo(expected: Reset) -> Callable[[BoardMessage], Reset | None]:
    return lambda message: expected if message == expected else None


def _hello_and_credit() -> Callable[[BoardMessage], tuple[Hello, Credit] | None]:
    hellos: list[Hello] = []

    def take(message: BoardMessage) -> tuple[Hello, Credit] | None:
        if isinstance(message, Hello):
            hellos.append(message)
        return (hellos[-1], message) if hellos and isinstance(message, Credit) else None

    return take
