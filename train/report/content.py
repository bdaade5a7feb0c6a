"""What the report says: report.json turned into titles, tables and sentences. Missing optional keys leave gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from train.evaluate.metrics import HORIZON_KEYS
from train.evaluate.table import figure_rows, format_figure, group_rows, horizon_title
from train.report import proof
from train.report.charges import Replayed
from train.report.proof import count

# The bars' full length, a common small microcontroller (STM32G030x8: 64 KB flash, 8 KB SRAM).
SCALE_FLASH_BYTES = 64 * 1024
SCALE_RAM_BYTES = 8 * 1024


def page(report: Mapping[str, Any]) -> dict[str, Any]:
    """All values of the template but the charts."""
    quality = report.get("quality") or {}
    evaluation = report.get("evaluation") or {}
    return {
        "title": str(report.get("title") or "model"),
        "lead": _lead(report),
        "tiles": _tiles(report, quality),
        "notes": list(evaluation.get("notes") or []),
        "protocol": quality.get("protocol", ""),
        "horizons": _horizons(quality, evaluation),
        "groups": [[name, number, *cells] for name, number, cells in group_rows(evaluation)],
        "devices": _devices(evaluation.get("per_device") or {}),
        "confusion": _confusion(evaluation.get("confusion") or {}),
        **size(report),
        "styles": _styles(report.get("styles") or [], report.get("budgets") or []),
        "compression": _compression(report.get("compression") or []),
        "verify": proof.verification(report.get("verify") or {}),
        "provenance": proof.provenance(report),
    }


def size(report: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer costs on each target, and of what the bars are."""
    household = (report.get("model") or {}).get("kind") == "household"
    parts = (
        "features, tables, rules, state check" if household else "features, both models, post-processing, state check"
    )
    return {
        "costs": [_cost(target, cost) for target, cost in (report.get("cost") or {}).items()],
        "cost_scale": f"Bars: of {SCALE_FLASH_BYTES // 1024} KB flash and {SCALE_RAM_BYTES // 1024} KB RAM, a small "
        f"microcontroller. Everything an answer needs: {parts}.",
    }


def answer_caption(kind: str, charge: Replayed) -> dict[str, str]:
    """Title and text under a chart of answered minutes."""
    title = {"typical": "A typical charge", "worst": "The worst of those replayed"}[kind]
    return {
        "title": f"{title}: {charge.device}",
        "text": f"{charge.session}: {charge.error_min:.1f} min off on average, "
        f"the baseline {charge.baseline_error_min:.1f}",
    }


def charge_caption(charge: Replayed) -> dict[str, str]:
    """Title and text under a power curve."""
    volts, watts = charge.voltage_v.max(), charge.power_w.max()
    return {"title": charge.device, "text": f"{volts:.1f} V, up to {watts:.1f} W, {charge.minutes[-1]:.0f} min"}


def _lead(report: Mapping[str, Any]) -> str:
    data, model = report.get("data") or {}, report.get("model") or {}
    classes = model.get("classes") or []
    kinds = (
        f"{len(classes)} devices" if len(classes) > 1 else f"one device, {classes[0]}" if classes else "unnamed devices"
    )
    source = f" ({data['source']})" if data.get("source") else ""
    counts = f"{_counted(data.get('charges'), 'charge')} of {_counted(data.get('units'), 'unit')}{source}"
    split = report.get("split") or {}
    parts = ", ".join(f"{split[key]} {word}" for key, word in _PARTS if key in split)
    return f"A {model.get('kind', 'model')} for {kinds}, learnt from {counts}" + (
        f"; units: {parts}." if parts else "."
    )


_PARTS = (("train", "to train on"), ("calibration", "to calibrate on"), ("held_out", "held out"))


def _tiles(report: Mapping[str, Any], quality: Mapping[str, Any]) -> list[dict[str, str]]:
    tiles = []
    accuracy = (quality.get("accuracy") or {}).get("60s")
    if accuracy is not None:
        tiles.append({"value": f"{100 * accuracy:.1f} %", "text": "device right after 60\u00a0s"})
    mae, baseline = (_overall(quality, key) for key in ("mae_minutes", "baseline_mae_minutes"))
    if mae is not None:
        beside = f"; the baseline {baseline:.1f}" if baseline is not None else ""
        tiles.append({"value": f"{mae:.1f} min", "text": f"mean error of time to full{beside}"})
    coverage = _overall(quality, "coverage")
    if coverage is not None:
        tiles.append({"value": f"{100 * coverage:.0f} %", "text": "of the truth within 10–90 %; 80 is right"})
    return [*tiles, *flash_tile(report)]


