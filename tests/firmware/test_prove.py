"""The board's loop is proved, all of the core is in the proof, and the page says what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.firmware.conftest import ROOT

pytestmark = [pytest.mark.prove, pytest.mark.slow, pytest.mark.timeout(3600), pytest.mark.xdist_group("prove")]

PAGE = ROOT / "docs" / "proof.md"


@pytest.fixture(scope="module")
def proof() -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "tools" / "prove.py"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_no_alarm_on_any_board(proof: dict[str, Any]) -> None:
    assert len(proof["runs"]) == 7
    assert [alarm for run in proof["runs"] for alarm in run["alarms"]] == []
    assert all(run["proved"] for run in proof["runs"])


def test_every_function_of_the_core_is_in_the_proof(proof: dict[str, Any]) -> None:
    assert proof["never_analysed"] == []
    assert proof["core_functions"] > 120


def test_planted_mistakes_are_found(proof: dict[str, Any]) -> None:
    assert len(proof["planted"]) == 5
    assert all(proof["planted"].values()), proof["planted"]


def test_the_page_has_these_ranges(proof: dict[str, Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(proof["tables"]) == 2
    for begin, table in proof["tables"].items():
        shown = page.partition(f"{begin}\n")[2].partition("\n<!-- end")[0]
        assert shown == table, "python tools/prove.py --update docs/proof.md"
