"""The core as compilers see it: no warning, no forbidden symbol, nothing undefined under the sanitizers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "firmware" / "lib" / "core"
SOURCES = sorted((CORE / "src").glob("*.c"))
HEADERS = sorted((CORE / "include" / "wp").glob("*.h"))
WARNINGS = ["-std=c11", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wundef"]
WARNINGS += ["-Wdouble-promotion", "-Werror"]
RISCV = ["riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "--specs=picolibc.specs"]

# What a compiler may call by itself: moving memory, and 64-bit integers on 32-bit cores. Anything else, above all
# malloc, printf and the __adddf3 family of soft floats, is not portable core.
MEMORY = {"memset", "memcpy", "memmove", "memcmp", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}
INTEGER_64 = {"__udivdi3", "__divdi3", "__umoddi3", "__moddi3", "__muldi3", "__ashldi3", "__lshrdi3", "__ashrdi3"}


def run(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr or done.stdout}"
    return done.stdout


def test_there_is_something_to_compile() -> None:
    assert {"features.c", "answer.c", "charge.c", "crc32.c", "model.c"} <= {path.name for path in SOURCES}


@pytest.mark.parity
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("option", ["-O2", "-Os", "-DWP_MAX_DEVICES=255"])
def test_no_warnings(compiler: str, option: str, tmp_path: Path) -> None:
    for path in SOURCES:
        run(compiler, *WARNINGS, option, "-I", CORE / "include", "-c", path, "-o", tmp_path / "x.o")


@pytest.mark.parity
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_each_header_stands_alone(compiler: str, tmp_path: Path) -> None:
    for path in HEADERS:
        alone = tmp_path / "alone.c"
        alone.write_text(f'#include "wp/{path.name}"\n#include "wp/{path.name}"\n', encoding="ascii")
        run(compiler, *WARNINGS, "-I", CORE / "include", "-c", alone, "-o", tmp_path / "x.o")


def undefined_symbols(nm: str, compile_command: list[str], folder: Path) -> set[str]:
    """What the linked core still asks for; each object may use the others'."""
    objects = []
    for path in SOURCES:
        objects.append(folder / f"{path.stem}.o")
        run(*compile_command, "-Os", "-I", CORE / "include", "-c", path, "-o", objects[-1])
    asked, given = set[str](), set[str]()
    for line in run(nm, "-P", *objects).splitlines():
        fields = line.split()
        if len(fields) >= 2:
            (asked if fields[1] == "U" else given).add(fields[0])
    assert "wp_features_update" in given
    return asked - given


@pytest.mark.parity
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_forbidden_symbols(compiler: str, tmp_path: Path) -> None:
    assert undefined_symbols("nm", [compiler, "-std=c11"], tmp_path) <= MEMORY


@pytest.mark.qemu
def test_no_forbidden_symbols_without_fpu(tmp_path: Path) -> None:
    assert undefined_symbols("riscv64-unknown-elf-nm", [*RISCV, "-std=c11"], tmp_path) <= MEMORY | INTEGER_64


@pytest.mark.parity
def test_stress_under_sanitizers(tmp_path: Path) -> None:
    """Random and extreme samples: no overflow, no stray access, refused samples change nothing."""
    program = tmp_path / "core_stress"
    sanitizers = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    stress = Path(__file__).with_name("core_stress.c")
    run("gcc", "-std=c11", "-Wall", "-Wextra", *sanitizers, "-I", CORE / "include", *SOURCES, stress, "-o", program)
    for seed in (1, 2, 3):
        run(program, "400", str(seed))
