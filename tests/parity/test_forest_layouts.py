"""Every layout of the table styles, not only the one a forest would get."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.emit import forest_balanced, forest_small
from codegen.emit.forest_layout import splits_of, store
from codegen.emit.forest_layout_lists import threshold_lists
from codegen.emit.forest_layout_tests import find_tests
from codegen.ir.forest import FeatureType
from codegen.passes import lower
from tests.parity.test_forest_tables import FEATURE_TYPES, check
from tests.unit.codegen.made_forests import Shape, random_forest

pytestmark = pytest.mark.parity

SHAPES = {
    "regular": Shape(trees=12, depth=4, split=0.95),
    "ragged": Shape(trees=15, depth=6, split=0.7, thresholds=60),
    "deep": Shape(trees=4, depth=8, split=0.85),
    "stumps": Shape(trees=9, depth=1, features=3, used=3),
}


@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_balanced(shape: str, feature_type: FeatureType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream with look-ups, one with ranks, complete trees."""
    forest = random_forest(11, SHAPES[shape])
    stored = store(lower(forest, feature_type, "int32", None, 12))
    lists = threshold_lists(splits_of(stored.trees))
    found = list(forest_balanced.plans(stored, lists, integer=feature_type == "int32"))
    assert len(found) == 3
    for index, plan in enumerate(found):
        monkeypatch.setattr(forest_balanced, "best_plan", lambda *_, plan=plan, **__: plan)
        check(forest, "balanced", tmp_path / str(index), feature_type)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.slow
def test_small(shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Complete trees and others, with a complete top and without, lengths equal and in steps, one word and several."""
    forest = random_forest(12, SHAPES[shape])
    stored = store(lower(forest, "float32", "int32", None, 12))
    kinds = {}
    for plan in forest_small.plans(stored, find_tests(splits_of(stored.trees))):
        form = plan.format
        kinds[form.most == 0, form.most == 32, form.is_long, form.top > 0, form.length_bits > 0, form.unit > 1] = plan
    for index, plan in enumerate(kinds.values()):
        monkeypatch.setattr(forest_small, "best_plan", lambda *_, plan=plan: plan)
        check(forest, "small", tmp_path / str(index), "float32")


@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
@pytest.mark.parametrize("shape", ["regular", "ragged"])
def test_small_without_stack_for_answers(
    shape: str, feature_type: FeatureType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forest_small, "ANSWERS_MAX", 0)
    code = check(random_forest(13, SHAPES[shape]), "small", tmp_path, feature_type)
    assert "look_up" in code


@pytest.mark.parametrize("thresholds", [64, 128, 256])
def test_small_with_tests_that_fill_their_bits(thresholds: int, tmp_path: Path) -> None:
    """Numbers of 6 to 8 bits, of which the last is used; with 8 there is no room for leaves beside a test."""
    values = [float(value) for value in range(thresholds)]
    shape = Shape(trees=150, depth=4, split=1.0, features=1, used=1, outputs=1, missing_left=1.0)
    forest = random_forest(14, shape, values)
    stored = store(lower(forest, "float32", "int32", None, 12))
    assert find_tests(splits_of(stored.trees)).n == thresholds
    check(forest, "small", tmp_path, "float32", n_rows=600)
