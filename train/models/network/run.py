"""An int8 network as TFLite Micro runs it, row by row, with what it remembers: what the board must give."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.artifact_network import Network
from train.errors import TrainError
from train.features import Features, encode, extract
from train.models.answering import Outputs
from train.models.network.samples import tick_samples
from train.sessions.types import Charge


class Runner:
    """TFLite Micro with one graph; raises TrainError where its package is not there."""

    def __init__(self, data: bytes, network: Network) -> None:
        try:
            from tflite_micro.python.tflite_micro import runtime
        except ImportError as error:
            raise TrainError(
                f"int8 networks are run by TFLite Micro, which is not there ({error}); its package is for Linux on "
                "x86-64 and Python 3.11: make network"
            ) from None
        self.network, self.data = network, data
        self._interpreter: Any = runtime.Interpreter.from_bytes(data)
        self._shapes = _shapes(self._interpreter.get_input_details, network.input_bytes)
        self._n_outputs = len(_shapes(self._interpreter.get_output_details, network.output_bytes))

    def invoke(self, row: NDArray[np.int8]) -> NDArray[np.int8]:
        """Output bytes of input bytes."""
        at = 0
        for index, (shape, size) in enumerate(self._shapes):
            self._interpreter.set_input(row[at : at + size].reshape(shape), index)
            at += size
        self._interpreter.invoke()
        return np.concatenate([self._interpreter.get_output(k).ravel() for k in range(self._n_outputs)])

    def charge(
        self, x: NDArray[np.int32], writes: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int8], NDArray[np.int8], NDArray[np.int8]]:
        """Feed a charge's rows [n, n_features] in order; `writes` [n] are those that begin a tick.

        Returns input bytes [n, input_bytes], output bytes [n, output_bytes], and the bytes kept after each [n, n_kept].
        """
        network = self.network
        rows = np.empty((len(x), network.input_bytes), np.int8)
        out = np.empty((len(x), network.output_bytes), np.int8)
        kept = np.empty((len(x), network.n_kept), np.int8)
        rows[:, network.inputs_at : network.inputs_at + len(network.inputs)] = encode(x, network.inputs)
        latest = encode(x, network.row)
        memory = np.full(network.n_kept, network.kept_zero, np.int8)
        end = network.kept_at + network.n_kept
        for index in range(len(x)):
            rows[index, network.kept_at : end] = memory
            rows[index, end : end + len(network.row)] = latest[index]
            out[index] = self.invoke(rows[index])
            if writes[index] and network.n_kept:
                memory = self._next(memory, latest[index], out[index])
            kept[index] = memory
        return rows, out, kept

    def _next(self, memory: NDArray[np.int8], latest: NDArray[np.int8], out: NDArray[np.int8]) -> NDArray[np.int8]:
        network = self.network
        if network.row:
            return np.concatenate([memory[len(network.row) :], latest])
        return out[network.next_at : network.next_at + network.n_kept].copy()


def tick_numbers(t_ms: NDArray[np.uint32], tick_ms: int) -> NDArray[np.int64]:
    """Ticks that have begun at each sample [n], 1 at the first: what the core counts."""
    elapsed_ms: NDArray[np.int64] = (t_ms - t_ms[0]).astype(np.int64)
    return elapsed_ms // tick_ms + 1


def rows_with_ticks(
    t_ms: NDArray[np.uint32], wanted: NDArray[np.intp], network: Network
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The samples to run for answers at `wanted`: those, and every one before the last of them that begins a tick."""
    ticks = tick_samples(t_ms, network.tick_ms)
    if network.n_kept == 0:
        return wanted, np.isin(wanted, ticks)
    rows = np.union1d(ticks[ticks <= wanted.max(initial=-1)], wanted).astype(np.intp)
    return rows, np.isin(rows, ticks)


def network_outputs_at(runner: Runner, charge: Charge, rows: NDArray[np.intp]) -> Outputs:
    """Outputs after the samples `rows`, ascending strictly; the network is run at every tick before them as well."""
    network = runner.network
    samples, writes = rows_with_ticks(charge.t_ms, rows, network)
    found = extract(charge, samples)
    _, out, _ = runner.charge(found.x, writes)
    at = np.searchsorted(samples, rows)
    margin = margins(network, out[at]) if network.n_margins else np.zeros((len(rows), 1), np.int32)
    chosen = replace(found, **{item.name: getattr(found, item.name)[at] for item in fields(Features)})
    return Outputs(chosen, margin, remaining(network, out[at]))


def margins(network: Network, out: NDArray[np.int8]) -> NDArray[np.int32]:
    """The device's integer outputs [n, n_margins] of output bytes [n, output_bytes]."""
    own = out[:, network.margins_at : network.margins_at + network.n_margins].astype(np.int32)
    above_zero: NDArray[np.int32] = own - np.int32(network.margin_zero)
    scaled: NDArray[np.int32] = above_zero * np.int32(network.margin_multiplier)
    return scaled


def remaining(network: Network, out: NDArray[np.int8]) -> NDArray[np.int32]:
    """The remaining time's integer outputs [n, 3], whole seconds, of output bytes [n, output_bytes]."""
    own = out[:, network.roots_at : network.roots_at + 3].astype(np.int64)
    root = np.maximum(own - network.root_zero, 0).astype(np.uint64)
    half = np.uint64(1 << (network.root_shift - 1))
    seconds = (root * root * np.uint64(network.root_multiplier) + half) >> np.uint64(network.root_shift)
    limited: NDArray[np.int32] = np.minimum(seconds, np.uint64((1 << 24) - 1)).astype(np.int32)
    return limited


def _shapes(details: Any, n_bytes: int) -> list[tuple[tuple[int, ...], int]]:
    """Shapes and sizes of a graph's inputs or outputs: as many as fill `n_bytes`."""
    found: list[tuple[tuple[int, ...], int]] = []
    while sum(size for _, size in found) < n_bytes:
        shape = tuple(int(length) for length in details(len(found))["shape"])
        found.append((shape, int(np.prod(shape))))
    return found
