"""The stages of a verification apart: float against integer, budgets, the line, the same again, who is to blame."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.reference import answers_from_outputs
from host import verify_determinism
from host.board_sim import virtual_board
from host.cli import main
from host.errors import HostError, LinkBudgetError
from host.reference import Charge
from host.verify import differing, divergence
from host.verify_budget import line_budget, read_limits
from host.verify_float import float_answers, price
from tests.unit.host.conftest import DEVICES, WRONG_AT_17, Bench
from tests.unit.host.fake_board import line
from tests.unit.host.test_inject import charge_of
from train.answer_rules import Interval
from train.artifact import Artifact, Softmax

SHIFT, TEMPERATURE = 12, 1.7


def with_temperature(artifact: Artifact, smoothing_s: int = 180) -> Artifact:
    """docs/artifact.md: multiplier and shift hold 1024 · log2(e) / (2^k · temperature)."""
    softmax_shift = 24
    multiplier = round(1024 * math.log2(math.e) / (2**SHIFT * TEMPERATURE) * 2**softmax_shift)
    estimate = dataclasses.replace(artifact.estimate, smoothing_s=smoothing_s, intervals=(Interval(0, -30, 45),))
    return dataclasses.replace(artifact, softmax=Softmax(multiplier, softmax_shift), estimate=estimate)


def with_margins(
    artifact: Artifact, n: int = 500, seed: int = 1
) -> tuple[Charge, NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """A charge whose integers come from codegen's reference and whose floats are what was rounded."""
    source = np.random.default_rng(seed)
    margin = source.normal(0, 2, (n, len(DEVICES))).astype(np.float32)
    remaining = source.uniform(-50, 9000, (n, 3)).astype(np.float32)
    phase = source.integers(0, 4, n)
    assert artifact.softmax is not None
    scale = artifact.remaining_model.output_scale_log2
    integer = answers_from_outputs(
        np.rint(margin * 2.0**SHIFT),
        np.rint(remaining * 2.0**scale),
        phase,
        softmax=artifact.softmax,
        unknown_below_permille=artifact.unknown_below_permille,
        remaining_shift=scale,
        elapsed_ms=1000 * np.arange(n, dtype=np.int64),
        offsets=np.array([0, n]),
        estimate=artifact.estimate,
    )
    columns = [integer.device, integer.confidence_permille, *integer.remaining_s.T, integer.flags, np.zeros(n)]
    charge = dataclasses.replace(
        charge_of(n),
        answers=np.column_stack(columns).astype(np.int64),
        device_margin=margin,
        remaining_margin=remaining,
        device_output=np.rint(margin * 2.0**SHIFT).astype(np.int32),
    )
    return charge, margin, remaining, phase


def test_the_float_model_s_answers(artifact: Artifact) -> None:
    known = with_temperature(artifact, smoothing_s=0)
    charge, margin, remaining, phase = with_margins(known)
    answers = float_answers(known, charge)
    for k in range(0, 500, 7):
        weights = [math.exp((float(m) - float(margin[k].max())) / TEMPERATURE) for m in margin[k]]
        assert answers.confidence_permille[k] == pytest.approx(1000 / sum(weights), abs=0.01)
        assert answers.device[k] == max(range(len(weights)), key=weights.__getitem__)
        offsets = [float(value) + offset for value, offset in zip(remaining[k], (-30, 0, 45), strict=True)]
        expected = [0.0] * 3 if phase[k] == 3 else sorted(max(0.0, value) for value in offsets)
        assert answers.remaining_s[k].tolist() == pytest.approx(expected, abs=1e-3)


def test_the_price_is_what_rounding_costs(artifact: Artifact) -> None:
    known = with_temperature(artifact)
    charge, *_ = with_margins(known)
    found = price(known, [charge], DEVICES)
    assert found is not None
    assert found.devices_differ == 0
    assert found.confidence_permille is not None
    # Seconds are rounded to whole ones before they are averaged and after, and between to sixteenths; the table of
    # the exponential has 64 steps an octave, 1.1 % of a weight.
    assert 0.4 < found.remaining_s.largest <= 1.15
    assert 0.5 < found.confidence_permille.largest < 12
    assert sum(found.remaining_s.counts) == 3 * 500
    assert found.margin is not None
    assert 0.4 * 2.0**-SHIFT < found.margin.largest <= 0.5 * 2.0**-SHIFT  # of one rounding
    off = charge.answers.copy()
    off[7, 0] = (off[7, 0] + 1) % len(DEVICES)
    off[9, 2:5] += 40
    worse = price(known, [dataclasses.replace(charge, answers=off)], DEVICES)
    assert worse is not None
    assert worse.devices_differ == 1
    assert worse.remaining_s.largest > 39


