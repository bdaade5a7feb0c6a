"""The techniques that `python -m train compare` puts side by side. To add one: a file beside this, and an entry."""

from __future__ import annotations

from typing import Any

from train.compress.forest_combination import settings_of
from train.compress.forest_task import KINDS
from train.compress.network_techniques import NETWORK_TECHNIQUES, SEARCHED
from train.compress.technique import Setting, Technique
from train.config import Forests
from train.errors import ConfigError

_SMALL = {"device": {"rounds": 12, "eta": 0.5, "gamma": 0.5}, "remaining": {"rounds": 20, "eta": 0.4}}

DEFAULT = "the default model"
AS_BUILT = {"device": "fast", "remaining": "balanced"}  # the styles of its C
_DEFAULT: dict[str, dict[str, Any]] = {kind: settings_of(getattr(Forests(), kind)) for kind in KINDS}
_BEST = {
    "tails of a twelfth, refined, 6 and 7 bits": {
        "device": {
            "rounds": 10, "eta": 0.5, "max_bin": 128, "gamma": 0.3, "min_child_weight": 0.1, "penalty": 0.1,
            "leaf_bits": 6,
        },
        "remaining": {"rounds": 25, "eta": 0.3, "min_child_weight": 2.0, "tails": 0.08, "leaf_bits": 7},
        "refined": True,
    },
    "tails of a tenth, refined, 7 and 6 bits": {
        "device": {"rounds": 16, "eta": 0.4, "gamma": 0.3, "min_child_weight": 0.1, "keep": 0.75, "leaf_bits": 7},
        "remaining": {"rounds": 15, "eta": 0.35, "min_child_weight": 8.0, "tails": 0.1, "leaf_bits": 6},
        "refined": True,
    },
    "pruned by a quarter, tails of a tenth, refined, 6 bits": {
        "device": {
            "rounds": 12, "eta": 0.5, "max_bin": 128, "gamma": 0.3, "min_child_weight": 0.1, "keep": 0.75,
            "leaf_bits": 6,
        },
        "remaining": {
            "rounds": 25, "eta": 0.3, "min_child_weight": 2.0, "keep": 0.72, "tails": 0.1, "leaf_bits": 6,
        },
        "refined": True,
    },
}  # fmt: skip

