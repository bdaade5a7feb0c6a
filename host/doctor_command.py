"""`python -m host doctor`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host.arguments import DEFAULT_ARTIFACT, Subparsers, add_port, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from host.doctor import Ask, Check

EXAMPLE = """\
python -m host doctor
python -m host doctor --port /dev/ttyUSB0 --baud 921600"""


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "find the board and name the cure for what is wrong: port, permission, cable, rate, firmware, model"
    parser = command(sub, "doctor", _run, summary, EXAMPLE)
    add_port(parser, required=False)
    parser.add_argument(
        "--artifact",
        type=Path,
        metavar="DIR",
        default=DEFAULT_ARTIFACT,
        help="what the board's firmware was generated from (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(args: argparse.Namespace) -> int:
    from host.board import SIM
    from host.doctor import State, all_checks
    from host.progress import waiting

    checks = []
    with waiting("asking"):
        for check in all_checks(args.port, args.baud, args.artifact, _asker(args), sim=args.port == SIM):
            checks.append(check)
            if not args.json:
                print(_line(check), flush=True)
    failed = [check for check in checks if check.state is State.FAIL]
    n_warnings = sum(check.state is State.WARN for check in checks)
    if args.json:
        print(json.dumps(_facts(checks, failed), indent=1))
    else:
        print(_verdict(failed, len(checks), n_warnings))
    return failed[0].exit_code if failed else 0


def _asker(args: argparse.Namespace) -> Ask:
    """Asks sim on its virtual board, and any other port on itself."""
    from host.board import SIM, board_link
    from host.discovery import Reply, ask_link, ask_port
    from host.errors import HostError

    def ask(port: str, baud: int, attempts: int) -> Reply:
        if port != SIM:
            return ask_port(port, baud, attempts)
        try:
            with board_link(port, baud, args.firmware) as link:
                return ask_link(link, port, baud, attempts)
        except HostError as error:
            return Reply(port, baud, error=error)

    return ask


def _line(check: Check) -> str:
    cure = f"\n      {check.cure}" if check.cure else ""
    return f"{check.state:5} {check.name}: {check.found}{cure}"


def _facts(checks: Sequence[Check], failed: Sequence[Check]) -> dict[str, Any]:
    shown = [{"name": c.name, "state": str(c.state), "found": c.found, "cure": c.cure} for c in checks]
    return {"verdict": "FAIL" if failed else "PASS", "checks": shown}


def _verdict(failed: Sequence[Check], n_checks: int, n_warnings: int) -> str:
    warnings = f", {n_warnings} warning{'' if n_warnings == 1 else 's'}" if n_warnings else ""
    if not failed:
        return f"PASS  {n_checks} checks{warnings}"
    return f"FAIL  {failed[0].name}: {failed[0].found}{warnings}"
