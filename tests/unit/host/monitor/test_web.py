"""The page's server: who may ask, what is answered, and that no viewer holds anybody up."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import host.monitor.serving as serving
from host.errors import HostError, PortError
from host.monitor.recording import Recording
from host.monitor.run_file import Run
from host.monitor.web import Page
from tests.unit.host.monitor import live_board as board
from tests.unit.host.monitor.feeding import MODELS, Story


def ask(page: Page, path: str, host: str | None = None, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    port = int(page.url.rsplit(":", 1)[1].strip("/"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host is None:
        host = f"127.0.0.1:{port}"
    if host:
        connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    body = b"" if headers.get("content-type") == "text/event-stream" else answer.read()
    connection.close()
    return answer.status, headers, body


@contextmanager
def viewer(page: Page) -> Iterator[Iterator[dict[str, Any]]]:
    """The events of a live page, as they come."""
    port = int(page.url.rsplit(":", 1)[1].strip("/"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert answer.status == 200

    def events() -> Iterator[dict[str, Any]]:
        while True:
            line = answer.readline()
            if not line:
                return
            if line.startswith(b"data: "):
                yield json.loads(line[6:])

    try:
        yield events()
    finally:
        answer.close()
        connection.close()


@contextmanager
def live_page() -> Iterator[tuple[Page, Story]]:
    story = Story().greeted(b"I (3) boot", board.plug()).charges(0, 10)
    with Page("127.0.0.1", 0, [], None) as page:
        page.show(story.now, story.tracker.history)
        yield page, story


def recorded() -> Recording:
    story = Story().greeted(board.plug(1)).charges(0, 50).says(board.unplug(1), board.plug(2)).charges(0, 20)
    return Recording(Run("run.jsonl", True, story.entries), MODELS)


class TestWhoMayAsk:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1:80",
            "127.0.0.1",
            "localhost",
            "LOCALHOST:8765",
            "[::1]:8765",
            "192.168.1.5",
            socket.gethostname(),
            "wp.lan",
        ],
    )
    def test_this_machine(self, host: str) -> None:
        with Page("127.0.0.1", 0, ["WP.lan"], recorded()) as page:
            assert ask(page, "/", host)[0] == 200

    @pytest.mark.parametrize(
        "host",
        ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[", "localhost.evil", "notlocalhost"],
    )
    @pytest.mark.parametrize("path", ["/", "/events", "/api/now"])
    def test_nobody_else(self, host: str, path: str) -> None:
        with live_page() as (page, _):
            status, _, body = ask(page, path, host)
            assert status == 403
            assert b"device" not in body

    def test_another_site_may_not_read(self) -> None:
        with live_page() as (page, _):
            for path in ("/", "/api/now", "/nothing"):
                headers = ask(page, path)[1]
                assert "access-control-allow-origin" not in headers
                assert headers["cross-origin-resource-policy"] == "same-origin"
                assert headers["x-content-type-options"] == "nosniff"

    def test_only_reading(self) -> None:
        with live_page() as (page, _):
            for method in ("POST", "PUT", "DELETE", "OPTIONS"):
                assert ask(page, "/", method=method)[0] == 501
            assert ask(page, "/", method="HEAD")[2] == b""

    def test_paths_outside_are_nothing(self) -> None:
        with live_page() as (page, _):
            for path in ("/nothing", "/../command.py", "/page/page.js", "/%2e%2e/", "/api/history"):
                assert ask(page, path)[0] == 404

    def test_loopback_unless_told_otherwise(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Page("127.0.0.1", 0, [], recorded()) as page:
            assert page.url.startswith("http://127.0.0.1:")
        assert capsys.readouterr().err == ""
        with Page("0.0.0.0", 0, [], recorded()) as page:  # noqa: S104 (that is the test)
            assert page.url.startswith("http://localhost:")
        assert "warning" in capsys.readouterr().err


class TestBind:
    def test_a_busy_port_is_one_line(self) -> None:
        with Page("127.0.0.1", 0, [], recorded()) as page:
            port = int(page.url.rsplit(":", 1)[1].strip("/"))
            with pytest.raises(PortError, match="busy; another program") as caught:
                Page("127.0.0.1", port, [], recorded())
            assert caught.value.exit_code == 3

    @pytest.mark.parametrize("bind", ["203.0.113.7", "no-such-host.invalid", "::ffff:203.0.113.7"])
    def test_an_address_of_another_machine_is_one_line(self, bind: str) -> None:
        with pytest.raises(HostError, match="no address of this machine") as caught:
            Page(bind, 0, [], recorded())
        assert caught.value.exit_code == 2

    def test_the_port_is_free_again_afterwards(self) -> None:
        with Page("127.0.0.1", 0, [], recorded()) as page:
            port = int(page.url.rsplit(":", 1)[1].strip("/"))
        with Page("127.0.0.1", port, [], recorded()):
            pass


def test_the_page_is_one_file_that_asks_nobody_else() -> None:
    with live_page() as (page, _):
        _, headers, body = ask(page, "/")
    text = body.decode()
    assert "{{" not in text
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert len(body) < 60_000


class TestLive:
    def test_now_is_the_latest_state(self) -> None:
        with live_page() as (page, story):
            assert json.loads(ask(page, "/api/now")[2])["reading"]["sequence"] == 9
            story.charges(10, 11)
            page.show(story.now, story.tracker.history)
            assert json.loads(ask(page, "/api/now")[2])["reading"]["sequence"] == 10

    def test_a_viewer_has_the_course_and_then_what_is_new(self) -> None:
        with live_page() as (page, story), viewer(page) as events:
            first = next(events)
            assert first["now"]["status"] == "charging"
            assert first["points"]["fresh"]
            assert first["points"]["columns"]["elapsed_ms"] == [1_000 * k for k in range(10)]
            assert [note["text"] for note in first["log"]] == ["I (3) boot", "plugged in"]
            story.charges(10, 13)
            page.show(story.now, story.tracker.history)
            second = next(events)
            assert not second["points"]["fresh"]
            assert second["points"]["columns"]["elapsed_ms"] == [10_000, 11_000, 12_000]
            assert "log" not in second

    def test_the_next_charge_begins_a_fresh_course(self) -> None:
        with live_page() as (page, story), viewer(page) as events:
            next(events)
            story.says(board.unplug(1), board.plug(2)).charges(0, 2)
            page.show(story.now, story.tracker.history)
            second = next(events)
            assert second["points"]["fresh"]
            assert second["points"]["columns"]["elapsed_ms"] == [0, 1_000]

    def test_a_viewer_hears_something_even_when_nothing_happens(self) -> None:
        with live_page() as (page, _), viewer(page) as events:
            next(events)
            assert next(events)["now"]["reading"]["sequence"] == 9  # the connection waits 10 s, no longer

    def test_several_viewers_each_miss_nothing(self) -> None:
        with live_page() as (page, story), viewer(page) as one, viewer(page) as two:
            seen: list[list[int]] = []
            for events in (one, two):
                seen.append(next(events)["points"]["columns"]["elapsed_ms"])
            for k in range(10, 40):
                story.charges(k, k + 1)
                page.show(story.now, story.tracker.history)
            for points, events in zip(seen, (one, two), strict=True):
                while len(points) < 40:
                    points += next(events)["points"]["columns"]["elapsed_ms"]
                assert points == [1_000 * k for k in range(40)]

    def test_a_viewer_that_takes_nothing_holds_nobody_up(self) -> None:
        with live_page() as (page, story):
            port = int(page.url.rsplit(":", 1)[1].strip("/"))
            stalled = []
            for _ in range(5):
                connection = socket.create_connection(("127.0.0.1", port))
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
                connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                stalled.append(connection)
            slow_ones = 0
            for k in range(10, 400):
                story.says(b"x" * 500).charges(k, k + 1)
                before = time.monotonic()
                page.show(story.now, story.tracker.history)
                slow_ones += time.monotonic() - before > serving.STALLED_AFTER_S / 4
            with viewer(page) as events:
                assert next(events)["now"]["reading"]["sequence"] == 399
            assert slow_ones < len(stalled)  # a show that waited would be slow for each viewer; a machine may pause
            for connection in stalled:
                connection.close()

    def test_too_many_viewers_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(serving, "MAX_STREAMS", 2)
        with live_page() as (page, _):
            with viewer(page) as one, viewer(page) as two:
                next(one)
                next(two)
                status, _, body = ask(page, "/events")
                assert status == 503
                assert b"viewers" in body
            deadline = time.monotonic() + 20
            while ask(page, "/events")[0] == 503 and time.monotonic() < deadline:
                time.sleep(0.1)
            assert ask(page, "/events")[0] == 200

    def test_closing_ends_the_streams_and_their_threads(self) -> None:
        before = threading.active_count()
        with live_page() as (page, _), viewer(page) as events:
            next(events)
            page.__exit__(None, None, None)
            assert list(events) == []
            deadline = time.monotonic() + 10
            while threading.active_count() > before and time.monotonic() < deadline:
                time.sleep(0.05)
            assert threading.active_count() <= before


class TestRecorded:
    def test_positions_and_states(self) -> None:
        recording = recorded()
        with Page("127.0.0.1", 0, [], recording) as page:
            times = json.loads(ask(page, "/api/recording")[2])["times_ms"]
            assert len(times) == len(recording)
            assert times[0] == 0
            state = json.loads(ask(page, f"/api/at?position={len(times) - 1}")[2])
            assert state["now"]["charge"]["ordinal"] == 2
            assert state["now"]["reading"]["sequence"] == 19
            assert json.loads(ask(page, "/api/history?ordinal=1")[2])["elapsed_ms"] == [1_000 * k for k in range(50)]

    @pytest.mark.parametrize(
        "path",
        [
            *("/api/at", "/api/at?position=", "/api/at?position=-1", "/api/at?position=99999", "/api/at?position=x"),
            *("/api/at?position=%D9%A1", "/api/history", "/api/history?ordinal=9", "/api/history?ordinal=x"),
        ],
    )
    def test_what_is_not_there_is_a_bad_request(self, path: str) -> None:
        with Page("127.0.0.1", 0, [], recorded()) as page:
            status, _, body = ask(page, path)
            assert status == 400
            assert "error" in json.loads(body)

    def test_there_is_no_stream(self) -> None:
        with Page("127.0.0.1", 0, [], recorded()) as page:
            assert ask(page, "/events")[0] == 404
