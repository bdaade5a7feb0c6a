"""Every check fails when what it is about is wrong, and the exit code follows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from host.cli import _parser
from host.inject_storm import Storm
from host.soak import Memory, Soak
from host.verify_budget import Budget
from host.verify_checks import checks, exit_code
from host.verify_report import HostC, Report
from host.verify_run import verify
from tests.unit.host.conftest import Bench

SOAK = Soak(1000, 5, 0, 0, 1.0, Memory((0, 900), (10, 10), 0.0, 0.0), None)


@pytest.fixture
def report(bench: Bench) -> Report:
    """Of a run in which all was well."""
    arguments = [*bench.arguments(skip="host-c"), "--inject", "flip,reset=1", "--inject-rate", "0.05"]
    args = _parser().parse_args(arguments)
    args.on_log = print
    return verify(args, "command", "command")[0]


def changed(value: Any, **values: Any) -> Any:
    """`a__b=1` changes b of a."""
    for path, new in values.items():
        name, _, rest = path.partition("__")
        value = dataclasses.replace(value, **{name: changed(getattr(value, name), **{rest: new}) if rest else new})
    return value


Change = Callable[[Report], Report]


FAILS: list[tuple[Change, str, int]] = [
    (lambda report: changed(report, mismatches=1), "board", 1),
    (lambda report: changed(report, host_c=HostC(mismatches=1)), "codegen", 1),
    (lambda report: changed(report, host_c=HostC(board_mismatches=1)), "platform", 1),
    (lambda report: changed(report, determinism__again_differ=2), "repeatable", 1),
    (lambda report: changed(report, determinism__reset_differ=2), "reset", 1),
    (lambda report: changed(report, timing__period_s=1e-6), "time", 8),
    (lambda report: changed(report, stream_seconds=1e6), "line", 5),
    (lambda report: changed(report, budgets=(Budget("flash", 10, 11),)), "budget", 8),
    (lambda report: changed(report, budgets=(Budget("instructions", 10, None, asked=True),)), "budget", 8),
    (lambda report: changed(report, injected__wrong=1), "damage", 1),
    (lambda report: changed(report, injected__differ=1), "damage", 1),
    (lambda report: changed(report, injected__damage__accepted=1), "damage", 1),
    (lambda report: changed(report, storm=Storm(to_board=9, to_board_accepted=1)), "storm", 1),
    (lambda report: changed(report, storm=Storm(to_board=9, from_board_accepted=1)), "storm", 1),
    (lambda report: changed(report, storm=Storm(to_board=9, mismatches=1)), "storm", 1),
    (lambda report: changed(report, soak=changed(SOAK, lost=1)), "soak", 1),
    (lambda report: changed(report, soak=changed(SOAK, mismatches=1)), "soak", 1),
    (lambda report: changed(report, soak=changed(SOAK, host__grown_bytes=2e6)), "memory", 1),
    (lambda report: changed(report, soak=changed(SOAK, threads_left=("straggler",))), "threads", 1),
]
SKIPPED: list[tuple[Change, str]] = [
    (lambda report: report, "codegen"),  # C-on-host was left out
    (lambda report: changed(report, determinism__reset_differ=None), "reset"),
    (lambda report: changed(report, budgets=(Budget("flash", 10, None),)), "budget"),
    (lambda report: changed(report, injected__link__resets=0), "damage"),
    (lambda report: changed(report, soak=changed(SOAK, host=None)), "memory"),
]


def test_each_check_fails_alone(report: Report) -> None:
    assert exit_code(checks(report)) == 0
    for number, (change, group, code) in enumerate(FAILS):
        found = checks(change(report))
        assert [check.group for check in found if check.verdict == "FAIL"] == [group], number
        assert exit_code(found) == code, number


def test_what_could_not_be_looked_at_is_no_pass(report: Report) -> None:
    for number, (change, group) in enumerate(SKIPPED):
        found = checks(change(report))
        assert "SKIPPED" in {check.verdict for check in found if check.group == group}, number
        assert exit_code(found) == 0, number


def test_the_gravest_failure_is_the_exit_code(report: Report) -> None:
    slow = changed(report, stream_seconds=1e6, timing__period_s=1e-6)
    assert exit_code(checks(slow)) == 5
    assert exit_code(checks(changed(slow, mismatches=3))) == 1
