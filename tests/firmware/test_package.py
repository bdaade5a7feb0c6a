"""Packages for other people's projects: each form's example is compiled against what stands for its SDK, and run."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from codegen.cli import main
from tests.firmware.conftest import FIRMWARE, ROOT, run_pio
from tests.firmware.test_live import play, write_recording

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

HERE = Path(__file__).resolve().parent
FORMS = ("pio", "arduino", "idf", "esphome")
C = ["gcc", "-std=gnu17", "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror", "-O1"]
CHECKED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SIMULATOR = [
    f"-I{FIRMWARE / name}" for name in ("lib/ina_simulator", "lib/core/include", "lib/sensor/include")
]  # the chip is the test's, not the package's

Row = tuple[int, int, int]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every form, with the default model."""
    root = tmp_path_factory.mktemp("packages")
    for form in FORMS:
        assert main(["package", form, str(root / form / "wattprint")]) == 0
    return {form: root / form / "wattprint" for form in FORMS}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The first minutes of a committed charge."""
    with (HERE / "charges" / "a_quarter.csv").open(encoding="utf-8", newline="") as file:
        table = [(int(r["t_ms"]), int(r["voltage_mv"]), int(r["current_ma"])) for r in csv.DictReader(file)]
    return [(1000 * k, voltage_mv, current_ma) for k, (_, voltage_mv, current_ma) in enumerate(table[:400])]


@pytest.fixture(scope="module")
def answers(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, list[int]]]:
    """What the firmware with the default model says of them: device; s at 10, 50 and 90 %, permille, phase."""
    folder = tmp_path_factory.mktemp("firmware")
    assert run_pio("run", "-e", "native", build_dir=folder, WATTPRINT_MODEL_DIR="").returncode == 0
    recording = write_recording(folder / "a.csv", rows)
    said = play(folder / "native" / "program", "--sensor", recording, "--speed", "0", last="E,2,1")
    devices = json.loads((ROOT / "artifacts" / "default" / "manifest.json").read_text(encoding="utf-8"))["devices"]
    answers = []
    for each in (each for each in said if each[0] == "P"):
        _, _, device, permille, least, middle, most, flags, _ = each.split(",")
        known = int(flags, 16) & 9 == 0
        numbers = [int(text, 16) for text in (least, middle, most, permille)]
        answers.append((devices[int(device, 16)] if known else "unknown", [*numbers, int(flags, 16) >> 1 & 3]))
    assert len(answers) >= len(rows)
    return answers[: len(rows)]


def objects(sources: list[Path], folder: Path, *options: str) -> list[str]:
    """C files as object files."""
    folder.mkdir()
    subprocess.run([*C, *CHECKED, *options, "-c", *map(str, sources)], cwd=folder, check=True, timeout=120)
    return [str(path) for path in sorted(folder.glob("*.o"))]


def simulator(folder: Path) -> list[str]:
    """The simulated chip, for an SDK that has one on its bus."""
    return objects(sorted((FIRMWARE / "lib" / "ina_simulator").glob("*.c")), folder, *SIMULATOR)


def test_pio_example_is_a_display(
    packages: dict[str, Path], rows: list[Row], answers: list[tuple[str, list[int]]], tmp_path: Path
) -> None:
    done = run_pio("run", "-d", str(packages["pio"] / "examples" / "display"), build_dir=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    gone = [(rows[-1][0] + 1000 * k, 0, 0) for k in range(1, 5)]
    text = "".join(f"{t_ms} {voltage_mv} {current_ma}\n" for t_ms, voltage_mv, current_ma in [*rows, *gone])
    said = subprocess.run(
        [tmp_path / "native" / "program"], input=text, capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    assert said[0] == f"|{'hello':14}{'':6}|"
    assert said[-1] == f"|{'':20}|"
    for shown, (device, numbers) in zip(said[1 : len(rows) + 1], answers, strict=True):
        assert shown == f"|{device[:14]:14}{f'{numbers[1] // 60}min' if numbers[4] < 3 else 'full':>6}|"
    assert len({line[1:15] for line in said}) > 2  # it has an opinion


@pytest.fixture(scope="module")
def sketch(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Arduino sketch, compiled as Arduino does: C++ behind its header, the library's src as include path."""
    folder = tmp_path_factory.mktemp("sketch")
    library = packages["arduino"]
    parts = objects(sorted((library / "src").rglob("*.c")), folder / "library", f"-I{library / 'src'}")
    command = ["g++", "-std=gnu++17", "-Wall", "-Wextra", "-Werror", *CHECKED]
    command += [f"-I{library / 'src'}", f"-I{HERE / 'arduino'}", "-include", "Arduino.h"]
    ino = ["-x", "c++", str(library / "examples" / "Led" / "Led.ino"), "-x", "none"]
    board = [*SIMULATOR, "-D_Static_assert=static_assert", str(HERE / "arduino" / "board.cpp")]
    parts += simulator(folder / "simulator")
    # The chip and the library have the names of their drivers in common, and no more: the chip's headers come last.
    subprocess.run([*command, *ino, *board, *parts, "-o", str(folder / "sketch")], check=True, timeout=120)
    return folder / "sketch"


