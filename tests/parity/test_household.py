"""The C of wp/household.h under stress, and its lists against Python's and the page's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.parity.test_core_build import INTEGER_64, MEMORY, RISCV, run
from tests.parity.test_vehicle import INCLUDES, LIBRARY
from train.artifact_household import CAR_FIELDS, RULE_FIELDS, SIGNS, STAGES
from train.features.household import COLUMNS, load_household_library

pytestmark = pytest.mark.parity

ROOT = Path(__file__).resolve().parents[2]
HOUSEHOLD = sorted((LIBRARY / "src").glob("household*.c"))


def test_stress_under_sanitizers(tmp_path: Path) -> None:
    """Any tables within their bounds and any features: nothing undefined, the set only narrows, times are sorted."""
    sanitizers = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    stress = Path(__file__).with_name("household_stress.c")
    tables = ("-I", ROOT / "firmware" / "fuzz")  # drawn_household.h
    run("gcc", "-std=c11", *sanitizers, *INCLUDES, *tables, *HOUSEHOLD, stress, "-o", tmp_path / "stress")
    run(tmp_path / "stress")


def test_lists_agree() -> None:
    ffi, library = load_household_library()
    signs: list[str] = []
    while (name := library.wp_household_binding_sign(len(signs))) != ffi.NULL:
        signs.append(ffi.string(name).decode("ascii"))
    assert tuple(signs) == SIGNS
    for fields, columns in (
        (CAR_FIELDS, library.wp_household_binding_car_columns()),
        (RULE_FIELDS, library.wp_household_binding_rule_columns()),
    ):
        assert sum(max(count, 1) for count, _, _ in fields.values()) == columns
    assert len(COLUMNS) == library.wp_household_binding_answer_columns()
    header = (LIBRARY / "include" / "wp" / "household.h").read_text(encoding="ascii")
    stages = [name.lower() for name in re.findall(r"^    WP_STAGE_(\w+),", header, re.MULTILINE)]
    assert tuple(stages) == STAGES
    page = (ROOT / "docs" / "artifact.md").read_text(encoding="utf-8")
    section = page[page.index("## The household") : page.index("## Files between commands")]
    assert [name for name in (*CAR_FIELDS, *RULE_FIELDS) if f"`{name}`" not in section] == []


@pytest.mark.qemu
def test_portable_symbols_on_rv32imc(tmp_path: Path) -> None:
    objects = []
    for path in HOUSEHOLD:
        objects.append(tmp_path / f"{path.stem}.o")
        run(*RISCV, "-std=c11", "-Os", *INCLUDES, "-c", path, "-o", objects[-1])
    nm = run("riscv64-unknown-elf-nm", "-P", *objects)
    fields = [line.split()[:2] for line in nm.splitlines() if len(line.split()) >= 2]
    asked = {name for name, kind in fields if kind == "U"} - {name for name, kind in fields if kind != "U"}
    assert asked <= MEMORY | INTEGER_64
    sizes = run("riscv64-unknown-elf-size", *objects).splitlines()[1:]
    assert sum(int(line.split()[1]) + int(line.split()[2]) for line in sizes) == 0  # no data, no static RAM
