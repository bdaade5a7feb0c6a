"""`host record` from standard input, a file that is being written, and a socket."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from host.cli import main
from host.recording.csv_layout import Layout
from host.recording.csv_source import CsvSource
from host.recording.events import Begun, Measured
from tests.unit.host.fake_board import Values
from tests.unit.host.record.runs import (
    charge,
    from_zero,
    start,
    values_of,
    wait_until,
    write_rows,
)
from train.sessions.dataset import read_dataset


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
    assert f"{file}:32: '--,,' is no sample ('--' is no number); left out" in err
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
        ("", ["--artifact", "no/such"], "no/such/manifest.json: not found"),
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


@pytest.mark.parametrize("source", ["no/such.csv", "."])
def test_a_source_that_is_none_makes_no_folder(tmp_path: Path, source: str) -> None:
    assert main(["record", "--device", "phone", "--out", str(tmp_path / "data"), "--from", source]) == 2
    assert not (tmp_path / "data").exists()


def test_without_a_device_there_is_nothing_to_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "--out", str(tmp_path / "data"), "--from", "-"]) == 2
    assert "--device is missing" in capsys.readouterr().err
