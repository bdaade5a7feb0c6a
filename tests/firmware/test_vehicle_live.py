"""A charge point's board that reads its meter: docs/wire.md, A meter of its own. On this machine and under QEMU."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from codegen.reference_household import household_answers
from host.bridge.evcc import evcc_state
from host.bridge.vehicle_figures import mqtt_vehicle_figures
from host.monitor.entries import Entry, Kind
from host.monitor.names import Model
from host.monitor.tracker import Tracker
from tests.firmware.boards import Board, on_boards
from tests.firmware.conftest import (
    CHARGE_POINT,
    FIRMWARE,
    FLAGS,
    INCLUDES,
    LIBRARIES,
    NATIVE,
    run_pio,
    sources,
)
from tests.firmware.sdm630 import Sdm630, on_a_terminal
from tests.firmware.test_esp32 import CHIPS, SDK, flags_of
from tests.firmware.test_live import play, playing
from tests.firmware.wire import bodies, body, frame, hexadecimal, line
from train.artifact_household import Household
from train.features.vehicle import extract_vehicle, vehicle_feature_names
from train.sessions.types import Charge, Phases

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

PERIOD_S = 5
GOAL = (80, 0)  # of a charge that nobody has asked anything of
PHASED = "voltage_mv_l1,voltage_mv_l2,voltage_mv_l3,current_ma_l1,current_ma_l2,current_ma_l3"
METER, ADDRESS, BAUD, PERIOD, WISHES, READY_IN_MIN, MOST_MA = range(7)
SPEED = ("--speed", "0")


@pytest.fixture(scope="module")
def board(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native firmware of a charge point with every access and every arithmetic operation checked."""
    program = tmp_path_factory.mktemp("checked") / "program"
    checks = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DWP_PROFILE_EV=1")
    parts = [*sources(*NATIVE, *CHARGE_POINT), str(model / "model.c")]
    subprocess.run(["gcc", *FLAGS, f"-I{model}", *INCLUDES, *checks, *parts, "-o", program], check=True, timeout=180)
    return program


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve minutes: waiting, 16 A on two phases, a limit of 10 A, a taper, done; told are pilot, energy and state."""
    rows, energy = [], 0.0
    for t_s in range(0, 720, 5):
        limit = 160 if t_s < 300 else 100
        amps = 0 if t_s < 20 or t_s >= 640 else min(limit * 97, 16_000 if t_s < 480 else 9_000 - 40 * (t_s - 480))
        volts = [231_000 - t_s, 230_000 + t_s, 232_000]
        energy += volts[0] * amps * 2 / 1e6 * 5 / 3600
        flows = [amps, max(amps - 150, 0), 0]
        rows.append([t_s * 1000, *volts, *flows, limit, int(energy), 40 + t_s // 120, 990])
    path = tmp_path_factory.mktemp("recording") / "car.csv"
    header = f"t_ms,{PHASED},pilot_da,energy_wh,soc_pct,power_factor_permille"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="ascii")
    return path


@dataclass(frozen=True)
class Sample:
    """Two lines of a live sample, put together."""

    sequence: int
    t_ms: int
    volts: tuple[int, ...]
    amps: tuple[int, ...]
    pilot: int
    energy: int
    soc: int
    factor: int | None


def numbers(said: str) -> list[int]:
    return [int(field, 16) for field in said.split(",")[1:]]


def samples_of(said: list[str]) -> list[Sample]:
    """Every live sample; its lines stand together, and its answer's and its advice's follow."""
    found = []
    for k, each in enumerate(said):
        if each[0] == "A":
            assert [other[0] for other in said[k : k + 5]] == list("ABQPD"), said[k : k + 5]
            sequence, *flows = numbers(each)
            rest = numbers(said[k + 1])
            assert {numbers(other)[0] for other in said[k : k + 5]} == {sequence}
            factor = None if rest[5] == -1001 else rest[5]
            volts, amps = tuple(flows[0::2]), tuple(flows[1::2])
            found.append(Sample(sequence, rest[1], volts, amps, rest[2], rest[3], rest[4], factor))
    return found


def expected_answers(household: Household, samples: list[Sample]) -> list[str]:
    """What the reference answers to these samples."""
    t_ms = np.array([each.t_ms for each in samples], dtype=np.uint32)
    volts = np.array([each.volts for each in samples], dtype=np.int32)
    amps = np.array([each.amps for each in samples], dtype=np.int32)
    charge = Charge(
        "live",
        "car",
        "u",
        "point",
        "full",
        t_ms,
        volts[:, 0],
        amps[:, 0],
        phases=Phases(volts, amps),
        pilot_da=np.array([each.pilot for each in samples], dtype=np.int32),
        energy_wh=np.array([each.energy for each in samples], dtype=np.int32),
        soc_pct=np.array([each.soc for each in samples], dtype=np.float32),
    )
    features = extract_vehicle(charge)
    answers = household_answers(household, features.x, vehicle_feature_names(), features.state_crc, *GOAL)
    first = ("possible", "state", "power_class_w", "target_10_s", "target_50_s", "target_90_s", "energy_to_go_wh")
    last = ("car", "confidence_permille", "done_10_s", "done_50_s", "done_90_s", "flags")
    lines = []
    for k in range(len(samples)):
        row = {name: int(column[k]) for name, column in answers.items()}
        lines.append(",".join(["Q", *map(hexadecimal, (k, *(row[name] for name in first)))]))
        lines.append(",".join(["P", *map(hexadecimal, (k, *(row[name] for name in last))), f"{row['state_crc']:08X}"]))
    return lines


def test_measures_what_flows_and_answers_as_the_reference(board: Path, household: Household, recording: Path) -> None:
    said = play(board, "--sensor", recording, *SPEED, last="E,2,1")
    assert said[0] == "E,1,1"
    samples = samples_of(said)
    assert [each.sequence for each in samples] == list(range(len(samples)))
    rows = [list(map(int, row.split(","))) for row in recording.read_text().splitlines()[1:]]
    assert abs(len(samples) - 720 // PERIOD_S) <= 1
    assert {b.t_ms - a.t_ms for a, b in pairwise(samples)} <= set(range(4990, 5011))
    begin = samples[0].energy
    for sample in samples:
        row = next(row for row in reversed(rows) if row[0] <= sample.t_ms + 400)  # a reading takes 0.2 s
        others = [each for each in rows if abs(each[0] - row[0]) <= 5000]
        assert any((*sample.volts, *sample.amps, sample.pilot) == tuple(each[1:8]) for each in others)
        assert any((sample.energy - begin, sample.soc) == (each[8], each[9]) for each in others)
        assert sample.factor == (None if sample.amps[0] < 250 else 990)
    assert [each for each in said if each[0] in "QP"] == expected_answers(household, samples)


def test_bridges_hand_on_what_the_reference_answers(board: Path, household: Household, recording: Path) -> None:
    """Every answer of a live board as evcc and Home Assistant have it, beside the reference's own numbers."""
    said = play(board, "--sensor", recording, *SPEED, last="E,2,1")
    expected = expected_answers(household, samples_of(said))
    tracker = Tracker({household.model_hash: Model("home", household.cars)}, "port")
    hello = (int(household.model_hash[:8], 16), int(household.model_hash[8:], 16), 0x11, 0x000100, 0, 8)
    tracker.take(Entry(0.0, Kind.OPENED, b"port"))
    tracker.take(Entry(0.0, Kind.SENT, line("H").rstrip()))
    tracker.take(Entry(0.0, Kind.RECEIVED, line("H", *hello).rstrip()))
    answered, named = 0, 0
    for k, each in enumerate(said):
        tracker.take(Entry(k / 5, Kind.RECEIVED, frame(each).rstrip()))
        if each[0] == "P":
            told, last = numbers(expected[2 * answered]), numbers(expected[2 * answered + 1].rpartition(",")[0])
            answered += 1
            snapshot = tracker.snapshot(k / 5)
            state, figures = evcc_state(snapshot, 0.0), mqtt_vehicle_figures(snapshot)
            unknown = bool(told[2] & 1)
            named += not unknown
            cars = [] if unknown else [car for n, car in enumerate(household.cars) if told[1] >> n & 1]
            keys = ("remainingMinutesAtLeast", "remainingMinutes", "remainingMinutesAtMost")
            assert (state["unknown"], state["vehicles"], figures["vehicles"] or []) == (unknown, cars, cars)
            assert [state[key] for key in keys] == [None if unknown else round(s / 60, 1) for s in last[3:6]]
            assert state["energyToGo"] == figures["energy_to_go_wh"] == (None if unknown else told[7])
            assert figures["target_minutes"] == (
                None if unknown or told[2] & 16 or told[5] < 0 else round(told[5] / 60, 1)
            )
    assert answered > 100
    assert named > 20, f"{named} of {answered}"
    assert evcc_state(tracker.snapshot(len(said) / 5), 0.0)["status"] == "A"


