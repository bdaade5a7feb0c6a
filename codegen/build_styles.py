"""Which style each model of an artifact is built in: measured one by one, chosen together by a budget."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen.auto import Emission, Measured, StyleCost, measure_styles, styles_for
from codegen.budget import Budget, choose, excesses
from codegen.emit.artifact import N_QUANTILES, default_styles, emit_artifact, model_kinds, read_artifact_model
from codegen.emit.artifact_network import FIRMWARE_STYLES, GRAPH, read_artifact_network
from codegen.emit.network import emit_network
from codegen.errors import CompilerError
from codegen.measure import measure

if TYPE_CHECKING:
    from train.artifact import Artifact

TARGET = "rv32imc"
UNMEASURED = ("balanced", "fast", "m2cgen")  # what to take where nothing can be measured: the first that can


@dataclass(frozen=True, slots=True)
class Combination:
    """A style for each model, and what a whole answer costs with them."""

    styles: Mapping[str, str]  # by kind of model
    flash_bytes: int
    ram_and_stack_bytes: int
    instructions_mean: float | None
    instructions_max: int | None

    @property
    def label(self) -> str:
        """What messages call it."""
        names = set(self.styles.values())
        return names.pop() if len(names) == 1 else ", ".join(f"{kind} {style}" for kind, style in self.styles.items())


@dataclass(frozen=True, slots=True)
class Plan:
    """The styles to build, why, and what each would have cost."""

    styles: Mapping[str, str]
    why: str
    table: tuple[dict[str, Any], ...] = ()  # `styles` of report.json
    notes: tuple[str, ...] = ()


def plan_styles(artifact: Artifact, samples: Path, budget: Budget, *, asked: bool) -> Plan:
    """Choose by measured costs on rv32imc, or on this machine where its compiler is not there.

    samples  a reference file (docs/artifact.md): its features for the models, its samples for a whole answer
    asked    whether the budget was given for this build: then what cannot be checked raises BudgetError, and bytes of
             this machine are held against it. One from a configuration is then left out.

    Raises BudgetError when nothing meets the budget.
    """
    if artifact.network is not None:
        return _plan_network(artifact, samples, budget, asked=asked)
    emissions = {kind: _emission(artifact, kind) for kind in model_kinds(artifact)}
    try:
        measured = {kind: measure_styles(item, styles_for(item), TARGET, samples) for kind, item in emissions.items()}
        target = next(iter(measured.values())).target
        combinations = _combinations(artifact, measured, target, samples)
    except CompilerError as error:
        if asked:
            raise
        styles = {kind: _unmeasured(item) for kind, item in emissions.items()}
        return Plan(styles, "not measured", notes=(f"styles are not chosen by what they cost: {error}",))
    held_to = budget if asked or target == TARGET else Budget()
    chosen, why = _choose(artifact, combinations, held_to, target, samples)
    table = tuple(row for kind, costs in measured.items() for row in _rows(kind, costs, chosen, combinations))
    notes = tuple(dict.fromkeys(note for costs in measured.values() for note in costs.notes))
    return Plan(chosen.styles, f"{why}, on {target}", table, notes)


def _plan_network(artifact: Artifact, samples: Path, budget: Budget, *, asked: bool) -> Plan:
    """A network has one graph: each style is measured whole."""
    target, notes = TARGET, []
    try:
        try:
            measured = _whole_networks(artifact, target, samples)
        except CompilerError as error:
            target = "host"
            notes.append(f"no figures for {TARGET}: {error}; these are bytes of this machine")
            measured = _whole_networks(artifact, target, samples)
    except CompilerError as error:
        if asked:
            raise
        return Plan(default_styles(artifact), "not measured", notes=(f"styles are not measured: {error}",))
    chosen, why = choose(measured, budget if asked or target == TARGET else Budget(), target)
    table = tuple(_network_row(artifact, item, item is chosen, target) for item in measured)
    return Plan(chosen.styles, f"{why}, on {target}", table, tuple(notes))


def _whole_networks(artifact: Artifact, target: str, samples: Path) -> list[Combination]:
    return [measure_whole(artifact, {"network": style}, target, samples) for style in FIRMWARE_STYLES]


def _network_row(artifact: Artifact, item: Combination, chosen: bool, target: str) -> dict[str, Any]:
    """A row of the `styles` table; the graph's own instructions are not counted apart."""
    style = item.styles["network"]
    with tempfile.TemporaryDirectory(prefix="wattprint-styles-") as folder:
        source, _ = read_artifact_network(artifact)
        emit_network(source, GRAPH, Path(folder), style=style)
        alone = measure(Path(folder), target=target)
    return {
        "model": "network",
        "style": style,
        "chosen": chosen,
        "target": target,
        "leaf_bits": None,
        **{key: alone[key] for key in ("flash_bytes", "ram_bytes", "stack_bytes")},
        "instructions": {"mean": None, "max": None},
        "whole": {"flash_bytes": item.flash_bytes, "instructions_max": item.instructions_max},
    }


