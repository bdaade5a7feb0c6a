"""A charge point's board, on this machine and under QEMU: docs/wire.md, At a charge point."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.reference_household import household_answers
from host.cli import main
from tests.firmware.boards import Board, Firmware, on_boards
from tests.firmware.conftest import CHARGE_POINT, FIRMWARE, FLAGS, INCLUDES, NATIVE, ROOT, run_pio, sources
from tests.firmware.test_native import converse
from tests.firmware.test_three_hours import CHARGES
from tests.firmware.wire import bodies, hexadecimal, line
from train.artifact_household import Household
from train.features.vehicle import extract_vehicle, samples_of, vehicle_feature_names
from train.sessions.simulator.ev import simulate_vehicles
from train.sessions.types import Charge, Phases

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

GOAL = (70, 12_000)
N_SAMPLES = 400
FLASH_BYTES_MAX, RAM_BYTES_MAX = 32_768, 1_024


@dataclass(frozen=True)
class Told:
    """One charge: what a host sends, and what a board says to it after its hello."""

    lines: list[bytes]
    expected: list[str]


@pytest.fixture(scope="module")
def charge() -> Charge:
    """Three phases, a limit that changes, a taper."""
    charges = simulate_vehicles(["leaf_40", "model_3_sr"], seed=9, units_per_car=1, charges_per_unit=3)
    return max(charges, key=lambda each: len(each.t_ms))


@pytest.fixture(scope="module")
def told(household: Household, charge: Charge) -> Told:
    """Samples spread over a whole charge; the board sees no other."""
    keep = np.unique(np.linspace(0, len(charge.t_ms) - 1, N_SAMPLES).astype(int))
    samples = samples_of(charge)[keep].tolist()
    t_ms = charge.t_ms[keep]
    features = extract_vehicle(_thinned(charge, keep))
    answers = household_answers(household, features.x, vehicle_feature_names(), features.state_crc, *GOAL)
    lines, expected = [line("R", 0), line("G", *GOAL)], ["R,0", f"G,{GOAL[0]:X},{GOAL[1]:X}"]
    for k, (v1, v2, v3, i1, i2, i3, pilot, energy, soc) in enumerate(samples):
        lines += [line("A", k, v1, i1, v2, i2, v3, i3), line("B", k, int(t_ms[k]), pilot, energy, soc)]
        row = {name: int(column[k]) for name, column in answers.items()}
        first = ("possible", "state", "power_class_w", "target_10_s", "target_50_s", "target_90_s", "energy_to_go_wh")
        last = ("car", "confidence_permille", "done_10_s", "done_50_s", "done_90_s", "flags")
        expected.append(",".join(["Q", *map(hexadecimal, (k, *(row[name] for name in first)))]))
        expected.append(
            ",".join(["P", *map(hexadecimal, (k, *(row[name] for name in last))), f"{row['state_crc']:08X}"])
        )
    return Told(lines, expected)


def _thinned(charge: Charge, keep: NDArray[np.intp]) -> Charge:
    columns = ("t_ms", "voltage_mv", "current_ma", "pilot_da", "energy_wh", "soc_pct")
    kept = {name: values[keep] for name in columns if (values := getattr(charge, name)) is not None}
    phases = charge.phases
    if phases is not None:
        phases = Phases(phases.voltage_mv[keep], phases.current_ma[keep])
    return replace(charge, **kept, phases=phases)


@pytest.fixture(scope="module")
def board(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native firmware of a charge point."""
    build_dir = tmp_path_factory.mktemp("native")
    done = run_pio("run", "-e", "native", build_dir=build_dir, WATTPRINT_MODEL_DIR=str(model))
    assert done.returncode == 0, done.stdout + done.stderr
    return build_dir / "native" / "program"


