"""The C of the table styles: outputs equal to the leaves XGBoost, or a slow walk of the lowered forest, comes to."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codegen.emit.forest import emit_forest
from codegen.ir.forest import FeatureType, Forest, Leaf, Split, Tree
from codegen.readers.xgboost import read_model
from tests.parity.compiled import WARNINGS, compile_folder, predict
from tests.parity.test_forest_fast import expected
from tests.unit.codegen.forests import PARAMETERS, evaluate, hostile_rows, save, to_int32, train
from tests.unit.codegen.made_forests import FLOATS, Shape, balanced_tree, comb, random_forest, rows_of, source_of
from tests.unit.codegen.test_passes import integer_rows

pytestmark = [pytest.mark.parity, pytest.mark.parametrize("style", ["balanced", "small"])]

# clang's run-time libraries are a package of their own; its traps need none.
UNDEFINED = {
    "gcc": ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all"),
    "clang": ("-O1", "-fsanitize=undefined", "-fsanitize-trap=undefined"),
}
FEATURE_TYPES: tuple[FeatureType, ...] = ("float32", "int32")


def check(
    forest: Forest,
    style: str,
    folder: Path,
    feature_type: FeatureType,
    *,
    leaf_bits: int | None = None,
    compiler: str = "gcc",
    n_rows: int = 300,
) -> str:
    """Emit, compile and compare on rows around all thresholds; returns the C."""
    source = source_of(forest)
    emitted = emit_forest(source, "made", folder, style=style, feature_type=feature_type, leaf_bits=leaf_bits).forest
    x = rows_of(forest, feature_type, n_rows, seed=7)
    out = predict(compile_folder(folder, compiler, *UNDEFINED[compiler]), "made", x, emitted.n_outputs).view(np.int32)
    assert np.array_equal(out, evaluate(emitted, x))
    return (folder / "made.c").read_text()


@pytest.mark.parametrize(("model", "compiler"), list(zip(PARAMETERS, ("gcc", "clang") * 3, strict=True)))
def test_float_features(style: str, model: str, compiler: str, tmp_path: Path) -> None:
    """Thresholds met exactly, one ulp beside them, NaN of both signs, infinities, -0."""
    booster = train(model)
    source = read_model(save(booster, tmp_path / "m.json"))
    emitted = emit_forest(source, "clf", tmp_path / "c", style=style).forest
    x = hostile_rows(source.forest, 1500, seed=31)
    x[::2] = np.where(np.isnan(x[::2]), np.array([0xFFC00000], np.uint32).view(np.float32)[0], x[::2])
    out = predict(compile_folder(tmp_path / "c", compiler, "-Os"), "clf", x, emitted.n_outputs).view(np.int32)
    assert np.array_equal(out, expected(booster, source, x, emitted.output_scale_log2, 12))


@pytest.mark.parametrize(("model", "leaf_bits"), list(zip(PARAMETERS, (2, 16, 8, 12, 4, 10), strict=True)))
def test_integer_features(style: str, model: str, leaf_bits: int, tmp_path: Path) -> None:
    booster = train(model, integer=True)
    source = read_model(save(booster, tmp_path / "m.json"))
    emitted = emit_forest(source, "clf", tmp_path / "c", style=style, feature_type="int32", leaf_bits=leaf_bits).forest
    x = integer_rows(source.forest, 1500, seed=32)
    out = predict(compile_folder(tmp_path / "c", "clang"), "clf", to_int32(x), emitted.n_outputs)
    assert np.array_equal(out, expected(booster, source, x, emitted.output_scale_log2, leaf_bits))


SHAPES = {
    "one split": Shape(trees=1, depth=1, outputs=1),
    "stumps": Shape(trees=40, depth=1),
    "complete": Shape(trees=30, depth=4, split=1.0),
    "nearly complete": Shape(trees=30, depth=4, split=0.9),
    "sparse": Shape(trees=60, depth=9, split=0.55),
    "bushy": Shape(trees=4, depth=9, split=0.95, thresholds=60),
    "one feature": Shape(trees=20, features=1, used=1, thresholds=500),
    "most features unused": Shape(trees=20, features=300, used=3),
    "missing goes left": Shape(trees=30, missing_left=1.0),
    "missing goes right": Shape(trees=30, missing_left=0.0),
    "some outputs without a tree": Shape(trees=3, outputs=9),
    "more ranks than a stack should hold": Shape(trees=60, features=400, used=400, thresholds=3),
    "many outputs": Shape(trees=600, depth=2, outputs=300),
}


@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.slow
def test_shapes(style: str, shape: str, feature_type: FeatureType, tmp_path: Path) -> None:
    check(random_forest(5, SHAPES[shape]), style, tmp_path, feature_type)


@pytest.mark.parametrize("leaf_bits", range(2, 17))
@pytest.mark.slow
def test_leaf_bits(style: str, leaf_bits: int, tmp_path: Path) -> None:
    shape = Shape(trees=9, depth=6, split=0.7 + 0.02 * leaf_bits)
    check(random_forest(leaf_bits, shape), style, tmp_path, FEATURE_TYPES[leaf_bits % 2], leaf_bits=leaf_bits)


@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_extremes_under_sanitizers(style: str, compiler: str, feature_type: FeatureType, tmp_path: Path) -> None:
    """Thresholds at both ends of float32, around 0 and among the subnormals; rows on them and at the types' ends."""
    forest = random_forest(6, Shape(trees=20, outputs=2), FLOATS)
    emitted = emit_forest(source_of(forest), "made", tmp_path, style=style, feature_type=feature_type).forest
    x = rows_of(forest, feature_type, 400, seed=8)
    (tmp_path / "x.bin").write_bytes(x.tobytes())
    (tmp_path / "main.c").write_text(MAIN)
    sources = sorted(map(str, tmp_path.glob("*.c")))
    flags = (*UNDEFINED[compiler], *(["-fsanitize=address"] if compiler == "gcc" else []))
    command = [compiler, *WARNINGS, *flags, "-I", str(tmp_path), *sources, "-o", str(tmp_path / "main")]
    subprocess.run(command, check=True)
    done = subprocess.run([str(tmp_path / "main"), str(len(x))], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.frombuffer(done.stdout, np.int32).reshape(len(x), 2), evaluate(emitted, x))


