"""Models drawn at random through every style, bit for bit: as many as WATTPRINT_MODELS says (40), from seed 0 on.

WATTPRINT_MODELS=240 takes a few minutes. What fails says its seed, and what was drawn.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.emit.forest import emit_forest
from codegen.emit.styles import LEAF_BITS_DEFAULT, STYLES
from codegen.measure import run_on_target
from codegen.readers.xgboost import ModelSource, read_model
from tests.parity.batch import run_batch
from tests.unit.codegen import zoo
from tests.unit.codegen.drawn import Drawn, draw
from tests.unit.codegen.forests import save

N_MODELS = int(os.environ.get("WATTPRINT_MODELS", "40"))
N_PER_PROGRAM = 20
N_ROWS = 120
FLOATS, INTEGERS = (f"-DWP_FOREST_EXACT_INTEGER_SUM={way}" for way in (0, 1))
BUILDS = [
    pytest.param("exact", "gcc", INTEGERS, marks=pytest.mark.slow),
    ("exact", "clang", FLOATS),
    *(pytest.param(style, "gcc", "-O0", marks=pytest.mark.slow) for style in STYLES if style != "exact"),
]
FIRSTS = [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(N_PER_PROGRAM, N_MODELS, N_PER_PROGRAM))]


@dataclass(frozen=True, slots=True)
class Subject:
    """A drawn model as read, and rows to ask it about."""

    drawn: Drawn
    source: ModelSource
    x: NDArray[Any]


Subjects: TypeAlias = Callable[[int], Subject]


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Subjects:
    """The subject of a seed."""
    folder, known = tmp_path_factory.mktemp("drawn"), {}

    def subject(seed: int) -> Subject:
        if seed not in known:
            drawn = draw(seed)
            source = read_model(save(drawn.booster, folder / ("m.json" if seed % 2 else "m.ubj")))
            x = zoo.rows(source.forest, "int32" if drawn.integer else "float32", N_ROWS, seed)
            known[seed] = Subject(drawn, source, x)
        return known[seed]

    return subject


def emit(one: Subject, name: str, folder: Path, style: str) -> tuple[NDArray[Any], NDArray[np.uint32]]:
    """Write its C; returns rows and the bits of the outputs that are right."""
    emitted = emit_forest(
        one.source, name, folder, style=style, feature_type="int32" if one.drawn.integer else "float32"
    ).forest
    if emitted.output_scale_log2 is None:
        return one.x, zoo.float_margins(one.drawn.booster, one.x).view(np.uint32)
    bits = LEAF_BITS_DEFAULT if STYLES[style].quantises_leaves else None
    x = zoo.finite(one.x)
    outputs = zoo.integer_outputs(one.drawn.booster, one.source, x, emitted.output_scale_log2, bits)
    return x, outputs.astype(np.int32).view(np.uint32)


@pytest.mark.parity
@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize(("style", "compiler", "flag"), BUILDS)
def test_on_this_machine(style: str, compiler: str, flag: str, first: int, subjects: Subjects, tmp_path: Path) -> None:
    seeds = range(first, min(first + N_PER_PROGRAM, N_MODELS))
    right = {f"m{seed}": emit(subjects(seed), f"m{seed}", tmp_path, style) for seed in seeds}
    rows = {name: x for name, (x, _) in right.items()}
    n_outputs = {name: expected.shape[1] for name, (_, expected) in right.items()}
    outputs = run_batch(tmp_path, rows, n_outputs, compiler, "-O1", flag)
    for seed, (name, (_, expected)) in zip(seeds, right.items(), strict=True):
        assert np.array_equal(outputs[name], expected), subjects(seed).drawn.words


@pytest.mark.qemu("arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.slow
@pytest.mark.parametrize("target", ["rv32imc", "cortex-m4"])
@pytest.mark.parametrize("seed", range(20))
def test_exact_on_targets(seed: int, target: str, subjects: Subjects, tmp_path: Path) -> None:
    x, expected = emit(subjects(seed), "drawn", tmp_path, "exact")
    outputs = run_on_target(tmp_path, target, x)
    assert np.array_equal(outputs.view(np.uint32), expected), subjects(seed).drawn.words
