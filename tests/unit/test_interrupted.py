"""Users who interrupt while a command is still loading, and readers that leave: right exit codes and no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The interruption comes from within the import of the package's errors, which every command's module needs.
START = """
import runpy, sys
class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1] + ".errors":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
runpy.run_module(sys.argv[1], run_name="__main__")
"""


@pytest.mark.parametrize("package", ["train", "codegen", "host"])
def test_while_modules_load(package: str) -> None:
    command = [sys.executable, "-c", START, package]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["codegen", "compile", "--help"], 0),
        (["codegen", "compile", "tests/golden/models/classes.json", "--out", "{out}"], 0),
        (["train", "config"], 0),
        (["train", "validate", "{out}"], 2),
    ],
)
def test_a_reader_that_leaves_changes_no_exit_code(arguments: list[str], code: int, tmp_path: Path) -> None:
    """As `| head` does; what was asked for is done all the same."""
    out = tmp_path / "out"
    if code:
        out.mkdir()
        (out / "sessions.csv").write_text("session,device,unit,charger,ended\na,b,c,d,full\n", encoding="ascii")
    command = [sys.executable, "-m", *(word.format(out=out) for word in arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait(timeout=120) == code, said
    assert "Traceback" not in said
    assert "--out" not in arguments or (out / "classes.c").exists()


def test_the_bench_of_households_ends_at_once() -> None:
    command = [sys.executable, "-m", "tools.ev_bench"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read(20)  # of the first line of progress: it is at work
        process.send_signal(signal.SIGINT)
        said += process.stderr.read()
        assert process.wait(timeout=60) == 130
    assert said.endswith(b"\ninterrupted\n")
    assert b"Traceback" not in said
