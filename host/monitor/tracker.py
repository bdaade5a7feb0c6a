"""From what happens on a link to what the board says now. No clock, no port: it is told everything, times included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from host.errors import DamagedLineError
from host.framing import is_message
from host.live_vehicle import Assembler, VehicleReading
from host.messages import (
    BOOT_REASONS,
    COUNTERS,
    INJECTED,
    NOT_KNOWN,
    PLUG,
    REFUSED_MODE,
    SENSOR_FAULT,
    SENSOR_FAULTS,
    SENSOR_WELL,
    UNPLUG,
    AskHello,
    BoardMessage,
    Event,
    Hello,
    LiveSample,
    Mode,
    Prediction,
    Refusal,
    Statistic,
    encode,
    parse_from_board,
)
from host.monitor.charge import GrowingCharge
from host.monitor.entries import Entry, Kind
from host.monitor.history import History
from host.monitor.names import Model, Models
from host.monitor.notes import Notes
from host.monitor.snapshot import Board, LinkHealth, Snapshot, Status
from host.vehicle_answers import vehicle_answer
from host.vehicle_messages import Advice, LiveRest, SamplePhases, VehicleAnswer

SILENT_AFTER_S = 5.0
"""A board that is asked for its counters every 2 s and says nothing for so long is silent."""

FIRST_PERIOD_S = 65.0
"""A charge point's meter is read as seldom as once a minute; how often is seen by its second sample."""

ASKED_FOR_S = 2.0
"""A hello so soon after a question is its answer; any other means that the board has started anew."""

CONFIRM_WITHIN_S = 3.0
"""After a hello in mid-charge the board repeats the plug event; without it the charge has ended while nobody heard."""

_HELLO_LINE = encode(AskHello()).rstrip(b"\n")


