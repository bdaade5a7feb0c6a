"""Builds firmware.elf for QEMU's virt machine with the cross compiler on PATH."""

from pathlib import Path

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
board = env.BoardConfig()
prefix = board.get("build.toolchain")
here = Path(env.PioPlatform().get_dir())
# gcc 12 has no library for rv32imc_zicsr and silently takes the 64-bit one; the older specification includes zicsr.
architecture = [f"-march={board.get('build.march')}", f"-mabi={board.get('build.mabi')}", "-misa-spec=2.2"]
libc = ["--specs=picolibc.specs"]

env.Replace(
    AR=f"{prefix}gcc-ar",
    AS=f"{prefix}as",
    CC=f"{prefix}gcc",
    CXX=f"{prefix}g++",
    LINK=f"{prefix}gcc",
    RANLIB=f"{prefix}gcc-ranlib",
    OBJCOPY=f"{prefix}objcopy",
    GDB="gdb-multiarch",
    SIZETOOL=f"{prefix}size",
    SIZEPRINTCMD="$SIZETOOL -B -d $SOURCES",
    SIZEPROGREGEXP=r"^(?:\.text|\.rodata|\.init|\.data)\S*\s+(\d+).*",
    SIZEDATAREGEXP=r"^(?:\.data|\.bss)\S*\s+(\d+).*",
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
    LDSCRIPT_PATH=str(here / "ld" / board.get("build.ldscript")),
)
env.Append(
    ASFLAGS=architecture,
    ASPPFLAGS=architecture,
    CCFLAGS=[*architecture, *libc, "-g"],
    LINKFLAGS=[*architecture, *libc, "-nostartfiles", "-Wl,--gc-sections", "-Wl,-Map=${BUILD_DIR}/firmware.map"],
)
env.BuildSources("$BUILD_DIR/bsp", str(here / "bsp" / board.get("build.bsp")))

program = env.BuildProgram()
qemu = "qemu-system-riscv32 -M virt -bios none -display none -monitor none -serial stdio -kernel $SOURCE"
AlwaysBuild(env.Alias("exec", program, env.VerboseAction(qemu, "Running $SOURCE under QEMU")))
AlwaysBuild(env.Alias("size", program, env.VerboseAction("$SIZEPRINTCMD", "Size of $SOURCE")))
Default([program])
