"""The README's pictures can be made again, and are small enough to be committed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.conftest import ROOT

pytestmark = [pytest.mark.firmware, pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("firmware")]

NAMES = ["monitor-page.png", "monitor-terminal.svg", "verify-report.png"]


def test_pictures_are_made(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.pictures", "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == NAMES
    svg = (tmp_path / "out" / "monitor-terminal.svg").read_text(encoding="utf-8")
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "").replace("https://www.textualize.io", "")
    for word in ("iphone&#160;13", "charging", "full&#160;at"):
        assert word in svg


def test_committed_pictures_are_those() -> None:
    folder = ROOT / "docs" / "pictures"
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    assert all(path.stat().st_size <= 150_000 for path in folder.iterdir())
