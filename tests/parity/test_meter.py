"""The C of firmware/lib/meter: floats decoded without a float, against exact fractions; and its build."""

from __future__ import annotations

import ctypes
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.parity.test_core_build import INTEGER_64, MEMORY, RISCV, WARNINGS, run

pytestmark = pytest.mark.parity

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ROOT / "firmware" / "lib"
LIBRARY = LIBRARIES / "meter"
SOURCES = sorted((LIBRARY / "src").glob("*.c"))
HEADERS = sorted((LIBRARY / "include" / "wp").glob("*.h"))
INCLUDES = tuple(part for name in ("meter", "vehicle", "core") for part in ("-I", LIBRARIES / name / "include"))
SCALES = (1, 10, 1000, 999_983, 1_000_000)
LIMIT = 2**31 - 1


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The decoder and a loop over it, as a library of this machine, every operation checked."""
    folder = tmp_path_factory.mktemp("meter")
    loop = folder / "loop.c"
    loop.write_text(
        '#include "wp/float32.h"\n'
        "void decode(uint32_t n, const uint32_t *bits, uint32_t scale, int32_t *values, uint8_t *known);\n"
        "void decode(uint32_t n, const uint32_t *bits, uint32_t scale, int32_t *values, uint8_t *known)\n"
        "{ for (uint32_t k = 0; k < n; k++) { known[k] = wp_float32_scaled(bits[k], scale, values + k); } }\n",
        encoding="ascii",
    )
    checks = ("-fsanitize=undefined", "-fno-sanitize-recover=all", "-fsanitize-undefined-trap-on-error")
    sources = (LIBRARY / "src" / "float32.c", loop)
    run("gcc", *WARNINGS, "-O2", "-fPIC", "-shared", *checks, *INCLUDES, *sources, "-o", folder / "meter.so")
    return ctypes.CDLL(str(folder / "meter.so"))


def decode(library: ctypes.CDLL, bits: np.ndarray, scale: int) -> list[int | None]:
    """By the C; None where it refuses."""
    bits = np.ascontiguousarray(bits, dtype=np.uint32)
    values, known = np.zeros(len(bits), dtype=np.int32), np.zeros(len(bits), dtype=np.uint8)
    arrays = (values.ctypes.data_as(ctypes.c_void_p), known.ctypes.data_as(ctypes.c_void_p))
    library.decode(len(bits), bits.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint32(scale), *arrays)
    return [int(value) if is_known else None for value, is_known in zip(values, known, strict=True)]


def exactly(bits: int, scale: int) -> int | None:
    """By Python's own reading of the bytes and fractions."""
    (number,) = struct.unpack(">f", struct.pack(">I", bits))
    if number != number or number in (float("inf"), float("-inf")):
        return None
    product = abs(Fraction(number)) * scale
    rounded = (2 * product.numerator + product.denominator) // (2 * product.denominator)  # halves up
    return None if rounded > LIMIT else rounded if number > 0 else -rounded


EDGES = [
    *(sign | bits for sign in (0, 1 << 31) for bits in (0, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000)),
    *(0x7F800001, 0x7FC00000, 0xFFFFFFFF, 0x3F000000, 0x3EFFFFFF, 0x3F000001, 0x4EFFFFFF, 0x4F000000, 0xCF000000),
    *(exponent << 23 | mantissa for exponent in range(255) for mantissa in (0, 1, 0x400000, 0x7FFFFF)),
]


@pytest.mark.parametrize("scale", SCALES)
def test_any_float_is_rounded_once(library: ctypes.CDLL, scale: int) -> None:
    random = np.random.default_rng(scale)
    drawn = random.integers(0, 2**32, 8_000, dtype=np.uint32)
    exponents = random.integers(100, 165, 8_000, dtype=np.uint32)  # where the result is neither 0 nor too large
    near = exponents << 23 | random.integers(0, 2**23, 8_000, dtype=np.uint32) | (drawn & np.uint32(1 << 31))
    halves = ((random.integers(0, 10**6, 4_000) * 2 + 1) / 2).astype(np.float32).view(np.uint32)
    bits = np.concatenate([np.array(EDGES, dtype=np.uint32), drawn, near, halves])
    want = [exactly(int(each), scale) for each in bits]
    assert decode(library, bits, scale) == want
    assert sum(value is None for value in want) > 100
    assert sum(value not in (None, 0) for value in want) > 5_000


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warnings(compiler: str, tmp_path: Path) -> None:
    assert {path.name for path in SOURCES} == {"float32.c", "meter.c", "modbus.c", "sdm.c"}
    for path in SOURCES:
        for option in ("-O2", "-Os"):
            run(compiler, *WARNINGS, option, *INCLUDES, "-c", path, "-o", tmp_path / "x.o")
    for path in HEADERS:
        alone = tmp_path / "alone.c"
        alone.write_text(f'#include "wp/{path.name}"\n#include "wp/{path.name}"\n', encoding="ascii")
        run(compiler, *WARNINGS, *INCLUDES, "-c", alone, "-o", tmp_path / "x.o")


@pytest.mark.qemu
def test_portable_symbols_and_size_on_rv32imc(tmp_path: Path) -> None:
    objects = []
    for path in SOURCES:
        objects.append(tmp_path / f"{path.stem}.o")
        run(*RISCV, "-std=c11", "-Os", *INCLUDES, "-c", path, "-o", objects[-1])
    nm = run("riscv64-unknown-elf-nm", "-P", *objects)
    fields = [line.split()[:2] for line in nm.splitlines() if len(line.split()) >= 2]
    asked = {name for name, kind in fields if kind == "U"} - {name for name, kind in fields if kind != "U"}
    assert asked <= MEMORY | INTEGER_64
    sizes = [line.split() for line in run("riscv64-unknown-elf-size", *objects).splitlines()[1:]]
    assert sum(int(row[1]) + int(row[2]) for row in sizes) == 0  # no data, no static RAM
    assert sum(int(row[0]) for row in sizes) <= 3072
