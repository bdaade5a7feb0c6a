"""A point of the study's front, grown again: the technique and settings of each of an artifact's forests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from train.artifact import LEAF_BITS
from train.compress.forest_task import KINDS, forest_task
from train.compress.technique import Technique
from train.compress.techniques import find_technique
from train.config import Config
from train.errors import ConfigError
from train.models.rows import TrainingRows

Point = Mapping[str, Mapping[str, Any]]  # by kind: technique, settings


def read_point(path: Path) -> Point:
    """A point's file, as `codegen build` writes it from artifacts/compression.json; raises ConfigError naming it."""
    try:
        point = json.loads(path.read_text(encoding="utf-8"))
        found: dict[str, dict[str, Any]] = {}
        for kind in KINDS:
            entry = point[kind]
            found[kind] = {"technique": str(entry["technique"]), "settings": dict(entry["settings"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: is no point of a study: {error}; make it with: python -m codegen build") from None
    for entry in found.values():
        if _technique(entry).family != "forest":
            raise ConfigError(f"{path}: {entry['technique']} makes no forest")
    return found


def leaves_of(point: Point, config: Config) -> Config:
    """The configuration with the widths of leaves that the point's forests have."""
    forest = config.forest
    widths = {kind: int(point[kind]["settings"].get("leaf_bits", 12)) for kind in KINDS}
    for width in widths.values():
        if width not in LEAF_BITS:
            raise ConfigError(f"leaf_bits {width} of a point: from {LEAF_BITS.start} to {LEAF_BITS.stop - 1}")
    device = replace(forest.device, leaf_bits=widths["device"])
    remaining = replace(forest.remaining, leaf_bits=widths["remaining"])
    few_leaf_bits = max(widths.values())
    return replace(config, forest=replace(forest, device=device, remaining=remaining, few_leaf_bits=few_leaf_bits))


class PointGrower:
    """What `train.models.fit.fit` takes as `grow`: each forest by its technique."""

    def __init__(self, point: Point) -> None:
        self.point = point

    def __call__(self, kind: str, rows: TrainingRows, n_devices: int, config: Config) -> bytes:
        """XGBoost's JSON of one forest on these rows; raises ConfigError for settings the technique does not take."""
        entry = self.point[kind]
        task = forest_task(rows, "device" if kind == "device" else "remaining", n_devices, config)
        try:
            model: bytes = _technique(entry).compress(task, **entry["settings"]).model
        except TypeError as error:
            raise ConfigError(f"{entry['technique']}: settings do not fit: {error}; run the study again") from None
        return model


def _technique(entry: Mapping[str, Any]) -> Technique:
    return find_technique(str(entry["technique"]))