def test_a_reference_without_margins_has_no_price(artifact: Artifact) -> None:
    assert price(artifact, [charge_of(5)], DEVICES) is None


def test_rows_that_are_missing_differ() -> None:
    rows = charge_of(6).answers
    assert differing(rows, rows) == (0, None)
    assert differing(rows[:4], rows) == (2, 4)
    changed = rows.copy()
    changed[3, 2] += 1
    changed[5, 6] += 1
    assert differing(changed, rows) == (2, 3)


@pytest.mark.parametrize(
    ("column", "here", "words"),
    [
        (6, "reference", "the state differs already, so the features do; C on this machine answers as the reference"),
        (3, "board", "the state is equal, so the features are: look at the model or what follows it; C on this machine "
                     "answers as the board"),
        (3, "neither", "C on this machine answers otherwise again"),
        (3, "ended", "C on this machine answers otherwise again"),
    ],
)  # fmt: skip
def test_who_is_to_blame(column: int, here: str, words: str) -> None:
    charge = charge_of(8)
    got = charge.answers.copy()
    got[5, column] += 1
    third = charge.answers.copy()
    third[5, column] += 2
    host_c = {"reference": charge.answers, "board": got, "neither": third, "ended": got[:5]}[here]
    found = divergence(charge, 5, got, host_c, ["f"], "command")
    assert words in found.finding
    assert found.differing == ["state_crc" if column == 6 else "remaining_50_s"]
    assert found.reproduce == "command --session made"


def test_what_a_line_carries() -> None:
    charge = charge_of(50)
    found = line_budget([charge], 115_200)
    assert found.needed == 1.0
    rows = enumerate(charge.answers.tolist())
    bodies = [f"P,{k:X}," + ",".join(f"{value:X}" for value in row[:-1]) + f",{row[-1]:08X}" for k, row in rows]
    answer = sum(len(line(body)) for body in bodies) / 50
    assert found.bytes_answer == pytest.approx(answer)
    assert found.carried == pytest.approx(11_520 / answer)
    assert line_budget([charge], None).carried is None
    with pytest.raises(LinkBudgetError, match=r"300 baud carries 0\.\d+ samples a second.*has 1: raise --baud"):
        line_budget([charge], 300)


