"""`codegen build` with every process replaced: what fails, how it ends, and what it leaves behind."""

from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codegen import build, measure, process
from codegen.cli import main
from codegen.errors import CompilerError
from tests.golden.test_forest_golden import artifact
from train.config import config_values, load_config

COST = {"flash_bytes": 40_000, "ram_bytes": 160, "stack_bytes": 700, "instructions": {"mean": 90.5, "max": 120}}
VERIFY = {"verdict": "PASS", "samples": 12_000, "mismatches": 0, "first_divergence": None}
QUALITY = {"quality": {"accuracy": {"60s": 0.9}}, "notes": ["calibration has few units"]}
STEPS = ("config", "simulate", "fit", "evaluate", "reference", "pio.py", "verify", "report")


@dataclass
class Bench:
    """A build folder, and the processes that stand for train, host and PlatformIO."""

    out: Path
    failing: str = ""
    exit_code: int = 0
    says: str = ""
    verify: dict[str, Any] = field(default_factory=lambda: dict(VERIFY))
    ran: list[str] = field(default_factory=list)

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        """What subprocess.run does; the step is the word of STEPS in the command."""
        words = [Path(word).name for word in command[:4]]
        step = next(step for step in STEPS if step in words)
        self.ran.append(step)
        if step == self.failing:
            options["stderr"].write(self.says)
            return subprocess.CompletedProcess(command, self.exit_code, b"")
        if step == "fit":
            artifact(self.out / "artifact")
        if step == "report":
            (self.out / "report.html").write_text("PASS", encoding="utf-8")
        said = {"config": config_values(load_config()), "evaluate": QUALITY, "verify": self.verify}.get(step, {})
        code = 1 if step == "verify" and self.verify["mismatches"] else 0
        return subprocess.CompletedProcess(command, code, json.dumps(said).encode())

    def build(self, *arguments: str) -> int:
        return main(["build", "--out", str(self.out), *arguments])

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.out / "report.json").read_text(encoding="utf-8"))
        return report


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path / "out")
    monkeypatch.setattr(process, "run", made.run)
    monkeypatch.setattr(measure, "measure", lambda *_, **__: dict(COST))
    monkeypatch.setattr(build, "ROOT", tmp_path / "checkout")
    return made


