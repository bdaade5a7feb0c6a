"""The command as it is run: a board behind a socket, recorded runs and charges, and what is no use."""

from __future__ import annotations

import http.client
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from host.cli import main
from host.monitor.run_file import RunWriter
from tests.unit.host.monitor import live_board as board
from tests.unit.host.monitor.feeding import Story
from tests.unit.host.monitor.live_board import SocketBoard, socket_board
from train.artifact import Artifact

ROOT = Path(__file__).resolve().parents[4]


@contextmanager
def command(arguments: Sequence[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    """`python -m host monitor …`; ended, if it has not by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "host", "monitor", *arguments],
        cwd=ROOT,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def until(process: subprocess.Popen[str], good: Callable[[str], bool]) -> list[str]:
    """Its lines up to the first good one."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if good(lines[-1]):
            return lines
    raise AssertionError(lines)


@pytest.fixture
def there() -> Iterator[SocketBoard]:
    with socket_board() as found:
        yield found


def test_one_line_a_change_and_interrupted_it_lets_go(there: SocketBoard) -> None:
    with command(["--port", there.port]) as process:
        until(process, lambda line: line.endswith("unplugged"))
        there.say(b"I (5) hello", board.plug())
        there.charge(0, 5)
        lines = until(process, lambda line: "charging" in line and "min" in line)
        assert any(line.endswith("board: I (5) hello") for line in lines)
        assert "device 2  93 %  47 min (41 – 56 min)" in lines[-1]
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (130, "interrupted; the port is released\n")
    with command(["--port", there.port]) as process:
        until(process, lambda line: line.endswith("unplugged"))  # the next one gets through


def test_json_names_devices_from_the_artifact(there: SocketBoard, artifact: Artifact) -> None:
    with command(["--port", there.port, "--json", "--artifact", str(artifact.path)]) as process:
        until(process, lambda line: json.loads(line)["status"] == "unplugged")
        there.say(board.hello(artifact.model_hash), board.plug())
        there.charge(0, 2)
        lines = until(process, lambda line: json.loads(line)["answer"] is not None)
        last = json.loads(lines[-1])
        assert last["board"]["model"] == "bench"
        assert last["answer"]["device_name"] == "device_2"


def test_a_run_is_kept_and_shown_again(there: SocketBoard, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.jsonl"
    with command(["--port", there.port, "--json", "--save", str(path)]) as process:
        until(process, lambda line: json.loads(line)["status"] == "unplugged")
        there.say(board.plug())
        there.charge(0, 30)
        lines = until(process, lambda line: (json.loads(line)["answer"] or {}).get("sequence") == 29)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert main(["monitor", str(path), "--json"]) == 0
    again = capsys.readouterr().out.splitlines()
    live, recorded = (
        [
            (line["status"], line["charge"], line["reading"], line["answer"])
            for line in map(json.loads, texts)
            if line["answer"]
            and line["answer"]["sequence"] == line["reading"]["sequence"]  # a batch may end between them
        ]
        for texts in (lines, again)
    )
    assert len(live) == 30
    assert live == recorded[:30]


def test_the_page_is_there_while_it_runs(there: SocketBoard) -> None:
    with command(["--port", there.port, "--web", "--http-port", "0"]) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split("the page: ")[1]
        until(process, lambda line: line.endswith("unplugged"))
        there.say(board.plug())
        until(process, lambda line: line.endswith("plugged in"))
        connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
        connection.request("GET", "/api/now")
        body = connection.getresponse().read()
        connection.close()
        assert json.loads(body)["board"]["firmware"] == "1.2.3"


def test_a_reader_that_leaves_ends_it(there: SocketBoard) -> None:
    with command(["--port", there.port, "--json"]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        for k in range(200):
            with suppress(OSError):
                there.say(board.plug(k + 1))
            if process.poll() is not None:
                break
            time.sleep(0.05)
        assert process.wait(10) == 0
        process.stdout = None


class TestTerminal:
    @contextmanager
    def screen(self, arguments: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
        master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
        with command(arguments, stdin=slave, stdout=slave, stderr=slave, env=environment) as process:
            os.close(slave)
            yield process, master
        os.close(master)

    def read(self, master: int, good: Callable[[str], bool]) -> str:
        text = b""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                text += os.read(master, 4096)
            except OSError:
                break
            if good(text.decode("utf-8", "replace")):
                return text.decode("utf-8", "replace")
        raise AssertionError(text)

    def test_q_ends_the_live_screen_and_gives_the_terminal_back(self, there: SocketBoard) -> None:
        with self.screen(["--port", there.port]) as (process, master):
            self.read(master, lambda text: "unplugged" in text)
            there.say(board.plug())
            there.charge(0, 5)
            shown = self.read(master, lambda text: "47 min" in text)
            assert "device 2" in shown
            os.write(master, b"q")
            rest = self.read(master, lambda text: "\x1b[?1049l" in text)
            assert "\x1b[?25h" in rest  # the cursor is back
            assert process.wait(20) == 0

    def test_a_recorded_run_is_scrubbed_with_keys(self, tmp_path: Path) -> None:
        path = tmp_path / "run.jsonl"
        with RunWriter(path, "/dev/ttyUSB0") as writer:
            writer.add(Story().greeted(board.plug()).charges(0, 1_000).entries)
        with self.screen([str(path)]) as (process, master):
            self.read(master, lambda text: "sample 999" in text)
            os.write(master, b"\x1b[D")
            self.read(master, lambda text: "sample 989" in text)
            os.write(master, b",")
            self.read(master, lambda text: "sample 988" in text)
            os.write(master, b"q")
            assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "name either a board (--port) or something recorded"),
        (["run.jsonl", "--port", "sim"], 2, "name either"),
        (["no-such-file"], 2, "no-such-file: not found"),
        (
            [__file__, "--artifact", str(ROOT / "artifacts" / "default")],
            2,
            "test_monitor_command.py:1: column t_ms is missing",
        ),
        (["--port", "/dev/no-such-port"], 3, "no such port"),
        (["--port", "socket://127.0.0.1:1"], 3, "nobody answers there"),
        (["--port", "sim", "--tee", "grafana"], 2, "only teleplot"),
        (["--port", "sim", "--session", "x"], 2, "--session"),
        (["--port", "sim", "--artifact", "no-such-folder"], 2, "no-such-folder"),
        ([".", "--save", "x"], 2, "--save: is for a board"),
        ([".", "--tee", "teleplot"], 2, "--tee: is for a board"),
        ([".", "--web"], 2, "no run, sample file or dataset"),
        (["--port", "socket://127.0.0.1:1", "--web", "--bind", "203.0.113.7"], 2, "no address of this machine"),
    ],
)
def test_what_is_no_use_is_one_line(
    arguments: list[str],
    code: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["monitor", *arguments]) == code
    err = capsys.readouterr().err
    assert words in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_a_terminal_of_another_encoding_shows_what_it_can(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter(path, "/dev/ttyUSB0") as writer:
        writer.add(Story().greeted(board.plug()).charges(0, 3).entries)
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command_line = [sys.executable, "-m", "host", "monitor", str(path)]
    done = subprocess.run(command_line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "47 min (41 ? 56 min)" in done.stdout


def test_save_does_not_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "kept"
    path.write_text("mine")
    assert main(["monitor", "--port", "socket://127.0.0.1:1", "--save", str(path)]) == 2
    assert "exists" in capsys.readouterr().err
    assert path.read_text() == "mine"


@pytest.mark.slow
def test_a_recorded_charge_gets_the_answers_of_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last answer of the monitor is that of the reference; samples are shown from 0 on."""
    data = tmp_path / "data"
    data.mkdir()
    rows = "".join(f"{7_000 + 1_000 * k},{5_000 + k % 7},{1_500 - k}\n" for k in range(300))
    for name in ("monday", "tuesday"):
        (data / f"{name}.csv").write_text("t_ms,voltage_mv,current_ma\n" + rows)
    table = "session,device,unit,charger,ended\n"
    (data / "sessions.csv").write_text(table + "monday,a,1,x,unknown\ntuesday,b,1,x,unknown\n")
    printed = []
    for arguments in ([str(data), "--session", "monday"], [str(data / "tuesday.csv")]):
        assert main(["monitor", *arguments, "--json"]) == 0
        printed.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    assert [[line["answer"] for line in lines] for lines in printed[:1]] == [[line["answer"] for line in printed[1]]]
    last = printed[0][-1]
    assert last["reading"] == {
        "sequence": 299,
        "t_ms": 299_000,
        "voltage_mv": 5_005,
        "current_ma": 1_201,
        "power_mw": 6_011,
    }
    assert last["answer"]["sequence"] == 299
    assert last["full_at_s"] is None
    reference = tmp_path / "reference.npz"
    artifact = ROOT / "artifacts" / "default"
    command_line = ["codegen", "reference", "--artifact", str(artifact), "--data", str(data), "--split", "all", "--out"]
    subprocess.run([sys.executable, "-m", *command_line, str(reference)], cwd=ROOT, check=True, capture_output=True)
    with np.load(reference) as answers:
        assert last["answer"]["remaining_s"] == answers["remaining_s"][299].tolist()
        assert last["answer"]["device"] == int(answers["device"][299])
    for arguments, words in (
        ([str(data)], "choose one with --session: monday, tuesday"),
        ([str(data), "--session", "friday"], "--session friday: no such charge"),
    ):
        assert main(["monitor", *arguments]) == 2
        assert words in capsys.readouterr().err
