"""`python -m host bridge ocpp` as it is run: to the end, and to every refusal."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ocpp import v16

from host.cli import main
from tests.unit.host.bridge.ocpp.stations import Csms, at, charge_point, meter_value, three_phases, until
from tests.unit.host.bridge.ocpp.vehicle_board import vehicle_board
from train.sessions.dataset import read_charges

ROOT = Path(__file__).resolve().parents[5]


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


@asynccontextmanager
async def bridge(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The command, once it listens, and its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "host", "bridge", "ocpp", "--ocpp-port", "0", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        line = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
        assert line.startswith("charge points connect to ws://127.0.0.1:"), line
        yield process, line.split()[4].removesuffix("/IDENTITY;")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def ask(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 (of this test)
        return dict(json.loads(answer.read()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_charge_from_the_charge_point_to_all_who_are_told(number: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "charges"

    async def story() -> None:
        csms = Csms()
        await csms.start()
        with vehicle_board() as board, socket.create_server(("127.0.0.1", 0)) as probe:
            http = probe.getsockname()[1]
            probe.close()
            arguments = ["--csms", f"ws://127.0.0.1:{csms.port}", "--port", board.port, "--every", "1", "--json"]
            arguments += ["--record", str(folder), "--car", "4711=id3", "--http-port", str(http)]
            async with bridge(*arguments) as (process, url):
                async with charge_point(f"{url}/CP_1") as point:
                    await charge(point, 12)
                    state = await asyncio.to_thread(ask, f"http://127.0.0.1:{http}/evcc")
                    assert (state["status"], state["soc"], state["power"]) == ("C", None, 11_088.0)
                    await until(lambda: len(board.of("B")) == 12, "the board has them")
                    await until(lambda: csms.of("DataTransfer"), "an estimate")
                    process.send_signal(number)
                    out, err = await asyncio.wait_for(process.communicate(), 20)
                assert process.returncode == 130, err.decode()
                assert err.decode().endswith("interrupted; the port is released\n")
                told = [json.loads(line) for line in out.decode().splitlines()]
                assert told[0]["cars"] == ["car 0", "car 2"]
                assert told[0]["point"] == "CP_1"
                assert json.loads(csms.of("DataTransfer")[0]["data"])["estimate"] is True
        await csms.stop()

    run(story())
    (charge_,) = read_charges(folder)
    assert (charge_.device, charge_.ended, len(charge_.t_ms)) == ("id3", "unknown", 12)


async def charge(point: Any, n: int) -> None:
    started = await point.call(v16.call.StartTransaction(connector_id=1, id_tag="4711", meter_start=0, timestamp=at(0)))
    for k in range(n):
        call = v16.call.MeterValues(
            connector_id=1,
            transaction_id=started.transaction_id,
            meter_value=[meter_value(10 * k, *three_phases(16.0, energy_wh=30 * k))],
        )
        await point.call(call)


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*arguments: str) -> tuple[int, str]:
        code = main(["bridge", "ocpp", *arguments])
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return code, said

    csms = ("--csms", "ws://127.0.0.1:1")
    with vehicle_board() as board, socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = refused(*csms, "--port", board.port, "--ocpp-port", port)
        busy = f"error: --ocpp-port {port}: busy; another program listens there; name another (0 takes a free one)\n"
        assert (code, said) == (3, busy)
        code, said = refused(*csms, "--port", board.port, "--http-port", port)
        assert (code, "--http-port" in said and "busy" in said) == (3, True)
        code, said = refused(*csms, "--port", "/dev/ttyNONE7")
        assert (code, said.startswith("error: /dev/ttyNONE7: no such port")) == (3, True)
        code, said = refused(*csms, "--port", board.port, "--car", "1=zoe")
        assert (code, said) == (2, "error: --car and --device label recordings; name their folder: --record DIR\n")
        code, said = refused("--csms", "http://csms", "--port", board.port)
        assert (code, said.startswith("error: --csms http://csms: is no address")) == (2, True)
        code, said = refused(*csms, "--port", board.port, "--artifact", str(tmp_path))
        assert (code, said.startswith("error: --artifact")) == (2, True)
        board.protocol = 1
        code, said = refused(*csms, "--port", board.port)
        assert (code, "is a charger's board" in said) == (4, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--every", "0"], "does not lie in 1 … 86400"),
        (["--target-soc", "101"], "does not lie in 1 … 100"),
        (["--assume-voltage", "12"], "does not lie in 50 … 500"),
        (["--assume-phases", "4"], "invalid choice"),
        (["--car", "zoe"], "is not TAG=NAME"),
        (["--ocpp-port", "70000"], "is no port"),
        (["--vendor-id", ""], "takes 1 to 255 characters"),
    ],
)
def test_arguments_that_are_none(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["bridge", "ocpp", "--csms", "ws://a", "--port", "sim", *arguments])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err
