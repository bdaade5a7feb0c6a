"""Where charge points connect: each is let in when, and as, the central system lets it in."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from ocpp.messages import Call, CallResult
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.headers import parse_subprotocol
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from host.bridge.ocpp.central import Central
from host.bridge.ocpp.events import ChargeEvent
from host.bridge.ocpp.exchange import SILENT, Exchange, Transfer
from host.bridge.ocpp.reading import READERS, Reader
from host.errors import HostError, PortError

OPEN_TIMEOUT_S = 10.0
MAX_NOTED = 1_000
"""Names somebody may make up without being let in."""
PASSED_ON = ("WWW-Authenticate", "Retry-After")
"""Headers of a refusal that the charge point is told."""


class Relay:
    """All charge points. `on_event` hears what they say of charges, `note` what a user should know, `on_connection` who
    has come (true) and gone.

    To be made within a running loop; `failure` gets what should never happen.
    """

    def __init__(
        self,
        central: Central,
        on_event: Callable[[str, ChargeEvent], None],
        note: Callable[[str], None],
        on_connection: Callable[[str, bool], None] = lambda _, __: None,
    ) -> None:
        self._central, self._on_event, self._note, self._on_connection = central, on_event, note, on_connection
        self._upstream: dict[ServerConnection, ClientConnection] = {}
        self._exchanges: dict[str, Exchange] = {}
        self._readers: dict[tuple[str, str], Reader] = {}
        self._noted: set[str] = set()
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def points(self) -> list[str]:
        """Charge points that are connected now."""
        return list(self._exchanges)

    async def listen(self, bind: str, port: int, tls: ssl.SSLContext | None) -> Server:
        """Listen from now on; raises PortError where another program does, HostError for what is no address."""
        try:
            return await serve(
                self._run,
                bind,
                port,
                ssl=tls,
                process_request=self._let_in,
                process_response=self._let_go,
                select_subprotocol=lambda connection, _: self._subprotocol(connection),
                open_timeout=2 * OPEN_TIMEOUT_S,
                logger=SILENT,
            )
        except OSError as error:
            raise _refused(bind, port, error) from None

    def tell(self, point: str, place: str, transfer: Transfer) -> bool:
        """Make a DataTransfer in a charge point's name; False while it is not connected."""
        exchange = self._exchanges.get(point)
        if exchange is not None:
            exchange.tell(place, transfer)
        return exchange is not None

    async def _let_in(self, connection: ServerConnection, request: Request) -> Response | None:
        """Ask the central system first; what it refuses is refused alike."""
        point = _identity(request.path)
        if not point:
            return connection.respond(HTTPStatus.NOT_FOUND, "the path ends with the charge point's identity\n")
        offered = [
            name for header in request.headers.get_all("Sec-WebSocket-Protocol") for name in parse_subprotocol(header)
        ]
        try:
            upstream = await self._connect(request, offered)
        except InvalidStatus as error:
            return self._refuse(connection, point, error)
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            self._note_once(
                point, f"the central system cannot be reached ({_reason(error)}); the charge point tries again"
            )
            return connection.respond(HTTPStatus.BAD_GATEWAY, "the central system cannot be reached\n")
        self._upstream[connection] = upstream
        return None

    async def _connect(self, request: Request, offered: list[Subprotocol]) -> ClientConnection:
        credentials = request.headers.get("Authorization")
        return await connect(
            self._central.url_of(request.path),
            subprotocols=offered or None,
            additional_headers=None if credentials is None else {"Authorization": credentials},
            user_agent_header=request.headers.get("User-Agent"),
            ssl=self._central.tls,
            open_timeout=OPEN_TIMEOUT_S,
            logger=SILENT,
        )

    def _refuse(self, connection: ServerConnection, point: str, error: InvalidStatus) -> Response:
        status = error.response.status_code
        self._note_once(point, f"the central system refuses it: HTTP {status}")
        try:
            response = connection.respond(HTTPStatus(status), "refused by the central system\n")
        except ValueError:
            return connection.respond(HTTPStatus.BAD_GATEWAY, "refused by the central system\n")
        for name in PASSED_ON:
            if name in error.response.headers:
                response.headers[name] = error.response.headers[name]
        return response

    async def _let_go(self, connection: ServerConnection, _: Request, response: Response) -> None:
        """One that is not let in after all leaves no connection behind."""
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            upstream = self._upstream.pop(connection, None)
            if upstream is not None:
                await upstream.close()

    def _subprotocol(self, connection: ServerConnection) -> Subprotocol | None:
        upstream = self._upstream.get(connection)
        return None if upstream is None else upstream.subprotocol

    async def _run(self, connection: ServerConnection) -> None:
        upstream = self._upstream.pop(connection)
        assert connection.request is not None  # noqa: S101 (the handshake is over)
        point, version = _identity(connection.request.path), upstream.subprotocol or ""
        if version in READERS:
            self._note(f"{point}: connected, {version}")
        else:
            self._note(f"{point}: connected with {version or 'no version of OCPP'}: passed on, but not read")
        self._noted.discard(point)
        exchange = self._exchange(point, version, connection, upstream)
        self._exchanges[point] = exchange
        self._on_connection(point, True)
        try:
            side = await exchange.run()
            self._note(f"{point}: the {side} has closed the connection")
        except Exception as error:
            if not self.failure.done():
                self.failure.set_exception(error)  # the library would log it and go on
            raise
        finally:
            if self._exchanges.get(point) is exchange:
                del self._exchanges[point]
                self._on_connection(point, False)

    def _exchange(self, point: str, version: str, charger: ServerConnection, central: ClientConnection) -> Exchange:
        reader: Reader | None = None
        if version in READERS:
            reader = self._readers.setdefault((point, version), READERS[version]())

        def on_call(call: Call) -> None:
            for event in () if reader is None else reader.call(call.unique_id, call.action, call.payload):
                self._on_event(point, event)

        def on_result(result: CallResult) -> None:
            for event in () if reader is None else reader.result(result.unique_id, result.payload):
                self._on_event(point, event)

        def on_odd() -> None:
            if reader is not None:
                self._note_once(f"{point} odd", f"{point}: sends what is no message of OCPP; passed on", alone=True)

        return Exchange(point, charger, central, on_call=on_call, on_result=on_result, on_odd=on_odd, note=self._note)

    def _note_once(self, key: str, text: str, *, alone: bool = False) -> None:
        """Say it once until the charge point has connected again."""
        if key not in self._noted:
            if len(self._noted) >= MAX_NOTED:
                self._noted.clear()
            self._noted.add(key)
            self._note(text if alone else f"{key}: {text}")


def _identity(path: str) -> str:
    """The charge point's: the last part of the path."""
    with suppress(ValueError):
        return unquote(urlsplit(path).path.rstrip("/").rsplit("/", 1)[-1])
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}; name its authority with --ca-file"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS there; is it ws://, or another port?"
    if isinstance(error, TimeoutError):
        return f"no answer within {OPEN_TIMEOUT_S:g} s"
    return getattr(error, "strerror", None) or str(error)


def _refused(bind: str, port: int, error: OSError) -> HostError:
    if error.errno == errno.EADDRINUSE:
        return PortError(f"--ocpp-port {port}: busy; another program listens there; name another (0 takes a free one)")
    if error.errno in (errno.EACCES, errno.EPERM):
        return PortError(f"--ocpp-port {port}: not permitted; take one above 1023")
    return HostError(
        f"--bind {bind}: is no address of this machine ({os.strerror(error.errno or 0)}); 127.0.0.1 is one"
    )