FOREST_TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        "uncompressed",
        "forest",
        "the uncompressed forest",
        (
            Setting("m2cgen's C", quick=True),
            Setting("m2cgen's C on integer features", {"style": "m2cgen-int32"}),
        ),
    ),
    Technique(
        "leaf_width",
        "forest",
        "leaf quantisation",
        tuple(Setting(f"{bits} bits", {"leaf_bits": bits}, quick=bits in (12, 6)) for bits in (16, 12, 8, 6, 4)),
    ),
    Technique(
        "retrain_small",
        "forest",
        "retraining small",
        (
            Setting("12 and 15 rounds", quick=True),
            Setting("12 and 20 rounds, max_bin 64", {**_SMALL, "max_bin": 64}),
            Setting("depth 4, max_bin 64", {**_SMALL, "max_depth": 4, "max_bin": 64}),
            Setting("depth 4, max_bin 32", {**_SMALL, "max_depth": 4, "max_bin": 32}),
            Setting("depth 3, max_bin 32", {**_SMALL, "max_depth": 3, "max_bin": 32}),
            Setting(
                "6 and 10 rounds",
                {
                    "device": {"rounds": 6, "eta": 0.6, "gamma": 0.5},
                    "remaining": {"rounds": 10, "eta": 0.5},
                    "max_bin": 64,
                },
            ),
            Setting(
                "3 and 6 rounds, depth 4",
                {
                    "device": {"rounds": 3, "eta": 0.7, "gamma": 0.5},
                    "remaining": {"rounds": 6, "eta": 0.6},
                    "max_depth": 4,
                    "max_bin": 64,
                },
            ),
            Setting(
                "a price on splits (gamma)",
                {"device": {"rounds": 12, "eta": 0.5, "gamma": 2.0}, "remaining": {"rounds": 20, "gamma": 2.0}},
            ),
        ),
    ),
    Technique(
        "fewer_features",
        "forest",
        "fewer features",
        (
            Setting("24", {"n_features": 24}),
            Setting("16", {"n_features": 16}, quick=True),
            Setting("10", {"n_features": 10}),
        ),
    ),
    Technique(
        "slice_rounds",
        "forest",
        "slicing",
        (Setting("25 rounds", {"rounds": 25}), Setting("12 rounds", {"rounds": 12}, quick=True)),
    ),
    Technique(
        "prune_updater",
        "forest",
        "XGBoost's prune updater",
        (
            Setting("gamma 0.5", {"device": {"gamma": 0.5}, "remaining": {"gamma": 0.5}}, quick=True),
            Setting("gamma 2", {"device": {"gamma": 2.0}, "remaining": {"gamma": 2.0}}),
        ),
    ),
    Technique(
        "cost_complexity",
        "forest",
        "cost-complexity pruning",
        (
            Setting("25 rounds, a quarter of the splits", {"rounds": 25, "keep": 0.25}, quick=True),
            Setting("the same, leaves as they were", {"rounds": 25, "keep": 0.25, "refined": False}),
            Setting("25 rounds, a tenth", {"rounds": 25, "keep": 0.1}),
            Setting("12 rounds, a fifth", {"rounds": 12, "keep": 0.2}),
        ),
        ("leaf_refinement", "forest_trees"),
    ),
    Technique(
        "leaf_refinement",
        "forest",
        "slicing, then leaf refinement",
        (Setting("12 rounds", {"rounds": 12}, quick=True), Setting("6 rounds", {"rounds": 6})),
    ),
    Technique(
        "leaf_sharing",
        "forest",
        "leaf sharing",
        (
            Setting("16 values", {"n_values": 16, "leaf_bits": 8}, quick=True),
            Setting("8 values of 12 rounds", {"n_values": 8, "rounds": 12, "leaf_bits": 8}),
        ),
    ),
    Technique(
        "threshold_sharing",
        "forest",
        "threshold sharing",
        (
            Setting("a quarter, 12 rounds", {"share": 0.25, "rounds": 12}, quick=True),
            Setting("a tenth, 12 rounds", {"share": 0.1, "rounds": 12}),
        ),
        ("leaf_refinement",),
    ),
    Technique(
        "reuse_penalty",
        "forest",
        "re-use penalties (ToaD)",
        (
            Setting("0.05 of a split's gain", {"penalty": 0.05, "max_bin": 64}, quick=True),
            Setting("0.3 of a split's gain", {"penalty": 0.3, "max_bin": 64}),
            Setting("1 split's gain", {"penalty": 1.0, "max_bin": 64}),
        ),
    ),
    Technique(
        "distil_forest",
        "forest",
        "distillation into a smaller forest",
        (
            Setting(
                "6 and 10 rounds",
                {"device": {"rounds": 6, "eta": 0.6}, "remaining": {"rounds": 10, "eta": 0.5}, "max_bin": 64},
                quick=True,
            ),
            Setting("12 and 15 rounds", {"max_bin": 64}),
        ),
    ),
    Technique(
        "forest_combination",
        "forest",
        "combinations",
        (
            Setting(
                "small, pruned by half, refined, 8 bits",
                {"max_bin": 64, "keep": 0.5, "refined": True, "leaf_bits": 8},
                quick=True,
            ),
            Setting(
                "16 features, re-use 0.3, refined, 8 bits",
                {"n_features": 16, "penalty": 0.3, "max_bin": 64, "refined": True, "leaf_bits": 8},
            ),
            Setting(DEFAULT, _DEFAULT),
            Setting(
                f"{DEFAULT}, as built", {kind: {**_DEFAULT[kind], "style": style} for kind, style in AS_BUILT.items()}
            ),
            *(
                Setting(f"{label}{words}", {**settings, **style})
                for words, style in (("", {}), (", in faster C", {"style": "balanced"}))
                for label, settings in _BEST.items()
            ),
        ),
        ("cost_complexity", "leaf_refinement", "threshold_sharing", "reuse_penalty", "leaf_sharing", "forest_trees"),
    ),
)

TECHNIQUES = (*FOREST_TECHNIQUES, *NETWORK_TECHNIQUES)


def find_techniques(names: list[str] | None) -> tuple[Technique, ...]:
    """The techniques of those names or families, all without; raises ConfigError naming those there are."""
    if not names:
        return TECHNIQUES
    known = {technique.name for technique in TECHNIQUES} | {technique.family for technique in TECHNIQUES}
    for name in names:
        if name not in known:
            raise ConfigError(f"--techniques {name}: not known; known: {' '.join(sorted(known))}")
    return tuple(technique for technique in TECHNIQUES if technique.name in names or technique.family in names)


def find_technique(name: str) -> Technique:
    """The technique of that name; raises ConfigError."""
    return SEARCHED if name == SEARCHED.name else find_techniques([name])[0]
