"""What a charge point's board answers, with the cars' names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from host.errors import HostError
from host.messages import Hello
from host.monitor.names import SEARCHED
from host.vehicle_messages import DIRECT_CURRENT, NO_TARGET, PHASES, UNKNOWN_CAR
from host.vehicle_session import VehicleReply

Three = tuple[int, int, int]

Cars = Mapping[str, tuple[str, ...]]
"""Names of cars by model hash."""


def known_households(named: Path | None) -> Cars:
    """Of the artifact named, else of every household that SEARCHED finds; raises HostError when a named one is none."""
    from train.artifact_household import ArtifactError, is_household, load_household

    if named is not None:
        try:
            household = load_household(named)
        except ArtifactError as error:
            raise HostError(f"--artifact {error}") from None
        return {household.model_hash: household.cars}
    cars = {}
    for path in (path for pattern in SEARCHED for path in sorted(Path().glob(pattern))):
        try:
            if is_household(path):
                household = load_household(path)
                cars[household.model_hash] = household.cars
        except ArtifactError:
            continue
    return cars


def cars_of(known: Cars, hello: Hello) -> tuple[str, ...]:
    """The cars of a board, numbered where no artifact has its hash."""
    return known.get(hello.model_hash, tuple(f"car {k}" for k in range(hello.n_devices)))


@dataclass(frozen=True, slots=True)
class VehicleAnswer:
    """What is answered to a sample. Times in s at 10, 50 and 90 %."""

    car: str  # the likeliest of the possible; with `unknown` the nearest
    cars: tuple[str, ...]  # those still possible
    unknown: bool  # like none of the enrolled cars
    confidence_permille: int
    phase: str  # waiting, charging, taper, paused or done
    phases: int  # that carry current; 0 before any did
    power_class_w: int  # the least usual rating that holds the largest power so far; 0 before any
    done_s: Three  # until the car ends the charge
    target_s: Three | None  # until the target or the end, whichever is first; None where it cannot be told
    energy_to_go_wh: int
    direct: bool = False  # DC


def vehicle_answer(reply: VehicleReply, cars: tuple[str, ...]) -> VehicleAnswer:
    """What the two lines of an answer say."""
    told, prediction = reply.told, reply.prediction
    target: Three = (told.target_10_s, told.target_50_s, told.target_90_s)
    number = told.state >> 5 & 7
    return VehicleAnswer(
        car=_name(cars, prediction.device),
        cars=tuple(_name(cars, k) for k in range(8) if told.possible >> k & 1),
        unknown=bool(told.state & UNKNOWN_CAR),
        confidence_permille=prediction.confidence_permille,
        phase=PHASES[number] if number < len(PHASES) else str(number),
        phases=told.state >> 12 & 3,
        power_class_w=told.power_class_w,
        done_s=(prediction.remaining_10_s, prediction.remaining_50_s, prediction.remaining_90_s),
        target_s=None if told.state & NO_TARGET or min(target) < 0 else target,
        energy_to_go_wh=told.energy_to_go_wh,
        direct=bool(told.state & DIRECT_CURRENT),
    )


def _name(cars: tuple[str, ...], number: int) -> str:
    return cars[number] if number < len(cars) else f"car {number}"
