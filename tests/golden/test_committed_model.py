"""The committed firmware model is what codegen makes of the committed artifact, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_committed_model_is_the_artifacts(tmp_path: Path) -> None:
    out = tmp_path / "model"
    command = [sys.executable, "-m", "codegen", "compile", "--artifact", "artifacts/default", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert files(out) == files(ROOT / "firmware" / "lib" / "model"), "python -m codegen build --install"
