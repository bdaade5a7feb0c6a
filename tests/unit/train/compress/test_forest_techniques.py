"""Each forest technique: what XGBoost itself makes of its result, and what the technique is for."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from numpy.typing import NDArray

from tests.unit.train.compress.tasks import task
from train.compress import (
    cost_complexity,
    forest_combination,
    leaf_refinement,
    leaf_sharing,
    reuse_penalty,
    threshold_sharing,
)
from train.compress.forest_task import KINDS, QUANTILES, ForestTask, Kind
from train.compress.forest_trees import SavedForest, Tree, leaf_of_rows, read_forest, write_forest
from train.compress.techniques import FOREST_TECHNIQUES, find_techniques
from train.config import Forest, RemainingForest
from train.errors import ConfigError

LESSER = {"fewer_features": {"n_features": 5}, "prune_updater": {"gamma": 0.01}}
"""Settings that fit a task of six features and 120 charges."""


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest) -> ForestTask:
    kind: Kind = request.param
    made = task(kind)
    return replace(made, known=made.uncompressed)


def margins(model: bytes, features: NDArray[np.float32]) -> NDArray[np.float64]:
    booster = xgb.Booster(model_file=bytearray(model))
    return np.asarray(booster.predict(xgb.DMatrix(features), output_margin=True), dtype=np.float64)


def loss(made: ForestTask, forest: SavedForest) -> float:
    """Log loss or pinball loss on the task's own rows."""
    weight = made.weight(made.small.early_weight)
    margin = margins(write_forest(forest), made.features)
    if made.kind == "device":
        shifted = margin - margin.max(axis=1, keepdims=True)
        log = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return float(-(weight * log[np.arange(len(log)), made.label.astype(int)]).sum())
    error = made.label[:, None] - margin
    levels = np.array(QUANTILES)
    return float((weight[:, None] * np.maximum(levels * error, (levels - 1) * error)).sum())


@pytest.mark.parametrize("technique", FOREST_TECHNIQUES, ids=lambda technique: technique.name)
@pytest.mark.slow
def test_every_row_of_the_table_can_be_made(technique: Any, made: ForestTask) -> None:
    """XGBoost loads what comes out, and it answers better than a guess; all settings of a technique are tried."""
    for setting in technique.settings[:2]:
        settings = setting.of(made.kind) | LESSER.get(technique.name, {})
        found = technique.compress(made, **settings)
        margin = margins(found.model, made.features)
        assert margin.shape == (len(made.label), 3)
        if made.kind == "device":
            assert np.mean(margin.argmax(axis=1) == made.label) > 0.6, setting.label
        else:
            spread = np.abs(made.label - np.median(made.label)).mean()
            assert np.abs(made.label - margin[:, 1]).mean() < 0.8 * spread, setting.label


def test_trees_taken_apart_and_put_together_answer_the_same(made: ForestTask) -> None:
    forest = read_forest(made.uncompressed)
    assert np.array_equal(margins(write_forest(forest), made.features), margins(made.uncompressed, made.features))
    booster = xgb.Booster(model_file=bytearray(write_forest(forest)))
    leaves = booster.predict(xgb.DMatrix(made.features), pred_leaf=True).astype(int)
    again = read_forest(write_forest(forest))
    assert all(np.array_equal(leaf_of_rows(tree, made.features), leaves[:, i]) for i, tree in enumerate(again.trees))


def _links(tree: Tree) -> dict[int, float]:
    """Mean gain a split of each subtree, worked out anew."""

    def below(node: int) -> list[float]:
        if tree.left[node] < 0:
            return []
        return [max(float(tree.gain[node]), 0.0), *below(int(tree.left[node])), *below(int(tree.right[node]))]

    return {node: float(np.mean(below(node))) for node in tree.order() if tree.left[node] >= 0}


def test_the_weakest_link_goes_first(made: ForestTask) -> None:
    """Against a search of all links after each cut."""
    fast, slow = (read_forest(made.train(made.small)) for _ in range(2))
    target = fast.n_splits // 3
    cost_complexity.prune(fast, target)
    while slow.n_splits > target:
        links = ((link, i, node) for i, tree in enumerate(slow.trees) for node, link in _links(tree).items())
        _, index, node = min(links)
        slow.trees[index].collapse(node)
    assert fast.n_splits <= target
    assert write_forest(fast) == write_forest(slow)


