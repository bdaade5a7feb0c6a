"""Every command of the tool is there, starts light, and teaches."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time

import pytest

from host import cli, interruption
from host.cli import main
from host.interruption import interruptible
from tests.unit.host.conftest import ROOT

HEAVY = {"xgboost", "tensorflow", "keras", "pyarrow", "scipy", "cffi", "numpy", "rich", "serial", "aiohttp", "paho"}
MODULES_AFTER = """
import runpy, sys
sys.argv = ["host", *sys.argv[1:]]
try: runpy.run_module("host", run_name="__main__", alter_sys=True)
except SystemExit: pass
print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def command_names() -> list[str]:
    commands = next(action for action in cli._parser()._actions if isinstance(action, argparse._SubParsersAction))
    return [entry.dest for entry in commands._choices_actions]


def loaded_by(*arguments: str) -> set[str]:
    command = [sys.executable, "-c", MODULES_AFTER, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("name", command_names())
def test_help_is_light_and_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not loaded_by(name, "--help") & HEAVY
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert f"python -m host {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["record", "--out", "none", "--from", "none.csv"],
        ["stream", "none.csv", "--port", "sim"],
        ["ports", "--json"],
    ],
)
def test_starting_needs_nothing_heavy(arguments: list[str]) -> None:
    assert not loaded_by(*arguments) & (HEAVY - {"serial"})


def test_the_first_interruption_is_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that follow at once are haste; one that comes later means it."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with interruptible() as asked:
        assert not asked.requested
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.requested
        os.kill(os.getpid(), signal.SIGINT)
        later = time.monotonic() + interruption.INSIST_AFTER_S + 1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