def lit(sketch: Path, *events: str) -> list[tuple[int, int]]:
    """When the LED changes, in ms, and to what."""
    done = subprocess.run([sketch, *events], capture_output=True, text=True, timeout=60, check=True)
    return [(int(at), int(level)) for at, level in (line.split() for line in done.stdout.splitlines())]


@pytest.mark.firmware("g++")
def test_arduino_led_is_off_without_a_charge(sketch: Path) -> None:
    assert lit(sketch, "20:end") == [(0, 0)]


@pytest.mark.firmware("g++")
def test_arduino_led_blinks_while_charging_and_goes_out(sketch: Path) -> None:
    changes = lit(sketch, "10:plug", "60:leave", "80:end")
    begin = next(at for at, level in changes if level)
    assert 10_000 <= begin <= 17_000  # three readings, and the beginning of a round
    rounds = [sum(level for at, level in changes if 4000 * k <= at < 4000 * (k + 1)) for k in range(5, 14)]
    assert all(1 <= n <= 6 for n in rounds)
    assert changes[-1][1] == 0
    assert changes[-1][0] <= 65_000


@pytest.mark.firmware("g++")
def test_arduino_led_says_that_the_sensor_is_at_fault(sketch: Path) -> None:
    changes = [at for at, _ in lit(sketch, "10:plug", "30:cut", "35:mend", "50:end")]
    fault = [at for at in changes if 31_500 <= at < 35_000]
    assert len(fault) >= 30  # ten times a second
    assert len([at for at in changes if 40_000 <= at < 44_000]) <= 12
    assert len([at for at in [at for at, _ in lit(sketch, "0:cut", "10:end")] if at > 1000]) >= 80


def test_idf_example(packages: dict[str, Path], tmp_path: Path) -> None:
    component = packages["idf"]
    cmake = (component / "CMakeLists.txt").read_text(encoding="utf-8")
    listed = re.findall(r'"(src/\w+\.c)"', cmake)
    assert sorted(listed) == sorted(f"src/{path.name}" for path in (component / "src").glob("*.c"))
    includes = [f"-I{component / 'include'}", f"-I{component / 'src'}"]
    parts = objects([component / name for name in listed], tmp_path / "component", *includes)
    sdk = [f"-I{HERE / 'esp_idf'}", "-DCONFIG_IDF_TARGET_ESP32=1"]
    sources = [component / "examples" / "led" / "main" / "main.c"]
    parts += objects(sources, tmp_path / "main", f"-I{component / 'include'}", *sdk)
    parts += objects([HERE / "esp_idf" / "sdk.c"], tmp_path / "sdk", *sdk, *SIMULATOR)
    parts += simulator(tmp_path / "simulator")
    subprocess.run(["gcc", *CHECKED, *parts, "-o", str(tmp_path / "program")], check=True, timeout=60)
    world = {"SDK_CHIP": "ina226", "SDK_CURRENT_MA": "2000", "SDK_SECONDS": "60", "SDK_GONE_AFTER_S": "30"}
    said = run_program(tmp_path / "program", **world)
    assert said[0] == "pin 2 is 1"
    assert sum(line.endswith(" min until full") for line in said) in range(28, 34)
    assert said[-2:] == ["pin 2 is 0", "gone"]
    assert run_program(tmp_path / "program", SDK_SECONDS="5") == ["sensor at fault: 1"]


