"""From a charge point's messages to a charge point's board and back: the estimates are the reference's answers."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from codegen.emit.household import emit_household
from codegen.reference_household import household_answers
from host.board import board_link
from host.bridge.ocpp.answerer import Goal
from host.bridge.ocpp.board_answerer import BoardAnswerer
from host.bridge.ocpp.bridge import Bridge, Setup
from host.bridge.ocpp.central import Central
from host.bridge.ocpp.recording import VehicleRecorder
from host.transport import SerialLink
from tests.firmware.conftest import ROOT, run_pio
from tests.unit.codegen.drawn_household import write_household
from tests.unit.host.bridge.ocpp.stations import Csms, until
from train.artifact_household import Household
from train.features.vehicle import extract_vehicle, vehicle_feature_names
from train.sessions.dataset import read_charges, write_dataset
from train.sessions.simulator.ev import simulate_vehicles
from train.sessions.types import Charge

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

N_SAMPLES = 120
GOAL = Goal(70)


@pytest.fixture(scope="module")
def household(tmp_path_factory: pytest.TempPathFactory) -> Household:
    return write_household(tmp_path_factory.mktemp("household"), 3, n_cars=8)


@pytest.fixture(scope="module")
def program(household: Household, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native firmware of a charge point."""
    model, build_dir = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("native")
    emit_household(household, model)
    done = run_pio("run", "-e", "native", build_dir=build_dir, WATTPRINT_MODEL_DIR=str(model))
    assert done.returncode == 0, done.stdout + done.stderr
    return build_dir / "native" / "program"


@pytest.fixture(scope="module")
def charges() -> dict[str, Charge]:
    """One in AC, one in DC, whose samples a charge point tells without loss."""
    return {"ac": _charge("ac"), "dc": _charge("dc")}


def _charge(side: Literal["ac", "dc"]) -> Charge:
    found = simulate_vehicles(["model_3_sr"], seed=9, units_per_car=1, charges_per_unit=2, points=side)
    charge = max(found, key=lambda each: len(each.t_ms))
    keep = np.unique(np.linspace(0, len(charge.t_ms) - 1, N_SAMPLES).astype(int))
    columns = ("t_ms", "voltage_mv", "current_ma", "pilot_da", "energy_wh", "soc_pct")
    kept: dict[str, Any] = {name: values[keep] for name in columns if (values := getattr(charge, name)) is not None}
    if "soc_pct" in kept:
        kept["soc_pct"] = np.floor(kept["soc_pct"])
    if charge.phases is not None:
        kept["phases"] = replace(
            charge.phases, voltage_mv=charge.phases.voltage_mv[keep], current_ma=charge.phases.current_ma[keep]
        )
    return replace(charge, **kept)


@pytest.mark.parametrize(("side", "version"), [("ac", "1.6"), ("ac", "2.0.1"), ("dc", "2.0.1")])
def test_estimates_are_the_references_answers(
    side: str, version: str, program: Path, household: Household, charges: dict[str, Charge], tmp_path: Path
) -> None:
    charge = charges[side]
    write_dataset(tmp_path / "played", [charge])
    files = [tmp_path / "played" / f"{charge.session}.csv"]
    csms = Csms(delay_s=0.02)  # the board keeps up, so that most of its answers are told

    def link() -> AbstractContextManager[SerialLink]:
        return board_link("sim", 115_200, program)

    async def story() -> None:
        await csms.start()
        setup = Setup(
            Central(f"ws://127.0.0.1:{csms.port}", None),
            [("sim", lambda: BoardAnswerer("sim", link, {household.model_hash: household.cars}))],
            every_s=0.0,
            goal=GOAL,
            recorder=VehicleRecorder(tmp_path / "recorded", device="unlabelled", unit="1", cars={"04A1B2": "mine"}),
        )
        notes: list[str] = []
        bridge = Bridge(setup, notes.append)
        bridge.open_boards()
        stop, urls = asyncio.Event(), list[str]()
        running = asyncio.create_task(bridge.run(stop, urls.append))
        await until(lambda: urls, "it listens")
        await _play(files, f"{urls[0]}/CP_1", version)
        await until(lambda: any("has ended" in note for note in notes), "the end")
        stop.set()
        await running
        bridge.close()
        await csms.stop()

    asyncio.run(asyncio.wait_for(story(), 120))
    expected = _expected(household, charge)
    told = [_told(payload) for payload in csms.of("DataTransfer")]
    print(side, version, len(told), sum(not t[0] for t in told), len(set(map(str, told))))
    assert len(told) > 5
    rest = iter(expected)
    assert all(estimate in rest for estimate in told)  # each in its turn; what was overtaken is left out
    (recorded,) = read_charges(tmp_path / "recorded")
    assert (recorded.device, recorded.charger) == ("mine", "CP_1")
    assert recorded.t_ms.tolist() == (charge.t_ms - charge.t_ms[0]).tolist()
    assert recorded.current_ma.tolist() == charge.current_ma.tolist()
    assert recorded.voltage_mv.tolist() == charge.voltage_mv.tolist()


async def _play(files: list[Path], url: str, version: str) -> None:
    """A charge point, in a process of its own."""
    program = [sys.executable, "tools/charge_point.py", "play", *map(str, files)]
    options = ["--url", url, "--version", version, "--speed", "0"]
    player = await asyncio.create_subprocess_exec(*program, *options, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    out, _ = await player.communicate()
    assert (player.returncode, out.decode()) == (0, f"{files[0].stem}: {N_SAMPLES} samples\n")


def _told(payload: dict[str, Any]) -> tuple[Any, ...]:
    data = json.loads(payload["data"])
    return (data["unknown"], data["cars"], data["likeliest"], data["minutes"], data["energy_to_go_wh"])


def _expected(household: Household, charge: Charge) -> list[tuple[Any, ...]]:
    features = extract_vehicle(charge)
    crc = features.state_crc
    answers = household_answers(household, features.x, vehicle_feature_names(), crc, GOAL.target_pct or 0, 0)
    found: list[tuple[Any, ...]] = []
    for k in range(len(charge.t_ms)):
        row = {name: int(column[k]) for name, column in answers.items()}
        if row["flags"] & 1:
            found.append((True, [], None, None, None))
            continue
        cars = [name for number, name in enumerate(household.cars) if row["possible"] >> number & 1]
        minutes = [round(row[f"done_{share}_s"] / 60, 1) for share in (10, 50, 90)]
        found.append((False, cars, household.cars[row["car"]], minutes, row["energy_to_go_wh"]))
    return found
