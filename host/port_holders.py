"""Who has a port open, and why this user may not: what Linux says in /proc and the file system."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a port open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def holders_of(port: str) -> list[Holder]:
    """The processes, other than this one, that have a port open; those of other users are seen by root only."""
    target = os.path.realpath(port)
    found = []
    for folder in _processes():
        if folder.name != str(os.getpid()) and _has_open(folder, target):
            found.append(Holder(int(folder.name), _name(folder)))
    return sorted(found, key=lambda holder: holder.pid)


def running(names: frozenset[str]) -> list[Holder]:
    """The processes with one of these names."""
    found = [Holder(int(folder.name), _name(folder)) for folder in _processes()]
    return [holder for holder in found if holder.name in names]


def why_not_permitted(port: str) -> str | None:
    """What keeps this user from a port, with the cure; None where nothing does."""
    if os.access(port, os.R_OK | os.W_OK):
        return None
    try:
        status = Path(port).stat()
        group = grp.getgrgid(status.st_gid).gr_name
    except (OSError, KeyError):
        return None
    user = pwd.getpwuid(os.getuid()).pw_name
    if not status.st_mode & 0o060:
        return f"only {pwd.getpwuid(status.st_uid).pw_name} may use it; see udev's rules"
    if user in grp.getgrgid(status.st_gid).gr_mem:
        return f"you are in the group {group} since your last login: log in again"
    return f"it belongs to the group {group}: sudo adduser {user} {group}, then log in again"


def _processes() -> list[Path]:
    try:
        return [folder for folder in PROC.iterdir() if folder.name.isdigit()]
    except OSError:
        return []


def _has_open(folder: Path, target: str) -> bool:
    try:
        return any(_target(descriptor) == target for descriptor in (folder / "fd").iterdir())
    except OSError:  # another user's, or gone meanwhile
        return False


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a program"
