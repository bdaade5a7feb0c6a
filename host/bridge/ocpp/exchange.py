"""One charge point and its central system: every message goes on unchanged, our own calls wait for their turn.

OCPP-J lets one call be open at a time and way. Ours is made when the charge point has none open; calls of the charge
point that come while ours is open follow its answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ocpp import v16, v201
from ocpp.exceptions import OCPPError, UnknownCallErrorCodeError, ValidationError
from ocpp.messages import Call, CallError, CallResult, unpack
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

OWN_TIMEOUT_S = 10.0
"""So long the central system may take to answer our call, and may hold up calls of the charge point at most."""
CALL_TIMEOUT_S = 30.0
"""A call of the charge point that is open for longer will not be answered."""
N_OWN = 64
CHARGER, CENTRAL = "charge point", "central system"

SILENT = logging.Logger("wattprint.ocpp", logging.CRITICAL + 1)
"""What the libraries would print of every odd message and visitor is told in our own words, once."""


def frame_of(message: str | bytes) -> Any:
    """The message as Call, CallResult or CallError; None where it is none that OCPP has."""
    if isinstance(message, bytes):
        return None
    try:
        frame = unpack(message)
    except (OCPPError, RecursionError):
        return None
    return frame if isinstance(frame.unique_id, str) else None


@dataclass(frozen=True, slots=True)
class Transfer:
    """A DataTransfer to make."""

    vendor: str
    message: str
    data: str


class _OwnSide:
    """Our calls, by the `ocpp` package: it writes, checks and awaits them as any charge point's."""

    def __init__(self, point: str, version: str, send: Callable[[str], Any]) -> None:
        package = v16 if version == "ocpp1.6" else v201
        self._transfer = package.call.DataTransfer
        self._send = send
        self._side = package.ChargePoint(point, self, OWN_TIMEOUT_S, SILENT)
        self.ids: deque[str] = deque(maxlen=N_OWN)

    async def send(self, message: str) -> None:
        """As the package sends a message."""
        frame = frame_of(message)
        if frame is not None:
            self.ids.append(frame.unique_id)
        await self._send(message)

    async def take(self, message: str) -> None:
        """The answer to one of our calls."""
        await self._side.route_message(message)

    async def transfer(self, transfer: Transfer) -> str:
        """Its status; raises OCPPError where it is refused or makes no sense, TimeoutError without an answer."""
        request = self._transfer(vendor_id=transfer.vendor, message_id=transfer.message, data=transfer.data)
        answer = await self._side.call(request, suppress=False)
        return str(getattr(answer.status, "value", answer.status))


class Exchange:
    """Both connections of a charge point, for as long as both last."""

    def __init__(
        self,
        point: str,
        charger: Connection,
        central: Connection,
        *,
        on_call: Callable[[Call], None],
        on_result: Callable[[CallResult], None],
        on_odd: Callable[[], None],
        note: Callable[[str], None],
    ) -> None:
        self.point = point
        self._charger, self._central = charger, central
        self._on_call, self._on_result, self._on_odd, self._note = on_call, on_result, on_odd, note
        version = central.subprotocol
        self._own = _OwnSide(point, version, central.send) if version in ("ocpp1.6", "ocpp2.0.1") else None
        self._open_calls: OrderedDict[str, None] = OrderedDict()
        self._own_open, self._muted = False, False
        self._held: deque[str | bytes] = deque()
        self._quiet, self._wanted, self._ending = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._quiet.set()
        self._next: dict[str, Transfer] = {}  # by place: only the latest counts

    def tell(self, place: str, transfer: Transfer) -> None:
        """Make a DataTransfer in its turn; one for the same place that still waits is left out."""
        if self._own is not None and not self._muted:
            self._next[place] = transfer
            self._wanted.set()

    async def run(self) -> str:
        """Pass messages on until one side has closed, then close the other alike; says which one it was."""
        own = asyncio.create_task(self._make_calls())
        ways = [asyncio.create_task(self._up()), asyncio.create_task(self._down())]
        try:
            await asyncio.wait([*ways, own], return_when=asyncio.FIRST_COMPLETED)
        finally:
            # The package's wait_for may swallow a cancellation that comes together with an answer.
            self._ending.set()
            self._wanted.set()
            for task in (own, *ways):
                task.cancel()
            await asyncio.gather(own, *ways, return_exceptions=True)
            side = CENTRAL if self._central.close_code is not None and self._charger.close_code is None else CHARGER
            await self._close(side)
        for task in (own, *ways):
            error = None if task.cancelled() else task.exception()
            if error is not None:
                raise error
        return side

    async def _close(self, side: str) -> None:
        first, second = (self._charger, self._central) if side == CHARGER else (self._central, self._charger)
        code = first.close_code
        sendable = code is not None and (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999)
        await second.close(code if sendable and code is not None else CloseCode.GOING_AWAY, first.close_reason or "")
        await first.close()

    async def _up(self) -> None:
        """From the charge point to the central system."""
        with suppress(ConnectionClosed):
            async for message in self._charger:
                frame = frame_of(message)
                if isinstance(frame, Call) and self._own_open:
                    self._held.append(message)
                else:
                    await self._send_up(message, frame)

    async def _send_up(self, message: str | bytes, frame: Any) -> None:
        if isinstance(frame, Call):
            self._open_calls[frame.unique_id] = None
            self._quiet.clear()
        await self._central.send(message)
        if isinstance(frame, Call) and isinstance(frame.action, str) and isinstance(frame.payload, dict):
            self._on_call(frame)
        elif frame is None:
            self._on_odd()

    async def _down(self) -> None:
        """From the central system to the charge point."""
        with suppress(ConnectionClosed):
            async for message in self._central:
                frame = frame_of(message)
                if isinstance(frame, (CallResult, CallError)):
                    if self._own is not None and frame.unique_id in self._own.ids and isinstance(message, str):
                        await self._own.take(message)
                        continue
                    self._open_calls.pop(frame.unique_id, None)
                    if not self._open_calls:
                        self._quiet.set()
                await self._charger.send(message)
                if isinstance(frame, CallResult) and isinstance(frame.payload, dict):
                    self._on_result(frame)

    async def _make_calls(self) -> None:
        with suppress(ConnectionClosed):
            while self._own is not None and not self._muted:
                await self._wanted.wait()
                if self._ending.is_set():
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(CALL_TIMEOUT_S):
                        await self._quiet.wait()
                self._open_calls.clear()
                self._quiet.set()
                place = next(iter(self._next))
                transfer = self._next.pop(place)
                if not self._next:
                    self._wanted.clear()
                self._muted = not await self._transfer(self._own, transfer)
            await self._ending.wait()  # nothing more to say on this connection

    async def _transfer(self, own: _OwnSide, transfer: Transfer) -> bool:
        """Make one; False where there is no use in another."""
        self._own_open = True
        try:
            status = await own.transfer(transfer)
        except TimeoutError:
            self._note(f"{self.point}: the central system does not answer a DataTransfer within {OWN_TIMEOUT_S:g} s")
            return True
        except (OCPPError, UnknownCallErrorCodeError, ValidationError) as error:
            status = getattr(error, "code", type(error).__name__)
        finally:
            self._own_open = False
            while self._held:
                message = self._held.popleft()
                await self._send_up(message, frame_of(message))
        if status not in ("Accepted", "Rejected"):
            self._note(
                f"{self.point}: the central system takes no estimates ({status}): it has to know vendor "
                f"{transfer.vendor}; none are sent on this connection"
            )
            return False
        return True
