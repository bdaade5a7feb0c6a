"""The program that stands for the native firmware, with whatever goes wrong with it."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from tests.unit.host.conftest import ROOT
from tests.unit.host.record.runs import (
    LIVE,
    PROGRAM,
    Program,
)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    def make(mishaps: str = "", name: str = "program") -> Path:
        path = tmp_path / name
        text = LIVE.format(root=str(ROOT), mishaps=mishaps, sent=str(tmp_path / "sent.txt"))
        path.with_name(f"{name}.py").write_text(text, encoding="utf-8")
        path.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make
