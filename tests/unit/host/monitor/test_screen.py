"""What the terminal shows, as text of an exact size."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.text import Text

from host.monitor.chart import EIGHTHS, chart
from host.monitor.keys import split_keys
from host.monitor.recording import Recording
from host.monitor.run_file import Run
from host.monitor.screen import Size, screen
from host.monitor.scrubber import Scrubber
from host.monitor.terminal import scrub_bar
from host.monitor.tracker import Tracker
from host.monitor.wording import clock, duration, interval, minutes
from tests.unit.host.monitor import live_board as board
from tests.unit.host.monitor.feeding import MODELS, START_S, Story


def drawn(story: Story, width: int = 80, height: int = 24, footer: str = "q quit") -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(screen(story.now, story.tracker.history, Size(width, height), Text(footer)))
    return capture.get().split("\n")[:-1]


STORIES = {
    "connecting": Story().opened(),
    "unplugged": Story().greeted(),
    "first sample": Story().greeted(board.plug()).says(board.sample(0, 0)),
    "charging": Story().greeted(board.plug()).charges(0, 300),
    "unknown": Story().greeted(board.plug()).charges(0, 30, unknown=True, confidence=412),
    "full": Story().greeted(board.plug()).charges(0, 30, phase=3, remaining_s=(0, 0, 0)),
    "no classifier": Story().greeted(board.plug()).charges(0, 30, classifier=False),
    "fault": Story().greeted(board.plug()).charges(0, 30).says(board.fault(2)),
    "silent": Story().greeted(board.plug()).charges(0, 30).passes(20),
    "lost": Story().greeted(board.plug()).charges(0, 30).lost("/dev/ttyUSB0: the line was lost; " + "x" * 200),
    "ended": Story().greeted(board.plug()).charges(0, 30).says(board.unplug()),
    "long name": Story(Tracker(MODELS, "socket://a-host-with-a-long-name.example:5555"))
    .greeted(board.plug())
    .charges(0, 9),
    "logs": Story().greeted(*(f"I ({k}) a log line that is rather long {'y' * 100}".encode() for k in range(60))),
    "no artifact": Story(Tracker({}, "socket://bench:5555")).greeted(board.plug()).charges(0, 9),
}


@pytest.mark.parametrize("size", [(80, 24), (60, 24), (40, 30), (120, 40), (200, 60), (80, 20)])
@pytest.mark.parametrize("name", STORIES)
def test_it_fits(name: str, size: tuple[int, int]) -> None:
    width, height = size
    lines = drawn(STORIES[name], width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "q quit" in lines[-1]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("connecting", ["connecting", "no hello yet"]),
        ("unplugged", ["unplugged", "bench", board.HASH, "1.2.3"]),
        (
            "charging",
            ["device 2", "93 % sure", "47 min", "80 % within 41 – 56 min", "full at", "13.50 W", "9.000 V", "1.500 A"],
        ),
        ("unknown", ["not one the model knows", "nearest: device 2", "41 % sure"]),
        ("full", ["FULL since"]),
        ("fault", ["sensor fault", "saturated"]),
        ("silent", ["silent", "nothing heard for 20 s"]),
        ("lost", ["disconnected", "the line was lost"]),
        ("ended", ["charge ended: unplugged"]),
        ("no artifact", ["unknown model", "device 2"]),
        ("no classifier", ["the only device of this model"]),
    ],
)
def test_it_says(name: str, words: list[str]) -> None:
    text = "\n".join(drawn(STORIES[name]))
    for word in words:
        assert word in text, text


@pytest.mark.parametrize(
    ("ticks", "words"),
    [
        ((0xFFFFFFFF,) * 3, "answers in 43 µs, at most 61 µs"),
        ((0xFFFFFFFF, 0xFFFFFFFF, 0), "answers in 43 µs, at most 61 µs"),
        ((19_812, 20_344, 0), "answers in 19 812 instructions, at most 20 344"),
        ((6_019, 687_562, 1_000_000_000), "answers in 6.0 µs, at most 688 µs"),
    ],
)
def test_the_boards_own_time(ticks: tuple[int, int, int], words: str) -> None:
    values = [7, 0, 0, 43, 61, 7, *ticks, 412, 0]
    story = Story().greeted(board.plug(), *(board.line(f"T,{k:X},{value:X}") for k, value in enumerate(values)))
    assert words in "\n".join(drawn(story.charges(0, 3), width=120))


def test_a_clock_that_stands_still_is_no_speed() -> None:
    values = [7, 0, 0, 0, 0, 7, 0, 0, 1_000_000_000, 412, 0]
    story = Story().greeted(board.plug(), *(board.line(f"T,{k:X},{value:X}") for k, value in enumerate(values)))
    assert "answers in" not in "\n".join(drawn(story.charges(0, 3), width=120))


def test_logs_of_the_board_are_dimmed() -> None:
    story = Story().greeted(b"I (3) boot").says(board.plug())
    console = Console(width=80, height=24, force_terminal=True, color_system="truecolor", legacy_windows=False)
    with console.capture() as capture:
        console.print(screen(story.now, None, Size(80, 24), Text("")))
    line = next(line for line in capture.get().split("\n") if "I (3) boot" in line)
    assert "\x1b[2m" in line


def test_brackets_of_a_board_are_no_markup() -> None:
    assert any("[bold]x[/]" in line for line in drawn(Story().greeted(b"[bold]x[/]")))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "< 1 min"),
        (29, "< 1 min"),
        (30, "1 min"),
        (89, "1 min"),
        (90, "2 min"),
        (5_940, "99 min"),
        (5_969, "99 min"),
        (5_970, "1 h 40 min"),
        (7_500, "2 h 05 min"),
    ],
)
def test_minutes(seconds: int, text: str) -> None:
    assert minutes(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (2_460, 3_360, "41 – 56 min"),
        (5, 600, "0 – 10 min"),
        (5, 10, "< 1 min"),
        (600, 601, "10 min"),
        (4_800, 7_500, "80 min – 2 h 05 min"),
        (5, 7_500, "0 – 2 h 05 min"),
        (6_000, 7_500, "1 h 40 – 2 h 05 min"),
    ],
)
def test_interval(low: int, high: int, text: str) -> None:
    assert interval(low, high) == text


def test_duration_and_clock() -> None:
    assert duration(2_480_999) == "0:41:20"
    assert clock(START_S, START_S).count(":") == 1
    assert len(clock(START_S + 3 * 86_400, START_S)) > len(clock(START_S, START_S))


def test_a_chart_fills_its_height_and_keeps_its_width() -> None:
    rows = chart(list(range(1_000)), 50, 3, 0, 999)
    assert [len(row) for row in rows] == [50, 50, 50]
    assert rows[0][0] == " "
    assert rows[2][0] == "▁"
    assert rows[0][-1] == "▇"
    heights = [sum(EIGHTHS.index(row[column]) for row in rows) for column in range(50)]
    assert heights == sorted(heights)


def test_a_chart_of_nothing_and_of_one() -> None:
    assert chart([], 10, 2, 0, 1) == ["", ""]
    assert [len(row) for row in chart([5], 10, 2, 0, 10)] == [1, 1]


def test_keys_are_told_apart() -> None:
    assert split_keys(b"q\x1b[D\x1b[C \x1b[5~\x1b[6~\x1b[H\x1bOF,.") == [
        *("q", "left", "right", " ", "page up", "page down", "home", "end", ",", ".")
    ]
    assert split_keys(b"\x1b[15~q\x1b[1;5Dx") == ["q", "x"]
    assert split_keys(b"\x1b") == []


def test_the_scrub_bar_fits() -> None:
    story = Story().greeted(board.plug()).charges(0, 100)
    recording = Recording(Run("x", True, story.entries), MODELS)
    scrubber = Scrubber(recording)
    for width in (40, 80, 132):
        for key in ("home", " ", "end"):
            scrubber.key(key)
            first = scrub_bar(recording, scrubber, width, "").plain.split("\n")[0]
            assert len(first) <= width
