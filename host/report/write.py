"""Where a report goes: to the terminal, to report.html, report.json and junit.xml in a folder, to a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from host.errors import HostError
from host.report.junit import junit
from host.report.terminal import print_report
from host.verify_checks import FAIL, PASS, Check, checks, exit_code
from host.verify_report import Report, to_json
from host.verify_run import Evidence


def show(report: Report, evidence: Evidence, *, folder: Path | None, out: Path | None, as_json: bool) -> int:
    """Write and print all that is asked for; returns the exit code."""
    found = checks(report)
    code = exit_code(found)
    document = to_json(report, FAIL if code else PASS, [_check(check) for check in found])
    text = json.dumps(document, indent=1) + "\n"
    if out is not None:
        write_whole(out, text.encode("utf-8"), "--out")
    if folder is not None:
        from host.report.html import render

        write_whole(folder / "report.json", text.encode("utf-8"), "--report")
        write_whole(folder / "junit.xml", junit(report, found), "--report")
        write_whole(folder / "report.html", render(report, evidence, found).encode("utf-8"), "--report")
    if as_json:
        print(text, end="")
    else:
        print_report(report, found, out if folder is None else folder / "report.html")
    return code


def must_be_writable(folder: Path | None, out: Path | None) -> None:
    """Make the folders that reports go to, and a file in each for a moment; raises HostError before a long run."""
    for option, parent in (("--report", folder), ("--out", None if out is None else out.parent)):
        if parent is None:
            continue
        try:
            parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=parent, prefix=".wattprint-"):
                pass
        except OSError as error:
            named = parent if option == "--report" else out
            raise HostError(f"{option} {named}: cannot be written: {error.strerror}; name another place") from None
    if out is not None and out.is_dir():
        raise HostError(f"--out {out}: is a folder; name a file in it")


def write_whole(path: Path, data: bytes, option: str) -> None:
    """Write under a temporary name, then rename: a half-written file is never seen. Raises HostError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise HostError(f"{option} {path}: cannot be written: {error.strerror}; name another place") from None


def _check(check: Check) -> dict[str, Any]:
    return {"group": check.group, "title": check.title, "verdict": check.verdict, "text": check.text}
