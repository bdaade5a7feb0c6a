"""Files and names: what is written, what is left alone, what is refused."""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

import codegen
from codegen.cli import main
from codegen.emit.artifact import enumerators
from codegen.emit.files import write_files
from codegen.emit.forest import emit_forest
from codegen.emit.literals import comment_text, float32_literal, int32_literal
from codegen.emit.styles import STYLES
from codegen.errors import CodegenError, StyleError
from codegen.readers.xgboost import read_model
from tests.unit.codegen.forests import save, train

ROOT = Path(__file__).resolve().parents[3]


def test_the_version_is_the_projects() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{codegen.__version__}"\n' in text


def test_float_literals_read_back_to_the_same_bits() -> None:
    bits = np.random.default_rng(0).integers(0, 1 << 32, 20_000, dtype=np.uint64).astype(np.uint32)
    values = bits.view(np.float32)
    for value in values[np.isfinite(values)]:
        literal = float32_literal(float(value))
        assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", literal)
        assert "." in literal or "e" in literal
        assert np.float32(literal[:-1]).tobytes() == value.tobytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 0.1, 1e39])
def test_what_float32_does_not_hold_has_no_literal(value: float) -> None:
    with pytest.raises(ValueError, match="float32"):
        float32_literal(value)


def test_integer_literals() -> None:
    assert [int32_literal(value) for value in (0, -7, 2**31 - 1, -(2**31))] == ["0", "-7", "2147483647", "INT32_MIN"]
    for value in (2**31, -(2**31) - 1, 1.0):
        with pytest.raises(ValueError, match="int32"):
            int32_literal(value)


def test_comments_cannot_be_left() -> None:
    assert comment_text("a */ b /* c\nd \\ é") == "a * / b / * c?d / ?"


def test_devices_get_unique_names() -> None:
    devices = ("iPhone 13", "iphone-13", "66W", "N features", "ü", "", "missing")
    names = enumerators(devices)
    assert names[:4] == ["WP_DEVICE_IPHONE_13", "WP_DEVICE_IPHONE_13_1", "WP_DEVICE_66W", "WP_DEVICE_N_FEATURES_3"]
    assert len(set(names)) == len(devices)
    assert all(re.fullmatch(r"WP_DEVICE_[A-Z0-9_]+", name) for name in names)


def test_the_same_bytes_and_untouched_files(tmp_path: Path) -> None:
    source = read_model(save(train("multi"), tmp_path / "m.json"))
    for folder in ("a", "b"):
        emit_forest(source, "clf", tmp_path / folder, feature_type="int32")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["clf.c", "clf.h"]
    for name in files:
        path = tmp_path / "a" / name
        assert path.read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert b"\r" not in path.read_bytes()
        assert path.read_bytes().endswith(b"\n")
        os.utime(path, (1, 1))
    emit_forest(source, "clf", tmp_path / "a", feature_type="int32")
    assert all((tmp_path / "a" / name).stat().st_mtime == 1 for name in files)


def large(rounds: int) -> xgb.Booster:
    """Trees that are cut into several functions, by size and by depth."""
    shape: dict[str, Any] = {"max_depth": 0, "max_leaves": 400, "grow_policy": "lossguide", "min_child_weight": 0}
    return train("regression", n_rows=3000, rounds=rounds, **shape)


def test_lines_end_before_column_100(tmp_path: Path) -> None:
    booster = large(rounds=2)
    source = read_model(save(booster, tmp_path / "m.json"))
    for feature_type in ("float32", "int32"):
        emit_forest(source, "a" * 32, tmp_path / feature_type, feature_type=feature_type)
        for path in (tmp_path / feature_type).iterdir():
            assert max(map(len, path.read_text().splitlines())) <= 100


def test_a_large_tree_is_several_functions(tmp_path: Path) -> None:
    booster = large(rounds=1)
    source = read_model(save(booster, tmp_path / "m.json"))
    emit_forest(source, "big", tmp_path)
    assert source.forest.n_splits > 256
    assert "tree_0_part_0(x)" in (tmp_path / "big.c").read_text()


def test_a_half_written_folder_is_never_left(tmp_path: Path) -> None:
    (tmp_path / "b.h").mkdir()  # the second rename fails
    with pytest.raises(CodegenError, match="cannot be written"):
        write_files(tmp_path, {"a.h": "1\n", "b.h": "2\n"})
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, before[1]))
    try:
        with pytest.raises(CodegenError, match="cannot be written"):
            write_files(tmp_path, {"a.h": "1\n", "b.h": "12345\n"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Clf", "1a", "", "a-b", "stdint", "math", "a" * 33, "a b", "é"])
def test_unusable_names_are_refused(name: str, tmp_path: Path) -> None:
    source = read_model(save(train("binary", rounds=1), tmp_path / "m.json"))
    with pytest.raises(StyleError, match="identifier"):
        emit_forest(source, name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.err if code else captured.out


def test_compile_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save(train("multi", rounds=2), tmp_path / "Clf 1.ubj")
    code, line = run(capsys, "compile", model, "--out", tmp_path / "c", "--features", "int32")
    assert code == 0
    assert line.startswith(f"written: {tmp_path}/c/clf_1.c and .h: 8 trees")
    assert "CLF_1_OUTPUT_SCALE_LOG2" in (tmp_path / "c" / "clf_1.h").read_text()
    assert "style balanced;" in (tmp_path / "c" / "clf_1.c").read_text()
    assert run(capsys, "compile", model, "--out", tmp_path / "d")[0] == 0
    assert "style exact;" in (tmp_path / "d" / "clf_1.c").read_text()


def test_a_style_that_is_not_there_names_those_that_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save(train("binary", rounds=1), tmp_path / "m.json")
    code, line = run(capsys, "compile", model, "--emit", "tiny", "--out", tmp_path / "c")
    assert code == 2
    assert line == f"error: style 'tiny' is not there; existing: --emit {' '.join(STYLES)}\n"
    assert not (tmp_path / "c").exists()


def test_bad_input_is_one_line_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.json").write_text('{"learner": {')
    out = tmp_path / "c"
    for arguments in (
        ("compile", tmp_path / "bad.json", "--out", out),
        ("compile", "--out", out),
        ("compile", "--artifact", tmp_path / "none", "--out", out),
        ("compile", tmp_path / "net.tflite", "--name", "net", "--out", out),
        ("reference", "--artifact", tmp_path / "none", "--data", tmp_path, "--out", out),
        ("measure", tmp_path / "none", "--target", "host"),
    ):
        code, line = run(capsys, *arguments)
        assert code == 2
        assert re.fullmatch(r"error: [^\n]+\n", line)
        assert not out.exists()
