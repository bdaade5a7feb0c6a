"""The C of firmware/lib/vehicle against the oracle written from docs/vehicle.md, bit for bit; and its build."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.oracle.vehicle import oracle_vehicle
from tests.oracle.vehicle_state import LAYOUT, oracle_crcs
from tests.parity.test_core_build import INTEGER_64, MEMORY, RISCV, WARNINGS, run
from train.errors import DatasetError
from train.features.vehicle import extract_vehicle, samples_of, vehicle_feature_names
from train.sessions.simulator.ev import simulate_vehicles
from train.sessions.types import Charge, Phases

pytestmark = pytest.mark.parity

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "firmware" / "lib" / "vehicle"
INCLUDES = ("-I", LIBRARY / "include", "-I", ROOT / "firmware" / "lib" / "core" / "include")
SOURCES = sorted((LIBRARY / "src").glob("*.c"))
CRC32 = ROOT / "firmware" / "lib" / "core" / "src" / "crc32.c"

INT32 = (-(2**31), 2**31 - 1)
STEPS = st.one_of(
    st.integers(1_000, 60_000),
    st.sampled_from([1, 29_999, 30_000, 59_999, 60_000, 299_999, 300_000, 300_001, 2**31 - 1]),
)
VOLTAGES = st.one_of(st.sampled_from([*INT32, 0, -1, 1_048_575, 1_048_576]), st.integers(225_000, 235_000))
# Few levels, so that plateaus, stairs and pauses come about; and the edges of what counts as drawing and as a level.
CURRENTS = st.one_of(
    st.sampled_from([0, 0, 999, 1_000, 6_000, 6_250, 6_251, 10_000, 15_700, 15_900, 16_014, 16_015, 32_000, *INT32]),
    st.integers(0, 40_000),
)
PILOTS = st.sampled_from([-1, 0, 59, 60, 64, 65, 100, 160, 160, 160, 320, 800, 801, *INT32])
ENERGIES = st.one_of(st.sampled_from([-1, 0, *INT32]), st.integers(0, 100_000))
STATES = st.one_of(st.sampled_from([-1, 0, 100, 101, *INT32]), st.integers(0, 100))
SAMPLE = st.tuples(VOLTAGES, VOLTAGES, VOLTAGES, CURRENTS, CURRENTS, CURRENTS, PILOTS, ENERGIES, STATES)


def charge_of(t_ms: Sequence[int], samples: Sequence[Sequence[int]]) -> Charge:
    table = np.array(samples, dtype=np.int32)
    phases = Phases(table[:, 0:3], table[:, 3:6])
    return Charge(
        session="drawn",
        device="car",
        unit="u",
        charger="box",
        ended="unknown",
        t_ms=np.array(t_ms, dtype=np.uint32),
        voltage_mv=table[:, 0],
        current_ma=table[:, 3],
        phases=phases,
        pilot_da=table[:, 6],
        energy_wh=table[:, 7],
        soc_pct=table[:, 8].astype(np.float64),  # float32 would not hold them all
    )


def assert_equal(charge: Charge) -> list[list[int]]:
    samples = [[int(value) for value in row] for row in samples_of(charge)]
    want = oracle_vehicle([int(t) for t in charge.t_ms], samples)
    extracted = extract_vehicle(charge)
    got = extracted.x
    wrong = np.argwhere(got != np.array(want, np.int64))
    if len(wrong):
        row, column = (int(index) for index in wrong[0])
        name = vehicle_feature_names()[column]
        pytest.fail(f"sample {row}, {name}: C {got[row, column]}, oracle {want[row][column]}")
    assert extracted.state_crc.tolist() == oracle_crcs([int(t) for t in charge.t_ms], samples)
    return want


@settings(deadline=None, max_examples=150)
@given(
    first=st.sampled_from([0, 2**31, 2**32 - 1]),
    drawn=st.lists(st.tuples(STEPS, SAMPLE, st.integers(1, 5)), min_size=1, max_size=25),
)
@example(first=0, drawn=[(2**31 - 1, (0,) * 9, 3), (30_000, (1, 1, 1, 16_000, 0, 0, 160, 0, 0), 5)])
def test_any_samples(first: int, drawn: list[tuple[int, tuple[int, ...], int]]) -> None:
    """Each drawn sample comes several times, so that something holds."""
    samples = [(step, sample) for step, sample, times in drawn for _ in range(times)]
    t_ms = [int(t) for t in (first + np.cumsum([0, *(step for step, _ in samples[1:])], dtype=np.int64)) % 2**32]
    assert_equal(charge_of(t_ms, [sample for _, sample in samples]))


def thinned(charge: Charge, every: int) -> Charge:
    """Every so manieth sample."""
    columns = ("t_ms", "voltage_mv", "current_ma", "pilot_da", "energy_wh", "soc_pct")
    kept = {name: values[::every] for name in columns if (values := getattr(charge, name)) is not None}
    phases = charge.phases
    if phases is not None:
        phases = Phases(phases.voltage_mv[::every], phases.current_ma[::every])
    return replace(charge, **kept, phases=phases)


def test_simulated_charges_show_every_feature() -> None:
    charges = simulate_vehicles(["leaf_40", "model_3_sr", "citigo_e"], seed=9, units_per_car=2, charges_per_unit=5)
    seen = np.zeros(len(vehicle_feature_names()), dtype=bool)
    for charge in charges:
        n = len(charge.t_ms)
        every = max(n // 200, 1)  # the oracle is slow, so only so many samples
        seen |= (np.array(assert_equal(thinned(charge, every))) > 0).any(axis=0)
    assert [name for name, found in zip(vehicle_feature_names(), seen, strict=True) if not found] == []


def told(*steps: tuple[int, int, int]) -> dict[str, int]:
    """Features after samples of (step in ms, current of one phase in mA, pilot in dA) at 230 V, without a meter."""
    t_ms = [int(t) for t in np.cumsum([0, *(step for step, _, _ in steps[1:])])]
    samples = [(230_000, 0, 0, current, 0, 0, pilot, -1, -1) for _, current, pilot in steps]
    return dict(zip(vehicle_feature_names(), assert_equal(charge_of(t_ms, samples))[-1], strict=True))


def test_edges_of_what_happens() -> None:
    at_16 = [(10_000, 16_000, 320)] * 5
    fell = [*at_16, (10_000, 16_000, 100)]
    assert told(*fell, (10_000, 10_501, 100))["limit_response_s"] == -(2**31)
    assert told(*fell, (10_000, 10_501, 100), (10_000, 10_500, 100))["limit_response_s"] == 20
    lower = [(10_000, 10_000, 320)] * 5
    assert told(*at_16, *lower)["taper_step_count"] == 1
    assert told(*at_16, *lower)["taper_step_ma"] == 6_000
    after_pause = told(*at_16, (10_000, 0, 320), (60_000, 0, 320), *lower)
    assert after_pause["pause_count"] == after_pause["restart_count"] == 1
    assert after_pause["taper_step_count"] == 0
    assert told(*at_16, (10_000, 0, 320), (59_999, 0, 320), *lower)["taper_step_count"] == 1
    # 500 kW for the 300 s that count of a longer step: 41 666 Wh, and no more.
    far = told((0, 524_287, -1), (2_000_000, 524_287, -1))
    assert far["energy_wh"] == far["power_w"] * 300 // 3600


def test_time_must_ascend() -> None:
    charge = charge_of([0, 10, 10], [(0,) * 9] * 3)
    with pytest.raises(DatasetError, match="session drawn, sample 2: t_ms 10 does not lie after the 10 before it"):
        extract_vehicle(charge)
    with pytest.raises(ValueError, match="ascend strictly"):
        extract_vehicle(charge_of([0, 10], [(0,) * 9] * 2), np.array([1, 1]))


def test_page_tells_the_state() -> None:
    page = (ROOT / "docs" / "vehicle.md").read_text(encoding="utf-8")
    assert f"{struct.calcsize(LAYOUT)} bytes" in page


def test_page_lists_the_features_in_order() -> None:
    page = (ROOT / "docs" / "vehicle.md").read_text(encoding="utf-8")
    _, _, page = page.partition("\n## Features\n")
    page, _, _ = page.partition("\n## ")
    assert tuple(re.findall(r"^\| `([a-z0-9_]+)` \|", page, re.MULTILINE)) == vehicle_feature_names()


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warnings(compiler: str, tmp_path: Path) -> None:
    assert len(SOURCES) >= 3
    for path in SOURCES:
        for option in ("-O2", "-Os"):
            run(compiler, *WARNINGS, option, *INCLUDES, "-c", path, "-o", tmp_path / "x.o")
    alone = tmp_path / "alone.c"
    alone.write_text('#include "wp/vehicle.h"\n#include "wp/vehicle.h"\n', encoding="ascii")
    run(compiler, *WARNINGS, *INCLUDES, "-c", alone, "-o", tmp_path / "x.o")


def test_stress_under_sanitizers(tmp_path: Path) -> None:
    """Random and extreme samples: nothing undefined, refused samples change nothing, features keep to their range."""
    sanitizers = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    stress = Path(__file__).with_name("vehicle_stress.c")
    run("gcc", "-std=c11", *sanitizers, *INCLUDES, *SOURCES, CRC32, stress, "-o", tmp_path / "stress")
    run(tmp_path / "stress")


@pytest.mark.qemu
def test_portable_symbols_and_size_on_rv32imc(tmp_path: Path) -> None:
    objects = []
    for path in (*SOURCES, CRC32):
        objects.append(tmp_path / f"{path.stem}.o")
        run(*RISCV, "-std=c11", "-Os", *INCLUDES, "-c", path, "-o", objects[-1])
    nm = run("riscv64-unknown-elf-nm", "-P", *objects)
    fields = [line.split()[:2] for line in nm.splitlines() if len(line.split()) >= 2]
    asked = {name for name, kind in fields if kind == "U"} - {name for name, kind in fields if kind != "U"}
    assert asked <= MEMORY | INTEGER_64
    sizes = run("riscv64-unknown-elf-size", *objects).splitlines()[1:]
    assert sum(int(line.split()[1]) + int(line.split()[2]) for line in sizes) == 0  # no data, no static RAM
