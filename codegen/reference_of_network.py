"""What surrounds a network's graph, in NumPy int64: docs/artifact.md again, independent of the C and of train.

TFLite Micro has run the graph; here its input bytes are made once more from the features and from what it gave before,
and its output bytes become the integer outputs of both kinds.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from codegen.errors import MismatchError

if TYPE_CHECKING:
    from train.artifact_network import Network, NetworkInput

MISSING_FEATURE = -(1 << 31)
MISSING_BYTE = -128
REMAINING_MAX_S = (1 << 24) - 1


def encoded(x: NDArray[Any], inputs: Sequence[NetworkInput]) -> NDArray[np.int64]:
    """Bytes [n, inputs] of features [n, n_features]: a ramp from -127 to 127, halves up; -128 where missing."""
    columns = []
    for item in inputs:
        value = np.asarray(x[:, item.feature], np.int64)
        steps = (value - item.offset).clip(0) * item.multiplier
        half = (1 << item.shift) >> 1
        column = np.minimum((steps + half) >> item.shift, 254) - 127
        columns.append(np.where(value == MISSING_FEATURE, MISSING_BYTE, column))
    return np.stack(columns, axis=1) if columns else np.empty((len(x), 0), np.int64)


def replayed(
    network: Network, x: NDArray[Any], t_ms: NDArray[Any], out: NDArray[np.int8]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Input bytes [n, input_bytes] of a charge's samples, from its features and the outputs [n, output_bytes].

    Also ticks begun [n], and the bytes kept after each sample [n, n_kept].
    """
    elapsed_ms = (np.asarray(t_ms, np.int64) - int(t_ms[0])) % (1 << 32)
    ticks = elapsed_ms // network.tick_ms + 1
    rows = np.zeros((len(x), network.input_bytes), np.int64)
    rows[:, network.inputs_at : network.inputs_at + len(network.inputs)] = encoded(x, network.inputs)
    latest = encoded(x, network.row)
    states = np.asarray(out[:, network.next_at : network.next_at + network.n_kept], np.int64)
    writes = np.diff(ticks, prepend=0) != 0
    memory = [np.full(network.n_kept, network.kept_zero, np.int64)]
    for index in np.flatnonzero(writes):
        older = memory[-1][len(network.row) :]
        memory.append(np.concatenate([older, latest[index]]) if network.row else states[index])
    kept = np.stack(memory)[np.concatenate([[0], np.cumsum(writes)])]  # [n + 1]: before the first, after each
    end = network.kept_at + network.n_kept
    rows[:, network.kept_at : end] = kept[:-1]
    rows[:, end : end + len(network.row)] = latest
    return rows, ticks, kept[1:]


def state_crcs(features_crc: NDArray[Any], ticks: NDArray[np.int64], kept: NDArray[np.int64]) -> NDArray[np.uint32]:
    """CRC-32 [n] of the features' state, the ticks in four bytes and the bytes kept, one after the other."""
    counted, bytes_kept = ticks.astype("<u4"), kept.astype(np.int8)
    found = [
        zlib.crc32(counted[index].tobytes() + bytes_kept[index].tobytes(), int(features_crc[index]))
        for index in range(len(ticks))
    ]
    return np.array(found, np.uint32)


def network_margins(network: Network, out: NDArray[np.int8]) -> NDArray[np.int64]:
    """The device's integer outputs [n, n_margins]."""
    own = np.asarray(out[:, network.margins_at : network.margins_at + network.n_margins], np.int64)
    return (own - network.margin_zero) * network.margin_multiplier


def network_seconds(network: Network, out: NDArray[np.int8]) -> NDArray[np.int64]:
    """The remaining time's integer outputs [n, 3]; Python's integers, so that no product is too large."""
    own = np.asarray(out[:, network.roots_at : network.roots_at + 3], np.int64) - network.root_zero
    half = 1 << (network.root_shift - 1)
    table = [
        min(REMAINING_MAX_S, (root * root * network.root_multiplier + half) >> network.root_shift)
        for root in range(256)
    ]
    seconds: NDArray[np.int64] = np.array(table, np.int64)[own.clip(0)]
    return seconds


def check_inputs(given: NDArray[np.int8], rows: NDArray[np.int64], session: str) -> None:
    """Raise MismatchError where the bytes that TFLite Micro was given are not those of the rules."""
    wrong = np.argwhere(given != rows)
    if wrong.size:
        sample, byte = (int(index) for index in wrong[0])
        raise MismatchError(
            f"network: session {session}, sample {sample}, input byte {byte}: predictions have "
            f"{given[sample, byte]}, the rules give {rows[sample, byte]}; predict again"
        )
