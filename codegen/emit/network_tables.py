"""Tables and structures of generated networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from codegen.emit.forest_layout import initialiser
from codegen.emit.literals import int32_literal
from codegen.ir.network import Layer


@dataclass(slots=True)
class Tables:
    """Definitions in order, and the headers of the runtime they need."""

    texts: list[str] = field(default_factory=list)
    headers: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def array(self, kind: str, name: str, values: Iterable[int] | NDArray[np.generic]) -> str:
        """Define a constant array; returns its name."""
        self.names.add(name)
        numbers = np.asarray(values).ravel().tolist()
        body = initialiser(map(int32_literal, numbers))
        self.texts.append(f"static const {kind} {name}[{len(numbers)}] = {{\n{body}\n}};")
        return name

    def structure(self, kind: str, name: str, fields: Mapping[str, object]) -> str:
        """Define a constant structure; returns its name."""
        body = "\n".join(f"    .{key} = {value}," for key, value in fields.items())
        self.texts.append(f"static const {kind} {name} = {{\n{body}\n}};")
        return name

    def need(self, *headers: str) -> None:
        """Name headers of the runtime."""
        self.headers.update(f"wp_network_{header}.h" for header in headers)


def folded_bias(layer: Layer, taps_axis: int) -> NDArray[np.int64]:
    """The bias with the input's zero point in it."""
    sums = layer.weights.astype(np.int64).sum(axis=taps_axis)
    folded: NDArray[np.int64] = layer.bias.astype(np.int64) - layer.input_zero_point * sums
    return folded
