"""`python -m codegen compile` of forests: one style or the best of all, and what its leaves cost in accuracy."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codegen.budget import Budget, choose
from codegen.emit.artifact import emit_artifact, model_kinds, parse_styles, read_artifact
from codegen.emit.forest import check_leaf_bits, check_name, emit_forest
from codegen.emit.styles import find_style
from codegen.errors import ModelError, StyleError
from codegen.ir.forest import FeatureType
from codegen.leaf_error import error_bound, worst_error
from codegen.measure_inputs import model_rows
from codegen.readers.xgboost import ModelSource, read_model
from codegen.rows import Rows, drawn_rows

N_DRAWN = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a model file is to be emitted, and where to."""

    model: Path
    name: str
    out: Path
    style: str  # or auto
    features: FeatureType
    leaf_bits: int | None  # None: the style's default
    inputs: Path | None  # rows to judge on; None: drawn ones


def compile_model(wanted: Wanted, target: str, budget: Budget, *, json_wanted: bool) -> None:
    """Emit a model file and say what was written; raises CodegenError of all kinds."""
    check_name(wanted.name)
    style = wanted.style
    if style != "auto":
        check_leaf_bits(find_style(style), wanted.leaf_bits)
    source = read_model(wanted.model)
    if source.note:
        print(f"{wanted.model}: {source.note}", file=sys.stderr)
    rows, where = _rows(wanted, source)
    if style == "auto":
        style = _choose(wanted, source, rows, target, budget, json_wanted=json_wanted)
    leaf_bits = wanted.leaf_bits if find_style(style).quantises_leaves else None
    emitted = emit_forest(
        source, wanted.name, wanted.out, style=style, feature_type=wanted.features, leaf_bits=leaf_bits
    ).forest
    if json_wanted:
        return
    print(
        f"written: {wanted.out / wanted.name}.c and .h: {len(emitted.trees)} trees, {emitted.n_splits} splits, "
        f"{emitted.n_features} features, {emitted.n_outputs} outputs"
    )
    bits = check_leaf_bits(find_style(style), leaf_bits)
    if bits is not None and emitted.output_scale_log2 is not None:
        bound = error_bound(source.forest, emitted.output_scale_log2, bits)
        worst = worst_error(source.forest, emitted.output_scale_log2, bits, rows)
        print(f"leaves of {bits} bits: margins off by at most {bound:.2g} on any row, {worst:.2g} on {where}")


def compile_artifact(path: Path, out: Path, emit: str | None, leaf_bits: int | None) -> None:
    """Emit an artifact's models; `emit` is a style, or one for each: device=small,remaining=fast.

    None is balanced, for models with whole leaves m2cgen, which holds them, for a network aot.
    """
    artifact = read_artifact(path)
    kinds = model_kinds(artifact)
    if emit == "auto":
        raise StyleError("--emit auto takes a MODEL; an artifact's styles are chosen by: python -m codegen build")
    widths = {"device": artifact.device_model, "remaining": artifact.remaining_model, "network": None}
    for kind in kinds:
        model = widths[kind]
        if leaf_bits is not None and model is not None and model.leaf_bits != leaf_bits:
            raise StyleError(
                f"--leaf-bits {leaf_bits}: the {kind} model of {path} has {model.leaf_bits or 'whole leaves'} and must "
                "answer as its reference does; set leaf_bits in wattprint.toml and fit again"
            )
    if emit is None and artifact.network is not None:
        emit = "aot"
    elif emit is None:
        given = (model for model in widths.values() if model is not None)
        emit = "m2cgen" if any(model.leaf_bits is None for model in given) else "balanced"
    emit_artifact(artifact, out, style=parse_styles(emit, kinds))
    print(f"written: {out}/model.c and what it includes")


def _rows(wanted: Wanted, source: ModelSource) -> tuple[Rows, str]:
    """Rows to judge on, and what messages call them."""
    if wanted.inputs is None:
        return drawn_rows(source.forest, N_DRAWN, wanted.features), f"{N_DRAWN} drawn rows (yours: --inputs)"
    try:
        with np.load(wanted.inputs, allow_pickle=False) as file:
            values = np.asarray(model_rows(file, source.forest.n_features))
    except (KeyError, OSError, ValueError, EOFError) as error:
        raise ModelError(f"{wanted.inputs}: has no array x or features: {error}; save one with numpy.savez") from None
    if values.ndim != 2 or values.shape[1] != source.forest.n_features or values.dtype.kind not in "fiu":
        raise ModelError(
            f"{wanted.inputs}: rows of shape {values.shape}, the model takes [n, {source.forest.n_features}]"
        )
    rows = values.astype(np.float32)
    if values.dtype.kind == "i":
        rows[values == -(1 << 31)] = np.nan
    return rows if wanted.features == "float32" else np.floor(rows), f"{len(rows)} rows of {wanted.inputs.name}"


def _choose(wanted: Wanted, source: ModelSource, rows: Rows, target: str, budget: Budget, *, json_wanted: bool) -> str:
    """The style a budget asks for; prints what all of them cost, and why it is that one."""
    from codegen.auto import Emission, measure_styles, styles_for, table_text

    emission = Emission(source, wanted.features, wanted.leaf_bits)
    with tempfile.TemporaryDirectory(prefix="wattprint-auto-") as folder, at_work(f"measuring styles on {target}"):
        inputs = Path(folder) / "rows.npz"
        np.savez(inputs, x=rows)
        measured = measure_styles(emission, styles_for(emission), target, inputs)
    chosen, why = choose(measured.costs, budget, measured.target)
    if json_wanted:
        print(json.dumps({**measured.as_json(), "rows": len(rows), "chosen": chosen.style, "why": why}, indent=1))
    else:
        print(table_text(measured.costs, chosen.style))
        for note in measured.notes:
            print(f"note: {note}")
        print(f"{why}, on {measured.target}")
    return chosen.style


@contextmanager
def at_work(text: str) -> Iterator[None]:
    """Show a moving line while something runs; on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
