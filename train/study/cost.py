"""What a model costs on the board: its C compiled and measured by codegen, as processes.

train knows nothing of C; a folder goes in, figures come out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from train.errors import BuildError, TrainError
from train.features import to_float as to_float

if TYPE_CHECKING:
    from train.artifact import Artifact
    from train.models.answering import Forests

TARGET = "rv32imc"
ROOT = Path(__file__).resolve().parents[2]


def forest_cost(
    model: bytes, name: str, style: str, leaf_bits: int | None, rows: NDArray[np.float32]
) -> dict[str, Any]:
    """flash_bytes, ram_bytes, stack_bytes, instructions of a forest's C on rv32imc, and its deflated bytes.

    style  of `codegen compile`; `m2cgen-int32` is m2cgen's on integer features. Raises BuildError.
    """
    integers = style not in ("m2cgen", "exact")
    with tempfile.TemporaryDirectory(prefix="wattprint-study-") as folder:
        work = Path(folder)
        (work / "model.json").write_bytes(model)
        np.savez(work / "rows.npz", x=rows)
        options = ["--emit", style.partition("-")[0], "--features", "int32" if integers else "float32"]
        if leaf_bits is not None:
            options += ["--leaf-bits", str(leaf_bits)]
        codegen("compile", work / "model.json", "--name", name, "--out", work / "c", *options)
        return measured(work / "c", work / "rows.npz")


def measured(folder: Path, rows: Path | None = None) -> dict[str, Any]:
    """The cost of a folder of generated C."""
    inputs = [] if rows is None else ["--inputs", str(rows)]
    cost = json.loads(codegen("measure", folder, "--target", TARGET, *inputs))
    counted = cost["instructions"] or {"mean": None, "max": None}
    return {
        "flash_bytes": cost["flash_bytes"],
        "ram_bytes": cost["ram_bytes"] + cost["stack_bytes"],
        "instructions_mean": counted["mean"],
        "instructions_max": counted["max"],
    }


def deflated(data: bytes) -> int:
    """Bytes after zlib at its best: what the field likes to quote. No board runs that."""
    return len(zlib.compress(data, 9))


def codegen(*arguments: object) -> str:
    """Run a command of codegen; returns what it prints. Raises BuildError where a compiler is missing or fails."""
    command = [sys.executable, "-m", "codegen", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        words = (said or ["failed without a word"])[-1].removeprefix("error: ")
        error = BuildError if done.returncode == BuildError.exit_code else TrainError
        raise error(f"codegen {arguments[0]}: {words}")
    return done.stdout


def check_compiler() -> None:
    """Raise BuildError at once where nothing could be measured later: the study is about measured bytes."""
    source = "#ifndef M_H\n#define M_H\n#define M_N_FEATURES 1\n#define M_N_OUTPUTS 1\ntypedef int m_feature;\n"
    with tempfile.TemporaryDirectory(prefix="wattprint-study-") as folder:
        work = Path(folder)
        declared = "void m_predict(const m_feature x[1], m_output out[1]);\n#endif\n"
        (work / "m.h").write_text(
            "#include <stdint.h>\n" + source.replace("int m_feature", "int32_t m_feature")
            + "typedef int32_t m_output;\n" + declared, encoding="ascii",
        )  # fmt: skip
        (work / "m.c").write_text(
            '#include "m.h"\nvoid m_predict(const m_feature x[1], m_output out[1])\n{\n    out[0] = x[0];\n}\n',
            encoding="ascii",
        )
        np.savez(work / "rows.npz", x=np.zeros((2, 1), np.float32))
        measured(work, work / "rows.npz")


def core_cost(data: Path) -> dict[str, Any] | None:
    """What an answer costs besides its two forests: features, post-processing, state CRC.

    The default artifact's whole answer less its forests alone, in C of which each forest has its own; shared_bytes are
    those that two forests of a style count twice so. None where there is no such artifact.
    """
    from train.models.answering import Forests
    from train.models.predict import load_model

    artifact, forests = load_model(ROOT / "artifacts" / "default")
    if not isinstance(forests, Forests):
        return None
    with tempfile.TemporaryDirectory(prefix="wattprint-study-") as folder:
        work = Path(folder)
        rows = _asked_rows(artifact, forests, data, work / "samples.npz")
        apart, packed = (_beside_forests(artifact, style, rows, work) for style in ("balanced", "small"))
    return {**apart, "shared_bytes": {"small": apart["flash_bytes"] - packed["flash_bytes"]}}


def _asked_rows(artifact: Artifact, forests: Forests, data: Path, samples_file: Path) -> dict[str, NDArray[np.float32]]:
    """What the forests are asked in four of the charges, whose samples are written to the file."""
    from train.features import extract
    from train.models.answering import board_model, forest_outputs
    from train.models.predict import deal_out
    from train.sessions.dataset import read_dataset

    charges = deal_out(read_dataset(data).charges, 4)
    samples = {
        name: np.concatenate([getattr(c, name) for c in charges]) for name in ("t_ms", "voltage_mv", "current_ma")
    }
    np.savez(samples_file, allow_pickle=False, offsets=np.cumsum([0, *(len(c.t_ms) for c in charges)]), **samples)
    found = [extract(charge) for charge in charges]
    x = np.concatenate([to_float(one.x) for one in found])
    history = np.concatenate([forest_outputs(board_model(artifact, forests), one).history for one in found])
    return {"device": x, "remaining": np.column_stack([x, history.astype(np.float32)])}


def _beside_forests(artifact: Artifact, style: str, rows: dict[str, NDArray[np.float32]], work: Path) -> dict[str, int]:
    path = artifact.path
    codegen("compile", "--artifact", path, "--emit", style, "--out", work / style)
    whole = measured(work / style, work / "samples.npz")
    parts = [
        forest_cost((path / model.file).read_bytes(), kind, style, model.leaf_bits, rows[kind])
        for kind, model in (("device", artifact.device_model), ("remaining", artifact.remaining_model))
        if model is not None
    ]
    return {
        "flash_bytes": whole["flash_bytes"] - sum(part["flash_bytes"] for part in parts),
        "ram_bytes": whole["ram_bytes"] - max(part["ram_bytes"] for part in parts),
        "instructions_max": whole["instructions_max"] - sum(part["instructions_max"] for part in parts),
    }
