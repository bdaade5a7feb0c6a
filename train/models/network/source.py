"""Where a network's rows come from: memory, or a feature folder of any size."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from train.artifact_network import NetworkInput
from train.cluster import Cluster
from train.config import Config
from train.models.crossfit import Trained, train_models
from train.models.external import train_stored_models
from train.models.network.lessons import Lessons, with_teacher
from train.models.network.spool import Spool, spooled
from train.models.network.teachers import Teachers, cross_fitted
from train.models.rows import TrainingRows
from train.models.stored import StoredRows


class Source(Protocol):
    """Rows of the units to train on."""

    @property
    def teacher(self) -> str:
        """Who else a network learns from, in words."""

    def models(self, units: Collection[str]) -> Trained:
        """Forests of the rows of some units; raises TrainError when no charge of them gets full."""

    def lessons(
        self, sample: Lessons, inputs: Sequence[NetworkInput], units: Sequence[str]
    ) -> AbstractContextManager[Lessons | Spool]:
        """All there is to learn from, with a teacher's answers if the settings ask for distillation.

        sample  lessons of the rows in memory
        """


@dataclass(frozen=True, slots=True)
class MemorySource:
    """Rows in memory."""

    rows: TrainingRows
    devices: Sequence[str]
    config: Config

    @property
    def teacher(self) -> str:
        """Who else a network learns from, in words."""
        return "the forest"

    def models(self, units: Collection[str]) -> Trained:
        """As Source has it."""
        return train_models(self.rows.of_units(units), self.devices, self.config)

    @contextmanager
    def lessons(self, sample: Lessons, _: Sequence[NetworkInput], units: Sequence[str]) -> Iterator[Lessons]:
        """As Source has it: the sample is all."""
        if self.config.network.distil:
            teachers = cross_fitted(units, len(self.devices), self.config.split.seed, self.models, self._gets_full)
            sample = with_teacher(sample, teachers.answers(self.rows))
        yield sample

    def _gets_full(self, units: Collection[str]) -> bool:
        return bool(np.any(self.rows.of_units(units).remaining_s >= 0))


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A feature folder, of whose rows only a sample is in memory."""

    stored: StoredRows
    devices: Sequence[str]
    config: Config
    cluster: Cluster | None  # that grows forests; None: this process
    labels: Path | None  # of a recurrent teacher, in place of forests
    sample: TrainingRows | None = None

    @property
    def teacher(self) -> str:
        """Who else a network learns from, in words."""
        return "the forest" if self.labels is None else "the teacher"

    def with_sample(self, sample: TrainingRows) -> StoredSource:
        """The same, with the rows that are in memory."""
        return replace(self, sample=sample)

    def models(self, units: Collection[str]) -> Trained:
        """As Source has it."""
        assert self.sample is not None  # noqa: S101
        sample = self.sample.of_units(units)
        return train_stored_models(self.stored, sample, sorted(units), self.devices, self.config, self.cluster)

    @contextmanager
    def lessons(self, _: Lessons, inputs: Sequence[NetworkInput], units: Sequence[str]) -> Iterator[Spool]:
        """As Source has it: on disk, while this is entered."""
        teacher: Teachers | Path | None = self.labels
        if not self.config.network.distil:
            teacher = None
        elif teacher is None:
            seed, n_devices = self.config.split.seed, len(self.devices)
            teacher = cross_fitted(units, n_devices, seed, self.models, lambda rest: self.stored.n_full(rest) > 0)
        with spooled(self.stored, units, self.devices, inputs, self.config, teacher) as spool:
            yield spool