MAIN = """#include <stdio.h>
#include <stdlib.h>
#include "made.h"
int main(int n_arguments, char **argument)
{
    FILE *file = fopen("x.bin", "rb");
    for (int n = n_arguments > 1 ? atoi(argument[1]) : 0; n > 0; n--) {
        made_feature *x = malloc(sizeof *x * MADE_N_FEATURES); /* so that a read beyond it is seen */
        made_output *out = malloc(sizeof *out * MADE_N_OUTPUTS);
        if (x == NULL || out == NULL || fread(x, sizeof *x, MADE_N_FEATURES, file) != MADE_N_FEATURES) {
            return 1;
        }
        made_predict(x, out);
        (void)fwrite(out, sizeof *out, MADE_N_OUTPUTS, stdout);
        free(out);
        free(x);
    }
    return fclose(file);
}
"""


@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
def test_deep_trees(style: str, feature_type: FeatureType, tmp_path: Path) -> None:
    check(comb(256), style, tmp_path, feature_type)


@pytest.mark.slow
def test_more_nodes_and_thresholds_than_16_bits_count(style: str, tmp_path: Path) -> None:
    check(balanced_tree(70_000), style, tmp_path, "int32")


@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
@pytest.mark.parametrize("n_splits", [255, 256, 511])
def test_about_255_thresholds_of_one_feature(
    style: str, n_splits: int, feature_type: FeatureType, tmp_path: Path
) -> None:
    check(balanced_tree(n_splits, feature=2), style, tmp_path, feature_type, n_rows=3 * n_splits)


def test_int32_beyond_the_range_of_features(style: str, tmp_path: Path) -> None:
    """Not promised, but no reason to fail: every int32 but the least one compares as it is."""
    split = Split(0, 5.0, True, Leaf(1.0, 1), Split(0, 70_000.0, False, Leaf(2.0, 2), Leaf(3.0, 3)))
    forest = Forest((Tree(split, 0),) * 40, (0.0,), 1, "reg:squarederror")
    emitted = emit_forest(source_of(forest), "made", tmp_path, style=style, feature_type="int32").forest
    x = np.array([[-(2**31)], [1 - 2**31], [-(2**30)], [4], [5], [69_999], [70_000], [2**31 - 1]], np.int64)
    rows = x.astype(np.int32)
    out = predict(compile_folder(tmp_path, "gcc"), "made", rows, 1)
    assert np.array_equal(out, evaluate(emitted, rows))


