"""`--emit auto`: what each style of a forest costs on a target, measured, and the one a budget asks for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codegen.emit.files import write_files
from codegen.emit.forest import forest_files
from codegen.emit.styles import LEAF_BITS_DEFAULT, STYLES, Style
from codegen.errors import CompilerError, ModelError
from codegen.ir.forest import FeatureType
from codegen.measure import measure
from codegen.readers.xgboost import ModelSource

_NAME = "measured"


@dataclass(frozen=True, slots=True)
class StyleCost:
    """One style of one forest on a target."""

    style: str
    leaf_bits: int | None
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
    instructions_mean: float | None
    instructions_max: int | None

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.style

    @property
    def ram_and_stack_bytes(self) -> int:
        """All the RAM it needs."""
        return self.ram_bytes + self.stack_bytes


@dataclass(frozen=True, slots=True)
class Measured:
    """Costs of the styles of a forest; `target` is host where the one asked for has no compiler here."""

    target: str
    costs: tuple[StyleCost, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For --json and report.json."""
        return {"target": self.target, "styles": [asdict(cost) for cost in self.costs], "notes": list(self.notes)}


@dataclass(frozen=True, slots=True)
class Emission:
    """How a forest is to be emitted, whatever the style."""

    source: ModelSource
    feature_type: FeatureType
    leaf_bits: int | None
    output_scale_log2: int | None = None
    of_artifact: bool = False  # leaf_bits holds for every style, and None is whole leaves

    def leaf_bits_of(self, style: Style) -> int | None:
        """Width of the leaves in that style, None for whole ones."""
        if self.of_artifact:
            return self.leaf_bits
        return (self.leaf_bits or LEAF_BITS_DEFAULT) if style.quantises_leaves else None


def measure_styles(
    emission: Emission, styles: Iterable[str], target: str, inputs: Path | None, opt: str = "-Os"
) -> Measured:
    """Emit, compile and measure a forest in each style; a style that cannot take the forest is a note.

    Raises CompilerError when there is no compiler for the target nor for this machine.
    """
    notes: list[str] = []
    costs: list[StyleCost] = []
    measured_on = target
    for name in styles:
        try:
            costs.append(_measure_style(emission, STYLES[name], measured_on, inputs, opt))
        except ModelError as error:
            notes.append(f"{name} does not take this forest: {error}")
        except CompilerError as error:
            if measured_on == "host" or costs:
                raise
            notes.append(f"no figures for {target}: {error}; these are bytes of this machine")
            measured_on = "host"
            costs.append(_measure_style(emission, STYLES[name], measured_on, inputs, opt))
    if not costs:
        raise ModelError(notes[0])
    return Measured(measured_on, tuple(costs), tuple(notes))


def _measure_style(emission: Emission, style: Style, target: str, inputs: Path | None, opt: str) -> StyleCost:
    leaf_bits = emission.leaf_bits_of(style)
    with tempfile.TemporaryDirectory(prefix="wattprint-auto-") as folder:
        files, _ = forest_files(
            emission.source,
            _NAME,
            style=style.name,
            feature_type=emission.feature_type,
            output_scale_log2=emission.output_scale_log2,
            leaf_bits=leaf_bits,
        )
        write_files(Path(folder), files)
        cost = measure(Path(folder), target=target, opt=opt, inputs=inputs)
    counted = cost["instructions"] or {"mean": None, "max": None}
    return StyleCost(
        style.name,
        leaf_bits,
        cost["flash_bytes"],
        cost["ram_bytes"],
        cost["stack_bytes"],
        counted["mean"],
        counted["max"],
    )


def styles_for(emission: Emission) -> list[str]:
    """The styles that take such a forest: for an artifact, those with integer outputs that hold leaves as wide."""
    if not emission.of_artifact:
        return list(STYLES)
    return [
        style.name
        for style in STYLES.values()
        if style.output_type(emission.feature_type) == "int32"
        and (emission.leaf_bits is not None or not style.quantises_leaves or style.takes_whole_leaves)
    ]


def table_text(costs: Sequence[StyleCost], chosen: str | None = None) -> str:
    """The costs as lines for a person; the chosen style has an arrow."""
    lines = [f"   {'style':<9} {'flash':>8} {'RAM':>6} {'stack':>6} {'instructions':>13} {'worst':>8}"]
    for cost in costs:
        mean = "-" if cost.instructions_mean is None else f"{cost.instructions_mean:.0f}"
        worst = "-" if cost.instructions_max is None else str(cost.instructions_max)
        mark = "->" if cost.style == chosen else ""
        lines.append(
            f"{mark:<3}{cost.style:<9} {cost.flash_bytes:>8} {cost.ram_bytes:>6} {cost.stack_bytes:>6} "
            f"{mean:>13} {worst:>8}"
        )
    return "\n".join(lines)
