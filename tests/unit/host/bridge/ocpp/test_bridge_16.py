"""A bridge between a charge point and a central system, OCPP 1.6."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from ocpp import v16

from host.bridge.ocpp.answerer import Goal, VehicleSample
from host.bridge.ocpp.evcc_points import EvccPoints
from host.bridge.ocpp.recording import VehicleRecorder
from host.errors import HostError
from host.recording.charge_file import ChargeFile
from tests.unit.host.bridge.ocpp.stations import Bench, Csms, at, bench, charge_point, meter_value, three_phases, until
from train.sessions.dataset import read_charges


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


async def begin(point: Any, connector: int = 1) -> int:
    started = await point.call(
        v16.call.StartTransaction(connector_id=connector, id_tag="4711", meter_start=1_000, timestamp=at(0))
    )
    return int(started.transaction_id)


async def measure(point: Any, transaction: int | None, seconds: float, connector: int = 1, **figures: Any) -> None:
    await point.call(
        v16.call.MeterValues(
            connector_id=connector,
            transaction_id=transaction,
            meter_value=[meter_value(seconds, *three_phases(figures.pop("ampere", 16.0), **figures))],
        )
    )


async def end(point: Any, transaction: int, reason: str = "EVDisconnected") -> None:
    await point.call(
        v16.call.StopTransaction(meter_stop=9_000, timestamp=at(900), transaction_id=transaction, reason=reason)
    )


def estimates(there: Bench) -> list[dict[str, Any]]:
    return [json.loads(payload["data"]) for payload in there.csms.of("DataTransfer")]


def test_a_whole_charge() -> None:
    async def story() -> None:
        async with bench(base="/ocpp") as there, charge_point(f"{there.url}/CP_1") as point:
            transaction = await begin(point)
            for k in range(5):
                await measure(point, transaction, 10 * k, energy_wh=1_000 + 30 * k)
                await until(there.script.has(k + 1), "the board has it")
            await until(lambda: len(estimates(there)) == 2, "two estimates: the first, and the one that names the car")
            await end(point, transaction)
            await until(lambda: there.noted("has ended, 5 samples"), "the end")
            assert there.script.samples[2] == VehicleSample(
                20_000, (230_000, 231_000, 232_000), (16_000,) * 3, 160, 60, -1
            )
            assert there.script.begun == [Goal()]
            first, second = estimates(there)
            assert (first["cars"], first["car"], first["confidence"]) == (["zoe", "model_3"], None, 0.61)
            assert (second["cars"], second["car"], second["whole"]) == (["zoe"], "zoe", True)
            assert (second["place"], second["transaction"], second["estimate"]) == ("1", str(transaction), True)
            assert second["minutes"] == [110.0, 120.0, 135.0]
            assert second["energy_to_go_wh"] == 20_000
            assert there.csms.of("DataTransfer")[0]["vendor_id"] == "wattprint"
            assert there.csms.headers["/ocpp/CP_1"] is not None

    run(story())


def test_nothing_claims_to_be_the_vehicle_s_own() -> None:
    """The bridge's own messages are DataTransfers; what the charge point said is passed on to the last byte."""

    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1") as point:
            sent: list[str] = []
            whole_send = point.socket.send

            async def send(message: str) -> None:
                sent.append(message)
                await whole_send(message)

            point.socket.send = send
            transaction = await begin(point)
            for k in range(4):
                await measure(point, transaction, 10 * k)
            await until(lambda: len(estimates(there)) >= 1, "an estimate")
            await end(point, transaction)
            heard = [message for _, message in there.csms.raw]
            own = [message for message in heard if message not in sent]
            assert [message for message in heard if message in sent] == sent
            assert own
            assert {json.loads(message)[2] for message in own} == {"DataTransfer"}
            assert all(json.loads(json.loads(message)[3]["data"])["estimate"] is True for message in own)

    run(story())


def test_estimates_are_news_and_no_more_often_than_asked() -> None:
    async def story() -> None:
        async with bench(every_s=3_600.0) as there, charge_point(f"{there.url}/CP_1") as point:
            transaction = await begin(point)
            for k in range(6):
                await measure(point, transaction, 10 * k)
            await until(lambda: len(there.script.samples) == 6, "all samples")
            await asyncio.sleep(0.2)
            assert len(estimates(there)) == 1

    run(story())


def test_a_central_system_that_knows_nothing_of_it_is_told_nothing_more() -> None:
    async def story() -> None:
        csms = Csms(transfer_status="UnknownVendorId")
        async with bench(csms=csms) as there, charge_point(f"{there.url}/CP_1") as point:
            transaction = await begin(point)
            for k in range(6):
                await measure(point, transaction, 10 * k)
                await until(there.script.has(k + 1), "the board has it")
            await until(lambda: there.noted("takes no estimates (UnknownVendorId)"), "a note")
            await point.call(v16.call.Heartbeat())
            assert len(estimates(there)) == 1

    run(story())


