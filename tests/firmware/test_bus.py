"""The native board with a sensor on a simulated I2C bus: driver, settings and core as on hardware."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path

import pytest

from host.cli import main
from tests.firmware.test_live import charge, injected, play, samples_of, write_recording
from tests.firmware.wire import bodies, line

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

INA219, INA226 = 1, 2
SENSOR, ADDRESS, SHUNT_UOHM, CURRENT_GAIN_PPM, CURRENT_OFFSET_UA = range(5)
SHUNT_OF_THE_BUS_UOHM = 10_000
STEP_UV = {INA219: 4000, INA226: 1250}  # of the bus voltage
STEP_UA = {INA219: 1000, INA226: 250}  # of the current, 10 and 2.5 uV at 10 mohm


def tell(program: Path, settings: Path, *values: tuple[int, ...]) -> list[str]:
    """What a board that keeps its settings in a file says to new ones."""
    lines = b"".join(line("W", *value) if value else line("V") for value in values)
    command = [str(program), "--settings", str(settings)]
    done = subprocess.run(command, input=lines, capture_output=True, timeout=60, check=True)
    return bodies(done.stdout)[1:]


def board_on_bus(program: Path, settings: Path, kind: int, recording: Path, *options: str, last: str) -> list[str]:
    """What a board with that chip says from plug to `last`."""
    chip = {INA219: "ina219", INA226: "ina226"}[kind]
    return play(
        program, "--settings", settings, "--sensor", recording, "--bus", chip, "--speed", "0", *options, last=last
    )


@pytest.mark.parametrize("kind", [INA219, INA226])
def test_a_charge_through_driver_and_bus(checked_board: Path, tmp_path: Path, kind: int) -> None:
    settings, rows = tmp_path / "settings", charge(120)
    assert tell(checked_board, settings, (SENSOR, kind), (SHUNT_UOHM, SHUNT_OF_THE_BUS_UOHM)) == [
        f"V,0,{kind:X},0,2,8",
        "V,2,2710,64,989680,8",
    ]
    said = board_on_bus(checked_board, settings, kind, write_recording(tmp_path / "a.csv", rows), last="E,2,1")
    samples = samples_of(said)
    assert said[0] == "E,1,1"
    assert len(samples) >= 120
    for (_, _, voltage_mv, current_ma), (_, true_mv, true_ma) in zip(samples[:120], rows, strict=True):
        assert abs(voltage_mv - true_mv) <= STEP_UV[kind] / 2000 + 0.5
        assert abs(current_ma - true_ma) <= STEP_UA[kind] / 2000 + 0.5
    assert [each for each in said if each[0] == "P"] == injected(checked_board, samples)


def test_calibration_is_kept_and_in_force(checked_board: Path, tmp_path: Path) -> None:
    settings, rows = tmp_path / "settings", charge(20)
    recording = write_recording(tmp_path / "a.csv", rows)
    tell(checked_board, settings, (SENSOR, INA226), (SHUNT_UOHM, 2 * SHUNT_OF_THE_BUS_UOHM))
    tell(checked_board, settings, (CURRENT_GAIN_PPM, 100_000), (CURRENT_OFFSET_UA, -4000))
    said = board_on_bus(checked_board, settings, INA226, recording, last="E,2,1")
    got = [current_ma for _, _, _, current_ma in samples_of(said)[:20]]
    assert all(abs(mine - (true_ma / 2 * 1.1 - 4)) <= 1 for mine, (_, _, true_ma) in zip(got, rows, strict=True))


@pytest.mark.parametrize(
    ("fault", "event"), [("no-answer", "E,3,1"), ("saturated", "E,3,2"), ("frozen", "E,3,3"), ("range", "E,3,4")]
)
@pytest.mark.parametrize("kind", [INA219, INA226])
def test_faults_of_the_bus_are_reported_and_never_answered(
    checked_board: Path, tmp_path: Path, kind: int, fault: str, event: str
) -> None:
    settings = tmp_path / "settings"
    tell(checked_board, settings, (SENSOR, kind), (SHUNT_UOHM, SHUNT_OF_THE_BUS_UOHM))
    recording = write_recording(tmp_path / "a.csv", charge(60))
    said = board_on_bus(checked_board, settings, kind, recording, "--fault", f"{fault}@20+10", last="E,2,1")
    at = said.index(event)
    assert said[at + 1] == "E,4,0"  # for ten seconds neither samples nor answers
    times_ms = [t_ms for _, t_ms, _, _ in samples_of(said)]
    steps = [after - before for before, after in itertools.pairwise(times_ms)]
    assert sorted(steps)[-2:] == [1000, 11000]
    assert 1 + times_ms.index(times_ms[steps.index(11000)]) in (19, 20, 21)


def test_chip_that_is_not_there(checked_board: Path, tmp_path: Path) -> None:
    """The settings name another address, and another chip, than what is on the bus."""
    recording = write_recording(tmp_path / "a.csv", charge(20))
    for number, value in ((ADDRESS, 0x45), (SENSOR, INA219)):
        settings = tmp_path / f"settings{number}"
        tell(checked_board, settings, (SENSOR, INA226), (number, value))
        said = board_on_bus(checked_board, settings, INA226, recording, last="E,3,1")
        assert said == ["E,3,1"]


def test_settings_survive_a_restart_and_refusals(native_board: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    assert tell(native_board, settings, (ADDRESS, 0x4F), (ADDRESS, 0x50), (8, 0)) == ["V,1,4F,40,4F,8", "X,4", "X,3"]
    listed = tell(native_board, settings, ())
    assert listed[:3] == ["V,0,0,0,2,8", "V,1,4F,40,4F,8", "V,2,186A0,64,989680,8"]
    assert len(listed) == 8
    assert listed[7] == "V,7,64,1,1F4,8"


def test_settings_file_of_another_kind(native_board: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("buy milk\n")
    for path, why in ((tmp_path / "notes", "another length"), (tmp_path, "Is a directory")):
        command = [str(native_board), "--settings", str(path)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr == f"{native_board}: {path}: not a settings file: {why}\n"
    assert (tmp_path / "notes").read_text() == "buy milk\n"


@pytest.mark.parametrize("damage", [0, 1])
def test_settings_file_with_a_torn_page_keeps_the_other(native_board: Path, tmp_path: Path, damage: int) -> None:
    settings = tmp_path / "settings"
    tell(native_board, settings, (ADDRESS, 0x41), (ADDRESS, 0x42))
    data = bytearray(settings.read_bytes())
    data[128 * damage + 12] ^= 0x10
    settings.write_bytes(data)
    assert tell(native_board, settings, ())[1] == f"V,1,4{2 - damage},40,4F,8"


def test_told_by_the_host_program(
    native_board: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    command = ["settings", "--port", "sim", "--firmware", str(native_board), "--file", str(tmp_path / "kept")]
    assert main([*command, "sensor=ina226", "shunt_uohm=10000", "current_gain_ppm=-4200"]) == 0
    assert capsys.readouterr().out.endswith("8 settings, 3 changed\n")
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sensor"] == {"value": "ina226", "lowest": 0, "highest": 2}
    assert (told["shunt_uohm"]["value"], told["current_gain_ppm"]["value"]) == (10_000, -4200)
    assert main([*command, "address=0x41", "address=0x50"]) == 2  # nothing is sent when one is wrong
    assert capsys.readouterr().err == "error: address=0x50: this board takes 0x40 to 0x4f\n"
    assert tell(native_board, tmp_path / "kept", ())[1] == "V,1,40,40,4F,8"
