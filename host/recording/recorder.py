"""From what a source reports to charges in a dataset folder: when one begins, goes on, and ends. No port, no screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from host.messages import Prediction
from host.recording.charge_file import ChargeFile
from host.recording.events import Answered, Begun, Ended, Measured, Restarted, SourceEvent
from host.recording.folder import CURRENT_MAX_MA, T_MAX_MS, VEHICLE, VOLTAGE_MAX_MV, Labels
from host.recording.full_rule import Flow, FullRule
from host.recording.note import Origin
from host.recording.resuming import Resumption, same_clock
from host.recording.vehicle_columns import VehicleColumns

JOIN_S = 60.0
"""A board that starts anew has forgotten the charge; within this time the device is taken to be the same one."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A charge that has ended; `objection` says why a dataset would refuse it, empty where it is kept."""

    session: str
    path: Path
    ended: str
    full_t_ms: int | None
    samples: int
    left_out: int  # repeated or out of range
    seconds: float
    charge_mah: float
    energy_mwh: float
    longest_gap_s: float
    objection: str

    def to_json(self) -> dict[str, Any]:
        """As `host record --json` prints it."""
        return asdict(self) | {"path": str(self.path)}


class Recorder:
    """The charge in progress and what is known of it. `new_name` gives the next session's name."""

    def __init__(
        self, folder: Path, labels: Labels, source: str, speed: float | None, new_name: Callable[[], str]
    ) -> None:
        self.flow = Flow()
        self.rule = FullRule()
        self.answer: Prediction | None = None
        self.model_hash = ""
        self._folder, self._labels, self._source, self._speed = folder, labels, source, speed
        self._new_name = new_name
        self._file: ChargeFile | None = None
        self._vehicle: VehicleColumns | None = None  # of a charge point's board
        self._resumption: Resumption | None = None
        self._number = 0
        self._sequence = -1
        self._offset_ms = 0
        self._heard_at = 0.0
        self._restarted = False
        self._is_full = False
        self._left_out = 0
        self._rereading = False  # a file from its start, up to where an interrupted charge got

    @property
    def session(self) -> str | None:
        """Name of the charge in progress."""
        return None if self._file is None else self._file.session

    @property
    def labels(self) -> Labels:
        """Those of the charge in progress, or of the next one."""
        return self._labels if self._file is None else self._file.labels

    @property
    def is_full(self) -> bool:
        """Whether the device that is plugged in has been recorded until it was full."""
        return self._is_full

    def resume(self, resumption: Resumption) -> None:
        """Go on with an interrupted charge, should the first sample turn out to be of it."""
        self._resumption = resumption

    def take(self, event: SourceEvent, now_s: float) -> Recorded | None:
        """Handle an event; the charge that ended with it. `now_s` is monotonic. Raises HostError from the disk."""
        match event:
            case Begun():
                return self._begun(event)
            case Measured():
                return self._measured(event, now_s)
            case Answered(answer) if self._file is not None:
                self.answer = answer
            case Ended(ended):
                self._is_full, self._sequence = False, -1
                self._give_up_resumption()
                return self.finish(ended)
            case Restarted():
                self._restarted = True
        return None

    def finish(self, ended: str) -> Recorded | None:
        """End the charge in progress, if there is one."""
        if self._file is None:
            return None
        charge = self._file
        ended = ended if self._vehicle is None else self._vehicle.ended(ended)
        kept = charge.finish(ended, self.rule.full_t_ms)
        self._file = None
        return Recorded(
            session=charge.session,
            path=charge.samples_path if kept else charge.rejected_path,
            ended=ended,
            full_t_ms=self.rule.full_t_ms,
            samples=self.flow.n_samples,
            left_out=self._left_out,
            seconds=self.flow.elapsed_s,
            charge_mah=round(self.flow.charge_mah, 1),
            energy_mwh=round(self.flow.energy_mwh, 1),
            longest_gap_s=self.flow.longest_gap_ms / 1000,
            objection="" if kept else charge.objection,
        )

    def sync(self, now_s: float) -> None:
        """Have the disk take what came, when it is time to."""
        if self._file is not None:
            self._file.sync(now_s)

    def close(self) -> None:
        """Let go of the files; a charge in progress can be resumed."""
        if self._file is not None:
            self._file.close()
        if self._resumption is not None:
            self._resumption.file.close()

    def _begun(self, event: Begun) -> Recorded | None:
        self.model_hash = event.model_hash
        other = 0 not in (event.number, self._number) and event.number != self._number
        self._number = event.number
        if other and not self._restarted:
            self._is_full, self._sequence = False, -1
            return self.finish("unknown")  # the line that said how it ended was lost
        return None

    def _measured(self, sample: Measured, now_s: float) -> Recorded | None:
        if self._is_full:
            if sample.sequence > self._sequence or self._restarted:
                self._sequence, self._restarted = sample.sequence, False
                return None
            self._is_full = False
        before = None
        if self._file is not None and not self._goes_on(sample, now_s):
            if self._restarted and now_s - self._heard_at <= JOIN_S:
                self._join(sample, now_s)
            else:
                before = self.finish("unknown")
        if self._file is None:
            self._open(sample)
        self._restarted = False
        after = self._add(sample, now_s)
        return after or before

    def _goes_on(self, sample: Measured, now_s: float) -> bool:
        if self._rereading:
            return True
        step_ms = sample.t_ms + self._offset_ms - self.flow.latest[0]
        if sample.sequence <= self._sequence or step_ms <= 0:
            return False
        return not self._restarted or same_clock(step_ms, now_s - self._heard_at, self._speed)

    def _join(self, sample: Measured, now_s: float) -> None:
        """The same device after a restart of the board: the host's clock says how long nobody measured."""
        gap_ms = max(1, round((now_s - self._heard_at) * 1000 * (self._speed or 1.0)))
        self._offset_ms = self.flow.latest[0] + gap_ms - sample.t_ms
        if self._file is not None:
            self._file.move(self._origin())

    def _open(self, sample: Measured) -> None:
        self.flow, self.rule, self.answer = Flow(), FullRule(), None
        self._offset_ms, self._left_out, self._rereading = 0, 0, False
        resumption, self._resumption = self._resumption, None
        if resumption is not None and resumption.goes_on(sample, self._number, self.model_hash, self._speed):
            self._file, self._offset_ms = resumption.file, resumption.file.origin.offset_ms
            self._rereading = self._source != "board"
            for t_ms, voltage_mv, current_ma in resumption.samples:
                self.flow.add(t_ms, voltage_mv, current_ma)
                self.rule.add(t_ms, current_ma)
            return
        if resumption is not None:
            self._resumption = resumption
            self._give_up_resumption()
        self._vehicle = None if sample.vehicle is None else VehicleColumns(sample.vehicle)
        if self._vehicle is None:
            self._file = ChargeFile.create(self._folder, self._new_name(), self._labels, self._origin())
        else:
            labels = replace(self._labels, profile=VEHICLE)
            self._file = ChargeFile.create(self._folder, self._new_name(), labels, self._origin(), self._vehicle.header)

    def _add(self, sample: Measured, now_s: float) -> Recorded | None:
        assert self._file is not None  # noqa: S101 (opened just before)
        self._sequence, self._heard_at = sample.sequence, now_s
        t_ms = sample.t_ms + self._offset_ms
        if self.flow.n_samples and t_ms <= self.flow.latest[0]:
            self._left_out += not self._rereading
            return None
        if t_ms > T_MAX_MS or abs(sample.voltage_mv) > VOLTAGE_MAX_MV or abs(sample.current_ma) > CURRENT_MAX_MA:
            self._left_out += 1
            return None
        self._rereading = False
        self.flow.add(t_ms, sample.voltage_mv, sample.current_ma)
        if self._vehicle is not None and sample.vehicle is not None:  # its end is the vehicle's unplug
            row = self._vehicle.row(t_ms, sample.vehicle)
            self._file.add_row(row, sample.voltage_mv, sample.current_ma)
            return None
        self._file.add(t_ms, sample.voltage_mv, sample.current_ma)
        self.rule.add(t_ms, sample.current_ma)
        if self.rule.full_t_ms is None:
            return None
        self._is_full = True
        return self.finish("limit" if self._file.labels.target_soc_pct else "full")

    def _origin(self) -> Origin:
        return Origin(self._source, self.model_hash, self._number, self._offset_ms)

    def _give_up_resumption(self) -> None:
        """The charge that was interrupted has ended meanwhile; nobody saw how."""
        resumption, self._resumption = self._resumption, None
        if resumption is not None:
            resumption.end()
