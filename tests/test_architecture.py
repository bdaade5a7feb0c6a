"""The rules of docs/design.md about who may import what, held by a test."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("train", "codegen", "host")
CORE = ROOT / "firmware" / "lib" / "core"


def imports_of(path: Path) -> set[str]:
    """Full names of all modules a file imports, anywhere in it; relative imports are refused."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def test_there_is_something_to_check() -> None:
    assert all(len(modules(package)) > 3 for package in PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_meet_in_files(package: str) -> None:
    for path in modules(package):
        for name in imports_of(path):
            top = name.split(".")[0]
            if top in PACKAGES and top != package:
                allowed = package != "train" and name.startswith("train.artifact")
                assert allowed, f"{path.relative_to(ROOT)} imports {name}"
            assert top not in ("tests", "tools") or package == "tests", f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("xgboost", ("train/models", "train/compress")),
        ("tensorflow", ("train/models", "train/compress")),
        ("serial", ("host/transport.py",)),
        ("m2cgen", ("codegen/emit",)),
        ("cffi", ("train/features",)),
        ("tflite", ("codegen/readers", "codegen/emit")),
    ],
)
def test_libraries_stay_in_their_rooms(library: str, rooms: tuple[str, ...]) -> None:
    found = False
    for package in PACKAGES:
        for path in modules(package):
            if any(name.split(".")[0] == library for name in imports_of(path)):
                place = path.relative_to(ROOT).as_posix()
                assert place.startswith(rooms), f"{place} imports {library}"
                found = True
    assert found or library == "tensorflow"


@pytest.mark.parametrize("package", PACKAGES)
def test_commands_start_light(package: str) -> None:
    """`--help` loads none of the heavy libraries."""
    code = (
        "import runpy, sys; sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module('{package}', run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = {'xgboost', 'tensorflow', 'keras', 'pyarrow', 'm2cgen', 'scipy', 'cffi'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


def core_sources() -> list[Path]:
    """The core, and what is as portable: drivers and settings."""
    folders = (CORE, *(CORE.parent / name for name in ("sensor", "settings", "vehicle", "meter", "advice", "health")))
    return sorted(path for folder in folders for path in folder.rglob("*.[ch]"))


def test_core_includes_only_what_every_compiler_has() -> None:
    allowed = {"stdint.h", "stdbool.h", "stddef.h", "string.h"}
    own = {path.name for path in core_sources()} | {f"wp/{path.name}" for path in core_sources()}
    assert len(own) > 6
    for path in core_sources():
        for name in re.findall(
            r"^\s*#\s*include\s*[<\"]([^>\"]+)[>\"]", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert name in allowed | own, f"{path.relative_to(ROOT)} includes {name}"


def test_core_has_no_heap_float_or_board() -> None:
    forbidden = re.compile(r"\b(malloc|calloc|realloc|free|printf|sprintf|float|double|goto|ESP32|ARDUINO|esp_\w+)\b")
    for path in core_sources():
        code = re.sub(r"/\*.*?\*/|//[^\n]*|\"(\\.|[^\"\\])*\"", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        hit = forbidden.search(code)
        assert hit is None, f"{path.relative_to(ROOT)} uses {hit.group(0) if hit else ''}"


def test_pins_are_plain() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="ascii").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+", line), line


def test_nothing_tracked_names_this_workplace() -> None:
    """No path of one machine, and no mention of the material the product was made from."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    # Written apart, so that this file does not find itself.
    folders = [folder for folder in (Path.home(), ROOT) if len(folder.parts) > 1]  # "/" is in every text
    forbidden = ["../" + "shared", *(f"{folder}/" for folder in folders)]
    for name in tracked.stdout.splitlines():
        path = ROOT / name
        if name.startswith(".ci/") or not path.is_file() or path.stat().st_size > 1_000_000:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for needle in forbidden:
            assert needle not in text, f"{name} contains {needle}"
