"""PlatformIO with this project's set-up: builds, tests and checks without its registry, and says no when it should."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.firmware.boards import BOARDS, Board, on_boards
from tests.firmware.conftest import FIXTURE_MODEL, FLAGS, INCLUDES, LIBRARIES, NATIVE, ROOT, compile_c, run_pio, sources
from tests.firmware.test_native import converse
from tests.firmware.wire import line, replay

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

C_TESTS = (
    "test_link",
    "test_board",
    "test_sequence",
    "test_live",
    "test_sensor",
    "test_live_board",
    "test_board_settings",
    "test_settings",
    "test_ina",
    "test_weeks",
    "test_answer",
    "test_estimate",
    "test_network",
    "test_meter",
    "test_advice",
    "test_health",
)


def test_c_tests_pass_natively(tmp_path: Path) -> None:
    """And leave the board's own program alone, which the host tool starts."""
    assert run_pio("run", "-e", "native", build_dir=tmp_path / "build").returncode == 0
    board = (tmp_path / "build" / "native" / "program").read_bytes()
    done = run_pio("test", "-e", "native", build_dir=tmp_path / "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "build" / "native" / "program").read_bytes() == board
    for name in C_TESTS:
        assert f"native:{name} [PASSED]" in done.stdout


@pytest.mark.parametrize("board", on_boards())
def test_c_tests_pass_on_a_board(tmp_path: Path, board: Board) -> None:
    done = run_pio("test", "-e", board.env, build_dir=tmp_path / "build")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in (*C_TESTS, "test_port"):
        assert f"{board.env}:{name} [PASSED]" in done.stdout


@pytest.mark.parametrize("board", on_boards())
def test_a_failing_c_test_fails_on_a_board(tmp_path: Path, board: Board) -> None:
    """And one that crashes: a trap is no pass."""
    for name, statement in (("wrong", "CHECK_EQUAL(1, 2);"), ("crash", "__builtin_trap();")):
        folder = tmp_path / "test" / f"test_{name}"
        folder.mkdir(parents=True)
        body = f"static void test_it(void) {{ {statement} }}\n"
        main = "int main(void) { check_begin(); RUN(test_it); return check_end(); }\n"
        (folder / "main.c").write_text(f'#include "check.h"\n{body}{main}')
    for name in ("check.c", "check.h", "fixtures", "test_custom_runner.py"):
        (tmp_path / "test" / name).symlink_to(ROOT / "firmware" / "test" / name)
    variables = {"PLATFORMIO_TEST_DIR": str(tmp_path / "test")}
    done = run_pio("test", "-e", board.env, build_dir=tmp_path / "build", **variables)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    rows = [row.split() for row in said.splitlines() if row.startswith(f"{board.env} ")]
    assert {row[1]: row[2] for row in rows} == {"test_wrong": "FAILED", "test_crash": "ERRORED"}, said


@pytest.mark.qemu
def test_the_port_to_copy_works(tmp_path: Path) -> None:
    done = run_pio("test", "-e", "template", "-f", "test_live_board", build_dir=tmp_path / "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "template:test_live_board [PASSED]" in done.stdout


def test_a_board_that_leaves_something_out_does_not_link(tmp_path: Path) -> None:
    """No function of port.h has a default: without a port, each of them is missing."""
    header = (ROOT / "firmware" / "ports" / "port.h").read_text(encoding="utf-8")
    declared = set(re.findall(r"^\w[\w ]* \*?(port_\w+)[(;]", header, re.MULTILINE))
    parts = sources("src", *LIBRARIES, "test/fixtures/model")
    command = ["gcc", *FLAGS, *INCLUDES, *parts, "-o", str(tmp_path / "program")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert set(re.findall(r"undefined reference to `(\w+)'", done.stderr)) == declared
    assert {"port_i2c_transfer", "port_flash_write", "port_watchdog_kick", "port_ticks_per_s"} < declared


ENVIRONMENTS = ("native", *(board.env for board in BOARDS))


@pytest.mark.firmware("cppcheck")
@pytest.mark.qemu(*(program for board in BOARDS for program in board.programs))
def test_cppcheck_finds_nothing(tmp_path: Path) -> None:
    named = [argument for name in ENVIRONMENTS for argument in ("-e", name)]
    done = run_pio("check", *named, "--fail-on-defect=low", build_dir=tmp_path / "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("No defects found") == len(ENVIRONMENTS)


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_each_port_is_what_is_checked(env: str) -> None:
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "platformio.ini")

    def setting(section: str, name: str) -> str:
        while not settings.has_option(section, name):
            section = settings.get(section, "extends", fallback="env")
        return settings.get(section, name)

    port = setting(f"env:{env}", "custom_port").split()[0]
    assert (ROOT / "firmware" / "ports" / port / "port.c").is_file()
    assert f"+<firmware/ports/{port}/>" in setting(f"env:{env}", "check_src_filters")


def test_cppcheck_installed_later_is_found(tmp_path: Path) -> None:
    """And one that is removed is forgotten: PlatformIO would look for it in its registry."""
    (tmp_path / "bin").mkdir()
    core, checker = tmp_path / "core", tmp_path / "bin" / "cppcheck"

    def wrapped() -> bool:
        variables = {"WATTPRINT_PLATFORMIO_CORE": str(core), "PATH": str(checker.parent)}
        done = run_pio("--version", build_dir=tmp_path / "build", **variables)
        assert done.returncode == 0, done.stderr
        wrapper = core / "packages" / "tool-cppcheck" / "cppcheck"
        return wrapper.is_file() and str(checker) in wrapper.read_text(encoding="utf-8")

    assert not wrapped()
    checker.symlink_to("/bin/true")
    assert wrapped()
    checker.unlink()
    assert not wrapped()


def test_two_cold_starts_at_once(tmp_path: Path) -> None:
    """Both builds into one folder, with an empty core folder, and neither waits for a server."""
    core = str(tmp_path / "core")

    def run(_: int) -> subprocess.CompletedProcess[str]:
        return run_pio("run", "-e", "native", build_dir=tmp_path / "build", WATTPRINT_PLATFORMIO_CORE=core)

    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(run, range(2)):
            assert done.returncode == 0, done.stdout + done.stderr
    assert converse(tmp_path / "build" / "native" / "program") != []


@pytest.mark.parametrize("relative", [True, False])
def test_model_folder_may_be_relative(tmp_path: Path, relative: bool) -> None:
    if relative:
        folder = str(FIXTURE_MODEL.relative_to(ROOT))
    else:
        folder = str(shutil.copytree(FIXTURE_MODEL, tmp_path / "model"))
        model = Path(folder) / "model.c"
        model.write_text(model.read_text().replace("0xEF}", "0xEE}"))
    done = run_pio("run", "-e", "native", build_dir=tmp_path / "build", WATTPRINT_MODEL_DIR=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    hello = converse(tmp_path / "build" / "native" / "program")
    assert hello == [f"H,01234567,89ABCD{'EF' if relative else 'EE'},1,100,0,2"]


def test_no_model_is_said_in_one_line(tmp_path: Path) -> None:
    done = run_pio("run", "-e", "native", build_dir=tmp_path / "build", WATTPRINT_MODEL_DIR=str(tmp_path / "nothing"))
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == (
        f"wattprint: {tmp_path}/nothing has no model.c: generate a model with: python -m codegen build"
    )
    assert "Traceback" not in done.stdout + done.stderr


def test_default_is_the_committed_model(tmp_path: Path) -> None:
    """The model of artifacts/default, generated into firmware/lib/model; without it, the words to get one."""
    done = run_pio("run", "-e", "native", build_dir=tmp_path / "build", WATTPRINT_MODEL_DIR="")
    if not (ROOT / "firmware" / "lib" / "model" / "model.c").is_file():
        assert "firmware/lib/model has no model.c: generate a model with: python -m codegen build" in done.stderr
        return
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = json.loads((ROOT / "artifacts" / "default" / "manifest.json").read_text(encoding="utf-8"))
    digits = manifest["hash"].removeprefix("sha256:")[:16].upper()
    (hello,) = converse(tmp_path / "build" / "native" / "program")
    assert hello == f"H,{digits[:8]},{digits[8:]},1,100,0,{len(manifest['devices']):X}"


@pytest.mark.qemu
def test_another_checkout_builds_its_own_platform(tmp_path: Path) -> None:
    """With the same Python: PlatformIO remembers where a platform is that is a folder of the project."""
    copy = tmp_path / "copy"
    for name in ("firmware", "tools"):
        shutil.copytree(ROOT / name, copy / name)
    shutil.copy(ROOT / "platformio.ini", copy)
    script = copy / "firmware" / "platform" / "qemu" / "builder" / "main.py"
    script.write_text('import sys\nsys.exit("the copy\'s own platform")\n')
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, str(copy / "tools" / "pio.py"), "run", "-e", "qemu_riscv32"]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "the copy's own platform" in done.stdout + done.stderr


def test_core_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_pio("--version", build_dir=tmp_path / "build", WATTPRINT_PLATFORMIO_CORE=str(tmp_path / "file" / "core"))
    assert done.returncode == 2
    assert done.stderr == f"pio: cannot write {tmp_path}/file/core: name a folder in WATTPRINT_PLATFORMIO_CORE\n"


def test_model_for_another_core_does_not_start(tmp_path: Path) -> None:
    folder = shutil.copytree(FIXTURE_MODEL, tmp_path / "model")
    model = folder / "model.c"
    model.write_text(model.read_text().replace(".abi = WP_MODEL_ABI", ".abi = WP_MODEL_ABI + 1"))
    program = tmp_path / "program"
    compile_c(program, f"-I{folder}", *sources(*NATIVE), str(model))
    done = subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 4
    assert done.stdout == b"the model was generated for another core: python -m codegen build\n"


PROGRAMS = {
    "silent": ("", False),
    "no summary": ('puts("a.c:1:test_a:PASS");', False),
    "too many": ('puts("a.c:1:test_a:PASS"); puts("2 Tests 0 Failures 0 Ignored");', False),
    "no tests": ('puts("0 Tests 0 Failures 0 Ignored");', False),
    "hidden failure": ('puts("a.c:1:test_a:PASS"); puts("1 Tests 1 Failures 0 Ignored");', False),
    "failure": ('puts("a.c:1:test_a:FAIL: expected 1 got 2"); puts("1 Tests 1 Failures 0 Ignored");', False),
    "crash": ('puts("a.c:1:test_a:PASS"); puts("1 Tests 0 Failures 0 Ignored"); fflush(stdout); abort();', False),
    "good": ('puts("a.c:1:test_a:PASS"); puts("1 Tests 0 Failures 0 Ignored");', True),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What PlatformIO says of test programs that misbehave, through this project's reader of results."""
    project = tmp_path_factory.mktemp("project")
    (project / "src").mkdir()
    (project / "platformio.ini").write_text("[env:native]\nplatform = native\ntest_framework = custom\n")
    for name, (statements, _) in PROGRAMS.items():
        folder = project / "test" / f"test_{name.replace(' ', '_')}"
        folder.mkdir(parents=True)
        code = f"#include <stdio.h>\n#include <stdlib.h>\nint main(void) {{ {statements} return 0; }}\n"
        (folder / "main.c").write_text(code)
    shutil.copy(ROOT / "firmware" / "test" / "test_custom_runner.py", project / "test")
    done = run_pio("test", "-d", str(project), build_dir=project / "build")
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_runner_believes_results_only(verdicts: str, name: str) -> None:
    rows = [row.split() for row in verdicts.splitlines() if row.startswith("native ")]
    verdict = {row[1]: row[2] for row in rows}[f"test_{name.replace(' ', '_')}"]
    assert (verdict == "PASSED") is PROGRAMS[name][1]
    assert verdict in ("PASSED", "FAILED", "ERRORED")


@pytest.mark.parity
def test_clang_and_gcc_agree(tmp_path: Path, native_board: Path) -> None:
    program = tmp_path / "program"
    parts = sources(*NATIVE, "test/fixtures/model")
    compile_c(program, "-O2", *parts, compiler="clang")
    lines = [line("R", 0), *replay(300)]
    assert converse(program, *lines) == converse(native_board, *lines)


def test_scripts_explain_themselves() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "provision_pio.py"), "--help"], capture_output=True, text=True, check=True
    )
    assert "tool-scons" in done.stdout
