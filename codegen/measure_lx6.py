"""C for the ESP32's Xtensa LX6 with what Debian has: clang 22, whose back end for it is experimental.

Three of its faults are worked around here; a fourth, arguments of variadic functions off by one, cannot be.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from codegen.measure_tools import call

PACKAGES = "clang-22 llvm-22 binutils-xtensa-lx106 qemu-system-misc"
BOARD = Path(__file__).resolve().parent.parent / "firmware" / "platform" / "qemu" / "boards" / "qemu_lx6.json"
COMPILER = ("clang-22", "--target=xtensa", "-nostdlibinc", "-fomit-frame-pointer")
ASSEMBLER = ("llvm-mc-22", "--triple=xtensa", "-mcpu=esp32", "-filetype=obj")

_FLOAT = r"(0x[0-9A-F]{16}|-?\d+\.\d+e[+-]\d+)"
_SELECT = re.compile(rf"^( *)%([\w.]+) = select i1 ([^,\n]+), float {_FLOAT}, float {_FLOAT}(.*)$", re.MULTILINE)


def compile_lx6(source: Path, out: Path, arguments: Sequence[str]) -> None:
    """Compile one C or assembler file; the assembler text stays beside the object.

    clang's own objects misplace literals, so another program assembles its text.
    """
    text, work = out.with_suffix(".s"), out.parent
    if source.suffix == ".S":
        call([*_compiler(), *arguments, "-E", "-P", str(source.resolve()), "-o", str(text)], work, PACKAGES)
    else:
        code = out.with_suffix(".ll")
        call([*_compiler(), *arguments, "-S", "-emit-llvm", str(source.resolve()), "-o", str(code)], work, PACKAGES)
        code.write_text(select_bits(code.read_text(encoding="utf-8")), encoding="utf-8")
        optimise = [argument for argument in arguments if re.match("-O|-f", argument)]
        generate = [*_compiler(), *optimise, "-Xclang", "-disable-llvm-passes", "-x", "ir", "-S", str(code)]
        call([*generate, "-o", str(text)], work, PACKAGES)
    call([*ASSEMBLER, str(text), "-o", str(out)], work, PACKAGES)


@cache
def _compiler() -> tuple[str, ...]:
    """clang for the ESP32's core, which has to be told its options one by one: those of the board for PlatformIO."""
    features = json.loads(BOARD.read_text(encoding="utf-8"))["build"]["features"].split()
    return (*COMPILER, *(part for name in features for part in ("-Xclang", "-target-feature", "-Xclang", f"+{name}")))


def select_bits(code: str) -> str:
    """LLVM's text with every choice between two float constants made a choice between their bits.

    The back end turns the former into a table whose address it cannot take ("Cannot select: TargetConstantPool").
    """

    def choose_bits(match: re.Match[str]) -> str:
        indent, name, condition, first, second, rest = match.groups()
        return (
            f"{indent}%bits.{name} = select i1 {condition}, i32 {_bits(first)}, i32 {_bits(second)}{rest}\n"
            f"{indent}%{name} = bitcast i32 %bits.{name} to float"
        )

    return _SELECT.sub(choose_bits, code)


def _bits(literal: str) -> int:
    """A float32 as LLVM writes it, the hexadecimal digits being those of the same number in 64 bits, as an integer."""
    value = struct.unpack(">d", bytes.fromhex(literal[2:]))[0] if literal.startswith("0x") else float(literal)
    return int(struct.unpack("<i", struct.pack("<f", value))[0])
