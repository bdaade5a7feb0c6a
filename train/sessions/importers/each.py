"""Files read one by one, so that neither their number nor a bad one among them matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from train.errors import DatasetError
from train.sessions.types import Charge

Refused = Callable[[Path, DatasetError], None]


def read_each(files: Iterable[Path], read: Callable[[Path], Charge], refused: Refused | None) -> Iterator[Charge]:
    """The charge of each file; one that raises DatasetError is handed to `refused` and left out, or ends it all."""
    for path in files:
        try:
            charge = read(path)
        except DatasetError as error:
            if refused is None:
                raise
            refused(path, error)
        else:
            yield charge
