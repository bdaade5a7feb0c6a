"""The simulated cars beside published charge times and powers: published.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from train.sessions.simulator.calibration import Comparison
from train.sessions.simulator.ev.catalogue import cars
from train.sessions.simulator.ev.fleet import nominal_charge


def compare_with_published() -> list[Comparison]:
    """Every figure of published.toml, in its order."""
    with (Path(__file__).parent / "published.toml").open("rb") as stream:
        anchors: list[dict[str, Any]] = tomllib.load(stream)["anchor"]
    return [_compare(anchor) for anchor in anchors]


def _compare(anchor: Mapping[str, Any]) -> Comparison:
    car, side = cars()[anchor["car"]], anchor["side"]
    where = "in AC" if side == "ac" else f"at {anchor['station_kw']} kW DC"
    if "power_kw" in anchor:
        charge = nominal_charge(car, side, arrival_soc_pct=5, kw=anchor.get("station_kw"))
        assert charge.soc_pct is not None  # noqa: S101 (a nominal charge tells it)
        near = np.abs(charge.soc_pct - anchor["at_pct"]) <= 1
        kw = float(np.mean(charge.voltage_mv[near] / 1e6 * charge.current_ma[near] / 1e3))
        what = f"power at {anchor['at_pct']} % {where}, kW"
        return Comparison(car.name, what, float(anchor["power_kw"]), kw, anchor["source"])
    low, high = anchor["from_pct"], anchor["to_pct"]
    charge = nominal_charge(car, side, arrival_soc_pct=low, target_soc_pct=high, kw=anchor.get("station_kw"))
    power = charge.voltage_mv.astype(np.int64) * charge.current_ma
    # From plugging in until it stops; what levels the cells afterwards is not part of published times.
    end_ms = charge.full_t_ms or int(charge.t_ms[np.flatnonzero(power > 0.02 * power.max())[-1]])
    what = f"time from {low} to {high} % {where}, min"
    return Comparison(car.name, what, float(anchor["minutes"]), end_ms / 60_000, anchor["source"])
