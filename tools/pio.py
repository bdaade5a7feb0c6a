"""PlatformIO with this project's set-up: works without PlatformIO's registry, asks no one, reports to no one.

    python tools/pio.py run -e native
    python tools/pio.py test -e native -e qemu_riscv32

The arguments are PlatformIO's own. Its core folder is the virtual environment's platformio-core, or where that cannot
be written or belongs to another checkout one in the user's cache; WATTPRINT_PLATFORMIO_CORE names another. Exit code:
PlatformIO's.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROVISION = Path(__file__).resolve().with_name("provision_pio.py")
EXIT_USAGE = 2
EXIT_BUILD = 6
EXIT_INTERRUPTED = 130

# Commands that write the build folder: two at once would corrupt it, so the second waits for the first.
BUILDING = ("run", "test", "check")
# Targets that may run for as long as the user likes.
LASTING = ("exec", "serve", "monitor", "upload")


def writable(folder: Path) -> bool:
    """Whether the folder is there, or can be made, and takes files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def core_folder() -> Path:
    """The folder that stands for ~/.platformio, one a checkout: it remembers where the QEMU platform is.

    Exists afterwards.
    """
    chosen = os.environ.get("WATTPRINT_PLATFORMIO_CORE")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    if chosen:
        candidates = [Path(chosen).absolute()]
    else:
        own = sys.prefix != sys.base_prefix and Path(sys.prefix).resolve().is_relative_to(ROOT)
        virtual = [Path(sys.prefix) / "platformio-core"] if own else []
        checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:16]
        candidates = [*virtual, cache / "wattprint" / checkout / "platformio-core"]
    for folder in candidates:
        if writable(folder):
            return folder
    print(f"pio: cannot write {candidates[-1]}: name a folder in WATTPRINT_PLATFORMIO_CORE", file=sys.stderr)
    sys.exit(EXIT_USAGE)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock between processes; a process that dies lets go of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def provision(core: Path) -> None:
    """Puts into the core folder what PlatformIO would download, unless it is there already."""
    script = hashlib.sha256(PROVISION.read_bytes()).hexdigest()
    # The packages are wrappers of programs, which may have been installed, moved or removed since.
    key = f"{version('platformio')} {version('scons')} {shutil.which('cppcheck')} {script}\n"
    stamp = core / "wattprint-provisioned"
    with locked(core / "locks" / "provision"):
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
            return
        done = subprocess.run([sys.executable, str(PROVISION), str(core)], check=False)
        if done.returncode:
            sys.exit(EXIT_BUILD)
        stamp.write_text(key, encoding="utf-8")


def environment(core: Path) -> dict[str, str]:
    """PlatformIO's settings: no questions to its servers, a minute each where they cannot be reached."""
    return os.environ | {
        "PLATFORMIO_CORE_DIR": str(core),
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
    }


def build_lock(core: Path, arguments: list[str]) -> contextlib.AbstractContextManager[None]:
    """A lock on the build folder for commands that build."""
    if not arguments or arguments[0] not in BUILDING or any(target in arguments for target in LASTING):
        return contextlib.nullcontext()
    folder = os.environ.get("PLATFORMIO_BUILD_DIR") or os.environ.get("PLATFORMIO_WORKSPACE_DIR") or ".pio"
    name = hashlib.sha256(str((ROOT / folder).resolve()).encode()).hexdigest()[:16]
    return locked(core / "locks" / name)


def main(arguments: list[str]) -> int:
    """Runs PlatformIO in the project's root and returns its exit code."""
    try:
        version("platformio"), version("scons")
    except PackageNotFoundError as error:
        print(f"pio: {error.name} is not installed for {sys.executable}: run make build first", file=sys.stderr)
        return EXIT_USAGE
    core = core_folder()
    provision(core)
    with build_lock(core, arguments):
        command = [sys.executable, "-m", "platformio", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment(core), check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
