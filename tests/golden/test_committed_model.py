"""The committed firmware model is what codegen makes of the committed artifact, byte for byte."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_committed_model_is_the_artifacts(tmp_path: Path) -> None:
    """In the styles that model.h names: a build has chosen them by measuring."""
    committed, out = ROOT / "firmware" / "lib" / "model", tmp_path / "model"
    found = re.search(r"\* styles    (.+)\n", (committed / "model.h").read_text(encoding="ascii"))
    assert found
    styles = found[1].replace(", ", ",").replace(" ", "=")
    command = [sys.executable, "-m", "codegen", "compile", "--artifact", "artifacts/default", "--emit", styles]
    done = subprocess.run([*command, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert files(out) == files(committed), "python -m codegen build --artifact artifacts/default --install"
