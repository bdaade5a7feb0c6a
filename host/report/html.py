"""report.html: one self-contained page that can be attached to a merge request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from host.bench import figure
from host.field_error import HORIZONS_S, OVERALL
from host.report import pictures
from host.report.terminal import memory_bars, shown
from host.verify import Divergence
from host.verify_checks import FAIL, PASS, Check, thousands
from host.verify_report import Report
from host.verify_run import Evidence

TEMPLATE = Path(__file__).parent / "verify.html.j2"

_HORIZON_WORDS = {"5s": "5 s", "10s": "10 s", "30s": "30 s", "60s": "1 min", "300s": "5 min", "1800s": "30 min"}


def render(report: Report, evidence: Evidence, found: Sequence[Check]) -> str:
    """The whole page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(page(report, evidence, found))


def page(report: Report, evidence: Evidence, found: Sequence[Check]) -> dict[str, Any]:
    """All values of the template."""
    passed = all(check.verdict != FAIL for check in found)
    return {
        "title": report.title,
        "port": report.port,
        "verdict": PASS if passed else FAIL,
        "lead": _lead(report),
        "tiles": _tiles(report),
        "chain": _chain(report, {check.group: check.verdict for check in found}),
        "divergences": _divergences(report),
        "checks": found,
        "answers": pictures.answers(report, evidence),
        "several_devices": len(evidence.device_names) > 1,
        "horizons": _horizons(report),
        "error_picture": pictures.error_by_horizon(report),
        "price": _price(report),
        "timing": _timing(report),
        "bars": [_bar(*bar) for bar in memory_bars(report)],
        "link": _link(report),
        "soak": pictures.soak(report),
        "charges": [_charge(charge) for charge in report.charges],
        "provenance": [(name.replace("_", " "), _plain(value)) for name, value in report.provenance.items()],
    }


def _lead(report: Report) -> str:
    devices = {charge.device for charge in report.charges}
    units = {(charge.device, charge.unit) for charge in report.charges}
    charges = f"{_counted(len(report.charges), 'charge')} ({_counted(len(units), 'unit')}"
    return (
        f"{thousands(report.samples)} samples of {charges} of {_counted(len(devices), 'device')}) went down the line to"
        f" {report.port}, model {report.hello.model_hash}; each answer was compared, field by field and with the CRC "
        "of the whole state."
    )


def _tiles(report: Report) -> list[tuple[str, str, str]]:
    """Value, unit, what it is."""
    tiles = [(thousands(report.mismatches), "", f"of {thousands(report.samples)} answers differ from the reference")]
    if report.timing is not None:
        spread = report.timing.finest
        share = report.timing.share_of_period
        part = "" if share is None else f", {100 * share:.2g} % of the time between samples"
        tiles.append((figure(spread.largest), spread.unit, f"the longest answer{part}"))
    mae, baseline = (each.get(OVERALL) for each in (report.error.mae_minutes, report.error.baseline_mae_minutes))
    if mae is not None:
        beside = "" if baseline is None else f"; the baseline {baseline:.1f}"
        tiles.append((f"{mae:.1f}", "min", f"mean error of time to full{beside}"))
    accuracy = report.error.accuracy.get("60s")
    if accuracy is not None:
        unknown = report.error.unknown.get("60s", 0.0)
        beside = f"; “unknown” of {100 * unknown:.0f}\u00a0%" if unknown else ""
        tiles.append((f"{100 * accuracy:.0f}", "%", f"of these charges: the right device after 60\u00a0s{beside}"))
    return tiles


def _chain(report: Report, verdicts: Mapping[str, str]) -> list[dict[str, str]]:
    """The five stages and, between each two, what was asked of them."""
    price, host_c = report.price, report.host_c
    mae = report.error.mae_minutes.get(OVERALL)
    return [
        {"letter": "A", "name": "trained float", "how": "train predict", "style": ""},
        {
            "question": "price of quantisation",
            "figure": "–" if price is None else f"≤ {price.remaining_s.largest:.2g} s",
            "style": "plain",
        },
        {"letter": "B", "name": "integer reference", "how": "codegen reference", "style": ""},
        {"question": "codegen", **_edge(verdicts.get("codegen"), host_c.mismatches)},
        {"letter": "C", "name": "C on this machine", "how": _short(host_c.compiler) or "left out", "style": ""},
        {"question": "platform", **_edge(verdicts.get("platform"), host_c.board_mismatches)},
        {"letter": "D", "name": "C on the board", "how": report.port, "style": verdicts["board"].lower()},
        {
            "question": "field error",
            "figure": "–" if mae is None else f"{mae:.1f} min",
            "style": "plain",
        },
        {"letter": "T", "name": "truth", "how": "recorded charges", "style": ""},
    ]


def _short(compiler: str) -> str:
    """Name and number of what it says of itself: `cc (Debian 12.2.0-14) 12.2.0` is cc 12.2.0."""
    words = compiler.split()
    name = next((word for word in words if word.endswith(("cc", "clang"))), "")
    number = next((word for word in words[::-1] if word[0].isdigit()), "")
    return f"{name} {number}".strip()


