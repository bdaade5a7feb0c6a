"""Whole runs of `python -m host record`, from a board with a sensor (in Python, behind a real pseudo-terminal), from
standard input, files and sockets; interrupted, killed, and with the cable pulled."""

from __future__ import annotations

import json
import os
import pty
import random
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from host.cli import main
from host.recording.csv_layout import Layout
from host.recording.csv_source import CsvSource
from host.recording.events import Begun, Measured
from tests.unit.host.conftest import ROOT
from tests.unit.host.fake_board import Values
from train.sessions.dataset import inspect_dataset, read_dataset
from train.sessions.types import Charge

PROGRAM = """#!/bin/sh
exec "{python}" "$0.py" "$@"
"""
LIVE = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.unit.host.live_board import Mishaps, main
main(sys.argv[1:], Mishaps({mishaps}), Path({sent!r}))
"""
Program = Callable[..., Path]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    def make(mishaps: str = "", name: str = "program") -> Path:
        path = tmp_path / name
        text = LIVE.format(root=str(ROOT), mishaps=mishaps, sent=str(tmp_path / "sent.txt"))
        path.with_name(f"{name}.py").write_text(text, encoding="utf-8")
        path.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make


def charge(seed: int, n_flat: int = 120, n_rest: int = 150) -> list[Values]:
    """Full about a minute after it stops drawing; the device rests some time more before it is unplugged."""
    source = random.Random(seed)
    t_ms, values = source.randrange(1 << 20), []
    for k in range(n_flat + n_rest):
        t_ms += source.randrange(900, 1_100)
        current_ma = 1_500 + source.randrange(-20, 20) if k < n_flat else source.randrange(5, 15)
        values.append((t_ms, 5_000 + source.randrange(-50, 50), current_ma))
    return values


def write_rows(path: Path, values: list[Values]) -> Path:
    rows = "".join(f"{t},{v},{i}\n" for t, v, i in values)
    path.write_text("t_ms,voltage_mv,current_ma\n" + rows, encoding="ascii")
    return path


def values_of(charge: Charge) -> list[Values]:
    return list(zip(charge.t_ms.tolist(), charge.voltage_mv.tolist(), charge.current_ma.tolist(), strict=True))


def from_zero(values: list[Values]) -> list[Values]:
    return [(t - values[0][0], v, i) for t, v, i in values]


def live(program: Path, data: Path, *files: Path, speed: float = 0) -> list[str]:
    return [
        *("record", "--device", "phone", "--out", str(data), "--port", "sim", "--firmware", str(program)),
        *("--play", *map(str, files), "--speed", str(speed)),
    ]


def test_two_charges_of_a_board(tmp_path: Path, program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    played = [charge(seed) for seed in (1, 2)]
    files = [write_rows(tmp_path / f"{k}.csv", values) for k, values in enumerate(played)]
    data = tmp_path / "data"
    labels = ["--unit", "alice", "--charger", "pd_30w", "--sensor", "ina226", "--ambient", "21.5", "--soh", "97"]
    assert main([*live(program(), data, *files), *labels, "--charges", "2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    dataset = read_dataset(data)
    assert [recorded["session"] for recorded in report["charges"]] == [each.session for each in dataset.charges]
    for values, recorded, kept in zip(played, report["charges"], dataset.charges, strict=True):
        assert values_of(kept) == from_zero(values)[: recorded["samples"]]
        assert kept.full_t_ms == recorded["full_t_ms"]
        assert kept.ended == recorded["ended"] == "full"
        assert (kept.device, kept.unit, kept.charger) == ("phone", "alice", "pd_30w")
        assert kept.details == {"sensor": "ina226", "ambient_decidegc": "215", "soh_pct": "97"}
        assert 100 < recorded["samples"] < len(values)
    assert not list(data.glob(".*"))


def test_unplugged_before_it_is_full(tmp_path: Path, program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    values = charge(3, n_rest=0)
    assert main(live(program(), tmp_path / "data", write_rows(tmp_path / "a.csv", values))) == 0
    out = capsys.readouterr().out.splitlines()
    assert "unplugged after 0:01:5" in out[0]
    assert "120 samples" in out[0]
    assert out[1].startswith(f"1 charge → {tmp_path / 'data'}")
    (kept,) = read_dataset(tmp_path / "data").charges
    assert (kept.ended, kept.full_t_ms, values_of(kept)) == ("unplugged", None, from_zero(values))


@pytest.mark.parametrize(("mishaps", "missing"), [("lose_plug=True", []), ("damage_at=40", [40]), ("fault_at=40", [])])
def test_a_line_that_is_damaged_is_a_sample_less(
    tmp_path: Path, program: Program, capsys: pytest.CaptureFixture[str], mishaps: str, missing: list[int]
) -> None:
    values = charge(4, n_rest=0)
    assert main(live(program(mishaps), tmp_path / "data", write_rows(tmp_path / "a.csv", values))) == 0
    (kept,) = read_dataset(tmp_path / "data").charges
    assert values_of(kept) == [value for k, value in enumerate(from_zero(values)) if k not in missing]
    assert ("the sensor is at fault: no answer" in capsys.readouterr().err) == ("fault" in mishaps)


def test_a_board_that_starts_anew(tmp_path: Path, program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    values = charge(5, n_rest=0)
    board = program("reset_at=60, reset_for_s=0.3")
    assert main(live(board, tmp_path / "data", write_rows(tmp_path / "a.csv", values), speed=200)) == 0
    assert "the board has started anew" in capsys.readouterr().err
    (kept,) = read_dataset(tmp_path / "data").charges
    before, after = values_of(kept)[:60], values_of(kept)[60:]
    assert before == from_zero(values)[:60]
    assert from_zero(after) == from_zero(values[60:])
    assert after[0][0] - before[-1][0] >= 300 * 200  # the 0.3 s, in the clock of a board 200 times too fast


def test_a_board_that_dies_leaves_a_charge_to_resume(
    tmp_path: Path, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    values = charge(6)
    file, data = write_rows(tmp_path / "a.csv", values), tmp_path / "data"
    assert main(live(program("die_at=50"), data, file, speed=100)) == 3
    err = capsys.readouterr().err
    assert "the line was lost" in err
    assert err.rstrip().endswith("is kept so far: go on with --resume")
    (kept,) = read_dataset(data).charges
    assert (len(kept.t_ms), kept.ended) == (50, "unknown")
    # A virtual board has no past: its charge 1 is another one, whose clock runs back.
    arguments = live(program(), data, file)
    assert main([*arguments, "--resume"]) == 0
    first, second = read_dataset(data).charges
    assert (len(first.t_ms), first.ended, second.ended) == (50, "unknown", "full")
    assert not list(data.glob(".*"))


def test_an_interrupted_charge_is_ended_when_nobody_goes_on(
    tmp_path: Path, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    file, data = write_rows(tmp_path / "a.csv", charge(7)), tmp_path / "data"
    assert main(live(program("die_at=50"), data, file, speed=100)) == 3
    assert main(live(program("die_at=5"), data, file, speed=100)) == 3
    assert main(live(program(), data, file)) == 0
    err = capsys.readouterr().err
    assert "was interrupted; ended as it is (kept, 50 samples)" in err
    assert "was interrupted; ended as it is (too short to keep)" in err
    assert sorted(each.ended for each in read_dataset(data).charges) == ["full", "unknown"]


def start(arguments: list[str], **streams: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "host", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **streams)


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def sent_so_far(tmp_path: Path) -> list[tuple[int, int, float]]:
    """Charge, sample and time of what the board has said."""
    path = tmp_path / "sent.txt"
    lines = path.read_text(encoding="ascii").splitlines(keepends=True) if path.exists() else []
    return [(int(c), int(k), float(t)) for c, k, t in (line.split() for line in lines if line.endswith("\n"))]


def test_killed_it_lacks_a_second_at_most(tmp_path: Path, program: Program) -> None:
    """What the board had said a second before is there. A machine may be slow, but not each of several times."""
    lags_s = [lag_of_a_killed_recorder(tmp_path, program, seed) for seed in range(3)]
    assert min(lags_s) <= 1.0


def lag_of_a_killed_recorder(tmp_path: Path, program: Program, seed: int) -> float:
    """Age of the oldest sample that is not on the disk."""
    values = charge(seed, n_flat=3_000)
    data = tmp_path / f"data_{seed}"
    (tmp_path / "sent.txt").unlink(missing_ok=True)
    process = start(live(program(), data, write_rows(tmp_path / "a.csv", values), speed=50))
    wait_until(lambda: len(sent_so_far(tmp_path)) > 60 and list(data.glob("*.csv")), "no sample")
    time.sleep(random.Random(seed).uniform(0.2, 0.6))
    killed_at = time.monotonic()
    process.kill()
    process.communicate(timeout=20)
    (kept,) = read_dataset(data).charges
    assert kept.ended == "unknown"
    assert values_of(kept) == from_zero(values)[: len(kept.t_ms)]
    lacking = [sent for _, k, sent in sent_so_far(tmp_path) if k >= len(kept.t_ms) and sent <= killed_at]
    return killed_at - min(lacking, default=killed_at)


def test_samples_are_synced_while_they_come(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only when a charge begins and ends: a power cut takes what was not."""
    synced: list[int] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        real(descriptor)
        synced.append(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    file = write_rows(tmp_path / "a.csv", charge(21, n_flat=100, n_rest=0))
    assert main(live(program(), tmp_path / "data", file, speed=30)) == 0
    begun_or_ended = 12
    assert len(synced) > begun_or_ended
    synced.clear()
    assert main(live(program(), tmp_path / "other", file)) == 0
    assert len(synced) <= begun_or_ended


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("n_samples", [0, 1, 9, 10, 60])
def test_ctrl_c_ends_the_charge_and_asks_nothing(
    tmp_path: Path, program: Program, number: signal.Signals, n_samples: int
) -> None:
    values = charge(8, n_flat=3_000)
    data = tmp_path / "data"
    process = start(live(program(), data, write_rows(tmp_path / "a.csv", values), speed=20))
    wait_until(lambda: len(sent_so_far(tmp_path)) >= n_samples and data.exists(), "no sample")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("interrupted")
    assert "Traceback" not in err + out
    charges, faults = inspect_dataset(data) if list(data.glob("*.csv")) else ((), [])
    assert faults == []
    assert [each.ended for each in charges] == ["unknown"] * len(charges)
    assert len(charges) == (n_samples >= 11) or 0 < n_samples < 11
    assert not list(data.glob(".*"))


# Other sources.


def feed(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def test_standard_input(tmp_path: Path) -> None:
    values = charge(9)
    data = tmp_path / "data"
    process = start(
        ["record", "--device", "phone", "--out", str(data), "--from", "-", "--json"], stdin=subprocess.PIPE
    )  # fmt: skip
    out, err = process.communicate("".join(f"{t},{v},{i}\n" for t, v, i in values), timeout=30)
    assert (process.returncode, err) == (0, "")
    (kept,) = read_dataset(data).charges
    assert values_of(kept) == values[: len(kept.t_ms)]
    assert (kept.ended, json.loads(out)["charges"][0]["ended"]) == ("full", "full")


def are_on_the_disk(path: Path, values: list[Values]) -> bool:
    return path.exists() and path.read_text(encoding="ascii").splitlines()[1:] == [f"{t},{v},{i}" for t, v, i in values]


def test_rows_are_on_the_disk_before_the_next_ones_come(tmp_path: Path) -> None:
    values = charge(10)
    data = tmp_path / "data"
    arguments = ["record", "--device", "phone", "--out", str(data), "--from", "-", "--session", "s"]
    process = start(arguments, stdin=subprocess.PIPE)
    feed(process, "t_ms,voltage_mv,current_ma\n")
    for first in (0, 10, 20):
        feed(process, "".join(f"{t},{v},{i}\n" for t, v, i in values[first : first + 10]))
        wait_until(partial(are_on_the_disk, data / "s.csv", values[: first + 10]), "rows")
    process.kill()
    process.communicate()
    (kept,) = read_dataset(data).charges
    assert kept.ended == "unknown"


METER = "Zeit;Strom;Spannung\n"
"""Columns in another order, other units, a semicolon and decimal commas, discharge positive."""


def meter_rows(values: list[Values]) -> str:
    rows = (f"{t / 1000:.3f};{-i / 1000:.3f};{v / 1000:.3f}".replace(".", ",") for t, v, i in values)
    return "\n".join(rows) + "\n"


def test_a_file_that_is_being_written(tmp_path: Path) -> None:
    values = charge(11)
    file, data = tmp_path / "meter.csv", tmp_path / "data"
    file.write_text(METER, encoding="utf-8")
    layout = ["--columns", "t=Zeit,voltage=Spannung,current=Strom:A", "--separator", ";", "--decimal-comma"]
    process = start(
        ["record", "--device", "phone", "--out", str(data), "--from", str(file), *layout, "--sign", "negative"]
    )  # fmt: skip
    with file.open("a", encoding="utf-8") as meter:
        text = meter_rows(values)
        for position in range(0, len(text), 1_500):  # rows are cut anywhere
            meter.write(text[position : position + 1_500])
            meter.flush()
            time.sleep(0.02)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    (kept,) = read_dataset(data).charges
    assert values_of(kept) == from_zero(values)[: len(kept.t_ms)]
    assert kept.ended == "full"
    assert "full after" in out


@pytest.mark.parametrize("n_bytes", [1, 7, 30])
def test_rows_that_come_in_pieces(tmp_path: Path, n_bytes: int) -> None:
    values = charge(20)[:40]
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    data = ("t_ms,voltage_mv,current_ma\r\n" + "".join(f"{t},{v},{i}\r\n" for t, v, i in values)).encode("ascii")
    writer = os.open(fifo, os.O_RDWR)
    try:
        with CsvSource(str(fifo), Layout(), idle_s=60) as source:
            events = []
            for position in range(0, len(data), n_bytes):
                os.write(writer, data[position : position + n_bytes])
                events += source.events(5.0)
    finally:
        os.close(writer)
    assert events[0] == Begun(1)
    assert events[1:] == [Measured(k, *value) for k, value in enumerate(values)]


def test_a_file_that_does_not_grow_has_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = charge(12, n_rest=0)
    file = write_rows(tmp_path / "a.csv", values)
    with file.open("a", encoding="ascii") as half:
        half.write(f"{values[-1][0] + 1000},50")  # no line end: it may be half of 5000
    arguments = ["record", "--device", "phone", "--out", str(tmp_path / "data"), "--from", str(file), "--idle", "0.3"]
    assert main(arguments) == 0
    (kept,) = read_dataset(tmp_path / "data").charges
    assert (values_of(kept), kept.ended) == (values, "unknown")
    assert capsys.readouterr().err == ""


def test_a_file_is_resumed_where_it_was_left(tmp_path: Path) -> None:
    values = charge(13)
    file, data = write_rows(tmp_path / "a.csv", values[:80]), tmp_path / "data"
    arguments = ["record", "--device", "phone", "--out", str(data), "--from", str(file), "--session", "s"]
    process = start(arguments)
    wait_until(partial(are_on_the_disk, data / "s.csv", values[:80]), "rows")
    process.kill()
    process.communicate()
    write_rows(file, values)
    assert main([*arguments, "--resume"]) == 0
    (kept,) = read_dataset(data).charges
    assert values_of(kept) == values[: len(kept.t_ms)]
    assert kept.ended == "full"


def test_rows_of_a_socket_and_a_second_charge_when_time_runs_back(tmp_path: Path) -> None:
    first, second = charge(14, n_rest=0), charge(15, n_rest=0)

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            text = "t_ms,voltage_mv,current_ma\n"
            text += "".join(f"{t},{v},{i}\n" for t, v, i in from_zero(first) + from_zero(second))
            connection.sendall(text.encode("ascii"))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        arguments = ["record", "--device", "phone", "--out", str(tmp_path / "data"), "--from", url]
        assert main([*arguments, "--session", "s", "--charges", "2"]) == 0
        thread.join(timeout=10)
    kept = {each.session: values_of(each) for each in read_dataset(tmp_path / "data").charges}
    assert kept == {"s": from_zero(first), "s_2": from_zero(second)}


def test_a_bad_row_is_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = charge(16)
    file = write_rows(tmp_path / "a.csv", values)
    lines = file.read_text(encoding="ascii").splitlines()
    lines[30:30] = ["1,2", "--,,", "nan,1,1"]
    file.write_text("\n".join(lines) + "\n", encoding="ascii")
    arguments = ["record", "--device", "phone", "--out", str(tmp_path / "data"), "--from", str(file)]
    assert main(arguments) == 0
    err = capsys.readouterr().err
    assert err.count("is no sample") == 3
    assert f"{file}:31: '1,2' is no sample" in err
    (kept,) = read_dataset(tmp_path / "data").charges
    assert values_of(kept) == values[: len(kept.t_ms)]


@pytest.mark.parametrize(
    ("text", "extra", "why"),
    [
        ("a,b,c\n1,2,3\n", [], "no column 't_ms' in the header 'a,b,c'"),
        ("t_ms,voltage_mv,current_ma\n1;2;3\n", [], "is no sample"),
        ("", [], "0 of 1 charges came"),
        ("t_ms,voltage_mv,current_ma\n1,5000,900\n2,5000,900\n", [], "2 samples are no charge"),
        ("x" * 5_000, [], "a line of over 4096 bytes"),
        ("", ["--columns", "t=a"], "--columns: voltage is missing"),
        ("", ["--columns", "t=a:days,voltage=b,current=c"], "unit 'days' is none of us, ms"),
        ("", ["--columns", "time=a"], "write t=NAME:UNIT"),
        ("", ["--separator", "::"], "--separator"),
        ("", ["--session", "a/b"], "cannot name a file"),
        ("", ["--unit", "a/b"], "--unit 'a/b': use letters"),
        ("", ["--play", "x.csv"], "has no part in --from"),
    ],
)
def test_input_that_cannot_be_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, extra: list[str], why: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text, encoding="ascii")
    arguments = ["record", "--device", "phone", "--out", str(tmp_path / "data"), "--from", str(file), "--idle", "0.2"]
    assert main([*arguments, *extra]) == 2
    err = capsys.readouterr().err
    assert why in err
    assert len(err.splitlines()) <= 2
    assert not list((tmp_path / "data").glob("*.csv"))


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        ([], 2, "name one source of samples"),
        (["--port", "sim", "--from", "-"], 2, "name one source of samples"),
        (["--from", "no/such.csv"], 2, "--from no/such.csv: No such file"),
        (["--from", "."], 2, "--from .: is a folder"),
        (["--from", "socket://nope"], 2, "give socket://HOST:PORT"),
        (["--port", "/dev/no-such-board"], 3, "no such port"),
        (["--port", "/dev/no-such-board", "--play", "x.csv"], 2, "only --port sim plays files"),
        (["--port", "sim", "--firmware", "/bin/true", "--play", "no/such.csv"], 2, "--play no/such.csv: not found"),
        (["--port", "sim", "--firmware", "/bin/true", "--play", "x.csv", "--speed", "1e6"], 2, "plays at 0.001 to"),
        (["--port", "sim", "--firmware", "/bin/true"], 3, "is it the native firmware?"),
    ],
)
def test_sources_that_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, why: str
) -> None:
    assert main(["record", "--device", "phone", "--out", str(tmp_path / "data"), *arguments]) == code
    err = capsys.readouterr().err
    assert why in err
    assert len(err.splitlines()) == 1


