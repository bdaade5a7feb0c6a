"""The table of docs/boards.md is made by a command, and has every board."""

from __future__ import annotations

import importlib.util
import sys
from configparser import ConfigParser
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("board_figures", ROOT / "tools" / "board_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["board_figures"] = module
    spec.loader.exec_module(module)
    return module


def test_every_environment_is_a_board_with_figures(figures: ModuleType) -> None:
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "platformio.ini")
    emulated = {name.removeprefix("env:") for name in settings.sections() if name.startswith("env:qemu_")}
    assert emulated == {board.env for board in figures.BOARDS}
    for board in figures.BOARDS:
        assert settings[f"env:{board.env}"]["board"] == board.file
        assert (figures.BOARD_FILES / f"{board.file}.json").is_file()
    page = (ROOT / "docs" / "boards.md").read_text(encoding="utf-8")
    table = page.partition(figures.BEGIN)[2].partition(figures.END)[0]
    assert [row.split("`")[1] for row in table.splitlines() if "`" in row] == [board.env for board in figures.BOARDS]


def test_a_page_is_changed_between_its_comments_only(figures: ModuleType, tmp_path: Path) -> None:
    row = {"env": "qemu_x", "flash_bytes": 12345, "ram_bytes": 744, "stack_bytes": 956}
    table = figures.as_table([row | {"instructions_mean": 10050.6, "instructions_max": 10365}])
    assert table.splitlines()[2] == "| `qemu_x` | 12 345 | 744 | 956 | 10 051 | 10 365 |"
    page = tmp_path / "page.md"
    page.write_text(f"before\n{figures.BEGIN}\nold\n{figures.END}\nafter\n")
    figures.update(page, table)
    assert page.read_text() == f"before\n{figures.BEGIN}\n{table}\n{figures.END}\nafter\n"
    page.write_text("nothing\n")
    with pytest.raises(figures.FiguresError, match="to write between"):
        figures.update(page, table)
