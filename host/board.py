"""The board behind `--port`: a serial port, a URL, or the virtual board."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from host.board_sim import Play, find_program, play_of, virtual_board
from host.errors import HostError
from host.transport import SerialLink

SIM = "sim"


@contextmanager
def board_link(port: str, baud: int, firmware: Path | None, play: Play | None = None) -> Iterator[SerialLink]:
    """An open link; port and virtual board are released when the block is left, however it is left.

    `play` is what the virtual board's sensor measures; it has none without.
    """
    if port == SIM:
        with virtual_board(find_program(firmware), play) as path, SerialLink(path, baud) as link:
            yield link
    elif play is not None:
        raise HostError(f"--play: the sensor of {port} is its own; only --port sim plays files")
    else:
        with SerialLink(port, baud) as link:
            yield link


def link_of(args: argparse.Namespace) -> AbstractContextManager[SerialLink]:
    """The link that `--port`, `--baud`, `--firmware` and, where a command has them, `--play` and `--speed` ask for."""
    play = play_of(getattr(args, "play", None) or (), getattr(args, "speed", 1.0))
    return board_link(args.port, args.baud, args.firmware, play)
