"""Quantised leaves: the rule of docs/artifact.md spelled out, its bound, and the three places that follow it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.ir.forest import Leaf, Split, Tree
from codegen.passes.scale_leaves import leaf_shift, scaled
from codegen.reference import quantised_leaves
from tests.unit.train.fleet import dataset
from train.compress.leaf_bits import leaf_bits_table, table_text, with_leaf_bits
from train.compress.leaves import OUTPUT_LIMIT, output_scale_log2, quantised
from train.config import Config, Forest, Forests, RemainingForest, load_config
from train.errors import ConfigError
from train.models.fit import fit
from train.models.forest import ForestModel

SCALE = 14
QUICK = Config(
    forest=Forests(device=Forest(rounds=2, max_depth=2), remaining=RemainingForest(rounds=6, max_depth=3, eta=0.4))
)


@pytest.fixture(scope="module")
def artifact_and_data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    data = dataset(tmp_path_factory.mktemp("fleet") / "fleet")
    fit(data, data.parent / "model", QUICK)
    return data.parent / "model", data


def by_hand(leaves: list[float], leaf_bits: int) -> list[int]:
    """Python's round is to nearest, ties to even, and a division by a power of two is exact."""
    for shift in range(64):
        steps = [round(leaf * 2**SCALE / 2**shift) for leaf in leaves]
        if max(steps) - min(steps) < 2**leaf_bits:
            return [step * 2**shift for step in steps]
    raise AssertionError


def trees(seed: int) -> list[NDArray[np.float32]]:
    """Leaves of trees of every size: alike, tied, tiny, of one sign, of one leaf."""
    random = np.random.default_rng(seed)
    drawn = [random.normal(random.normal(0, 3), 10.0 ** random.integers(-5, 3), n) for n in random.integers(1, 17, 40)]
    halves = [np.array([0.5, 1.5, 2.5, -0.5]) * 2.0**-SCALE, np.array([-1.0, 1.0 - 2**-12, 0.0]), np.zeros(3)]
    return [values.astype(np.float32) for values in (*drawn, *halves)]


@pytest.mark.parametrize("leaf_bits", [2, 3, 8, 12, 16])
def test_one_rule_in_three_places(leaf_bits: int) -> None:
    drawn = trees(leaf_bits)
    table = np.full((len(drawn), 20), 1e6, np.float32)  # what stands at splits must not count
    is_leaf = np.zeros(table.shape, np.bool_)
    for row, marks, leaves in zip(table, is_leaf, drawn, strict=True):
        row[2 : 2 + len(leaves)], marks[2 : 2 + len(leaves)] = leaves, True
    trained = quantised(table, SCALE, leaf_bits, is_leaf)
    for row, marks, leaves in zip(trained, is_leaf, drawn, strict=True):
        expected = by_hand([float(leaf) for leaf in leaves], leaf_bits)
        assert row[marks].tolist() == expected
        assert not row[~marks].any()
        assert quantised_leaves(leaves.astype(np.float64), SCALE, leaf_bits)[0].tolist() == expected
        root: Leaf | Split = Leaf(float(leaves[0]), 0)
        for leaf in leaves[1:]:
            root = Split(0, 1.0, True, root, Leaf(float(leaf), 0))
        shift = leaf_shift(Tree(root, 0).root, SCALE, leaf_bits)
        assert [scaled(float(leaf), SCALE, shift) for leaf in leaves] == expected
        assert max(expected) - min(expected) < 2**leaf_bits << shift


@pytest.mark.parametrize("leaf_bits", [2, 3, 12, 16])
def test_no_sum_of_quantised_leaves_reaches_the_limit(leaf_bits: int) -> None:
    """Rounding to coarse steps makes leaves larger than they were."""
    group = np.zeros(30, np.int32)
    random = np.random.default_rng(leaf_bits)
    for _ in range(200):
        leaves = (random.random((30, 4)) * 2 - 1) * 10.0 ** random.uniform(0, 6)
        magnitude = np.abs(leaves).max(axis=1)
        scale = output_scale_log2(np.zeros(1), magnitude, group, leaf_bits)
        table = quantised(leaves.astype(np.float32), scale, leaf_bits)
        assert np.abs(table).max(axis=1).sum() < OUTPUT_LIMIT


def test_the_configuration_sets_the_width(tmp_path: Path) -> None:
    path = tmp_path / "wattprint.toml"
    path.write_text("[forest.device]\nleaf_bits = 7\n")
    forest = load_config(path).forest
    assert (forest.device.leaf_bits, forest.remaining.leaf_bits) == (7, Forests().remaining.leaf_bits)
    for wrong in (1, 17):
        path.write_text(f"[forest.remaining]\nleaf_bits = {wrong}\n")
        with pytest.raises(ConfigError, match=r"forest\.remaining\.leaf_bits must lie within 2 to 16"):
            load_config(path)


def test_the_table_of_widths(artifact_and_data: tuple[Path, Path]) -> None:
    """Whole leaves first; sixteen bits answer the same, two bits worse; the artifact itself is not touched."""
    rows = leaf_bits_table(*artifact_and_data, "held-out", (16, 2))
    assert [row["leaf_bits"] for row in rows] == [None, 16, 2]
    whole, wide, narrow = (row["mae_minutes"]["overall"] for row in rows)
    assert wide == pytest.approx(whole, abs=0.02)
    assert abs(narrow - whole) > abs(wide - whole)
    text = table_text(rows).splitlines()
    assert [line.split()[0] for line in text[1:]] == ["whole", "16", "2"]
    with pytest.raises(ConfigError, match="leaf bits 17: from 2 to 16"):
        leaf_bits_table(*artifact_and_data, "held-out", (17,))


def test_widths_are_per_model(artifact_and_data: tuple[Path, Path]) -> None:
    from train.artifact import load_artifact

    artifact = load_artifact(artifact_and_data[0])
    assert artifact.device_model is not None
    assert (artifact.device_model.leaf_bits, artifact.remaining_model.leaf_bits) == (12, 12)
    assert with_leaf_bits(artifact, None).remaining_model.leaf_bits is None


def test_calibration_sees_the_leaves_of_the_board(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each model's own width, or that of few units; of the final models and of those that leave units out."""
    asked: dict[int, set[int | None]] = {}
    outputs = ForestModel.outputs

    def recorded(
        model: ForestModel, features: NDArray[np.float32], scale_log2: int, leaf_bits: int | None = None
    ) -> NDArray[np.int32]:
        asked.setdefault(len(model.trees.base), set()).add(leaf_bits)
        assert scale_log2 == model.trees.scale_log2(leaf_bits)
        return outputs(model, features, scale_log2, leaf_bits)

    monkeypatch.setattr(ForestModel, "outputs", recorded)
    device, remaining = replace(QUICK.forest.device, leaf_bits=3), replace(QUICK.forest.remaining, leaf_bits=5)
    config = replace(QUICK, forest=Forests(few_leaf_bits=4, device=device, remaining=remaining))
    for n_units, widths in ((8, {2: {3}, 3: {5}}), (4, {2: {4}, 3: {4}})):
        asked.clear()
        fit(dataset(tmp_path / f"fleet{n_units}", n_devices=2, n_units=n_units), tmp_path / "model", config)
        assert asked == widths
