"""Who is let in, and as what: versions, passwords, TLS, ports."""

from __future__ import annotations

import asyncio
import base64
import shutil
import socket
import ssl
import subprocess
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from ocpp import v16
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from host.bridge.ocpp.central import Central, central_of, listening_tls
from host.bridge.ocpp.relay import Relay
from host.errors import HostError, PortError
from tests.unit.host.bridge.ocpp.stations import QUIET, Csms, bench, charge_point, meter_value, three_phases, until

SECRET = "correct horse"  # noqa: S105 (of a central system in this test)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


def offered(*versions: str) -> list[Subprotocol]:
    return [Subprotocol(version) for version in versions]


@pytest.mark.parametrize(
    ("wanted", "spoken", "agreed"),
    [
        (["ocpp2.0.1", "ocpp1.6"], ["ocpp1.6"], "ocpp1.6"),
        (["ocpp1.6", "ocpp2.0.1"], ["ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1"),
        (["ocpp2.1"], ["ocpp2.1"], "ocpp2.1"),
        ([], [], None),
        (["ocpp1.6"], [], None),
    ],
)
def test_the_version_is_the_central_systems_choice(wanted: list[str], spoken: list[str], agreed: str | None) -> None:
    async def story() -> None:
        csms = Csms()
        await csms.start(spoken)
        async with (
            bench(csms=csms) as there,
            connect(f"{there.url}/CP_1", subprotocols=offered(*wanted) or None, logger=QUIET) as point,
        ):
            assert point.subprotocol == agreed
            await until(lambda: there.noted("CP_1: connected"), "a note")
            assert there.noted("passed on, but not read") == (agreed not in ("ocpp1.6", "ocpp2.0.1"))
            await point.send('[2,"1","Heartbeat",{}]')
            assert "currentTime" in str(await asyncio.wait_for(point.recv(), 10)) or agreed == "ocpp2.0.1"

    run(story())


def test_a_version_the_central_system_does_not_speak_is_refused_as_it_refuses() -> None:
    async def story() -> None:
        async with bench() as there:
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{there.url}/CP_1", subprotocols=offered("ocpp1.5"), logger=QUIET)
            assert refused.value.response.status_code == 400
            assert there.noted("CP_1: the central system refuses it: HTTP 400")

    run(story())


def test_a_password_is_passed_on_and_so_is_a_refusal() -> None:
    async def story() -> None:
        async with bench(csms=Csms(password=SECRET)) as there:
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{there.url}/CP_1", subprotocols=offered("ocpp1.6"), logger=QUIET)
            assert refused.value.response.status_code == 401
            assert refused.value.response.headers["WWW-Authenticate"] == 'Basic realm="csms"'
            right = {"Authorization": "Basic " + base64.b64encode(f"CP_1:{SECRET}".encode()).decode()}
            async with connect(
                f"{there.url}/CP_1?a=b",
                subprotocols=offered("ocpp1.6"),
                additional_headers=right,
                user_agent_header="wallbox 7",
                logger=QUIET,
            ):
                assert there.csms.headers["/CP_1?a=b"]["User-Agent"] == "wallbox 7"
            assert not any(SECRET in note or right["Authorization"] in note for note in there.notes)

    run(story())


@pytest.mark.parametrize("path", ["", "/"])
def test_without_an_identity_nobody_is_let_in(path: str) -> None:
    async def story() -> None:
        async with bench() as there:
            with pytest.raises(InvalidStatus, match="404"):
                await connect(f"{there.url}{path}", logger=QUIET)
            assert there.csms.headers == {}

    run(story())


def test_a_browser_leaves_no_connection_behind() -> None:
    async def story() -> None:
        async with bench() as there:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(there.url.rsplit(":", 1)[1]))
            writer.write(b"GET /CP_1 HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n")
            assert b"426" in await asyncio.wait_for(reader.readline(), 10)
            writer.close()
            await writer.wait_closed()
            assert there.csms.server is not None
            await until(lambda: there.csms.server is not None and not there.csms.server.connections, "none is left")

    run(story())


def test_one_that_comes_back_before_it_was_missed_is_the_one_that_is_told() -> None:
    """A charge point that lost its line opens another while the first still looks open."""

    async def story() -> None:
        async with (
            bench() as there,
            charge_point(f"{there.url}/CP_1") as lost,
            charge_point(f"{there.url}/CP_1") as point,
        ):
            await lost.socket.close()
            await until(lambda: there.noted("has closed"), "the first has gone")
            values = [meter_value(0, *three_phases(16.0))]
            await point.call(v16.call.MeterValues(connector_id=1, transaction_id=7, meter_value=values))
            await until(lambda: there.csms.of("DataTransfer"), "an estimate")

    run(story())


def test_a_port_in_use() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            relay = Relay(Central("ws://127.0.0.1:1", None), lambda _, __: None, print)
            with pytest.raises(PortError, match="busy; another program listens there"):
                await relay.listen("127.0.0.1", taken.getsockname()[1], None)
            with pytest.raises(HostError, match="no address of this machine"):
                await relay.listen("192.0.2.1", 0, None)

    run(story())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, to make certificates")
def test_tls_on_both_sides(tmp_path: Path) -> None:
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    key = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    subprocess.run(
        ["openssl", *key, *names, "-keyout", "server.key", "-out", "server.pem"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    certificate = tmp_path / "server.pem"
    tls = listening_tls(certificate, tmp_path / "server.key")

    async def story() -> None:
        csms = Csms()
        await csms.start(ssl=tls)
        central = central_of(f"wss://localhost:{csms.port}/", certificate)
        async with bench(csms=csms, central=central, tls=tls) as there:
            url = there.url.replace("127.0.0.1", "localhost")
            assert url.startswith("wss://")
            trust = ssl.create_default_context(cafile=str(certificate))
            async with connect(f"{url}/CP_1", subprotocols=offered("ocpp1.6"), ssl=trust, logger=QUIET) as point:
                assert point.subprotocol == "ocpp1.6"
            assert list(csms.headers) == ["/CP_1"]
        strange = Csms()
        await strange.start(ssl=tls)
        async with bench(csms=strange, central=central_of(f"wss://localhost:{strange.port}", None)) as there:
            with pytest.raises(InvalidStatus, match="502"):
                await connect(f"{there.url}/CP_1", logger=QUIET)
            assert there.noted("its certificate is not trusted")

    run(story())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://csms", "is no address of a central system"),
        ("ws://", "is no address of a central system"),
        ("ws://csms:99999", "is no address"),
        ("wss://a:b@csms", "each charge point has its own"),
        ("ws://csms/?a=b", "is no address of a central system"),
    ],
)
def test_addresses_that_are_none(url: str, said: str) -> None:
    with pytest.raises(HostError, match=said):
        central_of(url, None)


def test_certificates_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no")
    with pytest.raises(HostError, match="is no certificate"):
        central_of("wss://csms", tmp_path / "no.pem")
    with pytest.raises(HostError, match="not encrypted"):
        central_of("ws://csms", tmp_path / "no.pem")
    with pytest.raises(HostError, match="cannot be used"):
        listening_tls(tmp_path / "no.pem", None)
    with pytest.raises(HostError, match="of which certificate"):
        listening_tls(None, tmp_path / "no.pem")
