"""The network of an artifact: one int8 graph, how features reach it and how its outputs are read (docs/artifact.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

FEATURE_MAX = (1 << 24) - 1
STATE_MAX_BYTES = 256  # of the features, ticks and the bytes kept: what the state CRC runs over
TICKS_BYTES = 4


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """One input byte: a feature's values from `offset` on, (x - offset) * multiplier / 2**shift, to nearest, - 127."""

    feature: int
    offset: int
    multiplier: int
    shift: int


@dataclass(frozen=True, slots=True)
class Network:
    """A graph's bytes by what they mean; positions count bytes of its inputs, or outputs, in the graph's order."""

    file: str
    topology: str
    inputs: tuple[NetworkInput, ...]  # of the latest features
    row: tuple[NetworkInput, ...]  # of a row of the window; none without a window
    input_bytes: int
    output_bytes: int
    inputs_at: int
    kept_at: int
    n_kept: int  # a window's rows but the latest, oldest first, or a recurrent state
    kept_zero: int
    tick_ms: int
    margins_at: int
    n_margins: int
    margin_zero: int
    margin_multiplier: int
    roots_at: int
    root_zero: int
    root_multiplier: int
    root_shift: int
    next_at: int  # the recurrent state after a sample; 0 without one

    def entry(self) -> dict[str, Any]:
        """The manifest's `network`; an input is [feature, offset, multiplier, shift]."""
        lists = {name: [list(asdict(item).values()) for item in getattr(self, name)] for name in ("inputs", "row")}
        return asdict(self) | lists


_RANGES = {
    "input_bytes": (1, 4096),
    "output_bytes": (1, 1024),
    "inputs_at": (0, 4095),
    "kept_at": (0, 4095),
    "n_kept": (0, 255),
    "kept_zero": (-128, 127),
    "tick_ms": (2, (1 << 32) - 1),
    "margins_at": (0, 1023),
    "n_margins": (0, 255),
    "margin_zero": (-128, 127),
    "margin_multiplier": (0, (1 << 22) - 1),
    "roots_at": (0, 1023),
    "root_zero": (-128, 127),
    "root_multiplier": (1, (1 << 32) - 1),
    "root_shift": (1, 47),
    "next_at": (0, 1023),
}
_INPUT_RANGES = {"feature": (0, 255), "offset": (-FEATURE_MAX, FEATURE_MAX), "multiplier": (1, 127), "shift": (0, 31)}


def parse_network(entry: Mapping[str, Any], n_features: int) -> Network:
    """The manifest's `network`; raises KeyError for a key that is missing, ValueError for a value out of range."""
    values: dict[str, Any] = {key: int(entry[key]) for key in _RANGES}
    _check(values, _RANGES, "network")
    for name in ("inputs", "row"):
        values[name] = tuple(_input(item, n_features) for item in entry[name])
    file = str(entry["file"])
    if Path(file).name != file:
        raise ValueError(f"network.file {file!r} is not the name of a file in the folder")
    network = Network(file=file, topology=str(entry["topology"]), **values)
    _check_layout(network)
    return network


def _input(item: Any, n_features: int) -> NetworkInput:
    names = [field.name for field in fields(NetworkInput)]
    values = dict(zip(names, map(int, item), strict=True))
    _check(values, _INPUT_RANGES | {"feature": (0, n_features - 1)}, "an input of the network")
    return NetworkInput(**values)


def _check(values: Mapping[str, int], ranges: Mapping[str, tuple[int, int]], where: str) -> None:
    for key, (least, most) in ranges.items():
        if not least <= values[key] <= most:
            raise ValueError(f"{where}: {key} is {values[key]}, it must lie in {least} … {most}")


def _check_layout(network: Network) -> None:
    """Every byte read or written lies within the graph's, and a window moves by whole rows."""
    row, kept = len(network.row), network.n_kept
    if not 1 <= len(network.inputs) <= 255 or row > 255:
        raise ValueError("network: 1 to 255 inputs are needed, and at most 255 of a row")
    ends = (
        ("inputs", network.inputs_at + len(network.inputs), network.input_bytes),
        ("rows", network.kept_at + kept + row, network.input_bytes),
        ("margins", network.margins_at + network.n_margins, network.output_bytes),
        ("roots", network.roots_at + 3, network.output_bytes),
        ("next state", network.next_at + (0 if row else kept), network.output_bytes),
    )
    for what, end, size in ends:
        if end > size:
            raise ValueError(f"network: {what} end at byte {end} of {size}")
    if row and kept % row:
        raise ValueError(f"network: {kept} bytes kept are no whole number of rows of {row}")
