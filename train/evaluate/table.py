"""An evaluation as a person reads it on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from train.evaluate.metrics import HORIZON_KEYS

ROWS = (
    ("device right, %", "accuracy", "percent"),
    ("known called unknown, %", "unknown_rate", "percent"),
    ("others called unknown, %", "unknown_caught", "percent"),
    ("time to full: error, min", "mae_minutes", "minutes"),
    ("  the baseline's, min", "baseline_mae_minutes", "minutes"),
    ("truth within 10–90 %, %", "coverage", "percent"),
    ("  its width, min", "interval_minutes", "minutes"),
)


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
    for title, key, unit in ROWS:
        values = quality.get(key) or result.get(key) or {}
        if values:
            table.add_row(title, *(format_figure(values.get(at), unit) for at in HORIZON_KEYS))
    console.print(table)
    console.print(_device_table(result["per_device"], result["confusion"]["at"]))
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
