"""What is wrong with a dataset, each fault with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from train.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `place` is `file`, `file:line` or `file row N` as a reader of the folder would look it up."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def error_of(folder: Path, faults: Sequence[Fault]) -> DatasetError:
    """The one line for a folder with faults: the first of them, and how many more there are."""
    first = f"{folder}/{faults[0]}"
    if len(faults) == 1:
        return DatasetError(first)
    return DatasetError(f"{first} (and {len(faults) - 1} more; list them with: python -m train validate {folder})")
