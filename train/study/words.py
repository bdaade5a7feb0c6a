"""The study in words: its table as text, what was asked for and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
GOALS = (
    # family or kind, times smaller, most that may be lost, in words
    ("device", 15.0, 0.3, "points of accuracy, upper 95 % bound"),
    ("device", 60.0, 0.5, "points of accuracy"),
    ("remaining", 50.0, 0.05, "of the error in minutes"),
    ("network", 4.0, 0.3, "points of accuracy"),
)


def rows_of(result: Mapping[str, Any]) -> list[Row]:
    """All rows, those of the searches last."""
    return [*result["rows"], *result["trials"]]


def table_lines(result: Mapping[str, Any]) -> list[str]:
    """The table for a terminal."""
    titles = f"{'bytes':>7} {'smaller':>8} {'right at 60 s':>22} {'minutes':>16} {'cover':>6} {'instr.':>8}"
    head = f"{'technique':<62} {titles}"
    lines = [head]
    for row in result["rows"]:
        name = f"{row['title']}: {row['label']}"[:62]
        ratio = "" if row.get("ratio") is None else f"{row['ratio']:.1f} x"
        instructions = "" if row["instructions_mean"] is None else f"{row['instructions_mean']:.0f}"
        cover = "" if row["coverage"] is None else f"{100 * row['coverage']:.0f} %"
        lines.append(
            f"{name:<62} {row['raw_bytes']:>7} {ratio:>8} {accuracy_text(row):>22} {minutes_text(row):>16} "
            f"{cover:>6} {instructions:>8}"
        )
    return lines


def accuracy_text(row: Row) -> str:
    """Accuracy at 60 s and what was gained or lost with its interval, in points."""
    if row["accuracy"] is None:
        return ""
    text = f"{100 * row['accuracy']:.1f}"
    lost = row.get("accuracy_lost_points")
    return text if not lost else f"{text} {-lost['value']:+.1f} ({-lost['high']:+.1f}…{-lost['low']:+.1f})"


def minutes_text(row: Row) -> str:
    """Mean error in minutes and its change."""
    if row["mae_minutes"] is None:
        return ""
    change = row.get("mae_change")
    return f"{row['mae_minutes']:.1f}" + ("" if not change else f" {100 * change['value']:+.1f} %")


def loss_of(row: Row, kind: str, *, bound: bool = False) -> float | None:
    """What a row loses: points of accuracy, or for `remaining` the share of minutes; its upper bound if asked."""
    lost = row.get("mae_change" if kind == "remaining" else "accuracy_lost_points")
    return None if not lost or lost["value"] is None else float(lost["high" if bound else "value"])


def best(result: Mapping[str, Any], kind: str, limit: float, *, bound: bool = False) -> Row | None:
    """The row whose part of that kind is smallest among those that lose at most `limit`."""
    found = [
        row
        for row in rows_of(result)
        if kind in row["parts"] and row["parts"][kind].get("ratio") is not None
        if (loss := loss_of(row, kind, bound=bound)) is not None and loss <= limit
    ]
    return max(found, key=lambda row: row["parts"][kind]["ratio"], default=None)


def goals(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each goal beside the best that was reached within what it may lose."""
    reached = []
    for kind, times, limit, words in GOALS:
        row = best(result, kind, limit, bound="bound" in words)
        reached.append(
            {
                "kind": kind,
                "goal_ratio": times,
                "limit": limit,
                "words": words,
                "ratio": None if row is None else row["parts"][kind]["ratio"],
                "bytes": None if row is None else row["parts"][kind]["flash_bytes"],
                "row": None if row is None else f"{row['title']}: {row['label']}",
                "met": row is not None and row["parts"][kind]["ratio"] >= times,
                "beside": "" if row is None else _beside(row, kind),
            }
        )
    return reached


def _beside(row: Row, kind: str) -> str:
    """What a network's row does to the answer that the goal does not speak of; a forest has one answer alone."""
    change = row.get("mae_change") if kind == "network" else None
    return "" if not change or change["value"] is None else f", minutes {100 * change['value']:+.0f} %"


