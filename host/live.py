"""A board in live mode: it measures by itself and speaks unasked (docs/wire.md, Live mode)."""

from __future__ import annotations

from collections.abc import Callable

from host.conversation import Conversation, first, ignore
from host.errors import HostError
from host.messages import LIVE, REFUSED_MODE, AskHello, BoardMessage, Credit, Hello, Mode, Refusal
from host.transport import Link


class LiveSession(Conversation):
    """A conversation in live mode: nothing that the board says by itself is dropped."""

    def __init__(self, link: Link, *, model_hash: str | None = None, on_log: Callable[[str], None] = ignore) -> None:
        super().__init__(link, model_hash=model_hash, on_log=on_log, keep=True)

    def open(self) -> Hello:
        """Learn who the board is and take live mode; a charge in progress is announced by the next `listen`.

        Raises ModelMismatchError, SilentBoardError, and HostError for a board without a sensor.
        """
        hello = self.ask_hello()
        mode = self.ask(Mode(LIVE), _mode_or_refusal, "does not answer a change of mode")
        if mode.mode != LIVE:
            raise HostError(
                "the board has no sensor or meter, so it measures nothing by itself; send it samples with: host stream"
            )
        # The board answers in order: hellos before this point were asked for, one after it means a restart.
        self._pending = [message for message in self._pending if not isinstance(message, Hello)]
        return hello

    def listen(self, timeout_s: float) -> list[BoardMessage]:
        """What the board said, waiting at most so long for something; a Hello among it means that it started anew."""
        return self.receive(self.now() + timeout_s)

    def poll(self, attempts: int) -> None:
        """Ask the board whether it is there; a charge in progress is announced again by the next `listen`.

        Raises SilentBoardError.
        """
        self.ask(AskHello(), first(Credit), "has gone silent", attempts)
        self._pending = [message for message in self._pending if not isinstance(message, Hello)]

    def now(self) -> float:
        """The link's clock, monotonic seconds."""
        return self._link.now()


def _mode_or_refusal(message: BoardMessage) -> Mode | None:
    if isinstance(message, Refusal) and message.reason == REFUSED_MODE:
        return Mode(LIVE + 1)
    return message if isinstance(message, Mode) else None
