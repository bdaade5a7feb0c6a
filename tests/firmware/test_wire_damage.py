"""What a bad line does to the board: nothing."""

from __future__ import annotations

import random
import subprocess
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.firmware.conftest import FIRMWARE, compile_c
from tests.firmware.wire import bodies, frame, line, replay

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

# One of each type, in both directions.
BODIES = [
    *("H", "R,0", "M,1", "S,12AB,3E8,1388,-7D0", "T"),
    *("H,9F2C41D0,71B1E6AA,1,100,0,10", "C,80", "P,3E8,3,29B,BB8,E10,12C0,2,9DB837EF", "E,1,1F", "T,3,1A9"),
    *("N,14,1,12", "X,2", "L,12AB,493DE8,1388,-7D0"),
    *("A,12AB,38270,3E80,38270,3E80,0,0", "B,12AB,493DE8,A0,1F40,2D", "Q,12AB,7,2022,2AF8,1CE8,339F,BFE6,9121"),
]


def said_by(program: Path, sent: bytes) -> bytes:
    """All a board says to these bytes; a sanitiser's complaint is a failure."""
    done = subprocess.run([program], input=sent, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.fixture(scope="session")
def flips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exhaustive search for damage the parser accepts."""
    program = tmp_path_factory.mktemp("flips") / "flips"
    core = [str(FIRMWARE / "lib" / "core" / "src" / name) for name in ("link.c", "crc32.c")]
    compile_c(program, "-O2", str(Path(__file__).with_name("flips.c")), *core)
    return program


@pytest.mark.parametrize("body", BODIES)
def test_no_three_flips_and_no_burst_is_accepted(flips: Path, body: str) -> None:
    done = subprocess.run([flips], input=frame(body), capture_output=True, timeout=300, check=True)
    n_intact, n_tried, n_accepted = map(int, done.stdout.split())
    n_bits = 8 * len(frame(body))
    n_flips = n_bits + n_bits * (n_bits - 1) // 2 + n_bits * (n_bits - 1) * (n_bits - 2) // 6
    assert n_intact == 1
    assert n_tried > n_flips
    assert n_accepted == 0


BURST_BITS = 32


def independent(vectors: Iterable[int]) -> bool:
    """Whether no sum modulo 2 of some of these 32-bit vectors is zero: Gauss's elimination."""
    by_top: dict[int, int] = {}
    for vector in vectors:
        while vector and (top := vector.bit_length()) in by_top:
            vector ^= by_top[top]
        if not vector:
            return False
        by_top[top] = vector
    return True


@pytest.mark.parametrize("body", BODIES)
def test_no_burst_at_all_is_accepted(body: str) -> None:
    """All 2^32 patterns of a burst at every place, for a CRC is linear: what each bit of the body adds to the CRC, and
    the bits of each digit of the CRC, are independent within every window of 32 bits. So whatever a burst changes,
    body, CRC or both, the two do not agree. What has to stand still for that is the next test's.
    """
    line_ = frame(body)
    star = len(line_) - 10
    checked = line_[1:star]
    sound = zlib.crc32(checked)

    def adds(bit: int) -> list[int]:
        """What flipping a bit of the line can change in CRC minus digits; nothing for a bit of the frame."""
        at = bit // 8
        if 1 <= at < star:
            flipped = bytearray(checked)
            flipped[at - 1] ^= 1 << bit % 8
            return [zlib.crc32(flipped) ^ sound]
        digit = at - star - 1
        return [1 << (4 * (7 - digit) + k) for k in range(4)] if 0 <= digit < 8 and bit % 8 == 0 else []

    for first in range(8 * len(line_)):
        window = range(first, min(first + BURST_BITS, 8 * len(line_)))
        begun = range(window[0] - window[0] % 8, window[-1] + 1)  # of a digit of which some bits are in it, all four
        digits = [vector for bit in begun if bit // 8 > star for vector in adds(bit)]
        assert independent([vector for bit in window if bit // 8 < star for vector in adds(bit)] + digits)


@pytest.mark.parametrize("body", BODIES)
def test_no_burst_moves_the_frame(body: str) -> None:
    """A burst covers at most five bytes in part. To be a line, what is left before a new LF needs a '*' nine bytes in
    front of it, out of its reach; what is left behind needs a '$' right after it and its own CRC at the end.
    """
    line_ = frame(body)
    reach = BURST_BITS // 8 + 1
    assert line_.count(b"*") == line_.count(b"$") == line_.count(b"\n") == 1
    assert reach < 9
    for at in range(len(line_) - 12):  # LF and '$' at `at` and the next byte: at most two bytes more may have changed
        rest = line_[at + 2 : -10]
        free = min(2 * 8, 8 * len(rest))
        sound = zlib.crc32(rest) ^ int(line_[-9:-1], 16)
        vectors = []
        for bit in range(free):
            flipped = bytearray(rest)
            flipped[bit // 8] ^= 1 << bit % 8
            vectors.append(zlib.crc32(flipped) ^ zlib.crc32(rest))
        assert sound != 0
        assert not vectors or independent([*vectors, sound])


def damaged(original: bytes, generator: random.Random) -> bytes:
    """A line after bit flips, after a loss of bytes, or with a log in its midst."""
    at = generator.randrange(len(original))
    match generator.randrange(4):
        case 0:
            flipped = bytearray(original)
            for _ in range(generator.randint(1, 40)):
                flipped[generator.randrange(len(flipped))] ^= 1 << generator.randrange(8)
            return bytes(flipped)
        case 1:
            return original[:at] + original[at + generator.randint(1, 40) :]
        case 2:
            return original[:at] + generator.choice([b"I (1234) wifi: up\n", b"\0", b"$", b"\n"]) + original[at:]
        case _:
            return original[:at] + generator.randbytes(generator.randint(1, 40)) + original[at + 5 :]


def test_no_damaged_sample_is_taken(native_board: Path) -> None:
    """Each would be the next sample, were it whole; the loss of a line's end merges it with the next."""
    generator = random.Random(7)
    originals = [line("S", 0, 0, voltage, current) for voltage in (0, 5000, 20000) for current in (-5, 40, 2000)]
    sent = bytearray()
    n_damaged = 0
    while n_damaged < 100_000:
        original = generator.choice(originals)
        bad = damaged(original, generator) + b"\n"
        if original.strip() not in bad.split(b"\n"):
            sent += bad
            n_damaged += 1
    said = bodies(said_by(native_board, bytes(sent) + line("T")))
    assert said[1] == "T,0,0"
    assert int(said[2].removeprefix("T,1,"), 16) > 50_000
    assert len(said) == 1 + 11  # hello and counters: not a word about any of them


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_leave_a_board_that_answers(checked_board: Path, seed: int) -> None:
    """Random bytes, good lines of every kind with wild values, damaged ones: then all is as on a fresh board."""
    generator = random.Random(seed)
    wild = [0, 1, -1, 7, 255, 1000, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32 - 1, -(2**32) + 1]
    noise = bytearray()
    for _ in range(4000):
        match generator.randrange(5):
            case 0:
                noise += generator.randbytes(generator.randrange(200))
            case 1:
                noise += damaged(generator.choice(replay(20)), generator)
            case 2:
                noise += line(generator.choice("HRMSTPXA"), *generator.choices(wild, k=generator.randrange(6)))
            case 3:
                noise += b"".join(replay(generator.randrange(12), first=generator.choice([0, 5, 2**31])))
            case _:
                noise += b"$" * generator.randrange(80) + b"\n" * generator.randrange(2)
    clean = [line("H"), line("R", 0), *replay(200)]
    fresh = bodies(said_by(checked_board, b"".join(clean)))[1:]
    assert len(fresh) == 203
    after = bodies(said_by(checked_board, bytes(noise) + b"\n" + b"".join(clean)))
    assert len(after) > 1000
    assert after[-203:] == fresh
