"""What is measured: wattprint's styles, and other generators' C behind a face of the same kind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codegen.emit.forest import emit_forest
from codegen.emit.styles import STYLES
from codegen.ir.forest import FeatureType, Leaf, walk
from codegen.leaf_error import worst_error
from codegen.readers.xgboost import read_model
from codegen.reference import outputs_from_leaves
from forest_bench.models import Model

NAME = "clf"
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RIVALS = ROOT / ".venv" / "rivals" / "bin" / "python"
SECONDS_MAX = 300


class NotThereError(Exception):
    """A generator that is not installed, or does not take the model; the message says which."""


@dataclass(frozen=True)
class Emitted:
    """A folder of C, and what its answers must be."""

    folder: Path
    n_splits: int
    emit_s: float
    wrong: Callable[[NDArray[np.generic]], int] | None  # rows of outputs [n, n_outputs] that differ; None: no saying
    error: float | None = None  # against XGBoost's margins, where leaves are quantised
    rows: NDArray[np.float32] | None = None  # in place of the model's


@dataclass(frozen=True)
class Form:
    """One line of the table."""

    name: str
    ours: bool
    features: tuple[FeatureType, ...]
    emit: Callable[[Model, FeatureType, Path], Emitted]


def forms() -> list[Form]:
    """Our styles, then the others; m2cgen's own export first among those, to which ratios refer."""
    both: tuple[FeatureType, ...] = ("float32", "int32")
    ours = [
        Form(f"{style.name} {bits} bit" if bits else style.name, True, both, _style(style.name, bits))
        for style in STYLES.values()
        if style.name != "m2cgen"
        for bits in (((12, 8) if style.name == "small" else (12,)) if style.quantises_leaves else (None,))
    ]
    others = [
        Form("m2cgen as shipped", False, ("float32",), _export("export_m2cgen.py", Path(sys.executable))),
        Form("m2cgen corrected", False, both, _style("m2cgen", None)),
        Form("tl2cgen", False, ("float32",), _export("export_tl2cgen.py", RIVALS, "0")),
        Form("tl2cgen quantize=1", False, ("float32",), _export("export_tl2cgen.py", RIVALS, "1")),
        Form("emlearn, a forest of its own", False, ("float32",), _export_emlearn),
    ]
    return [*others[:1], *ours, *others[1:]]


def _style(style: str, leaf_bits: int | None) -> Callable[[Model, FeatureType, Path], Emitted]:
    def emit(model: Model, features: FeatureType, folder: Path) -> Emitted:
        started = time.monotonic()
        source = read_model(model.path)
        emitted = emit_forest(source, NAME, folder, style=style, feature_type=features, leaf_bits=leaf_bits).forest
        spent, n_splits = time.monotonic() - started, source.forest.n_splits
        scale = emitted.output_scale_log2
        if scale is None:
            return Emitted(folder, n_splits, spent, _bits_differ(model.margins(features)))
        expected = outputs_from_leaves(source.forest, model.leaves(features), scale, leaf_bits)
        error = worst_error(source.forest, scale, leaf_bits, model.rows(features))
        return Emitted(folder, n_splits, spent, lambda found: _differing(found != expected), error)

    return emit


def _export(script: str, python: Path, *arguments: str) -> Callable[[Model, FeatureType, Path], Emitted]:
    def emit(model: Model, features: FeatureType, folder: Path) -> Emitted:
        started = time.monotonic()
        _run(python, script, model.path, folder, *arguments)
        spent = time.monotonic() - started
        return Emitted(folder, model.source.forest.n_splits, spent, _branches_differ(model, features))

    return emit


def _export_emlearn(model: Model, features: FeatureType, folder: Path) -> Emitted:
    """A random forest of as many trees, as deep, on the same rows: emlearn takes no XGBoost model."""
    if model.source.forest.n_outputs == 1:
        raise NotThereError("emlearn's tables are for classes only")
    margin = model.margins(features)
    ordinary = np.isfinite(model.x).all(axis=1) & (np.abs(model.x) < 1e9).all(axis=1)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with_labels = folder.with_name(f"{folder.name}_data.npz")
    np.savez(with_labels, x=model.x[ordinary], label=margin[ordinary].argmax(axis=1))
    depth = max(_depth(model), 1)
    started = time.monotonic()
    said = _run(RIVALS, "export_emlearn.py", with_labels, folder, str(len(model.source.forest.trees)), str(depth))
    spent = time.monotonic() - started
    with np.load(with_labels.with_suffix(".rows.npz"), allow_pickle=False) as file:
        return Emitted(folder, int(said), spent, None, rows=file["x"].astype(np.float32))


def _depth(model: Model) -> int:
    from codegen.ir.forest import depth

    return max(depth(tree.root) for tree in model.source.forest.trees)


def _run(python: Path, script: str, *arguments: object) -> str:
    if not python.exists():
        raise NotThereError("not installed: make bench-forest installs it, or could not")
    command = [str(python), str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False, cwd=ROOT)
    if done.returncode:
        raise NotThereError((done.stderr.strip() or "failed without a word").splitlines()[-1][:120])
    return done.stdout.strip()


def _differing(wrong: NDArray[np.bool_]) -> int:
    return int(wrong.any(axis=1).sum())


def _bits_differ(margins: NDArray[np.float32]) -> Callable[[NDArray[np.generic]], int]:
    return lambda found: _differing(np.asarray(found, np.float32).view(np.uint32) != margins.view(np.uint32))


def _branches_differ(model: Model, features: FeatureType) -> Callable[[NDArray[np.generic]], int]:
    """Rows off by more than sums of floats in another order or width explain: some tree took another branch.

    XGBoost and a float32 sum are rounded once a tree, by at most 2**-24 of a partial sum, which no sum of the largest
    leaves exceeds; leaves and base margin are printed with eight digits or more, 2**-24 each as well.
    """
    forest = model.source.forest
    largest = np.abs(np.array(forest.base, dtype=np.float64))
    n_trees = np.zeros(forest.n_outputs)
    for tree in forest.trees:
        largest[tree.output] += max(abs(node.value) for node in walk(tree.root) if isinstance(node, Leaf))
        n_trees[tree.output] += 1
    tolerance = (2 * n_trees + 2) * largest * 1.001 * 2.0**-24
    margins = model.margins(features).astype(np.float64)
    return lambda found: _differing(~(np.abs(np.asarray(found, np.float64) - margins) <= tolerance))