def flash_tile(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """Flash on the first target that is no PC; none where nothing was measured."""
    costs = report.get("cost") or {}
    target = next((name for name in costs if name != "host"), next(iter(costs), None))
    if target is None:
        return []
    return [{"value": f"{costs[target]['flash_bytes']:,} B".replace(",", " "), "text": f"of flash on {target}"}]


def _overall(quality: Mapping[str, Any], key: str) -> float | None:
    value = (quality.get(key) or {}).get("overall")
    return None if value is None else float(value)


def _horizons(quality: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        {"title": title.strip(), "lesser": title.startswith(" "), "values": cells}
        for title, cells in figure_rows(evaluation, quality)
    ]
    return {"titles": [horizon_title(key) for key in HORIZON_KEYS], "rows": rows}


def _devices(per_device: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "values": [
                figures["charges"],
                figures["units"],
                format_figure(figures.get("accuracy", {}).get("60s"), "percent"),
                format_figure(figures.get("mae_minutes", {}).get("overall"), "minutes"),
                format_figure(figures.get("baseline_mae_minutes", {}).get("overall"), "minutes"),
                format_figure(figures.get("coverage", {}).get("overall"), "percent"),
            ],
        }
        for name, figures in per_device.items()
    ]


def _confusion(confusion: Mapping[str, Any]) -> dict[str, Any] | None:
    matrix = confusion.get("charges") or []
    if not matrix:
        return None
    rows = []
    for name, counts in zip(confusion["devices"], matrix, strict=True):
        total = sum(counts)
        cells = [{"count": count, "share": f"{0.12 + 0.78 * count / max(1, total):.2f}"} for count in counts]
        rows.append({"name": name, "cells": cells})
    return {"devices": confusion["devices"], "rows": rows}


def _cost(target: str, cost: Mapping[str, Any]) -> dict[str, Any]:
    ram = int(cost.get("ram_bytes") or 0) + int(cost.get("stack_bytes") or 0)
    instructions = cost.get("instructions_per_sample")
    if isinstance(instructions, Mapping):
        text = f"{count(round(instructions['mean']))} mean, {count(instructions['max'])} worst"
    else:
        text = count(instructions)
    bars = target != "host"
    return {
        "target": target,
        "flash": f"{count(cost.get('flash_bytes'))} B",
        "flash_bar": _bar(int(cost.get("flash_bytes") or 0), SCALE_FLASH_BYTES) if bars else "",
        "ram": f"{count(ram)} B",
        "ram_bar": _bar(ram, SCALE_RAM_BYTES) if bars else "",
        "instructions": text,
    }


def _styles(rows: Sequence[Mapping[str, Any]], budgets: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What each style of the C would cost; bars are of the largest in the table."""
    if not rows:
        return None
    flash = max(int(row["flash_bytes"]) for row in rows)
    worst = max(int(row["instructions"]["max"] or 0) for row in rows)
    limits = [f"{row['what']} ≤ {count(row['limit'])}" for row in budgets]
    return {
        "target": rows[0]["target"],
        "budget": "; ".join(limits),
        "rows": [
            {
                "model": row["model"],
                "style": row["style"],
                "chosen": bool(row["chosen"]),
                "flash": f"{count(row['flash_bytes'])} B",
                "flash_bar": _share_bar(int(row["flash_bytes"]), flash),
                "instructions": count(row["instructions"]["max"]),
                "instructions_bar": _share_bar(int(row["instructions"]["max"] or 0), worst),
                "whole": f"{count(row['whole']['flash_bytes'])} B",
                "whole_instructions": count(row["whole"]["instructions_max"]),
            }
            for row in rows
        ],
    }


def _compression(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The compression study's rows, and whether they are of other data."""
    if not rows:
        return None
    return {
        "stale": any(row["stale"] for row in rows),
        "command": rows[0]["command"],
        "rows": [
            [
                f"{row['title']}: {row['label']}",
                f"{count(row['raw_bytes'])} B",
                "" if row["ratio"] is None else f"{row['ratio']:.1f} ×",
                format_figure(row["accuracy"], "percent"),
                format_figure(row["mae_minutes"], "minutes"),
                format_figure(row["coverage"], "percent"),
            ]
            for row in rows
        ],
    }


def _share_bar(value: int, full: int) -> Any:
    from markupsafe import Markup

    share = 100 * value / full if full else 0.0
    return Markup('<span class="bar"><span style="width:{}%"></span></span>').format(f"{share:.1f}")


def _bar(value: int, full: int) -> Any:
    from markupsafe import Markup

    share = 100 * value / full
    style = "bar over" if share > 100 else "bar"
    return Markup('<span class="{}"><span style="width:{}%"></span></span> {} %').format(
        style, f"{min(share, 100):.1f}", f"{share:.1f}"
    )


def _counted(number: Any, what: str) -> str:
    return proof.counted(int(number), what) if number is not None else f"– {what}s"
