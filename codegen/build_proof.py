"""What every build ends in: the native firmware of the emitted model, held against the reference through its line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from codegen.errors import CompilerError
from codegen.steps import Steps

ROOT = Path(__file__).resolve().parent.parent


def python(module: str, *arguments: object) -> list[str]:
    """The command line of one of this project's own commands."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def prove(steps: Steps, artifact: Path, model: Path, out: Path) -> dict[str, Any]:
    """Build the firmware with the C in `model`, and what `host verify` says of it; the reference is in `out`."""
    environment = {
        **os.environ,
        "WATTPRINT_MODEL_DIR": str(model.resolve()),
        "PLATFORMIO_BUILD_DIR": str((out / "pio").resolve()),
    }
    steps.run(
        "build the native firmware",
        [sys.executable, str(ROOT / "tools" / "pio.py"), "run", "-e", "native"],
        environment=environment,
        exit_code=CompilerError.exit_code,  # PlatformIO's own is 1, which here means that an answer differs
    )
    return steps.run_json(
        "verify through the serial line",
        python(
            "host", "verify", "--port", "sim", "--firmware", out / "pio" / "native" / "program", "--artifact",
            artifact, "--reference", out / "reference.npz", "--json",
        ),
        accept=(0, 1),
    )  # fmt: skip
