"""The virtual board of a household: the native firmware with its tables, built where no other is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from host.board import SIM
from host.board_sim import BUILD_COMMAND
from host.commands import run_module
from host.errors import FirmwareBuildError
from host.progress import waiting

FOLDER = Path(".pio/household")
"""By model hash, what was built here; beside PlatformIO's own folders, and as easily thrown away."""


def firmware_of(port: str, firmware: Path | None, artifact: Path | None) -> Path | None:
    """The firmware named, else for `--port sim` the household's own where the artifact is one; None: the usual one.

    Raises CommandError or FirmwareBuildError when it cannot be built.
    """
    from train.artifact_household import is_household, load_household

    if port != SIM or firmware is not None or artifact is None or not is_household(artifact):
        return firmware
    return build_household(artifact, load_household(artifact).model_hash)


def build_household(artifact: Path, model_hash: str) -> Path:
    """Build anew what is not up to date of the native firmware with the household's tables; its program."""
    folder = FOLDER / model_hash
    program, model = folder / "pio" / "native" / "program", folder / "model"
    environment = {
        **os.environ,
        "WATTPRINT_MODEL_DIR": str(model.resolve()),
        "PLATFORMIO_BUILD_DIR": str((folder / "pio").resolve()),
    }
    if not Path(BUILD_COMMAND[0]).is_file():
        raise FirmwareBuildError(f"{BUILD_COMMAND[0]}: not found; run this in the project's folder, or name --firmware")
    with waiting("building the household's virtual board"):
        run_module("codegen", ["compile", "--artifact", str(artifact), "--out", str(model)])
        done = subprocess.run(
            [sys.executable, *BUILD_COMMAND], capture_output=True, text=True, check=False, env=environment
        )
    if done.returncode or not program.is_file():
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["no message"]
        raise FirmwareBuildError(f"firmware of {artifact}: not built: {lines[-1]}; name one that is with --firmware")
    return program