@pytest.mark.parametrize(
    ("kind", "code"), [("no-answer", 1), ("frozen", 3), ("range", 4), ("damaged", 5), ("refused", 6)]
)
def test_a_fault_is_told_once_and_nothing_is_answered_meanwhile(
    board: Path, household: Household, recording: Path, kind: str, code: int
) -> None:
    said = play(board, "--sensor", recording, *SPEED, "--fault", f"{kind}@100+150", last="E,2,1")
    events = [k for k, each in enumerate(said) if each[0] == "E"]
    if kind == "frozen":  # 150 s are 30 readings, and 60 make a fault
        assert [said[k] for k in events] == ["E,1,1", "E,2,1"]
        return
    assert [said[k] for k in events] == ["E,1,1", f"E,3,{code}", "E,4,0", "E,2,1"]
    assert events[2] == events[1] + 1  # not a line between: nothing stale
    samples = samples_of(said)
    gap = max(b.t_ms - a.t_ms for a, b in pairwise(samples))
    assert 140_000 < gap < 165_000
    assert [each for each in said if each[0] in "QP"] == expected_answers(household, samples)


def test_a_frozen_meter_is_found_after_sixty_readings(board: Path, recording: Path) -> None:
    told = line("H") + line("W", PERIOD, 1)
    said = play(board, "--sensor", recording, *SPEED, "--fault", "frozen@60+120", last="E,2,1", said_first=told)
    assert [each for each in said if each[0] == "E"] == ["E,1,1", "E,3,3", "E,4,0", "E,2,1"]


