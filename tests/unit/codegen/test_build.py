"""`codegen build` with every process replaced: what fails, how it ends, and what it leaves behind."""

from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codegen import auto, build, build_styles, measure, process
from codegen.build_household import quality_line
from codegen.cli import main
from codegen.emit.styles import STYLES
from codegen.errors import CompilerError
from tests.golden.test_forest_golden import artifact
from tests.unit.codegen.drawn_household import write_household
from train.config import config_values, load_config

COST = {"flash_bytes": 40_000, "ram_bytes": 160, "stack_bytes": 700, "instructions": {"mean": 90.5, "max": 120}}
VERIFY = {"verdict": "PASS", "samples": 12_000, "mismatches": 0, "first_divergence": None}
QUALITY = {"quality": {"accuracy": {"60s": 0.9}}, "notes": ["calibration has few units"]}
STEPS = ("config", "simulate", "fit", "reference", "evaluate", "pio.py", "verify", "report")


@dataclass
class Bench:
    """A build folder, and the processes that stand for train, host and PlatformIO."""

    out: Path
    failing: str = ""
    exit_code: int = 0
    says: str = ""
    leaf_bits: int | None = 12
    settings: dict[str, Any] = field(default_factory=lambda: config_values(load_config()))
    verify: dict[str, Any] = field(default_factory=lambda: dict(VERIFY))
    ran: list[str] = field(default_factory=list)
    on_fit: Callable[[int], None] = lambda _: None

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        """What subprocess.run does; the step is the word of STEPS in the command."""
        words = [Path(word).name for word in command[:4]]
        step = next(step for step in STEPS if step in words)
        self.ran.append(step)
        if step == self.failing:
            options["stderr"].write(self.says)
            return subprocess.CompletedProcess(command, self.exit_code, b"")
        if step == "fit":
            self.on_fit(self.ran.count("fit"))
            artifact(self.out / "artifact", leaf_bits=self.leaf_bits)
        if step == "report":
            (self.out / "report.html").write_text("PASS", encoding="utf-8")
        said = {"config": self.settings, "evaluate": QUALITY, "verify": self.verify}.get(step, {})
        code = 1 if step == "verify" and self.verify["mismatches"] else 0
        return subprocess.CompletedProcess(command, code, json.dumps(said).encode())

    def build(self, *arguments: str) -> int:
        return main(["build", "--out", str(self.out), *arguments])

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.out / "report.json").read_text(encoding="utf-8"))
        return report


MODEL_FLASH = {"m2cgen": 9_000, "fast": 8_000, "small": 2_000, "balanced": 3_000}
MODEL_INSTRUCTIONS = {"m2cgen": 60, "fast": 10, "small": 50, "balanced": 30}


def cost_of(folder: Path) -> dict[str, Any]:
    """A model costs what its style does, a whole answer those of its models and 30 000 bytes, 40 instructions more."""
    texts = {path.stem: path.read_text(encoding="ascii") for path in folder.glob("*.c")}
    styles = [style for stem, text in texts.items() if stem != "model" for style in STYLES if f"style {style};" in text]
    flash, spent = (sum(table[style] for style in styles) for table in (MODEL_FLASH, MODEL_INSTRUCTIONS))
    if "model" not in texts:
        return {**COST, "flash_bytes": flash, "ram_bytes": 0, "instructions": {"mean": spent - 5.0, "max": spent}}
    return {**COST, "flash_bytes": 30_000 + flash, "instructions": {"mean": 35.0 + spent, "max": 40 + spent}}


def measured_as(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    for module in (measure, auto, build_styles):
        monkeypatch.setattr(module, "measure", function)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path / "out")
    monkeypatch.setattr(process, "run", made.run)
    measured_as(monkeypatch, lambda folder, **_: cost_of(folder))
    monkeypatch.setattr(build, "ROOT", tmp_path / "checkout")
    made.settings["budget"] = {"flash_bytes": 60_000, "ram_bytes": 2_000, "instructions": 1_000}
    return made


