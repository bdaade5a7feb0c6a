"""Rings of tests: what each needs, and a word at the end about those this machine cannot run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _missing_programs(*names: str) -> list[str]:
    return [name for name in names if shutil.which(name) is None]


def _picolibc_missing() -> list[str]:
    """The cross compiler without its C library compiles nothing that includes a header."""
    command = ["riscv64-unknown-elf-gcc", "--specs=picolibc.specs", "-E", "-x", "c", os.devnull]
    found = subprocess.run(command, capture_output=True, check=False).returncode == 0
    return [] if found else ["picolibc-riscv64-unknown-elf"]


def _folder_missing(variable: str, words: str, inside: str) -> list[str]:
    folder = os.environ.get(variable)
    if not folder:
        return [f"{variable} ({words})"]
    return [] if (Path(folder) / inside).is_dir() else [f"{folder}/{inside}"]


@cache
def missing_for(ring: str) -> list[str]:
    """What this machine lacks for a ring of tests; empty when it can run."""
    if ring == "parity":
        return _missing_programs("gcc", "clang")
    if ring == "firmware":
        return _missing_programs("gcc")
    if ring == "qemu":
        return _missing_programs("riscv64-unknown-elf-gcc", "qemu-system-riscv32") or _picolibc_missing()
    if ring == "prove":
        return _missing_programs("frama-c", "gcc")
    if ring == "browser":
        return [] if any(map(shutil.which, BROWSERS)) else [BROWSERS[0]]
    if ring == "broker":
        return _missing_programs("openssl", "mosquitto_passwd")
    if ring == "scale":
        return [] if find_spec("distributed") else ["Dask (make scale)"]
    if ring == "network":
        lacks = [name for name in ("tensorflow", "tf_keras", "tflite_micro") if find_spec(name) is None]
        return [f"{', '.join(lacks)} (make network)"] if lacks else []
    if ring == "tflm":
        return [] if find_spec("tflite_micro") else ["the wheel tflite-micro (Linux x86-64, Python 3.11 only)"]
    if ring == "teacher":
        found = list(ROOT.glob(".venv/teacher/lib/*/site-packages/deepspeed"))
        return [] if found else ["PyTorch and DeepSpeed (make teacher)"]
    if ring == "bench":
        return _folder_missing("WATTPRINT_BENCH", "a folder of models and rows", "forests")
    return _folder_missing("WATTPRINT_RECORDINGS", "a folder of recordings", "nasa_liion")


BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")  # as in tests/browser.py
RINGS = (
    "parity", "firmware", "prove", "qemu", "tflm", "network", "browser", "broker",
    "scale", "teacher", "recordings", "bench",
)  # fmt: skip


def required_rings() -> set[str]:
    """Rings that may not be skipped, from WATTPRINT_REQUIRE."""
    required = set(os.environ.get("WATTPRINT_REQUIRE", "").replace(",", " ").split())
    if unknown := required - set(RINGS):
        raise pytest.UsageError(f"WATTPRINT_REQUIRE names {sorted(unknown)}; rings are {', '.join(RINGS)}")
    return required


def pytest_configure() -> None:
    required_rings()  # a misspelt ring is told before the first test
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # As a shell's job in the background: the programs that tests interrupt would inherit it and hear nothing.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files; review the difference")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose ring cannot run here; fail it where WATTPRINT_REQUIRE names that ring.

    A mark may name programs that its test needs besides its ring's: `@pytest.mark.firmware("cppcheck")`.
    """
    lacks = {}
    for ring in RINGS:
        marks = list(item.iter_markers(ring))
        programs = [program for mark in marks for program in mark.args]
        if marks and (missing := missing_for(ring) + _missing_programs(*programs)):
            lacks[ring] = missing
    reason = "; ".join(f"ring {ring} needs {', '.join(missing)}" for ring, missing in lacks.items())
    if required_rings() & lacks.keys():
        pytest.fail(f"required by WATTPRINT_REQUIRE, but {reason}", pytrace=False)
    if reason:
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for ring in RINGS:
        if lacks := missing_for(ring):
            terminalreporter.write_line(f"ring {ring} skipped: needs {', '.join(lacks)} (CONTRIBUTING.md)")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recordings; only for tests marked `recordings`."""
    return Path(os.environ["WATTPRINT_RECORDINGS"])
