"""What the README shows is true: its commands exist, its C compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STRICT = "-std=c11 -pedantic -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wundef -Wdouble-promotion -Werror"


def commands() -> list[tuple[str, str]]:
    """Package and subcommand of every `python -m package subcommand` in the README."""
    return sorted(set(re.findall(r"python -m (train|codegen|host) ([a-z]+)", README)))


@pytest.mark.parametrize(("package", "subcommand"), commands())
def test_commands_exist(package: str, subcommand: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", package, subcommand, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


def test_readme_names_the_commands() -> None:
    assert len(commands()) >= 9


def test_linked_pages_exist() -> None:
    for page in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / page).exists(), page


@pytest.mark.parity
def test_c_example_compiles(tmp_path: Path) -> None:
    block = re.search(r"```c\n(.*?)```", README, re.DOTALL)
    assert block is not None
    (tmp_path / "example.c").write_text(
        "#include <stdint.h>\nvoid show(const char *device, int32_t minutes);\nvoid begin(void);\n"
        "void once_a_second(uint32_t t_ms, int32_t voltage_mv, int32_t current_ma);\n" + block.group(1)
    )
    include = ROOT / "firmware" / "lib" / "wattprint" / "include"
    for compiler in ("gcc", "clang"):
        program = shutil.which(compiler)
        assert program is not None
        done = subprocess.run(
            [program, *STRICT.split(), "-I", str(include), "-c", "example.c", "-o", "example.o"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
