"""The network techniques of the study."""

from __future__ import annotations

from train.compress.technique import Setting, Technique

_BASE = ("network_task", "surrogate")

NETWORK_TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        "post_training_int8",
        "network",
        "post-training int8",
        (
            Setting("the whole network", quick=True),
            Setting("none: the whole network in float32", {"quantised": False}, quick=True),
            Setting("24 and 16 units from the start", {"units": 24, "hidden": 16}, quick=True),
        ),
        _BASE,
    ),
    Technique(
        "magnitude_pruning",
        "network",
        "magnitude pruning",
        (
            Setting("0.5 → 0.9 while fine-tuning, then int8: the published study", quick=True),
            Setting("0.5 → 0.9 while training", {"fine_tuned": False}),
            Setting("two of four", {"two_of_four": True}, quick=True),
        ),
        _BASE,
    ),
    Technique(
        "unit_pruning",
        "network",
        "unit pruning",
        (
            Setting("48 and 32 units", {"units": 48, "hidden": 32}),
            Setting("36 and 24 units", {"units": 36, "hidden": 24}),
            Setting("24 and 16 units", {"units": 24, "hidden": 16}, quick=True),
        ),
        _BASE,
    ),
    Technique("weight_clustering", "network", "weight clustering", (Setting("16 values", quick=True),), _BASE),
    Technique(
        "l0_gates",
        "network",
        "L0 gates",
        (Setting("0.001 a unit", {"price": 0.001}), Setting("0.004 a unit", {"price": 0.004}, quick=True)),
        (*_BASE, "unit_pruning"),
    ),
    Technique(
        "hashed_weights",
        "network",
        "hashed weights",
        (
            Setting("256 values a layer", {"n_values": 256}),
            Setting("128 values a layer", {"n_values": 128}, quick=True),
        ),
        (*_BASE, "coded_network", "deep_compression"),
    ),
    Technique(
        "low_rank",
        "network",
        "low rank",
        (Setting("rank 16", {"rank": 16}), Setting("rank 8", {"rank": 8}, quick=True)),
        _BASE,
    ),
    Technique(
        "quantisation_aware",
        "network",
        "quantisation-aware training",
        (
            Setting("alone", quick=True),
            Setting("keeping pruned zeros (PQAT)", {"prune": True}),
            Setting("keeping clusters (CQAT)", {"cluster": True}),
            Setting("keeping both (PCQAT)", {"prune": True, "cluster": True}),
        ),
        (*_BASE, "magnitude_pruning", "weight_clustering"),
    ),
    Technique(
        "deep_compression",
        "network",
        "deep compression",
        (Setting("90 % pruned, 16 values, Huffman", quick=True), Setting("75 % pruned, 16 values", {"sparsity": 0.75})),
        (*_BASE, "coded_network", "magnitude_pruning"),
    ),
    Technique(
        "distil_network",
        "network",
        "distillation from the forest",
        (Setting("24 and 16 units", {"units": 24, "hidden": 16}, quick=True),),
        _BASE,
    ),
    Technique(
        "depthwise_separable",
        "network",
        "depthwise-separable factorisation",
        (Setting("factored", quick=True), Setting("none: whole convolutions", {"separable": False})),
        _BASE,
    ),
    Technique("step_cell", "network", "recurrent step cell", (Setting("GRU of 24 units", quick=True),), _BASE),
)

SEARCHED = Technique(
    "network_search",
    "network",
    "searched networks",
    (),
    (*_BASE, "unit_pruning", "distil_network", "quantisation_aware", "post_training_int8"),
)
