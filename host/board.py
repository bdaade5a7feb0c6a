"""The board behind `--port`: a serial port, a URL, or the virtual board."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.board_sim import find_program, virtual_board
from host.transport import SerialLink

SIM = "sim"


@contextmanager
def board_link(port: str, baud: int, firmware: Path | None) -> Iterator[SerialLink]:
    """An open link; port and virtual board are released when the block is left, however it is left."""
    if port == SIM:
        with virtual_board(find_program(firmware)) as path, SerialLink(path, baud) as link:
            yield link
    else:
        with SerialLink(port, baud) as link:
            yield link
