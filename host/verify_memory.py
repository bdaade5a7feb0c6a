"""Bytes of flash and RAM of a firmware's ELF file, and with what it was compiled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.errors import HostError

_ALLOCATED = 0x2  # SHF_ALLOC
_WRITABLE = 0x1  # SHF_WRITE


@dataclass(frozen=True, slots=True)
class Memory:
    """What a linked firmware takes; the deepest stack, where the board knows it, comes on top of the RAM."""

    path: str
    flash_bytes: int  # code, constants and the initial values of variables
    ram_bytes: int  # variables
    machine: str
    compiler: str
    flags: str  # of one of its C files, where debug information is there


def read_elf(path: Path) -> Memory:
    """Measure an ELF file; raises HostError when it is none."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            allocated = [section for section in elf.iter_sections() if section["sh_flags"] & _ALLOCATED]
            return Memory(
                path=str(path),
                flash_bytes=sum(each["sh_size"] for each in allocated if each["sh_type"] != "SHT_NOBITS"),
                ram_bytes=sum(each["sh_size"] for each in allocated if each["sh_flags"] & _WRITABLE),
                machine=elf.get_machine_arch(),
                compiler=_compiler(elf),
                flags=_flags(elf),
            )
    except OSError as error:
        raise HostError(f"--elf {path}: cannot be read: {error.strerror}") from None
    except (ELFError, ValueError, KeyError) as error:
        raise HostError(f"--elf {path}: is no ELF file ({error}); name the linked firmware") from None


def _compiler(elf: Any) -> str:
    section = elf.get_section_by_name(".comment")
    texts = section.data().split(b"\0") if section is not None else []
    return next((text.decode("utf-8", "replace") for text in texts if text), "")


def _flags(elf: Any) -> str:
    if not elf.has_dwarf_info():
        return ""
    for unit in elf.get_dwarf_info().iter_CUs():
        attribute = unit.get_top_DIE().attributes.get("DW_AT_producer")
        words = attribute.value.decode("utf-8", "replace").split() if attribute is not None else []
        if "C11" in words:
            return " ".join(word for word in words if word.startswith("-"))
    return ""
