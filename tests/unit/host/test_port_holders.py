"""Who has a port, who may not use it, and programs that take ports away."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from host import doctor, port_holders
from host.discovery import Reply
from host.doctor import State, port_checks
from host.port_holders import Holder, running, why_not_permitted


def test_who_may_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    assert why_not_permitted(str(port)) is None
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(port.stat().st_gid).gr_name
    port.chmod(0o660)
    assert why_not_permitted(str(port)) == (
        f"it belongs to the group {group}: sudo adduser {user} {group}, then log in again"
    )
    (check,) = port_checks(str(port), 115_200, None, lambda port, baud, _attempts: Reply(port, baud), serial=True)
    assert (check.state, check.exit_code) == (State.FAIL, 3)
    member = grp.struct_group((group, "x", port.stat().st_gid, [user]))
    monkeypatch.setattr(grp, "getgrgid", lambda _gid: member)
    assert why_not_permitted(str(port)) == f"you are in the group {group} since your last login: log in again"
    port.chmod(0o600)
    assert "only" in (why_not_permitted(str(port)) or "")


def test_programs_that_take_ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for pid, name in (("12", "ModemManager"), ("34", "bash"), ("self", "ModemManager")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "comm").write_text(f"{name}\n", encoding="ascii")
    monkeypatch.setattr(port_holders, "PROC", tmp_path)
    assert running(frozenset({"ModemManager", "brltty"})) == [Holder(12, "ModemManager")]
    (check,) = doctor.interference_checks()
    assert check.state is State.WARN
    assert "ModemManager (pid 12) is running" in check.found
    assert "systemctl disable" in check.cure
    monkeypatch.setattr(port_holders, "PROC", tmp_path / "none")
    assert list(doctor.interference_checks()) == []
