"""What the board says now, told line by line."""

from __future__ import annotations

import random

import pytest

from host.monitor.history import NONE
from host.monitor.snapshot import Status
from host.monitor.tracker import Tracker
from tests.unit.host.monitor import live_board as board
from tests.unit.host.monitor.feeding import MODELS, START_S, Story


def test_before_the_hello_it_is_connecting() -> None:
    story = Story().opened().asks().passes(2)
    assert (story.now.status, story.now.board) == (Status.CONNECTING, None)


def test_an_unplugged_board_is_there() -> None:
    now = Story().greeted().says(*board.counters()).now
    assert now.status is Status.UNPLUGGED
    assert now.charge is None
    assert now.board is not None
    assert (now.board.model, now.board.firmware, now.board.boot) == ("bench", "1.2.3", "power")
    assert now.counters["answer_max_us"] == 61
    assert now.counters["stack_bytes"] == 412
    assert "ticks_per_s" not in now.counters  # the board cannot tell
    assert now.notes == ()


def test_a_charge_with_its_answer() -> None:
    story = Story().greeted().says(board.plug(3)).charges(0, 5)
    now = story.now
    assert now.status is Status.CHARGING
    assert now.charge is not None
    assert (now.charge.number, now.charge.whole, now.charge.elapsed_ms) == (3, True, 4_000)
    assert now.reading is not None
    assert (now.reading.sequence, now.reading.power_mw) == (4, 13_500)
    assert now.answer is not None
    assert (now.answer.label, now.answer.confidence_permille, now.answer.phase_name) == (
        "device_2",
        930,
        "constant current",
    )
    assert now.trusted is now.answer
    assert now.full_at_s() == tuple(story.at_s + seconds for seconds in (2_460, 2_820, 3_360))


def test_sums_are_the_boards_trapezoids() -> None:
    # 1 A for an hour at 5 V, but for a step from 1 A to 3 A in the last second.
    story = Story().greeted().says(board.plug())
    for k in range(3_601):
        story.says(board.sample(k, 1_000 * k, 5_000, 1_000 if k < 3_600 else 3_000))
    assert story.now.charge is not None
    doubled = (3_599 * 2_000 + 4_000) * 1_000
    assert story.now.charge.charge_mah == doubled / 7_200_000
    assert story.now.charge.energy_mwh == 5 * doubled / 7_200_000


def test_a_step_of_hours_counts_five_minutes_but_takes_its_time() -> None:
    story = (
        Story().greeted().says(board.plug(), board.sample(0, 0, 5_000, 1_200), board.sample(1, 7_200_000, 5_000, 1_200))
    )
    assert story.now.charge is not None
    assert story.now.charge.charge_mah == 100
    assert story.now.charge.elapsed_ms == 7_200_000


def test_the_boards_clock_may_wrap() -> None:
    wrap = 2**32
    story = Story().greeted().says(board.plug())
    for k in range(4):
        story.says(board.sample(k, (wrap - 1_500 + 1_000 * k) % wrap))
    assert story.now.charge is not None
    assert story.now.charge.elapsed_ms == wrap - 1_500 + 3_000


def test_an_unknown_device_is_shown_but_not_handed_on() -> None:
    now = Story().greeted().says(board.plug()).charges(0, 3, unknown=True, confidence=400).now
    assert now.status is Status.CHARGING
    assert now.answer is not None
    assert now.answer.unknown
    assert now.trusted is None


def test_full_is_full_since_then() -> None:
    story = Story().greeted().says(board.plug()).charges(0, 3).charges(3, 6, phase=3, remaining_s=(0, 0, 0))
    now = story.now
    assert now.status is Status.FULL
    assert now.charge is not None
    assert now.charge.full_since_s == START_S + 4
    assert now.full_at_s() is None


def test_a_model_without_a_classifier_has_no_confidence() -> None:
    answer = Story().greeted().says(board.plug()).charges(0, 2, device=0, confidence=0, classifier=False).now.answer
    assert answer is not None
    assert answer.confidence_permille is None


def test_an_unplugged_charge_stays_as_the_last_one() -> None:
    now = Story().greeted().says(board.plug()).charges(0, 3).says(board.unplug()).now
    assert (now.status, now.running) == (Status.UNPLUGGED, None)
    assert now.charge is not None
    assert now.charge.ended == "unplugged"
    assert now.reading is not None
    assert now.trusted is None
    assert now.full_at_s() is None


