"""A charge point's board watched: what the lines of docs/wire.md, A meter of its own, become in every view."""

from __future__ import annotations

import json

from rich.console import Console
from rich.text import Text

from host.messages import (
    PLUG,
    SENSOR_FAULT,
    UNPLUG,
    AskHello,
    BoardMessage,
    Event,
    Hello,
    Prediction,
    encode,
)
from host.monitor.as_json import snapshot_json
from host.monitor.entries import Entry, Kind
from host.monitor.lines import Lines
from host.monitor.names import Model
from host.monitor.screen import Size, screen
from host.monitor.snapshot import Status
from host.monitor.tracker import Tracker
from host.vehicle_messages import NOT_MEASURED, Advice, LiveRest, SamplePhases, VehicleAnswer

HASH = "0123456789abcdef"
CARS = ("leaf_40", "id_3_58", "model_3")
HELLO = Hello(0x01234567, 0x89ABCDEF, 0x11, 0x000100, 0, 3)
TAPER_AC_3 = 2 << 5 | 6 << 8 | 3 << 12


def watched(*messages: BoardMessage) -> Tracker:
    """After these lines, half a second apart."""
    tracker = Tracker({HASH: Model("home", CARS)}, "port")
    tracker.take(Entry(0.0, Kind.OPENED, b"port"))
    tracker.take(Entry(0.0, Kind.SENT, encode(AskHello()).rstrip(b"\n")))
    for k, message in enumerate((HELLO, Event(PLUG, 1), *messages), 1):
        tracker.take(Entry(k / 2, Kind.RECEIVED, encode(message).rstrip(b"\n")))
    return tracker


def sample(sequence: int, factor: int = 995) -> list[BoardMessage]:
    """16 A on three phases, answered: the ID.3 or the Model 3, in the taper."""
    return [
        SamplePhases(sequence, 230_100, 15_900, 231_000, 15_800, 229_000, 15_950),
        LiveRest(sequence, 5000 * sequence, 160, 1_234_567, 61, factor),
        VehicleAnswer(sequence, 0b110, TAPER_AC_3 | 2 | 8, 11_000, 600, 900, 1500, 12_300),
        Prediction(sequence, 1, 730, 3000, 3600, 4800, 2 << 1, 7),
        Advice(sequence, 4, 1800, 9000, 4800, 5400, 6600, 16_000),
    ]


def test_a_sample_and_its_answer() -> None:
    snapshot = watched(*sample(0)).snapshot(5.0)
    assert snapshot.status is Status.CHARGING
    reading, answer = snapshot.reading, snapshot.answer
    assert reading is not None
    assert reading.vehicle is not None
    assert answer is not None
    assert answer.vehicle is not None
    assert reading.current_ma == 15_900 + 15_800 + 15_950
    assert abs(reading.power_mw - (230_100 * 15_900 + 231_000 * 15_800 + 229_000 * 15_950) // 1000) < 30_000
    assert (reading.vehicle.pilot_da, reading.vehicle.soc_pct, reading.vehicle.power_factor_permille) == (160, 61, 995)
    assert answer.vehicle.cars == ("id_3_58", "model_3")
    assert (answer.label, answer.phase_name, answer.vehicle.target_s) == ("id_3_58", "taper", (600, 900, 1500))


def test_halves_are_nothing() -> None:
    """A sample or an answer whose other line was lost is no sample and no answer."""
    phases, rest, told, prediction, _ = sample(0)
    assert watched(phases).snapshot(2.0).reading is None
    assert watched(rest).snapshot(2.0).reading is None
    assert watched(phases, rest, prediction).snapshot(3.0).answer is None
    other = sample(1)[2]
    assert watched(phases, rest, other, prediction).snapshot(3.0).answer is None
    assert watched(phases, rest, told, prediction).snapshot(3.0).answer is not None


def test_a_meter_at_fault_is_no_answer() -> None:
    tracker = watched(*sample(0), Event(SENSOR_FAULT, 5))
    snapshot = tracker.snapshot(5.0)
    assert snapshot.status is Status.FAULT
    assert "damaged replies" in snapshot.detail
    assert snapshot.trusted is None


def test_a_meter_that_is_read_once_a_minute_is_not_silent() -> None:
    """It answers when it is asked, and its next sample is a minute away."""
    tracker = watched(*sample(0))
    tracker.take(Entry(40.0, Kind.SENT, encode(AskHello()).rstrip(b"\n")))
    tracker.take(Entry(40.1, Kind.RECEIVED, encode(HELLO).rstrip(b"\n")))
    tracker.take(Entry(40.2, Kind.RECEIVED, encode(Event(PLUG, 1)).rstrip(b"\n")))
    assert tracker.snapshot(41.0).status is Status.CHARGING


def test_json_has_all_of_it() -> None:
    said = json.loads(json.dumps(snapshot_json(watched(*sample(0, NOT_MEASURED)).snapshot(5.0))))
    vehicle = said["vehicle"]
    assert vehicle["reading"]["voltage_mv"] == [230_100, 231_000, 229_000]
    assert vehicle["reading"]["power_factor_permille"] is None
    assert vehicle["answer"]["cars"] == ["id_3_58", "model_3"]
    assert vehicle["advice"]["start_in_s"] == 1800
    assert snapshot_json(watched().snapshot(2.0))["vehicle"] is None


def test_the_screen_names_cars_phases_and_advice() -> None:
    tracker = watched(*sample(0))
    console = Console(width=110, height=30, force_terminal=True)
    with console.capture() as captured:
        console.print(screen(tracker.snapshot(5.0), tracker.history, Size(110, 30), Text("q quit")))
    shown = Text.from_ansi(captured.get()).plain
    for text in (
        "id 3 58 or model 3",
        "3 phases, 11 kW",
        "to the target 15 min (10 – 25 min)",
        "L1 230.1 V 15.90 A  L2 231.0 V 15.80 A  L3 229.0 V 15.95 A",
        "pilot 16.0 A  battery 61 %  power factor 0.995  12.3 kWh to go",
        "on, at most 16 A; may wait 30 min; 9 A would do",
    ):
        assert text in shown, shown
    assert len(shown.splitlines()) <= 30


def test_lines_without_a_terminal() -> None:
    said: list[str] = []
    view = Lines(said.append)
    view.show(watched(*sample(0)).snapshot(5.0), None)
    view.show(watched(*sample(0), Event(UNPLUG, 1)).snapshot(9.0), None)
    assert any("id 3 58 or model 3  73 %  60 min" in line for line in said), said
    assert said[-1].endswith("unplugged  charge ended: unplugged")
