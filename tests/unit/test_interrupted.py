"""Ctrl-C while a command is still loading: one word and exit code 130, no traceback."""

from __future__ import annotations

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
