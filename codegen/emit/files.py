"""Templates and the files they become: the same bytes each time, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codegen.errors import CodegenError

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill one template of codegen/templates; an unset name in it is a bug and raises."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 -- C, not HTML
    )
    return environment.get_template(template).render(**values)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write text files (ASCII, LF) into a folder, which is made if need be.

    All are written under temporary names before the first is renamed; one whose bytes are already there is not
    touched, so that nothing is compiled again. Raises CodegenError when the folder cannot be written.
    """
    changed = {folder / name: text.encode("ascii") for name, text in files.items()}
    temporary: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        changed = {path: data for path, data in changed.items() if not _holds(path, data)}
        for path, data in changed.items():
            temporary[path] = _write_temporary(path, data)
        for path, written in temporary.items():
            written.replace(path)
    except OSError as error:
        raise CodegenError(f"{folder}: cannot be written: {error.strerror}; name another folder") from None
    finally:
        for written in temporary.values():
            written.unlink(missing_ok=True)


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def _write_temporary(path: Path, data: bytes) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).chmod(0o644)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