class Tracker:
    """Follows one board through resets, lost lines and lost ports."""

    def __init__(
        self, models: Models, source: str, *, wall_clock: bool = True, silent_after_s: float = SILENT_AFTER_S
    ) -> None:
        self._models = models
        self._source = source
        self._wall_clock = wall_clock
        self._silent_after_s = silent_after_s
        self.hello_at_s: float | None = None  # the latest one's
        self._version = 0
        self._status = Status.CONNECTING
        self._open = False
        self._lost_because = ""
        self._board: Board | None = None
        self._model: Model | None = None
        self._mode: int | None = None
        self._no_sensor = False
        self._fault: int | None = None
        self._charge: GrowingCharge | None = None
        self._assembler = Assembler()
        self._n_charges = 0
        self._link = LinkHealth()
        self._missed_before = (0, 0)  # in charges before the present one
        self._counters: Mapping[str, int] = {}
        self._asked_at_s: float | None = None
        self._confirm_by_s: float | None = None
        self._notes = Notes()
        self._takers: Mapping[type[BoardMessage], Callable[[Any, float], None]] = {
            Hello: self._hello,
            Event: self._event,
            LiveSample: self._sample,
            SamplePhases: self._vehicle_sample,
            LiveRest: self._vehicle_sample,
            VehicleAnswer: self._vehicle_told,
            Advice: self._advice,
            Prediction: self._answer,
            Statistic: self._statistic,
            Mode: self._mode_in_force,
            Refusal: self._refusal,
        }

    @property
    def protocol(self) -> int | None:
        """The protocol of the board, None before its hello."""
        return None if self._board is None else self._board.protocol

    @property
    def injected(self) -> bool:
        """Whether the board waits for samples from a host, and has not refused to measure by itself."""
        return self._mode == INJECTED and not self._no_sensor

    @property
    def history(self) -> History | None:
        """The course of the charge that is running or was the last."""
        return self._charge.history if self._charge is not None else None

    def take(self, entry: Entry) -> None:
        """Take what happened next on the link."""
        self._version += 1
        self._give_up_unconfirmed(entry.at_s)
        if entry.kind is Kind.RECEIVED:
            self._received(entry.line, entry.at_s)
        elif entry.kind is Kind.SENT:
            if entry.line == _HELLO_LINE:
                self._asked_at_s = entry.at_s
        elif entry.kind is Kind.OPENED:
            if self._lost_because:
                self._link = replace(self._link, reconnects=self._link.reconnects + 1)
                self._notes.add(entry.at_s, "connected again")
            self._open, self._lost_because = True, ""
            self._source = entry.line.decode("utf-8", "replace")
        else:
            self._open, self._lost_because = False, entry.line.decode("utf-8", "replace")
            self._notes.add(entry.at_s, f"disconnected: {self._lost_because}")

    def snapshot(self, at_s: float) -> Snapshot:
        """What the board says at this moment, which may be later than the latest entry."""
        status, detail = self._judge(at_s)
        if status is not self._status:
            self._status = status
            self._version += 1
        charge = self._charge
        samples, answers = self._missed_before
        if charge is not None:
            samples, answers = samples + charge.missed_samples, answers + charge.missed_answers
        return Snapshot(
            version=self._version,
            at_s=at_s,
            wall_clock=self._wall_clock,
            source=self._source,
            status=status,
            detail=detail,
            board=self._board,
            charge=None if charge is None else charge.frozen(),
            link=replace(self._link, missed_samples=samples, missed_answers=answers),
            counters=self._counters,
            pace=1.0 if charge is None or charge.waiting_since_s is None else charge.pace(),
            notes=self._notes.frozen(),
        )

    def _judge(self, at_s: float) -> tuple[Status, str]:
        charge = self._charge
        running = charge is not None and charge.ended is None
        heard = self._link.heard_at_s
        if not self._open and self._lost_because:
            return Status.LOST, f"{self._lost_because}; trying again"
        if self._board is None:
            return Status.CONNECTING, "no hello yet; is this the board's port, and is the baud rate right?"
        if heard is None or at_s - heard > self._silent_after_s:
            return Status.SILENT, f"nothing heard for {at_s - (heard or at_s):.0f} s; is it powered?"
        if self._no_sensor or self._mode == INJECTED:
            return Status.NO_SENSOR, "it has no sensor: nothing to watch; to send it a charge: host verify, host replay"
        if self._fault is not None:
            return Status.FAULT, f"its sensor: {_fault_text(self._fault)}; no samples and no answers until it is well"
        if charge is None or not running:
            return Status.UNPLUGGED, "" if charge is None else f"charge ended: {charge.ended}"
        return self._judge_charge(charge, at_s)

    def _judge_charge(self, charge: GrowingCharge, at_s: float) -> tuple[Status, str]:
        since = charge.waiting_since_s
        first = charge.spacing_s == 0.0 and self._board is not None and self._board.charge_point
        patience_s = FIRST_PERIOD_S if first else max(self._silent_after_s, 3 * charge.spacing_s)
        if since is not None and at_s - since > patience_s:
            return Status.SILENT, f"it answers, but its samples stopped {at_s - since:.0f} s ago"
        answer = charge.frozen().answer
        if answer is not None and answer.full:
            return Status.FULL, ""
        return Status.CHARGING, "" if answer is not None else "plugged in; waiting for the first answer"

    def _received(self, line: bytes, at_s: float) -> None:
        self._link = replace(self._link, lines=self._link.lines + 1)
        if not is_message(line):
            self._notes.log(at_s, line)
            return
        try:
            message = parse_from_board(line)
        except DamagedLineError:
            self._link = replace(self._link, damaged=self._link.damaged + 1)
            return
        self._link = replace(self._link, heard_at_s=at_s)
        take = self._takers.get(type(message))
        if take is not None:
            take(message, at_s)

    def _hello(self, hello: Hello, at_s: float) -> None:
        self.hello_at_s = at_s
        asked = self._asked_at_s is not None and at_s - self._asked_at_s <= ASKED_FOR_S
        boot = BOOT_REASONS[hello.boot] if hello.boot < len(BOOT_REASONS) else f"reason {hello.boot}"
        if self._board is not None and not asked:
            self._link = replace(self._link, restarts=self._link.restarts + 1)
            self._notes.add(at_s, f"the board has started anew ({boot})")
            self._end_charge("the board started anew")
        self._fault = None  # told again after a hello while it lasts
        self._model = self._models.get(hello.model_hash)
        board = Board(
            model_hash=hello.model_hash,
            model=None if self._model is None else self._model.name,
            n_devices=hello.n_devices,
            firmware=hello.version,
            protocol=hello.protocol,
            boot=boot,
        )
        if self._model is None and (self._board is None or self._board.model_hash != hello.model_hash):
            self._notes.add(
                at_s, f"no artifact here has the hash {hello.model_hash}: devices are shown by index (--artifact)"
            )
        self._board = board
        if self._charge is not None and self._charge.ended is None:
            self._confirm_by_s = at_s + CONFIRM_WITHIN_S

    def _event(self, event: Event, at_s: float) -> None:
        if event.event == PLUG:
            self._plugged(event.detail, at_s)
        elif event.event == UNPLUG:
            self._notes.add(at_s, "unplugged")
            self._end_charge("unplugged")
        elif event.event == SENSOR_FAULT:
            if self._fault != event.detail:
                self._notes.add(at_s, f"sensor fault: {_fault_text(event.detail)}")
            self._fault = event.detail
        elif event.event == SENSOR_WELL:
            self._fault = None
            self._notes.add(at_s, "sensor well again")
            if self._charge is not None:
                self._charge.wait_for_samples(at_s)

    def _plugged(self, number: int, at_s: float) -> None:
        self._confirm_by_s = None
        charge = self._charge
        if charge is not None and charge.ended is None:
            if charge.number in (None, number):
                charge.number = number  # the same one, told again
                return
            self._end_charge("unplugged, unheard")
        self._begin_charge(number, at_s)
        self._notes.add(at_s, "plugged in")

    def _vehicle_sample(self, message: SamplePhases | LiveRest, at_s: float) -> None:
        whole = self._assembler.sample(message)
        if whole is not None:
            self._sample(whole.sample, at_s, whole.reading)

    def _vehicle_told(self, message: VehicleAnswer, _: float) -> None:
        self._assembler.reply(message)

    def _advice(self, advice: Advice, _: float) -> None:
        if self._charge is not None and self._charge.ended is None:
            self._charge.advice = advice

    def _sample(self, sample: LiveSample, at_s: float, vehicle: VehicleReading | None = None) -> None:
        self._confirm_by_s = None
        self._fault = None
        self._mode, self._no_sensor = None, False
        charge = self._charge
        if charge is not None and charge.ended is None and not charge.continues_with(sample):
            self._end_charge("a new one began, unheard")
        if self._charge is None or self._charge.ended is not None:
            self._begin_charge(None, at_s)
        assert self._charge is not None  # noqa: S101 (begun just now where it was not)
        self._charge.sample(sample, at_s, vehicle)

    def _answer(self, prediction: Prediction, at_s: float) -> None:
        reply = self._assembler.reply(prediction)
        if self._charge is None or self._charge.ended is not None:
            return
        if self._board is not None and self._board.charge_point:
            if reply is not None:  # one whose first line was lost is no answer
                cars = () if self._model is None else self._model.devices
                self._charge.answer(prediction, at_s, self._model, vehicle_answer(reply, cars))
        else:
            self._charge.answer(prediction, at_s, self._model)

    def _statistic(self, statistic: Statistic, _: float) -> None:
        if statistic.counter < len(COUNTERS) and statistic.value != NOT_KNOWN:
            name = COUNTERS[statistic.counter]
            if self._counters.get(name) != statistic.value:
                self._counters = {**self._counters, name: statistic.value}  # snapshots share the old one
            if name == "mode":
                self._mode = statistic.value

    def _mode_in_force(self, mode: Mode, _: float) -> None:
        self._mode = mode.mode

    def _refusal(self, refusal: Refusal, _: float) -> None:
        self._no_sensor |= refusal.reason == REFUSED_MODE

    def _begin_charge(self, number: int | None, at_s: float) -> None:
        if self._charge is not None:
            samples, answers = self._missed_before
            self._missed_before = samples + self._charge.missed_samples, answers + self._charge.missed_answers
        self._n_charges += 1
        self._charge = GrowingCharge(self._n_charges, number, at_s)

    def _end_charge(self, why: str) -> None:
        self._confirm_by_s = None
        if self._charge is not None and self._charge.ended is None:
            self._charge.end(why)

    def _give_up_unconfirmed(self, at_s: float) -> None:
        if self._confirm_by_s is not None and at_s > self._confirm_by_s:
            self._notes.add(at_s, "unplugged while nobody listened")
            self._end_charge("unplugged, unheard")


def _fault_text(code: int) -> str:
    return SENSOR_FAULTS.get(code, f"fault {code}")