def run_program(program: Path, **world: str) -> list[str]:
    """What a program on the stand-in for ESP-IDF prints."""
    done = subprocess.run([program], env=os.environ | world, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


@pytest.mark.firmware("g++")
def test_esphome_component(
    packages: dict[str, Path], rows: list[Row], answers: list[tuple[str, list[int]]], tmp_path: Path
) -> None:
    component = packages["esphome"] / "components" / "wattprint"
    assert all(path.is_file() for path in component.iterdir())  # ESPHome copies no folders
    parts = objects(sorted(component.glob("*.c")), tmp_path / "component")
    includes = [f"-I{component}", f"-I{HERE / 'esphome'}"]
    command = ["g++", "-std=gnu++20", "-Wall", "-Wextra", "-Werror", *CHECKED, *includes]
    sources = [component / "wattprint_meter.cpp", HERE / "esphome" / "node.cpp"]
    subprocess.run([*command, *map(str, sources), *parts, "-o", str(tmp_path / "node")], check=True, timeout=120)
    text = "".join(f"{t_ms} {voltage_mv / 1000} {current_ma / 1000}\n" for t_ms, voltage_mv, current_ma in rows)
    end = rows[-1][0]
    text += f"{end + 1000} nan 1.0\n{end + 2000} 5.0 2.0\n" + "".join(f"{end + 1000 * k} 0 0\n" for k in range(3, 7))
    done = subprocess.run([tmp_path / "node"], input=text, capture_output=True, text=True, timeout=60, check=True)
    said = [line for line in done.stdout.splitlines() if not line.startswith("W ")]
    nothing = ";nan;nan;nan;nan;0;0"
    for shown, (device, (least, middle, most, permille, phase)) in zip(said[2 : len(rows)], answers[2:], strict=True):
        times = ";".join(f"{seconds / 60:.3f}" for seconds in (middle, least, most))
        assert shown == f"{device};{times};{permille / 10:.1f};{int(phase < 3)};{int(phase == 3)}"
    assert said[:2] == [nothing, nothing]  # a plug takes three readings
    assert said[len(rows)] == nothing  # the sensor says NaN: nothing is known
    assert "W wattprint: the sensor is not to be believed: fault 1" in done.stdout
    assert said[len(rows) + 1] != nothing
    assert said[-1] == nothing


def test_esphome_example_names_what_there_is(packages: dict[str, Path]) -> None:
    folder = packages["esphome"]
    schema = (folder / "components" / "wattprint" / "__init__.py").read_text(encoding="utf-8")
    example = (folder / "example.yaml").read_text(encoding="utf-8").partition("\nwattprint:\n")[2]
    header = (folder / "components" / "wattprint" / "wattprint_meter.h").read_text(encoding="utf-8")
    names = set(re.findall(r"^  (\w+):", example, re.MULTILINE))
    outputs = set(re.findall(r'^    "(\w+)": \(', schema, re.MULTILINE))
    assert names == outputs | {"voltage", "current"}
    assert set(re.findall(r"void set_(\w+)\(", header)) == names


@pytest.mark.firmware("g++")
@pytest.mark.parametrize("form", FORMS)
def test_packages_are_whole_and_the_same_each_time(packages: dict[str, Path], tmp_path: Path, form: str) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    assert main(["package", form, str(tmp_path)]) == 0
    for folder in (tmp_path, packages[form]):
        assert all(b"\r" not in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    first = {path.relative_to(packages[form]): path for path in packages[form].rglob("*") if path.is_file()}
    for name, path in first.items():
        assert (tmp_path / name).read_bytes() == path.read_bytes(), name
    assert (tmp_path / "mine.txt").read_text() == "kept"
    headers = [path for path in first.values() if path.suffix == ".h" and path.name == "wattprint.h"]
    assert len(headers) == 1
    for standard in (["gcc", "-std=c11", "-x", "c"], ["g++", "-std=c++11", "-x", "c++"]):
        command = [*standard, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", str(headers[0])]
        subprocess.run(command, check=True)


def test_no_file_takes_the_place_of_another(packages: dict[str, Path]) -> None:
    """Of the core, and of the runtimes that any model may bring."""
    runtimes = {path.name for path in (ROOT / "codegen" / "runtime").iterdir()}
    brought = {path.name for path in packages["pio"].rglob("*.[ch]")} & runtimes  # by the default model
    core = {path.name for part in ("core", "sensor") for path in (FIRMWARE / "lib" / part).rglob("*.[ch]")}
    component = [path.name for path in (packages["esphome"] / "components" / "wattprint").iterdir()]
    assert {name for name in component if name in runtimes} == brought
    assert sum(name.startswith("wp_core_") for name in component) + len(
        {name for name in component if name.endswith("_private.h") or name == "fixed_point.h"}
    ) >= len(core)


def test_bad_arguments_are_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["package", "pio", str(tmp_path / "file" / "out")]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/file/out")
    assert main(["package", "pio", str(tmp_path / "out"), "--artifact", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert main(["package", "pio", str(tmp_path / "out"), "--emit", "tiny"]) == 2
    assert "tiny" in capsys.readouterr().err