NAMES = {"device": "which device", "remaining": "minutes to full", "network": "network"}


def summary_lines(result: Mapping[str, Any]) -> list[str]:
    """A line for each goal, and one for what did not help."""
    lines = []
    for goal in goals(result):
        limit = f"{100 * goal['limit']:.0f} %" if goal["kind"] == "remaining" else f"{goal['limit']:g}"
        wish = f"{NAMES[goal['kind']]}: at most {limit} {goal['words']} lost, {goal['goal_ratio']:.0f} x smaller asked"
        if goal["row"] is None:
            lines.append(f"{wish}: no row loses so little")
        else:
            verdict = "reached" if goal["met"] else "NOT reached"
            lines.append(
                f"{wish}: {goal['ratio']:.1f} x ({goal['bytes']} bytes), {verdict}, by {goal['row']}{goal['beside']}"
            )
    useless = failures(result)
    if useless:
        lines.append("smaller, or as small, and better elsewhere: " + "; ".join(useless))
    return lines


def failures(result: Mapping[str, Any]) -> list[str]:
    """Techniques none of whose rows is on a front: another row is as small in all that counts, and as good."""
    helped = {point["technique"] for points in result["front"].values() for point in points}
    titles: dict[str, str] = {}
    for row in result["rows"]:
        if row["technique"] not in helped and row["technique"] != "uncompressed":
            titles.setdefault(row["technique"], row["title"])
    return list(titles.values())


def paragraph(result: Mapping[str, Any]) -> str:
    """What the study found, in sentences."""
    about = result["about"]
    sentences = [
        f"{len(result['rows'])} settings of {len({row['technique'] for row in result['rows']})} techniques and "
        f"{len(result['trials'])} searched combinations, each compiled and measured on {result['target']}, "
        f"learnt from {about['train_units']} units and scored on {about['scored_charges']} charges of "
        f"{about['scored_units']} others."
    ]
    for goal in goals(result):
        if goal["row"] is not None:
            limit = f"{100 * goal['limit']:.0f} %" if goal["kind"] == "remaining" else f"{goal['limit']:g}"
            sentences.append(
                f"For {NAMES[goal['kind']]}, losing at most {limit} {goal['words']}, the smallest is "
                f"{goal['row']}: {goal['ratio']:.1f} times smaller ({goal['bytes']} bytes{goal['beside']})."
            )
    useless = failures(result)
    if useless:
        sentences.append(
            f"No row of these is on the front, others are smaller at the same quality: {', '.join(useless)}."
        )
    study = next(
        (row for row in result["rows"] if row["technique"] == "magnitude_pruning" and "study" in row["label"]), None
    )
    if study is not None and study.get("ratio") is not None:
        sentences.append(_published(study, result["rows"]))
    return " ".join(sentences)


def _published(study: Row, rows: Sequence[Row]) -> str:
    """The published combination against the network in int8 and, as it was published, in float32 and deflated."""
    text = (
        "The published combination, pruning 0.5 → 0.9 and then quantisation, on a network: "
        f"{study['ratio']:.1f} times smaller than the network in int8, accuracy "
        f"{-study['accuracy_lost_points']['value']:+.1f} points"
    )
    whole = next((row for row in rows if row["settings"].get("network", {}).get("quantised") is False), None)
    if whole is None:
        return f"{text}."
    plain, packed = (
        100 * (1 - part / whole["parts"]["network"]["tflite_bytes"])
        for part in (study["parts"]["network"]["tflite_bytes"], study["deflated_bytes"])
    )
    return f"{text}; its file is {plain:.0f} % smaller than that in float32, and {packed:.0f} % when deflated."


def points_by_family(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by technique family, for a plot."""
    families: dict[str, list[Row]] = {}
    for row in rows:
        families.setdefault(row["family"], []).append(row)
    return families
