"""The bridge at work: charge points in one thread, charges in another, each board in one of its own."""

from __future__ import annotations

import asyncio
import json
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from host.bridge.ocpp.answerer import Answerer, Goal, VehicleAnswer
from host.bridge.ocpp.central import Central
from host.bridge.ocpp.charges import Charge, Charges
from host.bridge.ocpp.desk import Desk, Desks, Feed
from host.bridge.ocpp.estimate import MESSAGE, VENDOR
from host.bridge.ocpp.evcc_points import EvccPoints
from host.bridge.ocpp.events import ChargeEvent
from host.bridge.ocpp.exchange import Transfer
from host.bridge.ocpp.recording import VehicleRecorder
from host.bridge.ocpp.relay import Relay
from host.bridge.ocpp.sampling import Assumed

JOIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What a bridge is made of. `boards` are names and how to reach each."""

    central: Central
    boards: Sequence[tuple[str, Callable[[], Answerer]]]
    bind: str = "127.0.0.1"
    port: int = 0
    tls: Any = None  # ssl.SSLContext for charge points
    every_s: float = 60.0
    goal: Goal = field(default_factory=Goal)
    assumed: Assumed = field(default_factory=Assumed)
    vendor: str = VENDOR
    recorder: VehicleRecorder | None = None
    evcc: EvccPoints | None = None
    json: bool = False  # each estimate as a line of standard output
    retry_s: float = 5.0


class Bridge:
    """Boards, charges and charge points of one bridge."""

    def __init__(self, setup: Setup, note: Callable[[str], None]) -> None:
        self._setup, self._note = setup, note
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="charges", daemon=True)
        told = (self._on_answer, self._on_lost, note)
        self._desks = [Desk(name, connect, *told, retry_s=setup.retry_s) for name, connect in setup.boards]
        self._charges = Charges(
            Desks(self._desks),
            assumed=setup.assumed,
            goal=setup.goal,
            every_s=setup.every_s,
            tell=self._tell,
            note=note,
            recorder=setup.recorder,
            show=self._show,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._relay: Relay | None = None

    def open_boards(self) -> None:
        """Reach every board; raises HostError where one is not there or is none that answers cars."""
        for desk in self._desks:
            desk.open()

    def close(self) -> None:
        """End charges and let go of the boards."""
        if self._thread.is_alive():
            self._jobs.put(self._charges.close)
            self._jobs.put(None)
            self._thread.join(JOIN_S)
        for desk in self._desks:
            desk.close()

    async def run(self, stop: asyncio.Event, on_listening: Callable[[str], None]) -> None:
        """Until told to stop; `on_listening` is told the URL. Raises HostError where nobody can listen."""
        setup = self._setup
        self._loop = asyncio.get_running_loop()
        self._relay = Relay(setup.central, self._on_event, self._note, self._on_connection)
        server = await self._relay.listen(setup.bind, setup.port, setup.tls)
        self._thread.start()
        address, port = next(iter(server.sockets)).getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        on_listening(f"{'ws' if setup.tls is None else 'wss'}://{shown}:{port}")
        stopped = asyncio.create_task(stop.wait())
        ends: list[asyncio.Future[Any]] = [stopped, self._relay.failure]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            server.close()
            await server.wait_closed()
        if self._relay.failure.done():
            self._relay.failure.result()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as error:
                self._fail(error)
                return

    def _fail(self, error: Exception) -> None:
        """What should never happen ends the bridge, with its traceback."""

        def fail() -> None:
            if self._relay is not None and not self._relay.failure.done():
                self._relay.failure.set_exception(error)

        if self._loop is not None:
            self._loop.call_soon_threadsafe(fail)

    def _on_event(self, point: str, event: ChargeEvent) -> None:
        now_s = time.monotonic()
        self._jobs.put(lambda: self._charges.take(point, event, now_s))

    def _on_answer(self, feed: Feed, _: int, answer: VehicleAnswer) -> None:
        now_s, at_s = time.monotonic(), time.time()
        self._jobs.put(lambda: self._charges.answered(feed, answer, now_s, at_s))

    def _on_lost(self, feed: Feed) -> None:
        self._jobs.put(lambda: self._charges.lost(feed))

    def _on_connection(self, point: str, there: bool) -> None:
        if self._setup.evcc is not None:
            self._setup.evcc.connection(point, there=there)

    def _tell(self, charge: Charge, figures: Mapping[str, Any]) -> None:
        desk = self._charges.desk_of(charge)
        data = {
            **figures,
            "place": charge.place,
            "transaction": charge.transaction,
            "whole": charge.whole,
            "model": "" if desk is None else desk.model_hash,
        }
        if self._setup.json:
            print(json.dumps({"point": charge.point, **data}, ensure_ascii=False), flush=True)
        transfer = Transfer(self._setup.vendor, MESSAGE, json.dumps(data, ensure_ascii=False, separators=(",", ":")))
        relay, loop = self._relay, self._loop
        if relay is not None and loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(relay.tell, charge.point, charge.place, transfer)

    def _show(self, charge: Charge, there: bool) -> None:
        if self._setup.evcc is not None:
            self._setup.evcc.show(charge.point, charge.place, charge.latest, charge.answer, there=there)


def say(text: str) -> None:
    """One line for the user, with the hour."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def run_bridge(setup: Setup) -> None:
    """Run until interrupted; raises KeyboardInterrupt then, with all released, and HostError for what ends it."""
    bridge = Bridge(setup, say)
    try:
        bridge.open_boards()
        asyncio.run(_until_interrupted(bridge))
    finally:
        bridge.close()
    raise KeyboardInterrupt


async def _until_interrupted(bridge: Bridge) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def listening(url: str) -> None:
        print(f"charge points connect to {url}/IDENTITY; Ctrl-C ends it", file=sys.stderr, flush=True)

    await bridge.run(stop, listening)
