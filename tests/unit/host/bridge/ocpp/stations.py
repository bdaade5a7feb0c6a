"""A central system and charge points, both by the `ocpp` package, around a bridge: all on this machine, in one loop."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from ocpp import v16, v201
from ocpp.routing import on
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from host.bridge.ocpp.bridge import Bridge, Setup
from host.bridge.ocpp.central import Central
from tests.unit.host.bridge.ocpp.scripted import Script

START = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)
QUIET = logging.Logger("test", logging.CRITICAL + 1)


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


async def until(good: Callable[[], object], what: str, timeout_s: float = 10.0) -> None:
    for _ in range(round(timeout_s / 0.01)):
        if good():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never: {what}")


@dataclass
class Csms:
    """What a central system heard: calls as (action, payload) and raw messages, with the charge point's identity."""

    port: int = 0
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    raw: list[tuple[str, str]] = field(default_factory=list)
    sides: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    transfer_status: str = "Accepted"
    delay_s: float = 0.0
    password: str | None = None
    server: Server | None = None

    def of(self, action: str) -> list[dict[str, Any]]:
        return [payload for _, name, payload in self.calls if name == action]

    async def start(self, versions: Sequence[str] = ("ocpp1.6", "ocpp2.0.1"), **options: Any) -> None:
        self.server = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            subprotocols=[Subprotocol(version) for version in versions] or None,
            process_request=self._check,
            logger=QUIET,
            **options,
        )
        self.port = next(iter(self.server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        self.headers[request.path] = request.headers
        if self.password is None:
            return None
        wanted = "Basic " + base64.b64encode(f"CP_1:{self.password}".encode()).decode()
        if request.headers.get("Authorization") == wanted:
            return None
        refusal = connection.respond(HTTPStatus.UNAUTHORIZED, "who are you?\n")
        refusal.headers["WWW-Authenticate"] = 'Basic realm="csms"'
        return refusal

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        point = connection.request.path.rsplit("/", 1)[-1]
        kind = Csms201 if connection.subprotocol == "ocpp2.0.1" else Csms16
        side = kind(point, _Tapped(connection, self, point), logger=QUIET)
        side.csms = self
        self.sides[point] = side
        while True:
            try:
                await side.start()
            except ConnectionClosed:
                return
            except Exception:  # noqa: S112 (what the package cannot read it raises; a central system goes on)
                continue


class _Tapped:
    """A connection that notes what comes."""

    def __init__(self, connection: ServerConnection, csms: Csms, point: str) -> None:
        self._connection, self._csms, self._point = connection, csms, point

    async def recv(self) -> str | bytes:
        message = await self._connection.recv()
        self._csms.raw.append((self._point, message if isinstance(message, str) else repr(message)))
        return message

    async def send(self, message: str) -> None:
        await self._connection.send(message)


class Csms16(v16.ChargePoint):  # type: ignore[misc]
    """The central system's side of one charge point, 1.6."""

    csms: Csms

    async def _heard(self, action: str, payload: dict[str, Any]) -> None:
        self.csms.calls.append((self.id, action, payload))
        await asyncio.sleep(self.csms.delay_s)

    @on("BootNotification")  # type: ignore[untyped-decorator]
    async def on_boot(self, **payload: Any) -> Any:
        await self._heard("BootNotification", payload)
        return v16.call_result.BootNotification(current_time=at(0), interval=300, status="Accepted")

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    async def on_heartbeat(self, **payload: Any) -> Any:
        await self._heard("Heartbeat", payload)
        return v16.call_result.Heartbeat(current_time=at(0))

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    async def on_start(self, **payload: Any) -> Any:
        await self._heard("StartTransaction", payload)
        n = len(self.csms.of("StartTransaction"))
        return v16.call_result.StartTransaction(transaction_id=40 + n, id_tag_info={"status": "Accepted"})

    @on("MeterValues")  # type: ignore[untyped-decorator]
    async def on_meter_values(self, **payload: Any) -> Any:
        await self._heard("MeterValues", payload)
        return v16.call_result.MeterValues()

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    async def on_status(self, **payload: Any) -> Any:
        await self._heard("StatusNotification", payload)
        return v16.call_result.StatusNotification()

    @on("StopTransaction")  # type: ignore[untyped-decorator]
    async def on_stop(self, **payload: Any) -> Any:
        await self._heard("StopTransaction", payload)
        return v16.call_result.StopTransaction()

    @on("DataTransfer")  # type: ignore[untyped-decorator]
    async def on_transfer(self, **payload: Any) -> Any:
        await self._heard("DataTransfer", payload)
        return v16.call_result.DataTransfer(status=self.csms.transfer_status)


class Csms201(v201.ChargePoint):  # type: ignore[misc]
    """The central system's side of one charge point, 2.0.1."""

    csms: Csms

    async def _heard(self, action: str, payload: dict[str, Any]) -> None:
        self.csms.calls.append((self.id, action, payload))
        await asyncio.sleep(self.csms.delay_s)

    @on("TransactionEvent")  # type: ignore[untyped-decorator]
    async def on_event(self, **payload: Any) -> Any:
        await self._heard("TransactionEvent", payload)
        return v201.call_result.TransactionEvent()

    @on("MeterValues")  # type: ignore[untyped-decorator]
    async def on_meter_values(self, **payload: Any) -> Any:
        await self._heard("MeterValues", payload)
        return v201.call_result.MeterValues()

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    async def on_status(self, **payload: Any) -> Any:
        await self._heard("StatusNotification", payload)
        return v201.call_result.StatusNotification()

    @on("NotifyEVChargingNeeds")  # type: ignore[untyped-decorator]
    async def on_needs(self, **payload: Any) -> Any:
        await self._heard("NotifyEVChargingNeeds", payload)
        return v201.call_result.NotifyEVChargingNeeds(status="Accepted")

    @on("DataTransfer")  # type: ignore[untyped-decorator]
    async def on_transfer(self, **payload: Any) -> Any:
        await self._heard("DataTransfer", payload)
        return v201.call_result.DataTransfer(status=self.csms.transfer_status)


@asynccontextmanager
async def charge_point(url: str, version: str = "ocpp1.6", **options: Any) -> AsyncIterator[Any]:
    """A charge point by the package, connected to the bridge; `.socket` is its WebSocket."""
    offered = [Subprotocol(version)] if version else None
    async with connect(url, subprotocols=offered, logger=QUIET, **options) as socket:
        kind = v201.ChargePoint if version == "ocpp2.0.1" else v16.ChargePoint
        point = kind(url.rsplit("/", 1)[-1], socket, response_timeout=10, logger=QUIET)
        point.socket = socket
        task = asyncio.create_task(point.start())
        try:
            yield point
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@dataclass
class Bench:
    """A bridge at work between a central system and whoever connects to `url`."""

    csms: Csms
    scripts: list[Script]
    notes: list[str]
    url: str = ""

    @property
    def script(self) -> Script:
        return self.scripts[0]

    def noted(self, text: str) -> bool:
        return any(text in note for note in self.notes)


@asynccontextmanager
async def bench(n_boards: int = 1, csms: Csms | None = None, base: str = "", **options: Any) -> AsyncIterator[Bench]:
    """Start both; the bridge sends estimates at once unless `every_s` says otherwise."""
    csms = csms or Csms()
    if csms.server is None:
        await csms.start()
    there = Bench(csms, [Script() for _ in range(n_boards)], [])
    boards = [(f"board {k}", script.connect) for k, script in enumerate(there.scripts)]
    central = options.pop("central", None) or Central(f"ws://127.0.0.1:{csms.port}{base}", None)
    bridge = Bridge(Setup(central, boards, **{"every_s": 0.0, "retry_s": 0.05, **options}), there.notes.append)
    bridge.open_boards()
    stop, listening = asyncio.Event(), asyncio.Event()

    def on_listening(url: str) -> None:
        there.url = url
        listening.set()

    running = asyncio.create_task(bridge.run(stop, on_listening))
    try:
        await asyncio.wait_for(listening.wait(), 10)
        yield there
    finally:
        stop.set()
        await running
        bridge.close()
        await csms.stop()


def meter_value(seconds: float, *sampled: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": at(seconds), "sampled_value": list(sampled)}


def three_phases(ampere: float, *, energy_wh: int | None = None, offered: float | None = 16.0) -> list[dict[str, Any]]:
    """As a usual wallbox of 1.6 tells it."""
    values = [
        {"value": f"{ampere:.2f}", "measurand": "Current.Import", "phase": f"L{k}", "unit": "A"} for k in (1, 2, 3)
    ]
    values += [{"value": f"{229 + k}.0", "measurand": "Voltage", "phase": f"L{k}-N", "unit": "V"} for k in (1, 2, 3)]
    if offered is not None:
        values.append({"value": str(offered), "measurand": "Current.Offered", "unit": "A"})
    if energy_wh is not None:
        values.append({"value": str(energy_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"})
    return values
