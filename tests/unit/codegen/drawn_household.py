"""Households with tables drawn at random within their bounds: nothing learnt, every rule reached."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from train.artifact import MANIFEST, SCHEMA, manifest_hash
from train.artifact_household import CAR_FIELDS, KIND, N_ENERGY, PROFILE, RULE_FIELDS, Household, load_household
from train.features.household import household_version

CARS = ("leaf_40", "model_3_sr", "id3", "zoe", "i3", "e_up", "kona", "citigo_e")
# Where drawing from the whole range would leave nothing to decide.
USUAL = {
    "centre": (0, 30_000),
    "limit_permille": (900, 1000),
    "low_limit_permille": (900, 1000),
    "phases": (0, 3),
    "ceiling_ma": (10_000, 32_000),
    "dc_mv_per_soc": (0, 600),
    "energy_per_soc_wh": (0, 900),
    "usual_power_w": (2_000, 11_000),
    "taper_wh": (0, 6_000),
    "taper_s": (0, 5_000),
    "level_s": (0, 9_000),
    "curve_w": (5_000, 150_000),
    "weight": (0, 300),
    "plateau_weight": (0, 2_000),
    "power_weight": (0, 2_000),
    "phases_cost": (0, 9_000),
    "set_within": (0, 40_000),
    "unknown_above": (0, 60_000),
    "confidence_multiplier": (0, 400),
    "done_q10": (0, 3_000),
    "target_q10": (0, 3_000),
    "done_plus_s": (-300, 300),
    "target_plus_s": (-300, 300),
    "dc_unknown_above": (0, 60_000),
}


def write_household(folder: Path, seed: int, n_cars: int = 3) -> Household:
    """An artifact of drawn tables, loaded again."""
    source = random.Random(seed)
    cars = CARS[:n_cars]
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": KIND,
        "profile": PROFILE,
        "name": "drawn",
        "household_version": household_version(),
        "features_version": 1,
        "cars": list(cars),
        "tables": {car: _drawn(CAR_FIELDS, source) for car in cars},
        "other": _drawn(CAR_FIELDS, source),
        "rules": _drawn(RULE_FIELDS, source),
        "split": {"train": []},
        "data": {"hash": f"sha256:{seed:064x}", "charges": 0, "units": 0, "source": "drawn", "household": "nobody"},
        "training": {"units": []},
        "versions": {},
        "files": {},
    }
    manifest["hash"] = manifest_hash(manifest)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="ascii")
    return load_household(folder)


def _drawn(fields: dict[str, tuple[int, int, int]] | Any, source: random.Random) -> dict[str, Any]:
    whole = source.random() < 0.2
    found: dict[str, Any] = {}
    for name, (count, least, most) in fields.items():
        low, high = (least, most) if whole else USUAL.get(name, (least, most))
        values = [source.randint(low, high) for _ in range(max(count, 1))]
        found[name] = values if count else values[0]
    if "energy_wh" in found:
        found["energy_wh"] = sorted(source.sample(range(1_000_000 if whole else 60_000), N_ENERGY))
        ends = [source.choice([100, source.randint(0, 100)]) for _ in range(6)]
        found["usual_end_pct"] = sorted(ends[:3]) + sorted(ends[3:])
        found["level_s"] = [65_535 if source.random() < 0.2 else value for value in found["level_s"]]
    return found
