"""Whole runs of `python -m host verify` through a real pseudo-terminal, against a board written in Python."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.cli import main
from host.session import Session
from tests.unit.host.conftest import ROOT, SILENT, SLOW, WRONG_AT_17, Bench


def output_of(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> tuple[str, str]:
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out, captured.err


def test_equal_answers_pass(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = output_of(capsys, bench.arguments(), 0)
    assert out.splitlines()[-1] == "PASS  195 samples of 3 charges, 0 mismatches"
    assert "class median" in out
    assert err == ""


def test_json_has_the_documented_keys(bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = tmp_path / "new" / "verify.json"
    out, _ = output_of(capsys, [*bench.arguments(), "--json", "--out", str(place)], 0)
    report = json.loads(out)
    assert report == json.loads(place.read_text(encoding="utf-8"))
    assert list(place.parent.iterdir()) == [place]
    assert report.keys() == {
        *("verdict", "samples", "mismatches", "first_divergence", "checks", "charges", "link", "error"),
        *("quantisation", "host_c", "determinism", "timing", "memory", "budgets", "inject", "storm", "soak"),
        *("board", "provenance", "seconds"),
    }
    assert (report["verdict"], report["samples"], report["mismatches"]) == ("PASS", 195, 0)
    assert report["board"]["model_hash"] == bench.artifact.model_hash
    assert report["board"]["answered"] == 195
    assert report["link"]["sent"] == 195
    assert [charge["samples"] for charge in report["charges"]] == [40, 130, 25]
    assert report["charges"][1]["unit"] == "b"


def test_error_beside_the_baseline(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = output_of(capsys, [*bench.arguments(), "--json"], 0)
    error = json.loads(out)["error"]
    assert error["baseline_mae_minutes"] == dict.fromkeys(["5s", "10s", "30s", "60s", "overall"], 2.0)
    with np.load(bench.reference) as file:
        off = np.abs(file["remaining_s"][:, 1] - file["true_remaining_s"]) / 60
        right = file["device"] == np.repeat([0, 1, 2], [40, 130, 25])
        unknown = file["flags"] & 1
    # The answer in force 30 s after the first sample is the 31st; the third charge ends before.
    assert error["mae_minutes"]["30s"] == pytest.approx((off[30] + off[70]) / 2)
    means = [off[:40].mean(), off[40:170].mean(), off[170:].mean()]
    assert error["mae_minutes"]["overall"] == pytest.approx(np.mean(means))
    assert error["accuracy"]["5s"] == pytest.approx(np.mean([right[5], right[45], right[175]]))
    assert 0 < unknown.sum() < len(unknown)
    assert error["unknown"]["5s"] == pytest.approx(np.mean([unknown[5], unknown[45], unknown[175]]))
    shares = [unknown[:40].mean(), unknown[40:170].mean(), unknown[170:].mean()]
    assert error["unknown"]["overall"] == pytest.approx(np.mean(shares))


def test_a_wrong_answer_fails_with_its_place(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    program = bench.program(WRONG_AT_17)
    out, _ = output_of(capsys, bench.arguments(program), 1)
    assert out.splitlines()[-1].startswith("FAIL  195 samples of 3 charges, 3 mismatches")
    assert "first divergence: charge s0, sample 17" in out
    out, _ = output_of(capsys, [*bench.arguments(program), "--json"], 1)
    first = json.loads(out)["first_divergence"]
    assert (first["session"], first["sample"]) == ("s0", 17)
    assert first["got"].pop("remaining_50_s") == first["expected"].pop("remaining_50_s") + 1
    assert first["got"] == first["expected"]
    assert first["features"]["voltage_mv"] == first["voltage_mv"]


def test_the_reproducer_diverges_at_the_same_sample(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """The line that is printed, run by a shell in the project's folder."""
    out, _ = output_of(capsys, bench.arguments(bench.program(WRONG_AT_17)), 1)
    (command,) = re.findall(r"^  reproduce: (.+)$", out, re.MULTILINE)
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S602
    assert done.returncode == 1, done.stderr
    assert "first divergence: charge s0, sample 17" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("FAIL  40 samples of 1 charge, 1 mismatches")
    (again,) = re.findall(r"^  reproduce: (.+)$", done.stdout, re.MULTILINE)
    assert again == command


@pytest.mark.parametrize(
    "key", ["device", "confidence_permille", "remaining_s", "flags", "state_crc", "t_ms", "voltage_mv", "current_ma"]
)
def test_every_field_is_compared(bench: Bench, capsys: pytest.CaptureFixture[str], key: str) -> None:
    """One value of the reference off by one, in the last sample of a charge: one mismatch."""
    with np.load(bench.reference) as file:
        data = dict(file)
    data[key] = data[key].copy()
    data[key][39] += 1
    np.savez(bench.reference, **data)
    out, _ = output_of(capsys, bench.arguments(), 1)
    assert "FAIL  195 samples of 3 charges, 1 mismatches" in out
    assert "charge s0, sample 39" in out


