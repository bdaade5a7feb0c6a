"""The targets of a measurement: how each compiles and links C, and how a program for it is run.

A target is a compiler, a start-up file shared with the firmware's board, and a folder of measure_runtime. Its emulator
counts executed instructions one by one: where the counter is a clock, that clock is slow beside `-icount`, so that an
instruction takes more than two of its ticks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen import measure_lx6
from codegen.measure_tools import call

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = Path(__file__).resolve().parent / "measure_runtime"
_BSP = ROOT / "firmware" / "platform" / "qemu" / "bsp"
_FLAGS = (
    *("-std=c11", "-ffunction-sections", "-fdata-sections", "-ffp-contract=off"),
    *("-fno-stack-protector", "-fno-asynchronous-unwind-tables"),
)
ROWS_AT_ONCE_BYTES = 8 << 20
"""Rows are laid into the machine's memory in pieces of this size; every machine has it to spare."""


@dataclass(frozen=True, slots=True)
class Target:
    """Commands and places; `{program}` in the emulator's command is the program's name."""

    system: str  # file of measure_runtime: rows in, outputs out
    compiler: tuple[str, ...]  # empty: clang for Xtensa, measure_lx6
    linker: tuple[str, ...]
    size: str
    packages: str  # what to install when a program is missing
    machine: Path | None = None  # folder of machine.h
    start: tuple[Path, ...] = ()  # linked into every program
    include: Path | None = None  # headers of a C library it has not got
    emulator: tuple[str, ...] = ()
    counting: tuple[str, ...] = ()  # makes the emulator count
    rows_address: int = 0

    @property
    def programs(self) -> tuple[str, ...]:
        """All that has to be installed."""
        compilers = self.compiler[:1] or (measure_lx6.COMPILER[0], measure_lx6.ASSEMBLER[0])
        return tuple(dict.fromkeys((*compilers, self.linker[0], self.size, *self.emulator[:1])))


def _riscv(march: str, mabi: str) -> Target:
    # gcc 12 has no library for zicsr and silently takes the 64-bit one; the older specification includes zicsr.
    machine = RUNTIME / "rv32"
    gcc = ("riscv64-unknown-elf-gcc", f"-march={march}", f"-mabi={mabi}", "-misa-spec=2.2", "--specs=picolibc.specs")
    return Target(
        system="semihosting.c",
        machine=machine,
        compiler=gcc,
        linker=(*gcc, "-nostartfiles", "-Wl,--gc-sections", "-T", str(machine / "link.ld")),
        size="riscv64-unknown-elf-size",
        packages="gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc",
        start=(_BSP / "riscv" / "start.S",),
        emulator=(
            *("qemu-system-riscv32", "-M", "virt", "-bios", "none", "-display", "none", "-serial", "null"),
            *("-monitor", "none", "-semihosting", "-kernel", "{program}"),
        ),
        counting=("-icount", "shift=0"),
        rows_address=0x84000000,
    )


def _cortex_m4() -> Target:
    machine = RUNTIME / "cortex_m4"
    core = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
    gcc = ("arm-none-eabi-gcc", *core, "--specs=picolibc.specs")
    return Target(
        system="semihosting.c",
        machine=machine,
        compiler=gcc,
        linker=(*gcc, "-nostartfiles", "-Wl,--gc-sections", "-T", str(machine / "link.ld")),
        size="arm-none-eabi-size",
        packages="gcc-arm-none-eabi picolibc-arm-none-eabi qemu-system-arm",
        start=(_BSP / "cortexm4" / "start.S",),
        emulator=(
            *("qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-serial", "null", "-monitor", "none"),
            *("-semihosting", "-kernel", "{program}"),
        ),
        counting=("-icount", "shift=7"),
        rows_address=0x21000000,
    )


def _lx6() -> Target:
    bsp, machine = _BSP / "lx6", RUNTIME / "lx6"
    return Target(
        system="lx6.c",
        machine=machine,
        compiler=(),
        linker=("xtensa-lx106-elf-ld", "--no-relax", "--gc-sections", "-T", str(machine / "link.ld")),
        size="xtensa-lx106-elf-size",
        packages=measure_lx6.PACKAGES,
        start=(bsp / "start.S", bsp / "vectors.S", bsp / "runtime.c"),
        include=bsp / "include",
        emulator=(
            *("qemu-system-xtensa", "-M", "kc705", "-cpu", "de233_fpu", "-m", "1100M", "-display", "none"),
            *("-serial", "null", "-monitor", "none", "-semihosting", "-device", "loader,file={program},cpu-num=0"),
        ),
        counting=("-icount", "shift=7"),
        rows_address=0x20000000,
    )


TARGETS = {
    "host": Target("host.c", ("gcc",), ("gcc", "-Wl,--gc-sections"), "size", "gcc"),
    "rv32imc": _riscv("rv32imc", "ilp32"),
    "rv32imafc": _riscv("rv32imafc", "ilp32f"),
    "cortex-m4": _cortex_m4(),
    "lx6": _lx6(),
}


def compile_object(target: Target, source: Path, out: Path, arguments: Sequence[str]) -> None:
    """Compile one C or assembler file; beside the object comes what tells its stack (codegen/measure_stack.py)."""
    flags = [*_FLAGS, *arguments, *([f"-I{target.include}"] if target.include else [])]
    if not target.compiler:
        measure_lx6.compile_lx6(source, out, flags)
        return
    graph = ["-fcallgraph-info=su"] if source.suffix == ".c" else []
    command = [*target.compiler, *flags, *graph, "-c", str(source.resolve()), "-o", str(out)]
    call(command, out.parent, target.packages)


def link(target: Target, objects: Sequence[Path], out: Path) -> None:
    """Link a program."""
    call([*target.linker, *map(str, objects), "-o", str(out)], out.parent, target.packages)


def sizes(target: Target, program: Path) -> tuple[int, int]:
    """Bytes of a program's code and constant data, and of its variables; initial values count as both."""
    said = call([target.size, "-B", str(program)], program.parent, target.packages)
    text, data, bss = (int(field) for field in said.decode().splitlines()[1].split()[:3])
    return text + data, data + bss


def execute(target: Target, program: Path, rows: Path, *, count: bool = False) -> bytes:
    """What a program writes, given rows in a file beside it; `count` where it reads the instruction counter.

    Raises CompilerError when it does not end by itself with exit code 0.
    """
    work = program.parent
    if not target.emulator:
        return call([str(program), str(rows)], work, target.packages)
    loader = ("-device", f"loader,file={rows.name},addr={target.rows_address:#x},force-raw=on")
    command = [part.replace("{program}", program.name) for part in target.emulator]
    return call([*command, *(target.counting if count else ()), *loader], work, target.packages)