def test_five_minutes_without_a_reading_end_the_charge(board: Path, recording: Path) -> None:
    said = play(board, "--sensor", recording, *SPEED, "--fault", "no-answer@60+400", last="E,2,2")
    assert [each for each in said if each[0] == "E"] == ["E,1,1", "E,3,1", "E,2,1", "E,4,0", "E,1,2", "E,2,2"]


def test_without_a_pilot_current_tells(board: Path, tmp_path: Path) -> None:
    """A charge begins with the reading before its first current; a pause of half an hour ends it."""
    rows = [f"{t_s * 1000},230000,{16_000 if t_s % 3000 < 600 else 0}" for t_s in range(0, 6000, 10)]
    path = tmp_path / "plain.csv"
    path.write_text("\n".join(["t_ms,voltage_mv,current_ma", *rows]) + "\n", encoding="ascii")
    said = play(board, "--sensor", path, *SPEED, last="E,2,2")
    assert [each for each in said if each[0] == "E"] == ["E,1,1", "E,2,1", "E,1,2", "E,2,2"]
    first, second = samples_of(said)[:2]
    assert (first.t_ms, first.amps, first.pilot, first.soc) == (0, (0, 0, 0), -1, -1)
    assert second.amps[0] == 16_000
    assert 4990 <= second.t_ms <= 5010
    longest = max(each.t_ms for each in samples_of(said))
    assert 2_390_000 <= longest <= 2_410_000  # ten minutes, and thirty without current


