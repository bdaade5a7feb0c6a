"""`--emit auto` of networks, and a folder in which another style was before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegen.cli import main
from tests.golden.test_forest_golden import HERE

MODEL = HERE / "models" / "net_rows.tflite"


@pytest.mark.parity
def test_the_style_a_budget_asks_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["compile", str(MODEL), "--emit", "auto", "--target", "host", "--name", "net", "--out", str(tmp_path)]
    assert main([*command, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    flash = {style["style"]: style["flash_bytes"] for style in said["styles"]}
    assert set(flash) == {"aot", "aot-fast"}
    assert said["chosen"] == min(flash, key=lambda style: flash[style])
    assert f"style {said['chosen']};" in (tmp_path / "net.c").read_text()
    assert main([*command, "--budget-flash", "10"]) == 8
    assert "nothing meets the budget" in capsys.readouterr().err


@pytest.mark.qemu
def test_the_fastest_within_a_budget_of_flash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["compile", str(MODEL), "--emit", "auto", "--name", "net", "--out", str(tmp_path)]
    assert main([*command, "--budget-flash", "9000"]) == 0
    assert "aot-fast: fewest instructions" in capsys.readouterr().out
    assert "style aot-fast;" in (tmp_path / "net.c").read_text()


def test_another_style_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "mine.c").write_text("int mine;\n")
    for style in ("aot", "tflm", "aot-fast"):
        command = ["compile", str(MODEL), "--emit", style, "--name", "net", "--out", str(tmp_path)]
        assert main(command) == 0
        sources = {path.name for path in tmp_path.iterdir() if path.suffix in (".c", ".cc")}
        assert sources == {"mine.c", *(("net.cc", "net_model.c") if style == "tflm" else ("net.c",))}
