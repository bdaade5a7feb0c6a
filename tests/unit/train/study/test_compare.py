"""`train compare` on a small fleet: rows, resuming, the search, the page, and a point trained again."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.train.fleet import dataset
from train.cli import main
from train.compress.point import read_point
from train.config import load_config
from train.errors import ConfigError, TrainError
from train.models.fit import fit
from train.report.study import write_page
from train.study import compare, markdown, table
from train.study.data import study_data
from train.study.search import forest_settings

ROOT = Path(__file__).parents[4]
PARTS = {
    "device": {"flash_bytes": 1000, "ram_bytes": 80, "instructions_mean": 50.0, "instructions_max": 90},
    "remaining": {"flash_bytes": 2000, "ram_bytes": 90, "instructions_mean": 70.0, "instructions_max": 80},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("fleet") / "fleet", n_units=8)


def row(
    key: str, folder: Path, *, technique: str, label: str, flash: int, correct: list[float], error: list[float]
) -> Any:
    """A row as make_row keeps it."""
    (folder / "rows").mkdir(exist_ok=True)
    scores = {"correct_60s": np.array(correct), "error_min": np.array(error), "covered": np.full(len(error), 0.8)}
    np.savez(folder / "rows" / f"{key}.npz", allow_pickle=False, **scores)
    parts = {kind: {**part, "train_seconds": 1.0, "deflated_bytes": 9} for kind, part in PARTS.items()}
    parts["device"]["flash_bytes"] = flash
    return {
        "technique": technique, "family": "forest", "title": technique.replace("_", " "), "label": label, "key": key,
        "settings": {"device": {"rounds": 3}, "remaining": {"rounds": 4}}, "commit": "abc", "parts": parts,
    }  # fmt: skip


@pytest.fixture
def result(tmp_path: Path) -> dict[str, Any]:
    """A study of three rows: the uncompressed one, a good one and one that is beaten."""
    unit = np.repeat(np.arange(4), 2)
    kept = [
        row(
            "a",
            tmp_path,
            technique="uncompressed",
            label="m2cgen's C",
            flash=60_000,
            correct=[1.0] * 8,
            error=[10.0] * 8,
        ),
        row("b", tmp_path, technique="retrain_small", label="x", flash=2_000, correct=[1.0] * 8, error=[10.4] * 8),
        row(
            "c",
            tmp_path,
            technique="leaf_width",
            label="6 bits",
            flash=9_000,
            correct=[1.0] * 7 + [0.0],
            error=[11.0] * 8,
        ),
    ]
    rows = table.finished_rows(kept, tmp_path, unit)
    return {
        "schema": 1, "commit": "abc", "command": "python -m train compare", "quick": False, "data_hash": "sha256:1",
        "about": {"train_units": 5, "scored_charges": 8, "scored_units": 4}, "target": "rv32imc",
        "rows": rows, "trials": [],
        "front": {
            "device": table.front(rows, "device", "accuracy", higher=True),
            "remaining": table.front(rows, "remaining", "mae_minutes", higher=False),
            "network": [],
        },
    }  # fmt: skip


def test_rows_are_held_to_the_uncompressed_forest(result: dict[str, Any]) -> None:
    good = result["rows"][1]
    assert good["parts"]["device"]["ratio"] == 30
    assert good["ratio"] == 62_000 / 4_000
    assert good["raw_bytes"] == 4_000
    assert good["instructions_mean"] == 120
    assert good["ram_bytes"] == 90
    assert good["accuracy_lost_points"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert good["mae_change"]["value"] == pytest.approx(0.04)
    assert result["rows"][2]["accuracy_lost_points"]["value"] == 12.5
    assert result["rows"][2]["accuracy_lost_points"]["high"] > 12.5


def test_what_another_row_beats_is_not_on_the_front(result: dict[str, Any]) -> None:
    assert [point["flash_bytes"] for point in result["front"]["device"]] == [2_000]
    assert result["front"]["device"][0]["settings"] == {"rounds": 3}


def test_the_page_says_what_was_found(result: dict[str, Any], tmp_path: Path) -> None:
    page = write_page(result, tmp_path / "compression.html").read_text(encoding="utf-8")
    assert (
        "which device, losing at most 0.3 points of accuracy, upper 95 % bound, the smallest is retrain small: x"
        in page
    )
    assert "30.0 times smaller (2000 bytes)" in page
    assert page.count("<svg") == 2
    assert page.count('<circle class="forest"') == 6
    assert "leaf width" in page
    assert 'data-value="4000"' in page
    assert not re.search(r"(src|href)=", page), "a page of one file"


def test_the_table_for_the_documentation(result: dict[str, Any]) -> None:
    """A line a row with its intervals, by family; of the trials those that lose little."""
    text = markdown.tables(result)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == 1 + len(result["rows"])
    assert "| retrain small: x | 4000 | 15.5 × | 100.0: +0.00 (+0.00 … +0.00) | 10.4: +4.0 % (+4.0 … +4.0) |" in text
    assert "30.0 x (2000 bytes), reached, by retrain small: x" in text
    trial = {**result["rows"][1], "parts": {"device": result["rows"][1]["parts"]["device"]}, "raw_bytes": 2000}
    poor = {**trial, "accuracy_lost_points": {"value": 3.0, "low": 2.0, "high": 4.0}, "raw_bytes": 500}
    assert [row["raw_bytes"] for row in markdown.best_trials({**result, "trials": [poor, trial]})] == [2000]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--jobs", "0"], "--jobs 0: must be at least 1"),
        (["--techniques", "magic"], "--techniques magic: not known"),
        (["--config", "missing.toml"], "missing.toml: not found"),
    ],
)
def test_bad_arguments_are_one_line(
    options: list[str], says: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--data", str(data), "--out", str(tmp_path / "out"), *options]) == 2
    assert says in capsys.readouterr().err


def test_units_of_the_data_are_not_unseen(data: Path, tmp_path: Path) -> None:
    from train.study.data import study_data

    with pytest.raises(TrainError, match=r"unit device0/u0 is in .* too"):
        study_data(data, [data], load_config(), tmp_path, quick=False)


def test_without_a_compiler_nothing_begins(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["compare", "--data", str(data), "--out", str(tmp_path / "out")]) == 6
    assert "riscv64-unknown-elf-gcc" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.qemu
@pytest.mark.slow
def test_a_study_goes_on_where_it_stopped(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows and trials of a first run are read by the second, which adds what is new."""
    out = tmp_path / "study"
    arguments = ["compare", "--data", str(data), "--out", str(out), "--quick", "--techniques"]
    assert main([*arguments, "uncompressed", "slice_rounds", "--trials", "1", "--jobs", "2"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == f"report: {out / 'compression.html'}"
    assert said.err.count(" min left)") == 4
    kept = {path.name: path.stat().st_mtime_ns for path in (out / "rows").glob("*.json")}
    first = json.loads((out / "compression.json").read_text(encoding="utf-8"))
    assert main([*arguments, "uncompressed", "slice_rounds", "leaf_width", "--trials", "1", "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    after = {path.name: path.stat().st_mtime_ns for path in (out / "rows").glob("*.json")}
    assert after.items() >= kept.items()
    assert len(after) == len(kept) + 2
    assert second["trials"] == first["trials"]
    assert second["core"]["flash_bytes"] > 1000
    figures = {(found["technique"], found["label"]): found for found in second["rows"]}
    assert figures["slice_rounds", "12 rounds"]["ratio"] > 5
    assert figures["uncompressed", "m2cgen's C"]["accuracy"] > 0.8


@pytest.mark.qemu
@pytest.mark.slow
def test_an_interrupted_study_loses_no_finished_row(data: Path, tmp_path: Path) -> None:
    """Ctrl-C ends it with its exit code; --finished reads what was done, and nothing is half-written."""
    out = tmp_path / "study"
    command = [
        sys.executable,
        "-m",
        "train",
        "compare",
        "--data",
        str(data),
        "--out",
        str(out),
        "--quick",
        "--jobs",
        "1",
    ]
    names = ["uncompressed", "leaf_width", "slice_rounds", "cost_complexity", "reuse_penalty", "distil_forest"]
    with subprocess.Popen(
        [*command, "--techniques", *names], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stderr is not None
        lines = [running.stderr.readline() for _ in range(2)]
        assert all(" min left)" in line for line in lines), "".join(lines)
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
        assert running.wait(timeout=30) == 130
    assert "Traceback" not in said
    finished = sorted((out / "rows").glob("*.json"))
    assert 2 <= len(finished) < len(names) + 1
    assert not list(out.rglob(".*"))
    assert main([*command[3:], "--finished", "--techniques", *names]) == 0
    figures = json.loads((out / "compression.json").read_text(encoding="utf-8"))
    assert len(figures["rows"]) == len(finished)


def test_the_search_draws_the_same_again() -> None:
    optuna = pytest.importorskip("optuna")
    drawn = []
    for _ in range(2):
        study = optuna.create_study(sampler=optuna.samplers.NSGAIISampler(seed=3), directions=["maximize", "minimize"])
        trials = [study.ask() for _ in range(4)]
        drawn.append([forest_settings(trial, "remaining") for trial in trials])
    assert drawn[0] == drawn[1]
    assert len({json.dumps(settings) for settings in drawn[0]}) == 4


def test_a_point_is_trained_again(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the techniques it names, leaves as wide as they say."""
    point = {
        "device": {
            "technique": "forest_combination",
            "settings": {"rounds": 2, "max_depth": 2, "refined": True, "leaf_bits": 7},
        },
        "remaining": {"technique": "retrain_small", "settings": {"rounds": 3, "max_depth": 2, "leaf_bits": 9}},
    }
    path = tmp_path / "point.json"
    path.write_text(json.dumps(point), encoding="utf-8")
    assert main(["fit", "--data", str(data), "--out", str(tmp_path / "a"), "--point", str(path), "--json"]) == 0
    capsys.readouterr()
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["device_model"]["leaf_bits"] == 7
    assert manifest["remaining_model"]["leaf_bits"] == 9
    trees = json.loads((tmp_path / "a" / "device.json").read_bytes())["learner"]["gradient_booster"]["model"]["trees"]
    assert len(trees) == 2 * 3
    plain = fit(data, tmp_path / "b", load_config())
    assert plain.sizes["splits for the device"] != 0
    assert (tmp_path / "b" / "device.json").read_bytes() != (tmp_path / "a" / "device.json").read_bytes()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "is no point of a study: 'device'"),
        ("nonsense", "is no point of a study"),
        (
            '{"device": {"technique": "magic", "settings": {}}, "remaining": {"technique": "magic", "settings": {}}}',
            "magic",
        ),
    ],
)
def test_files_that_are_no_point(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "point.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        read_point(path)


def test_every_technique_has_a_row_and_quick_takes_one_of_each() -> None:
    request = compare.wanted(Path("d"), [], Path("o"), None, n_jobs=2, quick=True, trials=None, command="")
    quick = {job.technique for job in compare.jobs_of(request.techniques, quick=True)}
    every = compare.jobs_of(request.techniques, quick=False)
    assert quick == {technique.name for technique in request.techniques} == {job.technique for job in every}
    assert len({job.key for job in every}) == len(every)


def test_vehicles_are_not_compressed(tmp_path: Path) -> None:
    table = "session,device,unit,charger,ended,profile\ncar,zoe,1,box,full,ev\n"
    (tmp_path / "sessions.csv").write_text(table, encoding="ascii")
    rows = "".join(f"{1000 * k},400000,90000,160\n" for k in range(12))
    (tmp_path / "car.csv").write_text("t_ms,voltage_mv,current_ma,pilot_da\n" + rows, encoding="ascii")
    with pytest.raises(TrainError, match="session car is of an electric vehicle; the study compresses the forests"):
        study_data(tmp_path, [], load_config(None), tmp_path / "out", quick=False)
