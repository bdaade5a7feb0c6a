"""Recorded charges to a board, and its answers to screen and files."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from host.cli import main
from host.messages import Prediction
from host.samples import load_charges
from host.session import Measurement, Session
from tests.unit.host.conftest import ROOT, SLOW, Bench
from tests.unit.host.fake_board import HASH, FakeBoard, FakeLink, Trouble, Values, expected_answers
from tests.unit.host.record.runs import at_a_terminal, write_rows


def rows(n: int, seed: int = 0) -> list[Values]:
    return [(1_000 * k + 17 * seed, 5_000 + k % 3, 900 - k) for k in range(n)]


def dataset(folder: Path, charges: dict[str, list[Values]]) -> Path:
    folder.mkdir()
    for name, values in charges.items():
        write_rows(folder / f"{name}.csv", values)
    table = "".join(f"{name},phone,1,c,full\n" for name in charges)
    (folder / "sessions.csv").write_text("session,device,unit,charger,ended\n" + table, encoding="ascii")
    return folder


def answers_of(values: list[Values]) -> list[list[int]]:
    """Device, confidence, 10, 50, 90 %, flags and CRC of the board written from the documentation."""
    return [[int(field, 16) for field in body.split(",")[2:]] for body in expected_answers(values)]


def assert_equal(record: dict[str, str], sample: Values, answer: list[int]) -> None:
    assert tuple(int(record[name]) for name in ("t_ms", "voltage_mv", "current_ma")) == sample
    told = [int(record[name]) for name in ("confidence_permille", "remaining_10_s", "remaining_50_s", "remaining_90_s")]
    assert told == answer[1:5]
    assert int(record["state_crc"], 16) == answer[6]
    assert int(record["unknown"]) == answer[5] & 1
    assert record["device"] == ("unknown" if answer[5] & 1 and not answer[5] & 8 else f"device_{answer[0]}")


def stream(bench: Bench, source: Path, *extra: str, behaviour: str = "") -> list[str]:
    program = str(bench.program(behaviour))
    names = ["--artifact", str(bench.artifact.path)]
    return ["stream", str(source), "--port", "sim", "--firmware", program, *names, *extra]


def test_answers_as_json_and_csv(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    charges = {"monday": rows(60), "tuesday": rows(45, seed=3)}
    out = tmp_path / "answers.csv"
    source = dataset(tmp_path / "data", charges)
    assert main([*stream(bench, source), "--json", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    *records, last = [json.loads(line) for line in captured.out.splitlines()]
    assert captured.err == ""
    expected = [
        (name, k, v, a)
        for name, values in charges.items()
        for k, (v, a) in enumerate(zip(values, answers_of(values), strict=True))
    ]
    assert len(records) == 105
    with out.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert written == [{name: str(value) for name, value in record.items()} for record in records]
    for record, (name, sequence, sample, answer) in zip(written, expected, strict=True):
        assert (record["session"], int(record["sequence"])) == (name, sequence)
        assert_equal(record, sample, answer)
    summary = last["summary"]
    assert (summary["charges"], summary["samples"], summary["sent"], summary["resent"]) == (2, 105, 105, 0)
    assert summary["model_hash"] == bench.artifact.model_hash


RESTARTS_ONCE = """
take, heard = board.take, []
def restart(text):
    heard.append(text.startswith(b"$S"))
    return board.start() if text.startswith(b"$S") and sum(heard) == 30 else take(text)