def test_a_charge_is_remembered_as_it_was_before_the_plug_was_out() -> None:
    story = Story().greeted().says(board.plug()).charges(0, 5)
    story.says(board.sample(5, 5_000, 6, 2), board.answer(5, device=6, unknown=True))
    assert story.now.answer is not None
    assert story.now.answer.device == 6  # what the board says now
    story.says(board.unplug())
    assert story.now.answer is not None
    assert (story.now.answer.device, story.now.answer.unknown) == (2, False)
    assert story.now.reading is not None
    assert story.now.reading.sequence == 4
    assert story.tracker.history is not None
    assert story.tracker.history.column("voltage_mv") == [9_000] * 5


def test_charges_are_counted_and_each_has_its_course() -> None:
    story = Story().greeted().says(board.plug(1)).charges(0, 3).says(board.unplug(1), board.plug(2)).charges(0, 2)
    assert story.now.charge is not None
    assert (story.now.charge.ordinal, story.now.charge.number) == (2, 2)
    assert story.tracker.history is not None
    assert len(story.tracker.history) == 2


def test_a_model_nobody_knows_shows_indexes_and_says_so() -> None:
    story = Story(Tracker({}, "x")).greeted().says(board.plug()).charges(0, 2)
    now = story.now
    assert now.board is not None
    assert now.board.model is None
    assert now.answer is not None
    assert now.answer.label == "device 2"
    assert any(board.HASH in note.text and "--artifact" in note.text for note in now.notes)
    before = len(now.notes)
    assert len(story.asks().says(board.hello(), board.credit(), board.plug()).now.notes) == before


def test_an_index_beyond_the_names_is_shown_as_one() -> None:
    answer = Story().greeted().says(board.plug()).charges(0, 2, device=200).now.answer
    assert answer is not None
    assert answer.label == "device 200"


class TestLostLines:
    def test_samples_missed_are_counted_by_sequence(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3).charges(7, 9)
        assert (story.now.link.missed_samples, story.now.link.missed_answers) == (4, 4)
        assert story.now.status is Status.CHARGING

    def test_a_lost_answer_alone(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3).says(board.sample(3, 3_000)).charges(4, 6)
        assert (story.now.link.missed_samples, story.now.link.missed_answers) == (0, 1)
        assert story.tracker.history is not None
        assert story.tracker.history.column("remaining_50_s") == [2_820, 2_820, 2_820, NONE, 2_820, 2_820]

    def test_a_lost_sample_alone(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3).says(board.answer(3)).charges(4, 6)
        assert (story.now.link.missed_samples, story.now.link.missed_answers) == (1, 0)
        assert story.now.answer is not None
        assert story.now.answer.sequence == 5

    def test_damaged_lines_are_counted_and_change_nothing(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3)
        before = story.now
        good = board.answer(3, remaining_s=(1, 2, 3))
        for k in range(1, len(good)):
            story.says(good[:k] + bytes([good[k] ^ 1]) + good[k + 1 :])
        after = story.now
        assert after.link.damaged == len(good) - 1
        assert (after.answer, after.reading, after.charge) == (before.answer, before.reading, before.charge)

    def test_lines_heard_twice_count_once(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3)
        before = story.now
        story.says(board.sample(2, 2_000), board.answer(2, device=5))
        after = story.now
        assert (after.answer, after.charge) == (before.answer, before.charge)
        assert story.tracker.history is not None
        assert len(story.tracker.history) == 3

    def test_a_lost_plug_begins_the_charge_at_its_first_sample(self) -> None:
        now = Story().greeted().charges(0, 2).now
        assert now.charge is not None
        assert (now.charge.number, now.charge.whole, now.status) == (None, True, Status.CHARGING)

    def test_a_lost_unplug_is_seen_at_the_next_plug(self) -> None:
        now = Story().greeted().says(board.plug(1)).charges(0, 5).says(board.plug(2)).charges(0, 1).now
        assert now.charge is not None
        assert (now.charge.ordinal, now.charge.number, now.charge.elapsed_ms) == (2, 2, 0)

    def test_lost_unplug_and_plug_are_seen_at_the_first_sample(self) -> None:
        now = Story().greeted().says(board.plug(1)).charges(0, 5).charges(0, 2).now
        assert now.charge is not None
        assert (now.charge.ordinal, now.charge.elapsed_ms) == (2, 1_000)

    def test_missed_lines_of_earlier_charges_still_count(self) -> None:
        story = Story().greeted().says(board.plug(1)).charges(0, 3).charges(5, 6).says(board.unplug(1), board.plug(2))
        assert story.charges(0, 3).now.link.missed_samples == 2

    def test_any_mess_is_survived(self) -> None:
        source = random.Random(5)
        pieces = [
            board.hello(),
            board.credit(),
            board.plug(1),
            board.plug(2),
            board.unplug(1),
            board.fault(2),
            board.well(),
            *board.counters(),
            *(board.sample(k, 1_000 * k) for k in range(6)),
            *(board.answer(k) for k in range(6)),
            b"a log",
            b"",
            b"$",
        ]
        for _ in range(200):
            story = Story()
            for _ in range(60):
                line = source.choice(pieces)
                if source.random() < 0.2:
                    line = line[: source.randrange(len(line) + 1)]
                chosen = source.randrange(12)
                if chosen == 0:
                    story.lost()
                elif chosen == 1:
                    story.opened().asks()
                story.passes(source.random() * 3).says(line)
                now = story.now
                assert now.at_s == story.at_s
                now.full_at_s()


