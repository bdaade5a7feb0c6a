"""A GNU cross compiler with picolibc."""

Import("env")

board = env.BoardConfig()
prefix = board.get("build.toolchain")
# RISC-V: gcc 12 has no library for zicsr and silently takes the 64-bit one; the older specification includes zicsr.
core = board.get("build.flags").split()
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
)
env.Append(
    ASFLAGS=core,
    ASPPFLAGS=core,
    CCFLAGS=[*core, *libc, "-g"],
    LINKFLAGS=[*core, *libc, "-nostartfiles", "-Wl,--gc-sections,-z,noexecstack,-Map=${BUILD_DIR}/firmware.map"],
)
