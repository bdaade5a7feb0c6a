"""The C core of the firmware, compiled for this machine and called by cffi.

There is no second implementation of features and answers. The library lies in build/core under the hash of its
sources, flags and compiler: a changed constant is picked up at once, an unchanged core is compiled once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from train.errors import BuildError

WP_MISSING = -(2**31)

ROOT = Path(__file__).resolve().parents[2]
CORE = Path("firmware/lib/core")
VEHICLE = Path("firmware/lib/vehicle")
ADVICE = Path("firmware/lib/advice")
BINDING = Path("train/features")
FLAGS = ("-std=c11", "-O2", "-fPIC", "-DNDEBUG")
MAX_DEVICES = 255  # of the binding: what a board's WP_MAX_DEVICES allows is checked when its model is compiled


def core_sources(root: Path = ROOT) -> list[Path]:
    """The .c files of features, model and answer, and the binding."""
    sources = root / CORE / "src"
    names = ("crc32.c", "model.c", "network.c", "answer.c", "familiarity.c", "estimate.c", "charge.c")
    single = [sources / name for name in names]
    return [*sorted(sources.glob("features*.c")), *single, root / BINDING / "binding.c"]


def build_core(root: Path = ROOT) -> Path:
    """Compile the core of the checkout `root` unless it is compiled already; return the shared library.

    Safe while other processes do the same. Raises BuildError without sources or compiler, or when it fails.
    """
    return build_library(root, core_sources(root), "wattprint_core")


def build_library(root: Path, sources: list[Path], name: str) -> Path:
    """As build_core, of any of the firmware's portable C."""
    compiler = shlex.split(os.environ.get("CC", "")) or ["cc"]
    program = shutil.which(compiler[0])
    if program is None:
        raise BuildError(f"C compiler {compiler[0]!r} not found: install gcc or clang, or name one in CC")
    mac = sys.platform == "darwin"
    command = [program, *compiler[1:], *FLAGS, f"-DWP_MAX_DEVICES={MAX_DEVICES}", "-dynamiclib" if mac else "-shared"]
    folder = root / "build" / "core" / _digest(root, sources, command)
    library = folder / f"{name}.{'dylib' if mac else 'so'}"
    if library.exists():
        return library
    headers = (CORE / "include", VEHICLE / "include", VEHICLE / "src", ADVICE / "include", BINDING)
    folders = [root / one for one in headers]
    includes = [argument for one in folders for argument in ("-I", str(one))]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".build.", dir=folder) as temporary:
            fresh = Path(temporary) / library.name
            _run([*command, *includes, *map(str, sources), "-o", str(fresh)])
            fresh.replace(library)
    except OSError as error:
        raise BuildError(f"{folder}: the C core cannot be put there: {error.strerror}") from None
    return library


def _digest(root: Path, sources: list[Path], command: list[str]) -> str:
    """Hash of everything the library is made from; the compiler counts by its path, size and date."""
    binary = Path(command[0]).stat()
    digest = hashlib.sha256(repr((command, binary.st_size, binary.st_mtime_ns)).encode())
    headers = [*(root / CORE).rglob("*.h"), *(root / VEHICLE).rglob("*.h"), *(root / BINDING).glob("*.h")]
    headers += (root / ADVICE).rglob("*.h")
    try:
        for path in [*sources, *sorted(headers)]:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    except OSError as error:
        raise BuildError(f"{error.filename}: source of the C core not found: run inside a full checkout") from None
    return digest.hexdigest()[:20]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines()
        raise BuildError(f"the C core does not compile ({command[0]}): {lines[0].strip() if lines else 'no message'}")


@cache
def load_core() -> tuple[Any, Any]:
    """(ffi, library) of this checkout's core, declarations read from binding.h. Raises BuildError."""
    return open_library(build_core(), "binding.h")


def open_library(library: Path, declarations: str) -> tuple[Any, Any]:
    """(ffi, library), declarations read from a header of the bindings. Raises BuildError."""
    from cffi import FFI

    ffi = FFI()
    header = (ROOT / BINDING / declarations).read_text(encoding="ascii")
    ffi.cdef(re.sub(r"^#.*$", "", header, flags=re.MULTILINE))
    try:
        return ffi, ffi.dlopen(str(library))
    except OSError as error:
        raise BuildError(f"{library}: cannot be loaded: {error}") from None


def pointer(array: NDArray[Any]) -> Any:
    """The array as the C core takes it: its own memory, C order, of the type its dtype names."""
    ffi, _ = load_core()
    return ffi.from_buffer(f"{array.dtype.name}_t[]", array)


@cache
def feature_names() -> tuple[str, ...]:
    """Names of the features in the order of their columns."""
    ffi, core = load_core()
    names: list[str] = []
    while (name := core.wp_binding_feature_name(len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode("ascii"))
    return tuple(names)


def features_version() -> int:
    """WP_FEATURES_VERSION of the core."""
    _, core = load_core()
    return int(core.wp_binding_features_version())


def state_bytes() -> int:
    """Bytes of the serialised features, WP_STATE_BYTES."""
    _, core = load_core()
    return int(core.wp_binding_state_bytes())
