from __future__ import annotations

import json
import socket

import pytest

from host.errors import HostError
from host.monitor.lines import JsonLines, Lines
from host.monitor.teleplot import Teleplot, tee_address
from tests.unit.host.monitor import live_board as board
from tests.unit.host.monitor.feeding import Story


def told(story: Story, view: Lines | JsonLines) -> None:
    view.show(story.now, None)


def test_one_line_a_change() -> None:
    out: list[str] = []
    view = Lines(out.append)
    story = Story().opened()
    told(story, view)
    told(story, view)
    story.asks().says(board.hello(), board.credit())
    told(story, view)
    story.says(b"I (5) hello", board.plug())
    for k in range(10):
        told(story.charges(k, k + 1), view)
    told(story.charges(10, 11, remaining_s=(0, 0, 0)), view)  # wavering
    for k in range(11, 50):
        told(story.charges(k, k + 1, remaining_s=(2_400, 2_700, 3_300)), view)
    for k in range(50, 85):
        told(story.charges(k, k + 1, unknown=True, confidence=200), view)
    told(story.says(board.fault(1)), view)
    told(story.says(board.well(), board.unplug()), view)
    texts = [line[10:] for line in out]
    assert texts[0].startswith("connecting")
    assert texts[1] == "unplugged"
    assert texts[2:4] == ["board: I (5) hello", "plugged in"]
    assert texts[4].startswith("charging  device 2  93 %  47 min (41 – 56 min)  full at ")
    assert texts[4].endswith("constant current  13.50 W  0.00 Wh")
    assert "45 min (40 – 55 min)" in texts[5]
    assert texts[6].startswith("charging  unknown device  20 %")
    assert texts[7:9] == [
        "sensor fault: no answer",
        "sensor fault  its sensor: no answer; no samples and no answers until it is well",
    ]
    assert texts[9:11] == ["sensor well again", "unplugged"]
    assert texts[11] == "unplugged  charge ended: unplugged"
    assert len(texts) == 12


def test_json_has_a_line_a_sample_and_every_key() -> None:
    out: list[str] = []
    view = JsonLines(out.append)
    story = Story().greeted(b"I (5) hello", board.plug())
    told(story, view)
    for k in range(5):
        told(story.charges(k, k + 1), view)
        told(story, view)
        told(story.says(*board.counters()), view)
    lines = [json.loads(line) for line in out]
    assert [line["reading"] and line["reading"]["sequence"] for line in lines] == [None, 0, 1, 2, 3, 4]
    assert {frozenset(line) for line in lines} == {frozenset(lines[0])}
    assert [entry["text"] for entry in lines[0]["log"]] == ["I (5) hello", "plugged in"]
    assert all(line["log"] == [] for line in lines[1:])
    last = lines[-1]
    assert last["status"] == "charging"
    assert last["answer"] == {
        "sequence": 4,
        "device": 2,
        "device_name": "device_2",
        "confidence_permille": 930,
        "unknown": False,
        "phase": "constant current",
        "remaining_s": [2460, 2820, 3360],
    }
    assert last["reading"] == {"sequence": 4, "t_ms": 4000, "voltage_mv": 9000, "current_ma": 1500, "power_mw": 13500}
    assert last["charge"]["energy_wh"] == round(13.5 * 4 / 3_600, 4)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("teleplot", ("127.0.0.1", 47269)),
        ("teleplot:plotter.lan", ("plotter.lan", 47269)),
        ("teleplot:plotter.lan:5000", ("plotter.lan", 5000)),
        ("teleplot:[::1]:5000", ("::1", 5000)),
    ],
)
def test_tee_addresses(text: str, address: tuple[str, int]) -> None:
    assert tee_address(text) == address


@pytest.mark.parametrize("text", ["", "grafana", "teleplot:x:0", "teleplot:x:65536", "teleplot:x:y", "teleplot:x:"])
def test_other_addresses_are_one_line(text: str) -> None:
    with pytest.raises(HostError, match="--tee"):
        tee_address(text)


class TestTeleplot:
    def packets(self, story: Story, *more: Story) -> list[list[str]]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plotter:
            plotter.bind(("127.0.0.1", 0))
            plotter.settimeout(0.2)
            view = Teleplot("127.0.0.1", plotter.getsockname()[1])
            view.show(story.now, None)
            view.show(story.now, None)
            for another in more:
                view.show(another.now, None)
            view.close()
            packets = []
            try:
                while True:
                    packets.append(plotter.recv(4096).decode().split("\n"))
            except TimeoutError:
                return packets

    def test_a_sample_is_one_packet(self) -> None:
        story = Story().greeted(board.plug()).charges(0, 3)
        (lines,) = self.packets(story)
        at_ms = round(story.at_s * 1000)
        assert lines == [
            f"voltage:{at_ms}:9.000§V",
            f"current:{at_ms}:1.500§A",
            f"power:{at_ms}:13.500§W",
            f"energy:{at_ms}:0.0075§Wh",
            f"confidence:{at_ms}:93.0§%",
            f"minutes_10:{at_ms}:41.00§min",
            f"minutes:{at_ms}:47.00§min",
            f"minutes_90:{at_ms}:56.00§min",
            f"device:{at_ms}:device_2|t",
            f"phase:{at_ms}:constant current|t",
        ]

    def test_an_unknown_device_has_no_minutes(self) -> None:
        (lines,) = self.packets(Story().greeted(board.plug()).charges(0, 3, unknown=True))
        assert not any(line.startswith("minutes") for line in lines)
        assert any(line.startswith("device:") and line.endswith(":unknown|t") for line in lines)

    def test_nothing_plugged_in_sends_nothing(self) -> None:
        assert self.packets(Story().greeted()) == []

    def test_nobody_listening_is_no_trouble(self) -> None:
        story = Story().greeted(board.plug())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        view = Teleplot("127.0.0.1", port)
        for k in range(5):
            view.show(story.charges(k, k + 1).now, None)
        view.close()

    def test_a_host_that_does_not_exist_is_one_line(self) -> None:
        with pytest.raises(HostError, match="no such host"):
            Teleplot("no-such-host.invalid", 1)
