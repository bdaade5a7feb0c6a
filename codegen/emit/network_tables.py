"""Tables and structures of generated networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from codegen.emit.forest_layout import initialiser
from codegen.emit.literals import int32_literal
from codegen.ir.tensors import Layer


@dataclass(slots=True)
class Tables:
    """Definitions in order, and the headers of the runtime they need."""

    texts: list[str] = field(default_factory=list)
    headers: set[str] = field(default_factory=set)
    names: dict[tuple[str, str], str] = field(default_factory=dict)  # by type and contents
    macros: dict[str, str] = field(default_factory=dict)
    noted: dict[str, set[int]] = field(default_factory=dict)

    def array(self, kind: str, name: str, values: Iterable[int] | NDArray[np.generic]) -> str:
        """Define a constant array; returns its name."""
        return self.initialised(kind, name, list(map(int32_literal, np.asarray(values).ravel().tolist())))

    def initialised(self, kind: str, name: str, entries: list[str]) -> str:
        """Define a constant array of given C; one that is there already is not defined again. Returns its name."""
        text = f"[{len(entries)}] = {{\n{initialiser(entries)}\n}};"
        if (kind, text) not in self.names:
            self.names[kind, text] = name
            self.texts.append(f"static const {kind} {name}{text}")
        return self.names[kind, text]

    def structure(self, kind: str, name: str, fields: Mapping[str, object]) -> str:
        """Define a constant structure; returns its name."""
        body = "\n".join(f"    .{key} = {value}," for key, value in fields.items())
        self.texts.append(f"static const {kind} {name} = {{\n{body}\n}};")
        return name

    def note(self, macro: str, value: int) -> None:
        """Define a macro of the runtime, as long as everything that uses it has the same value."""
        self.noted.setdefault(macro, set()).add(value)

    def defined(self) -> dict[str, str]:
        """Macros to set before the headers."""
        same = {macro: f"({next(iter(values))})" for macro, values in self.noted.items() if len(values) == 1}
        return dict(sorted((self.macros | same).items()))

    def need(self, *headers: str) -> None:
        """Name headers of the runtime."""
        self.headers.update(f"wp_network_{header}.h" for header in headers)


def folded_bias(layer: Layer, taps_axis: int) -> NDArray[np.int64]:
    """The bias with the input's zero point in it."""
    sums = layer.weights.astype(np.int64).sum(axis=taps_axis)
    folded: NDArray[np.int64] = layer.bias.astype(np.int64) - layer.input_zero_point * sums
    return folded
