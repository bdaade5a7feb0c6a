"""A recorder whose clock is that of the samples."""

from __future__ import annotations

from pathlib import Path

from host.recording.events import Measured, SourceEvent
from host.recording.folder import Labels, prepare
from host.recording.recorder import Recorded, Recorder
from train.sessions.dataset import read_dataset
from train.sessions.types import Charge

LABELS = Labels("phone", "alice", "pd_30w", sensor="ina226", ambient_decidegc="215")


Samples = list[tuple[int, int, int]]


def samples(n: int, start_ms: int = 0, current_ma: int = 1_000) -> Samples:
    return [(start_ms + 1_000 * k, 5_000 + k % 7, current_ma - k % 5) for k in range(n)]


FULL: Samples = samples(200) + [(1_000 * k, 5_000, 20) for k in range(200, 500)]
"""Full at about 257 s."""


class Bench:
    """A recorder whose clock is that of the samples."""

    def __init__(self, place: Path, speed: float | None = 1.0, source: str = "board") -> None:
        self.place = place
        self.now = 100.0
        self.n_names = 0
        prepare(place)
        self.recorder = Recorder(place, LABELS, source, speed, self.name)
        self.ended: list[Recorded] = []

    def name(self) -> str:
        self.n_names += 1
        return f"s{self.n_names}"

    def take(self, *events: SourceEvent, step_s: float = 0.0) -> None:
        for event in events:
            self.now += step_s
            recorded = self.recorder.take(event, self.now)
            self.recorder.sync(self.now)
            if recorded is not None:
                self.ended.append(recorded)

    def measure(self, values: Samples, first: int = 0) -> None:
        for k, sample in enumerate(values):
            self.take(Measured(first + k, *sample), step_s=1.0)

    def kept(self) -> dict[str, Samples]:
        return {charge.session: samples_of(charge) for charge in read_dataset(self.place).charges}


def samples_of(charge: Charge) -> Samples:
    return list(zip(charge.t_ms.tolist(), charge.voltage_mv.tolist(), charge.current_ma.tolist(), strict=True))
