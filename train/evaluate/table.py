"""An evaluation as a person reads it on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from train.evaluate.metrics import HORIZON_KEYS

ROWS = (
    ("device right, %", "accuracy", "percent"),
    ("  95 % interval", "accuracy", "percent interval"),
    ("  mean of the devices, %", "macro_accuracy", "percent"),
    ("  confidence off by, %", "calibration_error", "percent"),
    ("known called unknown, %", "unknown_rate", "percent"),
    ("others called unknown, %", "unknown_caught", "percent"),
    ("  at 5 % false alarms, %", "unknown_caught_at_5", "percent"),
    ("  AUROC, %", "unknown_auroc", "percent"),
    ("time to full: error, min", "mae_minutes", "minutes"),
    ("  95 % interval", "mae_minutes", "minutes interval"),
    ("  nine in ten within", "p90_error_minutes", "minutes"),
    ("  the baseline's, min", "baseline_mae_minutes", "minutes"),
    ("  share of it, %", "of_baseline", "percent"),
    ("  linear, SoC known", "linear_mae_minutes", "minutes"),
    ("  SoC oracle", "oracle_mae_minutes", "minutes"),
    ("truth within 10–90 %, %", "coverage", "percent"),
    ("  95 % interval", "coverage", "percent interval"),
    ("  its width, min", "interval_minutes", "minutes"),
)


def figure_rows(
    result: Mapping[str, Any], quality: Mapping[str, Any], *, narrow: bool = False
) -> list[tuple[str, list[str]]]:
    """Title and cells of each of ROWS that has any figure, from an evaluation and its `quality`.

    `narrow` shows half an interval's width in place of its two ends, so that a table fits 80 columns.
    """
    rows = []
    for title, key, unit in ROWS:
        kind, _, interval = unit.partition(" ")
        values = (result.get("intervals") or {}).get(key) if interval else quality.get(key) or result.get(key)
        if values:
            show = (_format_half if narrow else format_interval) if interval else format_figure
            rows.append((title, [show(values.get(at), kind) for at in HORIZON_KEYS]))
    return rows


def print_evaluation(result: Mapping[str, Any]) -> None:
    """Print the figures by horizon and by device; the last line is the verdict."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True)
    quality = result["quality"]
    console.print(f"model {result['model']['hash']}  {quality['protocol']}", highlight=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("after charging for", no_wrap=True)
    for key in HORIZON_KEYS:
        table.add_column(horizon_title(key), justify="right", no_wrap=True)
    for title, cells in figure_rows(result, quality, narrow=True):
        table.add_row(title, *cells)
    console.print(table)
    console.print(_device_table(result["per_device"], result["confusion"]["at"]))
    console.print(_group_table(result))
    for note in result["notes"]:
        console.print(f"note: {note}", highlight=False)
    if result["unknown_devices"]:
        console.print(f"not in the model: {', '.join(result['unknown_devices'])}", highlight=False)
    console.print(verdict(result), highlight=False)


def verdict(result: Mapping[str, Any]) -> str:
    """One line: the figures that matter most."""
    quality = result["quality"]
    parts = []
    if "60s" in quality["accuracy"]:
        parts.append(f"device right at 60 s: {format_figure(quality['accuracy']['60s'], 'percent')} %")
    if "overall" in quality["mae_minutes"]:
        mae, baseline = quality["mae_minutes"]["overall"], quality["baseline_mae_minutes"]["overall"]
        word = "better" if mae < baseline else "no better"
        parts.append(f"minutes to full: {mae:.1f} off, {word} than the baseline's {baseline:.1f}")
    else:
        parts.append("no charge of these gets full: minutes to full cannot be judged")
    return "; ".join(parts)


def format_figure(value: float | None, unit: str) -> str:
    """A figure with one decimal, without its unit; an en dash where there is none."""
    if value is None:
        return "–"
    text = f"{100 * value if unit == 'percent' else value:.1f}"
    return "100" if text == "100.0" else text


def format_interval(values: Sequence[float] | None, unit: str) -> str:
    """An interval as `low–high`, both as format_figure; an en dash where there is none."""
    return "–" if values is None else "–".join(format_figure(value, unit) for value in values)


def _format_half(values: Sequence[float] | None, unit: str) -> str:
    return "–" if values is None else f"±{format_figure((values[1] - values[0]) / 2, unit)}"


def horizon_title(key: str) -> str:
    """A horizon as a column title."""
    if key == "overall":
        return "all"
    seconds = int(key.removesuffix("s"))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _device_table(per_device: Mapping[str, Any], at: str) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        title_justify="left",
        title=f"by device: right at {horizon_title(at)}; time to full and its interval all along",
    )
    titles = ("device", "charges", "units", "right, %", "error, min", "baseline", "covered, %")
    for title in titles:
        table.add_column(title, justify="left" if title == "device" else "right", no_wrap=title == "device")
    for name, figures in per_device.items():
        table.add_row(
            name,
            str(figures["charges"]),
            str(figures["units"]),
            format_figure(figures["accuracy"].get(at), "percent"),
            format_figure(figures["mae_minutes"].get("overall"), "minutes"),
            format_figure(figures["baseline_mae_minutes"].get("overall"), "minutes"),
            format_figure(figures["coverage"].get("overall"), "percent"),
        )
    return table


def _group_table(result: Mapping[str, Any]) -> Any:
    """Charges by ending and by slice, and all of them by the share that is done."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        title_justify="left",
        title="by ending, by slice, and by share of the charge done: all along",
    )
    for title in ("charges", "number", "right, %", "error, min", "baseline", "covered, %"):
        table.add_column(title, justify="left" if title == "charges" else "right", no_wrap=title == "charges")
    for name, number, figures in group_rows(result):
        table.add_row(name, number, *figures)
    return table


def group_rows(result: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Name, number of charges and figures all along of each ending, slice and share done."""
    groups = [(f"ended: {name}", found) for name, found in (result.get("by_ending") or {}).items()]
    groups += list((result.get("by_slice") or {}).items())
    rows = [
        (name, str(found["charges"]), _cells({key: found[key].get("overall") for key in GROUP_KEYS}))
        for name, found in groups
    ]
    for name, found in (result.get("by_share_done") or {}).items():
        low, high = (f"{100 * float(end):g}" for end in name.split("-"))
        rows.append((f"{low}–{high} % done", "", _cells(found)))
    return rows


GROUP_KEYS = ("accuracy", "mae_minutes", "baseline_mae_minutes", "coverage")


def _cells(figures: Mapping[str, float | None]) -> list[str]:
    return [format_figure(figures.get(key), "minutes" if key.endswith("minutes") else "percent") for key in GROUP_KEYS]


def horizon_cells(found: Mapping[str, Any], width: int, decimals: int) -> list[str]:
    """Minutes off, of the baseline, and coverage in percent at each horizon; blank where no charge reaches it.

    found   figures of metrics.remaining_figures
    """
    cells = []
    for key in HORIZON_KEYS:
        if key not in found["mae_minutes"]:
            cells.append(" " * width)
            continue
        off, base, covered = (found[name][key] for name in ("mae_minutes", "baseline_mae_minutes", "coverage"))
        cells.append(f"{f'{off:.{decimals}f}/{base:.{decimals}f} {100 * covered:.0f} %':>{width}}")
    return cells
