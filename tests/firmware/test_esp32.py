"""The ESP32's port against declarations of ESP-IDF, and running on a stand-in for it (tests/firmware/esp_idf)."""

from __future__ import annotations

import os
import re
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.firmware.conftest import FIRMWARE, INCLUDES, LIBRARIES, METER, ROOT, sources
from tests.firmware.wire import bodies, line

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

SDK = Path(__file__).resolve().parent / "esp_idf"
CHIPS = ("ESP32", "ESP32C3", "ESP32S3")
ENVIRONMENTS = {"esp32dev": "esp32dev", "esp32c3": "esp32-c3-devkitm-1", "esp32s3": "esp32-s3-devkitc-1"}
# ESP-IDF compiles as gnu17; its headers have unnamed unions.
FLAGS = ["-std=gnu17", *(f"-W{name}" for name in ("all", "extra", "conversion", "sign-conversion", "shadow", "error"))]
NO_SENSOR, INA219, INA226 = range(3)
SIMULATORS = ("lib/ina_simulator", "lib/meter_simulator")
PORT = FIRMWARE / "ports" / "esp32" / "port.c"


def flags_of(chip: str) -> list[str]:
    """What a compiler is told for a chip."""
    return [*FLAGS, f"-DCONFIG_IDF_TARGET_{chip}=1", f"-I{SDK}", *INCLUDES]


@pytest.fixture(scope="module", params=CHIPS)
def esp_board(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware with the ESP32's port on the stand-in, every access and operation checked."""
    program = tmp_path_factory.mktemp(request.param) / "program"
    parts = sources("src", "ports/esp32", *LIBRARIES, "test/fixtures/model")
    checks = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = ["gcc", *flags_of(request.param), *checks, *parts, str(SDK / "sdk.c"), "-o", str(program)]
    subprocess.run(command, check=True, timeout=120)
    return program


def run(program: Path, *lines: bytes, **world: object) -> list[str]:
    """What the board says, from its start to the end of the lines."""
    variables = {f"SDK_{name}": str(value) for name, value in world.items()}
    done = subprocess.run(
        [program], input=b"".join(lines), env=os.environ | variables, capture_output=True, timeout=60, check=True
    )
    assert done.stderr == b""
    return bodies(done.stdout)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("line_uart", [None, 1])
def test_compiles_without_a_warning(tmp_path: Path, chip: str, line_uart: int | None) -> None:
    """With the line that a chip has, and with the UART on every one."""
    chosen = [] if line_uart is None else [f"-DWP_LINE_UART={line_uart}"]
    command = ["gcc", *flags_of(chip), *chosen, "-O2", "-c", str(PORT), "-o", str(tmp_path / "port.o")]
    subprocess.run(command, check=True, timeout=60)
    called = subprocess.run(["nm", "-u", tmp_path / "port.o"], capture_output=True, text=True, check=True).stdout
    assert ("uart_read_bytes" in called) is (chip == "ESP32" or line_uart == 1)
    assert ("usb_serial_jtag_read_bytes" in called) is (chip != "ESP32" and line_uart is None)


@pytest.mark.qemu
def test_compiles_where_32_bits_are_long(tmp_path: Path) -> None:
    """As in Espressif's compilers: an int and a uint32_t are two types."""
    machine = ["riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs", "-misa-spec=2.2"]
    command = [*machine, *flags_of("ESP32C3"), "-Os", "-c"]
    for path in sources("ports/esp32"):
        subprocess.run([*command, path, "-o", str(tmp_path / "port.o")], check=True, timeout=60)


def test_chip_without_default_pins_asks_for_them() -> None:
    command = ["gcc", *flags_of("ESP32H2"), "-DCONFIG_ESP_DEFAULT_CPU_FREQ_MHZ=96", "-fsyntax-only"]
    done = subprocess.run([*command, *sources("ports/esp32")], capture_output=True, text=True, check=False)
    assert "name the pins of the sensor's bus" in done.stderr
    assert "name the pins of the meter's line" in done.stderr
    pins = [f"-DWP_PIN_{name}={k}" for k, name in enumerate(("SDA", "SCL", "METER_TX", "METER_RX", "METER_DE"), 1)]
    subprocess.run([*command, *pins, *sources("ports/esp32")], check=True)


@pytest.mark.parametrize(("reason", "boot"), [(1, 0), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 2), (9, 3), (0, 1)])
def test_says_why_it_started(esp_board: Path, reason: int, boot: int) -> None:
    assert run(esp_board, RESET=reason) == [f"H,01234567,89ABCDEF,1,100,{boot},2"]