@pytest.fixture(scope="module")
def checked(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with every access and every arithmetic operation checked."""
    program = tmp_path_factory.mktemp("checked") / "program"
    sanitizers = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DWP_PROFILE_EV=1")
    # The household's model.h is to be found before the small one of the tests.
    includes = (f"-I{model}", f"-I{FIRMWARE / 'lib' / 'vehicle' / 'include'}")
    parts = sources(*NATIVE, *CHARGE_POINT)
    command = ["gcc", *FLAGS, *includes, *INCLUDES, *sanitizers, *parts, str(model / "model.c"), "-o", str(program)]
    subprocess.run(command, check=True, timeout=180)
    return program


def hello_of(household: Household) -> str:
    digits = household.model_hash.upper()
    return f"H,{digits[:8]},{digits[8:]},11,100,0,8"


def test_answers_as_the_reference(board: Path, household: Household, told: Told) -> None:
    assert converse(board, *told.lines) == [hello_of(household), *told.expected]


def test_nothing_undefined_whatever_comes(checked: Path, household: Household, told: Told) -> None:
    """A charge as ever; then samples of any values, whole and damaged, in order and not."""
    source = random.Random(11)
    edges = (
        0,
        1,
        -1,
        999,
        1000,
        6000,
        16_000,
        80_001,
        230_000,
        400_000,
        0xFFFFF,
        0x7FFFF,
        -0x7FFFF,
        2**31 - 1,
        -(2**31),
    )

    def value(low: int, high: int) -> int:
        return min(max(source.choice((*edges, source.randint(0, 40_000))), low), high)

    lines, t_ms, number = [], 0, 0
    for _ in range(20_000):
        if source.random() < 0.01:
            lines += [line("R", 0), line("G", source.randint(0, 100), value(0, 2**31 - 1))]
            t_ms = number = 0
        t_ms = (t_ms + source.choice((1000, 60_000, source.randint(1, 2**31 - 1)))) % 2**32
        phases = [limit for _ in range(3) for limit in (value(0, 0xFFFFF), value(-0x7FFFF, 0x7FFFF))]
        rest = [value(-(2**31), 2**31 - 1), value(-(2**31), 2**31 - 1), source.randint(-1, 101)]
        lines += [line("A", number, *phases), line("B", number, t_ms, *rest)]
        number += 1
        if source.random() < 0.02:
            at = source.randrange(len(lines[-1]) - 1)
            lines[-1] = lines[-1][:at] + source.randbytes(source.randint(0, 3)) + lines[-1][at + 1 :]
            number -= 1
    done = subprocess.run(
        [checked], input=b"".join((*told.lines, *lines)), capture_output=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    said = bodies(done.stdout)
    assert said[: 1 + len(told.expected)] == [hello_of(household), *told.expected]
    assert sum(each.startswith("P,") for each in said) > 10_000


@pytest.mark.parametrize("target", on_boards())
def test_answers_as_the_reference_on_every_board(
    target: Board, model: Path, household: Household, told: Told, tmp_path: Path
) -> None:
    """And it is no larger than a charger's may be."""
    done = run_pio("run", "-e", target.env, build_dir=tmp_path, WATTPRINT_MODEL_DIR=str(model))
    assert done.returncode == 0, done.stdout + done.stderr
    firmware = Firmware(target, tmp_path / target.env / "firmware.elf")
    said = bodies(firmware.converse(told.lines, 1 + len(told.expected)))
    assert said == [hello_of(household), *told.expected]
    size = [f"{target.setting('toolchain')}size", str(firmware.program)]
    sizes = subprocess.run(size, capture_output=True, text=True, check=True).stdout.splitlines()[1]
    text, data, bss = map(int, sizes.split()[:3])
    assert text + data <= FLASH_BYTES_MAX
    assert data + bss <= RAM_BYTES_MAX


def sample(number: int, t_ms: int) -> tuple[bytes, bytes]:
    return (
        line("A", number, 230_000, 16_000, 230_000, 16_000, 0, 0),
        line("B", number, t_ms, 160, 0, -1),
    )


def kinds(said: list[str]) -> list[str]:
    """Lines without what is answered."""
    return [each if each[0] in "NXRGM" else ",".join(each.split(",")[:2]) for each in said[1:]]


def test_a_sample_is_taken_whole_or_not_at_all(board: Path) -> None:
    first, second = sample(0, 0), sample(1, 1000)
    assert kinds(converse(board, second[1], *first, first[1], second[1], *second)) == [
        *("N,1,1,0", "Q,0", "P,0"),  # its first line never came
        *("Q,0", "P,0"),  # asked again: voltages and currents are still those of sample 0
        *("N,1,1,1", "Q,1", "P,1"),  # the phases there are belong to another
    ]
    assert kinds(converse(board, first[0], line("R", 0), first[1])) == ["R,0", "N,0,1,0"]
    damaged = first[0].replace(b"38270", b"38271", 1)
    assert kinds(converse(board, damaged, first[1], *first)) == ["N,0,1,0", "Q,0", "P,0"]


def test_repeats_gaps_and_contradictions(board: Path) -> None:
    samples = [sample(k, 1000 * k) for k in range(6)]
    flat = [each for pair in samples for each in pair]
    said = converse(board, *flat, *samples[2], *samples[1], *sample(5, 5001), *sample(7, 9000), *sample(6, 5000))
    assert kinds(said)[12:] == ["Q,2", "P,2", "N,1,2,6", "N,5,5,6", "N,7,1,6", "N,6,3,6"]
    assert said[1 + 2 * 2 : 1 + 2 * 3] == said[13:15]
    other = line("A", 5, 230_000, 16_000, 230_000, 16_000, 0, 1)
    assert kinds(converse(board, *flat, other, samples[5][1]))[12:] == ["N,5,5,6"]


def test_goals_hold_for_one_charge(board: Path) -> None:
    first = sample(0, 0)
    usual, asked, again = (
        converse(board, *lines)[-1]
        for lines in (first, (line("G", 50, 0), *first), (line("G", 50, 0), line("R", 0), *first))
    )
    assert usual == again
    assert usual != asked


def test_what_it_does_not_take(board: Path) -> None:
    wrong = ["A,0,0,0,0,0,0", "A,-1,0,0,0,0,0,0", "A,0,100000,0,0,0,0,0", "A,0,0,80000,0,0,0,0", "A,0,-1,0,0,0,0,0"]
    wrong += ["B,0,0,0,0", "B,0,0,0,0,0,0", "B,0,-1,0,0,0", "B,0,0,80000000,0,0", "G,50", "G,65,0", "G,-1,0", "G,0,-1"]
    lines = [line(each[0], *(int(field, 16) for field in each.split(",")[1:])) for each in wrong]
    assert kinds(converse(board, *lines)) == ["X,2"] * len(wrong)
    assert kinds(converse(board, line("S", 0, 0, 5000, 2000), line("M", 0), line("M", 1))) == ["X,1", "N,0,4,0", "M,1"]


def test_a_charger_s_board_knows_none_of_it(native_board: Path) -> None:
    lines = [line("A", 0, 0, 0, 0, 0, 0, 0), line("B", 0, 0, 0, 0, 0), line("G", 80, 0)]
    assert kinds(converse(native_board, *lines)) == ["X,1"] * 3


@pytest.fixture(scope="module")
def reference(household: Household, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two simulated charges, as the commands make it."""
    folder = tmp_path_factory.mktemp("cars")
    fleet, out = str(folder / "fleet"), str(folder / "reference.npz")
    options = ["--profile", "ev", "--devices", "citigo_e,leaf_40", "--units", "1", "--charges", "1"]
    for command in (
        ["train", "simulate", fleet, *options, "--period-ms", "60000"],
        ["codegen", "reference", "--artifact", str(household.path), "--data", fleet, "--split", "all", "--out", out],
    ):
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True, capture_output=True)
    return folder / "reference.npz"


def verified(
    board: Path, household: Household, reference: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, dict[str, Any]]:
    command = ["verify", "--port", "sim", "--firmware", str(board), "--artifact", str(household.path), "--json"]
    code = main([*command, "--reference", str(reference), *options])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, report


def test_host_verifies_whole_charges(
    board: Path, household: Household, reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = verified(board, household, reference, capsys, "--inject", "flip=0.01,drop=0.005,reset=1")
    assert (code, report["verdict"], report["mismatches"]) == (0, "PASS", 0)
    assert report["samples"] == sum(charge["samples"] for charge in report["charges"]) > 100
    assert report["inject"]["wrong"] == 0
    assert report["inject"]["resets"] == 1
    assert report["inject"]["damaged"] > 0
    assert report["board"]["protocol"] == 0x11


def test_host_shows_the_first_wrong_answer(
    board: Path, household: Household, reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(reference) as file:
        data = {key: file[key] for key in file.files}
    data["target_50_s"][7] += 1
    data["state_crc"][9] ^= 1
    np.savez(tmp_path / "wrong.npz", **data)
    code, report = verified(board, household, tmp_path / "wrong.npz", capsys)
    assert (code, report["verdict"], report["mismatches"]) == (1, "FAIL", 2)
    first = report["first_divergence"]
    assert first["sample"] == 7
    assert first["measured"]["t_ms"] == int(data["t_ms"][7])
    differ = {name for name, value in first["expected"].items() if first["got"][name] != value}
    assert differ == {"target_50_s"}


def test_a_charger_s_host_is_told_whose_board_it_is(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["stream", "--port", "sim", "--firmware", str(board), str(CHARGES)])
    assert code == 4
    assert "the board is a charge point's" in capsys.readouterr().err
    assert main(["info", "--port", "sim", "--firmware", str(board), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["profile"] == "charge point"


@pytest.mark.slow
def test_build_proves_a_household(household: Household, reference: Path, tmp_path: Path) -> None:
    """From an artifact to its report in one command; a budget that it breaks is named."""
    settings = tmp_path / "wattprint.toml"
    settings.write_text("[verify]\ncharges = 1\n", encoding="ascii")
    command = [sys.executable, "-m", "codegen", "build", "--artifact", str(household.path), "--config", str(settings)]
    command += ["--data", str(reference.parent / "fleet"), "--out", str(tmp_path / "build")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    quality, verdict = done.stdout.splitlines()
    assert quality == "quality: no later charge of these cars to tell it from"
    assert verdict.startswith("PASS  household of 8 cars")
    report = json.loads((tmp_path / "build" / "report.json").read_text(encoding="utf-8"))
    assert report["model"]["hash"] == household.model_hash
    assert report["verify"]["mismatches"] == 0 < report["verify"]["samples"]
    assert 0 < report["cost"]["host"]["flash_bytes"] <= FLASH_BYTES_MAX
    refused = subprocess.run([*command, "--emit", "small"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "--emit: is for chargers' models" in refused.stderr
