"""A charge point's board, sample by sample as they come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from host.bridge.ocpp.answerer import Goal, VehicleAnswer, VehicleSample
from host.conversation import SILENCE_S, Conversation
from host.errors import ModelMismatchError, SilentBoardError
from host.messages import CHARGE_POINT, Hello, Refusal, Reset
from host.session import MAX_SILENCES
from host.transport import SerialLink
from host.vehicle_answers import Cars, cars_of, vehicle_answer
from host.vehicle_messages import Goal as GoalMessage
from host.vehicle_session import VehicleMeasurement, VehicleReply, VehicleSession


class BoardAnswerer:
    """One connection to a board. Every method raises HostError; the charge is lost then, and begins on another one."""

    def __init__(self, name: str, link: Callable[[], AbstractContextManager[SerialLink]], known: Cars) -> None:
        self._name, self._stack, self._next = name, ExitStack(), 0
        try:
            self._link = self._stack.enter_context(link())
            self._session = VehicleSession(self._link)
            hello = self._open()
        except BaseException:
            self._stack.close()
            raise
        self._model_hash = hello.model_hash
        self._cars = cars_of(known, hello)

    @property
    def model_hash(self) -> str:
        """The 16 hexadecimal digits of the artifact that answers."""
        return self._model_hash

    def begin(self, goal: Goal) -> None:
        """A charge begins; all samples before are forgotten."""
        reset = Reset(0)
        self._session.ask(reset, lambda message: message if message == reset else None, "does not answer a reset")
        wanted = GoalMessage(goal.target_pct or 0, goal.energy_wh or 0)
        self._session.goal = None if goal == Goal() else wanted  # without one the board has its own
        self._session.begin()
        self._next = 0

    def answer(self, sample: VehicleSample) -> VehicleAnswer:
        """Take a sample and answer it."""
        rest = (sample.pilot_da, sample.energy_wh, sample.soc_pct)
        measured = VehicleMeasurement(sample.t_ms, *sample.voltage_mv, *sample.current_ma, *rest)
        lines = self._session.lines(self._next, measured)
        for _ in range(MAX_SILENCES):
            self._session.send(lines)
            reply = self._reply()
            if reply is not None:
                self._next += 1
                return vehicle_answer(reply, self._cars)
        raise SilentBoardError(f"{self._name}: the board does not answer sample {self._next}")

    def close(self) -> None:
        """Let go of the board; harmless when repeated."""
        self._stack.close()

    def _open(self) -> Hello:
        """Learn who it is, and that it answers cars."""
        hello = Conversation(self._link).ask_hello()
        if hello.profile != CHARGE_POINT:
            raise ModelMismatchError(
                f"{self._name}: is a charger's board, which answers phones and the like; cars need a firmware with a "
                "household's model (docs/vehicle.md)"
            )
        return self._session.open()

    def _reply(self) -> VehicleReply | None:
        """The answer to the latest sample; None where it did not come, or the sample was not taken whole."""
        now = self._link.now
        deadline = now() + SILENCE_S
        while now() < deadline:
            for message in self._session.receive(deadline):
                reply = self._session.answer(message)
                if reply is not None and reply.sequence == self._next:
                    return reply
                if isinstance(message, Hello):
                    raise SilentBoardError(f"{self._name}: the board has started anew")
                if isinstance(message, Refusal) and message.sequence == self._next:
                    if message.expected == self._next:
                        return None  # its first line was lost
                    raise SilentBoardError(f"{self._name}: the board has forgotten the charge")
        return None