def test_answers_a_host(esp_board: Path) -> None:
    said = run(esp_board, line("H"), line("R", 0), line("S", 0, 0, 5000, 2000), line("T"))
    assert said[1:4] == ["H,01234567,89ABCDEF,1,100,0,2", "C,80", "R,0"]
    assert said[4].startswith("P,0,1,29B,")
    assert said[5 + 8] == f"T,8,{160_000_000:X}"
    assert said[5 + 9] == f"T,9,{4096 - 3000:X}"


def test_is_kicked_while_nobody_speaks(esp_board: Path) -> None:
    """The stand-in's watchdog ends the program after five seconds without."""
    assert run(esp_board, SECONDS=60) == ["H,01234567,89ABCDEF,1,100,0,2"]


@pytest.mark.parametrize("kind", [INA219, INA226])
def test_measures_after_it_was_told_what(esp_board: Path, tmp_path: Path, kind: int) -> None:
    world = {"NVS": tmp_path / "nvs", "CHIP": {INA219: "ina219", INA226: "ina226"}[kind], "CURRENT_MA": 1500}
    told = run(esp_board, line("W", 0, kind), line("W", 2, 10_000), line("M", 0), **world)
    assert told[1:] == [f"V,0,{kind},0,2,8", "V,2,2710,64,989680,8", "M,0"]
    said = run(esp_board, SECONDS=9, **world)
    assert said[1] == "E,1,1"  # it measures at once after the next start
    samples = [each.split(",")[1:] for each in said if each[0] == "L"]
    assert 8 <= len(samples) <= 10
    assert {tuple(each[2:]) for each in samples} == {("1388", "5DC")}
    assert all(abs(int(each[1], 16) - 1000 * k) <= 2 for k, each in enumerate(samples))


def test_sensor_that_is_not_there(esp_board: Path, tmp_path: Path) -> None:
    world: dict[str, object] = {"NVS": tmp_path / "nvs"}
    run(esp_board, line("W", 0, INA226), **world)
    assert run(esp_board, SECONDS=3, **world)[1:] == ["E,3,1"]
    world["CHIP"] = "ina226"
    run(esp_board, line("W", 1, 0x41), **world)
    assert run(esp_board, SECONDS=3, **world)[1:] == ["E,3,1"]
    run(esp_board, line("W", 1, 0x40), **world)
    assert run(esp_board, SECONDS=3, **world)[1:] == []


@pytest.mark.parametrize("chip", CHIPS)
def test_reads_a_meter(tmp_path: Path, chip: str) -> None:
    """The example on the stand-in, with a simulated SDM630 on UART1."""
    program = tmp_path / "program"
    parts = sources("examples/meter", "ports/esp32", *METER)
    simulators = [f"-I{FIRMWARE / folder}" for folder in SIMULATORS]
    checks = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DSDK_METER=1"]
    command = ["gcc", *flags_of(chip), *checks, *simulators, *parts, *sources(*SIMULATORS), str(SDK / "sdk.c")]
    subprocess.run([*command, "-o", str(program)], check=True, timeout=120)

    def said(unit: int) -> list[str]:
        world = os.environ | {"SDK_METER_UNIT": str(unit), "SDK_SECONDS": "5"}
        done = subprocess.run(
            [program], stdin=subprocess.DEVNULL, env=world, capture_output=True, timeout=60, check=True
        )
        assert done.stderr == b""
        return done.stdout.decode("ascii").splitlines()

    found = said(1)
    assert 4 <= len(found) <= 6
    assert found[-1] == (
        "L1 230000 mV 16000 mA 3680 W 1000 permille  L2 230001 mV 16001 mA 3680 W 1000 permille  "
        "L3 230002 mV 16002 mA 3680 W 1000 permille  meter 7654321 Wh 0 mHz  vehicle 3 phases ? mA plateau 0 Wh"
    )
    assert set(said(2)) == {"meter: no answer: supply, wires A and B, address, baud rate, parity"}


def test_environments_are_pinned_and_share_one_port() -> None:
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "platformio.ini")
    assert settings["platformio"]["default_envs"] == "native"
    for env, board in ENVIRONMENTS.items():
        assert settings[f"env:{env}"]["extends"] == "esp"
        assert settings[f"env:{env}"]["board"] == board
    assert re.fullmatch(r"espressif32@\d+\.\d+\.\d+", settings["esp"]["platform"])
    assert settings["esp"]["framework"] == "espidf"
    assert settings["esp"]["custom_port"] == "esp32"
    defaults = settings["esp"]["board_build.cmake_extra_args"].partition("-DSDKCONFIG_DEFAULTS=")[2]
    assert (ROOT / defaults).is_file()
    listed = (ROOT / "firmware" / "src" / "CMakeLists.txt").read_text(encoding="utf-8")
    assert set(re.findall(r'"(\w+\.c)"', listed)) == {path.name for path in (FIRMWARE / "src").glob("*.c")}