def test_refined_leaves_lose_less(made: ForestTask) -> None:
    forest = read_forest(made.train(made.small))
    cost_complexity.prune(forest, forest.n_splits // 2)
    before = loss(made, forest)
    leaf_refinement.refine(forest, made)
    assert loss(made, forest) < 0.99 * before


def test_fit_takes_the_steps_of_the_configuration(made: ForestTask) -> None:
    """What `fit` grows is what the study makes of the same settings; fewer splits, and leaves that lose less."""
    steps: dict[str, Any] = {"kept_splits": 0.6, "refined": True}
    plain = Forest(rounds=4, max_depth=3, eta=0.5, min_child_weight=0.05, early_weight=2.0, leaf_bits=7)
    wanted = replace(plain, **steps)
    if made.kind == "remaining":
        wanted = RemainingForest(**asdict(wanted), kept_tails=0.2)
    model = made.train(wanted)
    found = read_forest(forest_combination.reduced(model, wanted, made))
    studied = forest_combination.compress(made, **forest_combination.settings_of(wanted))
    assert studied.leaf_bits == 7
    for one, other in zip(read_forest(studied.model).trees, found.trees, strict=True):
        assert one.threshold.tolist() == other.threshold.tolist()
        assert one.feature.tolist() == other.feature.tolist()
    unrefined = read_forest(forest_combination.reduced(model, wanted, None))
    assert unrefined.n_splits == found.n_splits <= round(0.6 * read_forest(model).n_splits)
    assert loss(made, found) < loss(made, unrefined)
    if made.kind == "remaining":
        splits = [SavedForest(found.document, [t for t in found.trees if t.output == k]).n_splits for k in range(3)]
        assert splits[0] + splits[2] < 0.5 * splits[1]
    assert forest_combination.reduced(model, plain, made) is model


def test_shared_thresholds_are_some_of_the_forests_own(made: ForestTask) -> None:
    forest = read_forest(made.uncompressed)
    before = forest.thresholds()
    wanted = len(before) // 4
    threshold_sharing.share_thresholds(forest, made, wanted)
    after = forest.thresholds()
    assert after <= before
    assert len(after) == wanted


def test_the_fewest_rows_change_sides(made: ForestTask) -> None:
    """Merging is by ranks: it moves fewer rows than as many thresholds merged with their neighbours at random."""
    forest = read_forest(made.uncompressed)
    kept = threshold_sharing.merged_thresholds(forest, made, len(forest.thresholds()) // 2)
    moved = [np.mean((made.features[:, f] < old) != (made.features[:, f] < new)) for (f, old), new in kept.items()]
    assert 0 < np.mean(moved) < 0.02


def test_shared_leaves_are_few_and_merging_changes_nothing(made: ForestTask) -> None:
    forest = read_forest(made.uncompressed)
    leaf_sharing.share(forest, 8)
    for output in range(3):
        own = [tree for tree in forest.trees if made.kind == "device" or tree.output == output]
        values = {float(tree.threshold[node]) for tree in own for node in tree.order() if tree.left[node] < 0}
        assert len(values) <= 8
    unmerged = read_forest(made.train(made.small))
    for tree in unmerged.trees:
        unit = 1 if made.kind == "device" else 100
        tree.threshold[tree.is_leaf] = np.round(tree.threshold[tree.is_leaf] / unit)
    whole = margins(write_forest(unmerged), made.features)
    splits = unmerged.n_splits
    for tree in unmerged.trees:
        leaf_sharing.merge_equal(tree)
    assert unmerged.n_splits < splits
    assert np.array_equal(margins(write_forest(unmerged), made.features), whole)


def test_a_penalty_saves_comparisons(made: ForestTask) -> None:
    free, dear = (len(reuse_penalty.grow(made, made.small, penalty).thresholds()) for penalty in (1e-9, 5.0))
    assert dear < 0.7 * free


def test_one_round_without_a_penalty_is_xgboosts(made: ForestTask) -> None:
    """Margins carried from round to round are those of the forest so far."""
    grown = reuse_penalty.grow(made, made.small, 1e-9)
    first = read_forest(made.train(made.small)).trees[: made.n_outputs]
    pairs = zip(first, grown.trees, strict=False)
    assert all(np.array_equal(a.threshold, b.threshold) and np.array_equal(a.feature, b.feature) for a, b in pairs)
    assert loss(made, grown) < loss(made, SavedForest(grown.document, grown.trees[: made.n_outputs]))


def test_names_that_are_no_technique() -> None:
    with pytest.raises(ConfigError, match=r"--techniques magic: not known; known: .*leaf_width"):
        find_techniques(["magic"])
    assert {technique.family for technique in find_techniques(["network"])} == {"network"}
