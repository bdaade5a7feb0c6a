"""From sampled values to samples: phases, units and multipliers, what is missing and what is odd."""

from __future__ import annotations

from typing import Any

import pytest

from host.bridge.ocpp.answerer import NOT_TOLD, VehicleSample
from host.bridge.ocpp.measurands import Values
from host.bridge.ocpp.sampling import NO_CURRENT, NO_VOLTAGE, Assumed, Sampler

V, A, KW = "Voltage", "Current.Import", "Power.Active.Import"


def value(number: Any, measurand: str | None = None, phase: str | None = None, unit: str | None = None) -> Any:
    told = {"value": number, "measurand": measurand, "phase": phase, "unit": unit}
    return {key: text for key, text in told.items() if text is not None}


def values(*sampled: Any) -> Values:
    found = Values()
    found.add_all(list(sampled))
    return found


def sample(*sampled: Any, assumed: Assumed = Assumed()) -> VehicleSample | str:  # noqa: B008 (frozen)
    return Sampler(assumed).sample(0, values(*sampled))


def phases(*amperes: float) -> list[Any]:
    return [value(ampere, A, f"L{k}") for k, ampere in enumerate(amperes, start=1)]


@pytest.mark.parametrize(
    ("sampled", "voltage_v", "current_a"),
    [
        pytest.param([*phases(16, 15, 14), value("230", V)], (230,) * 3, (16, 15, 14), id="one voltage for all"),
        pytest.param([*phases(16, 15, 14)], (230,) * 3, (16, 15, 14), id="no voltage: as assumed"),
        pytest.param([*phases(16, 15, 14), value(400, V, "L1-L2")], (230.94,) * 3, (16, 15, 14), id="between phases"),
        pytest.param([*phases(16), value(231, V, "L1-N")], (231, 0, 0), (16, 0, 0), id="one phase"),
        pytest.param(
            [*phases(16), *(value(230 + k, V, f"L{k}") for k in (1, 2, 3))],
            (231, 232, 233),
            (16, 0, 0),
            id="a car of one phase at three",
        ),
        pytest.param([value(16, A), value(230, V)], (230, 0, 0), (16, 0, 0), id="without a phase: one"),
        pytest.param(
            [value(16, A), value(230, V), value("11.04", KW, unit="kW")], (230,) * 3, (16,) * 3, id="power says three"
        ),
        pytest.param([value(16, A), value(230, V), value(7_360, KW)], (230, 230, 0), (16, 16, 0), id="power says two"),
        pytest.param([value(3_680, KW, unit="W")], (230, 0, 0), (16, 0, 0), id="power alone"),
        pytest.param(
            [value(22.08, KW, unit="kW"), value(32, "Current.Offered")], (230,) * 3, (32,) * 3, id="more than the pilot"
        ),
        pytest.param(
            [*(value(2_300 * k, KW, f"L{k}") for k in (1, 2, 3)), value(230, V)],
            (230,) * 3,
            (10, 20, 30),
            id="power by phase",
        ),
        pytest.param([value(250, A), value(397.5, V), value(42, "SoC")], (397.5, 0, 0), (250, 0, 0), id="DC"),
        pytest.param([value(250, A), value(100, KW, unit="kW")], (400, 0, 0), (250, 0, 0), id="DC, voltage by power"),
        pytest.param([value(0, A), value(0, KW)], (230, 0, 0), (0, 0, 0), id="nothing flows"),
        pytest.param([*phases(16), value(0.4, A, "N"), value(3, V, "N")], (230, 0, 0), (16, 0, 0), id="neutral"),
        pytest.param(
            [*phases(16), {**value(9, A, "L1"), "location": "Inlet"}], (230, 0, 0), (16, 0, 0), id="elsewhere"
        ),
        pytest.param(
            [*phases(16), {**value("x", A, "L1"), "format": "SignedData"}], (230, 0, 0), (16, 0, 0), id="signed"
        ),
        pytest.param(
            [value(1_600, A, "L1", "mA"), value(0.23, V, unit="kV")], (230, 0, 0), (1.6, 0, 0), id="thousands"
        ),
    ],
)
def test_voltages_and_currents(sampled: list[Any], voltage_v: tuple[float, ...], current_a: tuple[float, ...]) -> None:
    found = sample(*sampled)
    assert isinstance(found, VehicleSample)
    assert found.voltage_mv == pytest.approx([volts * 1000 for volts in voltage_v], abs=1)
    assert found.current_ma == pytest.approx([ampere * 1000 for ampere in current_a], abs=1)


