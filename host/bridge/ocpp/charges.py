"""The charges in progress at all charge points: from events to samples, to a board, and back as estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from host.bridge.ocpp.answerer import Goal, VehicleAnswer, VehicleSample
from host.bridge.ocpp.charge_clock import ChargeClock
from host.bridge.ocpp.desk import Desk, Desks, Feed
from host.bridge.ocpp.estimate import estimate, is_news
from host.bridge.ocpp.events import Begun, ChargeEvent, Free, Metered, Named, Over, Wanted
from host.bridge.ocpp.recording import Recording, VehicleRecorder
from host.bridge.ocpp.sampling import NO_CURRENT, NO_VOLTAGE, Assumed, Sampler
from host.errors import HostError

N_PAST = 64
"""So many transactions that ended are remembered, for messages of theirs that come late."""
ADVICE = {
    NO_CURRENT: "set MeterValuesSampledData (2.0.1: SampledDataTxUpdatedMeasurands) to "
    "Current.Import,Voltage,Power.Active.Import,Current.Offered,Energy.Active.Import.Register,SoC",
    NO_VOLTAGE: "have it tell Voltage too",
}


@dataclass(eq=False, slots=True)
class Charge:
    """One charge in progress."""

    point: str
    place: str
    transaction: str | None
    whole: bool  # seen from its beginning
    begun_at_s: float | None  # by the charge point's clock
    sampler: Sampler
    clock: ChargeClock
    feed: Feed
    tag: str = ""
    recording: Recording | None = None
    answer: VehicleAnswer | None = None
    unrecorded: bool = False
    n_left_out: int = 0
    told: dict[str, Any] | None = None
    told_at_s: float = field(default=float("-inf"))

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.point}, {self.place}"

    @property
    def latest(self) -> VehicleSample | None:
        """The latest sample."""
        return self.feed.samples[-1] if self.feed.samples else None


class Charges:
    """All charges in progress, by charge point and place. Used by one thread.

    `tell(charge, figures)` hands an estimate on, for one charge at most every `every_s`, and only what is news;
    `show(charge, there)` is told all that changes, and whether the car is still there.
    """

    def __init__(
        self,
        desks: Desks,
        *,
        assumed: Assumed,
        goal: Goal,
        every_s: float,
        tell: Callable[[Charge, Mapping[str, Any]], None],
        note: Callable[[str], None],
        recorder: VehicleRecorder | None = None,
        show: Callable[[Charge, bool], None] = lambda _, __: None,
    ) -> None:
        self._desks, self._assumed, self._goal, self._every_s = desks, assumed, goal, every_s
        self._tell, self._note, self._recorder, self._show = tell, note, recorder, show
        self._open: dict[tuple[str, str], Charge] = {}
        self._past: list[tuple[str, str]] = []
        self._noted: set[tuple[str, str]] = set()

    @property
    def open(self) -> list[Charge]:
        """Those in progress."""
        return list(self._open.values())

    def take(self, point: str, event: ChargeEvent, now_s: float) -> None:
        """What a charge point says; `now_s` is monotonic. Raises HostError where the recording's disk fails."""
        match event:
            case Begun():
                self._begin(point, event)
            case Named(place, transaction):
                if charge := self._open.get((point, place)):
                    charge.transaction = charge.transaction or transaction
            case Metered():
                self._metered(point, event, now_s)
            case Wanted(place, energy_wh):
                if charge := self._open.get((point, place)):
                    charge.feed.goal = replace(self._goal, energy_wh=energy_wh)
                    self._desks.grown(charge.feed)
            case Over(place, transaction, reason):
                if charge := self._find(point, place, transaction):
                    self._end(charge, reason)
            case Free(place):
                if charge := self._open.get((point, place)):
                    self._end(charge, "EVDisconnected")

    def answered(self, feed: Feed, answer: VehicleAnswer, now_s: float, at_s: float) -> None:
        """A board's answer; `now_s` is monotonic, `at_s` since 1970."""
        for charge in self._open.values():
            if charge.feed is feed:
                charge.answer = answer
                self._show(charge, True)
                figures = estimate(answer, at_s)
                if now_s - charge.told_at_s >= self._every_s and is_news(figures, charge.told):
                    charge.told, charge.told_at_s = figures, now_s
                    self._tell(charge, figures)

    def lost(self, feed: Feed) -> None:
        """Its board is gone: what it answered is of the past."""
        for charge in self._open.values():
            if charge.feed is feed:
                charge.answer = None
                self._show(charge, True)

    def desk_of(self, charge: Charge) -> Desk | None:
        """Who answers a charge."""
        return self._desks.desk_of(charge.feed)

    def close(self) -> None:
        """The bridge ends: charges are kept as far as they got."""
        for charge in self.open:
            self._end(charge, "")

    def _begin(self, point: str, event: Begun) -> None:
        before = self._open.get((point, event.place))
        if before is not None:
            again = before.transaction is not None and before.transaction == event.transaction
            if again or (event.at_s is not None and (before.begun_at_s, before.tag) == (event.at_s, event.tag)):
                before.transaction = event.transaction  # said again after a lost connection, and named anew
                return
            self._end(before, "")
        charge = self._new(point, event.place, event.transaction, event.at_s, event.tag, whole=True)
        charge.sampler.begin(event.register_wh)

    def _new(
        self, point: str, place: str, transaction: str | None, at_s: float | None, tag: str, *, whole: bool
    ) -> Charge:
        clock, feed = ChargeClock(at_s), Feed(self._goal)
        charge = Charge(point, place, transaction, whole, at_s, Sampler(self._assumed), clock, feed, tag)
        self._open[(point, place)] = charge
        self._note(f"{charge.name}: a charge begins" if whole else f"{charge.name}: a charge is under way")
        self._show(charge, True)
        if not self._desks.begin(feed):
            self._note(f"{charge.name}: every board answers another charge; this one waits")
        return charge

    def _metered(self, point: str, event: Metered, now_s: float) -> None:
        charge = self._open.get((point, event.place))
        transaction = event.transaction
        if transaction is not None and (charge is None or charge.transaction not in (None, transaction)):
            if (point, transaction) in self._past:
                return
            if charge is not None:
                self._end(charge, "")
            charge = self._new(point, event.place, transaction, None, "", whole=False)
        if charge is None:
            return  # meter values between charges
        charge.transaction = charge.transaction or transaction
        self._sample(charge, event, now_s)

    def _sample(self, charge: Charge, event: Metered, now_s: float) -> None:
        if event.values.n_unread:
            self._note_once(charge, f"cannot read {event.values.unread!r}", "")
        if not event.values.told:
            return
        t_ms = charge.clock.t_ms(event.at_s, now_s)
        if t_ms is None:
            charge.n_left_out += 1
            return
        sample = charge.sampler.sample(t_ms, event.values)
        if isinstance(sample, str):
            self._note_once(charge, f"tells {sample}", ADVICE[sample])
            return
        charge.feed.samples.append(sample)
        self._record(charge, sample)
        self._show(charge, True)
        self._desks.grown(charge.feed)

    def _record(self, charge: Charge, sample: VehicleSample) -> None:
        """A disk that takes nothing ends the recording, and nothing else."""
        if self._recorder is None or not charge.whole or charge.unrecorded:
            return
        try:
            if charge.recording is None:
                charge.recording = self._recorder.begin(charge.point, charge.tag)
            charge.recording.add(sample)
        except HostError as error:
            self._note(f"{charge.name}: {error}; this charge is not recorded any further")
            self._unrecord(charge)

    def _unrecord(self, charge: Charge) -> None:
        recording, charge.recording, charge.unrecorded = charge.recording, None, True
        if recording is not None:
            recording.close()

    def _find(self, point: str, place: str | None, transaction: str | None) -> Charge | None:
        """The charge of that transaction, else the one that has not been named yet."""
        here = [c for c in self._open.values() if c.point == point and (place is None or c.place == place)]
        named = [charge for charge in here if charge.transaction is not None and charge.transaction == transaction]
        nameless = [charge for charge in here if charge.transaction is None]
        return next(iter((*named, *nameless)), None)

    def _end(self, charge: Charge, reason: str) -> None:
        del self._open[(charge.point, charge.place)]
        if charge.transaction is not None:
            self._past = [*self._past[-N_PAST:], (charge.point, charge.transaction)]
        self._desks.end(charge.feed)
        self._show(charge, False)
        kept = ""
        if charge.recording is not None:
            try:
                kept = f"; {charge.recording.finish(reason)}"
            except HostError as error:
                kept = f"; {error}"
                self._unrecord(charge)
        left_out = f", {charge.n_left_out} left out" if charge.n_left_out else ""
        self._note(f"{charge.name}: the charge has ended, {len(charge.feed.samples)} samples{left_out}{kept}")

    def _note_once(self, charge: Charge, what: str, advice: str) -> None:
        if (charge.point, what) not in self._noted:
            self._noted.add((charge.point, what))
            self._note(f"{charge.point}: {what}" + (f"; {advice}" if advice else ""))
