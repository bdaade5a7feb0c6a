"""Fills a PlatformIO core folder with what PlatformIO would download from its registry.

    python tools/provision_pio.py FOLDER

    packages/tool-scons       the build engine: the SCons that pip installed beside PlatformIO, the same release
    platforms/native          a stand-in for the platform "native": the compiler on PATH
    packages/tool-cppcheck    a wrapper of the program on PATH, where there is one

Each gets the metadata file (.piopm) that PlatformIO writes after an installation. For tools/pio.py; a user's own
PlatformIO downloads the originals, and platformio.ini is the same for both.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

SCONS_PROGRAM = """\
import SCons.Script

SCons.Script.main()
"""

# The registry's platform, reduced to what a C program needs. gcc is also Apple's name for clang.
NATIVE_BUILDER = '''\
"""Builds a program for this machine with the compiler on PATH."""

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
kept = {name: list(env.get(name, [])) for name in ("CFLAGS", "CXXFLAGS")}
for tool in ("gcc", "g++"):
    env.Tool(tool)
env.Append(**kept)
program = env.BuildProgram()
run = env.VerboseAction("$SOURCE $PROGRAM_ARGS", "Executing $SOURCE")
AlwaysBuild(env.Alias("exec", program, run))
Default([program])
'''


def scons_package_version(requirement: str) -> str:
    """PlatformIO's number for the installed SCons: 4.11.1 is 4.41101.0.

    Exits with a message when that is not the release PlatformIO requires.
    """
    major, minor, patch = (int(part) for part in version("scons").split(".")[:3])
    packaged = f"4.{major}{minor:02d}{patch:02d}.0"
    if requirement != f"~{packaged}":
        wanted = re.fullmatch(r"~4\.(\d)(\d\d)(\d\d)\.\d+", requirement)
        name = ".".join(str(int(part)) for part in wanted.groups()) if wanted else requirement
        sys.exit(
            f"PlatformIO {version('platformio')} needs SCons {name}, {version('scons')} is installed: "
            f"install the versions of constraints.txt"
        )
    return packaged


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Writes an object in a form a person can read."""
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def install(folder: Path, kind: str, number: str, files: dict[str, str], manifest: dict[str, Any]) -> None:
    """Replaces a package: its files, its manifest and PlatformIO's record of the installation."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    description = {"name": folder.name, "version": number, "license": "MIT"} | manifest
    write_json(folder / ("platform.json" if kind == "platform" else "package.json"), description)
    spec = {"owner": "platformio", "id": None, "name": folder.name, "requirements": None, "uri": None}
    write_json(folder / ".piopm", {"type": kind, "name": folder.name, "version": number, "spec": spec})


def provision(core: Path) -> None:
    """Writes the three packages."""
    from platformio.dependencies import get_core_dependencies

    wanted: dict[str, str] = get_core_dependencies()
    number = scons_package_version(wanted["tool-scons"])
    manifest = {"description": f"SCons {version('scons')}, as installed by pip"}
    install(core / "packages" / "tool-scons", "tool", number, {"scons.py": SCONS_PROGRAM}, manifest)

    manifest = {"title": "Native", "description": "The compiler on PATH", "license": "Apache-2.0"}
    files = {"builder/main.py": NATIVE_BUILDER}
    install(core / "platforms" / "native", "platform", "1.2.1+wattprint", files, manifest)

    shutil.rmtree(core / "packages" / "tool-cppcheck", ignore_errors=True)
    if program := shutil.which("cppcheck"):
        files = {"cppcheck": f'#!/bin/sh\nexec {shlex.quote(program)} "$@"\n'}
        manifest = {"description": f"runs {program}"}
        install(core / "packages" / "tool-cppcheck", "tool", wanted["tool-cppcheck"].lstrip("~"), files, manifest)


def main() -> None:
    """Parses the command line."""
    first, _, rest = (__doc__ or "").partition("\n")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=first, epilog=rest, formatter_class=formatter)
    parser.add_argument("core", type=Path, help="the folder that stands for ~/.platformio")
    provision(parser.parse_args().core)


if __name__ == "__main__":
    main()
