"""Frames and messages: one way to write each, everything else refused."""

from __future__ import annotations

import dataclasses
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host import messages, vehicle_messages
from host.errors import DamagedLineError
from host.framing import LINE_MAX, LOG_MAX, LineSplitter, frame, unframe
from host.messages import encode, parse_from_board, parse_from_host

U8 = st.integers(0, 0xFF)
U32 = st.integers(0, 0xFFFFFFFF)
I32 = st.integers(-(2**31), 2**31 - 1)
REMAINING = st.integers(0, 2**24 - 1)
FROM_HOST = st.one_of(
    st.builds(messages.AskHello),
    st.builds(messages.AskStatistics),
    st.builds(messages.AskSettings),
    st.builds(messages.SetSetting, U32, I32),
    st.builds(messages.Reset, U32),
    st.builds(messages.Mode, U8),
    st.builds(messages.Sample, U32, U32, I32, I32),
    st.builds(vehicle_messages.SamplePhases, U32, *[st.integers(0, 0xFFFFF), st.integers(-0x7FFFF, 0x7FFFF)] * 3),
    st.builds(vehicle_messages.SampleRest, U32, U32, I32, I32, I32),
    st.builds(vehicle_messages.Goal, st.integers(0, 100), st.integers(0, 2**31 - 1)),
)
OR_NOT_KNOWN = st.integers(-1, 2**24 - 1)
FROM_BOARD = st.one_of(
    st.builds(messages.Hello, U32, U32, U8, st.integers(0, 0xFFFFFF), U8, U8),
    st.builds(messages.Credit, U32),
    st.builds(messages.Reset, U32),
    st.builds(messages.Mode, U8),
    st.builds(messages.Prediction, U32, U8, st.integers(0, 1000), REMAINING, REMAINING, REMAINING, U8, U32),
    st.builds(messages.LiveSample, U32, U32, I32, I32),
    st.builds(messages.Event, U8, U32),
    st.builds(messages.Statistic, U8, U32),
    st.builds(messages.Setting, U8, I32, I32, I32, U8),
    st.builds(messages.Refusal, U32, U8, U32),
    st.builds(messages.BoardError, U8),
    st.builds(vehicle_messages.Goal, st.integers(0, 100), st.integers(0, 2**31 - 1)),
    st.builds(
        vehicle_messages.VehicleAnswer,
        *(
            U32,
            U8,
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFFF),
            OR_NOT_KNOWN,
            OR_NOT_KNOWN,
            OR_NOT_KNOWN,
            REMAINING,
        ),
    ),
)


@given(FROM_HOST)
def test_host_messages_round_trip(message: messages.HostMessage) -> None:
    line = encode(message)
    assert len(line) <= LINE_MAX
    assert line.endswith(b"\n")
    assert parse_from_host(line[:-1]) == message


@given(FROM_BOARD)
def test_board_messages_round_trip(message: messages.BoardMessage) -> None:
    line = encode(message)
    assert len(line) <= LINE_MAX
    assert parse_from_board(line[:-1]) == message


def test_a_line_is_written_as_the_page_says() -> None:
    body = b"S,A,3E8,1388,-7D0"
    assert encode(messages.Sample(10, 1000, 5000, -2000)) == b"$%s*%08X\n" % (body, zlib.crc32(body))
    body = b"P,0,2,3E8,0,3C,FFFFFF,9,0000BEEF"
    prediction = messages.Prediction(0, 2, 1000, 0, 60, 0xFFFFFF, 9, 0xBEEF)
    assert encode(prediction) == b"$%s*%08X\n" % (body, zlib.crc32(body))
    body = b"L,1,3E8,1388,-3"
    assert encode(messages.LiveSample(1, 1000, 5000, -3)) == b"$%s*%08X\n" % (body, zlib.crc32(body))
    assert encode(messages.Event(messages.SENSOR_FAULT, 1)).startswith(b"$E,3,1*")
    hello = messages.Hello(0x0123, 0x89ABCDEF, 1, 0x000100, 0, 14)
    assert encode(hello).startswith(b"$H,00000123,89ABCDEF,1,100,0,E*")
    assert hello.model_hash == "0000012389abcdef"
    assert hello.version == "0.1.0"
    assert (hello.protocol_version, hello.profile) == (1, messages.CHARGER)
    of_vehicles = messages.Hello(0, 0, 0x11, 0x000100, 0, 3)
    assert (of_vehicles.protocol_version, of_vehicles.profile) == (1, messages.CHARGE_POINT)


def test_the_widest_lines_of_a_charge_point_fit() -> None:
    widest = 2**32 - 1, *(0xFFFFF, -0x7FFFF) * 3
    assert len(encode(vehicle_messages.SamplePhases(*widest))) == 60
    rest = vehicle_messages.SampleRest(2**32 - 1, 2**32 - 1, *[-(2**31)] * 3)
    assert len(encode(rest)) <= LINE_MAX
    s = 2**24 - 1
    answer = vehicle_messages.VehicleAnswer(2**32 - 1, 0xFF, 0xFFFF, 0xFFFFF, s, s, s, s)
    assert len(encode(answer)) == LINE_MAX