def _edge(verdict: str | None, mismatches: int) -> dict[str, str]:
    if verdict == PASS:
        return {"figure": "bit for bit", "style": "pass"}
    if verdict == FAIL:
        return {"figure": f"{thousands(mismatches)} differ", "style": "fail"}
    return {"figure": "left out", "style": "plain"}


def _divergences(report: Report) -> list[dict[str, Any]]:
    sides = (("The board", report.first_divergence), ("C on this machine", report.host_c.first_divergence))
    return [_divergence(who, found) for who, found in sides if found is not None]


def _divergence(who: str, found: Divergence) -> dict[str, Any]:
    def cell(values: Mapping[str, int], name: str) -> str:
        return shown(name, values[name]) if name in values else "–"

    return {
        "who": who,
        "where": f"charge {found.session}, sample {found.sample}",
        "inputs": f"t {found.t_ms} ms, {found.voltage_mv} mV, {found.current_ma} mA",
        "features": list(found.features.items()),
        "rows": [
            (name.replace("_", " "), cell(found.expected, name), cell(found.got, name), cell(found.host_c, name),
             name in found.differing)
            for name in found.expected
        ],
        "host_c": bool(found.host_c) and who != "C on this machine",
        "finding": found.finding,
        "reproduce": found.reproduce,
    }  # fmt: skip


def _horizons(report: Report) -> dict[str, Any]:
    keys = (*HORIZONS_S, OVERALL)
    trained: Mapping[str, float] = {} if report.price is None else report.price.error.mae_minutes
    rows = (
        ("board, minutes off", report.error.mae_minutes, 1.0, 2),
        ("trained float", trained, 1.0, 2),
        ("baseline", report.error.baseline_mae_minutes, 1.0, 2),
        ("right device, %", report.error.accuracy, 100.0, 1),
        ("said “unknown”, %", report.error.unknown, 100.0, 1),
    )
    return {
        "titles": [_HORIZON_WORDS.get(key, key) for key in keys],
        "rows": [
            (title, [f"{figures[key] * scale:.{digits}f}" if key in figures else "–" for key in keys])
            for title, figures, scale, digits in rows
            if figures
        ],
    }


def _price(report: Report) -> dict[str, Any] | None:
    price = report.price
    if price is None:
        return None
    rows = []
    if price.confidence_permille is not None:
        samples = thousands(price.samples)
        rows.append(("another device named", f"{price.devices_differ} of {samples} answers"))
        rows.append(("the other side of “unknown”", f"{price.unknown_differs} of {samples} answers"))
    return {"rows": rows, "pictures": pictures.price(price)}


def _timing(report: Report) -> dict[str, Any] | None:
    timing = report.timing
    if timing is None:
        return None
    spreads = filter(None, (timing.instructions, timing.micros))
    rows = [(each.unit, *map(figure, (each.mean, each.p50, each.p99, each.largest))) for each in spreads]
    share = timing.share_of_period
    return {
        "rows": rows,
        "picture": pictures.timing(timing),
        "share": "" if share is None else f"{100 * share:.2g} % of the {timing.period_s:g} s between samples",
        "samples": timing.samples,
        "stack": timing.stack_bytes,
    }


def _bar(what: str, used: int, full: int) -> dict[str, Any]:
    share = 100 * used / full
    return {
        "what": what,
        "text": f"{thousands(used)} of {thousands(full)} bytes, {share:.1f} %",
        "share": f"{min(share, 100):.1f}",
        "over": used > full,
    }


def _link(report: Report) -> list[tuple[str, str]]:
    link, line, damaged = report.link, report.line, report.board_counters["damaged"]
    rows = [
        ("samples sent", f"{thousands(link.sent)}, {thousands(link.resent)} of them again"),
        ("samples a second", thousands(round(report.samples_per_s))),
        ("bytes a second, both ways", thousands(round(report.bytes_per_s))),
        ("a sample and its answer", f"{line.bytes_sample:.0f} and {line.bytes_answer:.0f} bytes on average"),
        ("damaged lines", f"{thousands(link.damaged)} here, {thousands(damaged)} on the board"),
        ("refused, silent, begun again", f"{link.refusals}, {link.silences}, {link.resets}"),
    ]
    if line.carried is not None and line.needed:
        rows.append(("room", f"the baud rate carries {line.carried:.0f} samples/s, the charges have {line.needed:.2g}"))
    return rows


def _charge(charge: Any) -> dict[str, Any]:
    def overall(values: Mapping[str, float]) -> str:
        return f"{values[OVERALL]:.1f}" if OVERALL in values else "–"

    error = charge.error
    return {
        "cells": [
            charge.session,
            f"{charge.device} / {charge.unit}",
            thousands(charge.samples),
            thousands(charge.mismatches),
            "–" if charge.host_c_mismatches is None else thousands(charge.host_c_mismatches),
            overall(error.mae_minutes),
            overall(error.baseline_mae_minutes),
        ],
        "wrong": bool(charge.mismatches or charge.host_c_mismatches),
    }


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return str(value)


def _counted(number: int, what: str) -> str:
    return f"{thousands(number)} {what}{'' if number == 1 else 's'}"