def whole_costs(artifact: Artifact, samples: Path) -> list[Combination]:
    """What every choice of styles costs on TARGET; of forests all but one are estimated by adding up."""
    if artifact.network is not None:
        return _whole_networks(artifact, TARGET, samples)
    emissions = {kind: _emission(artifact, kind) for kind in model_kinds(artifact)}
    measured = {kind: measure_styles(item, styles_for(item), TARGET, samples) for kind, item in emissions.items()}
    return _combinations(artifact, measured, TARGET, samples)


def _emission(artifact: Artifact, kind: str) -> Emission:
    model = artifact.remaining_model if kind == "remaining" or not artifact.device_model else artifact.device_model
    n_outputs = len(artifact.devices) if kind == "device" else N_QUANTILES
    source = read_artifact_model(artifact, model, n_outputs)
    return Emission(source, "int32", model.leaf_bits, model.output_scale_log2, of_artifact=True)


def _unmeasured(emission: Emission) -> str:
    possible = styles_for(emission)
    return next(style for style in UNMEASURED if style in possible)


def _combinations(
    artifact: Artifact, measured: Mapping[str, Measured], target: str, samples: Path
) -> list[Combination]:
    """Every choice of styles. One is measured whole; to the others go the differences of their models.

    Worst rows are added up as if they came together; they need not, so that real answers cost no more.
    """
    kinds = list(measured)
    choices = [dict(zip(kinds, costs, strict=True)) for costs in product(*(measured[kind].costs for kind in kinds))]
    first = choices[0]
    whole = measure_whole(artifact, {kind: cost.style for kind, cost in first.items()}, target, samples)
    return [_added(whole, first, choice) for choice in choices]


def _added(whole: Combination, of: Mapping[str, StyleCost], choice: Mapping[str, StyleCost]) -> Combination:
    """What `whole`, measured with the styles `of`, costs with others."""

    pairs = [(choice[kind], of[kind]) for kind in of]
    flash = sum(new.flash_bytes - old.flash_bytes for new, old in pairs)
    ram = sum(new.ram_bytes - old.ram_bytes for new, old in pairs)
    stack = max(new.stack_bytes for new, _ in pairs) - max(old.stack_bytes for _, old in pairs)
    mean = sum((new.instructions_mean or 0.0) - (old.instructions_mean or 0.0) for new, old in pairs)
    worst = sum((new.instructions_max or 0) - (old.instructions_max or 0) for new, old in pairs)
    return Combination(
        {kind: cost.style for kind, cost in choice.items()},
        whole.flash_bytes + flash,
        whole.ram_and_stack_bytes + ram + stack,
        None if whole.instructions_mean is None else whole.instructions_mean + mean,
        None if whole.instructions_max is None else whole.instructions_max + worst,
    )


def measure_whole(artifact: Artifact, styles: Mapping[str, str], target: str, samples: Path) -> Combination:
    """A whole answer: features, models, post-processing, state CRC."""
    with tempfile.TemporaryDirectory(prefix="wattprint-styles-") as folder:
        emit_artifact(artifact, Path(folder), style=styles)
        cost = measure(Path(folder), target=target, inputs=samples)
    counted = cost["instructions"] or {"mean": None, "max": None}
    ram = cost["ram_bytes"] + cost["stack_bytes"]
    return Combination(dict(styles), cost["flash_bytes"], ram, counted["mean"], counted["max"])


def _choose(
    artifact: Artifact, combinations: Sequence[Combination], budget: Budget, target: str, samples: Path
) -> tuple[Combination, str]:
    """The combination a budget asks for, measured whole: one that then turns out to be over it is passed by."""
    left = list(combinations)
    while True:
        added, _ = choose(left, budget, target)
        real = measure_whole(artifact, added.styles, target, samples)
        if not excesses(real, budget):
            return real, choose([real], budget, target)[1]
        left[left.index(added)] = real


def _rows(
    kind: str, measured: Measured, chosen: Combination, combinations: Sequence[Combination]
) -> list[dict[str, Any]]:
    """Rows of the `styles` table; `whole` is an answer with that style here and the chosen ones elsewhere."""
    rows = []
    for cost in measured.costs:
        styles = {**chosen.styles, kind: cost.style}
        whole = next(item for item in combinations if item.styles == styles)
        rows.append(
            {
                "model": kind,
                "style": cost.style,
                "chosen": cost.style == chosen.styles[kind],
                "target": measured.target,
                "leaf_bits": cost.leaf_bits,
                "flash_bytes": cost.flash_bytes,
                "ram_bytes": cost.ram_bytes,
                "stack_bytes": cost.stack_bytes,
                "instructions": {"mean": cost.instructions_mean, "max": cost.instructions_max},
                "whole": {"flash_bytes": whole.flash_bytes, "instructions_max": whole.instructions_max},
            }
        )
    return rows
