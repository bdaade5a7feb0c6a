"""A household's page: its cars, which are taken for one another, how long they take, and the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from train.report import content, proof
from train.report.household_charges import HouseholdCharge, minutes_chart, power_chart, typical_of_each_car
from train.report.proof import count, counted

MOMENTS = {
    "plateau": "at the first steady current",
    "60s_after_ramp": "60 s after the ramp",
    "limit_step": "after the first change of the limit",
    "taper_step": "after the first step of the taper",
    "end": "at the end",
}
MINUTES = {
    "ac_minutes": "AC, to the end",
    "ac_before_taper_minutes": "before the taper",
    "ac_taper_minutes": "in the taper",
}
TO_80 = {"ac_to_80": "AC, to 80 %, state of charge told", "dc_to_80": "DC, to 80 %"}
RISE = 0  # of the signs
MIDDLE, LOW, HIGH = 8, 2, 14  # of 17 quantiles; 12.5 and 87.5 % are the nearest there are to 10 and 90


def page(report: Mapping[str, Any], charges: Sequence[HouseholdCharge]) -> dict[str, Any]:
    """All values of the template."""
    from markupsafe import Markup

    evaluation = report.get("evaluation") or {}
    names = [str(name) for name in report["model"]["classes"]]
    charts = [
        {
            "minutes": Markup(minutes_chart(charge)),  # noqa: S704
            "power": Markup(power_chart(charge)),  # noqa: S704
            **_caption(charge, names),
        }
        for charge in typical_of_each_car(charges, len(names))
    ]
    return {
        "title": str(report.get("title") or "household"),
        "lead": _lead(report, names),
        "tiles": _tiles(report, evaluation),
        "cars": _cars(report),
        "coincide": coincide(names, charges),
        "protocol": f"{counted(int(evaluation['charges']), 'charge')} that the cars were not enrolled with, at the "
        "same charge point; in brackets 95 % intervals."
        if "charges" in evaluation
        else "",
        "sets": _sets(evaluation.get("which") or {}),
        "unknown": list(_unknown(evaluation.get("unknown") or {})),
        "minutes": _minutes(evaluation),
        "charts": charts,
        **content.size(report),
        "verify": proof.verification(report.get("verify") or {}),
        "provenance": proof.provenance(report),
    }


def _lead(report: Mapping[str, Any], names: Sequence[str]) -> str:
    data, household = report.get("data") or {}, report.get("household") or {}
    enrolled = int(household.get("enrolled") or 0)
    place = f" of household {data['household']}" if data.get("household") else ""
    source = f" ({data['source']})" if data.get("source") else ""
    return (
        f"A charge point's tables for {counted(len(names), 'car')}{place}, enrolled with "
        f"{counted(enrolled, 'charge')}{source}."
    )


def _tiles(report: Mapping[str, Any], evaluation: Mapping[str, Any]) -> list[dict[str, str]]:
    tiles = []
    ramp, ac = (evaluation.get("which") or {}).get("60s_after_ramp"), evaluation.get("ac_minutes")
    if ramp:
        tiles.append({"value": f"{100 * ramp['accuracy'][0]:.1f} %", "text": "car right 60\u00a0s after the ramp"})
        holds = f"cars in the set, which holds the truth in {100 * ramp['set_holds_truth'][0]:.0f} %"
        tiles.append({"value": f"{ramp['set_size'][0]:.2f}", "text": holds})
    if ac:
        linear = f"mean error of time to the end in AC; the linear formula {ac['linear_mae_minutes'][0]:.0f}"
        tiles.append({"value": f"{ac['mae_minutes'][0]:.1f} min", "text": linear})
        tiles.append({"value": f"{100 * ac['coverage'][0]:.0f} %", "text": "of the truth within 10–90 %; 80 is right"})
    return [*tiles, *content.flash_tile(report)]


def _cars(report: Mapping[str, Any]) -> list[list[str]]:
    """Name, phases, share of the limit, most A, usual kW, ramp, energy, end, taper."""
    tables = (report.get("household") or {}).get("tables") or {}
    return [_car(name, car) for name, car in tables.items()]


def _car(name: str, car: Mapping[str, Any]) -> list[str]:
    low, middle, high = (car["energy_wh"][place] / 1000 for place in (LOW, MIDDLE, HIGH))
    taper = f"{car['taper_wh'] / 1000:.1f} kWh, {car['taper_s'] / 60:.0f} min" if car["taper_s"] else "–"
    direct = f"; DC to {max(car['curve_w']) / 1000:.0f} kW" if car["power_weight"] else ""
    return [
        name,
        str(car["phases"] or "–"),
        f"{car['limit_permille'] / 10:.1f} %",
        f"{car['ceiling_ma'] / 1000:.1f} A",
        f"{car['usual_power_w'] / 1000:.1f} kW{direct}",
        f"{car['centre'][RISE] / 1000:.1f} A/s",
        f"{middle:.1f} kWh ({low:.0f}–{high:.0f})",
        f"{car['usual_end_pct'][1]} %",
        taper,
    ]


def coincide(names: Sequence[str], charges: Sequence[HouseholdCharge]) -> dict[str, Any] | None:
    """How often each car is still possible at the end of each car's charges; None without a charge."""
    if not charges:
        return None
    strangers = [charge for charge in charges if charge.car < 0]
    rows, both = [], np.zeros((len(names), len(names)))
    for car, name in [*enumerate(names), *([(-1, "not enrolled")] if strangers else [])]:
        own = [charge for charge in charges if charge.car == car]
        counts = [sum(int(charge.possible[-1]) >> k & 1 for charge in own) for k in range(len(names))]
        counts.append(sum(bool(charge.unknown[-1]) for charge in own))
        if car >= 0 and own:
            both[car] = np.array(counts[:-1]) / len(own)
        cells = [{"count": n, "share": f"{0.12 + 0.78 * n / max(1, len(own)):.2f}"} for n in counts]
        rows.append({"name": f"{name} ({len(own)})", "cells": cells})
    alike = [
        f"{names[a]} and {names[b]} ({100 * max(both[a, b], both[b, a]):.0f} %)"
        for a, b in combinations(range(len(names)), 2)
        if max(both[a, b], both[b, a]) > 0
    ]
    verdict = f"Not always told apart by the end: {', '.join(alike)}." if alike else "All are told apart by the end."
    streamed = f"{counted(len(charges), 'charge')} that were streamed through the board."
    return {"cars": list(names), "rows": rows, "text": streamed, "verdict": verdict}


