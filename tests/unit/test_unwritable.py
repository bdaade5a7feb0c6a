"""A place that cannot be written is the user's to mend: one line that names it, and nothing half-written."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from host.errors import HostError
from host.report.write import write_whole
from tests.golden.test_forest_golden import artifact
from train.errors import ArtifactError, TrainError
from train.report import build

Write = Callable[[Path], object]


def _write_report(folder: Path) -> None:
    build._write(folder / "report.html", "x" * 5000)


def _write_verification(folder: Path) -> None:
    write_whole(folder / "verify.json", b"x" * 5000, "--out")


WRITERS: list[tuple[Write, type[Exception]]] = [
    (lambda folder: artifact(folder / "model"), ArtifactError),
    (_write_report, TrainError),
    (_write_verification, HostError),
]


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 100 bytes: the error a full disk gives, at the same calls."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("write", "error"), WRITERS, ids=["artifact", "report", "verification"])
def test_a_full_disk(tmp_path: Path, write: Write, error: type[Exception]) -> None:
    with full_disk(), pytest.raises(error, match=re.escape(str(tmp_path)) + ".*: cannot be written: "):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("write", "error"), WRITERS, ids=["artifact", "report", "verification"])
def test_a_file_where_a_folder_should_be(tmp_path: Path, write: Write, error: type[Exception]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(error, match=": cannot be written: "):
        write(tmp_path / "file")
