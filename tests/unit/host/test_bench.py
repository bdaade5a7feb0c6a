"""What an answer costs, by a board's own counters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host.bench import thinned
from host.bench_run import MADE_UP_S, made_up
from host.cli import main
from host.session import Measurement
from tests.unit.host.conftest import Bench

RISING = """
def counters(text, take=board.take):
    if b"$T" not in text:
        return take(text)
    values = [board.processed, 0, 0, 2 * board.processed, 999, board.expected, 100 * board.processed, 9_999, {tps}, 640]
    return b"".join(fake.line(f"T,{{k:X}},{{value:X}}") for k, value in enumerate([*values, 1]))
board.take = counters
"""
OLD = """
def counters(text, take=board.take):
    if b"$T" not in text:
        return take(text)
    values = [board.processed, 0, 0, 12, 34, board.expected, *[0xFFFFFFFF] * 4, 1]
    return b"".join(fake.line(f"T,{k:X},{value:X}") for k, value in enumerate(values))
board.take = counters
"""


REPEATS = """
before = [b""]
def repeats(text, take=board.take):
    reply = take(text)
    if b"$T" not in text:
        return reply
    before[0], reply = reply, before[0] + reply
    return reply
board.take = repeats
"""


def timed(bench: Bench, capsys: pytest.CaptureFixture[str], behaviour: str, *extra: str) -> str:
    arguments = ["bench", "--port", "sim", "--firmware", str(bench.program(behaviour)), *extra]
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_percentiles_are_the_counters_own(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """The n-th answer takes 100·n instructions and 2·n µs."""
    found = json.loads(timed(bench, capsys, RISING.format(tps=0), "--samples", "200", "--json"))
    assert found["samples"] == 200
    assert found["instructions"] == {"p50": 10_100.0, "p99": 19_900.0, "largest": 20_000.0, "mean": 10_050.0}
    assert found["us"]["largest"] == 400.0
    assert found["share_of_period"] == pytest.approx(400e-6)
    assert found["stack_bytes"] == 640


def test_a_report_that_comes_twice_counts_for_its_own_sample(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """As after a line that was lost and asked for again."""
    found = json.loads(timed(bench, capsys, RISING.format(tps=0) + REPEATS, "--samples", "50", "--json"))
    assert found["instructions"] == {"p50": 2_600.0, "p99": 5_000.0, "largest": 5_000.0, "mean": 2_550.0}


def test_ticks_that_are_times_are_the_finer_clock(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(timed(bench, capsys, RISING.format(tps=1_000_000), "--samples", "10", "--json"))
    assert "instructions" not in found
    assert found["us"]["largest"] == pytest.approx(1000)
    assert found["share_of_period"] == pytest.approx(1000 / 1e6)


def test_a_board_that_knows_neither_ticks_nor_stack(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(timed(bench, capsys, OLD, "--samples", "5", "--json"))
    assert found["us"]["largest"] == 12
    assert "instructions" not in found
    assert found["stack_bytes"] is None


def test_the_table(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    lines = timed(bench, capsys, RISING.format(tps=0), "--samples", "4").splitlines()
    assert lines[1].split() == ["an", "answer", "mean", "50", "%", "99", "%", "most"]
    assert lines[2].split() == ["instructions", "250", "300", "400", "400"]
    assert "deepest stack: 640 bytes" in lines
    assert lines[-1] == "sim: 4 answers timed, over a made-up charge of 3 h, one at a time"


def test_a_charge_of_ones_own(bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "slow.csv"
    rows = [f"{60_000 * k},5000,{100 - k}" for k in range(9)]
    path.write_text("\n".join(["t_ms,voltage_mv,current_ma", *rows]) + "\n", encoding="utf-8")
    found = json.loads(timed(bench, capsys, "", "--data", str(path), "--json"))
    assert (found["samples"], found["period_s"]) == (9, 60.0)


def test_a_charge_is_thinned_from_end_to_end() -> None:
    samples = [Measurement(k, 0, 0) for k in range(1000)]
    few = thinned(samples, 7)
    assert len(few) == 7
    assert (few[0], few[-1]) == (samples[0], samples[-1])
    assert thinned(samples, 5000) == samples


def test_the_made_up_charge_ends() -> None:
    samples = made_up()
    assert len(samples) == MADE_UP_S
    assert samples == made_up()
    assert max(sample.current_ma for sample in samples[:100]) > 2_900
    assert max(sample.current_ma for sample in samples[-100:]) < 100
