"""Deep compression (Han et al. 2016): prune, share what is left among few values, Huffman-code them.

The decoder is C that the board runs: it takes a weight's bits when the weight is needed. What it costs in instructions
stands in the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.compress.coded_network import CodedNetwork, c_files, quantise, run, to_floats
from train.compress.leaf_sharing import k_means
from train.compress.magnitude_pruning import pruned
from train.compress.network_task import CompressedNetwork, NetworkTask, Outputs
from train.compress.surrogate import to_tflite, whole

LAYERS = ("first", "last", "device", "remaining")
N_REPRESENTATIVE = 2000


def compress(task: NetworkTask, *, sparsity: float = 0.9, n_values: int = 16) -> CompressedNetwork:
    """Prune the whole network to `sparsity`, share `n_values` values a layer (zero one of them), code, deploy."""
    model = pruned(task, whole(task), task.tuning_epochs, sparsity)
    tables = share_values(model, n_values)
    return coded(task, model, tables, "huffman")


def share_values(model: Any, n_values: int) -> list[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Values and symbols [n_out, n_in] of each layer; the model's kernels become what they say."""
    tables = []
    for name in LAYERS:
        kernel, bias = model.get_layer(name).get_weights()
        left = kernel[kernel != 0].astype(np.float64)
        centres = k_means(left, np.ones(len(left)), n_values - 1) if len(left) else np.zeros(0)
        values = np.concatenate([[0.0], centres]).astype(np.float32)
        symbols = np.abs(kernel.T[:, :, None] - values).argmin(axis=2).astype(np.uint8)
        symbols[kernel.T == 0] = 0
        model.get_layer(name).set_weights([values[symbols].T, bias])
        tables.append((values, symbols))
    return tables


def coded(
    task: NetworkTask, model: Any, tables: Sequence[tuple[NDArray[np.float32], NDArray[np.uint8]]], code: Any
) -> CompressedNetwork:
    """The model as C with coded weights; the .tflite stands beside it for comparison."""
    layers = [(*model.get_layer(name).get_weights(), name in LAYERS[:2]) for name in LAYERS]
    every = np.linspace(0, len(task.lessons.x) - 1, min(len(task.lessons.x), N_REPRESENTATIVE)).astype(int)
    network = quantise(layers, tables, task.lessons.x[every], 2, code)
    data = to_tflite(model, [task.lessons.x])

    def answer(features: NDArray[np.float32], _: NDArray[np.intp]) -> Outputs:
        return answers_of(network, np.round(task.inputs.encode(features) * 127).astype(np.int8))

    return CompressedNetwork(data, answer, c_files=c_files(network))


def answers_of(network: CodedNetwork, x: NDArray[np.int8]) -> Outputs:
    """Logits and roots of input bytes [n, n_inputs]."""
    heads = network.layers[-2:]
    device, remaining = (to_floats(layer, output) for layer, output in zip(heads, run(network, x), strict=True))
    return device, remaining