def _sets(which: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            text,
            count(which[key]["charges"]),
            _percent(which[key]["accuracy"]),
            _percent(which[key]["set_holds_truth"]),
            _plain(which[key]["set_size"], 2),
        ]
        for key, text in MOMENTS.items()
        if key in which
    ]


def _unknown(unknown: Mapping[str, Any]) -> list[str]:
    words = {
        "false_alarms": "Enrolled cars called unknown at the end",
        "caught": "Other cars called unknown at the end",
    }
    return [f"{text}: {_percent(unknown[key])}." for key, text in words.items() if unknown.get(key)]


def _minutes(evaluation: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for key, text in MINUTES.items():
        if one := evaluation.get(key):
            off, linear = (f"{_plain(one[name], 1)} min" for name in ("mae_minutes", "linear_mae_minutes"))
            rows.append([text, count(one["charges"]), off, linear, _percent(one["coverage"])])
    for key, text in TO_80.items():
        if one := evaluation.get(key):
            off = f"{_plain(one['mae_minutes'], 1)} min, {100 * one['mape'][0]:.1f} %"
            rows.append([text, count(one["charges"]), off, "–", _percent(one["coverage"])])
    return rows


def _caption(charge: HouseholdCharge, names: Sequence[str]) -> dict[str, str]:
    kinds = charge.kind
    alone = np.flatnonzero(kinds == 0)
    when = f"told after {charge.minutes[alone[0]]:.0f} min" if len(alone) else "never the only one possible"
    length = f"{charge.minutes[-1] / 60:.1f} h, up to {charge.power_kw.max():.1f} kW"
    return {"title": names[charge.car], "text": f"{charge.session}: {length}; {when}"}


def _percent(value: Sequence[float]) -> str:
    return f"{100 * value[0]:.1f} % ({100 * value[1]:.0f}–{100 * value[2]:.0f})"


def _plain(value: Sequence[float], digits: int) -> str:
    return f"{value[0]:.{digits}f} ({value[1]:.{digits}f}–{value[2]:.{digits}f})"
