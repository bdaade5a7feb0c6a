"""One charge as it grows: sums, course, and what of it never arrived."""

from __future__ import annotations

from collections import deque

from host.live_vehicle import VehicleReading
from host.messages import FLAG_NO_CLASSIFIER, FLAG_UNKNOWN, LiveSample, Prediction
from host.monitor.history import History, Point
from host.monitor.names import Model
from host.monitor.snapshot import Answer, Charge, Reading
from host.vehicle_answers import VehicleAnswer
from host.vehicle_messages import Advice

LONGEST_STEP_MS = 300_000
"""A longer step counts as this in the sums, as on the board (docs/design.md, Sampling and integration)."""

DEAD_MV = 1_000
"""Below it the plug is out, and the sample says nothing of the device: the last one of many a charge."""

PACE_WINDOW_S = 20.0
PACE_AFTER_S = 3.0
BURST_S = 2.0
"""The first samples of a charge come in a burst: the board keeps them until it is sure that it is one."""

REAL_TIME = (0.8, 1.25)
"""A pace within these is the jitter of the line; beyond, the board plays a recording faster or slower."""


class GrowingCharge:
    """The state behind a `Charge`. Sequence numbers are those of the charge, from 0."""

    def __init__(self, ordinal: int, number: int | None, at_s: float) -> None:
        self.history = History()
        self.number = number
        self.ended: str | None = None
        self.advice: Advice | None = None
        self.waiting_since_s: float | None = None  # for the next sample: since the latest, or the end of a fault
        self.spacing_s = 0.0  # between the latest two samples, on this machine's clock
        self.missed_samples = 0
        self.missed_answers = 0
        self._ordinal = ordinal
        self._started_at_s = at_s
        self._whole = True
        self._reading: Reading | None = None
        self._answer: Answer | None = None
        self._powered: tuple[Reading, Answer] | None = None  # the latest with a voltage
        self._elapsed_ms = 0
        self._charge2 = 0  # twice the integral in mA·ms
        self._energy2 = 0  # twice the integral in mW·ms
        self._full_since_s: float | None = None
        self._waiting: Reading | None = None  # measured, not answered yet
        self._next_answer = 0
        self._clock: deque[tuple[float, int]] = deque()  # (at_s, elapsed_ms) of the latest samples

    def continues_with(self, sample: LiveSample) -> bool:
        """Whether a sample can belong to this charge; one that begins anew cannot."""
        return self._reading is None or sample.sequence >= self._reading.sequence

    def sample(self, sample: LiveSample, at_s: float, vehicle: VehicleReading | None = None) -> None:
        """Take the sensor's next sample; one heard twice changes nothing."""
        before = self._reading
        if before is not None and sample.sequence <= before.sequence:
            return
        self._record_unanswered()
        now = Reading(sample.sequence, sample.t_ms, sample.voltage_mv, sample.current_ma, vehicle)
        if before is None:
            self._whole = sample.sequence == 0
            self._elapsed_ms = sample.t_ms
            self._next_answer = sample.sequence
        else:
            self.missed_samples += sample.sequence - before.sequence - 1
            step_ms = sample.t_ms - before.t_ms & 0xFFFFFFFF
            self._elapsed_ms += step_ms
            self._integrate(before, now, min(step_ms, LONGEST_STEP_MS))
        if self.waiting_since_s is not None:
            self.spacing_s = at_s - self.waiting_since_s
        self.waiting_since_s = at_s
        self._reading = self._waiting = now
        if at_s - self._started_at_s < BURST_S:
            self._clock.clear()
        self._clock.append((at_s, self._elapsed_ms))
        while self._clock[0][0] < at_s - PACE_WINDOW_S:
            self._clock.popleft()

    def wait_for_samples(self, at_s: float) -> None:
        """The sensor is well again: from now on a missing sample counts as missing."""
        if self.waiting_since_s is not None:
            self.waiting_since_s = at_s

    def answer(
        self, prediction: Prediction, at_s: float, model: Model | None, vehicle: VehicleAnswer | None = None
    ) -> None:
        """Take the board's answer; one heard twice changes nothing."""
        if prediction.sequence < self._next_answer:
            return
        if self._reading is not None or self._answer is not None:
            self.missed_answers += prediction.sequence - self._next_answer
        self._next_answer = prediction.sequence + 1
        classifier = not prediction.flags & FLAG_NO_CLASSIFIER
        named = model is not None and prediction.device < len(model.devices)
        self._answer = Answer(
            sequence=prediction.sequence,
            device=prediction.device,
            device_name=model.devices[prediction.device] if named and model is not None else None,
            confidence_permille=prediction.confidence_permille if classifier else None,
            unknown=bool(prediction.flags & FLAG_UNKNOWN),
            phase=prediction.flags >> 1 & 3,
            remaining_s=(prediction.remaining_10_s, prediction.remaining_50_s, prediction.remaining_90_s),
            vehicle=vehicle,
        )
        if self._answer.full and self._full_since_s is None:
            self._full_since_s = at_s
        if self._waiting is not None and self._waiting.sequence == prediction.sequence:
            if self._waiting.voltage_mv >= DEAD_MV:
                self._powered = self._waiting, self._answer
            self._record(self._waiting, self._answer)

    def end(self, why: str) -> None:
        """The charge is over, for this reason; it is remembered as it was before the plug was out."""
        self._record_unanswered()
        self.ended = why
        if self._powered is not None:
            self._reading, self._answer = self._powered

    def pace(self) -> float:
        """Seconds on the board's clock in one of this machine's; 1 while not known, or near 1."""
        (first_at_s, first_ms), (last_at_s, last_ms) = self._clock[0], self._clock[-1]
        if last_at_s - first_at_s < PACE_AFTER_S:
            return 1.0
        pace = (last_ms - first_ms) / 1000 / (last_at_s - first_at_s)
        return 1.0 if pace <= 0 or REAL_TIME[0] <= pace <= REAL_TIME[1] else pace

    def frozen(self) -> Charge:
        """The charge as it is now."""
        return Charge(
            ordinal=self._ordinal,
            number=self.number,
            whole=self._whole,
            started_at_s=self._started_at_s,
            elapsed_ms=self._elapsed_ms,
            reading=self._reading,
            answer=self._answer,
            charge_mah=self._charge2 / 7_200_000,
            energy_mwh=self._energy2 / 7_200_000,
            full_since_s=self._full_since_s,
            advice=self.advice,
            ended=self.ended,
        )

    def _integrate(self, before: Reading, now: Reading, step_ms: int) -> None:
        self._charge2 += (before.current_ma + now.current_ma) * step_ms
        self._energy2 += (before.power_mw + now.power_mw) * step_ms

    def _record_unanswered(self) -> None:
        if self._waiting is not None:
            self._record(self._waiting, None)

    def _record(self, reading: Reading, answer: Answer | None) -> None:
        self._waiting = None
        if reading.voltage_mv < DEAD_MV:
            return
        point = Point(self._elapsed_ms, reading.voltage_mv, reading.current_ma)
        if answer is not None:
            confidence = answer.confidence_permille
            point = point._replace(
                remaining_10_s=answer.remaining_s[0],
                remaining_50_s=answer.remaining_s[1],
                remaining_90_s=answer.remaining_s[2],
                confidence_permille=-1 if confidence is None else confidence,
                device=answer.device,
                unknown=int(answer.unknown),
            )
        self.history.append(point)
