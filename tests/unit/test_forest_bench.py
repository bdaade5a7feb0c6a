"""The benchmark of forests: it notices wrong answers, says what is missing, and its page holds every row."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.codegen.forests import hostile_rows, save, train

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def tools_are_importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    yield
    for name in [name for name in sys.modules if name.startswith("forest_bench")]:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as WATTPRINT_BENCH names one, with rows on the thresholds of a small model."""
    from codegen.readers.xgboost import read_model

    (tmp_path / "forests").mkdir()
    path = save(train("multi", rounds=3), tmp_path / "forests" / "tiny.json")
    np.savez(path.with_name("tiny_rows.npz"), x=hostile_rows(read_model(path).forest, 400, seed=61))
    monkeypatch.setenv("WATTPRINT_BENCH", str(tmp_path))
    return tmp_path


@pytest.mark.parity
@pytest.mark.usefixtures("folder")
def test_wrong_branches_are_counted_and_ours_are_right(tmp_path: Path) -> None:
    """m2cgen's own export compares with printed decimals: on thresholds it goes the wrong way."""
    from forest_bench.forms import forms
    from forest_bench.models import benchmark_models
    from forest_bench.run import Bench, Job, with_ratios

    (model,) = benchmark_models(tmp_path, ())
    wanted = ("m2cgen as shipped", "exact", "fast 12 bit", "m2cgen corrected")
    jobs = [Job(model, form, "float32", ("host",)) for form in forms() if form.name in wanted]
    rows = {row["form"]: row for row in with_ratios(Bench(tmp_path / "work", 1).run(jobs))}
    assert set(rows) == set(wanted)
    assert {name: row["mismatches"] > 0 for name, row in rows.items()} == {
        name: name == "m2cgen as shipped" for name in wanted
    }
    fast = rows["fast 12 bit"]
    assert 0 < fast["error"] < 0.01
    assert fast["times_smaller"] == round(rows["m2cgen as shipped"]["flash_bytes"] / fast["flash_bytes"], 1)
    assert fast["splits"] == model.source.forest.n_splits
    assert fast["compile_s"] > 0


@pytest.mark.parity
@pytest.mark.usefixtures("folder")
def test_an_answer_off_by_one_is_a_mismatch(tmp_path: Path) -> None:
    from forest_bench.forms import forms
    from forest_bench.models import benchmark_models
    from forest_bench.run import answers

    (model,) = benchmark_models(tmp_path, ())
    form = next(form for form in forms() if form.name == "fast 12 bit")
    emitted = form.emit(model, "int32", tmp_path / "c")
    found = answers(emitted.folder, model.rows("int32"))
    assert emitted.wrong is not None
    assert emitted.wrong(found) == 0
    found[7, 1] += 1
    found[9, 0] -= 1
    assert emitted.wrong(found) == 2


@pytest.mark.usefixtures("folder")
def test_a_generator_that_is_not_installed_is_a_row_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forest_bench import forms
    from forest_bench.models import benchmark_models
    from forest_bench.page import write_page
    from forest_bench.run import Bench, Job

    monkeypatch.setattr(forms, "RIVALS", tmp_path / "nowhere" / "python")
    (model,) = benchmark_models(tmp_path, ())
    jobs = [Job(model, form, "float32", ("rv32imc",)) for form in forms.forms() if form.name.startswith(("tl2", "eml"))]
    rows = Bench(tmp_path / "work", 1).run(jobs)
    assert [row["form"] for row in rows] == ["tl2cgen", "tl2cgen quantize=1", "emlearn, a forest of its own"]
    assert all(row["note"].startswith("not installed") for row in rows)
    write_page(rows, tmp_path / "bench.html")
    assert (tmp_path / "bench.html").read_text().count("not installed") == 3


def test_the_page_has_a_dot_and_a_line_for_every_form(tmp_path: Path) -> None:
    from forest_bench.page import write_page

    base = {"model": "clf", "features": "float32", "target": "rv32imc", "splits": 99, "stack_bytes": 10}
    rows: list[dict[str, Any]] = [
        {**base, "form": form, "ours": ours, "flash_bytes": flash, "instructions_mean": mean, "instructions_max": 9}
        for form, ours, flash, mean in (("fast <b>", True, 2000, 300.0), ("other", False, 90_000, 50_000.0))
    ]
    write_page(rows, tmp_path / "bench.html")
    text = (tmp_path / "bench.html").read_text()
    assert text.count("<circle") == 2
    assert text.count("<tr") == 3
    assert "fast <b>" not in text
    assert "fast &lt;b&gt;" in text
    other, ours = (float(part.split('"')[0]) for part in text.split(' cx="')[1:])
    assert ours < other


@pytest.mark.slow
def test_models_of_the_same_shapes_are_trained_without_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forest_bench.models import SHAPES, benchmark_models

    monkeypatch.delenv("WATTPRINT_BENCH", raising=False)
    (model,) = benchmark_models(tmp_path, ("clfS",))
    forest = model.source.forest
    assert (len(forest.trees), forest.n_outputs) == (SHAPES["clfS"][0] * SHAPES["clfS"][1], 3)
    assert 600 < forest.n_splits < 900
    assert np.isnan(model.x).any()
    assert np.isinf(model.x).any()
    assert model.margins("float32").shape == (len(model.x), 3)
