"""Charges at charge points as a dataset folder (docs/dataset.md, profile `ev`)."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path

from host.bridge.ocpp.answerer import NOT_TOLD, VehicleSample
from host.bridge.ocpp.sampling import DIRECT_MV
from host.errors import HostError
from host.recording.charge_file import ChargeFile
from host.recording.folder import MIN_SAMPLES, VEHICLE, Labels, prepare, taken_names
from host.recording.note import Origin
from host.recording.resuming import find_interrupted, take_up

PHASE_MAX_MA = 174_762
END_MS = 60_000
LIMIT_OF_PEAK = 0.02
"""A vehicle is full when it takes no more than this share of its peak power, for END_MS and to the end."""


LIMITS = ("EnergyLimitReached", "SOCLimitReached", "TimeLimitReached", "LocalOutOfCredit")
UNPLUGGED = ("EVDisconnected", "UnlockCommand", "StoppedByEV")
_OPTIONAL = ("pilot_da", "energy_wh", "soc_pct")


class Recording:
    """One charge on its way to the disk. Which columns it has is seen by its tenth sample; until then none is there."""

    def __init__(self, folder: Path, session: str, labels: Labels, source: str) -> None:
        self.session = session
        self._folder, self._labels, self._source = folder, labels, source
        self._file: ChargeFile | None = None
        self._first: list[VehicleSample] = []
        self._columns: tuple[str, ...] = ()
        self._phased = True
        self._power: list[tuple[int, int, int]] = []  # t_ms, µW, pilot_da

    def add(self, sample: VehicleSample) -> None:
        """Take a sample; raises HostError where the disk does not."""
        power = sum(v * i for v, i in zip(sample.voltage_mv, sample.current_ma, strict=True))
        self._power.append((sample.t_ms, power, sample.pilot_da))
        if self._file is None:
            self._first.append(sample)
            if len(self._first) == MIN_SAMPLES:
                self._open()
        else:
            self._write(self._file, sample)
            self._file.sync(time.monotonic())

    def finish(self, reason: str) -> str:
        """The charge has ended for a reason of OCPP's; says what is kept. Raises HostError from the disk."""
        if self._file is None:
            return f"not recorded: {len(self._first)} samples are no charge, which has {MIN_SAMPLES} at least"
        ended = self._ended(reason)
        if self._file.finish(ended, None):
            return f"recorded as {self.session}: {ended}"
        return f"not kept as a charge: {self._file.objection}"

    def close(self) -> None:
        """Let go of the files; what is there stays."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> None:
        self._phased = not any(sample.voltage_mv[0] > DIRECT_MV for sample in self._first) or any(
            any(sample.current_ma[1:]) for sample in self._first
        )
        told = [name for name in _OPTIONAL if any(getattr(sample, name) != NOT_TOLD for sample in self._first)]
        wide = [f"{what}_l{phase}" for what in ("voltage_mv", "current_ma") for phase in (1, 2, 3)]
        self._columns = ("t_ms", *(wide if self._phased else ("voltage_mv", "current_ma")), *told)
        header = ",".join(self._columns) + "\n"
        file = ChargeFile.create(self._folder, self.session, self._labels, Origin(self._source), header)
        self._file = file
        for sample in self._first:
            self._write(file, self._told_later(sample))

    def _told_later(self, sample: VehicleSample) -> VehicleSample:
        """With what was not told yet as it was told first."""
        first = {
            name: next(getattr(later, name) for later in self._first if getattr(later, name) != NOT_TOLD)
            for name in _OPTIONAL
            if name in self._columns and getattr(sample, name) == NOT_TOLD
        }
        return sample._replace(**first)

    def _write(self, file: ChargeFile, sample: VehicleSample) -> None:
        limit = PHASE_MAX_MA if self._phased else 3 * PHASE_MAX_MA
        voltage_mv = [min(v, (1 << 20) - 1) for v in sample.voltage_mv]
        current_ma = [max(-limit, min(limit, i)) for i in sample.current_ma]
        n = 3 if self._phased else 1
        optional = [getattr(sample, name) for name in _OPTIONAL if name in self._columns]
        row = (sample.t_ms, *voltage_mv[:n], *current_ma[:n], *optional)
        file.add_row(row, max(voltage_mv), max(current_ma))

    def _ended(self, reason: str) -> str:
        """As in the table of charges: a vehicle that had stopped taking before it was unplugged was full."""
        if reason in LIMITS:
            return "limit"
        if self._took_no_more():
            return "full"
        return "unplugged" if reason in UNPLUGGED else "unknown"

    def _took_no_more(self) -> bool:
        limit = LIMIT_OF_PEAK * max(power for _, power, _ in self._power)
        began_ms = None
        for t_ms, power, pilot_da in reversed(self._power):
            if power > limit or pilot_da == 0:
                break
            began_ms = t_ms
        return began_ms is not None and self._power[-1][0] - began_ms >= END_MS


class VehicleRecorder:
    """Recordings of all charge points in one folder. `cars` names the car of a tag; others are as `device`."""

    def __init__(self, folder: Path, *, device: str, unit: str, cars: Mapping[str, str]) -> None:
        self._folder, self._device, self._unit = folder, device, unit
        self._given: set[str] = set()  # names of charges whose files are still to come
        self._cars = {tag.casefold(): car for tag, car in cars.items()}
        for name in (device, *cars.values()):
            Labels(name, unit).check()
        prepare(folder)
        for charge in find_interrupted(folder):
            if (found := take_up(folder, charge)) is not None:
                found.end()

    def begin(self, point: str, tag: str) -> Recording:
        """A charge begins at a charge point, by who shows this tag."""
        charger = re.sub(r"[^A-Za-z0-9_.+-]+", "_", point)[:60].strip("_.+-") or "charge_point"
        device = self._cars.get(tag.casefold(), self._device)
        labels = Labels(device, self._unit, charger, profile=VEHICLE)
        return Recording(self._folder, self._session(device), labels, f"ocpp {point}")

    def _session(self, device: str) -> str:
        stem = re.sub(r"[^A-Za-z0-9_.+-]+", "_", device)[:60]
        stem = f"{stem}_{time.strftime('%Y%m%d_%H%M%S')}"
        taken = taken_names(self._folder) | self._given
        names = (stem if k == 1 else f"{stem}_{k}" for k in range(1, 10_000))
        name = next((name for name in names if name.casefold() not in taken), None)
        if name is None:
            raise HostError(f"{self._folder}: no name is left for another charge of this second")
        self._given.add(name.casefold())
        return name
