"""What is wrong with a dataset, each fault with its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from train.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `place` is `file`, `file:line` or `file row N` as a reader of the folder would look it up."""

    place: str
    text: str

    @property
    def file(self) -> str:
        """The file of the place."""
        return re.split(r":\d+$| session | row ", self.place, maxsplit=1)[0]

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def error_of(folder: Path, faults: Sequence[Fault]) -> DatasetError:
    """The one line for a folder with faults: the first of them, and how many more there are."""
    first = f"{folder}/{faults[0]}"
    if len(faults) == 1:
        return DatasetError(first)
    return DatasetError(f"{first} (and {len(faults) - 1} more; list them with: python -m train validate {folder})")


@dataclass(slots=True)
class FaultCount:
    """Faults counted by file: places that are at fault, bad rows mostly, and the first of them as an example."""

    n_faults: int = 0
    bad_rows: Counter[str] = field(default_factory=Counter)
    first: dict[str, Fault] = field(default_factory=dict)
    _charge: str = ""
    _places: set[str] = field(default_factory=set)  # of that charge

    def add(self, fault: Fault) -> None:
        """Count one; a row with two faults counts once, and the faults of a charge follow each other."""
        charge = re.sub(r"\d+$", "", fault.place)
        if charge != self._charge:
            self._charge = charge
            self._places.clear()
        self.n_faults += 1
        self.bad_rows[fault.file] += fault.place not in self._places
        self.first.setdefault(fault.file, fault)
        self._places.add(fault.place)

    def lines(self) -> list[str]:
        """A line a file: how many bad rows, and the first of them."""
        return [
            f"{file}: {n} bad {'row' if n == 1 else 'rows'}, the first: {self.first[file]}"
            for file, n in self.bad_rows.items()
        ]
