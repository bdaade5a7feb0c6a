"""The stages of a verification on the real firmware: who is to blame, a bad line, memory."""

from __future__ import annotations

import json
import math
import random
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from host import verify_host_c, verify_memory
from host.cli import main
from host.errors import HostError
from host.reference import load_reference
from tests.firmware.boards import BOARDS, Board
from tests.firmware.conftest import FLAGS, HEADERS, NATIVE, ROOT, listening, run_pio, sources
from tests.firmware.training import Trained

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("trained")]


def test_a_fault_of_the_core_is_no_fault_of_the_board(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same fault on this machine and on the board: the core is to blame, and the platform is acquitted."""
    core = tmp_path / "core"
    shutil.copytree(ROOT / "firmware" / "lib" / "core", core)
    source = core / "src" / "features.c"
    text = source.read_text(encoding="utf-8")
    assert "{5000u," in text
    source.write_text(text.replace("{5000u,", "{5001u,", 1), encoding="utf-8")
    monkeypatch.setattr(verify_host_c, "_CORE", core)
    parts = [
        *sources(*(folder for folder in NATIVE if folder != "lib/core/src")),
        *map(str, (core / "src").glob("*.c")),
        *map(str, trained.model.glob("*.c")),
    ]
    includes = [
        f"-I{folder}"
        for folder in (trained.model, core / "include", *(ROOT / "firmware" / name for name in HEADERS), core / "src")
    ]
    includes.append(f"-I{ROOT / 'firmware' / 'ports' / 'native'}")
    program = tmp_path / "program"
    subprocess.run(["gcc", *FLAGS, *includes, *parts, "-o", str(program)], check=True, timeout=120)
    assert main([*trained.arguments(program), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    verdicts = {check["group"]: check["verdict"] for check in report["checks"]}
    assert (verdicts["board"], verdicts["codegen"], verdicts["platform"]) == ("FAIL", "FAIL", "PASS")
    assert report["host_c"]["mismatches"] == report["mismatches"]
    assert "C on this machine answers as the board" in report["first_divergence"]["finding"]


def test_c_on_this_machine_is_checked_for_undefined_behaviour(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = tmp_path / "core"
    shutil.copytree(ROOT / "firmware" / "lib" / "core", core)
    source = core / "src" / "charge.c"
    text = source.read_text(encoding="utf-8")
    planted = "wp_status wp_charge_update(wp_charge *charge, const wp_sample *sample, wp_answer *answer)\n{\n"
    assert planted in text
    fault = "    static int32_t grows = INT32_MAX - 20;\n    grows += 1 + (sample->t_ms == 0xFFFFFFFFu);\n"
    source.write_text(text.replace(planted, planted + fault), encoding="utf-8")
    monkeypatch.setattr(verify_host_c, "_CORE", core)
    program = verify_host_c.build("gcc", trained.artifact.path, tmp_path)
    charge = load_reference(trained.reference, trained.artifact.model_hash).charges[0]
    rows, complaint = verify_host_c.answers(program, charge)
    assert len(rows) == 20
    assert "at sample 20: undefined behaviour" in complaint


def write_long_charge(folder: Path, seconds: int) -> None:
    """A dataset of one charge of one device, a sample a second."""
    source = random.Random(11)
    rows = ["t_ms,voltage_mv,current_ma"]
    for t_s in range(seconds):
        current_ma = 3_000 * math.exp(-6 * max(0.0, t_s / seconds - 0.4))
        rows.append(
            f"{1000 * t_s},{5_000 + source.randrange(-30, 30)},{max(0, round(current_ma + source.gauss(0, 8)))}"
        )
    folder.mkdir()
    (folder / "long.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    table = "session,device,unit,charger,ended\nlong,phone,x,made_up,unplugged\n"
    (folder / "sessions.csv").write_text(table, encoding="utf-8")


@pytest.mark.slow
def test_three_hours_over_a_bad_line_with_three_resets(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 % of the lines damaged, dropped or cut, both ways: the answers are those of a good line."""
    write_long_charge(tmp_path / "data", 10_800)
    arguments = [*trained.arguments()[:-2], "--data", str(tmp_path / "data"), "--split", "all"]
    arguments += ["--inject", "drop,flip,cut,garbage,reset=3", "--inject-rate", "0.01"]
    assert main([*arguments, "--skip", "host-c,determinism,timing", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["inject"]
    assert (found["samples"], found["wrong"], found["differ"]) == (10_800, 0, 0)
    damage = found["damage"]
    assert damage["resets"] == found["link"]["resets"] == 3
    assert damage["accepted"] == 0
    assert 0.008 < sum(damage["hit"].values()) / damage["lines"] < 0.012
    assert damage["lines"] > 3 * 10_800  # what was lost with each reset was sent again


def free_port() -> int:
    """A TCP port nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number: int = probe.getsockname()[1]
        return number


@pytest.mark.qemu
@pytest.mark.slow
def test_an_emulated_board_after_a_reset_by_its_monitor(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """C on the target is RISC-V here, reset by QEMU, and its memory that of the linked firmware."""
    board, monitor = BOARDS[0], free_port()
    done = run_pio("run", "-e", board.env, build_dir=tmp_path / "pio", WATTPRINT_MODEL_DIR=str(trained.model))
    assert done.returncode == 0, done.stdout + done.stderr
    elf = tmp_path / "pio" / board.env / "firmware.elf"
    write_long_charge(tmp_path / "data", 240)
    (tmp_path / "settings.toml").write_text("[budget]\nflash_bytes = 27648\nram_bytes = 2048\n", encoding="utf-8")
    arguments = ["--artifact", str(trained.artifact.path), "--data", str(tmp_path / "data"), "--split", "all"]
    arguments += ["--elf", str(elf), "--config", str(tmp_path / "settings.toml"), "--json", "--inject", "flip,reset=1"]
    # Closed at once, QEMU would not read it: its greeting has not been read either.
    reset = f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{monitor}; echo system_reset >&3; sleep 0.5'"
    line = Board(board.env, board.file).command(elf, "tcp:127.0.0.1:0,server=on,wait=on,nodelay=on")
    line[line.index("-monitor") + 1] = f"tcp:127.0.0.1:{monitor},server=on,wait=off"
    with listening(line) as port:
        code = main(["verify", "--port", f"socket://127.0.0.1:{port}", "--reset-command", reset, *arguments])
    report = json.loads(capsys.readouterr().out)
    assert code == 0, report["checks"]
    assert [check for check in report["checks"] if check["verdict"] != "PASS"] == []
    assert report["determinism"]["reset_how"] == "the board was started anew by --reset-command"
    assert report["inject"]["link"]["resets"] == 1
    said = subprocess.run(["riscv64-unknown-elf-size", elf], capture_output=True, text=True, check=True).stdout
    text, data, bss = map(int, said.splitlines()[1].split()[:3])
    assert report["memory"]["flash_bytes"] == text + data
    assert report["memory"]["machine"] == "RISC-V"
    assert "-march=rv32imc" in report["memory"]["flags"]
    assert 0 < report["board"]["stack_bytes"] < 1500
    assert [budget["value"] for budget in report["budgets"]][1] >= data + bss + report["board"]["stack_bytes"]
    assert 1_000 < report["timing"]["instructions"]["p50"] <= report["board"]["answer_max_ticks"]


def test_memory_is_that_of_the_size_tool(trained: Trained) -> None:
    found = verify_memory.read_elf(trained.program)
    said = subprocess.run(["size", "-B", str(trained.program)], capture_output=True, text=True, check=True).stdout
    text, data, bss = map(int, said.splitlines()[1].split()[:3])
    assert found.flash_bytes == text + data
    assert found.ram_bytes >= data + bss  # and what the loader makes read-only afterwards
    assert found.compiler.startswith("GCC")
    with pytest.raises(HostError, match=r"--elf .* is no ELF file"):
        verify_memory.read_elf(trained.reference)
    with pytest.raises(HostError, match=r"--elf .*: cannot be read"):
        verify_memory.read_elf(Path("no/such.elf"))