@pytest.mark.parametrize("n_lost", [1, 39])
def test_fewer_answers_than_samples_are_no_pass(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, n_lost: int
) -> None:
    """Even if the session left out the last ones without a word."""
    replay = Session.replay

    def forgetful(self: Session, samples: Any, on_answer: Any) -> None:
        replay(self, samples[: len(samples) - n_lost], on_answer)

    monkeypatch.setattr(Session, "replay", forgetful)
    out, err = output_of(capsys, [*bench.arguments(), "--session", "s0"], 7)
    assert out == ""
    assert f"s0: {40 - n_lost} answers to 40 samples" in err


def test_a_reference_without_charges_is_no_pass(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(bench.reference) as file:
        data = dict(file)
    for key, values in data.items():
        if key not in ("model_hash", "device_names"):
            data[key] = values[:1] if key == "offsets" else values[:0]
    np.savez(bench.reference, **data)
    out, err = output_of(capsys, bench.arguments(), 2)
    assert out == ""
    assert "no charge" in err


def test_which_charges(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    for extra, samples in (
        (["--split", "held-out"], 155),
        (["--split", "all", "--charges", "2"], 170),
        (["--session", "s2"], 25),
    ):
        out, _ = output_of(capsys, [*bench.arguments(), *extra], 0)
        assert out.splitlines()[-1].startswith(f"PASS  {samples} samples")
    _, err = output_of(capsys, [*bench.arguments(), "--session", "s9"], 2)
    assert "--session s9" in err


def test_another_model_on_the_board(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = output_of(capsys, bench.arguments(bench.program(model_hash="00112233aabbccdd")), 4)
    assert out == ""
    assert "00112233aabbccdd" in err
    assert bench.artifact.model_hash in err


def test_reference_of_another_model(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(bench.reference) as file:
        data = dict(file)
    np.savez(bench.reference, **{**data, "model_hash": np.array("0" * 16)})
    _, err = output_of(capsys, bench.arguments(), 4)
    assert "reference.npz: made for model 0000000000000000" in err


def test_references_that_cannot_be_used(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(bench.reference) as file:
        data = dict(file)
    np.savez(bench.reference, **{key: value for key, value in data.items() if key != "flags"})
    assert "key 'flags' is missing" in output_of(capsys, bench.arguments(), 2)[1]
    np.savez(bench.reference, **{**data, "flags": data["flags"][1:]})
    assert "'flags' has 194 rows, not 195" in output_of(capsys, bench.arguments(), 2)[1]
    bench.reference.write_bytes(b"not an archive")
    assert "is not a reference" in output_of(capsys, bench.arguments(), 2)[1]
    bench.reference.unlink()
    assert "not found" in output_of(capsys, bench.arguments(), 2)[1]


def test_artifact_that_is_absent(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = output_of(capsys, ["verify", "--port", "sim", "--artifact", "no/such"], 2)
    assert "no/such/manifest.json: not found" in err


def test_a_silent_board_times_out(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = output_of(capsys, bench.arguments(bench.program(SILENT)), 7)
    assert "does not say hello" in err


def test_firmware_that_is_none(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert "not found" in output_of(capsys, bench.arguments(Path("no/such")), 3)[1]
    assert "instead of the path of its line" in output_of(capsys, bench.arguments(Path("/bin/true")), 3)[1]
    program = bench.program("raise SystemExit")
    program.chmod(0o600)
    assert "cannot be started" in output_of(capsys, bench.arguments(program), 3)[1]


def test_a_board_that_dies_is_a_lost_line(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    dies = "take = board.take\ndef die(text):\n    board.processed < 50 or os._exit(1)\n    return take(text)\n"
    _, err = output_of(capsys, bench.arguments(bench.program(dies + "board.take = die")), 3)
    assert "the line was lost" in err


def test_info_says_who_is_there(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = output_of(capsys, ["info", "--port", "sim", "--firmware", str(bench.program()), "--json"], 0)
    facts = json.loads(out)
    assert facts["model_hash"] == bench.artifact.model_hash
    assert facts["credit_bytes"] == 128
    assert facts["counters"]["answer_us"] == 12
    out, _ = output_of(capsys, ["info", "--port", "sim", "--firmware", str(bench.program())], 0)
    assert out.splitlines()[-1] == "sim: a wattprint board"


def test_ports_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = output_of(capsys, ["ports", "--json"], 0)
    assert isinstance(json.loads(out), list)
    out, _ = output_of(capsys, ["ports"], 0)
    assert re.match(r"(1 port|\d+ ports), (1 likely board|\d+ likely boards)\b", out.splitlines()[-1])


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(bench: Bench, signal_number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "host", *bench.arguments(bench.program(SLOW)), "--out", str(tmp_path / "r.json")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not (children := children_of(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal_number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "interrupted; the port is released\n")
    assert len(children) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(children[0], 0)
    assert not (tmp_path / "r.json").exists()
