"""A committed charge of three hours on every board, with the committed model: each answer and each state CRC.

The reference (python -m codegen reference) decides branches by XGBoost's own booster and does the integers in NumPy.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from host.cli import main
from tests.firmware.boards import Board, Firmware, on_boards
from tests.firmware.conftest import ROOT, run_pio, switched_on
from tests.firmware.test_native import converse
from tests.firmware.wire import bodies, hexadecimal, line

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

CHARGES = Path(__file__).resolve().parent / "charges"
SAMPLE = ("t_ms", "voltage_mv", "current_ma")
ANSWER = ("device", "confidence_permille", "remaining_s", "flags", "state_crc")
# What docs/proof.md promises of rv32imc.
FLASH_BYTES_MAX, RAM_BYTES_MAX, INSTRUCTIONS_MAX = 32_768, 1_024, 20_000
N_COUNTERS = 11
ARTIFACT = ROOT / "artifacts" / "default"
RECORDED = "B0005_t000"


@dataclass(frozen=True)
class Charge:
    lines: list[bytes]  # a reset, then every sample
    expected: list[str]  # what a board says to them, less its hello


def expected_line(k: int, file: dict[str, NDArray[np.int64]]) -> str:
    fields = [k, *(int(file[key][k]) for key in ("device", "confidence_permille"))]
    fields += [*(int(value) for value in file["remaining_s"][k]), int(file["flags"][k])]
    return ",".join(["P", *map(hexadecimal, fields), f"{int(file['state_crc'][k]):08X}"])


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "reference.npz"
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "codegen",
        "reference",
        "--artifact",
        ARTIFACT,
        "--data",
        CHARGES,
    ]
    subprocess.run([*command, "--split", "all", "--out", path], cwd=ROOT, check=True, capture_output=True, timeout=120)
    return path


def told_of(reference: Path, session: str) -> Charge:
    """One charge of a reference file."""
    with np.load(reference) as stored:
        first = stored["sessions"].tolist().index(session)
        part = slice(*stored["offsets"][first : first + 2])
        file = {key: stored[key][part] for key in (*SAMPLE, *ANSWER)}
    samples = np.stack([file[key] for key in SAMPLE], axis=1).tolist()
    lines = [line("R", 0), *(line("S", k, *sample) for k, sample in enumerate(samples))]
    return Charge(lines, ["R,0", *(expected_line(k, file) for k in range(len(samples)))])


@pytest.fixture(scope="module")
def charge(reference: Path) -> Charge:
    return told_of(reference, "three_hours")


@pytest.fixture(scope="module")
def recorded(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Charge:
    """A measured charge, of a cell that the committed model knows nothing of."""
    folder = tmp_path_factory.mktemp("recorded")
    data, predictions, reference = folder / "data", folder / "predictions.npz", folder / "reference.npz"
    selection = ["--data", data, "--split", "all"]
    for arguments in (
        ["train", "import", "nasa", recordings, data],
        ["train", "predict", "--model", ARTIFACT, *selection, "--sessions", RECORDED, "--out", predictions],
        ["codegen", "reference", "--artifact", ARTIFACT, "--predictions", predictions, "--out", reference],
    ):
        command = [sys.executable, "-m", *map(str, arguments)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    return told_of(reference, RECORDED)


def built(board_env: str, build_dir: Path) -> Path:
    """The firmware with the committed model."""
    done = run_pio("run", "-e", board_env, build_dir=build_dir, WATTPRINT_MODEL_DIR="")
    assert done.returncode == 0, done.stdout + done.stderr
    return build_dir / board_env


@pytest.fixture(scope="module", params=on_boards())
def firmware(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    board: Board = request.param
    return Firmware(board, built(board.env, tmp_path_factory.mktemp("board")) / "firmware.elf")


def test_the_charge_is_what_it_is_called(charge: Charge) -> None:
    assert len(charge.expected) > 3 * 3600
    told = [body.split(",") for body in charge.expected[1:]]
    assert len({fields[2] for fields in told}) > 1  # more than one device was thought of
    assert len({fields[7] for fields in told}) >= 3  # phases
    assert len({fields[5] for fields in told}) > 30  # times to full
    assert len({fields[8] for fields in told}) > 10_000  # the state moves on


def test_native_board(charge: Charge, tmp_path: Path) -> None:
    assert converse(built("native", tmp_path) / "program", *charge.lines)[1:] == charge.expected


@pytest.mark.slow
def test_emulated_board(firmware: Firmware, charge: Charge) -> None:
    """And the longest answer, on RISC-V in executed instructions, keeps to its limit."""
    said = bodies(firmware.converse([*charge.lines, line("T")], 1 + len(charge.expected) + N_COUNTERS))
    assert said[1:-N_COUNTERS] == charge.expected
    counters = {
        int(number, 16): int(value, 16) for _, number, value in (body.split(",") for body in said[-N_COUNTERS:])
    }
    if "riscv" in firmware.board.env:
        assert counters[8] == 0
        assert 0 < counters[7] <= INSTRUCTIONS_MAX


@pytest.mark.recordings
@pytest.mark.slow
def test_a_recorded_charge_natively(recorded: Charge, tmp_path: Path) -> None:
    assert len(recorded.expected) > 500
    assert converse(built("native", tmp_path) / "program", *recorded.lines)[1:] == recorded.expected


@pytest.mark.recordings
@pytest.mark.slow
def test_a_recorded_charge_on_a_board(firmware: Firmware, recorded: Charge) -> None:
    said = bodies(firmware.converse(recorded.lines, 1 + len(recorded.expected)))
    assert said[1:] == recorded.expected


def test_fits_a_small_chip_with_the_default_model(firmware: Firmware) -> None:
    command = [f"{firmware.board.setting('toolchain')}size", str(firmware.program)]
    sizes = subprocess.run(command, capture_output=True, text=True, check=True)
    text, data, bss = map(int, sizes.stdout.splitlines()[1].split()[:3])
    if firmware.board.env == "qemu_riscv32":
        assert text + data <= FLASH_BYTES_MAX
    assert data + bss <= RAM_BYTES_MAX


@pytest.mark.qemu
def test_the_deepest_stack_there_can_be() -> None:
    """By gcc's call graph, whose circles would be recursion."""
    command = [sys.executable, str(ROOT / "tools" / "board_stack.py"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    said = json.loads(done.stdout)
    assert 600 < said["stack_bytes"] <= 1024
    assert said["chain"][0][0] == "main"


def test_verify_through_a_socket(firmware: Firmware, reference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The host's own tool against a QEMU board."""
    arguments = [
        "verify",
        "--artifact",
        str(ARTIFACT),
        "--split",
        "all",
        "--session",
        "a_quarter",
        "--json",
        "--skip",
        "determinism",
    ]
    with switched_on(firmware) as port:
        assert main([*arguments, "--reference", str(reference), "--port", f"socket://127.0.0.1:{port}"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "PASS"
    assert (report["samples"], report["mismatches"]) == (831, 0)
    assert report["board"]["answered"] == 831