def test_a_line_too_slow_for_the_charge(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*bench.arguments(), "--baud", "300"]) == 5
    assert "300 baud carries" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[budget]\nflash_bytes = 0\n", "flash_bytes = 0: must be a whole number from 1"),
        ("[budget]\ninstructions = true\n", "instructions = True: must be a whole number"),
        ("[budget]\nram_bytes = 1.5\n", "ram_bytes = 1.5: must be a whole number"),
        ("[budget\n", "cannot be read"),
    ],
)
def test_budgets_that_are_none(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "wattprint.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HostError, match=r"wattprint\.toml") as caught:
        read_limits(path)
    assert words in str(caught.value)


def test_no_settings_no_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_limits(None) == {}
    with pytest.raises(HostError, match="not found"):
        read_limits(tmp_path / "other.toml")


@pytest.mark.parametrize(("limit", "code"), [(3_400, 0), (3_399, 8)])
def test_instructions_over_budget(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path, limit: int, code: int
) -> None:
    """The board's dearest answer took 3 400."""
    path = tmp_path / "settings.toml"
    path.write_text(f"[budget]\ninstructions = {limit}\nflash_bytes = 1000\n", encoding="utf-8")
    assert main([*bench.arguments(), "--config", str(path), "--json"]) == code
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == ("FAIL" if code else "PASS")
    assert report["budgets"] == [
        {"what": "flash of the whole firmware, bytes", "limit": 1000 + 5120, "value": None},
        {"what": "instructions of the dearest answer", "limit": limit, "value": 3400},
    ]
    verdicts = [check["verdict"] for check in report["checks"] if check["group"] == "budget"]
    assert verdicts == ["SKIPPED", "FAIL" if code else "PASS"]


def test_budgets_as_arguments(bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """They replace the configuration's; what was asked for and cannot be measured is not passed over."""
    path = tmp_path / "settings.toml"
    path.write_text("[budget]\ninstructions = 1\n", encoding="utf-8")
    configured = ["--config", str(path)]
    assert main([*bench.arguments(), *configured, "--budget-instructions", "4k", "--json"]) == 0
    budgets = json.loads(capsys.readouterr().out)["budgets"]
    assert budgets == [{"what": "instructions of the dearest answer", "limit": 4096, "value": 3400}]
    assert main([*bench.arguments(), "--budget-instructions", "3399"]) == 8
    assert main([*bench.arguments(), "--budget-flash", "16k"]) == 2
    assert "--budget-flash: needs --elf FILE" in capsys.readouterr().err


def test_a_mismatch_outweighs_a_budget(bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[budget]\ninstructions = 1\n", encoding="utf-8")
    assert main([*bench.arguments(bench.program(WRONG_AT_17)), "--config", str(path)]) == 1
    assert "failed: instructions of the dearest answer" in capsys.readouterr().out.splitlines()[-1]


OTHERWISE_THE_SECOND_TIME = """
begun = [0]
def begin(first, begin=board.begin):
    begun[0] += 1
    begin(first)
board.begin = begin
def twice(sequence, state):
    body = answer_of(sequence, state)
    # The hello's test charge is the first, three charges are streamed.
    return body[:-8] + "00000000" if begun[0] > 4 and sequence == 11 else body
fake.answer_of = twice
"""
OTHERWISE_AFTER_A_RESET = """
from pathlib import Path
seen = Path(__file__).with_name("started")
again = seen.exists()
seen.touch()
def after(sequence, state):
    body = answer_of(sequence, state)
    return body[:-8] + "00000000" if again and sequence == 11 else body
fake.answer_of = after
"""


def repeated(bench: Bench, capsys: pytest.CaptureFixture[str], behaviour: str, code: int) -> dict[str, str]:
    arguments = bench.arguments(bench.program(behaviour), skip="host-c,timing")
    assert main([*arguments, "--json"]) == code
    report = json.loads(capsys.readouterr().out)
    assert report["determinism"]["session"] == "s2"  # the shortest
    assert report["mismatches"] == 0
    return {check["group"]: check["verdict"] for check in report["checks"]}


def test_the_same_again_and_after_a_reset(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = repeated(bench, capsys, "", 0)
    assert (verdicts["repeatable"], verdicts["reset"]) == ("PASS", "PASS")


def test_a_board_that_answers_otherwise_the_second_time(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = repeated(bench, capsys, OTHERWISE_THE_SECOND_TIME, 1)
    assert (verdicts["repeatable"], verdicts["reset"]) == ("FAIL", "PASS")


def test_a_board_that_answers_otherwise_after_a_reset(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = repeated(bench, capsys, OTHERWISE_AFTER_A_RESET, 1)
    assert (verdicts["repeatable"], verdicts["reset"]) == ("PASS", "FAIL")


@pytest.mark.parametrize(
    ("command", "words"),
    [("true", "the command ran, but the board went on as before"), ("false", None), ("/no/such/program", None)],
)
def test_a_reset_command_that_does_nothing(
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    words: str | None,
) -> None:
    monkeypatch.setattr(verify_determinism, "RESET_S", 0.1)
    arguments = bench.arguments(skip="host-c,timing")
    code = main([*arguments, "--reset-command", command])
    out, err = capsys.readouterr()
    if words is None:
        assert code == 2
        assert f"--reset-command {command}: " in err
    else:
        assert code == 0
        assert f"SKIPPED the same charge after a reset, the same answers: {words}" in out


def test_a_port_without_reset_lines(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """A pseudo-terminal opened as a port: it has neither RTS nor DTR."""
    arguments = bench.arguments(skip="host-c,timing")
    with virtual_board(bench.program()) as path:
        arguments[arguments.index("sim")] = path
        assert main(arguments) == 0
    assert "SKIPPED the same charge after a reset, the same answers: its port has no lines" in capsys.readouterr().out
