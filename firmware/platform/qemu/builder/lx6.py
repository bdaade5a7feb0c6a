"""The ESP32's core with Debian's clang 22, whose back end for Xtensa is experimental.

clang's own objects misplace literals: it writes assembler text, llvm-mc assembles that, GNU ld for Xtensa links. There
is no C library: bsp/lx6 has the few functions the core needs. Variadic functions do not work with this compiler. It
does not take -mcpu=esp32, but the ESP32's options (build.features); mul32high is left out, which QEMU's core has not.
"""

from pathlib import Path

Import("env")

board = env.BoardConfig()
prefix = board.get("build.toolchain")
bsp = Path(env.PioPlatform().get_dir()) / "bsp" / "lx6"
core = ["--target=xtensa", "-nostdlibinc", "-fomit-frame-pointer"]
for feature in board.get("build.features").split():
    core += ["-Xclang", "-target-feature", "-Xclang", f"+{feature}"]

assemble = "llvm-mc-22 --triple=xtensa -mcpu=esp32 -filetype=obj ${TARGET}.s -o $TARGET"
env.Replace(
    AR="llvm-ar-22",
    CC="clang-22",
    CXX="clang-22",
    LINK=f"{prefix}ld",
    RANLIB="llvm-ranlib-22",
    OBJCOPY=f"{prefix}objcopy",
    CCCOM=f"$CC -S -o ${{TARGET}}.s $CFLAGS $CCFLAGS $_CCCOMCOM $SOURCES && {assemble}",
    ASPPCOM=f"$CC -E -P -o ${{TARGET}}.s $ASPPFLAGS $_CCCOMCOM $SOURCES && {assemble}",
    LINKCOM="$LINK -o $TARGET $LINKFLAGS $SOURCES $_LIBDIRFLAGS --start-group $_LIBFLAGS --end-group",
)
env.Append(
    ASPPFLAGS=core,
    CCFLAGS=core,
    CPPPATH=[str(bsp / "include")],
    LINKFLAGS=["--no-relax", "--gc-sections", "-Map=${BUILD_DIR}/firmware.map"],
)
