"""What narrower leaves cost: an artifact's answers with its leaves rounded to fewer and fewer bits, scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from train.artifact import LEAF_BITS, Artifact
from train.errors import ConfigError
from train.evaluate.run import answer_charge, quality
from train.models.answering import answer_rules
from train.models.predict import load_model, select_charges
from train.sessions.dataset import read_dataset

DEFAULT_BITS = (16, 12, 10, 8, 6, 4, 2)


def leaf_bits_table(model: Path, data: Path, split: str, widths: Sequence[int] = DEFAULT_BITS) -> list[dict[str, Any]]:
    """A row for whole leaves (`leaf_bits` None) and for each width: the `quality` of docs/evaluation.md.

    Confidence and interval keep the artifact's calibration. Raises ConfigError for a width there is not, TrainError
    when the part has no charges.
    """
    for width in widths:
        if width not in LEAF_BITS:
            raise ConfigError(f"leaf bits {width}: from {LEAF_BITS.start} to {LEAF_BITS.stop - 1}")
    artifact, forests = load_model(model)
    charges = select_charges(artifact, read_dataset(data).charges, split, data)
    rows = []
    wanted: list[int | None] = [None, *widths]
    for leaf_bits in wanted:
        narrow = with_leaf_bits(artifact, leaf_bits)
        answered = [answer_charge(narrow, forests, answer_rules(narrow), charge) for charge in charges]
        rows.append({"leaf_bits": leaf_bits, **quality(narrow, answered, split)})
    return rows


def with_leaf_bits(artifact: Artifact, leaf_bits: int | None) -> Artifact:
    """The artifact as it would answer with leaves of that width in both models."""
    device = artifact.device_model
    return replace(
        artifact,
        device_model=None if device is None else replace(device, leaf_bits=leaf_bits),
        remaining_model=replace(artifact.remaining_model, leaf_bits=leaf_bits),
    )


def table_text(rows: Sequence[dict[str, Any]]) -> str:
    """The table as lines for a person."""
    lines = [f"{'leaf bits':>9}  {'device right at 60 s':>20}  {'overall':>9}  {'minutes off':>11}  {'in 10-90 %':>10}"]
    for row in rows:
        figures = (
            (row["accuracy"].get("60s"), "20.2%"),
            (row["accuracy"].get("overall"), "9.2%"),
            (row["mae_minutes"].get("overall"), "11.2f"),
            (row["coverage"].get("overall"), "10.1%"),
        )
        cells = ("-".rjust(int(form.split(".")[0])) if value is None else f"{value:{form}}" for value, form in figures)
        lines.append(f"{row['leaf_bits'] or 'whole':>9}  {'  '.join(cells)}")
    return "\n".join(lines)