def test_settings_of_the_meter(board: Path, recording: Path, tmp_path: Path) -> None:
    """Kept in flash; another meter's address or rate is one that does not answer; none is injected mode."""
    kept = ("--settings", tmp_path / "kept")
    with playing(board, *kept, "--sensor", recording, *SPEED) as (host, out):
        told = [line("V"), line("W", PERIOD, 10), line("W", ADDRESS, 9), line("W", BAUD, 8), line("W", WISHES, 8)]
        host.write(b"".join(told))
        host.flush()
        said = [body(out.readline()) for _ in range(12)]
    said = [each for each in said if each[0] in "VX"]
    assert said == [
        *("V,0,1,0,1,7", "V,1,1,1,F7,7", "V,2,3,0,7,7", "V,3,5,1,3C,7", "V,4,0,0,7,7", "V,5,0,0,2760,7"),
        *("V,6,3E80,1770,13880,7", "V,3,A,1,3C,7", "V,1,9,1,F7,7", "X,4", "X,4"),
    ]
    said = play(board, *kept, "--sensor", recording, *SPEED, last="E,3,1")
    assert said == ["E,3,1"]
    back = line("H") + line("W", ADDRESS, 1)
    said = play(board, *kept, "--sensor", recording, *SPEED, last="E,2,1", said_first=back)
    steps = {b.t_ms - a.t_ms for a, b in pairwise(samples_of(said))}
    assert steps <= set(range(9990, 10_011))
    said = play(board, "--sensor", recording, *SPEED, last="E,3,1", said_first=line("H") + line("W", BAUD, 4))
    assert said[-2:] == ["V,2,4,0,7,7", "E,3,1"]
    said = play(board, "--sensor", recording, *SPEED, last="M,1", said_first=line("H") + line("W", METER, 0))
    assert said[-2:] == ["V,0,0,0,1,7", "M,1"]


def test_injected_mode_and_back(board: Path, recording: Path) -> None:
    """What is injected goes nowhere in live mode; a vehicle that is there begins another charge."""
    phases, rest = line("A", 0, *([230_000, 16_000] * 3)), line("B", 0, 0, 160, 0, -1)
    first = line("H") + phases + rest + line("M", 1) + phases + rest + line("M", 0)
    said = play(board, "--sensor", recording, *SPEED, last="E,2,1", said_first=first)
    assert said[:1] == ["N,0,4,0"]
    assert said[1] == "M,1"
    assert [each[0] for each in said[2:4]] == ["Q", "P"]
    assert said[4:6] == ["M,0", "E,1,1"]


def test_advice_switches_only_where_it_is_wished(board: Path, recording: Path) -> None:
    """Ready in a week, and slowly: the charger is told a lower limit, once, and is given it back."""
    told = line("H") + line("W", WISHES, 4) + line("W", READY_IN_MIN, 10_080)
    by_wish = {
        0: log_of(board, recording, line("H") + line("W", READY_IN_MIN, 10_080)),
        4: log_of(board, recording, told),
    }
    assert by_wish[0] == []
    assert len(by_wish[4]) == 2
    assert by_wish[4][0].startswith("charger: on, at most ")
    assert by_wish[4][1] == "charger: on, at most 16000 mA"
    assert by_wish[4][0] != by_wish[4][1]


def log_of(board: Path, recording: Path, said_first: bytes) -> list[str]:
    """What a board says beside the wire, through a whole charge."""
    with playing(board, "--sensor", recording, *SPEED) as (host, out):
        host.write(said_first)
        host.flush()
        log = []
        for received in out:
            if not received.startswith(b"$"):
                log.append(received.decode().rstrip())
            elif body(received) == "E,2,1":
                break
    return log


