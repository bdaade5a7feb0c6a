"""Builds firmware.elf for a board that QEMU emulates, with the cross compiler on PATH.

A board's `build.tools` names the script beside this one that sets its compiler up.
"""

import os
from pathlib import Path

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
board = env.BoardConfig()
here = Path(env.PioPlatform().get_dir())
prefix = board.get("build.toolchain")

env.Replace(
    SIZETOOL=f"{prefix}size",
    SIZEPRINTCMD="$SIZETOOL -B -d $SOURCES",
    SIZEPROGREGEXP=r"^(?:\.vectors|\.init|\.text|\.rodata|\.data)\S*\s+(\d+).*",
    SIZEDATAREGEXP=r"^(?:\.data|\.bss)\S*\s+(\d+).*",
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
    LDSCRIPT_PATH=str(here / "ld" / board.get("build.ldscript")),
)
env.Append(CPPPATH=[str(here / "bsp")])
env.SConscript(str(here / "builder" / f"{board.get('build.tools')}.py"), exports={"env": env})
env.BuildSources("$BUILD_DIR/bsp", str(here / "bsp"), f"+<*.c> +<{board.get('build.bsp')}/>")

program = env.BuildProgram()
command = board.get("build.qemu")  # ends where the program's name begins
run = f"{command}{'' if command.endswith('=') else ' '}$SOURCE"
port = os.environ.get("WATTPRINT_QEMU_PORT", "5555")
# Without nodelay each line may wait 40 ms for the one before.
serve = run.replace("-serial stdio", f"-serial tcp:127.0.0.1:{port},server=on,wait=on,nodelay=on")
AlwaysBuild(env.Alias("exec", program, env.VerboseAction(run, "Running $SOURCE under QEMU")))
AlwaysBuild(env.Alias("serve", program, env.VerboseAction(serve, f"Running $SOURCE on socket://127.0.0.1:{port}")))
AlwaysBuild(env.Alias("size", program, env.VerboseAction("$SIZEPRINTCMD", "Size of $SOURCE")))
Default([program])