def test_what_is_assumed_can_be_said() -> None:
    found = sample(value(11_040, KW), assumed=Assumed(230.0, 3))
    assert isinstance(found, VehicleSample)
    assert found.current_ma == (16_000,) * 3
    found = sample(value(12, A), assumed=Assumed(120.0, 1))
    assert isinstance(found, VehicleSample)
    assert (found.voltage_mv, found.current_ma) == ((120_000, 0, 0), (12_000, 0, 0))


@pytest.mark.parametrize(
    ("sampled", "why"), [([value(4_000)], NO_CURRENT), ([], NO_CURRENT), ([value(250, A)], NO_VOLTAGE)]
)
def test_what_is_no_sample(sampled: list[Any], why: str) -> None:
    assert sample(*sampled) == why


@pytest.mark.parametrize(
    "odd",
    [
        value("x", A, "L1"),
        value("nan", A, "L1"),
        value("inf", A, "L1"),
        value(True, A, "L1"),
        value(None, A, "L1"),
        value(16, A, "L9"),
        value(16, A, "L1-L2"),
        value(16, A, "L1", "V"),
        value(1e9, A, "L1"),
        {**value(16, A, "L1"), "unitOfMeasure": {"unit": "A", "multiplier": 99}},
        {**value(16, A, "L1"), "unitOfMeasure": {"unit": ["A"]}},
        {"value": 16, "measurand": A, "phase": ["L1"]},
        7,
        None,
        "text",
    ],
)
def test_what_cannot_be_read_costs_that_value_alone(odd: Any) -> None:
    found = values(odd, *phases(10))
    assert (found.n_unread, len(found.unread) > 0) == (1, True)
    taken = Sampler(Assumed()).sample(0, found)
    assert isinstance(taken, VehicleSample)
    assert taken.current_ma == (10_000, 0, 0)


def test_measurands_that_are_not_read_are_no_fault() -> None:
    others = ("Temperature", "RPM", "Current.Export", "Frequency", "Power.Factor", "made.up", ["a"])
    found = values(*(value(1, other) for other in others), *phases(10))  # type: ignore[arg-type]
    assert found.n_unread == 0


def test_pilot_energy_and_charge_stay_as_last_told() -> None:
    sampler = Sampler(Assumed())
    first = sampler.sample(0, values(*phases(10)))
    assert isinstance(first, VehicleSample)
    assert first[3:] == (NOT_TOLD,) * 3
    told = [value(16, "Current.Offered", "L1"), value(12, "Current.Offered", "L2"), value("41.9", "SoC")]
    sampler.sample(1, values(*phases(10), *told, value("123.4", unit="kWh")))
    later = sampler.sample(2, values(*phases(10)))
    assert isinstance(later, VehicleSample)
    assert later[3:] == (120, 0, 41)


def test_energy_counts_from_the_beginning_and_never_falls() -> None:
    sampler = Sampler(Assumed())
    sampler.begin(1_000.0)
    counts = []
    for register in (1_000, 1_500.7, 1_400, 900, 2_000, 9e9):
        taken = sampler.sample(0, values(*phases(10), value(register)))
        assert isinstance(taken, VehicleSample)
        counts.append(taken.energy_wh)
    assert counts == [0, 500, 500, 500, 1_000, 2**31 - 1]


def test_energy_by_phase_is_added() -> None:
    sampler = Sampler(Assumed())
    for k in (0, 100):
        taken = sampler.sample(
            k, values(*phases(10), *(value(1_000 + k, "Energy.Active.Import.Register", f"L{n}") for n in (1, 2, 3)))
        )
    assert isinstance(taken, VehicleSample)
    assert taken.energy_wh == 300


@pytest.mark.parametrize(("offered", "pilot_da"), [(0, 0), (-1, 0), (5.96, 60), (80, 800), (250, NOT_TOLD)])
def test_the_pilots_range(offered: float, pilot_da: int) -> None:
    found = sample(*phases(10), value(offered, "Current.Offered"))
    assert isinstance(found, VehicleSample)
    assert found.pilot_da == pilot_da


def test_what_a_dc_station_offers_is_no_pilot() -> None:
    sampler = Sampler(Assumed())
    offered = value(60, "Current.Offered")
    waiting = sampler.sample(0, values(value(0, A), value(0, V), offered))
    flowing = sampler.sample(1, values(value(50, A), value(400, V), offered))
    still = sampler.sample(2, values(value(0, A), value(390, V), offered))
    assert [taken.pilot_da for taken in (waiting, flowing, still) if isinstance(taken, VehicleSample)] == [600, -1, -1]


def test_once_three_phases_were_seen_a_pause_has_them_too() -> None:
    sampler = Sampler(Assumed())
    sampler.sample(0, values(value(16, A), value(230, V), value(11_040, KW)))
    pause = sampler.sample(1, values(value(0, A), value(230, V), value(0, KW)))
    assert isinstance(pause, VehicleSample)
    assert pause.voltage_mv == (230_000,) * 3
