"""What a technique of the study is: a file of this package with one function, and the settings it is tried with.

A forest technique's `compress(task, **settings)` takes a train.compress.forest_task.ForestTask and returns a
CompressedForest; a network's takes a train.compress.network_task.NetworkTask and returns a CompressedNetwork.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

Family = Literal["forest", "network"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: what is passed to `compress`."""

    label: str
    values: Mapping[str, Any] = field(default_factory=dict)  # of both models, or of either under its kind
    quick: bool = False  # part of --quick

    def of(self, kind: str) -> dict[str, Any]:
        """The settings for the forest of that kind."""
        common = {key: value for key, value in self.values.items() if key not in ("device", "remaining")}
        return {**common, **self.values.get(kind, {})}


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique, its file and its rows."""

    name: str  # of the file in train/compress
    family: Family
    title: str
    settings: tuple[Setting, ...]
    needs: tuple[str, ...] = ()  # other files whose change makes its rows stale

    @property
    def compress(self) -> Callable[..., Any]:
        """Its function; imports the file."""
        work: Callable[..., Any] = import_module(f"train.compress.{self.name}").compress
        return work

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files that decide what its rows say."""
        folder = Path(__file__).parent
        return tuple(folder / f"{name}.py" for name in (self.name, *self.needs))