def constant(*values: float) -> Forest:
    leaves = tuple(Tree(Leaf(value, 0), index % 2) for index, value in enumerate(values))
    return Forest(leaves, (1.5, -2.0), 3, "reg:squarederror")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
def test_forests_without_a_split(style: str, feature_type: FeatureType, compiler: str, tmp_path: Path) -> None:
    equal = replace(constant(), trees=(Tree(Split(1, 3.0, True, Leaf(0.5, 1), Leaf(0.5, 2)), 1),))
    for index, forest in enumerate((constant(), constant(0.25), constant(1.0, -7.5, 0.125), equal)):
        check(forest, style, tmp_path / str(index), feature_type, compiler=compiler, n_rows=3)


def test_a_tree_of_one_leaf_among_others(style: str, tmp_path: Path) -> None:
    forest = random_forest(9, Shape(trees=6))
    trees = (Tree(Leaf(3.5, 0), 2), *forest.trees, Tree(Leaf(-1.0, 0), 0))
    check(replace(forest, trees=trees), style, tmp_path, "float32")


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.slow
def test_random_forests(style: str, seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    shape = Shape(
        trees=int(rng.integers(1, 80)),
        depth=int(rng.integers(1, 11)),
        split=float(rng.uniform(0.4, 1.0)) if seed % 2 else 0.6,
        used=int(rng.integers(1, 7)),
        outputs=int(rng.integers(1, 5)),
        thresholds=int(rng.integers(1, 400)),
        missing_left=float(rng.random()),
    )
    feature_type = FEATURE_TYPES[seed % 2]
    check(random_forest(seed, replace(shape, depth=min(shape.depth, 7))), style, tmp_path, feature_type)


def test_models_share_a_folder_and_a_program(style: str, tmp_path: Path) -> None:
    boosters = {"first": train("multi", seed=1), "second": train("regression", seed=2)}
    sources = {name: read_model(save(booster, tmp_path / f"{name}.json")) for name, booster in boosters.items()}
    x = hostile_rows(sources["first"].forest, 200, seed=33)
    forests = {name: emit_forest(source, name, tmp_path / "c", style=style).forest for name, source in sources.items()}
    library = compile_folder(tmp_path / "c", "gcc")
    for name, forest in forests.items():
        out = predict(library, name, x, forest.n_outputs).view(np.int32)
        assert np.array_equal(out, expected(boosters[name], sources[name], x, forest.output_scale_log2, 12))
    listed = subprocess.run(
        ["nm", "-g", "--defined-only", str(tmp_path / "c" / "lib_gcc.so")], capture_output=True, text=True, check=True
    ).stdout
    names = {line.split()[-1] for line in listed.splitlines()}
    own = {name for name in names if not name.startswith(("_", "wp_forest_"))}
    assert own == {"first_predict", "second_predict"}


@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
def test_headers_compile_alone(style: str, feature_type: FeatureType, tmp_path: Path) -> None:
    emit_forest(source_of(random_forest(3, Shape())), "made", tmp_path, style=style, feature_type=feature_type)
    headers = sorted(tmp_path.glob("*.h"))
    assert len(headers) > 1
    for header in headers:
        (tmp_path / "alone.c").write_text(f'#include "{header.name}"\nextern int alone;\n')
        for command in (["gcc", *WARNINGS], ["clang", *WARNINGS], ["gcc", *WARNINGS, "-U__GNUC__"]):
            command += ["-fsyntax-only", str(tmp_path / "alone.c")]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    command = ["gcc", *WARNINGS, "-U__GNUC__", "-fsyntax-only", str(tmp_path / "made.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_same_forest_gives_the_same_bytes(style: str, tmp_path: Path) -> None:
    forest = random_forest(4, Shape(trees=50))
    for folder in ("a", "b"):
        emit_forest(source_of(forest), "made", tmp_path / folder, style=style)
    for path in (tmp_path / "a").iterdir():
        text = path.read_bytes()
        assert text == (tmp_path / "b" / path.name).read_bytes()
        assert text.endswith(b"\n")
        assert not text.endswith(b"\n\n")
        assert max(map(len, text.decode("ascii").splitlines())) <= 120