def test_the_central_system_can_ask_the_charge_point() -> None:
    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1") as point:
            await point.call(v16.call.Heartbeat())
            asked: list[str] = []

            def clear() -> Any:
                asked.append("yes")
                return v16.call_result.ClearCache(status="Accepted")

            point.route_map["ClearCache"] = {"_on_action": clear}
            answer = await there.csms.sides["CP_1"].call(v16.call.ClearCache())
            assert (asked, answer.status) == (["yes"], "Accepted")

    run(story())


def test_the_central_system_goes_and_comes_back() -> None:
    async def story() -> None:
        async with bench() as there:
            async with charge_point(f"{there.url}/CP_1") as point:
                transaction = await begin(point)
                await measure(point, transaction, 0)
                await there.csms.stop()
                await asyncio.wait_for(point.socket.wait_closed(), 10)
            refused = None
            try:
                async with charge_point(f"{there.url}/CP_1"):
                    pass
            except Exception as error:
                refused = error
            assert "502" in str(refused)
            assert there.noted("cannot be reached")
            await there.csms.start()
            async with charge_point(f"{there.url}/CP_1") as point:
                for k in (1, 2):
                    await measure(point, transaction, 10 * k)
                await until(lambda: len(there.script.samples) == 3, "the charge goes on")
                await end(point, transaction)
                await until(lambda: there.noted("has ended, 3 samples"), "the end")
            assert len(there.script.begun) == 1

    run(story())


def test_a_charge_point_that_was_offline_says_the_beginning_again() -> None:
    async def story() -> None:
        async with bench() as there:
            for _ in range(2):
                async with charge_point(f"{there.url}/CP_1") as point:
                    transaction = await begin(point)
                    await measure(point, transaction, 10)
            await until(lambda: len(there.script.samples) == 1, "one sample")
            assert len(there.script.begun) == 1

    run(story())


def test_a_bridge_that_came_later_says_so() -> None:
    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1") as point:
            await measure(point, 99, 600)
            await until(lambda: estimates(there), "an estimate")
            assert (estimates(there)[0]["whole"], estimates(there)[0]["transaction"]) == (False, "99")

    run(story())


def test_whole_charges_are_recorded_and_others_are_not(tmp_path: Path) -> None:
    recorder = VehicleRecorder(tmp_path, device="unlabelled", unit="1", cars={"4711": "zoe"})

    async def story() -> None:
        async with bench(recorder=recorder) as there, charge_point(f"{there.url}/CP_1") as point:
            await measure(point, 99, 0, 2)
            transaction = await begin(point)
            for k in range(12):
                await measure(point, transaction, 10 * k)
                await measure(point, 99, 10 * k + 1, 2)
            await end(point, transaction)
            await until(lambda: there.noted("CP_1, 1: the charge has ended, 12 samples; recorded as zoe_"), "the end")

    run(story())
    (charge,) = read_charges(tmp_path)
    assert (charge.device, charge.ended, len(charge.t_ms)) == ("zoe", "unplugged", 12)


def test_a_disk_that_takes_nothing_ends_the_recording_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = VehicleRecorder(tmp_path, device="unlabelled", unit="1", cars={})

    def full(*_: object) -> None:
        raise HostError("the disk is full")

    async def story() -> None:
        async with bench(recorder=recorder) as there, charge_point(f"{there.url}/CP_1") as point:
            transaction = await begin(point)
            for k in range(14):
                if k == 11:
                    monkeypatch.setattr(ChargeFile, "add_row", full)
                await measure(point, transaction, 10 * k)
            await until(there.script.has(14), "the board has all")
            assert there.noted("the disk is full; this charge is not recorded any further")
            assert sum("the disk is full" in note for note in there.notes) == 1

    run(story())


def test_the_main_meter_is_nobodys() -> None:
    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1") as point:
            await measure(point, 7, 0, 0)
            await point.call(v16.call.Heartbeat())
            assert not there.noted("a charge")

    run(story())


def test_a_stop_ends_the_charge_it_names() -> None:
    """Beside one that has no name yet, because the central system has not answered."""

    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1") as point:
            start = {"connectorId": 1, "idTag": "a", "meterStart": 0, "timestamp": at(0)}
            del there.csms.sides["CP_1"].route_map["StartTransaction"]
            await point.socket.send(json.dumps([2, "nameless", "StartTransaction", start]))
            await until(lambda: there.noted("CP_1, 1: a charge begins"), "the nameless one")
            await measure(point, 42, 0, 2)
            await end(point, 42)
            await until(lambda: there.noted("has ended"), "the end")
            assert there.noted("CP_1, 2: the charge has ended")

    run(story())


def test_a_stop_that_was_lost_is_seen_by_the_status() -> None:
    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1") as point:
            await begin(point)
            status = v16.call.StatusNotification(connector_id=1, error_code="NoError", status="Available")
            await point.call(status)
            await until(lambda: there.noted("has ended"), "the end")

    run(story())


