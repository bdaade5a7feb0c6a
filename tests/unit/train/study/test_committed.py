"""The committed study: the documentation carries its table, and its row of the default model is the default model's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from codegen.budget import Budget, excesses
from codegen.front import front_points
from train.compress.forest_combination import settings_of
from train.compress.techniques import DEFAULT, TECHNIQUES
from train.config import Forests, load_config
from train.study import markdown, words

ROOT = Path(__file__).parents[4]
BUILT = f"{DEFAULT}, as built"


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


def test_the_default_model_is_on_the_front(study: dict[str, Any]) -> None:
    """Its row is that of the configuration and the styles of the committed model, and no other row beats it."""
    manifest = json.loads((ROOT / "artifacts" / "default" / "manifest.json").read_text(encoding="utf-8"))
    trained = {key: manifest["training"][key] for key in study["configured"]}
    assert trained == study["configured"], "another default: python -m train compare … --install, and the documentation"
    configured = asdict(load_config(ROOT / "wattprint.toml").forest)
    assert trained == {key: configured[key] for key in trained}
    assert manifest["data"]["hash"] == study["data_hash"]
    header = (ROOT / "firmware" / "lib" / "model" / "model.h").read_text(encoding="ascii")
    found = re.search(r"\* styles    device (\w+), remaining (\w+)\n", header)
    assert found
    styles = dict(zip(("device", "remaining"), found.groups(), strict=True))
    (row,) = (row for row in study["rows"] if row["label"] == BUILT)
    for kind, quality, worse in (("device", "accuracy", -1.0), ("remaining", "mae_minutes", 1.0)):
        assert row["settings"][kind] == {**settings_of(getattr(Forests(), kind)), "style": styles[kind]}
        own = _costs(row, kind, worse * row[quality])
        for other in words.rows_of(study):
            if kind in other["parts"] and other["technique"] != "uncompressed":
                against = _costs(other, kind, worse * other[quality])
                beaten = against != own and all(a <= b for a, b in zip(against, own, strict=True))
                assert not beaten, f"{kind}: {other['title']}: {other['label']} beats the default model"


def _costs(row: Mapping[str, Any], kind: str, loss: float) -> tuple[float, float, float]:
    part = row["parts"][kind]
    return float(part["flash_bytes"]), float(part["instructions_max"] or 0), loss


def test_the_default_model_is_within_the_budget_of_the_configuration(study: dict[str, Any]) -> None:
    """As `codegen build --budget-…` adds its costs up."""
    points = front_points(study)
    (own,) = (
        point for point in points if all(point.models[kind]["label"] == BUILT for kind in ("device", "remaining"))
    )
    settings = load_config(ROOT / "wattprint.toml").budget
    assert not excesses(own, Budget(settings.flash_bytes, settings.ram_bytes, settings.instructions))
