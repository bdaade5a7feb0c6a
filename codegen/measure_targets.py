"""The targets of a measurement: how each compiles and links C, and how a program for it is run.

A target is a compiler, a start-up file shared with the firmware's board, and a folder of measure_runtime. Its emulator
counts executed instructions one by one: where the counter is a clock, that clock is slow beside `-icount`, so that an
instruction takes more than two of its ticks.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.errors import CompilerError, DeadlineError

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = Path(__file__).resolve().parent / "measure_runtime"
_BSP = ROOT / "firmware" / "platform" / "qemu" / "bsp"
_FLAGS = (
    *("-std=c11", "-ffunction-sections", "-fdata-sections", "-ffp-contract=off"),
    *("-fno-stack-protector", "-fno-asynchronous-unwind-tables"),
)
SECONDS_MAX = 600
ROWS_AT_ONCE_BYTES = 8 << 20
"""Rows are laid into the machine's memory in pieces of this size; every machine has it to spare."""


@dataclass(frozen=True, slots=True)
class Target:
    """Commands and places; `{program}` in the emulator's command is the program's name."""

    machine: str  # folder of measure_runtime
    compiler: tuple[str, ...]
    linker: tuple[str, ...]
    size: str
    packages: str  # what to install when a program is missing
    start: tuple[Path, ...] = ()
    emulator: tuple[str, ...] = ()
    counting: tuple[str, ...] = ()  # makes the emulator count
    rows_address: int = 0


def _riscv(march: str, mabi: str) -> Target:
    # gcc 12 has no library for zicsr and silently takes the 64-bit one; the older specification includes zicsr.
    gcc = ("riscv64-unknown-elf-gcc", f"-march={march}", f"-mabi={mabi}", "-misa-spec=2.2", "--specs=picolibc.specs")
    return Target(
        machine="rv32",
        compiler=gcc,
        linker=(*gcc, "-nostartfiles", "-Wl,--gc-sections", "-T", str(RUNTIME / "rv32" / "link.ld")),
        size="riscv64-unknown-elf-size",
        packages="gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc",
        start=(_BSP / "start.S",),
        emulator=(
            *("qemu-system-riscv32", "-M", "virt", "-bios", "none", "-display", "none", "-serial", "null"),
            *("-monitor", "none", "-semihosting", "-kernel", "{program}"),
        ),
        counting=("-icount", "shift=0"),
        rows_address=0x84000000,
    )


TARGETS = {
    "host": Target("host", ("gcc",), ("gcc", "-Wl,--gc-sections"), "size", "gcc"),
    "rv32imc": _riscv("rv32imc", "ilp32"),
}


def compile_object(target: Target, source: Path, out: Path, arguments: Sequence[str]) -> None:
    """Compile one C or assembler file; beside the object comes what tells its stack (codegen/measure_stack.py)."""
    command = [*target.compiler, *_FLAGS, *arguments]
    if source.suffix == ".c":
        command.append("-fcallgraph-info=su")
    run([*command, "-c", str(source.resolve()), "-o", str(out)], out.parent, target.packages)


def link(target: Target, objects: Sequence[Path], out: Path) -> None:
    """Link a program."""
    run([*target.linker, *map(str, objects), "-o", str(out)], out.parent, target.packages)


def sizes(target: Target, program: Path) -> tuple[int, int]:
    """Bytes of a program's code and constant data, and of its variables; initial values count as both."""
    line = run([target.size, "-B", str(program)], program.parent, target.packages).splitlines()[1]
    text, data, bss = (int(field) for field in line.split()[:3])
    return text + data, data + bss


def execute(target: Target, program: Path, rows: Path, *, count: bool = False) -> bytes:
    """What a program writes, given rows in a file beside it; `count` where it reads the instruction counter.

    Raises CompilerError when it does not end by itself with exit code 0.
    """
    work = program.parent
    if not target.emulator:
        return run_bytes([str(program), str(rows)], work, target.packages)
    loader = ("-device", f"loader,file={rows.name},addr={target.rows_address:#x},force-raw=on")
    command = [part.replace("{program}", program.name) for part in target.emulator]
    return run_bytes([*command, *(target.counting if count else ()), *loader], work, target.packages)


def run(command: Sequence[str], work: Path, packages: str) -> str:
    """Standard output of a command as text."""
    return run_bytes(command, work, packages).decode("utf-8", errors="replace")


def run_bytes(command: Sequence[str], work: Path, packages: str) -> bytes:
    """Standard output of a command; raises CompilerError when it is not there or fails, DeadlineError when it hangs."""
    if shutil.which(command[0]) is None:
        raise CompilerError(f"{command[0]} is not installed; on Debian: apt-get install {packages}")
    try:
        done = subprocess.run(
            command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        raise DeadlineError(
            f"{command[0]}: takes longer than {SECONDS_MAX} s; give a smaller model or --inputs"
        ) from None
    if done.returncode:
        errors = done.stderr.decode("utf-8", errors="replace").splitlines()
        said = [line for line in errors if "error" in line] or errors or ["no word"]
        raise CompilerError(f"{Path(command[0]).name} failed ({done.returncode}): {said[0]}")
    return done.stdout