def test_the_board_is_pulled_out_and_put_back() -> None:
    known: list[bool] = []

    class Points(EvccPoints):
        def show(self, *place: Any, there: bool) -> None:
            super().show(*place, there=there)
            *_, answer = place
            known.append(answer is not None)

    evcc = Points("127.0.0.1", 0, [])

    async def story() -> None:
        async with bench(evcc=evcc) as there, charge_point(f"{there.url}/CP_1") as point:
            transaction = await begin(point)
            await measure(point, transaction, 0)
            await until(lambda: len(there.script.samples) == 1, "the board has it")
            there.script.gone.set()
            await measure(point, transaction, 10)
            await until(lambda: there.noted("the line was lost"), "a note")
            await until(lambda: known[-1] is False, "what it answered is of the past")
            await measure(point, transaction, 20)
            assert len(there.csms.of("MeterValues")) == 3  # messages go on
            there.script.gone.clear()
            await until(lambda: len(there.script.samples) == 3, "the whole charge again")
            assert [sample.t_ms for sample in there.script.samples] == [0, 10_000, 20_000]
            assert len(there.script.begun) == 2
            assert there.script.closed == 1
            await until(lambda: known[-1] is True, "an answer again")

    run(story())
    evcc._listener.server_close()


def test_two_connectors_and_one_board() -> None:
    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1") as point:
            first, second = await begin(point, 1), await begin(point, 2)
            assert first != second
            await measure(point, first, 0, 1)
            await measure(point, second, 0, 2, ampere=10.0)
            await until(lambda: there.noted("CP_1, 2: every board answers another charge"), "a note")
            await until(lambda: len(there.script.samples) == 1, "the first")
            await end(point, first)
            await until(
                lambda: there.script.samples[:1] and there.script.samples[0].current_ma[0] == 10_000, "its turn"
            )

    run(story())


def test_two_boards_answer_two_connectors() -> None:
    async def story() -> None:
        async with bench(2) as there, charge_point(f"{there.url}/CP_1") as point:
            for connector, ampere in ((1, 16.0), (2, 10.0)):
                transaction = await begin(point, connector)
                await measure(point, transaction, 0, connector, ampere=ampere)
            await until(lambda: all(script.samples for script in there.scripts), "both")
            assert {script.samples[0].current_ma[0] for script in there.scripts} == {16_000, 10_000}

    run(story())


def test_an_unknown_car_has_a_class_and_no_times() -> None:
    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1") as point:
            there.script.unknown = True
            transaction = await begin(point)
            await measure(point, transaction, 0)
            await until(lambda: estimates(there), "an estimate")
            told = estimates(there)[0]
            assert (told["unknown"], told["power_class_w"], told["phases"]) == (True, 7_400, 1)
            assert (told["car"], told["cars"], told["minutes"], told["full_at"]) == (None, [], None, None)
            assert told["energy_to_go_wh"] is None

    run(story())


def test_messages_that_are_none_are_passed_on() -> None:
    odd = [
        "hello",
        "[]",
        "{}",
        '[2,"1"]',
        '[2,{"a":1},"MeterValues",{}]',
        '[9,"1","MeterValues",{}]',
        "[" * 100_000,
        '[2,"x","MeterValues",[1,2]]',
        '[2,"x","MeterValues",{"connectorId":1,"transactionId":7,"meterValue":[{"sampledValue":[4]},7]}]',
        '[2,"x","StartTransaction",{"connectorId":{"a":1}}]',
        '[3,"never asked",{}]',
        '[2,"x","StopTransaction",{}]',
    ]

    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1") as point:
            for message in odd:
                await point.socket.send(message)
            await point.socket.send(b"\x00\x01")
            await until(lambda: len(there.csms.raw) == len(odd) + 1, "all were passed on")
            assert [message for _, message in there.csms.raw] == [*odd, repr(b"\x00\x01")]
            await point.socket.send('[2,"ok","Heartbeat",{}]')
            await until(lambda: there.csms.of("Heartbeat"), "and it goes on")
            assert there.noted("no message of OCPP")
            assert sum("no message of OCPP" in note for note in there.notes) == 1

    run(story())


def test_what_a_charge_point_does_not_tell_is_said_once() -> None:
    async def story() -> None:
        async with bench() as there, charge_point(f"{there.url}/CP_1") as point:
            transaction = await begin(point)
            for k in range(3):
                values = [
                    {"value": str(1_000 + k)},
                    {"value": "21", "measurand": "Temperature", "unit": "Celsius"},
                    {"value": "x", "measurand": "Voltage"},
                ]
                call = v16.call.MeterValues(
                    connector_id=1, transaction_id=transaction, meter_value=[meter_value(10 * k, *values)]
                )
                await point.call(call)
            await until(lambda: there.noted("tells neither current nor power"), "a note")
            await end(point, transaction)
            await until(lambda: there.noted("has ended, 0 samples"), "the end")
            assert sum("MeterValuesSampledData" in note for note in there.notes) == 1
            assert sum("cannot read" in note for note in there.notes) == 1

    run(story())
