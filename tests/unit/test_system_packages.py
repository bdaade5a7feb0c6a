"""Someone who is not root is told what a missing program costs and how to get it; nothing fails."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "system_packages.sh"
PROGRAMS = (
    "cc",
    "g++",
    "clang",
    "cppcheck",
    "clang-tidy",
    "frama-c",
    "riscv64-unknown-elf-gcc",
    "qemu-system-riscv32",
    "arm-none-eabi-gcc",
    "qemu-system-arm",
    "clang-22",
    "llvm-mc-22",
    "xtensa-lx106-elf-ld",
    "qemu-system-xtensa",
    "chromium-headless-shell",
    "mosquitto_passwd",
)


def run(
    tmp_path: Path, present: tuple[str, ...], uid: str, apt_exit: int = 1, dpkg_exit: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the script where only `present`, `id` printing `uid` and an `apt-get` noting its arguments exist."""
    folder = tmp_path / "bin"
    folder.mkdir()
    scripts = dict.fromkeys(present, "exit 0")
    scripts |= {
        "id": f"echo {uid}",
        "apt-get": f'echo "$@" >> {tmp_path}/apt; exit {apt_exit}',
        "dpkg": f"exit {dpkg_exit}",
    }
    for name, body in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    return subprocess.run([bash, SCRIPT], env={"PATH": str(folder)}, capture_output=True, text=True, check=False)


def test_all_there_is_silent(tmp_path: Path) -> None:
    done = run(tmp_path, PROGRAMS, "1000")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_not_root_is_told(tmp_path: Path, program: str) -> None:
    done = run(tmp_path, tuple(name for name in PROGRAMS if name != program), "1000")
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"missing: {program}; without it: ")
    assert "apt-get install" in lines[0]
    assert not (tmp_path / "apt").exists()


def test_root_installs_only_what_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, tuple(name for name in PROGRAMS if name != "cppcheck"), "0", apt_exit=0)
    assert done.returncode == 0
    calls = (tmp_path / "apt").read_text().splitlines()
    assert calls[-1].split()[-1] == "cppcheck"
    assert "clang" not in calls[-1].split()


def test_fuzzing_comes_with_the_compiler_on_a_new_machine(tmp_path: Path) -> None:
    run(tmp_path, (), "0", apt_exit=0, dpkg_exit=1)
    installed = (tmp_path / "apt").read_text().splitlines()[-1].split()
    assert {"clang", "libclang-rt-dev", "picolibc-riscv64-unknown-elf"} <= set(installed)


def test_a_package_this_release_lacks_does_not_cost_the_others(tmp_path: Path) -> None:
    done = run(tmp_path, tuple(name for name in PROGRAMS if name not in ("cppcheck", "mosquitto_passwd")), "0")
    assert done.returncode == 0
    installed = [call.split()[-1] for call in (tmp_path / "apt").read_text().splitlines() if call.startswith("install")]
    assert {"cppcheck", "mosquitto"} <= set(installed)


def test_root_offline_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, (), "0", apt_exit=100)
    assert done.returncode == 0
    assert "offline?" in done.stderr
    assert done.stderr.count("missing: ") == len(PROGRAMS)
