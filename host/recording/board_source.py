"""Samples of a board in live mode, through lost lines, restarts of the board and a cable that is pulled for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType

from host.errors import PortError, SilentBoardError
from host.live import LiveSession
from host.live_vehicle import Assembler, VehicleReading
from host.messages import (
    CHARGE_POINT,
    PLUG,
    SENSOR_FAULT,
    SENSOR_FAULTS,
    SENSOR_WELL,
    UNPLUG,
    BoardMessage,
    Event,
    Hello,
    LiveSample,
    Prediction,
)
from host.recording.events import Answered, Begun, Ended, Measured, Noted, Restarted, SourceEvent
from host.transport import Link
from host.vehicle_messages import LiveRest, SamplePhases

QUIET_S = 5.0
"""A board in a charge speaks every second; after so long it is asked whether it still is."""

VEHICLE_QUIET_S = 65.0
"""A charge point's reads its meter once a minute at least."""

IDLE_QUIET_S = 15.0
"""The same while nothing is plugged in."""

POLL_ATTEMPTS = 3
RETRY_EVERY_S = 0.5


class BoardSource:
    """A board's own measurements. `patience_s`: so long a lost line may take to come back; `speed` as in Source."""

    name = "board"

    def __init__(
        self,
        open_link: Callable[[], AbstractContextManager[Link]],
        *,
        on_log: Callable[[str], None],
        patience_s: float,
        speed: float | None = 1.0,
    ) -> None:
        self.speed = speed
        self.model_hash = ""
        self.damaged = 0
        self._open_link = open_link
        self._on_log = on_log
        self._patience_s = patience_s
        self._stack = ExitStack()
        self._session: LiveSession | None = None
        self._lost_at = 0.0
        self._retry_at = 0.0
        self._heard_at = 0.0
        self._quiet_s = QUIET_S
        self._assembler = Assembler()
        self._charging = False
        self._faulty = False
        self._asked_whether = False

    def __enter__(self) -> BoardSource:
        try:
            self._connect()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def events(self, timeout_s: float) -> list[SourceEvent]:
        """What the board reported; raises PortError when its line stays lost."""
        if self._session is None:
            return self._reconnect(timeout_s)
        try:
            messages = self._session.listen(timeout_s)
            events = [event for message in messages for event in self._translate(message)]
            if messages:
                self._heard_at = time.monotonic()
            return events or self._ask_when_quiet()
        except (PortError, SilentBoardError) as error:
            return self._lose(error)

    def _translate(self, message: BoardMessage) -> list[SourceEvent]:
        match message:
            case LiveSample():
                return [self._measured(message, None)]
            case SamplePhases() | LiveRest():
                whole = self._assembler.sample(message)
                return [] if whole is None else [self._measured(whole.sample, whole.reading)]
            case Prediction():
                return [Answered(message)]
            case Event(event=event, detail=number) if event == PLUG:
                self._charging, self._asked_whether = True, False
                return [Begun(number, self.model_hash)]
            case Event(event=event) if event == UNPLUG:
                self._charging = False
                return [Ended("unplugged")]
            case Event(event=event, detail=kind) if event == SENSOR_FAULT:
                self._faulty = True
                return [Noted(f"the sensor is at fault: {SENSOR_FAULTS.get(kind, f'kind {kind}')}")]
            case Event(event=event) if event == SENSOR_WELL:
                self._faulty = False
                return [Noted("the sensor is well again")]
            case Hello():
                self._charging = False
                return [Restarted(), Noted("the board has started anew")]
        return []

    def _measured(self, sample: LiveSample, vehicle: VehicleReading | None) -> Measured:
        self._charging, self._faulty, self._asked_whether = True, False, False
        return Measured(sample.sequence, sample.t_ms, sample.voltage_mv, sample.current_ma, vehicle)

    def _ask_when_quiet(self) -> list[SourceEvent]:
        """A line that says a charge has begun or ended may have been lost, and a board may have lost its supply."""
        quiet_s = time.monotonic() - self._heard_at
        if self._asked_whether and self._charging and not self._faulty:
            # It was asked, is there, and did not say that a charge is in progress.
            self._charging = self._asked_whether = False
            return [Ended("unplugged")]
        patience_s = self._quiet_s if self._charging else IDLE_QUIET_S
        if self._session is not None and quiet_s >= patience_s:
            self._session.poll(POLL_ATTEMPTS)
            self._heard_at, self._asked_whether = time.monotonic(), True
        return []

    def _connect(self) -> None:
        link = self._stack.enter_context(self._open_link())
        session = LiveSession(link, on_log=self._on_log)
        hello = session.open()
        self.model_hash = hello.model_hash
        self._quiet_s = VEHICLE_QUIET_S if hello.profile == CHARGE_POINT else QUIET_S
        self._session, self._heard_at = session, time.monotonic()
        self._asked_whether = self._charging

    def _lose(self, error: PortError | SilentBoardError) -> list[SourceEvent]:
        if self._session is not None:
            self.damaged += self._session.counters.damaged
        self._stack.close()
        self._session = None
        if self._patience_s <= 0:
            raise error
        self._lost_at = self._retry_at = time.monotonic()
        return [Noted(f"{error}; waiting for it")]

    def _reconnect(self, timeout_s: float) -> list[SourceEvent]:
        now = time.monotonic()
        if now < self._retry_at:
            time.sleep(min(timeout_s, self._retry_at - now))
            return []
        try:
            self._connect()
        except (PortError, SilentBoardError) as error:
            self._stack.close()
            self._retry_at = time.monotonic() + RETRY_EVERY_S
            if time.monotonic() - self._lost_at > self._patience_s:
                raise PortError(f"{error} (waited {self._patience_s:g} s for it)") from None
            return []
        return [Restarted(), Noted("the board is back")]  # some go and come back when they start anew