def test_a_build_reports_what_is_documented(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.build() == 0
    assert bench.ran == list(STEPS)
    report = bench.report()
    assert report.keys() >= {"model", "quality", "cost", "compression", "verify", "provenance"}
    assert report["model"].keys() == {"hash", "kind", "features", "classes"}
    for cost in report["cost"].values():
        assert cost.keys() == {"flash_bytes", "ram_bytes", "stack_bytes", "instructions_per_sample"}
    assert report["verify"] == VERIFY
    assert report["provenance"].keys() >= {"commit", "data_hash", "versions", "flags"}
    *others, last = capsys.readouterr().out.splitlines()
    assert others == ["note: calibration has few units", "device right at 60 s: 90.0 %"]
    flash = report["cost"]["rv32imc"]["flash_bytes"]
    assert last.startswith(f"PASS  forest of 3 devices, {flash} bytes on rv32imc: 12000 samples verified, 0 mismatches")
    assert str(bench.out / "report.html") in last


def test_steps_of_a_household_are_counted_from_the_first(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    household = write_household(tmp_path / "household", 1).path
    bench.failing, bench.exit_code = "config", 2
    assert bench.build("--artifact", str(household), "--data", str(tmp_path)) == 2
    assert capsys.readouterr().err.startswith("[1/8] settings")


def test_steps_of_a_household_to_be_enrolled_are_counted_from_the_first(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "ev.toml"
    config.write_text('profile = "ev"\n', encoding="utf-8")
    bench.settings["profile"], bench.failing, bench.exit_code = "ev", "fit", 2
    for asked in (("--config", str(config)), ("--profile", "ev")):
        assert bench.build(*asked, "--data", str(tmp_path)) == 2
        assert "[1/9] settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--household", "garage"), "--household: is of electric vehicles; give --profile ev"),
        (("--profile", "ev", "--model", "network"), "--model network: is for chargers' boards"),
        (("--profile", "ev", "--artifact", "artifacts/default"), "--profile ev: artifacts/default is a charger's"),
        (("--household", "a", "--artifact", "artifacts/default"), "is enrolled already"),
    ],
)
def test_what_does_not_go_with_vehicles(
    bench: Bench, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.build(*arguments) == 2
    assert said in capsys.readouterr().err


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


def smallest() -> str:
    return min(set(MODEL_FLASH) & set(STYLES), key=lambda style: MODEL_FLASH[style])


@pytest.mark.parametrize(
    ("arguments", "styles"),
    [
        ((), {"device": "LEAST", "remaining": "LEAST"}),
        (("--budget-flash", "46000"), {"device": "fast", "remaining": "fast"}),
        (("--budget-ram", "860"), {"device": "LEAST", "remaining": "LEAST"}),
        (("--budget-instructions", "60"), {"device": "fast", "remaining": "fast"}),
        (("--emit", "m2cgen"), {"device": "m2cgen", "remaining": "m2cgen"}),
        (("--emit", "remaining=fast,device=balanced"), {"device": "balanced", "remaining": "fast"}),
    ],
)
def test_budgets_choose_styles(bench: Bench, arguments: tuple[str, ...], styles: dict[str, str]) -> None:
    assert bench.build(*arguments) == 0
    expected = {kind: smallest() if style == "LEAST" else style for kind, style in styles.items()}
    report = bench.report()
    assert report["provenance"]["flags"]["emit"] == expected
    for kind, style in expected.items():
        assert f"style {style};" in (bench.out / "model" / f"{kind}.c").read_text()
    assert {row["model"]: row["style"] for row in report["styles"] if row["chosen"]} == (
        {} if "--emit" in arguments else expected
    )


def test_the_report_says_what_each_style_would_cost(bench: Bench) -> None:
    assert bench.build() == 0
    rows = {(row["model"], row["style"]): row for row in bench.report()["styles"]}
    assert len(rows) == 2 * len(set(MODEL_FLASH) & set(STYLES))
    least = MODEL_FLASH[smallest()]
    for (_, style), row in rows.items():
        assert row["target"] == "rv32imc"
        assert row["flash_bytes"] == MODEL_FLASH[style]
        assert row["instructions"] == {"mean": MODEL_INSTRUCTIONS[style] - 5.0, "max": MODEL_INSTRUCTIONS[style]}
        assert row["whole"]["flash_bytes"] == 30_000 + least + MODEL_FLASH[style]


@pytest.mark.parametrize(
    ("option", "over", "says"),
    [
        ("--budget-flash", "20000", "bytes of flash, "),
        ("--budget-ram", "859", "860 bytes of RAM and stack, 1 over 859"),
        ("--budget-instructions", "59", "60 instructions, 1 over 59"),
    ],
)
def test_a_budget_nothing_meets(
    bench: Bench, option: str, over: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.build("--install", option, over) == 8
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("error: nothing meets the budget on rv32imc; nearest is ")
    assert says in message
    assert not build.ROOT.exists(), "a model over its budget was installed"
    assert not (bench.out / "report.json").exists()


POINTS = {  # of a study that counts the core 2 000 bytes too small
    "schema": 1, "target": "rv32imc", "commit": "abc", "command": "compare", "data_hash": "", "rows": [],
    "core": {"flash_bytes": 28_000, "ram_bytes": 780, "instructions_max": 40},
    "front": {
        "device": [
            {"technique": "t", "title": "t", "label": f"of {flash}", "settings": {"rounds": flash},
             "flash_bytes": flash, "ram_bytes": 80, "instructions_mean": 1, "instructions_max": 2, "accuracy": accuracy}
            for flash, accuracy in ((500, 0.90), (1_400, 0.95), (2_000, 0.97))
        ],
        "remaining": [
            {"technique": "t", "title": "t", "label": "one", "settings": {}, "flash_bytes": 2_000, "ram_bytes": 80,
             "instructions_mean": 1, "instructions_max": 2, "mae_minutes": 9.0}
        ],
    },
}  # fmt: skip


def test_a_point_over_the_budget_once_built_gives_way_to_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (build.ROOT / "artifacts").mkdir(parents=True)
    (build.ROOT / "artifacts" / "compression.json").write_text(json.dumps(POINTS), encoding="utf-8")
    bench.on_fit = lambda nth: monkeypatch.setitem(MODEL_FLASH, "small", {1: 1_750, 2: 1_650, 3: 1_500}[nth])
    assert bench.build("--budget-flash", "33000") == 0
    assert bench.ran == ["config", "simulate", *["fit", "reference"] * 3, "evaluate", "pio.py", "verify", "report"]
    assert bench.report()["provenance"]["flags"]["point"]["device"]["settings"] == {"rounds": 500}
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("point: its forests are larger")]
    assert ["33500 bytes of flash, 500 over 33000" in told[0], "33300 bytes of flash, 300 over" in told[1]] == [
        True
    ] * 2

    bench.ran.clear()
    bench.on_fit = lambda _: monkeypatch.setitem(MODEL_FLASH, "small", 2_000)
    assert bench.build("--budget-flash", "33000") == 8
    assert bench.ran.count("fit") == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.endswith("34000 bytes of flash, 1000 over 33000; no point of the study is smaller")
    assert not (bench.out / "report.json").exists()


def test_the_configurations_budget_counts(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.settings["budget"]["instructions"] = 59
    assert bench.build() == 8
    assert "nothing meets the budget" in capsys.readouterr().err


def test_a_choice_that_turns_out_too_large_is_passed_by(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs of models do not quite add up: two of the smallest style may be larger together than the budget."""
    least = MODEL_FLASH[smallest()]
    second = min(MODEL_FLASH[style] for style in set(MODEL_FLASH) & set(STYLES) - {smallest()})

    def measured(folder: Path, **_: Any) -> dict[str, Any]:
        cost = cost_of(folder)
        return {**cost, "flash_bytes": cost["flash_bytes"] + 5_000 * (cost["flash_bytes"] == 30_000 + 2 * least)}

    measured_as(monkeypatch, measured)
    bench.settings["budget"] |= {"flash_bytes": 30_000 + least + second}
    assert bench.build() == 0
    styles = bench.report()["provenance"]["flags"]["emit"]
    assert sorted(MODEL_FLASH[style] for style in styles.values()) == [least, second]
    bench.settings["budget"] |= {"flash_bytes": 30_000 + least + second - 1}
    assert bench.build() == 8


def test_the_reason_names_what_was_measured(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what the models' costs add up to."""

    def measured(folder: Path, **_: Any) -> dict[str, Any]:
        cost = cost_of(folder)
        return {**cost, "flash_bytes": cost["flash_bytes"] + 7 * (f"style {smallest()};" in read_all(folder))}

    def read_all(folder: Path) -> str:
        return "".join(path.read_text(encoding="ascii") for path in folder.glob("*.c"))

    measured_as(monkeypatch, measured)
    assert bench.build() == 0
    report = bench.report()
    assert f"({report['cost']['rv32imc']['flash_bytes']} bytes)" in report["provenance"]["flags"]["why"]


def test_an_installed_model_over_its_budget_by_emit(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """--emit is not chosen by the budget, but held to it."""
    assert bench.build("--install", "--emit", "m2cgen", "--budget-flash", "47999") == 8
    assert "flash bytes on rv32imc: 48000, 1 over the budget of 47999: lower rounds" in capsys.readouterr().err
    assert not build.ROOT.exists()


@pytest.mark.parametrize("value", ["0", "-1", "many"])
@pytest.mark.parametrize("option", ["--budget-flash", "--budget-ram", "--budget-instructions"])
def test_budgets_below_one_are_refused(bench: Bench, option: str, value: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        bench.build(option, value)
    assert stopped.value.code == 2


def test_a_style_that_is_not_there_stops_before_anything_long(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.build("--emit", "device=tiny,remaining=fast") == 2
    assert "style 'tiny' is not there" in capsys.readouterr().err
    assert bench.ran == []


def test_without_compilers_nothing_is_measured_and_said_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing(*_: Any, **__: Any) -> dict[str, Any]:
        raise CompilerError("no compiler")

    measured_as(monkeypatch, nothing)
    assert bench.build() == 0
    assert "note: styles are not chosen by what they cost: no compiler" in capsys.readouterr().err
    assert (bench.report()["cost"], bench.report()["styles"], bench.report()["budgets"]) == ({}, [], [])
    assert bench.build("--budget-flash", "1000000") == 6


def test_without_the_cross_compiler_only_a_budget_asked_for_counts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(folder: Path, *, target: str, **_: Any) -> dict[str, Any]:
        if target != "host":
            raise CompilerError("no cross compiler")
        return {**cost_of(folder), "instructions": None}

    measured_as(monkeypatch, measured)
    bench.settings["budget"]["flash_bytes"] = 1_000
    assert bench.build() == 0
    assert {row["target"] for row in bench.report()["styles"]} == {"host"}
    assert bench.build("--budget-flash", "1000") == 8
    assert bench.build("--budget-instructions", "1000") == 8


def test_whole_leaves_take_styles_that_hold_them(bench: Bench) -> None:
    bench.leaf_bits = None
    assert bench.build() == 0
    assert {row["style"] for row in bench.report()["styles"]} == {"m2cgen", "fast"}


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


def test_a_household_is_told_how_good_it_is() -> None:
    ramp = {"accuracy": [0.99, 0.9, 1.0], "set_holds_truth": [1.0, 1.0, 1.0], "set_size": [1.25, 1.0, 2.0]}
    ac = {"mae_minutes": [33.7, 28.0, 40.0], "linear_mae_minutes": [44.4, 38.0, 51.0], "coverage": [0.8, 0.7, 0.9]}
    line = quality_line({"which": {"charges": 12, "60s_after_ramp": ramp}, "ac_minutes": ac})
    assert line == (
        "quality on 12 later charges: car right 99.0 %, set of 1.25 cars holds it 100.0 %, 60 s after the ramp; "
        "AC 33.7 min off (linear formula 44.4), interval covers 80 %"
    )
    assert "AC" not in quality_line({"which": {"charges": 12, "60s_after_ramp": ramp}, "ac_minutes": None})
    assert quality_line({}) == "quality: no later charge of these cars to tell it from"
