"""Samples of a charge point: three phases, pilot and meter, in both forms, and when a vehicle is full."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from tests.unit.sessions.making import charge
from train.errors import DatasetError
from train.features.extract import extract
from train.sessions.checks import PHASED_COLUMNS, charge_faults, columns_of
from train.sessions.dataset import dataset_hash, inspect_dataset, read_dataset, write_dataset
from train.sessions.labels import full_t_ms
from train.sessions.types import Charge, Phases

EV = {"profile": "ev"}


def vehicle(
    session: str = "car", *, amperes: list[float] | None = None, pilot: int | list[int] = 160, phases: int = 3
) -> Charge:
    """A charge at 230 V, a sample every 10 s."""
    flows = np.array([16.0] * 20 if amperes is None else amperes)
    n = len(flows)
    current = np.zeros((n, 3), dtype=np.int32)
    current[:, :phases] = np.rint(flows * 1000)[:, None]
    voltage = np.zeros((n, 3), dtype=np.int32)
    voltage[:, :phases] = [231_000, 230_000, 229_000][:phases]
    both = Phases(voltage, current)
    volts, total = both.as_one()
    return replace(
        charge(session, current_ma=[1] * n, t_ms=range(0, 10_000 * n, 10_000), device="id_3", details=EV),
        voltage_mv=volts,
        current_ma=total,
        phases=both,
        pilot_da=np.broadcast_to(np.array(pilot, dtype=np.int32), (n,)).copy(),
        energy_wh=np.rint(np.cumsum(flows) * 2).astype(np.int32),
    )


def direct(session: str) -> Charge:
    """A DC charge of the same car: one voltage, one current, no pilot."""
    return replace(
        charge(session, current_ma=[400_000] * 20, device="id_3", details=EV, soc_pct=range(20)),
        voltage_mv=np.full(20, 800_000, dtype=np.int32),
        energy_wh=np.arange(20, dtype=np.int32) * 90,
    )


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_written_and_read(form: Literal["csv", "parquet"], tmp_path: Path) -> None:
    made = [vehicle("a"), direct("b"), vehicle("c", phases=1), charge("d")]
    write_dataset(tmp_path / "set", made, format=form)
    read = read_dataset(tmp_path / "set")
    assert read.hash == dataset_hash(made)
    for one, again in zip(made, read.charges, strict=True):
        assert {name: values.tolist() for name, values in columns_of(one).items()} == {
            name: values.tolist() for name, values in columns_of(again).items()
        }
        assert one.voltage_mv.tolist() == again.voltage_mv.tolist()
        assert one.current_ma.tolist() == again.current_ma.tolist()
    assert list(columns_of(read.charges[0]))[:7] == list(PHASED_COLUMNS)
    assert "pilot_da" not in columns_of(read.charges[1])
    assert read.charges[3].phases is None


def test_three_phases_count_as_one_of_the_same_power() -> None:
    one = vehicle(phases=2)
    assert set(one.current_ma) == {32_000}
    assert set(one.voltage_mv) == {230_500}
    assert set(vehicle(phases=1).voltage_mv) == {231_000}
    still = Phases(np.array([[231_000, 230_000, 0]], np.int32), np.zeros((1, 3), np.int32)).as_one()
    assert [values.tolist() for values in still] == [[231_000], [0]]


def test_what_is_refused() -> None:
    one = vehicle()
    assert one.phases is not None
    assert one.energy_wh is not None
    assert not list(charge_faults(one))
    falling = one.energy_wh.copy()
    falling[7] = 0
    much = Phases(one.phases.voltage_mv, one.phases.current_ma + 160_000)
    wrong = {
        "energy_wh falls from 224 to 0": replace(one, energy_wh=falling),
        "current_ma_l1 is 176000, outside -174762": replace(one, phases=much),
        "pilot_da is 801, outside 0 … 800": replace(one, pilot_da=np.full(20, 801, np.int32)),
        "looks like volts": replace(one, phases=Phases(one.phases.voltage_mv // 10_000, one.phases.current_ma)),
    }
    for text, bad in wrong.items():
        assert text in str(next(charge_faults(bad))), text


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_charge_point_without_its_profile_is_one_line(form: Literal["csv", "parquet"], tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", [vehicle("car")])
    table = tmp_path / "set" / "sessions.csv"
    rows = table.read_text(encoding="utf-8")
    for profile, told in (("", "no profile"), ("EV", "profile is 'EV'")):
        table.write_text(rows.replace(",ev\n", f",{profile}\n"), encoding="utf-8")
        folder = tmp_path / "set" if form == "csv" else _as_parquet(tmp_path / "set", tmp_path / f"parquet{profile}")
        charges, faults = inspect_dataset(folder)
        assert not charges
        (fault,) = map(str, faults)
        assert f"voltage_mv_l1 is an electric vehicle's, but its row has {told}" in fault
        assert fault.endswith("write ev in column profile")


def _as_parquet(source: Path, target: Path) -> Path:
    import pyarrow
    from pyarrow import csv, parquet

    (target / "samples").mkdir(parents=True)
    table = csv.read_csv(source / "sessions.csv")
    text = pyarrow.schema([(name, pyarrow.string()) for name in table.column_names])
    parquet.write_table(table.cast(text), target / "sessions.parquet")
    samples = csv.read_csv(source / "car.csv")
    samples = samples.append_column("session", pyarrow.array(["car"] * len(samples)))
    parquet.write_table(samples, target / "samples" / "one.parquet")
    return target


def test_missing_phase_and_decimals_are_named(tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", [vehicle("car")])
    file = tmp_path / "set" / "car.csv"
    text = file.read_text(encoding="ascii")
    file.write_text(text.replace("voltage_mv_l2", "other"), encoding="ascii")
    assert "column voltage_mv_l2 is missing" in str(inspect_dataset(tmp_path / "set")[1][0])
    file.write_text(text.replace(",16000,", ",16.0,"), encoding="ascii")
    assert "current_ma looks like amperes" in str(inspect_dataset(tmp_path / "set")[1][0])


@pytest.mark.parametrize(
    ("amperes", "pilot", "ended", "full_s"),
    [
        ([16] * 20 + [0.2] * 8, 160, "full", 200),
        ([16] * 20 + [0.2] * 8, 160, "unknown", 200),
        ([16] * 20 + [0.2] * 8, 160, "unplugged", None),
        ([16] * 20 + [0.2] * 8, 160, "limit", None),
        ([16] * 20 + [0.2] * 6, 160, "full", None),  # not seen for 60 s
        ([16] * 10 + [0] * 9 + [16] * 10 + [0] * 8, 160, "full", 290),  # a pause is no end
        ([16] * 20 + [0.4] * 8, 160, "full", None),  # 2.5 % of the peak
        ([16] * 20 + [0] * 8, [160] * 20 + [0] * 8, "full", None),  # the charge point stopped it
    ],
)
def test_full(amperes: list[float], pilot: int | list[int], ended: str, full_s: int | None) -> None:
    one = replace(vehicle(amperes=amperes, pilot=pilot), ended=ended)  # type: ignore[arg-type]
    assert full_t_ms(one) == (None if full_s is None else full_s * 1000)


def test_phone_features_refuse_a_vehicle() -> None:
    with pytest.raises(DatasetError, match=r"session car is of an electric vehicle \(profile ev\)"):
        extract(vehicle())
