"""HTTP for browsers and programs nearby: the standard library's threading server, made safe to leave open.

http.server and not aiohttp: a page, a stream of events and a handful of viewers need no event loop beside the serial
line's thread, and no package that is imported at the start. A thread a viewer also means that a slow one waits alone.
"""

from __future__ import annotations

import errno
import ipaddress
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from host.errors import HostError, PortError

MAX_STREAMS = 32
STALLED_AFTER_S = 10.0
"""A viewer that takes nothing for so long is let go; it comes back by itself."""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer."""

    body: bytes
    content_type: str = "application/json; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """Server-sent events, as long as they come; each is the text of one `data:` line."""

    events: Iterable[str]


Route = Callable[[Mapping[str, str]], Response | Stream]
"""Takes the query's values by name."""


def json_response(value: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(json.dumps(value, ensure_ascii=False).encode("utf-8"), status=status)


class Listener(ThreadingHTTPServer):
    """Answers GET by route. Requests under a name that is not this machine's are refused: a page of another site may
    have had its name pointed here (DNS rebinding), and plain addresses cannot be."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, bind: str, port: int, routes: Mapping[str, Route], allowed_hosts: Sequence[str]) -> None:
        self.routes = routes
        own = socket.gethostname().lower()
        self.names = {"localhost", own, f"{own}.local", *(name.lower() for name in allowed_hosts)}
        self.streams = threading.BoundedSemaphore(MAX_STREAMS)
        self.address_family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        try:
            super().__init__((bind, port), _Handler)
        except OSError as error:
            raise _refused(bind, port, error) from None
        self._bind = bind
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="http", daemon=True)

    @property
    def address(self) -> str:
        """The address in numbers."""
        return str(self.server_address[0])

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = self._bind
        if ipaddress.ip_address(self.address).is_unspecified:
            host = "localhost"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_address[1]}/"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.address).is_loopback

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more and give the port back."""
        self.shutdown()
        self._thread.join(timeout=2.0)
        self.server_close()

    def server_bind(self) -> None:
        """Bind without asking the name service for this machine's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def knows(self, host: str) -> bool:
        """Whether a Host header names this machine."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        with suppress(ValueError):
            ipaddress.ip_address(name)
            return True
        return name.lower().rstrip(".") in self.names

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Viewers that go away are no errors; anything else is a bug and shows."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    server_version = "wattprint"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = STALLED_AFTER_S

    def do_GET(self) -> None:
        """Answer by route."""
        if not self.server.knows(self.headers.get("Host", "")):
            self._send(json_response({"error": "not this machine's name; see --allow-host"}, 403))
            return
        parts = urlsplit(self.path)
        route = self.server.routes.get(parts.path)
        if route is None:
            self._send(json_response({"error": f"nothing at {parts.path}"}, 404))
            return
        answer = route({key: values[-1] for key, values in parse_qs(parts.query).items()})
        if isinstance(answer, Response):
            self._send(answer)
        elif self.server.streams.acquire(blocking=False):
            try:
                self._stream(iter(answer.events))
            finally:
                self.server.streams.release()
        else:
            self._send(json_response({"error": f"{MAX_STREAMS} viewers already"}, 503))

    do_HEAD = do_GET  # noqa: N815 (http.server's name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
        """Nothing: the terminal belongs to the monitor."""

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in {**HEADERS, **response.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _stream(self, events: Iterator[str]) -> None:
        self.close_connection = True
        self.send_response(200)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in events:
            self.wfile.write(b"data: " + event.encode("utf-8") + b"\n\n")
            self.wfile.flush()


def _refused(bind: str, port: int, error: OSError) -> HostError:
    if error.errno == errno.EADDRINUSE:
        return PortError(f"--http-port {port}: busy; another program listens there; name another (0 takes a free one)")
    if error.errno in (errno.EACCES, errno.EPERM):
        return PortError(f"--http-port {port}: not permitted; take one above 1023")
    return HostError(f"--bind {bind}: is no address of this machine ({error.strerror}); 127.0.0.1 is always one")
