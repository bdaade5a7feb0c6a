"""A program under codegen is let tidy up: Ctrl-C in a build must not leave half a data set."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codegen import process

# Takes longer to tidy up than the quarter of a second subprocess.run would give it.
TIDY = """
import sys, time
from pathlib import Path
half = Path(sys.argv[1])
half.touch()
try:
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.6)
    half.unlink()
    sys.exit(130)
"""
PARENT = """
import sys
from codegen import process
try:
    process.run([sys.executable, "-c", sys.argv[1], sys.argv[2]])
except KeyboardInterrupt:
    sys.exit(130)
"""
ROOT = Path(__file__).resolve().parents[3]


def test_output_and_code_are_returned() -> None:
    code = "import sys; print('said'); sys.exit(7)"
    done = process.run([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout.strip()) == (7, b"said")


@pytest.mark.parametrize("whole_group", [True, False], ids=["in a terminal", "this process alone"])
def test_an_interrupted_program_tidies_up(tmp_path: Path, whole_group: bool) -> None:
    half = tmp_path / "half"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, TIDY, str(half)], cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 20
    while not half.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.1)
    (os.killpg if whole_group else os.kill)(parent.pid, signal.SIGINT)
    assert parent.wait(20) == 130
    assert not half.exists()