def test_reads_a_meter_on_a_serial_line(board: Path) -> None:
    """An independent SDM630, in real time; then its line is pulled."""
    meter = Sdm630({0: 230.5, 2: 231.0, 4: 229.5, 6: 16.0, 8: 15.9, 12: 3600.0, 14: 3600.0, 0x1E: 0.98, 0x48: 1234.567})
    with on_a_terminal(meter) as device:
        world = os.environ | {"WATTPRINT_METER": device}
        with subprocess.Popen([board], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=world) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            said = [body(process.stdout.readline()) for _ in range(7)]
            process.stdin.close()
            process.wait(20)
    assert [each[0] for each in said] == list("HEABQPD")
    (sample,) = samples_of(said)
    assert (sample.volts, sample.amps) == ((230_500, 231_000, 229_500), (16_000, 15_900, 0))
    assert (sample.pilot, sample.energy, sample.soc) == (-1, 1_234_567, -1)
    assert sample.factor == round(7_200 / (230.5 * 16 + 231 * 15.9) * 1000)


ENVIRONMENTS = {
    "qemu_riscv32": "meter_riscv32",
    "qemu_riscv32f": "meter_riscv32f",
    "qemu_cortexm4": "meter_cortexm4",
    "qemu_lx6": "meter_lx6",
}


@pytest.mark.parametrize("machine", on_boards())
def test_a_charge_on_qemu(machine: Board, model: Path, household: Household, tmp_path: Path) -> None:
    """Five minutes of a simulated meter, ten seconds of which it does not answer; idle time passes at once."""
    env = ENVIRONMENTS[machine.env]
    done = run_pio("run", "-e", env, build_dir=tmp_path, WATTPRINT_MODEL_DIR=str(model))
    assert done.returncode == 0, done.stdout + done.stderr
    command = machine.command(tmp_path / env / "firmware.elf", "stdio")
    at = command.index("-icount") + 1
    command[at] += ",sleep=off"
    said: list[str] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        while not said or said[-1] != "E,2,1":
            said.append(body(process.stdout.readline()))
        process.stdin.write(line("T"))
        process.stdin.flush()
        while not said[-1].startswith("T,9,"):
            said.append(body(process.stdout.readline()))
        process.kill()
    assert [each for each in said if each[0] == "E"] == ["E,1,1", "E,3,1", "E,4,0", "E,2,1"]
    samples = samples_of(said)
    assert 53 <= len(samples) <= 55
    assert {each.amps[0] for each in samples} == {0, 15_800, 9_900}
    assert {each.pilot for each in samples} == {160, 100}
    assert [each for each in said if each[0] in "QP"] == expected_answers(household, samples)
    if machine.env == "qemu_riscv32":
        assert int(said[-1].split(",")[2], 16) <= 1024  # deepest stack


@pytest.mark.parametrize("chip", CHIPS)
def test_the_esp32_port_reads_a_meter(chip: str, model: Path, tmp_path: Path) -> None:
    """The whole firmware on the stand-in for the SDK, with a meter on its UART; and without one."""
    program = tmp_path / "program"
    parts = [*sources("src", "ports/esp32", *LIBRARIES, *CHARGE_POINT), str(model / "model.c"), str(SDK / "sdk.c")]
    checks = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    flags = [*flags_of(chip), f"-I{FIRMWARE / 'lib' / 'meter_simulator'}", "-DWP_PROFILE_EV=1", "-DSDK_METER=1"]
    subprocess.run(["gcc", f"-I{model}", *flags, *checks, *parts, "-o", program], check=True, timeout=180)

    def run(unit: int) -> list[str]:
        world = os.environ | {"SDK_SECONDS": "12", "SDK_METER_UNIT": str(unit)}
        return bodies(
            subprocess.run([program], input=b"", env=world, capture_output=True, timeout=60, check=True).stdout
        )

    samples = samples_of(run(1))
    assert len(samples) in (2, 3)
    assert samples[0].amps == (16_000, 16_001, 16_002)
    assert run(7)[1:] == ["E,3,1"]
