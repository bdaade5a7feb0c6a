"""The committed study: the documentation carries its table, and its row of the default model is the default model's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from train.compress.techniques import TECHNIQUES
from train.study import markdown, words

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def study() -> dict[str, Any]:
    result: dict[str, Any] = json.loads((ROOT / "artifacts" / "compression.json").read_text(encoding="utf-8"))
    return result


def test_the_documentation_has_its_table_and_its_command(study: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert markdown.tables(study).strip() in text, "put compression.md of the study's folder into docs/evaluation.md"
    assert f"    {study['command']} --install\n" in text


def test_every_technique_has_a_row_of_its_own(study: dict[str, Any]) -> None:
    assert {row["technique"] for row in study["rows"]} == {technique.name for technique in TECHNIQUES}
    assert study["about"]["scored_charges"] >= 2000
    assert all(row["train_cpu_seconds"] is not None and row["raw_bytes"] > 0 for row in study["rows"])


def test_its_goals_are_what_the_rows_say(study: dict[str, Any]) -> None:
    """Ratios and losses worked out again from bytes and accuracies, not taken from the result's own."""
    rows = {f"{row['title']}: {row['label']}": row for row in words.rows_of(study)}
    uncompressed, network = rows["the uncompressed forest: m2cgen's C"], rows["post-training int8: the whole network"]
    for goal in words.goals(study):
        row, kind = rows[goal["row"]], goal["kind"]
        reference = network if kind == "network" else uncompressed
        ratio = reference["parts"][kind]["flash_bytes"] / row["parts"][kind]["flash_bytes"]
        lost = 100 * (reference["accuracy"] - row["accuracy"]) if kind != "remaining" else 0.0
        if kind == "remaining":
            lost = row["mae_minutes"] / reference["mae_minutes"] - 1
        assert ratio == pytest.approx(goal["ratio"], rel=1e-4)
        assert lost <= goal["limit"] + 1e-6
        assert goal["met"] == (ratio >= goal["goal_ratio"])


def test_as_configured_is_the_default_model(study: dict[str, Any]) -> None:
    """The row `retraining small: as configured` says what the default model's forests cost and lose."""
    manifest = json.loads((ROOT / "artifacts" / "default" / "manifest.json").read_text(encoding="utf-8"))
    trained = {key: manifest["training"][key] for key in study["configured"]}
    assert trained == study["configured"], "another default: python -m train compare … --install, and the documentation"
    assert manifest["data"]["hash"] == study["data_hash"]
