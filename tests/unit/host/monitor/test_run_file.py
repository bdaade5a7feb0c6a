from __future__ import annotations

import json
from pathlib import Path

import pytest

from host.errors import HostError
from host.monitor.entries import Entry, Kind
from host.monitor.recording import Recording
from host.monitor.run_file import Run, RunWriter, is_run, read_run
from host.monitor.scrubber import Scrubber
from host.monitor.snapshot import Status
from tests.unit.host.monitor import live_board as board
from tests.unit.host.monitor.feeding import MODELS, START_S, Story


def saved(path: Path, story: Story) -> Path:
    with RunWriter(path, "/dev/ttyUSB0") as writer:
        writer.add(story.entries)
    return path


def a_day() -> Story:
    story = Story().greeted().says(b"I (3) boot \xff").says(board.plug(1)).charges(0, 20)
    story.says(board.unplug(1), board.plug(2)).charges(0, 5).says(board.fault(2)).passes(30).says(board.well())
    return story.charges(5, 8).lost()


def test_a_run_comes_back_byte_for_byte(tmp_path: Path) -> None:
    story = a_day()
    run = read_run(saved(tmp_path / "run.jsonl", story))
    assert run == Run("/dev/ttyUSB0", True, story.entries)
    assert is_run(tmp_path / "run.jsonl")


def test_a_run_that_was_cut_short_is_readable(tmp_path: Path) -> None:
    story = a_day()
    path = saved(tmp_path / "run.jsonl", story)
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert read_run(path).entries == story.entries[:-1]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = saved(tmp_path / "run.jsonl", a_day())
    before = path.read_bytes()
    with pytest.raises(HostError, match="exists; name another"):
        RunWriter(path, "x")
    assert path.read_bytes() == before


def test_a_port_that_never_opened_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter(path, "x") as writer:
        writer.add([])
        assert path.exists()
    assert not path.exists()
    saved(path, a_day())


def test_what_is_there_is_on_the_disk_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    writer = RunWriter(path, "x")
    writer.add([Entry(START_S, Kind.RECEIVED, b"one")])
    writer.add([Entry(START_S + 0.5, Kind.RECEIVED, b"two")])
    writer.add([Entry(START_S + 1.5, Kind.RECEIVED, b"three")])
    assert path.read_text().count("\n") == 4  # read by somebody else while the writer goes on
    with writer:
        pass


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", ":1: is not a run"),
        ("t_ms,voltage_mv,current_ma\n0,1,2\n", ":1: is not a run"),
        ("[1]\n", ":1: is not a run"),
        ('{"wattprint_run": 9, "source": "x", "wall_clock": true}\n', "run format 9"),
        ('{"wattprint_run": 1, "source": "x", "wall_clock": true}\n{"at_s": 1, "eaten": "x"}\n', ":2: is not a line"),
        ('{"wattprint_run": 1, "source": "x", "wall_clock": true}\n{"received": "x"}\n', ":2: is not a line"),
        ('{"wattprint_run": 1, "source": "x", "wall_clock": true}\n{"at_s": 1, "sent": 5}\n', ":2: is not a line"),
        ('{"wattprint_run": 1, "source": "x", "wall_clock": true}\nnonsense\n', ":2: is not a line"),
    ],
)
def test_what_is_no_run_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    with pytest.raises(HostError, match=complaint) as caught:
        read_run(path)
    assert "\n" not in str(caught.value)


def test_the_head_says_what_it_is(tmp_path: Path) -> None:
    head = json.loads(saved(tmp_path / "run.jsonl", a_day()).read_text().splitlines()[0])
    assert head == {"wattprint_run": 1, "source": "/dev/ttyUSB0", "wall_clock": True}


class TestRecording:
    def test_every_position_is_what_was_shown_then(self) -> None:
        story, shown = Story(), {}
        story.greeted().says(board.plug(1))
        for k in range(50):
            story.charges(k, k + 1)
            shown[story.at_s] = story.now
        recording = Recording(Run("x", True, story.entries), MODELS)
        for at_s, snapshot in shown.items():
            then = recording.at(recording.position(at_s))
            assert (then.charge, then.status, then.notes) == (snapshot.charge, snapshot.status, snapshot.notes)

    def test_a_sample_is_one_position(self) -> None:
        story = Story().greeted().says(board.plug(1))
        before = len(Recording(Run("x", True, story.entries), MODELS))
        story.charges(0, 30).says(*board.counters()).asks()
        assert len(Recording(Run("x", True, story.entries), MODELS)) == before + 30

    def test_silence_shows_at_its_time(self) -> None:
        recording = Recording(Run("x", True, a_day().entries), MODELS)
        silent = [snapshot for k in range(len(recording)) if (snapshot := recording.at(k)).status is Status.SILENT]
        assert [round(snapshot.at_s - START_S) for snapshot in silent] == [30]  # 25 samples, and 5 s of silence
        assert recording.at(recording.position(START_S + 40)).status is Status.SILENT

    def test_each_charge_has_its_course(self) -> None:
        recording = Recording(Run("x", True, a_day().entries), MODELS)
        assert (len(recording.history(1)), len(recording.history(2))) == (20, 8)
        with pytest.raises(KeyError):
            recording.history(3)

    def test_an_empty_run_is_refused(self) -> None:
        with pytest.raises(HostError, match="nothing was recorded"):
            Recording(Run("x", True, []), MODELS)

    def test_positions_beyond_the_ends_are_the_ends(self) -> None:
        recording = Recording(Run("x", True, a_day().entries), MODELS)
        assert recording.at(-5) is recording.at(0)
        assert recording.at(10**9) is recording.at(len(recording) - 1)
        assert recording.position(0.0) == 0


class TestScrubber:
    def scrubber(self) -> Scrubber:
        story = Story().greeted().says(board.plug(1)).charges(0, 1_000)
        return Scrubber(Recording(Run("x", True, story.entries), MODELS))

    def test_it_begins_at_the_end(self) -> None:
        scrubber = self.scrubber()
        last = scrubber.position
        scrubber.key("right")
        scrubber.key(".")
        assert scrubber.position == last

    @pytest.mark.parametrize(("keys", "moved"), [(["left"], -10), (["page up"], -300), ([","], -1), ([",", "."], 0)])
    def test_keys_move(self, keys: list[str], moved: int) -> None:
        scrubber = self.scrubber()
        before = scrubber.position
        for key in keys:
            scrubber.key(key)
        assert scrubber.position == before + moved

    def test_home_and_end(self) -> None:
        scrubber = self.scrubber()
        last = scrubber.position
        scrubber.key("home")
        assert scrubber.position < 5  # the greeting's lines came at the same moment
        scrubber.key("end")
        assert scrubber.position == last

    def test_playing_from_the_end_begins_anew_and_stops_there(self) -> None:
        scrubber = self.scrubber()
        last = scrubber.position
        scrubber.key(" ")
        assert scrubber.playing
        scrubber.advance(1.0)
        middle = scrubber.position
        scrubber.advance(0.5)
        assert scrubber.position == middle + scrubber.speed / 2
        for _ in range(100):
            scrubber.advance(1.0)
        assert (scrubber.playing, scrubber.position) == (False, last)

    def test_speed_has_ends(self) -> None:
        scrubber = self.scrubber()
        for _ in range(20):
            scrubber.key("+")
        fastest = scrubber.speed
        for _ in range(20):
            scrubber.key("-")
        assert (scrubber.speed, fastest) == (1, 1_200)
