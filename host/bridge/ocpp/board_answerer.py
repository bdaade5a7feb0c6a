"""A charge point's board, sample by sample as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from host.bridge.ocpp.answerer import Goal, Three, VehicleAnswer, VehicleSample
from host.conversation import SILENCE_S, Conversation
from host.errors import HostError, ModelMismatchError, SilentBoardError
from host.messages import CHARGE_POINT, Hello, Refusal, Reset
from host.monitor.names import SEARCHED
from host.session import MAX_SILENCES
from host.transport import SerialLink
from host.vehicle_messages import DIRECT_CURRENT, NO_TARGET, PHASES, UNKNOWN_CAR
from host.vehicle_messages import Goal as GoalMessage
from host.vehicle_session import VehicleMeasurement, VehicleReply, VehicleSession

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
        numbered = tuple(f"car {k}" for k in range(hello.n_devices))
        self._cars = known.get(hello.model_hash, numbered)

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
