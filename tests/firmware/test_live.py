"""Live mode on the native board, whose sensor plays recordings: what it sends, and when."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.firmware.test_native import HELLO, Terminal, converse
from tests.firmware.wire import body, line

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

Row = tuple[int, int, int]
START = line("H")  # at full speed the play begins with the host's first byte


def write_recording(path: Path, rows: list[Row], header: str = "t_ms,voltage_mv,current_ma") -> Path:
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def charge(n: int, seed: int = 1, origin_ms: int = 0, jitter_ms: int = 0) -> list[Row]:
    """n samples, about one a second, above the current that means plugged in."""
    source = random.Random(seed)
    return [
        (origin_ms + 1000 * k + source.randint(-jitter_ms, jitter_ms), source.randint(4900, 9100), 100 + 7 * (n - k))
        for k in range(n)
    ]


@contextmanager
def playing(program: Path, *options: str | Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A board's input and output; it ends with the block."""
    command = [str(each) for each in (program, *options)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdin, process.stdout
        finally:
            process.kill()


def play(program: Path, *options: str | Path, last: str, said_first: bytes = START) -> list[str]:
    """What a board says, hellos and credit aside, up to the line that is named."""
    said = []
    with playing(program, *options) as (host, board):
        host.write(said_first)
        host.flush()
        for received in board:
            said.append(body(received))
            if said[-1] == last:
                break
    assert said[-1:] == [last], said[-3:]
    return [each for each in said if each[0] not in "HC"]


def samples_of(said: list[str]) -> list[tuple[int, ...]]:
    """Sequence, t_ms, mV, mA of every live sample."""
    return [tuple(int(field, 16) for field in each.split(",")[1:]) for each in said if each[0] == "L"]


def injected(program: Path, samples: list[tuple[int, ...]]) -> list[str]:
    """A board's answers to the same samples, sent by a host."""
    return converse(program, line("R", 0), *(line("S", *sample) for sample in samples))[2:]


def test_samples_are_the_recording_s_and_answers_those_of_injected_ones(native_board: Path, tmp_path: Path) -> None:
    rows = charge(200, origin_ms=4_000_000_000, jitter_ms=240)
    recording = write_recording(tmp_path / "a.csv", rows)
    said = play(native_board, "--sensor", recording, "--speed", "0", last="E,2,1")
    assert said[0] == "E,1,1"
    samples = samples_of(said)
    assert [(k, 1000 * k, *row[1:]) for k, row in enumerate(rows)] == samples[:200]
    assert [sample[2] < 100 for sample in samples[-3:]] == [False, True, True]  # then the third without voltage: unplug
    answers = [each for each in said if each[0] == "P"]
    assert answers == injected(native_board, samples)
    kinds = "".join(each[0] for each in said)
    assert kinds == "E" + "LP" * len(samples) + "E"


def test_charges_follow_one_another(native_board: Path, tmp_path: Path) -> None:
    lengths = [30, 3, 45]
    files = [write_recording(tmp_path / f"{n}.csv", charge(n, seed=n)) for n in lengths]
    said = play(native_board, "--sensor", *files, "--speed", "0", last="E,2,3")
    assert [each for each in said if each[0] == "E"] == ["E,1,1", "E,2,1", "E,1,2", "E,2,2", "E,1,3", "E,2,3"]
    starts = [k for k, each in enumerate(said) if each.startswith("E,1")]
    for n, first, after in zip(lengths, starts, [*starts[1:], None], strict=True):
        samples = samples_of(said[first:after])
        assert [sample[:2] for sample in samples] == [(k, 1000 * k) for k in range(n + 2)]
        assert [sample[2:] for sample in samples[:n]] == [row[1:] for row in charge(n, seed=n)]


@pytest.mark.parametrize("speed", ["0", "2000", "300.5"])
def test_every_run_and_every_speed_says_the_same(native_board: Path, tmp_path: Path, speed: str) -> None:
    recording = write_recording(tmp_path / "a.csv", charge(300))
    options = ("--sensor", recording, recording, "--fault", "no-answer@40+3")
    reference = play(native_board, *options, "--speed", "0", last="E,2,2")
    assert play(native_board, *options, "--speed", speed, last="E,2,2") == reference


@pytest.mark.parametrize(("kind", "code"), [("no-answer", 1), ("saturated", 2), ("range", 4)])
def test_short_faults(native_board: Path, tmp_path: Path, kind: str, code: int) -> None:
    recording = write_recording(tmp_path / "a.csv", charge(100))
    faults = ["--fault", f"{kind}@20+10", "--fault", f"{kind}@50+1"]
    said = play(native_board, "--sensor", recording, "--speed", "0", *faults, last="E,2,1")
    assert [each for each in said if each[0] == "E"] == ["E,1,1", *[f"E,3,{code}", "E,4,0"] * 2, "E,2,1"]
    t_s = [sample[1] // 1000 for sample in samples_of(said)]
    assert t_s == [t for t in range(102) if not (20 <= t < 30 or t == 50)]
    assert [sample[0] for sample in samples_of(said)] == list(range(len(t_s)))
    assert [each for each in said if each[0] == "P"] == injected(native_board, samples_of(said))


def test_a_fault_of_more_than_a_minute_begins_another_charge(native_board: Path, tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "a.csv", charge(200))
    said = play(native_board, "--sensor", recording, "--speed", "0", "--fault", "no-answer@50+70", last="E,2,2")
    assert [each for each in said if each[0] == "E"] == ["E,1,1", "E,3,1", "E,2,1", "E,4,0", "E,1,2", "E,2,2"]
    sequences = [sample[0] for sample in samples_of(said)]
    assert sequences == [*range(50), *range(200 - 120 + 2)]


def test_a_frozen_sensor_is_found_out(native_board: Path, tmp_path: Path) -> None:
    """A minute of equal readings is answered, for nobody can know; then no more, until the readings move."""
    recording = write_recording(tmp_path / "a.csv", charge(300))
    said = play(native_board, "--sensor", recording, "--speed", "0", "--fault", "frozen@100+100", last="E,2,1")
    assert [each for each in said if each[0] == "E"] == ["E,1,1", "E,3,3", "E,4,0", "E,2,1"]
    samples = samples_of(said)
    t_s = [sample[1] // 1000 for sample in samples]
    assert t_s == [*range(159), *range(200, 302)]
    assert len({sample[2:] for sample in samples[99:159]}) == 1


def test_unplugged_during_a_fault(native_board: Path, tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "a.csv", charge(50))
    said = play(
        native_board, "--sensor", recording, recording, "--speed", "0", "--fault", "no-answer@40+12", last="E,2,2"
    )
    assert [each for each in said if each[0] == "E"][:4] == ["E,1,1", "E,3,1", "E,4,0", "E,2,1"]
    assert [sample[1] // 1000 for sample in samples_of(said)][:42] == [*range(40), 52, 53]


def test_a_hole_in_a_recording_is_a_sensor_that_does_not_answer(native_board: Path, tmp_path: Path) -> None:
    """Up to half a minute from its edges the nearest sample stands for what was not recorded."""
    rows = charge(40) + [(t_ms + 120_000, mv, ma) for t_ms, mv, ma in charge(40)]
    said = play(native_board, "--sensor", write_recording(tmp_path / "a.csv", rows), "--speed", "0", last="E,2,1")
    assert [each for each in said if each[0] == "E"] == ["E,1,1", "E,3,1", "E,4,0", "E,2,1"]
    assert [sample[1] // 1000 for sample in samples_of(said)] == [*range(70), *range(90, 162)]


def test_columns_may_stand_in_any_order(native_board: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{5.0 + k},{900 + k},{k * 1000},{5000 + k}" for k in range(20)]
    text = "\r\n\r\n".join(["soc_pct,current_ma,t_ms,voltage_mv", *rows])
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    said = play(native_board, "--sensor", path, "--speed", "0", last="E,2,1")
    assert samples_of(said)[:20] == [(k, 1000 * k, 5000 + k, 900 + k) for k in range(20)]


WRONG = {
    "": ":0: no line of column names",
    "t_ms,voltage_mv\n0,5000\n": ":1: no column current_ma",
    "t_ms,voltage_mv,current_ma\n": ":1: no samples",
    "t_ms,voltage_mv,current_ma\n0,5000,1\n\n1000,5000,1.5\n": ":4: not a whole number each",
    "t_ms,voltage_mv,current_ma\n0,5000\n": ":2: not a whole number each",
    "t_ms,voltage_mv,current_ma\n0,5000,\n": ":2: not a whole number each",
    "t_ms,voltage_mv,current_ma\n-1,5000,1\n": ":2: not a whole number each",
    "t_ms,voltage_mv,current_ma\n4294967296,5000,1\n": ":2: not a whole number each",
    "t_ms,voltage_mv,current_ma\n0,1048576,1\n": ":2: not a whole number each",
    "t_ms,voltage_mv,current_ma\n0,99999999999999999999,1\n": ":2: not a whole number each",
    "t_ms,voltage_mv,current_ma\n1,5000,1\n2,5000,1\n2,5000,1\n": ":4: t_ms does not move forward",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_bad_recording_is_said_in_one_line(checked_board: Path, tmp_path: Path, text: str) -> None:
    good, bad = write_recording(tmp_path / "good.csv", charge(3)), tmp_path / "bad.csv"
    bad.write_text(text, encoding="ascii")
    done = subprocess.run(
        [checked_board, "--sensor", good, bad], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
    (said,) = done.stderr.decode().splitlines()
    assert said.startswith(f"{bad}{WRONG[text]}")


def test_a_missing_recording_is_said_in_one_line(native_board: Path, tmp_path: Path) -> None:
    done = subprocess.run([native_board, "--sensor", tmp_path / "x.csv"], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.decode() == f"{tmp_path}/x.csv: No such file or directory\n"


def test_a_host_comes_in_mid_charge_and_takes_over(native_board: Path, tmp_path: Path) -> None:
    """Over a pseudo-terminal, at sixty times real time: it learns of the charge, and ends it by asking for its own."""
    recording = write_recording(tmp_path / "a.csv", charge(3000))
    command = [str(native_board), "--pty", "--sensor", str(recording), "--speed", "60"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            terminal = Terminal(process.stdout.readline().decode().strip())
            assert terminal.receive() == HELLO
            assert terminal.receive() == "E,1,1"
            assert terminal.receive().startswith("L,0,0,")
            terminal.send(line("H"))
            said = [terminal.receive()]
            while said[-1] != "E,1,1":
                said.append(terminal.receive())
            assert said[-3:] == [HELLO, "C,80", "E,1,1"]
            assert {each[0] for each in said[:-3]} <= {"L", "P"}
            terminal.send(line("S", 0, 0, 5000, 900), line("T"), line("M", 1), line("R", 0), line("S", 0, 0, 5000, 900))
            while said[-1][:2] != "P," or said[-2] != "R,0":
                said.append(terminal.receive())
            events = [each for each in said if each[0] in "NTMRE"][1:]
            sequence = events[0].split(",")[1]
            assert sequence == "0"
            assert events[0].startswith("N,0,4,")
            assert events[11] == "T,A,0"
            assert events[12:] == ["E,2,1", "M,1", "R,0"]
            terminal.send(line("M", 0))
            while said[-1] != "E,1,2":
                said.append(terminal.receive())
            terminal.close()
        finally:
            process.kill()


def test_sleeps_between_measurements(native_board: Path, tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "a.csv", charge(100))
    code = (
        "import resource, subprocess, sys, time\n"
        "board = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)\n"
        "time.sleep(2); board.kill(); board.wait()\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime)"
    )
    for speed in ("1", "10", "0"):  # at full speed it has not heard a host yet
        board = [str(native_board), "--sensor", str(recording), "--speed", speed]
        done = subprocess.run([sys.executable, "-c", code, *board], capture_output=True, text=True, check=True)
        assert float(done.stdout) < 0.3


def test_sleeps_when_the_play_is_over(native_board: Path, tmp_path: Path) -> None:
    """At full speed too: the idle board measures once a second of real time."""
    recording = write_recording(tmp_path / "a.csv", charge(10))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with playing(native_board, "--sensor", recording, "--speed", "0") as (host, board):
        host.write(START)
        host.flush()
        while body(board.readline()) != "E,2,1":
            pass
        host.write(line("T"))
        host.flush()
        assert body(board.readline()) == f"T,0,{12:X}"
        time.sleep(1.5)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.3


def test_a_line_that_is_not_read_stops_time_and_loses_nothing(native_board: Path, tmp_path: Path) -> None:
    """More than a pseudo-terminal holds, at a thousand times real time, to a host that sleeps."""
    recording = write_recording(tmp_path / "a.csv", charge(400))
    command = [str(native_board), "--pty", "--sensor", str(recording), "--speed", "1000"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            path = process.stdout.readline().decode().strip()
            time.sleep(0.8)  # 800 s of its time, were somebody reading
            terminal = Terminal(path)
            said = [terminal.receive()]
            while said[-1] != "E,2,1":
                said.append(terminal.receive())
            terminal.close()
        finally:
            process.kill()
    assert [sample[1] // 1000 for sample in samples_of(said)] == list(range(402))


@pytest.mark.parametrize("seed", range(2))
def test_any_bytes_leave_a_live_board_that_measures(checked_board: Path, tmp_path: Path, seed: int) -> None:
    """Under sanitisers: noise and wild requests in mid-charge; then, in live mode again, the rest of the charge."""
    source = random.Random(seed)
    wild = [0, 1, -1, 255, 2**31, -(2**31) - 1, 2**32 - 1]
    noise = bytearray(START)
    for _ in range(1500):
        noise += source.randbytes(source.randrange(40)) + b"\n" * source.randrange(2)
        noise += line(source.choice("HRMSTPLEA"), *source.choices(wild, k=source.randrange(6)))
    recording = write_recording(tmp_path / "a.csv", charge(2000, seed=seed))
    end = bytes(noise) + b"\n" + line("M", 1) + line("R", 77) + line("M", 0) + line("R", 78)
    with playing(checked_board, "--sensor", recording, "--speed", "2000", "--fault", "saturated@30") as (host, board):
        host.write(end)
        host.flush()
        while body(board.readline()) != "R,4E":
            pass
        first = body(board.readline())
        assert first.startswith("E,1,")
        said = [body(board.readline()) for _ in range(40)]
    assert "".join(each[0] for each in said if each[0] != "E").startswith("LPLPLPLP")
    samples = samples_of(said)
    assert [sample[0] for sample in samples] == list(range(len(samples)))


def test_real_time_is_real_time(native_board: Path, tmp_path: Path) -> None:
    """At ten times real time the charge begins after half a second; sooner would be another clock."""
    recording = write_recording(tmp_path / "a.csv", charge(100))
    with playing(native_board, "--sensor", recording, "--speed", "10") as (_, board):
        started = time.monotonic()
        assert body(board.readline()) == HELLO
        assert body(board.readline()) == "E,1,1"
        assert time.monotonic() - started >= 0.7  # 5 s and two more measurements