def test_a_build_reports_what_is_documented(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.build() == 0
    assert bench.ran == list(STEPS)
    report = bench.report()
    assert report.keys() >= {"model", "quality", "cost", "compression", "verify", "provenance"}
    assert report["model"].keys() == {"hash", "kind", "features", "classes"}
    for cost in report["cost"].values():
        assert cost.keys() == {"flash_bytes", "ram_bytes", "stack_bytes", "instructions_per_sample"}
        assert cost["instructions_per_sample"]["max"] == 120
    assert report["verify"] == VERIFY
    assert report["provenance"].keys() >= {"commit", "data_hash", "versions", "flags"}
    *others, last = capsys.readouterr().out.splitlines()
    assert others == ["note: calibration has few units", "device right at 60 s: 90.0 %"]
    assert last.startswith("PASS  forest of 3 devices, 40000 bytes on rv32imc: 12000 samples verified, 0 mismatches")
    assert str(bench.out / "report.html") in last


@pytest.mark.parametrize("step", STEPS)
def test_a_failing_step_leaves_no_verdict(bench: Bench, step: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither that of a build before, nor a page of this one; the exit code is the step's own."""
    assert bench.build() == 0
    bench.failing, bench.exit_code, bench.says = step, 7, "warming up\nerror: it broke; mend it\ngiving up\n"
    assert bench.build() == (6 if step == "pio.py" else 7)
    assert not (bench.out / "report.html").exists()
    assert (bench.out / "report.json").exists() == (step == "report")
    captured = capsys.readouterr()
    assert captured.out.count("PASS") == 1
    assert ": it broke; mend it (log: " in captured.err.splitlines()[-1]


def test_firmware_that_does_not_compile_is_no_mismatch(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """PlatformIO ends with 1, which would say that an answer differs."""
    bench.failing, bench.exit_code = "pio.py", 1
    bench.says = "Compiling\nmodel.c:3:1: error: unknown type name 'wp'\n==== [FAILED] Took 0.2 seconds ====\n"
    assert bench.build() == 6
    assert "model.c:3:1: error: unknown type name 'wp'" in capsys.readouterr().err


def test_a_mismatch_fails_and_is_reported(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.verify = {**VERIFY, "verdict": "FAIL", "mismatches": 3}
    assert bench.build("--install") == 1
    assert bench.report()["verify"]["mismatches"] == 3
    assert capsys.readouterr().out.splitlines()[-1].startswith("FAIL  ")
    assert not build.ROOT.exists(), "a model that is not proved was installed"


def test_installing_puts_model_and_artifact_together(bench: Bench) -> None:
    assert bench.build("--install") == 0
    installed = build.ROOT / "firmware" / "lib" / "model" / "model.c"
    assert installed.read_bytes() == (bench.out / "model" / "model.c").read_bytes()
    manifest = json.loads((build.ROOT / "artifacts" / "default" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["hash"][7:23] == bench.report()["model"]["hash"]


def test_with_an_artifact_nothing_is_trained(bench: Bench, tmp_path: Path) -> None:
    artifact(tmp_path / "mine")
    assert bench.build("--artifact", str(tmp_path / "mine"), "--data", str(tmp_path)) == 0
    assert bench.ran == [step for step in STEPS if step not in ("simulate", "fit")]


@pytest.mark.parametrize(
    ("quality", "line"),
    [
        (
            {"accuracy": {}, "mae_minutes": {"overall": 6.74}, "baseline_mae_minutes": {"overall": 8.5}},
            "minutes to full: 6.7 off, the baseline 8.5",
        ),
        ({"accuracy": {"60s": None}, "mae_minutes": {}}, "no charge with a known end to judge the model by"),
        (
            {"accuracy": {"60s": 0.5}, "mae_minutes": {"overall": 2}},
            "device right at 60 s: 50.0 %; minutes to full: 2.0 off",
        ),
    ],
)
def test_quality_in_a_line(quality: dict[str, Any], line: str) -> None:
    assert build.quality_line(quality) == line


@pytest.mark.parametrize(
    ("option", "within", "over"),
    [("--budget-flash", 40_000, 39_999), ("--budget-ram", 860, 859), ("--budget-instructions", 120, 119)],
)
def test_budgets(bench: Bench, option: str, within: int, over: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.build(option, str(within)) == 0
    assert bench.build("--install", option, str(over)) == 8
    assert f", budget {over}: lower rounds" in capsys.readouterr().err
    assert not build.ROOT.exists(), "a model over its budget was installed"


def test_a_budget_that_cannot_be_measured_is_not_met(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any, **__: Any) -> dict[str, Any]:
        raise CompilerError("no compiler")

    monkeypatch.setattr(measure, "measure", nothing)
    assert bench.build() == 0
    assert bench.report()["cost"] == {}
    assert bench.build("--budget-flash", "1000000") == 8


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    assert main(["build", "--out", str(tmp_path / "file" / "out")]) == 2
    assert "out: cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "name"),
    [("My-Charges", "my_charges"), ("2026", "on_2026"), ("älter", "on__lter"), ("a.b c", "a_b_c"), ("_x", "on__x")],
)
def test_the_models_name_is_an_identifier(folder: str, name: str, tmp_path: Path) -> None:
    assert build.model_name(tmp_path / folder) == name


def test_a_disk_that_fills_up_is_one_line(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """At the report, the largest file that this process writes itself."""
    assert bench.build() == 0
    largest = max(path.stat().st_size for path in bench.out.rglob("*") if path.name != "report.json")
    bench.verify["padding"] = "x" * largest
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        code = bench.build("--json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 2
    assert f"error: --out {bench.out}: cannot be written: " in capsys.readouterr().err
    assert not [path for path in bench.out.iterdir() if path.name.startswith((".report", "report"))]
