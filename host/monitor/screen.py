"""The live terminal screen: one snapshot as something rich can print, fitted to a width and a height."""

from __future__ import annotations

from typing import NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from host.live_vehicle import VehicleReading
from host.monitor import vehicle_wording, wording
from host.monitor.chart import chart
from host.monitor.history import History
from host.monitor.snapshot import Snapshot, Status

COLOURS = {
    Status.CONNECTING: "yellow",
    Status.NO_SENSOR: "yellow",
    Status.UNPLUGGED: "blue",
    Status.CHARGING: "green",
    Status.FULL: "green",
    Status.FAULT: "red",
    Status.SILENT: "red",
    Status.LOST: "red",
}
NARROW = 72
"""Below so many columns the two panels stand one above the other."""
HEADER_ROWS = 1
PANEL_ROWS = 5
FACT_ROWS = 3
VEHICLE_ROWS = 3
"""More of them at a charge point: phases, pilot and battery, advice."""
LABEL_WIDTH = 10
VALUE_WIDTH = 10
SCALE_WIDTH = 13
LOG_ROWS = 3
MAX_CHART_ROWS = 5


class Size(NamedTuple):
    """Of the terminal, in characters."""

    width: int
    height: int


def screen(snapshot: Snapshot, history: History | None, size: Size, footer: Text) -> RenderableType:
    """The whole screen; `footer` is its last line or lines."""
    narrow = size.width < NARROW
    fact_rows = FACT_ROWS + (VEHICLE_ROWS if _vehicle(snapshot) is not None else 0)
    fixed = HEADER_ROWS + PANEL_ROWS * (2 if narrow else 1) + fact_rows + footer.plain.count("\n") + 1
    rows_left = size.height - fixed
    chart_rows = min(max((rows_left - LOG_ROWS) // 4, 1), MAX_CHART_ROWS)
    log_rows = max(rows_left - 4 * chart_rows, 0)
    parts: list[RenderableType] = [
        _header(snapshot, size.width),
        _panels(snapshot, narrow),
        _charts(snapshot, history, size.width, chart_rows),
        _facts(snapshot),
    ]
    if log_rows > 0:
        parts.append(_log(snapshot, log_rows))
    return Group(*parts, footer)


def _header(snapshot: Snapshot, width: int) -> RenderableType:
    board = snapshot.board
    grid = Table.grid(expand=True)
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True)
    left = Text.assemble(("wattprint ", "bold"), (snapshot.source, "cyan"))
    if board is not None:
        model = board.model or "unknown model"
        left.append(f"  {model} {board.model_hash if width >= NARROW else board.model_hash[:6]}", "dim")
        left.append(f"  firmware {board.firmware}", "dim")
    grid.add_row(left, Text(f" {snapshot.status.value} ", f"bold white on {COLOURS[snapshot.status]}"))
    return grid


def _panel(content: RenderableType, title: str) -> Panel:
    return Panel(content, title=title, title_align="left", box=box.ROUNDED, border_style="dim", height=PANEL_ROWS)


def _panels(snapshot: Snapshot, narrow: bool) -> RenderableType:
    car = _vehicle(snapshot) is not None
    left = _panel(_device(snapshot), "car" if car else "device")
    right = _panel(_minutes(snapshot), "until it ends the charge" if car else "until full")
    if narrow:
        return Group(left, right)
    grid = Table.grid(expand=True)
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(left, right)
    return grid


def _device(snapshot: Snapshot) -> RenderableType:
    answer, style = snapshot.answer, _style(snapshot)
    if answer is None:
        return Text("–", "dim")
    if snapshot.running is None:
        return Group(Text(wording.device(answer), style), Text(snapshot.detail, "dim"))
    if answer.vehicle is not None:
        who = Text(vehicle_wording.car(answer.vehicle), f"bold {'yellow ' if answer.unknown else ''}{style}")
        kind = f"{answer.phase_name}; {vehicle_wording.capability(answer.vehicle)}"
        return Group(who, _bar(answer.confidence_permille or 0, 20, style), Text(kind, "dim"))
    if answer.unknown:
        title = Text("not one the model knows", f"bold yellow {style}")
    else:
        title = Text(wording.device(answer), f"bold {style}")
    lines: list[RenderableType] = [title]
    if answer.confidence_permille is not None:
        lines.append(_bar(answer.confidence_permille, 20, style))
        lines.append(Text(f"nearest: {wording.device(answer)}" if answer.unknown else answer.phase_name, "dim"))
    else:
        lines.append(Text(f"the only device of this model; {answer.phase_name}", "dim"))
    return Group(*lines)


def _bar(permille: int, width: int, style: str) -> Text:
    filled = round(permille / 1000 * width)
    return Text.assemble(
        ("━" * filled, f"green {style}"), ("─" * (width - filled), "dim"), (f" {wording.percent(permille)} sure", style)
    )


def _minutes(snapshot: Snapshot) -> RenderableType:
    answer, charge, style = snapshot.answer, snapshot.running, _style(snapshot)
    if answer is None or charge is None:
        return Text(snapshot.detail if charge is None or answer is None else "–", "dim")
    if answer.full:
        since_s = charge.full_since_s
        since = f" since {wording.clock(since_s, snapshot.at_s)}" if since_s is not None and snapshot.wall_clock else ""
        return Group(Text(f"FULL{since}", f"bold green {style}"), Text(wording.watt_hours(charge), style))
    low, middle, high = answer.remaining_s
    if answer.unknown:
        style = "dim"
    lines = [Text(wording.minutes(middle), f"bold {style}"), Text(f"80 % within {wording.interval(low, high)}", style)]
    if answer.vehicle is not None:
        lines.append(Text(vehicle_wording.target(answer.vehicle), style))
        return Group(*lines)
    full = snapshot.full_at_s()
    if full is not None:
        early, at, late = (wording.clock(when, snapshot.at_s) for when in full)
        lines.append(Text(f"full at {at}  ({early} – {late}){_pace(snapshot)}", style))
    return Group(*lines)


def _pace(snapshot: Snapshot) -> str:
    return "" if snapshot.pace == 1.0 else f"  time runs × {snapshot.pace:.3g}"


def _charts(snapshot: Snapshot, history: History | None, width: int, rows: int) -> RenderableType:
    charge, reading = snapshot.charge, snapshot.reading
    until = None if charge is None else charge.elapsed_ms
    points = {name: [] if history is None else history.column(name, until) for name in ("voltage_mv", "current_ma")}
    power = [v * i // 1000 for v, i in zip(points["voltage_mv"], points["current_ma"], strict=True)]
    left = [value for value in ([] if history is None else history.column("remaining_50_s", until)) if value >= 0]
    table = Table.grid(padding=0)
    for column_width in (LABEL_WIDTH, VALUE_WIDTH):
        table.add_column(width=column_width, no_wrap=True)
    table.add_column(width=(plot := max(width - LABEL_WIDTH - VALUE_WIDTH - SCALE_WIDTH - 2, 10)), no_wrap=True)
    table.add_column(width=SCALE_WIDTH, justify="right", no_wrap=True)
    style = _style(snapshot)
    shown = (
        (
            "voltage",
            "yellow",
            points["voltage_mv"],
            None if reading is None else wording.volts(reading.voltage_mv),
            "V",
        ),
        (
            "current",
            "cyan",
            points["current_ma"],
            None if reading is None else wording.amperes(reading.current_ma),
            "A",
        ),
        ("power", "magenta", power, None if reading is None else wording.watts(reading.power_mw), "W"),
        ("minutes", "green", left, _whole_minutes(snapshot), "min"),
    )
    for name, colour, values, value, unit in shown:
        low, high = _range(values, unit)
        text = Text("\n".join(chart(values, plot, rows, low, high)) if values else "", f"{colour} {style}")
        label = Text(name, "dim")
        scale = Text(_scale(low, high, unit) if values else "", "dim")
        table.add_row(label, Text(value or "", f"bold {style}"), text, scale)
    return table


def _whole_minutes(snapshot: Snapshot) -> str | None:
    answer = snapshot.answer
    return None if answer is None else f"{(answer.remaining_s[1] + 30) // 60} min"


def _range(values: list[int], unit: str) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    high = max(values)
    if unit == "V":
        low = min(values)
        return (low, high) if high - low >= 1000 else ((low + high) / 2 - 500, (low + high) / 2 + 500)
    return 0.0, max(high, 1)


def _scale(low: float, high: float, unit: str) -> str:
    divisor = 60 if unit == "min" else 1000
    digits = 0 if unit == "min" else 1
    return f"{low / divisor:.{digits}f}–{high / divisor:.{digits}f} {unit}"


def _facts(snapshot: Snapshot) -> RenderableType:
    charge, style = snapshot.charge, _style(snapshot)
    table = Table.grid(padding=0)
    table.add_column(min_width=LABEL_WIDTH, no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    facts = "–"
    if charge is not None:
        facts = (
            f"{wording.watt_hours(charge)}  {wording.ampere_hours(charge)}  in {wording.duration(charge.elapsed_ms)}"
        )
        if charge.reading is not None:
            facts += f"  sample {charge.reading.sequence}"
    table.add_row(Text("charge", "dim"), Text(facts, style))
    reading = _vehicle(snapshot)
    if charge is not None and reading is not None:
        answer = None if charge.answer is None else charge.answer.vehicle
        told = "none" if charge.advice is None else vehicle_wording.advice(charge.advice)
        table.add_row(Text("phases", "dim"), Text(vehicle_wording.phases(reading), style))
        table.add_row(Text("point", "dim"), Text(vehicle_wording.point(reading, answer), style))
        table.add_row(Text("advice", "dim"), Text(told, style))
    table.add_row(
        Text("link", "dim"), Text("  ".join(filter(None, (wording.link(snapshot.link), wording.board_time(snapshot)))))
    )
    stale = snapshot.stale or snapshot.status in (Status.FAULT, Status.NO_SENSOR)
    table.add_row("", Text(snapshot.detail if stale else "", COLOURS[snapshot.status]))
    return table


def _vehicle(snapshot: Snapshot) -> VehicleReading | None:
    """What a charge point's board measured last; None of a charger's."""
    return None if snapshot.reading is None else snapshot.reading.vehicle


def _log(snapshot: Snapshot, rows: int) -> RenderableType:
    lines = []
    for note in snapshot.notes[-rows:]:
        at = wording.clock(note.at_s, snapshot.at_s) if snapshot.wall_clock else wording.duration(int(note.at_s * 1000))
        lines.append(Text(f"{at}  {note.text}", "dim" if note.board else "", no_wrap=True, overflow="ellipsis"))
    return Group(*lines, *[Text("")] * (rows - len(lines)))


def _style(snapshot: Snapshot) -> str:
    return "dim" if snapshot.stale or snapshot.running is None else ""
