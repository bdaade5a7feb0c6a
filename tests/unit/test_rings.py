"""A ring that this machine cannot run is skipped, and fails where WATTPRINT_REQUIRE names it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
TESTS = """
import pytest

@pytest.fixture
def expensive():
    raise AssertionError("set up for nothing")

@pytest.mark.recordings
def test_of_recordings(expensive): pass

@pytest.mark.parity
@pytest.mark.recordings
def test_of_two_rings(expensive): pass

def test_of_no_ring(): pass
"""


def run(folder: Path, *, require: str, path: str) -> subprocess.CompletedProcess[str]:
    """Those tests under this project's conftest, with no recordings and the programs in `path`."""
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "test_rings.py").write_text(TESTS, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n parity: p\n recordings: r\n", encoding="utf-8")
    environment = {"PATH": path, "WATTPRINT_REQUIRE": require, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_missing_ring_is_skipped(tmp_path: Path) -> None:
    done = run(tmp_path, require="", path=os.environ["PATH"])
    assert done.returncode == 0, done.stdout
    assert "1 passed, 2 skipped" in done.stdout
    assert "ring recordings skipped: needs WATTPRINT_RECORDINGS" in done.stdout


@pytest.mark.parametrize("require", ["recordings", "qemu,recordings", "firmware recordings"])
def test_a_required_ring_fails(tmp_path: Path, require: str) -> None:
    done = run(tmp_path, require=require, path=os.environ["PATH"])
    assert done.returncode == 1
    assert "1 passed, 2 errors" in done.stdout
    assert "required by WATTPRINT_REQUIRE, but ring recordings needs WATTPRINT_RECORDINGS" in done.stdout


def test_a_test_of_two_rings_fails_for_the_one_required(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run(tmp_path, require="parity", path=str(tmp_path / "empty"))
    assert done.returncode == 1
    assert "1 passed, 1 skipped, 1 error" in done.stdout
    assert "ring parity needs gcc, clang" in done.stdout


def test_a_required_ring_that_runs_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("gcc", "clang"):
        (tmp_path / "bin" / name).symlink_to("/bin/true")
    done = run(tmp_path, require="parity", path=str(tmp_path / "bin"))
    assert done.returncode == 0, done.stdout
    assert "1 passed, 2 skipped" in done.stdout


def test_a_misspelt_ring_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, require="parety", path=os.environ["PATH"])
    assert done.returncode == 4
    assert "parety" in done.stderr
