"""`--emit auto` and what `compile` says: measured styles, budgets, and a machine without the cross compiler."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from codegen import auto
from codegen.cli import main
from codegen.emit.forest import forest_files
from codegen.emit.styles import STYLES
from codegen.errors import CompilerError, ModelError
from codegen.measure import measure
from tests.golden.test_forest_golden import artifact
from tests.unit.codegen.forests import features, save, train

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(train("multi", rounds=4), tmp_path_factory.mktemp("model") / "clf.json")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_least_flash_on_this_machine(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "c"
    code, said, _ = run(capsys, "compile", model, "--emit", "auto", "--target", "host", "--json", "--out", out)
    assert code == 0
    report = json.loads(said)
    flash = {style["style"]: style["flash_bytes"] for style in report["styles"]}
    assert list(flash) == list(STYLES)
    assert flash[report["chosen"]] == min(flash.values())
    assert f"style {report['chosen']};" in (out / "clf.c").read_text()
    assert measure(out, target="host")["flash_bytes"] == flash[report["chosen"]]
    assert report["why"].startswith(f"{report['chosen']}: least flash")


@pytest.mark.qemu
def test_a_budget_of_flash_takes_the_fastest(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "rows.npz"
    np.savez(rows, x=features(50, seed=3))
    arguments = ("compile", model, "--emit", "auto", "--inputs", rows, "--out", tmp_path / "c")
    code, said, _ = run(capsys, *arguments, "--budget-flash", 100_000)
    assert code == 0
    lines = said.splitlines()
    counts = {line[3:].split()[0]: float(line.split()[-2]) for line in lines[1 : 1 + len(STYLES)]}
    fastest = min(counts, key=lambda style: counts[style])
    assert [line[3:].split()[0] for line in lines if line.startswith("->")] == [fastest]
    assert f"{fastest}: fewest instructions" in said
    assert said.splitlines()[-1].endswith("on 50 rows of rows.npz") or not STYLES[fastest].quantises_leaves
    code, said, complaint = run(capsys, *arguments, "--budget-instructions", 3)
    assert code == 8
    assert re.fullmatch(
        r"error: nothing meets the budget on rv32imc; nearest is \w+: \d+ instructions, [^\n]+\n", complaint
    )


def test_without_the_cross_compiler_bytes_of_this_machine_are_taken(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = measure

    def measured(folder: Path, **options: object) -> dict[str, object]:
        if options["target"] != "host":
            raise CompilerError("riscv64-unknown-elf-gcc is not installed")
        return real(folder, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(auto, "measure", measured)
    code, said, _ = run(capsys, "compile", model, "--emit", "auto", "--out", tmp_path / "c")
    assert code == 0
    assert (
        "note: no figures for rv32imc: riscv64-unknown-elf-gcc is not installed; these are bytes of this machine"
        in said
    )
    assert "no budget was given, on host" in said
    code, _, complaint = run(
        capsys, "compile", model, "--emit", "auto", "--budget-instructions", 9000, "--out", tmp_path / "c"
    )
    assert (code, complaint.count("\n")) == (8, 1)
    assert "cannot be counted here" in complaint


def test_a_style_that_does_not_take_the_forest_is_a_note(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from codegen.readers.xgboost import read_model

    real = forest_files

    def files(*arguments: object, **options: object) -> object:
        if options["style"] == "fast":
            raise ModelError("too wide")
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(auto, "forest_files", files)
    measured = auto.measure_styles(auto.Emission(read_model(model), "float32", None), ["m2cgen", "fast"], "host", None)
    assert [cost.style for cost in measured.costs] == ["m2cgen"]
    assert measured.notes == ("fast does not take this forest: too wide",)


def test_compile_says_what_the_leaves_cost(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run(capsys, "compile", model, "--emit", "fast", "--leaf-bits", 6, "--out", tmp_path / "c")
    assert code == 0
    line = said.splitlines()[-1]
    found = re.fullmatch(
        r"leaves of 6 bits: margins off by at most (\S+) on any row, (\S+) on 1000 drawn rows \(.*\)", line
    )
    assert found
    assert 0 < float(found[2]) <= float(found[1])
    code, said, _ = run(capsys, "compile", model, "--emit", "m2cgen", "--out", tmp_path / "d")
    assert (code, said.count("\n")) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--emit", "fast", "--leaf-bits", 17), "--leaf-bits 17: from 2 to 16"),
        (("--emit", "m2cgen", "--leaf-bits", 8), "keeps leaves whole"),
        (("--emit", "fast", "--budget-flash", 9), "--json and budgets go with --emit auto"),
        (("--emit", "fast", "--inputs", "none.npz"), "none.npz: has no array x or features"),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: tuple[object, ...], words: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, complaint = run(capsys, "compile", model, *arguments, "--out", tmp_path / "c")
    assert (code, complaint.count("\n")) == (2, 1)
    assert words in complaint
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("value", ["-5", "0", "x"])
def test_a_budget_below_one_is_refused(value: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["compile", str(model), "--emit", "auto", "--budget-flash", value, "--out", "c"])
    assert stopped.value.code == 2
    assert "--budget-flash" in capsys.readouterr().err


def test_an_artifact_takes_a_style_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = artifact(tmp_path / "artifact", leaf_bits=12)
    arguments = ("compile", "--artifact", made.path, "--out", tmp_path / "c")
    assert run(capsys, *arguments, "--emit", "device=fast,remaining=m2cgen", "--leaf-bits", 12)[0] == 0
    assert "styles    device fast, remaining m2cgen" in (tmp_path / "c" / "model.h").read_text()
    assert run(capsys, *arguments)[0] == 0
    assert "styles    device balanced, remaining balanced" in (tmp_path / "c" / "model.h").read_text()
    whole = artifact(tmp_path / "whole")
    assert run(capsys, "compile", "--artifact", whole.path, "--out", tmp_path / "d")[0] == 0
    assert "styles    device m2cgen, remaining m2cgen" in (tmp_path / "d" / "model.h").read_text()
    for wrong, words in (
        (("--leaf-bits", 8), "the device model of"),
        (("--emit", "auto"), "python -m codegen build"),
        (("--emit", "device=fast"), "this artifact has device, remaining"),
        (("--emit", "device=tiny,remaining=fast"), "style 'tiny' is not there"),
    ):
        code, _, complaint = run(capsys, *arguments, *wrong)
        assert (code, complaint.count("\n")) == (2, 1)
        assert words in complaint