@pytest.mark.parametrize(
    "body",
    [b"A,0,100000,0,0,0,0,0", b"A,0,0,80000,0,0,0,0", b"A,0,-1,0,0,0,0,0", b"B,0,0,0,0", b"G,65,0", b"G,0,80000000"],
)
def test_what_a_charge_point_does_not_take_is_damage(body: bytes) -> None:
    with pytest.raises(DamagedLineError):
        parse_from_host(b"$%s*%08X" % (body, zlib.crc32(body)))


@pytest.mark.parametrize("text", ["00", "-0", "01", "a", "+1", "", "0x1", "1 ", "-", "--1", "-01", "1-", "80000000"])
def test_other_spellings_of_a_number_are_refused(text: str) -> None:
    def sample(number: str) -> bytes:
        body = f"S,0,0,1388,{number}".encode()
        return b"$%s*%08X" % (body, zlib.crc32(body))

    assert parse_from_host(sample("7D0")) == messages.Sample(0, 0, 5000, 2000)
    with pytest.raises(DamagedLineError):
        parse_from_host(sample(text))


@pytest.mark.parametrize(
    "body",
    [
        "P,0,0,0,0,0,0,0,BEEF",  # the CRC of the state is fixed at 8 digits
        "P,0,0,0,0,0,0,0,0000BEEF,0",
        "P,0,0,0,0,0,0,0",
        "P,0,100,0,0,0,0,0,0000BEEF",
        "C,-1",
        "E,1,-1",
        "E,1",
        "L,0,0,1388",
        "C,100000000",
        "C,080",
        "H,123,89ABCDEF,1,100,0,E",
        "H,-0000123,89ABCDEF,1,100,0,E",
        "Z,1",
        "S,0,1,2,3",
        "C,",
        "c,80",
        "C 80",
        "C-80",
        "P,0,0,0,80000000,0,0,0,0000BEEF",
        "P,0,0,0,0,0,-80000001,0,0000BEEF",
    ],
)
def test_well_framed_nonsense_is_damaged(body: str) -> None:
    line = f"${body}*{zlib.crc32(body.encode()):08X}".encode()
    with pytest.raises(DamagedLineError):
        parse_from_board(line)


@pytest.mark.parametrize("line", [b"", b"$", b"$*", b"$H*", b"H*9D0B2D4A", b"$H*9d0b2d4a", b"$H*00000000", b"log"])
def test_not_a_frame(line: bytes) -> None:
    with pytest.raises(DamagedLineError):
        unframe(line)


def test_cr_before_lf_is_damage() -> None:
    good = encode(messages.AskHello())
    assert unframe(good[:-1]) == b"H"
    with pytest.raises(DamagedLineError):
        unframe(good[:-1] + b"\r")


@given(FROM_BOARD, st.randoms(use_true_random=False))
def test_any_damage_is_refused(message: messages.BoardMessage, source: random.Random) -> None:
    """One to three flipped bits, a burst of up to 32, bytes lost or put in: never another message."""
    line = encode(message)[:-1]
    damaged = bytearray(line)
    kind = source.randrange(4)
    if kind == 0:
        for bit in source.sample(range(8 * len(line)), source.randrange(1, 4)):
            damaged[bit // 8] ^= 1 << bit % 8
    elif kind == 1:
        length = source.randrange(1, 33)
        start = source.randrange(8 * len(line) - length)
        pattern = 1 | source.getrandbits(length) | 1 << (length - 1)
        changed = int.from_bytes(line, "big") ^ pattern << start
        damaged = bytearray(changed.to_bytes(len(line), "big"))
    elif kind == 2:
        at = source.randrange(len(line))
        del damaged[at : at + source.randrange(1, 41)]
    else:
        damaged[source.randrange(len(line)) : 0] = b"I (42) wifi: x"
    assert bytes(damaged) != line
    with pytest.raises(DamagedLineError):
        parse_from_board(bytes(damaged))


@given(st.lists(st.binary(max_size=80).filter(lambda data: b"\n" not in data), max_size=8), st.data())
def test_lines_come_out_whole_however_the_bytes_arrive(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    splitter = LineSplitter()
    found: list[bytes] = []
    while stream:
        n = data.draw(st.integers(1, len(stream)))
        found += splitter.push(stream[:n])
        stream = stream[n:]
    assert found == lines


def test_an_endless_line_takes_bounded_memory_and_does_no_harm() -> None:
    splitter = LineSplitter()
    for _ in range(100):
        assert splitter.push(b"x" * 1000) == []
    assert [len(line) for line in splitter.push(b"\n")] == [LOG_MAX]
    assert splitter.push(b"$H\n") == [b"$H"]


def test_a_message_that_does_not_fit_is_not_written() -> None:
    with pytest.raises(ValueError, match="63"):
        frame("P", ["FFFFFFFF"] * 8)
    with pytest.raises(ValueError, match="does not lie"):
        encode(messages.Sample(0, 2**32, 0, 0))


def test_messages_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        messages.Credit(1).n_bytes = 2  # type: ignore[misc]


@pytest.mark.parametrize(("length", "taken"), [(LINE_MAX - 1, True), (LINE_MAX, False)])
def test_the_longest_line_has_63_bytes_with_its_lf(length: int, taken: bool) -> None:
    body = b"S," + b"A" * (length - 12)
    line = b"$%s*%08X" % (body, zlib.crc32(body))
    assert len(line) == length
    if taken:
        assert unframe(line) == body
    else:
        with pytest.raises(DamagedLineError):
            unframe(line)
