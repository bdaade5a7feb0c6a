"""The monitor beside the firmware's own live mode: nothing that the sensor measured is missing from what is shown."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.firmware.conftest import ROOT

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

ROWS = [(1_000 * k, 5_000 + k % 40, 1_800 - 2 * k) for k in range(600)]
"""As the board samples: once a second."""


def answered(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What was shown of each sample once its answer was there: a line may end between the two."""
    return [
        (line["charge"], line["reading"], line["answer"], line["status"])
        for line in lines
        if line["answer"] and line["answer"]["sequence"] == line["reading"]["sequence"]
    ]


def test_every_sample_of_the_sensor_is_shown_with_its_answer(native_board: Path, tmp_path: Path) -> None:
    run, recording = tmp_path / "run.jsonl", tmp_path / "charge.csv"
    recording.write_text("t_ms,voltage_mv,current_ma\n" + "".join(f"{t},{v},{i}\n" for t, v, i in ROWS))
    command = [sys.executable, "-m", "host", "monitor", "--port", "sim", "--firmware", str(native_board), "--json"]
    command += ["--play", str(recording), "--speed", "0", "--save", str(run)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = []
        for text in process.stdout:
            lines.append(json.loads(text))
            if lines[-1]["charge"] and lines[-1]["charge"]["ended"]:
                break
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (130, "interrupted; the port is released\n")
    shown = {
        line["reading"]["sequence"]: tuple(line["reading"][key] for key in ("t_ms", "voltage_mv", "current_ma"))
        for line in lines
        if line["reading"] and not line["charge"]["ended"]
    }
    assert [shown.get(sequence) for sequence in range(len(ROWS))] == ROWS
    last = lines[-1]
    assert (last["link"]["damaged"], last["link"]["missed_samples"], last["link"]["missed_answers"]) == (0, 0, 0)
    assert last["charge"]["whole"]
    assert last["answer"]["sequence"] == last["reading"]["sequence"]
    done = subprocess.run(
        [sys.executable, "-m", "host", "monitor", str(run), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    again = [json.loads(text) for text in done.stdout.splitlines()]
    assert answered(again) == answered(lines)
    assert again[-1]["link"]["lines"] >= last["link"]["lines"]
