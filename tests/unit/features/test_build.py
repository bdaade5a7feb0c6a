"""The core's library: built once, built again when anything in it changes, safe to build twice at a time."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.errors import BuildError
from train.features.core import BINDING, CORE, ROOT, build_core, feature_names, features_version


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the library is made from."""
    shutil.copytree(ROOT / CORE, tmp_path / CORE)
    (tmp_path / BINDING).mkdir(parents=True)
    for name in ("binding.c", "binding.h"):
        shutil.copy(ROOT / BINDING / name, tmp_path / BINDING / name)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="ascii")
    assert old in text
    path.write_text(text.replace(old, new), encoding="ascii")


def test_an_unchanged_core_is_compiled_once(checkout: Path) -> None:
    first = build_core(checkout)
    written = first.stat().st_mtime_ns
    assert build_core(checkout) == first
    assert first.stat().st_mtime_ns == written
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_a_changed_constant_is_picked_up(checkout: Path) -> None:
    before = ctypes.CDLL(str(build_core(checkout)))
    edit(checkout / CORE / "include/wp/features.h", "WP_FEATURES_VERSION 2", "WP_FEATURES_VERSION 99")
    after = ctypes.CDLL(str(build_core(checkout)))
    assert before.wp_binding_features_version() == 2
    assert after.wp_binding_features_version() == 99


def test_two_processes_build_at_the_same_time(checkout: Path) -> None:
    code = (
        "import ctypes, sys; from pathlib import Path; from train.features.core import build_core\n"
        "print(ctypes.CDLL(str(build_core(Path(sys.argv[1])))).wp_binding_features_version())"
    )
    command = [sys.executable, "-c", code, str(checkout)]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0] for process in processes] == [f"{features_version()}\n"] * 3


def test_no_compiler(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(BuildError, match="'no-such-compiler' not found: install gcc or clang") as caught:
        build_core(checkout)
    assert caught.value.exit_code == 6


def test_a_core_that_does_not_compile(checkout: Path) -> None:
    edit(checkout / CORE / "src/crc32.c", "crc = ~crc;", "crc = ~crcc;")
    with pytest.raises(BuildError, match=r"does not compile .*crcc") as caught:
        build_core(checkout)
    assert "\n" not in str(caught.value)
    assert not list((checkout / "build").rglob("*.so"))


def test_missing_sources(checkout: Path) -> None:
    (checkout / CORE / "src/model.c").unlink()
    with pytest.raises(BuildError, match=r"model\.c: source of the C core not found"):
        build_core(checkout)


def test_names_come_from_the_header() -> None:
    names = feature_names()
    assert len(names) == len(set(names)) == 40
    assert names[:3] == ("elapsed_s", "voltage_mv", "current_ma")
    assert names[-1] == "current_at_15s_ma"


@given(data=st.binary(max_size=300), cut=st.integers(0, 300))
def test_crc32_is_zlibs(data: bytes, cut: int) -> None:
    crc32 = ctypes.CDLL(str(build_core())).wp_crc32
    crc32.restype = ctypes.c_uint32
    crc32.argtypes = [ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t]
    head, tail = data[:cut], data[cut:]
    assert crc32(0, data, len(data)) == zlib.crc32(data)
    assert crc32(crc32(0, head, len(head)), tail, len(tail)) == zlib.crc32(data)