class TestMidCharge:
    def test_a_charge_joined_late_is_not_whole(self) -> None:
        now = Story().greeted(board.plug(1)).charges(1_000, 1_010).now
        assert now.charge is not None
        assert (now.charge.whole, now.charge.elapsed_ms, now.charge.number) == (False, 1_009_000, 1)
        assert (now.link.missed_samples, now.link.missed_answers) == (0, 0)

    def test_asked_again_the_charge_goes_on(self) -> None:
        story = Story().greeted(board.plug(1)).charges(0, 5).asks().says(board.hello(), board.credit(), board.plug(1))
        now = story.charges(5, 8).now
        assert now.charge is not None
        assert (now.charge.ordinal, now.link.restarts, now.link.missed_samples) == (1, 0, 0)

    def test_a_charge_not_confirmed_after_the_hello_has_ended(self) -> None:
        story = Story().greeted(board.plug(1)).charges(0, 5).lost().passes(60).opened().asks()
        story.says(board.hello(), board.credit()).passes(4).says(*board.counters())
        assert story.now.status is Status.UNPLUGGED
        assert story.now.charge is not None
        assert story.now.charge.ended == "unplugged, unheard"

    def test_a_sample_confirms_too(self) -> None:
        story = Story().greeted(board.plug(1)).charges(0, 5).asks().says(board.hello(), board.credit())
        assert story.charges(5, 15).now.charge is not None
        assert story.now.running is not None


class TestRestart:
    def test_a_hello_nobody_asked_for_ends_the_charge(self) -> None:
        story = Story().greeted().says(board.plug(1)).charges(0, 5).passes(1).says(board.hello(boot=3))
        assert story.now.link.restarts == 1
        assert story.now.status is Status.UNPLUGGED
        assert any("brown-out" in note.text for note in story.now.notes)
        now = story.says(board.plug(1)).charges(0, 3).now
        assert now.charge is not None
        assert (now.charge.ordinal, now.charge.number, now.status) == (2, 1, Status.CHARGING)

    def test_the_first_hello_is_no_restart_whoever_asked(self) -> None:
        assert Story().opened().says(board.hello()).now.link.restarts == 0

    def test_a_restart_with_another_model_renames_the_devices(self) -> None:
        other = "fedcba9876543210"
        story = Story().greeted().passes(5).says(board.hello(other), board.plug(1)).charges(0, 2)
        assert story.now.board is not None
        assert story.now.board.model is None
        assert story.now.answer is not None
        assert story.now.answer.device_name is None


class TestFault:
    @pytest.mark.parametrize(
        ("kind", "words"), [(1, "no answer"), (2, "saturated"), (3, "frozen"), (4, "out of range"), (9, "fault 9")]
    )
    def test_a_fault_is_named_and_stops_trust(self, kind: int, words: str) -> None:
        now = Story().greeted().says(board.plug()).charges(0, 3).says(board.fault(kind)).now
        assert now.status is Status.FAULT
        assert words in now.detail
        assert now.trusted is None
        assert now.running is not None

    def test_well_again_the_charge_goes_on(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3).says(board.fault(1)).passes(20).says(board.well())
        assert story.now.status is Status.CHARGING  # not: silent for 20 s
        now = story.charges(3, 5).now
        assert now.status is Status.CHARGING
        assert now.charge is not None
        assert now.charge.ordinal == 1

    def test_a_sample_shows_that_it_is_well(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3).says(board.fault(1))
        assert story.charges(3, 4).now.status is Status.CHARGING

    def test_so_does_a_hello_without_the_fault(self) -> None:
        story = Story().greeted(board.plug()).charges(0, 3).says(board.fault(1)).asks()
        assert story.says(board.hello(), board.credit(), board.plug()).now.status is Status.CHARGING

    def test_an_unplugged_board_can_be_at_fault(self) -> None:
        story = Story().greeted(board.fault(1))
        assert story.now.status is Status.FAULT
        assert story.says(board.unplug(1)).now.status is Status.FAULT

    def test_the_same_fault_told_twice_is_noted_once(self) -> None:
        story = Story().greeted().says(board.fault(2), board.fault(2))
        assert len([note for note in story.now.notes if "fault" in note.text]) == 1


