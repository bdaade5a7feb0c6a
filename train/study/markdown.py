"""The study's table as docs/evaluation.md carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from train.study.words import loss_of, summary_lines

COLUMNS = (
    "technique", "bytes", "smaller", "right at 60 s, %: lost (95 %)", "minutes: change (95 %)",
    "in 10–90 %, %: width, min", "instructions", "CPU s",
)  # fmt: skip
FAMILIES = {"forest": "Forests, both models together", "network": "Networks"}
BEST_TRIALS = 4  # of each kind

Row = Mapping[str, Any]


def tables(result: Mapping[str, Any]) -> str:
    """What was asked for, every technique's rows by family, and the trials that are on a front."""
    parts = ["\n".join(f"- {line}" for line in summary_lines(result))]
    for family, title in FAMILIES.items():
        rows = [row for row in result["rows"] if row["family"] == family]
        if rows:
            parts.append(f"{title}:\n\n{_table(rows)}")
    searched = best_trials(result)
    if searched:
        parts.append(f"Of the searches, one model each, the smallest that lose little:\n\n{_table(searched)}")
    return "\n\n".join(parts) + "\n"


def best_trials(result: Mapping[str, Any]) -> list[Row]:
    """The smallest trials of each kind that lose at most a point, or a tenth of the minutes."""
    found: list[Row] = []
    for kind, most in (("device", 1.0), ("remaining", 0.1), ("network", 1.0)):
        own = [
            row
            for row in result["trials"]
            if set(row["parts"]) == {kind} and (loss := loss_of(row, kind)) is not None and loss <= most
        ]
        found += sorted(own, key=lambda row: int(row["raw_bytes"]))[:BEST_TRIALS]
    return found


def _table(rows: Sequence[Row]) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    return "\n".join([*lines, *("| " + " | ".join(_cells(row)) + " |" for row in rows)])


def _cells(row: Row) -> list[str]:
    ratio = row.get("ratio") or next(iter(row["parts"].values())).get("ratio")
    note = " ¹" if "no C" in row["note"] else ""
    return [
        f"{row['title']}: {row['label']}{note}",
        str(row["raw_bytes"]),
        "" if ratio is None or note else f"{ratio:.1f} ×",
        _with_interval(row["accuracy"], 100.0, ".1f", row.get("accuracy_lost_points"), 1.0, "+.2f"),
        _with_interval(row["mae_minutes"], 1.0, ".1f", row.get("mae_change"), 100.0, "+.1f", " %"),
        _interval(row),
        "" if row["instructions_mean"] is None else f"{row['instructions_mean']:.0f}",
        "" if row.get("train_cpu_seconds") is None else f"{row['train_cpu_seconds']:.0f}",
    ]


def _interval(row: Row) -> str:
    """Coverage of the 10-90 % interval and its mean width."""
    if row["coverage"] is None:
        return ""
    width = row.get("interval_minutes")
    return f"{100 * row['coverage']:.0f}" + ("" if width is None else f": {width:.0f}")


def _with_interval(
    value: float | None,
    scale: float,
    form: str,
    change: Mapping[str, Any] | None,
    by: float,
    signed: str,
    unit: str = "",
) -> str:
    if value is None:
        return ""
    text = f"{scale * value:{form}}"
    if not change or change["value"] is None:
        return text
    low, middle, high = (by * change[key] for key in ("low", "value", "high"))
    return f"{text}: {middle:{signed}}{unit} ({low:{signed}} … {high:{signed}})"
