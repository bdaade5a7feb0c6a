"""Does the board answer the same again: to the same charge a second time, and after it has been started anew?"""

from __future__ import annotations

from dataclasses import dataclass

from host.errors import SilentBoardError
from host.reference import Charge
from host.session import Session
from host.verify import Rows, differing, stream
from host.verify_board import COMMAND, LINES, BoardUnderTest

RESET_S = 3.0
"""So long a board may take until it starts anew."""

WORDS = {
    "power": "the virtual board was ended and started again",
    "command": "the board was started anew by --reset-command",
    "lines": "the board was started anew by its port's RTS and DTR",
}


@dataclass(frozen=True, slots=True)
class Determinism:
    """Differing answers to `samples` samples; `reset_differ` None where the board could not be started anew."""

    session: str
    samples: int
    again_differ: int
    again_first: int | None
    reset_differ: int | None
    reset_first: int | None
    reset_how: str  # what was done, or why not


def determinism(session: Session, board: BoardUnderTest, charge: Charge, before: Rows) -> Determinism:
    """Replay a charge twice more, the second time after a reset; `before` is what the board answered at first."""
    again, again_first = differing(stream(session, charge, _ignore).answers, before)
    reset, reset_first = None, None
    how = _start_anew(session, board)
    if how in WORDS.values():
        reset, reset_first = differing(stream(session, charge, _ignore).answers, before)
    return Determinism(charge.session, len(before), again, again_first, reset, reset_first, how)


def _start_anew(session: Session, board: BoardUnderTest) -> str:
    """Reset the board; one of WORDS, or why it did not work. Its count of answers, back at 0, is the proof."""
    cure = "give --reset-command" if board.how == LINES else "check the command"
    if not board.reset():
        return f"its port has no lines that start it anew: {cure}"
    deadline = board.now() + RESET_S
    _open(session)
    while session.statistics()["answered"]:
        if board.now() > deadline:
            done = "the command ran" if board.how == COMMAND else "RTS and DTR were pulsed"
            return f"{done}, but the board went on as before: {cure}"
        _open(session)
    return WORDS[board.how]


def _open(session: Session) -> None:
    """A board takes a while to boot: ask twice as long as any other time."""
    try:
        session.open()
    except SilentBoardError:
        session.open()


def _ignore(_: int) -> None:
    """Show no progress."""
