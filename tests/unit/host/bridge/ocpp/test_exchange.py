"""Turn-taking on one connection, held against a central system that is written without any library of OCPP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from host.bridge.ocpp import exchange
from tests.unit.host.bridge.ocpp.stations import QUIET, Bench, Csms, at, bench, until

SAMPLE = {"value": "16", "measurand": "Current.Import", "phase": "L1"}


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


class Line:
    """Both ends of one charge point's connection, by hand."""

    def __init__(self, there: Bench, charger: Any, central: ServerConnection, heard: list[list[Any]]) -> None:
        self.bench, self.charger, self.central, self.heard = there, charger, central, heard
        self.told: list[list[Any]] = []

    async def call(self, number: str, action: str, payload: dict[str, Any]) -> None:
        await self.charger.send(json.dumps([2, number, action, payload]))

    async def answer(self, number: str, payload: dict[str, Any] | None = None) -> None:
        await self.central.send(json.dumps([3, number, payload or {}]))

    async def begin(self) -> str:
        """A charge with one sample, all answered; the number of the DataTransfer that follows."""
        await self.call("s", "StartTransaction", {"connectorId": 1, "idTag": "a", "meterStart": 0, "timestamp": at(0)})
        await self.hears("StartTransaction")
        await self.answer("s", {"transactionId": 5, "idTagInfo": {"status": "Accepted"}})
        return await self.measure(0, "m")

    async def measure(self, seconds: float, number: str) -> str:
        n = len(self.of("DataTransfer"))
        value = {"timestamp": at(seconds), "sampledValue": [SAMPLE]}
        await self.call(number, "MeterValues", {"connectorId": 1, "transactionId": 5, "meterValue": [value]})
        await until(lambda: number in [frame[1] for frame in self.heard], "the sample")
        await self.answer(number)
        await until(lambda: len(self.of("DataTransfer")) > n, "our call")
        return str(self.of("DataTransfer")[-1][1])

    async def hears(self, action: str) -> None:
        await until(lambda: self.of(action), action)

    def of(self, action: str) -> list[list[Any]]:
        return [frame for frame in self.heard if frame[0] == 2 and frame[2] == action]


@asynccontextmanager
async def line(**options: Any) -> AsyncIterator[Line]:
    heard: list[list[Any]] = []
    centrals: list[ServerConnection] = []

    async def listen(connection: ServerConnection) -> None:
        centrals.append(connection)
        async for message in connection:
            heard.append(json.loads(message))

    subprotocols = [Subprotocol("ocpp1.6")]
    csms = Csms()
    csms.server = await serve(listen, "127.0.0.1", 0, subprotocols=subprotocols, logger=QUIET)
    csms.port = next(iter(csms.server.sockets)).getsockname()[1]
    async with (
        bench(csms=csms, **options) as there,
        connect(f"{there.url}/CP_1", subprotocols=subprotocols, logger=QUIET) as charger,
    ):
        both = Line(there, charger, centrals[0], heard)

        async def hear() -> None:
            async for message in charger:
                both.told.append(json.loads(message))

        task = asyncio.create_task(hear())
        yield both
        task.cancel()


def test_calls_wait_for_the_answer_to_ours_and_answers_do_not() -> None:
    async def story() -> None:
        async with line() as both:
            ours = await both.begin()
            await both.call("h1", "Heartbeat", {})
            await both.call("h2", "Heartbeat", {})
            await both.charger.send(json.dumps([3, "asked by the central system", {}]))
            await until(lambda: [3, "asked by the central system", {}] in both.heard, "the answer")
            await asyncio.sleep(0.1)
            assert both.of("Heartbeat") == []
            await both.answer(ours, {"status": "Accepted"})
            await until(lambda: [frame[1] for frame in both.of("Heartbeat")] == ["h1", "h2"], "both, in order")
            await both.answer("h1", {"currentTime": at(0)})
            await until(lambda: [3, "h1", {"currentTime": at(0)}] in both.told, "the answer to it")
            assert ours not in [frame[1] for frame in both.told]

    run(story())


def test_ours_waits_for_the_answer_to_the_charge_points() -> None:
    async def story() -> None:
        async with line() as both:
            await both.answer(await both.begin(), {"status": "Accepted"})
            await both.call("h", "Heartbeat", {})
            await both.hears("Heartbeat")
            script = both.bench.script
            value = {"timestamp": at(10), "sampledValue": [SAMPLE]}
            script.unknown = True  # news
            await both.call("m2", "MeterValues", {"connectorId": 1, "transactionId": 5, "meterValue": [value]})
            await until(lambda: len(script.samples) == 2, "the sample")
            await asyncio.sleep(0.1)
            assert len(both.of("DataTransfer")) == 1
            await both.answer("m2")
            await asyncio.sleep(0.1)
            assert len(both.of("DataTransfer")) == 1  # one of two is answered
            await both.answer("h", {"currentTime": at(0)})
            await until(lambda: len(both.of("DataTransfer")) == 2, "our call")

    run(story())


def test_without_an_answer_the_charge_point_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "OWN_TIMEOUT_S", 0.2)

    async def story() -> None:
        async with line() as both:
            ours = await both.begin()
            await both.call("h", "Heartbeat", {})
            await both.hears("Heartbeat")
            assert both.bench.noted("does not answer a DataTransfer")
            await both.answer(ours, {"status": "Accepted"})  # late: still ours
            await both.answer("h", {"currentTime": at(0)})
            await until(lambda: both.told[-1:] == [[3, "h", {"currentTime": at(0)}]], "the answer to it")
            assert ours not in [frame[1] for frame in both.told]

    run(story())


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ([4, "NotImplemented", "no", {}], "NotImplemented"),
        ([4, "made up", "no", {}], "UnknownCallErrorCodeError"),
        ([3, {"status": "UnknownMessageId"}], "UnknownMessageId"),
        ([3, {"nonsense": 1}], "FormatViolation"),
    ],
)
def test_an_answer_that_is_no_yes_ends_it(reply: list[Any], said: str) -> None:
    async def story() -> None:
        async with line() as both:
            ours = await both.begin()
            await both.central.send(json.dumps([reply[0], ours, *reply[1:]]))
            await until(lambda: both.bench.noted("takes no estimates"), "a note")
            assert both.bench.noted(f"({said})")
            await both.call("h", "Heartbeat", {})
            await both.hears("Heartbeat")
            assert [frame[1] for frame in both.told] == ["s", "m"]  # none is of our call

    run(story())


def test_a_charge_points_call_that_is_never_answered_does_not_silence_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "CALL_TIMEOUT_S", 0.2)

    async def story() -> None:
        async with line() as both:
            await both.call("lost", "Heartbeat", {})
            await both.begin()

    run(story())


def test_what_the_central_system_closes_with_is_what_the_charge_point_hears() -> None:
    async def story() -> None:
        async with line() as both:
            await both.central.close(1008, "not today")
            await asyncio.wait_for(both.charger.wait_closed(), 10)
            assert (both.charger.close_code, both.charger.close_reason) == (1008, "not today")

    run(story())


def test_a_connection_that_breaks_is_a_going_away() -> None:
    async def story() -> None:
        async with line() as both:
            both.charger.transport.abort()
            await asyncio.wait_for(both.central.wait_closed(), 10)
            assert both.central.close_code == 1001
            await until(lambda: both.bench.noted("the charge point has closed"), "a note")

    run(story())
