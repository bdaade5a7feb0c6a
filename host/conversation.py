"""Talking with a board: messages to and from it, questions asked until they are answered, what happened on the line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from host.errors import DamagedLineError, ModelMismatchError, SilentBoardError
from host.framing import LineSplitter, is_message
from host.messages import (
    COUNTERS,
    NOT_KNOWN,
    PROTOCOL_VERSION,
    AskHello,
    AskStatistics,
    BoardError,
    BoardMessage,
    Credit,
    Event,
    Hello,
    HostMessage,
    Statistic,
    encode,
    parse_from_board,
)
from host.transport import Link

SILENCE_S = 0.5
"""After so long without a response a line counts as lost."""

MAX_ASKED = 10
"""How often one question is asked; a board that boots takes up to 2 s to hear it."""

FIRST_COUNTERS = 6
"""Counters that every firmware has; later ones were added."""

T = TypeVar("T")


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


def ignore(_: str) -> None:
    """Show no log."""


class Conversation:
    """One board on one link. `model_hash` is what its hello must carry, None takes any.

    With `keep`, messages that come while a question waits for its answer are handed out by the next `receive`: a board
    in live mode speaks unasked. Without, they are dropped.
    """

    PROFILE: int | None = None
    """Whose board it has to be, CHARGER or CHARGE_POINT; None takes either."""

    def __init__(
        self, link: Link, *, model_hash: str | None = None, on_log: Callable[[str], None] = ignore, keep: bool = False
    ) -> None:
        self.counters = Counters()
        self.credit_bytes = 0
        self._link = link
        self._model_hash = model_hash
        self._on_log = on_log
        self._keep = keep
        self._splitter = LineSplitter()
        self._pending: list[BoardMessage] = []

    def ask_hello(self, attempts: int = MAX_ASKED) -> Hello:
        """Learn who the board is; whatever it said before is dropped.

        Raises ModelMismatchError for another model or protocol, SilentBoardError when nobody answers.
        """
        keep, self._keep = self._keep, False
        try:
            hello, credit = self.ask(AskHello(), _hello_and_credit(), "does not say hello", attempts)
        finally:
            self._keep = keep
        self._check(hello)
        self.credit_bytes = credit.n_bytes
        return hello

    def statistics(self) -> dict[str, int]:
        """The board's own counters by name, without those it does not keep; `answer_us` and `answer_max_us` in µs."""
        values: dict[int, int] = {}

        def collect(message: BoardMessage) -> bool | None:
            if isinstance(message, Statistic):
                values[message.counter] = message.value
            return True if values.keys() >= set(range(len(COUNTERS))) else None

        try:
            self.ask(AskStatistics(), collect, "does not answer with its counters")
        except SilentBoardError:
            if not values.keys() >= set(range(FIRST_COUNTERS)):  # a firmware from before the others were added
                raise
        return {name: values[k] for k, name in enumerate(COUNTERS) if values.get(k, NOT_KNOWN) != NOT_KNOWN}

    def ask(
        self,
        question: HostMessage,
        answer: Callable[[BoardMessage], T | None],
        complaint: str,
        attempts: int = MAX_ASKED,
    ) -> T:
        """Send a question until `answer` makes something of the messages that come; raises SilentBoardError."""
        kept: list[BoardMessage] = []
        for _ in range(attempts):
            self.send(encode(question))
            deadline = self._link.now() + SILENCE_S
            while self._link.now() < deadline:
                messages = self.receive(deadline)
                for position, message in enumerate(messages):
                    found = answer(message)
                    if found is not None:
                        self._pending = kept + messages[position + 1 :]
                        return found
                    if self._keep:
                        kept.append(message)
        self._pending = kept
        raise SilentBoardError(
            f"the board {complaint} ({attempts} times, {SILENCE_S} s each); "
            "is this its port, does it run this firmware, and is the baud rate right?"
        )

    def send(self, data: bytes) -> None:
        """Send bytes; raises PortError when the port is gone."""
        self.counters.bytes_sent += len(data)
        self._link.send(data)

    def receive(self, deadline: float) -> list[BoardMessage]:
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

    def _check(self, hello: Hello) -> None:
        if hello.protocol_version != PROTOCOL_VERSION:
            raise ModelMismatchError(
                f"the board speaks protocol {hello.protocol_version}, this program {PROTOCOL_VERSION}; "
                "flash the firmware again"
            )
        if self.PROFILE not in (None, hello.profile):
            whose = ("a charger's", "a charge point's")
            raise ModelMismatchError(
                f"the board is {whose[hello.profile] if hello.profile < len(whose) else 'of another profile'}, what is "
                f"asked of it {whose[self.PROFILE or 0]}; take its own --artifact or --data, or flash other firmware"
            )
        if self._model_hash is not None and hello.model_hash != self._model_hash:
            raise ModelMismatchError(
                f"the board runs model {hello.model_hash}, the artifact is {self._model_hash}; "
                "build (tools/pio.py run) and flash this artifact's firmware, or name the right --artifact"
            )


def first(kind: type[T]) -> Callable[[BoardMessage], T | None]:
    """Takes the first message of a kind for an answer."""
    return lambda message: message if isinstance(message, kind) else None


def _hello_and_credit() -> Callable[[BoardMessage], tuple[Hello, Credit] | None]:
    hellos: list[Hello] = []

    def take(message: BoardMessage) -> tuple[Hello, Credit] | None:
        if isinstance(message, Hello):
            hellos.append(message)
        return (hellos[-1], message) if hellos and isinstance(message, Credit) else None

    return take
