"""`codegen compare`: which network is the best, and what is said of it beside the forest."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.cli import main
from codegen.compare import Candidate, best_network, table, verdict


def candidate(name: str, right: float | None = 0.95, minutes: float = 15.0, **changes: Any) -> Candidate:
    keys = ("5s", "10s", "30s", "60s", "300s")
    values: dict[str, Any] = {
        "name": name,
        "style": "aot",
        "quality": {
            "accuracy": {} if right is None else dict.fromkeys(keys, right),
            "mae_minutes": {"60s": 2 * minutes, "overall": minutes},
            "coverage": {"60s": 0.8, "overall": 0.79},
        },
        "unknown_rate": {"60s": 0.05, "overall": 0.06},
        "flash_bytes": 10_000,
        "ram_and_stack_bytes": 900,
        "instructions_mean": 15_000.0,
        "instructions_max": 16_000,
        "over": "",
        "notes": (),
    }
    return Candidate(**values | changes)


def test_the_best_network_is_within_the_budget_if_one_is() -> None:
    good, better = candidate("dense", 0.93, 16.0), candidate("gru", 0.96, 14.0, over="3 instructions")
    assert best_network([good, better]) is good
    assert best_network([better]) is better
    assert best_network([]) is None
    assert best_network([good, candidate("conv", 0.95, 15.9)]) == candidate("conv", 0.95, 15.9)


@pytest.mark.parametrize(
    ("forest", "network", "says"),
    [
        (candidate("forest"), candidate("gru", over="70 bytes of flash"), "take the forest: the best network, gru, is"),
        (candidate("forest", over="70 bytes of flash"), candidate("gru"), "take the network, gru: the forest is over"),
        (
            candidate("forest", 0.97, 14.0, flash_bytes=20_000),
            candidate("dense", 0.95, 15.0),
            "take the forest: the forest is better in device right up to 5 min, % (97 against 95), "
            "minutes to full, error (14 against 15); the dense is better in flash, bytes (10000 against 20000)",
        ),
        (
            candidate("forest", 0.97, 16.0),
            candidate("dense", 0.95, 15.0),
            "which to take depends: the forest is better",
        ),
        (candidate("forest", None, 16.0), candidate("dense", None, 15.0), "take the dense: the dense is better in min"),
        (candidate("forest"), None, "no network was trained"),
    ],
)
def test_the_verdict_says_which_and_when(forest: Candidate, network: Candidate | None, says: str) -> None:
    assert verdict(forest, network).startswith(says)


def test_the_first_seconds_are_told_where_the_other_is_better() -> None:
    forest, network = candidate("forest", 0.94, 13.1), candidate("dense", 0.96, 12.8)
    forest.quality["mae_minutes"].update({"5s": 26.1, "10s": 21.9})
    network.quality["mae_minutes"].update({"5s": 31.7, "10s": 25.7})
    said = verdict(forest, network)
    assert said.startswith("take the dense: the dense is better in device right")
    assert said.endswith("; in the first ten seconds the forest's minutes are the better ones (24.0 against 28.7)")
    network.quality["mae_minutes"].update({"5s": 20.0, "10s": 20.0})
    assert "first ten seconds" not in verdict(forest, network)


def test_the_table_has_a_column_each_and_a_dash_where_nothing_is_known() -> None:
    lines = table([candidate("forest"), candidate("gru", over="3 instructions", instructions_max=None)]).splitlines()
    assert lines[0].split() == ["forest", "gru"]
    rows = {line[:26].strip(): line[26:].split() for line in lines[1:]}
    assert rows["device right, % 60s"] == ["95.0", "95.0"]
    assert rows["error, min 5s"] == ["–", "–"]
    assert rows["called unknown, % overall"] == ["6.0", "6.0"]
    assert rows["instructions, most"] == ["16000", "–"]
    assert rows["within the budget"] == ["yes", "no"]


def test_a_topology_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--topologies", "dense,tree"]) == 2
    assert "--topologies tree: not there; existing: dense,conv,separable,gru" in capsys.readouterr().err
