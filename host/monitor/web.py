"""The monitor as a page: live over server-sent events, or a recorded run with a scrubber."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from host.monitor.as_json import notes_json, snapshot_json
from host.monitor.history import Cursor, History, Point
from host.monitor.recording import Recording
from host.monitor.serving import Listener, Response, Route, Stream, json_response
from host.monitor.snapshot import Snapshot

ASSETS = Path(__file__).parent / "page"
SCRIPTS = ("plot.js", "view.js", "page.js")
LEAST_BETWEEN_S = 0.2
"""A viewer is sent five states a second at most."""
MOST_BETWEEN_S = 2.0
"""So often something is sent even when nothing happens: a page that hears nothing says so."""


class Page:
    """A view. Showing takes no time: each viewer's own thread reads the latest state and what it has missed."""

    def __init__(self, bind: str, port: int, allowed_hosts: Sequence[str], recording: Recording | None) -> None:
        self._changed = threading.Condition()
        self._latest: tuple[Snapshot, History | None] | None = None
        self._closing = False
        self._recording = recording
        self._listener = Listener(bind, port, self._routes(), allowed_hosts)

    def __enter__(self) -> Page:
        if not self._listener.loopback:
            print(
                f"warning: {self.url} can be read by anybody who reaches this machine; there is no password",
                file=sys.stderr,
            )
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._listener.stop()

    @property
    def url(self) -> str:
        """Where to find it."""
        return self._listener.url

    def show(self, snapshot: Snapshot, history: History | None) -> None:
        """Make it the latest state."""
        with self._changed:
            self._latest = snapshot, history
            self._changed.notify_all()

    def wait(self) -> None:
        """Serve until somebody presses Ctrl-C."""
        while True:
            time.sleep(60.0)

    def _routes(self) -> Mapping[str, Route]:
        page = build_page("live" if self._recording is None else "recorded")
        routes: dict[str, Route] = {"/": lambda _: page}
        if self._recording is None:
            return {**routes, "/events": lambda _: Stream(self._events()), "/api/now": self._now}
        return {**routes, "/api/recording": self._about, "/api/at": self._at, "/api/history": self._history}

    def _now(self, _: Mapping[str, str]) -> Response:
        if self._latest is None:
            return json_response({"error": "nothing yet"}, 503)
        return json_response(snapshot_json(self._latest[0]))

    def _events(self) -> Iterator[str]:
        cursor, ordinal, log, version = Cursor(), None, None, -1
        while (latest := self._next(version)) is not None:
            snapshot, history = latest
            version = snapshot.version
            message: dict[str, Any] = {"now": snapshot_json(snapshot)}
            if snapshot.notes is not log:
                log = snapshot.notes
                message["log"] = notes_json(snapshot)
            if history is not None and snapshot.charge is not None:
                if snapshot.charge.ordinal != ordinal:
                    cursor, ordinal = Cursor(), snapshot.charge.ordinal
                cursor, fresh, columns = history.since(cursor)
                message["points"] = {"fresh": fresh, "columns": _columns(columns)}
            yield json.dumps(message, ensure_ascii=False)
            time.sleep(LEAST_BETWEEN_S)

    def _next(self, version: int) -> tuple[Snapshot, History | None] | None:
        """The latest state: at once when it is another version, else after a while; None when the page closes."""
        with self._changed:

            def new() -> bool:
                return self._closing or (self._latest is not None and self._latest[0].version != version)

            self._changed.wait_for(new, MOST_BETWEEN_S)
            while self._latest is None and not self._closing:
                self._changed.wait()
            return None if self._closing else self._latest

    def _about(self, _: Mapping[str, str]) -> Response:
        assert self._recording is not None  # noqa: S101 (a route of recordings)
        times = self._recording.times
        return json_response({"times_ms": [round((at_s - times[0]) * 1000) for at_s in times]})

    def _at(self, query: Mapping[str, str]) -> Response:
        assert self._recording is not None  # noqa: S101 (a route of recordings)
        position = query.get("position", "")
        if not (position.isascii() and position.isdigit() and int(position) < len(self._recording)):
            return json_response({"error": f"position: 0 to {len(self._recording) - 1}"}, 400)
        snapshot = self._recording.at(int(position))
        return json_response({"now": snapshot_json(snapshot), "log": notes_json(snapshot)})

    def _history(self, query: Mapping[str, str]) -> Response:
        assert self._recording is not None  # noqa: S101 (a route of recordings)
        ordinal = query.get("ordinal", "")
        try:
            history = self._recording.history(int(ordinal))
        except (ValueError, KeyError):
            return json_response({"error": f"ordinal: no charge {ordinal!r} in this run"}, 400)
        _, _, columns = history.since(Cursor())
        return json_response(_columns(columns))


def _columns(columns: Sequence[Sequence[int]]) -> dict[str, list[int]]:
    return dict(zip(Point._fields, map(list, columns), strict=True))


def build_page(mode: str) -> Response:
    """The page as one file; nothing but its own script and style may run in it, and it may ask nobody else."""
    style = (ASSETS / "page.css").read_text(encoding="utf-8")
    script = "".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS)
    html = (ASSETS / "page.html").read_text(encoding="utf-8")
    html = html.replace("{{mode}}", mode).replace("{{style}}", style).replace("{{script}}", script)
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Response(html.encode("utf-8"), "text/html; charset=utf-8", headers={"Content-Security-Policy": policy})


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
