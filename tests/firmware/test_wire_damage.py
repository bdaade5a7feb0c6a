"""What a bad line does to the board: nothing."""

from __future__ import annotations

import random
import subprocess
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
