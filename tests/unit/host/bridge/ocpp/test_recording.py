"""Charges at charge points as a dataset that training takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.bridge.ocpp.answerer import VehicleSample
from host.bridge.ocpp.recording import VehicleRecorder
from host.errors import HostError
from host.recording.events import Measured
from host.recording.resuming import find_interrupted, take_up
from train.sessions.dataset import read_charges
from train.sessions.labels import full_t_ms


def recorder(folder: Path, **cars: str) -> VehicleRecorder:
    return VehicleRecorder(folder, device="unlabelled", unit="1", cars=cars)


def three(k: int, ampere: int = 16, **figures: int) -> VehicleSample:
    return VehicleSample(10_000 * k, (230_000,) * 3, (ampere * 1_000,) * 3, **figures)


def record(folder: Path, samples: list[VehicleSample], reason: str = "EVDisconnected", tag: str = "") -> str:
    recording = recorder(folder, ABC="zoe").begin("CP 1/a", tag)
    for sample in samples:
        recording.add(sample)
    return recording.finish(reason)


def test_a_whole_charge_is_a_dataset(tmp_path: Path) -> None:
    samples = [three(k, pilot_da=160 if k > 2 else -1, energy_wh=30 * k, soc_pct=40 + k) for k in range(20)]
    assert "recorded as zoe_" in record(tmp_path, samples, tag="abc")
    (charge,) = read_charges(tmp_path)
    assert (charge.device, charge.unit, charge.charger, charge.ended) == ("zoe", "1", "CP_1_a", "unplugged")
    assert charge.details["profile"] == "ev"
    assert charge.phases is not None
    assert charge.phases.current_ma.tolist() == [[16_000] * 3] * 20
    assert charge.pilot_da is not None
    assert charge.pilot_da.tolist() == [160] * 20  # as it was told first
    assert charge.energy_wh is not None
    assert charge.energy_wh.tolist() == [30 * k for k in range(20)]
    assert charge.soc_pct is not None
    assert charge.t_ms.tolist() == [10_000 * k for k in range(20)]


def test_dc_has_one_voltage_and_one_current(tmp_path: Path) -> None:
    record(tmp_path, [VehicleSample(k, (400_000, 0, 0), (300_000, 0, 0), soc_pct=k) for k in range(12)])
    (charge,) = read_charges(tmp_path)
    assert charge.phases is None
    assert set(charge.current_ma.tolist()) == {300_000}
    assert (charge.pilot_da, charge.energy_wh) == (None, None)


@pytest.mark.parametrize(
    ("last", "reason", "ended"),
    [
        ([16] * 10, "EVDisconnected", "unplugged"),
        ([16] * 10, "Local", "unknown"),
        ([16] * 10, "EnergyLimitReached", "limit"),
        ([0] * 7, "EVDisconnected", "full"),
        ([0] * 7, "Local", "full"),
        ([0] * 6, "EVDisconnected", "unplugged"),  # 50 s
        ([0] * 6 + [16], "EVDisconnected", "unplugged"),
        ([0] * 7, "", "full"),
    ],
)
def test_how_it_ended(tmp_path: Path, last: list[int], reason: str, ended: str) -> None:
    record(tmp_path, [three(k, ampere) for k, ampere in enumerate([16] * 10 + last)], reason)
    (charge,) = read_charges(tmp_path)
    assert charge.ended == ended
    assert (full_t_ms(charge) is not None) == (ended == "full")


def test_a_pause_that_the_charge_point_made_is_no_end(tmp_path: Path) -> None:
    samples = [three(k, 16, pilot_da=160) for k in range(10)] + [three(k, 0, pilot_da=0) for k in range(10, 20)]
    record(tmp_path, samples)
    (charge,) = read_charges(tmp_path)
    assert charge.ended == "unplugged"


def test_what_is_no_charge_leaves_nothing(tmp_path: Path) -> None:
    assert "9 samples are no charge" in record(tmp_path, [three(k) for k in range(9)])
    assert "not kept as a charge" in record(tmp_path, [three(k, 0) for k in range(12)])
    assert not (tmp_path / "sessions.csv").exists()


def test_charges_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    there = recorder(tmp_path)
    recordings = [there.begin("CP_1", "") for _ in range(3)]
    assert len({recording.session for recording in recordings}) == 3


def test_one_that_was_broken_off_is_listed_and_ended_by_the_next_bridge(tmp_path: Path) -> None:
    recording = recorder(tmp_path).begin("CP_1", "")
    for k in range(15):
        recording.add(three(k))
    recording.close()  # as when it is killed
    (charge,) = read_charges(tmp_path)
    assert (charge.ended, len(charge.t_ms)) == ("unknown", 15)
    with (tmp_path / f"{recording.session}.csv").open("ab") as file:
        file.write(b"160000,2300")  # half a row
    recorder(tmp_path)
    assert list(tmp_path.glob(".*.recording")) == []
    (charge,) = read_charges(tmp_path)
    assert (charge.ended, len(charge.t_ms)) == ("unknown", 15)


def test_host_record_does_not_go_on_with_a_vehicles_charge(tmp_path: Path) -> None:
    """Its end is not judged by the rule of phones either."""
    recording = recorder(tmp_path).begin("CP_1", "")
    for k in range(30):
        recording.add(three(k, 16 if k < 15 else 0))
    recording.close()
    (stopped,) = find_interrupted(tmp_path)
    found = take_up(tmp_path, stopped)
    assert found is not None
    assert len(found.samples) == 30
    assert not found.goes_on(Measured(30, 300_000, 230_000, 16_000), 0, "", None)
    assert found.end()
    (charge,) = read_charges(tmp_path)
    assert (charge.ended, charge.full_t_ms) == ("unknown", None)


def test_what_the_dataset_does_not_take_is_limited(tmp_path: Path) -> None:
    record(tmp_path, [VehicleSample(k, (1_100_000, 0, 0), (600_000, 0, 0)) for k in range(12)])
    (charge,) = read_charges(tmp_path)
    assert np.max(charge.current_ma) == 524_286
    assert np.max(charge.voltage_mv) == (1 << 20) - 1


def test_names_the_dataset_does_not_take_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="--device"):
        VehicleRecorder(tmp_path, device="a/b", unit="1", cars={})
    with pytest.raises(HostError, match="--device"):
        VehicleRecorder(tmp_path, device="a", unit="1", cars={"7": "c,d"})