class TestSilence:
    def test_nothing_heard_is_silent_after_a_while(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3)
        assert story.passes(4.9).now.status is Status.CHARGING
        now = story.passes(0.2).now
        assert now.status is Status.SILENT
        assert now.stale
        assert now.trusted is None
        assert "nothing heard for 5 s" in now.detail

    def test_samples_that_stop_while_it_still_answers(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3)
        for _ in range(4):
            story.passes(2).says(*board.counters())
        assert story.now.status is Status.SILENT
        assert "samples stopped 8 s ago" in story.now.detail

    def test_a_slow_sensor_is_not_silent(self) -> None:
        story = Story().greeted().says(board.plug())
        for k in range(4):
            for _ in range(15):
                story.passes(2).says(*board.counters())
            story.says(board.sample(k, 30_000 * k), board.answer(k))
        story.passes(3).says(*board.counters()).passes(3).says(*board.counters())
        assert story.now.status is Status.CHARGING

    def test_a_damaged_line_is_no_sign_of_a_well_board(self) -> None:
        story = Story().greeted()
        for _ in range(4):
            story.passes(2).says(b"$P,garbage")
        assert story.now.status is Status.SILENT

    def test_silence_ends_with_the_next_line(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3).passes(30)
        assert story.charges(33, 34).now.status is Status.CHARGING
        assert story.now.link.missed_samples == 30

    def test_a_lost_port(self) -> None:
        story = Story().greeted().says(board.plug()).charges(0, 3).lost("the line was lost")
        assert story.now.status is Status.LOST
        assert story.now.detail == "the line was lost; trying again"
        story.passes(2).opened().asks().says(board.hello(), board.credit(), board.plug()).charges(5, 6)
        assert (story.now.status, story.now.link.reconnects, story.now.link.missed_samples) == (Status.CHARGING, 1, 2)


class TestMode:
    def test_a_board_without_a_sensor(self) -> None:
        story = Story().greeted().says(*board.counters(mode=1))
        assert story.tracker.injected
        story.says(board.line("N,0,4,0"))
        assert not story.tracker.injected
        assert story.now.status is Status.NO_SENSOR

    def test_a_board_that_takes_live_mode(self) -> None:
        story = Story().greeted().says(*board.counters(mode=1), board.line("M,0"))
        assert story.now.status is Status.UNPLUGGED
        assert not story.tracker.injected


class TestPace:
    def test_a_board_that_plays_faster_is_told(self) -> None:
        story = Story().greeted().says(board.plug())
        for k in range(600):
            story.passes(1 / 60).says(board.sample(k, 1_000 * k), board.answer(k))
        assert story.now.pace == pytest.approx(60, rel=0.02)
        full = story.now.full_at_s()
        assert full is not None
        assert full[1] == pytest.approx(story.at_s + 2_820 / 60, abs=1)

    def test_the_burst_at_the_start_of_a_charge_is_not_speed(self) -> None:
        story = Story().greeted().says(board.plug())
        for k in range(5):
            story.says(board.sample(k, 1_000 * k), board.answer(k))
        for k in range(5, 60):
            story.passes(1).says(board.sample(k, 1_000 * k), board.answer(k))
            assert story.now.pace == 1


def test_logs_are_shown_without_what_acts_on_a_terminal() -> None:
    story = Story().greeted().says(b"\x1b[0;32mI (12) boot: \x07ok\tdone\x1b[0m\r", b"\xff\xfe")
    assert [note.text for note in story.now.notes] == ["I (12) boot: ·ok    done", "\ufffd\ufffd"]
    assert all(note.board for note in story.now.notes)
    assert story.now.link.damaged == 0


def test_logs_are_bounded() -> None:
    story = Story().greeted()
    for k in range(200):
        story.says(f"line {k}".encode())
    assert story.now.notes[-1].text == "line 199"
    assert len(story.now.notes) == 50


def test_a_snapshot_does_not_change_afterwards() -> None:
    story = Story().greeted().says(board.plug()).charges(0, 3)
    before = story.now
    text = repr(before)
    story.charges(3, 9).says(*board.counters(answered=9), board.unplug())
    assert repr(before) == text


def test_the_version_grows_with_what_is_shown_and_stands_still_otherwise() -> None:
    story = Story().greeted().says(board.plug()).charges(0, 3)
    first = story.now.version
    assert story.passes(1).now.version == first
    assert story.charges(3, 4).now.version > first
    later = story.now.version
    assert story.passes(60).now.version > later  # it has fallen silent


def test_a_recording_without_hours_promises_no_clock_time() -> None:
    story = Story(Tracker(MODELS, "x", wall_clock=False)).greeted().says(board.plug()).charges(0, 3)
    assert story.now.full_at_s() is None
