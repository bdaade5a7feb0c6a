"""Each thing that may be wrong has its line, its cure and its exit code; boards are found by asking."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from host import board_sim, discovery, info
from host.cli import main
from host.discovery import Reply
from host.doctor import Check, State, artifact_check, port_checks, virtual_board_checks
from host.errors import HostError, ModelMismatchError, PortError, SilentBoardError
from host.messages import Hello
from host.port_holders import holders_of
from host.transport import PortInfo
from tests.unit.codegen.drawn_household import write_household
from tests.unit.host.conftest import Bench
from tests.unit.host.fake_board import HASH, FakeBoard

HELLO = Hello(int(HASH[:8], 16), int(HASH[8:], 16), 1, 0x000203, 0, 7)
PORT = __file__  # any file that is there and that nobody has open
COUNTERS = {"answered": 500, "damaged": 0, "mode": 1}
SILENT = SilentBoardError("the board does not say hello")


@contextmanager
def board_at_a_pty(board: FakeBoard | None) -> Iterator[str]:
    """The path of a port with a board behind it; None stands for a port where nobody is."""
    master, slave = os.openpty()
    tty.setraw(slave)
    ends_read, ends_write = os.pipe()

    def serve() -> None:
        while ends_read not in (ready := select.select([master, ends_read], [], [])[0]):
            data = os.read(master, 4096)
            if ready and board is not None:
                os.write(master, board.receive(data))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.close(ends_write)
        thread.join()
        for descriptor in (ends_read, slave, master):
            os.close(descriptor)


def checks(replies: dict[int, Reply], *, serial: bool = True, model: str | None = HASH) -> list[Check]:
    """What is found at a port that replies so at each rate, and not at others."""
    asked: list[int] = []

    def ask(port: str, baud: int, _attempts: int) -> Reply:
        asked.append(baud)
        return replies.get(baud, Reply(port, baud, error=SILENT))

    found = list(port_checks(PORT, 115_200, model, ask, serial=serial))
    assert len(asked) == len(set(asked))
    return found


def failure(found: list[Check]) -> Check:
    (failed,) = [check for check in found if check.state is State.FAIL]
    return failed


def good(baud: int = 115_200, **changes: Any) -> Reply:
    facts: dict[str, Any] = {"hello": HELLO, "credit_bytes": 128, "counters": COUNTERS, "n_bytes": 99} | changes
    return Reply(PORT, baud, **facts)


def test_a_board_in_order() -> None:
    found = checks({115_200: good()})
    assert [check.state for check in found] == [State.OK] * 3
    assert "firmware 0.2.3, started by power" in found[0].found
    assert found[1].found == "that of the artifact"
    assert found[2].found.startswith("injected")


def test_another_rate() -> None:
    check = failure(checks({921_600: good(921_600)}))
    assert (check.found, check.cure, check.exit_code) == (
        "a board, but at 921600 baud, not 115200",
        "give --baud 921600",
        7,
    )


def test_nothing_comes() -> None:
    check = failure(checks({}))
    assert check.exit_code == 7
    assert "nothing comes" in check.found
    assert "powered" in check.cure
    assert "upload" in check.cure


def test_another_firmware_and_noise() -> None:
    says = Reply(PORT, 115_200, n_bytes=80, logs=("ets Jul 29 2019 12:21:46", "rst:0x1"), error=SILENT)
    check = failure(checks({115_200: says}))
    assert "another firmware, which says 'ets Jul 29 2019 12:21:46 / rst:0x1'" in check.found
    assert "upload" in check.cure
    for logs in ((), ("\ufffd\x00\x01\x02\ufffd",)):
        check = failure(checks({115_200: Reply(PORT, 115_200, n_bytes=7, logs=logs, error=SILENT)}))
        assert "7 bytes come that are no text" in check.found
        assert "--baud" in check.cure


def test_sockets_and_sim_have_one_rate() -> None:
    assert failure(checks({9_600: good(9_600)}, serial=False)).exit_code == 7


def test_another_model_and_another_protocol() -> None:
    check = failure(checks({115_200: good()}, model="00112233aabbccdd"))
    assert check.exit_code == 4
    assert "runs 0123456789abcdef, the artifact is 00112233aabbccdd" in check.found
    assert [check.name for check in checks({115_200: good()}, model=None)] == [f"{PORT} answer", f"{PORT} mode"]
    error = ModelMismatchError("the board speaks protocol 2, this program 1; flash the firmware again")
    check = failure(checks({115_200: Reply(PORT, 115_200, error=error)}))
    assert (check.found, check.cure, check.exit_code) == (
        "the board speaks protocol 2, this program 1",
        "flash the firmware again",
        4,
    )


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"counters": {"answered": 500, "damaged": 40}}, "40 damaged lines beside 500 answers"),
        ({"hello": Hello(HELLO.hash_high, HELLO.hash_low, 1, 1, 3, 7)}, "last started by brown-out"),
        ({"hello": Hello(HELLO.hash_high, HELLO.hash_low, 1, 1, 2, 7)}, "last started by watchdog"),
    ],
)
def test_warnings(changes: dict[str, Any], warning: str) -> None:
    (check,) = [check for check in checks({115_200: good(**changes)}) if check.state is State.WARN]
    assert check.found == warning
    assert check.cure


def test_a_few_damaged_lines_are_no_warning() -> None:
    found = checks({115_200: good(counters={"answered": 500, "damaged": 3})})
    assert all(check.state is State.OK for check in found)


def test_a_lost_port() -> None:
    error = PortError(f"{PORT}: the line was lost (gone); is the cable in and the board powered?")
    check = failure(checks({115_200: Reply(PORT, 115_200, error=error)}))
    assert (check.found, check.cure) == ("the line was lost (gone)", "is the cable in and the board powered?")
    assert check.exit_code == 3


HOLD = "import os, sys; d = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(flush=True); sys.stdin.read()"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")
def test_a_busy_port_names_who_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    with board_at_a_pty(FakeBoard()) as port:
        assert holders_of(port) == []
        command = [sys.executable, "-c", HOLD, port]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            assert [found.pid for found in holders_of(port)] == [holder.pid]
            assert main(["doctor", "--port", port]) == 3
            out = capsys.readouterr().out
            assert f"(pid {holder.pid})" in out
            assert "close it" in out
            holder.communicate()
        assert main(["doctor", "--port", port, "--json"]) == 4  # free now; the model of the fake board is no artifact
        assert f"{port} answer" in capsys.readouterr().out


def test_what_builds_the_virtual_board(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    states = {check.name: check.state for check in virtual_board_checks(wanted=True)}
    assert states == {"compiler": State.OK, "platformio": State.OK, "native firmware": State.WARN}
    program = tmp_path / board_sim.DEFAULT_PROGRAM
    program.parent.mkdir(parents=True)
    program.touch()
    source = tmp_path / "firmware" / "src" / "main.c"
    source.parent.mkdir(parents=True)
    source.touch()
    os.utime(program, (1, 1))
    assert "older than its sources" in [*virtual_board_checks(wanted=True)][2].found
    os.utime(source, (0, 0))
    assert all(check.state is State.OK for check in virtual_board_checks(wanted=True))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert next(virtual_board_checks(wanted=True)).state is State.WARN  # it is built already
    program.unlink()
    compiler = next(virtual_board_checks(wanted=True))
    assert (compiler.state, compiler.exit_code) == (State.FAIL, 6)
    assert next(virtual_board_checks(wanted=False)).state is State.WARN


def test_the_virtual_board(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["doctor", "--port", "sim", "--firmware", str(bench.program()), "--artifact", str(bench.artifact.path)]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("PASS  ")
    assert any(line.startswith("ok    sim answer: a wattprint board") for line in lines)
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "PASS"
    assert report["checks"][0].keys() == {"name", "state", "found", "cure"}
    assert main([*arguments[:3], "--firmware", str(bench.program("import sys; sys.exit()"))]) == 3
    assert "instead of the path of its line" in capsys.readouterr().out


def test_an_artifact_that_is_named_must_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--port", "/dev/no-such-board", "--artifact", "no/such"]) == 2
    out = capsys.readouterr().out
    assert "fail  artifact: no/such/manifest.json: not found" in out
    assert "/dev/no-such-board: no such port" in out


def test_a_household_is_an_artifact_too(tmp_path: Path) -> None:
    household = write_household(tmp_path / "home", seed=1, n_cars=3)
    check, model_hash = artifact_check(tmp_path / "home")
    assert (check.state, model_hash) == (State.OK, household.model_hash)
    assert check.found.endswith("3 cars")
    (tmp_path / "home" / "manifest.json").write_text('{"kind": "household"}')
    check, model_hash = artifact_check(tmp_path / "home")
    assert check.state is State.FAIL
    assert model_hash is None
    assert "train again" in check.found


def test_nobody_at_a_socket(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--port", "socket://127.0.0.1:1"]) == 3
    assert "nobody answers there (Connection refused)" in capsys.readouterr().out.splitlines()[-1]


def usb(port: str) -> PortInfo:
    return PortInfo(port, "USB Serial", "1a86:7523", "", "WCH CH34x")


def test_boards_are_found_by_asking(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(discovery, "ATTEMPTS", 1)
    with board_at_a_pty(FakeBoard()) as first, board_at_a_pty(FakeBoard()) as second, board_at_a_pty(None) as nobody:

        def plug(*ports: str) -> None:
            found = [*map(usb, ports), PortInfo("/dev/ttyS0", "n/a", "", "", "")]
            for module in (discovery, info):
                monkeypatch.setattr(module, "list_ports", lambda: found)

        plug(first)
        assert main(["info", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["port"] == first
        plug(first, second)
        assert main(["info"]) == 3
        assert f"2 boards answer ({first}, {second}); name one of them" in capsys.readouterr().err
        plug(first)
        assert main(["ports", "--ask", "--json"]) == 0
        listed = json.loads(capsys.readouterr().out)
        assert [(port["device"], port["state"], port["board"]) for port in listed] == [
            (first, "free", f"model {HASH}"),
            ("/dev/ttyS0", "free", None),
        ]
        assert main(["ports", "--ask"]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "2 ports, 1 likely board, 1 answering"
        assert main(["doctor"]) == 4
        assert f"ok    {first} answer" in capsys.readouterr().out
        plug(nobody)
        monkeypatch.setattr(discovery, "ask_port", lambda port, baud: Reply(port, baud, error=SILENT))
        assert main(["info"]) == 3
        assert f"no board answers ({nobody})" in capsys.readouterr().err
        plug()
        assert main(["info"]) == 3
        assert "there is no USB serial port" in capsys.readouterr().err
        assert main(["doctor"]) == 3
        assert "charge-only cable" in capsys.readouterr().out


def test_asking_a_port_nobody_is_at() -> None:
    with board_at_a_pty(None) as port:
        reply = discovery.ask_port(port, 115_200, attempts=1)
    assert (reply.hello, reply.n_bytes) == (None, 0)
    assert isinstance(reply.error, SilentBoardError)
    reply = discovery.ask_port("/dev/no-such-board", 115_200)
    assert isinstance(reply.error, HostError)
