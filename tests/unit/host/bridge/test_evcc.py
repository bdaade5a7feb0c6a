"""The evcc bridge: what evcc's custom charger reads."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from host.bridge.evcc import EnergyMeter, EvccBridge, evcc_state
from tests.unit.host.bridge.mosquitto import until
from tests.unit.host.monitor import live_board as board
from tests.unit.host.monitor.feeding import Story
from tests.unit.host.monitor.live_board import socket_board

ROOT = Path(__file__).resolve().parents[4]
KEYS = {
    *("status", "enabled", "identify", "unknown", "soc", "finishTime", "remainingMinutes", "remainingMinutesAtLeast"),
    *("vehicles", "energyToGo", "remainingMinutesAtMost", "power", "current", "voltage", "energy", "chargedEnergy"),
}


def ask(url: str, host: str | None = None) -> tuple[int, dict[str, Any]]:
    address, path = re.fullmatch(r"http://([^/]+)(/.*)", url).groups()  # type: ignore[union-attr]
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("GET", path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


def told(story: Story) -> tuple[int, dict[str, Any]]:
    with EvccBridge("127.0.0.1", 0, []) as bridge:
        bridge.show(story.now, None)
        return ask(bridge.url)


def known() -> Story:
    return Story().greeted(board.plug()).charges(0, 10)


def test_a_known_device_charging() -> None:
    story = known()
    status, state = told(story)
    assert status == 200
    assert set(state) == KEYS
    assert (state["status"], state["enabled"], state["identify"], state["unknown"]) == ("C", True, "device_2", False)
    assert (state["power"], state["voltage"], state["current"]) == (13.5, 9.0, 1.5)
    assert [state[f"remainingMinutes{end}"] for end in ("AtLeast", "", "AtMost")] == [41.0, 47.0, 56.0]
    finish = datetime.fromisoformat(state["finishTime"]).timestamp()
    assert abs(finish - (story.at_s + 2_820)) <= 30
    assert state["energy"] == round(13.5 * 9 / 3_600 / 1_000, 6)
    assert state["chargedEnergy"] == round(13.5 * 9 / 3_600, 3)


@pytest.mark.parametrize(
    "story",
    [
        known(),
        known().charges(10, 12, phase=3, remaining_s=(0, 0, 0)),
        known().charges(10, 12, unknown=True),
        Story().greeted(),
    ],
)
def test_the_state_of_charge_is_never_guessed(story: Story) -> None:
    assert told(story)[1]["soc"] is None


def test_an_unknown_device_is_nobody_and_has_no_end() -> None:
    state = told(known().charges(10, 12, unknown=True))[1]
    assert (state["status"], state["identify"], state["unknown"]) == ("C", "", True)
    assert (state["finishTime"], state["remainingMinutes"], state["remainingMinutesAtMost"]) == (None, None, None)
    assert state["power"] == 13.5


def test_full_is_connected_and_not_charging() -> None:
    state = told(known().charges(10, 12, phase=3, remaining_s=(0, 0, 0)))[1]
    assert (state["status"], state["identify"], state["remainingMinutes"]) == ("B", "device_2", 0.0)
    assert state["finishTime"] is None


def test_nothing_plugged_in() -> None:
    state = told(known().says(board.unplug()))[1]
    assert (state["status"], state["identify"], state["power"], state["voltage"]) == ("A", "", 0.0, None)
    assert state["unknown"] is None


@pytest.mark.parametrize(
    ("story", "error"),
    [
        (Story().opened(), "connecting"),
        (known().passes(30), "silent"),
        (known().lost(), "disconnected"),
        (known().says(board.fault(1)), "sensor fault"),
        (Story().greeted().says(*board.counters(mode=1), board.line("N,0,4,0")), "no sensor"),
    ],
)
def test_what_is_not_known_is_an_error_not_an_a(story: Story, error: str) -> None:
    status, body = told(story)
    assert status == 503
    assert body["error"] == error
    assert "status" not in body


def test_before_anything_is_known_it_is_an_error() -> None:
    with EvccBridge("127.0.0.1", 0, []) as bridge:
        assert ask(bridge.url)[0] == 503


def test_the_energy_meter_never_falls() -> None:
    meter, story, before = EnergyMeter(), Story().greeted(), 0.0
    for number in range(1, 5):
        story.says(board.plug(number))
        for k in range(20):
            now = meter.take(story.charges(k, k + 1).now)
            assert now >= before
            before = now
        story.says(board.unplug(number))
        assert meter.take(story.now) == before
    assert before == pytest.approx(4 * 13_500 * 19 / 3_600)
    assert evcc_state(story.now, before)["energy"] == round(before / 1e6, 6)


def test_another_name_is_refused_unless_allowed() -> None:
    with EvccBridge("127.0.0.1", 0, ["charger.lan"]) as bridge:
        bridge.show(known().now, None)
        assert ask(bridge.url, "evil.example")[0] == 403
        assert ask(bridge.url, "charger.lan:7071")[0] == 200


def test_from_the_board_to_the_answer() -> None:
    with socket_board() as there:
        arguments = ["bridge", "evcc", "--http-port", "0", "--port", there.port]
        process = subprocess.Popen(
            [sys.executable, "-m", "host", *arguments],
            cwd=ROOT,
            text=True,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stderr is not None
            url = process.stderr.readline().split()[2].rstrip(";")
            there.connected.wait(20)
            there.say(board.plug())
            there.charge(0, 5)
            until(lambda: ask(url)[1].get("identify") == "device 2", "the device")  # by index: no artifact has its hash
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=20)
            assert (process.returncode, err) == (130, "interrupted; the port is released\n")
        finally:
            process.kill()
            process.communicate()


def test_the_sample_configuration_reads_keys_that_are_there() -> None:
    """Every jq path of docs/host.md's evcc.yaml is a key of the answer."""
    text = (ROOT / "docs" / "host.md").read_text(encoding="utf-8")
    sample = text[text.index("chargers:") : text.index("loadpoints:")]
    paths = re.findall(r"jq: \.(\w+)", sample)
    assert {"status", "identify", "power", "energy", "finishTime"} <= set(paths) <= KEYS
