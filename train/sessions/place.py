"""Where data lie: a path of this machine, or the URL of an object store (any file system of fsspec)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast


def place(text: str) -> Path:
    """A path, or for a URL (`s3://bucket/fleet`, `memory://fleet`) what behaves as one; for argparse's `type`.

    Raises ArgumentTypeError for a protocol that fsspec does not know or whose package is not installed.
    """
    if "://" not in text:
        return Path(text)
    from upath import UPath

    try:
        found = UPath(text)
        found.fs  # noqa: B018  # opens the file system: a missing package is told here, not in the middle of a run
    except (ImportError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None
    return cast(Path, found)


def is_url(path: Path) -> bool:
    """Whether it is reached through fsspec: nothing can be renamed there, and a file appears when it is closed."""
    return not isinstance(path, Path)


def remove_folder(path: Path) -> None:
    """Remove a folder and all in it, wherever it lies; nothing if it is not there."""
    if not is_url(path):
        import shutil

        shutil.rmtree(path, ignore_errors=True)
        return
    file_system = path.fs  # type: ignore[attr-defined]  # a UPath
    if file_system.exists(path.path):  # type: ignore[attr-defined]
        file_system.rm(path.path, recursive=True)  # type: ignore[attr-defined]
