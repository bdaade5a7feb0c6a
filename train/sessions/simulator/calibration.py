"""The simulator beside published charge times and powers: published.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from train.sessions.labels import full_t_ms
from train.sessions.simulator.fleet import simulate_nominal
from train.sessions.types import Charge

TOLERANCE = 0.10  # of the published value
UNITS = {"minutes_to": "min", "soc_at": "%", "power_at": "W"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One published figure and what the simulator gives for it."""

    device: str
    what: str
    published: float
    simulated: float
    source: str

    @property
    def off(self) -> float:
        """Difference as a share of the published value."""
        return self.simulated / self.published - 1

    @property
    def within(self) -> bool:
        """Whether the difference is no more than TOLERANCE."""
        return abs(self.off) <= TOLERANCE


def compare_with_published() -> list[Comparison]:
    """Every figure of published.toml, in its order."""
    with (Path(__file__).parent / "published.toml").open("rb") as stream:
        anchors: list[dict[str, Any]] = tomllib.load(stream)["anchor"]
    charges = {name: simulate_nominal(name) for name in dict.fromkeys(anchor["device"] for anchor in anchors)}
    return [_compare(anchor, charges[anchor["device"]]) for anchor in anchors]


def _compare(anchor: Mapping[str, Any], charge: Charge) -> Comparison:
    what, at = anchor["what"], anchor["at"]
    assert charge.soc_pct is not None  # noqa: S101 (the simulator knows it)
    minutes = charge.t_ms.astype(np.float64) / 60_000
    if what == "soc_at":
        label, value = f"state of charge after {at} min", float(np.interp(at, minutes, charge.soc_pct))
    elif what == "power_at":
        near = np.abs(charge.soc_pct - at) <= 1
        watts = charge.voltage_mv[near] / 1000 * (charge.current_ma[near] / 1000)
        label, value = f"power at {at} %", float(np.mean(watts))
    elif at == 100:
        full = full_t_ms(charge)
        label, value = "time from empty to full", float("nan") if full is None else full / 60_000
    else:
        label, value = f"time from empty to {at} %", float(np.interp(at, charge.soc_pct, minutes))
    return Comparison(anchor["device"], f"{label}, {UNITS[what]}", float(anchor["value"]), value, anchor["source"])


def as_markdown(rows: Sequence[Comparison]) -> str:
    """The comparisons as the table of docs/evaluation.md."""
    lines = ["| device | figure | published | simulated | off |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.device} | {row.what} | {row.published:g} | {row.simulated:.1f} | {100 * row.off:+.1f} % |"
        for row in rows
    ]
    return "\n".join(lines)
