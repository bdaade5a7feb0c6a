"""Where a verification comes from: this checkout, the artifact, the firmware, this machine."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from host.board_sim import DEFAULT_PROGRAM
from host.messages import Hello
from host.verify_host_c import Program
from host.verify_memory import Memory
from train.artifact import Artifact

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("numpy", "pyserial")


def provenance(
    artifact: Artifact,
    hello: Hello,
    *,
    port: str,
    firmware: Path | None,
    program: Program | None,
    memory: Memory | None,
    command: str,
) -> dict[str, Any]:
    """Facts by name, empty ones left out."""
    native = (firmware or DEFAULT_PROGRAM) if port == "sim" else None
    facts: dict[str, Any] = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "command": command,
        "artifact": f"{artifact.name}, {artifact.hash}",
        "data_hash": str(artifact.manifest["data"].get("hash", "")),
        "trained_with": dict(artifact.manifest["versions"]),
        "board": f"{port}: firmware {hello.version}, protocol {hello.protocol}",
        "native_program": _file(native),
        "elf": "" if memory is None else f"{_file(Path(memory.path))}, {memory.machine}",
        "firmware_compiler": "" if memory is None else memory.compiler,
        "firmware_flags": "" if memory is None else memory.flags,
        "host_c_compiler": "" if program is None else program.compiler,
        "host_c_flags": "" if program is None else " ".join(program.flags),
        "machine": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "versions": {"python": platform.python_version()} | _versions(),
    }
    return {name: fact for name, fact in facts.items() if fact}


def commit() -> str:
    """The checkout's commit, with `+` when files differ from it; empty outside git."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    return commit + "+" if commit and _git("status", "--porcelain") else commit


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _file(path: Path | None) -> str:
    """A file's name and digest; empty where there is none."""
    if path is None or not path.is_file():
        return ""
    return f"{path}, sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
