"""A bridge between a charge point and a central system, OCPP 2.0.1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from ocpp import v201

from host.bridge.ocpp.answerer import Goal, VehicleSample
from tests.unit.host.bridge.ocpp.stations import Bench, at, bench, charge_point, meter_value, until

V201 = "ocpp2.0.1"


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


def figures(ampere: float, energy_kwh: float, soc: int | None = None) -> list[dict[str, Any]]:
    """Of one phase, in other units than 1.6's usual ones."""
    deci = {"unit": "A", "multiplier": -1}
    values: list[dict[str, Any]] = [
        {"value": ampere * 10, "measurand": "Current.Import", "phase": "L1", "unit_of_measure": deci},
        {"value": 398.4, "measurand": "Voltage", "phase": "L1-L2", "unit_of_measure": {"unit": "V"}},
        {"value": 32.0, "measurand": "Current.Offered"},
        {"value": energy_kwh, "unit_of_measure": {"unit": "Wh", "multiplier": 3}},
    ]
    if soc is not None:
        values.append({"value": soc, "measurand": "SoC", "location": "EV", "unit_of_measure": {"unit": "Percent"}})
    return values


async def event(
    point: Any, kind: str, seconds: float, *sampled: dict[str, Any], evse: int | None = None, n: int = 0, **info: Any
) -> None:
    await point.call(
        v201.call.TransactionEvent(
            event_type=kind,
            timestamp=at(seconds),
            trigger_reason="MeterValuePeriodic" if kind == "Updated" else "CablePluggedIn",
            seq_no=n,
            transaction_info={"transaction_id": "tx-1", **info},
            evse=None if evse is None else {"id": evse},
            meter_value=[meter_value(seconds, *sampled)] if sampled else None,
        )
    )


def estimates(there: Bench) -> list[dict[str, Any]]:
    return [json.loads(payload["data"]) for payload in there.csms.of("DataTransfer")]


def test_a_whole_charge() -> None:
    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP%202", V201) as point:
            await event(point, "Started", 0, evse=2)
            for k in range(4):
                await event(point, "Updated", 5 + 10 * k, *figures(31.5, 100 + 0.075 * k, 20 + k), n=k)
                await until(there.script.has(k + 1), "the board has it")
            await until(lambda: [e["car"] for e in estimates(there)] == [None, "zoe"], "the car is known")
            await event(point, "Ended", 60, stopped_reason="SOCLimitReached")
            await until(lambda: there.noted("CP 2, 2: the charge has ended, 4 samples"), "the end")
            volts = round(398_400 / 3**0.5)
            assert there.script.samples[2] == VehicleSample(25_000, (volts, 0, 0), (31_500, 0, 0), 320, 150, 22)
            assert (estimates(there)[1]["place"], estimates(there)[1]["transaction"]) == ("2", "tx-1")
            assert there.csms.of("DataTransfer")[0]["message_id"] == "ChargeEstimate"

    run(story())


def test_meter_values_beside_the_transaction() -> None:
    """Clock-aligned values name the EVSE alone; a moment told twice counts once."""

    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1", V201) as point:
            await event(point, "Started", 0, *figures(10, 100), evse=1)
            for seconds in (10, 10, 20):
                value = [meter_value(seconds, *figures(10, 100))]
                await point.call(v201.call.MeterValues(evse_id=1, meter_value=value))
            await point.call(v201.call.MeterValues(evse_id=2, meter_value=[meter_value(30, *figures(10, 100))]))
            await point.call(v201.call.MeterValues(evse_id=0, meter_value=[meter_value(30, *figures(10, 100))]))
            await event(point, "Ended", 60)
            await until(lambda: there.noted("has ended, 3 samples, 1 left out"), "the end")

    run(story())


def test_what_the_car_asks_for_is_its_goal() -> None:
    async def story() -> None:
        async with bench(goal=Goal(target_pct=90)) as there, charge_point(f"{there.url}/CP_1", V201) as point:
            await event(point, "Started", 0, *figures(10, 100), evse=1)
            await until(lambda: there.script.begun == [Goal(90)], "the first goal")
            needs = {
                "requested_energy_transfer": "DC",
                "dc_charging_parameters": {"ev_max_current": 400, "ev_max_voltage": 800, "energy_amount": 24_500},
            }
            await point.call(v201.call.NotifyEVChargingNeeds(evse_id=1, charging_needs=needs))
            await until(lambda: there.script.begun == [Goal(90), Goal(90, 24_500)], "another goal")
            assert len(there.script.samples) == 1  # the whole charge again

    run(story())


def test_a_bridge_that_came_later() -> None:
    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1", V201) as point:
            await event(point, "Updated", 600, *figures(10, 100))
            await until(lambda: estimates(there), "an estimate")
            assert (estimates(there)[0]["whole"], estimates(there)[0]["place"]) == (False, "1")
            await event(point, "Ended", 700)
            await event(point, "Updated", 710, *figures(10, 100))  # late: it has ended
            await until(lambda: there.noted("has ended"), "the end")
            await asyncio.sleep(0.1)
            assert sum("under way" in note for note in there.notes) == 1

    run(story())


def test_unplugged_is_seen_by_the_status() -> None:
    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1", V201) as point:
            await event(point, "Started", 0, evse=1)
            for place, status in ((2, "Available"), (1, "Occupied"), (1, "Available")):
                assert not there.noted("has ended")
                call = v201.call.StatusNotification(
                    timestamp=at(1), connector_status=status, evse_id=place, connector_id=1
                )
                await point.call(call)
            await until(lambda: there.noted("CP_1, 1: the charge has ended"), "the end")

    run(story())
