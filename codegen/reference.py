"""The answers a board must give, in NumPy int64: docs/artifact.md again, independent of the C and of train.

The device here, the remaining time in reference_estimate.py, what is unfamiliar in reference_history.py.

XGBoost itself decides every branch (its pred_leaf); here leaves are looked up in the model file, scaled, summed and
turned into answers. Its own float margins bound how far the integers may stray.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from codegen.errors import MismatchError, ModelError
from codegen.ir.forest import Forest, Leaf, walk
from codegen.reference_estimate import output_seconds, remaining_answers

if TYPE_CHECKING:
    from train.artifact import EstimateRules, Softmax

FLAG_UNKNOWN = 0x01
FLAG_PHASE_SHIFT = 1
FLAG_NO_DEVICE = 0x08
# round(65535 * 2**(-i/64)): likelihoods of classes relative to the likeliest
_EXP2 = np.array([round(65535 * 2 ** (-i / 64)) for i in range(64)], dtype=np.uint64)
_WEIGHT_END = 16384


@dataclass(frozen=True, slots=True)
class Answers:
    """What a board answers to n samples, apart from the state CRC."""

    device: NDArray[np.uint8]  # [n]
    confidence_permille: NDArray[np.uint16]  # [n]
    remaining_s: NDArray[np.int32]  # [n, 3], ascending
    flags: NDArray[np.uint8]  # [n]


def answers_from_outputs(
    margin: NDArray[Any],
    quantile: NDArray[Any],
    phase: NDArray[Any],
    *,
    softmax: Softmax | None,
    unknown_below_permille: int,
    remaining_shift: int,
    elapsed_ms: NDArray[Any],
    offsets: NDArray[Any],
    estimate: EstimateRules,
    unfamiliar: NDArray[np.bool_] | None = None,
) -> Answers:
    """Integer outputs to answers, n samples of whole charges.

    margin [n, devices] (not read without softmax), quantile [n, 3], phase [n], elapsed_ms [n] since a charge's first
    sample; charge i is rows offsets[i] to offsets[i+1]. unfamiliar [n]: lies too far from the device's prototypes.
    """
    phases = np.asarray(phase, dtype=np.int64)
    flags = phases << FLAG_PHASE_SHIFT
    if softmax is None:
        device, confidence = np.zeros_like(phases), np.zeros_like(phases)
        flags = flags | FLAG_NO_DEVICE
    else:
        device, confidence = _device(np.asarray(margin, dtype=np.int64), softmax)
        unknown = confidence < unknown_below_permille
        unknown = unknown if unfamiliar is None else unknown | unfamiliar
        flags = flags | np.where(unknown, FLAG_UNKNOWN, 0)
    seconds = output_seconds(np.asarray(quantile, np.int64), device, elapsed_ms, remaining_shift, estimate)
    return Answers(
        device=device.astype(np.uint8),
        confidence_permille=confidence.astype(np.uint16),
        remaining_s=remaining_answers(seconds, phases, np.asarray(elapsed_ms, np.int64), offsets, estimate),
        flags=flags.astype(np.uint8),
    )


def _device(margin: NDArray[np.int64], softmax: Softmax) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Likeliest class, lowest index first, and its permille. Products stay below 2**64: both factors below 2**32."""
    device = margin.argmax(axis=1)
    difference = (margin.max(axis=1, keepdims=True) - margin).astype(np.uint64)
    z = (difference * np.uint64(softmax.multiplier)) >> np.uint64(softmax.shift)
    ended = z >= _WEIGHT_END
    z = np.where(ended, np.uint64(0), z)
    weight = np.where(ended, np.uint64(0), _EXP2[(z & np.uint64(1023)) >> np.uint64(4)] >> (z >> np.uint64(10)))
    total = weight.sum(axis=1).astype(np.int64)
    likeliest = np.take_along_axis(weight, device[:, None], axis=1)[:, 0].astype(np.int64)
    return device, (1000 * likeliest + total // 2) // total


def outputs_from_leaves(
    forest: Forest, leaves: NDArray[Any], scale_log2: int, leaf_bits: int | None = None
) -> NDArray[np.int64]:
    """Integer outputs [n, outputs] of XGBoost's leaf node ids [n, trees]; raises ModelError for an id without leaf."""
    n_rows, n_trees = leaves.shape
    if n_trees != len(forest.trees):
        raise ModelError(f"{n_trees} leaf columns for {len(forest.trees)} trees; predict again with this model")
    outputs = np.tile(np.rint(np.array(forest.base) * 2.0**scale_log2).astype(np.int64), (n_rows, 1))
    for index, tree in enumerate(forest.trees):
        nodes = sorted((node for node in walk(tree.root) if isinstance(node, Leaf)), key=lambda leaf: leaf.node_id)
        ids = np.array([leaf.node_id for leaf in nodes], dtype=np.int64)
        values, _ = quantised_leaves(np.array([leaf.value for leaf in nodes], np.float64), scale_log2, leaf_bits)
        outputs[:, tree.output] += values[_look_up(ids, leaves[:, index], index)]
    return outputs


def quantised_leaves(
    values: NDArray[np.float64], scale_log2: int, leaf_bits: int | None
) -> tuple[NDArray[np.int64], int]:
    """A tree's leaves in units of 2**-scale_log2, and the shift s: multiples of 2**s, spanning less than 2**leaf_bits.

    s is the least that does, 0 without leaf_bits (docs/artifact.md). Products with powers of two are exact.
    """
    shift = 0
    while True:
        steps = np.rint(values * 2.0 ** (scale_log2 - shift)).astype(np.int64)
        if leaf_bits is None or int(steps.max() - steps.min()) < 1 << leaf_bits:
            return steps << shift, shift
        shift += 1


def _look_up(known: NDArray[np.int64], ids: NDArray[Any], tree: int) -> NDArray[np.intp]:
    """Where each id [n] stands in the sorted `known`."""
    at = np.searchsorted(known, ids).clip(max=len(known) - 1)
    strange = np.flatnonzero(known[at] != ids)
    if strange.size:
        raise ModelError(
            f"row {strange[0]}, tree {tree}: node {ids[strange[0]]} is no leaf of the model file; "
            "predict again with this model"
        )
    return at


def check_margins(
    forest: Forest,
    outputs: NDArray[np.int64],
    margins: NDArray[np.float32],
    scale_log2: int,
    model: str,
    leaf_bits: int | None = None,
) -> None:
    """Raise MismatchError where outputs * 2**-k lies farther from XGBoost's margins than rounding explains.

    Each addend is rounded by at most half a unit of 2**-k, a leaf by half of its tree's 2**(s - k). XGBoost's float32
    sum is rounded once a tree, by at most 2**-24 of a partial sum, none of which exceeds |base| + the largest leaves
    (and its own rounding: 0.1 %).
    """
    if outputs.shape != margins.shape:
        raise ModelError(f"{model}: margins of shape {margins.shape} for outputs of {outputs.shape}; predict again")
    if not outputs.size:
        return
    n_trees = np.zeros(forest.n_outputs)
    halves = np.full(forest.n_outputs, 2.0 ** -(scale_log2 + 1))  # of the base margin, and then of each tree
    largest = np.abs(np.array(forest.base, dtype=np.float64))
    for tree in forest.trees:
        values = np.array([node.value for node in walk(tree.root) if isinstance(node, Leaf)], np.float64)
        n_trees[tree.output] += 1
        halves[tree.output] += 2.0 ** (quantised_leaves(values, scale_log2, leaf_bits)[1] - scale_log2 - 1)
        largest[tree.output] += np.abs(values).max()
    bound = halves + n_trees * largest * 1.001 * 2.0**-24
    error = np.abs(outputs * 2.0**-scale_log2 - margins.astype(np.float64))
    wrong = np.argwhere(~(error <= bound))
    if wrong.size:
        row, output = (int(index) for index in wrong[0])
        raise MismatchError(
            f"{model}: row {row}, output {output}: integers give {outputs[row, output] * 2.0**-scale_log2:.6g}, "
            f"XGBoost {margins[row, output]:.6g}, rounding explains {bound[output]:.2g}; "
            "model file and predictions differ"
        )
