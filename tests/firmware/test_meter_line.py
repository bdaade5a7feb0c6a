"""The meter example on this machine, at a serial device with an independent SDM630 behind it."""

from __future__ import annotations

import os
import random
import re
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from tests.firmware.conftest import METER, compile_c, run_pio, sources
from tests.firmware.sdm630 import Sdm630, crc16, on_a_terminal

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with the native port, every access and operation checked."""
    path = tmp_path_factory.mktemp("meter") / "program"
    checks = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    native = sources("ports/native", "lib/ina_simulator")
    compile_c(path, *checks, *sources("examples/meter", *METER), *native, "-lm")
    return path


def lines(program: Path, device: str, n: int) -> list[str]:
    """So many lines of what it says."""
    world = os.environ | {"WATTPRINT_METER": device}
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=world, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = [process.stdout.readline().rstrip("\n") for _ in range(n)]
        process.stdin.close()
        process.stdout.close()
        process.wait(20)
    return said


def rounded(value: float, scale: int) -> int:
    """Of what its float32 holds, halves away from zero."""
    (held,) = struct.unpack(">f", struct.pack(">f", value))
    product = abs(Fraction(held)) * scale
    magnitude = (2 * product.numerator + product.denominator) // (2 * product.denominator)
    return magnitude if held >= 0 else -magnitude


def test_platformio_builds_it(tmp_path: Path) -> None:
    done = run_pio("run", "-e", "native_meter", build_dir=tmp_path / "build")
    assert done.returncode == 0, done.stdout + done.stderr
    with on_a_terminal(Sdm630({0: 230.0})) as device:
        (said,) = lines(tmp_path / "build" / "native_meter" / "program", device, 1)
    assert said.startswith("L1 230000 mV 0 mA 0 W ? permille")


def test_crc_of_the_slave() -> None:
    """The specification's example, and the catalogue's check value: the test's own side is right."""
    assert crc16(b"\x02\x07") == b"\x41\x12"
    assert crc16(b"123456789") == (0x4B37).to_bytes(2, "little")


def test_reads_what_the_meter_measures(program: Path) -> None:
    draw = random.Random(3)
    meter = Sdm630({0x46: 49.9876, 0x48: draw.uniform(5000, 8000)})
    for k in range(3):
        current, factor = draw.uniform(6, 32), draw.uniform(0.9, 1)
        meter.values |= {2 * k: draw.uniform(215, 245), 6 + 2 * k: current, 12 + 2 * k: 230 * current * factor}
        meter.values[0x1E + 2 * k] = factor
    with on_a_terminal(meter) as device:
        (said,) = lines(program, device, 1)
    phases = []
    for k in range(3):
        volts, amps, watts, factor = (meter.values[first + 2 * k] for first in (0, 6, 12, 0x1E))
        numbers = (rounded(volts, 1000), rounded(amps, 1000), rounded(watts, 1), rounded(factor, 1000))
        phases.append("L{} {} mV {} mA {} W {} permille".format(k + 1, *numbers))
    energy, frequency = rounded(meter.values[0x48], 1000), rounded(meter.values[0x46], 1000)
    totals = f"meter {energy} Wh {frequency} mHz  vehicle 3 phases ? mA plateau 0 Wh"
    assert said == "  ".join([*phases, totals])
    assert meter.asked[:2] == [(0x00, 36), (0x46, 6)]


def test_says_what_is_wrong(program: Path) -> None:
    with on_a_terminal(Sdm630({0: float("nan")})) as device:
        assert lines(program, device, 1) == ["meter: a value that cannot be"]
    world = os.environ | {"WATTPRINT_METER": "/dev/null"}
    done = subprocess.run([program], stdin=subprocess.DEVNULL, env=world, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stdout == "this board has no line for a meter\n"
    assert re.fullmatch(r"WATTPRINT_METER=/dev/null is no serial device that opens with 9600 baud\n", done.stderr)