def test_without_a_device_there_is_nothing_to_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "--out", str(tmp_path / "data"), "--from", "."]) == 2
    assert "--device is missing" in capsys.readouterr().err


def test_no_charge_begins(tmp_path: Path, program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_rows(tmp_path / "a.csv", charge(17, n_rest=0))
    assert main([*live(program(), tmp_path / "data", file), "--charges", "2", "--wait", "0.5"]) == 7
    captured = capsys.readouterr()
    assert "no charge began within 0.5 s" in captured.err
    assert "120 samples" in captured.out
    assert len(read_dataset(tmp_path / "data").charges) == 1


def at_a_terminal(arguments: list[str], answers: list[tuple[str, str]]) -> tuple[int, str]:
    """Exit code and what a terminal of 120 columns showed; each answer is typed when its question is there."""
    child, master = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="40")
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "host", *arguments])  # noqa: S606 (no shell is meant)
    shown, waiting = "", list(answers)
    while select.select([master], [], [], 30)[0]:
        try:
            shown += os.read(master, 4096).decode("utf-8", "replace")
        except OSError:
            break
        if waiting and waiting[0][0] in shown:
            os.write(master, waiting.pop(0)[1].encode() + b"\n")
    os.close(master)
    assert waiting == [], shown
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def test_labels_are_asked_for_at_a_terminal(tmp_path: Path, program: Program) -> None:
    data = tmp_path / "data"
    arguments = live(program(), data, write_rows(tmp_path / "a.csv", charge(18)), speed=500)
    asked = [argument for argument in arguments if argument not in ("--device", "phone")]
    answers = [("device (its model", "tablet"), ("unit (which", "kitchen"), ("charger [unknown]", "")]
    code, shown = at_a_terminal(asked, answers)
    assert code == 0, shown
    (kept,) = read_dataset(data).charges
    assert (kept.device, kept.unit, kept.charger) == ("tablet", "kitchen", "unknown")
    for word in ("elapsed", "so far", "60 s mean", ") left, ", "Ctrl-C ends the recording"):
        assert word in shown
    # What was said last is offered for the next one.
    code, shown = at_a_terminal(
        asked, [("device (its model, for instance pixel_6_pro) [tablet]", ""), ("[kitchen]", ""), ("[unknown]", "")]
    )
    assert code == 0, shown
    assert [(each.device, each.unit) for each in read_dataset(data).charges] == [("tablet", "kitchen")] * 2


def test_an_interrupted_charge_is_offered_at_a_terminal(tmp_path: Path, program: Program) -> None:
    file, data = write_rows(tmp_path / "a.csv", charge(19)), tmp_path / "data"
    code, _ = at_a_terminal(live(program("die_at=50"), data, file, speed=100), [("unit (which", ""), ("charger", "")])
    assert code == 3
    code, shown = at_a_terminal(
        live(program(), data, file), [("go on with it", "n"), ("unit (which", ""), ("charger", "")]
    )
    assert code == 0
    assert "ended as it is (kept, 50 samples)" in shown
