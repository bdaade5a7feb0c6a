"""Every style on every kind of model: margins equal to XGBoost's to the last bit, or its leaves' sums to the unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codegen.emit.forest import emit_forest
from codegen.emit.styles import LEAF_BITS_DEFAULT, STYLES
from codegen.ir.forest import FeatureType
from codegen.readers.xgboost import read_model
from tests.parity.compiled import compile_folder, predict
from tests.unit.codegen import zoo
from tests.unit.codegen.forests import save

pytestmark = pytest.mark.parity

SLOW = {"more than 65 535 nodes": pytest.mark.slow}  # each a quarter of a minute of branches
COMPILERS = {"float32": "gcc", "int32": "clang"}


@pytest.mark.parametrize("feature_type", ["float32", pytest.param("int32", marks=pytest.mark.slow)])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, ())) for name in zoo.MODELS])
def test_model(name: str, style: str, feature_type: FeatureType, tmp_path: Path) -> None:
    booster = zoo.model(name, integer=feature_type == "int32")
    source = read_model(save(booster, tmp_path / "m.ubj"))
    emitted = emit_forest(source, "zoo", tmp_path / "c", style=style, feature_type=feature_type).forest
    x = zoo.rows(source.forest, feature_type, 600, seed=61)
    integer = emitted.output_scale_log2 is not None
    if integer:
        x = zoo.finite(x)
    out = predict(compile_folder(tmp_path / "c", COMPILERS[feature_type], "-O0"), "zoo", x, emitted.n_outputs)
    if integer:
        bits = LEAF_BITS_DEFAULT if STYLES[style].quantises_leaves else None
        expected = zoo.integer_outputs(booster, source, x, emitted.output_scale_log2, bits)
        assert np.array_equal(out.view(np.int32), expected)
    else:
        assert np.array_equal(out.view(np.uint32), zoo.float_margins(booster, x).view(np.uint32))
