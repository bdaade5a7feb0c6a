"""The board behind `--port`: a serial port, a URL, or the virtual board."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from host.board_sim import Play, find_program, play_of, virtual_board
from host.discovery import the_board
from host.errors import HostError
from host.paced_line import paced_line
from host.transport import SerialLink

SIM = "sim"
AUTO = "auto"


@contextmanager
def board_link(
    port: str,
    baud: int,
    firmware: Path | None,
    play: Play | None = None,
    pace: int | None = None,
    on_start: Callable[[int], None] = lambda _: None,
    settings: Path | None = None,
) -> Iterator[SerialLink]:
    """An open link; port and virtual board are released when the block is left, however it is left.

    `play` is what the virtual board's sensor measures; it has none without. With `pace` the line carries no more bits
    a second than that, each way. `on_start` is told the number of the virtual board's process, which keeps
    its settings in a file if one is named.
    """
    with ExitStack() as stack:
        path = port = the_board(baud) if port == AUTO else port
        if port == SIM:
            path = stack.enter_context(virtual_board(find_program(firmware), play, on_start, settings))
        elif settings is not None:
            raise HostError(f"--file: {port} keeps its settings itself; only --port sim takes a file")
        elif play is not None:
            raise HostError(f"--play: the sensor of {port} is its own; only --port sim plays files")
        if pace is not None:
            if port != SIM and not port.startswith("socket:"):
                raise HostError(f"--pace: {port} has a pace of its own; it is for --port sim and sockets")
            path = stack.enter_context(paced_line(path, pace))
        yield stack.enter_context(SerialLink(path, baud))


def link_of(args: argparse.Namespace) -> AbstractContextManager[SerialLink]:
    """The link that `--port`, `--baud`, `--firmware` ask for, and `--play`, `--speed`, `--pace` where there are any."""
    files = getattr(args, "play", None)
    play = play_of(files, args.speed) if files else None
    return board_link(args.port, args.baud, args.firmware, play, getattr(args, "pace", None))
