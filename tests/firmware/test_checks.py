"""What looks at the C without knowing what it is for: fuzzers, coverage, static analysis."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import required_rings
from tests.firmware.conftest import FIRMWARE, ROOT

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]


def run_tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / name), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.firmware("clang")
@pytest.mark.parametrize("target", ["line", "board", "vehicle", "meter"])
def test_fuzzing_finds_nothing(tmp_path: Path, target: str) -> None:
    """A million bytes, the same in each run."""
    done = run_tool("fuzz.py", target, "--bytes", "1000000", "--out", str(tmp_path))
    if done.returncode == 6 and "libclang" in done.stderr and "firmware" not in required_rings():
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    counted = re.fullmatch(rf"{target}: ([\d,]+) bytes, nothing found\n", done.stdout)
    assert counted
    assert int(counted[1].replace(",", "")) >= 1_000_000


@pytest.mark.firmware("gcov")
def test_c_tests_reach_the_core() -> None:
    done = run_tool("core_coverage.py", "--json")
    assert done.returncode in (0, 1), done.stderr
    said = json.loads(done.stdout)
    assert said["percent"]["lines"] >= 95
    assert said["percent"]["branches"] >= 90
    assert {f"src/{path.name}" for path in (FIRMWARE / "lib/core/src").glob("*.c")} <= said["files"].keys()


TIDY = (
    "lib/core/src",
    "lib/sensor/src",
    "lib/settings/src",
    "lib/vehicle/src",
    "lib/meter/src",
    "lib/advice/src",
    "lib/health/src",
    "src",
    "ports/native",
    "fuzz",
    "proof",
)


TIDY_CHARGE_POINT = ("charge_point", "ports/native", "lib/settings/src", "lib/core/src/board_live.c")


@pytest.mark.firmware("clang-tidy")
@pytest.mark.parametrize(
    ("parts", "define"),
    [(TIDY, "-DPROOF_ALL_PARTS=1"), (TIDY_CHARGE_POINT, "-DWP_PROFILE_EV=1")],
    ids=["all", "charge_point"],
)
def test_clang_tidy_finds_nothing(parts: tuple[str, ...], define: str) -> None:
    """With .clang-tidy's checks, recursion among them."""
    libraries = [f"-I{path}" for path in sorted((FIRMWARE / "lib").glob("*/include"))]
    folders = ("lib/model", "lib/ina_simulator", "lib/meter_simulator", "ports", "ports/native", "src")
    includes = [*libraries, *(f"-I{FIRMWARE / folder}" for folder in folders)]
    files = [str(path) for part in parts for path in _sources_of(FIRMWARE / part)]
    command = ["clang-tidy", "--quiet", *files, "--", "-std=c11", define, *includes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _sources_of(part: Path) -> list[Path]:
    return [part] if part.is_file() else sorted(part.glob("*.c"))
