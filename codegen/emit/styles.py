"""The styles in which a forest becomes C: what each takes and gives, and the module that writes it.

A style's module has one function, `code_files(values) -> {file name: text}`: the files beside the header. `values` is
what codegen/emit/forest.py hands to every template: the lowered `forest`, `name`, `NAME`, `stem`, and the provenance.
A runtime that two models can share is one of these files, the same bytes for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from codegen.errors import StyleError
from codegen.ir.forest import FeatureType

OutputType = Literal["float32", "int32"]
LEAF_BITS_DEFAULT = 12
LEAF_BITS = range(2, 17)  # what --leaf-bits takes


@dataclass(frozen=True, slots=True)
class Style:
    """One way to write a forest in C."""

    name: str
    summary: str
    module: str  # within codegen.emit
    outputs: Literal["float32", "int32", "as features"]
    quantises_leaves: bool  # leaves become --leaf-bits wide, which changes margins a little
    takes_whole_leaves: bool = False  # of a style that quantises: an artifact's whole leaves too

    def output_type(self, feature_type: FeatureType) -> OutputType:
        """Type of the margins that come out."""
        return feature_type if self.outputs == "as features" else self.outputs

    def code_files(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The C of a lowered forest, by file name; imports the style's module."""
        write: Callable[[Mapping[str, Any]], dict[str, str]] = import_module(f"codegen.emit.{self.module}").code_files
        return write(values)


STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        Style("m2cgen", "m2cgen's nested branches, with exact numbers", "m2cgen", "as features", False),
        Style("exact", "tables, the least bytes with XGBoost's own float32 margins", "forest_exact", "float32", False),
        Style("small", "tables of packed bits: least bytes", "forest_small", "int32", True),
        Style("balanced", "tables and a short loop: least bytes x instructions", "forest_balanced", "int32", True),
        Style("fast", "branches that share comparisons: fewest instructions", "forest_fast", "int32", True, True),
    )
}  # fmt: skip


NETWORK_STYLES = {
    "aot": "tables and plain loops: least bytes",
    "aot-fast": "weights in fours: fewest instructions",
    "tflm": "an array for TensorFlow Lite Micro, as a component of ESP-IDF",
}
"""The styles in which a network becomes C, and what each is for."""


def find_network_style(name: str) -> str:
    """The name, if it is a style of networks; raises StyleError naming those there are."""
    if name not in NETWORK_STYLES:
        hint = f"style {name!r} is for XGBoost models" if name in STYLES else f"style {name!r} is not there"
        raise StyleError(f"{hint}; for a network: --emit {' '.join(NETWORK_STYLES)} auto")
    return name


def find_style(name: str) -> Style:
    """The style of that name; raises StyleError naming those there are."""
    if name in NETWORK_STYLES:
        raise StyleError(f"style {name!r} is for networks (.tflite); for XGBoost models: --emit {' '.join(STYLES)}")
    if name not in STYLES:
        raise StyleError(f"style {name!r} is not there; existing: --emit {' '.join(STYLES)}")
    return STYLES[name]
