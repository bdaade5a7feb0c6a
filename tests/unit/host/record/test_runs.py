"""`host record` from a board with a sensor, in Python, behind a real pseudo-terminal: interrupted, killed, asked."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from host.cli import main
from tests.unit.host.record.runs import (
    Program,
    at_a_terminal,
    charge,
    from_zero,
    live,
    sent_so_far,
    start,
    values_of,
    wait_until,
    write_rows,
)
from train.sessions.dataset import inspect_dataset, read_dataset


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


def test_killed_it_lacks_a_second_at_most(tmp_path: Path, program: Program) -> None:
    """What the board had said a second before is there. A machine may be slow, but not each of many times."""
    lags_s = []
    for seed in range(12):
        lags_s.append(lag_of_a_killed_recorder(tmp_path, program, seed))
        if lags_s[-1] <= 1.0:
            return
    pytest.fail(f"each time more than a second was lacking: {lags_s}")


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


@pytest.mark.slow
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
@pytest.mark.slow
def test_ctrl_c_ends_the_charge_and_asks_nothing(
    tmp_path: Path, program: Program, number: signal.Signals, n_samples: int
) -> None:
    values = charge(8, n_flat=3_000)
    data = tmp_path / "data"
    process = start(live(program(), data, write_rows(tmp_path / "a.csv", values), speed=100))
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


def test_no_charge_begins(tmp_path: Path, program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_rows(tmp_path / "a.csv", charge(17, n_rest=0))
    assert main([*live(program(), tmp_path / "data", file), "--charges", "2", "--wait", "0.5"]) == 7
    captured = capsys.readouterr()
    assert "no charge began within 0.5 s" in captured.err
    assert "120 samples" in captured.out
    assert len(read_dataset(tmp_path / "data").charges) == 1


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
