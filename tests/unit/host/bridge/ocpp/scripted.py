"""A board that answers by a script, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from host.bridge.ocpp.answerer import Goal, VehicleAnswer, VehicleSample
from host.errors import PortError

HASH = "0123456789abcdef"


def answer_of(n: int, sample: VehicleSample) -> VehicleAnswer:
    """Two cars are possible until the third sample; then it is one."""
    return VehicleAnswer(
        car="zoe",
        cars=("zoe", "model_3") if n < 3 else ("zoe",),
        unknown=False,
        confidence_permille=610 if n < 3 else 970,
        phase="charging",
        phases=sum(current >= 1_000 for current in sample.current_ma),
        power_class_w=11_000,
        done_s=(6_600, 7_200, 8_100),
        target_s=None,
        energy_to_go_wh=20_000,
    )


@dataclass
class Script:
    """All that answerers of one board were asked; `gone` is a pulled cable."""

    gone: threading.Event = field(default_factory=threading.Event)
    begun: list[Goal] = field(default_factory=list)
    samples: list[VehicleSample] = field(default_factory=list)  # of the charge begun last
    closed: int = 0
    unknown: bool = False

    def has(self, n_samples: int) -> Callable[[], bool]:
        """Whether the board has so many by then."""
        return lambda: len(self.samples) == n_samples

    def connect(self) -> ScriptedBoard:
        if self.gone.is_set():
            raise PortError("/dev/ttyUSB0: no such port")
        return ScriptedBoard(self)


class ScriptedBoard:
    """One connection to it."""

    def __init__(self, script: Script) -> None:
        self._script = script

    @property
    def model_hash(self) -> str:
        return HASH

    def begin(self, goal: Goal) -> None:
        self._there()
        self._script.begun.append(goal)
        self._script.samples = []

    def answer(self, sample: VehicleSample) -> VehicleAnswer:
        self._there()
        self._script.samples.append(sample)
        answer = answer_of(len(self._script.samples), sample)
        if self._script.unknown:
            answer = VehicleAnswer("zoe", ("zoe",), True, 300, "charging", 1, 7_400, (60, 600, 9_000), None, 5_000)
        return answer

    def close(self) -> None:
        self._script.closed += 1

    def _there(self) -> None:
        if self._script.gone.is_set():
            raise PortError("/dev/ttyUSB0: the line was lost")
