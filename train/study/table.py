"""The study's result: rows with their differences to the uncompressed model, and the front a budget chooses from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.study import score

REFERENCE = ("uncompressed", "m2cgen's C")
NETWORK_REFERENCE = ("post_training_int8", "the whole network")
FIGURES = {
    "correct_60s": "accuracy",
    "error_min": "mae_minutes",
    "covered": "coverage",
    "width_min": "interval_minutes",
}
"""Scores of charges, and what their means are called."""

Row = dict[str, Any]


def finished_rows(rows: Sequence[Mapping[str, Any]], folder: Path, unit: NDArray[np.intp]) -> list[Row]:
    """Rows of the table, in order: sums over both forests, ratios, and differences to the family's reference."""
    references = {
        family: next((row for row in rows if (row["technique"], row["label"]) == which), None)
        for family, which in (("forest", REFERENCE), ("network", NETWORK_REFERENCE))
    }
    return [_row(row, references[row["family"]], folder, unit) for row in rows]


def charge_scores(row: Mapping[str, Any], folder: Path) -> dict[str, NDArray[np.float64]]:
    """A row's score of each charge, as make_row kept it."""
    with np.load(folder / "rows" / f"{row['key']}.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _row(row: Mapping[str, Any], reference: Mapping[str, Any] | None, folder: Path, unit: NDArray[np.intp]) -> Row:
    scores = charge_scores(row, folder)
    parts = row["parts"]
    table: Row = {key: row[key] for key in ("technique", "family", "title", "label", "settings", "key", "commit")}
    table["raw_bytes"] = _sum(part["flash_bytes"] for part in parts.values())
    table["deflated_bytes"] = _sum(part["deflated_bytes"] for part in parts.values())
    table["ram_bytes"] = max(
        (part["ram_bytes"] for part in parts.values() if part["ram_bytes"] is not None), default=None
    )
    for which in ("instructions_mean", "instructions_max"):
        table[which] = _sum(part[which] for part in parts.values())
    for which in ("train_seconds", "train_cpu_seconds"):
        table[which] = _sum(part.get(which) for part in parts.values())
    table["cpu_seconds_in_all"] = row.get("cpu_seconds_in_all")
    for figure, name in FIGURES.items():
        table[name] = float(np.nanmean(scores[figure])) if figure in scores else None
    table["parts"] = {kind: dict(part) for kind, part in parts.items()}
    table["note"] = " ".join(part["note"] for part in parts.values() if part.get("note"))
    if reference is not None:
        _compare(table, scores, reference, charge_scores(reference, folder), unit)
    return table


def _compare(
    table: Row,
    scores: Mapping[str, NDArray[np.float64]],
    reference: Mapping[str, Any],
    other: Mapping[str, NDArray[np.float64]],
    unit: NDArray[np.intp],
) -> None:
    """Ratio of bytes, and quality lost (points of accuracy, share of minutes) with 95 % intervals over units."""
    for kind, part in table["parts"].items():
        if kind in reference["parts"]:
            part["ratio"] = reference["parts"][kind]["flash_bytes"] / part["flash_bytes"]
    if set(table["parts"]) == set(reference["parts"]):
        table["ratio"] = _sum(part["flash_bytes"] for part in reference["parts"].values()) / table["raw_bytes"]
    if "correct_60s" in scores and "correct_60s" in other:
        lost = score.difference(other["correct_60s"], scores["correct_60s"], unit)
        table["accuracy_lost_points"] = {key: 100 * value for key, value in lost.items()}
    if "error_min" in scores and "error_min" in other:
        table["mae_change"] = score.relative_difference(scores["error_min"], other["error_min"], unit)


def _sum(values: Any) -> Any:
    found = list(values)
    return None if None in found or not found else sum(found)


def front(rows: Sequence[Row], kind: str, quality: str, *, higher: bool) -> list[Row]:
    """Points no other beats in bytes, instructions and quality at once, smallest first.

    kind  device, remaining or network: whose part counts. A point can be made again from its technique and settings.
    """
    points = []
    for row in rows:
        part = row["parts"].get(kind)
        if part is None or row[quality] is None or part["instructions_max"] is None or not _deployable(row):
            continue
        points.append(
            {
                "technique": row["technique"],
                "title": row["title"],
                "label": row["label"],
                "settings": row["settings"][kind],
                "style": part.get("style"),  # of the C; networks have none to share
                "flash_bytes": part["flash_bytes"],
                "ram_bytes": part["ram_bytes"],
                "instructions_mean": part["instructions_mean"],
                "instructions_max": part["instructions_max"],
                quality: row[quality],
                **({key: row.get(key) for key in ("coverage", "interval_minutes")} if kind != "device" else {}),
            }
        )
    sign = -1.0 if higher else 1.0

    def beaten(point: Row, by: Row) -> bool:
        pairs = [(by[key], point[key]) for key in ("flash_bytes", "instructions_max")]
        pairs.append((sign * by[quality], sign * point[quality]))
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    kept = [point for point in points if not any(beaten(point, other) for other in points)]
    unique = {(point["flash_bytes"], point["instructions_max"], point[quality]): point for point in kept}
    return sorted(unique.values(), key=lambda point: (point["flash_bytes"], point["instructions_max"]))


def _deployable(row: Row) -> bool:
    """What the firmware can take: integer outputs and quantised leaves, as `fit` can make it again."""
    return bool(row["technique"] != "uncompressed" and "coverage" in row)
