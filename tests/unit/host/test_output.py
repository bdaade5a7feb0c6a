"""Readers that leave and users who interrupt, at any moment: exit codes stay right and nothing is traced back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.host.conftest import ROOT, WRONG_AT_17, Bench

INTERRUPTED_AT = """
import os, runpy, signal, sys
n = int(sys.argv[1])
started = False
def hook(event, arguments):
    global n, started
    if event == "import":
        started = started or arguments[0] == "host.cli"
        n -= started
        if n == 0:
            n = -1
            os.kill(os.getpid(), signal.SIGINT)
sys.argv = ["host", *sys.argv[2:]]
sys.addaudithook(hook)
runpy.run_module("host", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13, 21, 34])
def test_interrupted_while_it_starts(n: int) -> None:
    """At the n-th import, counted from the first of the tool's own."""
    command = [sys.executable, "-c", INTERRUPTED_AT, str(n), "info", "--port", "/dev/no-such-board"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("interrupted")
    assert len(done.stderr.splitlines()) == 1


def piped(arguments: list[str], n_bytes: int) -> int:
    """Exit code of a command whose reader leaves after so many bytes."""
    command = [sys.executable, "-m", "host", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(n_bytes)
        process.stdout.close()
        assert process.stderr.read() == b""
        return process.wait(timeout=60)


@pytest.mark.parametrize("n_bytes", [0, 1])
@pytest.mark.parametrize(("program", "code"), [("", 0), (WRONG_AT_17, 1)])
def test_a_reader_that_leaves_does_not_change_the_verdict(bench: Bench, program: str, code: int, n_bytes: int) -> None:
    assert piped([*bench.arguments(bench.program(program)), "--json"], n_bytes) == code


def test_a_reader_that_leaves_the_help() -> None:
    assert piped(["--help"], 0) == 0


def test_nobody_reads_errors(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "host", "info", "--port", str(tmp_path / "none")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        process.stderr.close()
        assert process.wait(timeout=20) == 3
