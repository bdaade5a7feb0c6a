"""A soak: how long, what is a leak, and a board that has one."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable
from typing import cast

import pytest

from host import soak as soaking
from host.cli import main
from host.errors import HostError
from host.messages import Prediction
from host.session import Measurement, Session
from host.soak import Length, fitted, parse_length, resident_bytes, threads_besides
from tests.unit.host.conftest import Bench
from tests.unit.host.test_inject import charge_of

LEAKS = (
    "kept, take = [], board.take\ndef leak(text):\n    kept.append(bytes(20_000)); return take(text)\nboard.take = leak"
)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("8h", Length(seconds=28_800)),
        ("30min", Length(seconds=1800)),
        ("1.5m", Length(seconds=90)),
        ("90s", Length(seconds=90)),
        ("1000000samples", Length(samples=1_000_000)),
        ("1000000", Length(samples=1_000_000)),
        ("1 sample", Length(samples=1)),
    ],
)
def test_how_long(text: str, length: Length) -> None:
    assert parse_length(text) == length


@pytest.mark.parametrize("text", ["", "h", "8 weeks", "-1h", "0", "0h", "1.5samples", "1e6"])
def test_lengths_that_are_none(text: str) -> None:
    with pytest.raises(HostError, match="--soak"):
        parse_length(text)


def test_a_steady_rise_is_a_leak() -> None:
    samples = list(range(0, 1_000_000, 5_000))
    memory = fitted(samples, [50_000_000 + 3 * n for n in samples])
    assert memory.slope_bytes_per_1000_samples == pytest.approx(3000)
    assert memory.grown_bytes == pytest.approx(3 * 0.8 * 1_000_000, rel=0.02)
    assert memory.leaks


def test_a_warm_up_is_none() -> None:
    """40 MB in the first tenth, then flat but for the noise of an allocator."""
    samples = list(range(0, 1_000_000, 5_000))
    rss = [50_000_000 + min(n, 100_000) * 400 + (n // 5_000 % 7) * 40_000 for n in samples]
    memory = fitted(samples, rss)
    assert not memory.leaks
    assert abs(memory.grown_bytes) < 100_000


def test_own_memory_can_be_told() -> None:
    import os

    kept = bytearray(30_000_000)
    before = resident_bytes(os.getpid())
    kept += bytearray(60_000_000)
    kept[::4096] = b"x" * len(kept[::4096])
    after = resident_bytes(os.getpid())
    assert before is not None
    assert after is not None
    assert after - before > 20_000_000


class Forgetful:
    """A session whose replay starts anew in the middle, changes an answer and keeps the last one to itself."""

    def replay(self, samples: list[Measurement], on_answer: Callable[[int, Prediction], None], speed: None) -> None:
        assert speed is None
        expected = charge_of(len(samples)).expected
        for index in (0, 1, *range(len(samples) - 1)):
            answer = expected[index]
            on_answer(index, dataclasses.replace(answer, flags=15 - answer.flags) if index == 5 else answer)


def test_lost_and_wrong_answers_are_counted() -> None:
    seen: list[int] = []
    found = soaking.soak(
        cast("Session", Forgetful()), [charge_of(10)], Length(samples=40), None, seen.append, speed=None
    )
    assert (found.samples, found.charges, found.lost, found.mismatches) == (45, 5, 5, 5)
    assert found.board is None


def test_a_thread_that_stays_is_named() -> None:
    before, go = threading.enumerate(), threading.Event()
    thread = threading.Thread(target=go.wait, name="straggler")
    thread.start()
    try:
        assert threads_besides(before) == ("straggler",)
    finally:
        go.set()
        thread.join()
    assert threads_besides(before) == ()


def test_the_command_soaks(bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soaking, "LOOK_S", 0.01)
    assert main([*bench.arguments(), "--soak", "2000samples", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    found = report["soak"]
    assert 2000 <= found["samples"] < 2000 + 195
    assert found["charges"] >= 30
    assert (found["mismatches"], found["lost"], found["threads_left"]) == (0, 0, [])
    assert found["host"]["first_rss_bytes"] > 1_000_000
    assert found["board"]["last_rss_bytes"] > 1_000_000
    assert {check["verdict"] for check in report["checks"] if check["group"] in ("soak", "threads")} == {"PASS"}


def test_a_board_that_leaks_fails(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soaking, "LOOK_S", 0.01)
    assert main([*bench.arguments(bench.program(LEAKS)), "--soak", "2000samples", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    verdicts = {check["title"]: check["verdict"] for check in report["checks"]}
    assert verdicts["the board's memory does not grow"] == "FAIL"
    assert verdicts["no sample is lost, however long it runs"] == "PASS"
    assert report["soak"]["board"]["slope_bytes_per_1000_samples"] > 1_000_000