board.take = restart
"""


def test_answers_come_once_though_the_board_starts_anew(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_rows(tmp_path / "a.csv", rows(60))
    assert main([*stream(bench, source, behaviour=RESTARTS_ONCE), "--json"]) == 0
    *records, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["sequence"] for record in records] == list(range(60))
    assert last["summary"]["resets"] == 1


def test_one_file_as_text(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(stream(bench, write_rows(tmp_path / "a.csv", rows(30)))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["elapsed", "V", "A", "device", "%", "left", "phase"]
    assert lines[1].startswith("0:00:00    5.000    0.900")
    assert lines[30].startswith("0:00:29")
    assert lines[31].startswith("30 samples of 1 charge answered in ")
    assert len(lines) == 32


def test_which_charges(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = dataset(tmp_path / "data", {"a": rows(10), "b": rows(20), "c": rows(30)})
    for extra, n in ((["--session", "b"], 20), (["--charges", "2"], 30), ([], 60)):
        assert main([*stream(bench, source), "--summary", *extra]) == 0
        assert capsys.readouterr().out.startswith(f"{n} samples of ")


def test_replay_is_another_name(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = stream(bench, write_rows(tmp_path / "a.csv", rows(10)), "--summary", "--speed", "max")
    assert main(["replay", *arguments[1:]]) == 0
    assert capsys.readouterr().out.startswith("10 samples of 1 charge answered in")


def test_a_dataset_in_parquet(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "train", "simulate", str(tmp_path / "fleet"), "--devices", "iphone_13,pixel_6_pro"]
    subprocess.run([*command, "--units", "1", "--charges", "2"], cwd=ROOT, check=True, capture_output=True)
    from train.sessions.dataset import read_dataset

    charges = {charge.session: charge for charge in read_dataset(tmp_path / "fleet").charges}
    loaded = {charge.session: charge.samples for charge in load_charges(tmp_path / "fleet", None, None)}
    assert loaded.keys() == charges.keys()
    name = sorted(loaded)[1]
    assert [sample.current_ma for sample in loaded[name]] == charges[name].current_ma.tolist()
    assert [sample.t_ms for sample in loaded[name]] == charges[name].t_ms.tolist()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a.csv:1: column t_ms is missing"),
        ("t_ms,voltage_mv,current_ma\n", "a.csv: has no samples"),
        ("t_ms,voltage_mv,current_ma\n0,5,5\n0,5,5\n", "a.csv:3: t_ms is 0 after 0; time must move forward"),
        ("t_ms,voltage_mv,current_ma\n0,5,5\n1,5\n", "a.csv:3: is no sample"),
        ("t_ms,voltage_mv,current_ma\n0,5.1,5\n", "a.csv:2: is no sample"),
        (f"t_ms,voltage_mv,current_ma\n0,5,{1 << 31}\n", "a.csv:2: a value is out of range"),
        ("\0\xff", "a.csv: cannot be read"),
    ],
)
def test_files_that_cannot_be_sent(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    assert main(stream(bench, tmp_path / "a.csv")) == 2
    err = capsys.readouterr().err
    assert why in err
    assert len(err.splitlines()) == 1


def test_other_sources_that_cannot_be_sent(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source, why in (
        (tmp_path / "none", "is neither a CSV file nor a dataset folder"),
        (tmp_path, "is neither a CSV file nor a dataset folder"),
    ):
        assert main(stream(bench, source)) == 2
        assert why in capsys.readouterr().err
    data = dataset(tmp_path / "data", {"a": rows(10)})
    assert main(stream(bench, data, "--session", "b")) == 2
    assert "--session b:" in capsys.readouterr().err
    assert main(stream(bench, data, "--out", str(tmp_path / "no" / "such.csv"))) == 2
    assert "such.csv: cannot be written: No such file or directory" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(stream(bench, data, "--speed", "0"))


def test_a_full_disk(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.unit.test_unwritable import full_disk

    arguments = stream(bench, write_rows(tmp_path / "a.csv", rows(100)), "--out", str(tmp_path / "out.csv"))
    with full_disk():
        assert main(arguments) == 2
    assert "out.csv: cannot be written: File too large" in capsys.readouterr().err


def test_a_reader_that_leaves_ends_a_stream(bench: Bench, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "host", *stream(bench, write_rows(tmp_path / "a.csv", rows(900)), behaviour=SLOW)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=40) == 0  # 45 s, were it to go on


def test_at_a_terminal(bench: Bench, tmp_path: Path) -> None:
    arguments = stream(bench, write_rows(tmp_path / "a.csv", rows(120)), "--speed", "100")
    code, shown = at_a_terminal(arguments, [])
    assert code == 0
    for word in ("elapsed", "of 120", "to go", "device_", "120 samples of 1 charge answered in"):
        assert word in shown, word


def paced(trouble: Trouble, speed: float, n: int = 200) -> tuple[list[float], Session, FakeLink]:
    """When each sample was first sent, on the link's clock."""
    values = rows(n)
    link = FakeLink(FakeBoard(), trouble, seed=4)
    session = Session(link, model_hash=HASH)
    session.open()
    link.sent.clear()
    sent_at: dict[int, float] = {}

    def note() -> None:
        for line in link.sent[-1].splitlines():
            if line.startswith(b"$S"):
                sent_at.setdefault(int(line[3:].split(b",")[0], 16), link.now())

    link.on_send = note
    began = link.now()
    answers: dict[int, Prediction] = {}

    def keep(index: int, answer: Prediction) -> None:
        assert answers.setdefault(index, answer) == answer

    session.replay([Measurement(*value) for value in values], keep, speed=speed)
    assert len(answers) == n
    return [sent_at[k] - began for k in range(n)], session, link


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_samples_go_when_they_are_due(speed: float) -> None:
    sent_at, session, _ = paced(Trouble(), speed)
    assert sent_at == pytest.approx([k / speed for k in range(200)], abs=0.01)
    assert (session.counters.silences, session.counters.resent) == (0, 0)


def test_a_restart_is_caught_up_with() -> None:
    """The charge is sent anew from its start, as fast as it goes, up to what is due by then."""
    sent_at, session, _ = paced(Trouble(restart=0.004), 1.0)
    assert session.counters.resets >= 1
    assert min(at - k for k, at in enumerate(sent_at)) > -0.001
    assert sent_at[-1] < 215


def test_a_line_that_loses_things_is_still_on_time() -> None:
    sent_at, session, _ = paced(Trouble(drop=0.05, flip=0.05), 1.0)
    assert session.counters.silences > 0
    assert min(at - k for k, at in enumerate(sent_at)) > -0.001
