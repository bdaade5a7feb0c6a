"""`python -m codegen compare`: forest and networks trained on the same units, with what each costs on the board."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen.budget import Budget, excesses
from codegen.build import new_folder, settings_of, simulate
from codegen.build_proof import python
from codegen.build_report import budget_of
from codegen.build_styles import TARGET, whole_costs
from codegen.steps import Steps

if TYPE_CHECKING:
    from codegen.build_styles import Combination
    from train.artifact import Artifact

HORIZONS = ("5s", "10s", "30s", "60s", "300s", "1800s", "overall")
SAMPLED_CHARGES = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model of one kind: its quality on held-out units, and its cheapest C within the budget, or at all."""

    name: str  # forest, or the network's topology
    style: str
    quality: Mapping[str, Any]
    unknown_rate: Mapping[str, float]  # of devices that the model has
    flash_bytes: int
    ram_and_stack_bytes: int
    instructions_mean: float | None
    instructions_max: int | None
    over: str  # by what it is over the budget; empty: it fits
    notes: tuple[str, ...]

    @property
    def right(self) -> float | None:
        """Mean accuracy over the times up to five minutes, when the device is still a question."""
        found = [self.quality["accuracy"][key] for key in HORIZONS[:5] if key in self.quality["accuracy"]]
        return sum(found) / len(found) if found else None

    @property
    def early_minutes(self) -> float | None:
        """Mean error of the remaining time 5 and 10 s after plugging in."""
        found = [self.quality["mae_minutes"][key] for key in HORIZONS[:2] if key in self.quality["mae_minutes"]]
        return sum(found) / len(found) if found else None

    @property
    def minutes(self) -> float:
        """Mean error of the remaining time; infinite where no charge gets full."""
        return float(self.quality["mae_minutes"].get("overall", float("inf")))


def compare(args: argparse.Namespace, topologies: Sequence[str]) -> None:
    """Train, evaluate and measure all, write compare.json, and say which is the better choice and when."""
    out: Path = args.out
    new_folder(out, ("compare.json",))
    steps = Steps(out / "log", total=2 + (args.data is None) + 4 * (1 + len(topologies)) - 1, quiet=args.json)
    settings = settings_of(steps, args)
    data = args.data or simulate(steps, out, settings)
    budget = budget_of(args, settings)
    forest = _candidate(steps, out, data, "forest", settings, budget)
    networks = [_candidate(steps, out, data, name, settings, budget) for name in topologies]
    best = best_network(networks)
    result = {
        "target": TARGET,
        "budget": asdict(budget),
        "protocol": forest.quality["protocol"],
        "candidates": [asdict(item) for item in (forest, *networks)],
        "best_network": best.name if best else None,
        "verdict": verdict(forest, best),
    }
    (out / "compare.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if args.json:
        print(json.dumps(result, indent=1))
        return
    print(table((forest, *networks)))
    for item in networks:
        for note in item.notes:
            print(f"{item.name}: {note}")
    print(f"{result['verdict']}  ({out / 'compare.json'})")


def _candidate(
    steps: Steps, out: Path, data: Path, name: str, settings: Mapping[str, Any],
    budget: Budget,
) -> Candidate:  # fmt: skip
    from codegen.emit.artifact import read_artifact

    folder = out / name
    with _config(settings, name) as config:
        kind = "forest" if name == "forest" else "network"
        steps.run(
            f"train {name}",
            python("train", "fit", "--data", data, "--out", folder, "--kind", kind, "--config", config, "--name", name),
        )
    artifact = read_artifact(folder)
    split = "held-out" if artifact.split["held_out"] else "all"
    evaluation = steps.run_json(
        f"evaluate {name}",
        python("train", "evaluate", "--model", folder, "--data", data, "--split", split, "--json"),
    )
    samples = out / f"{name}.npz"
    steps.run(
        f"reference of {name}",
        python(
            "codegen", "reference", "--artifact", folder, "--data", data, "--split", split, "--charges",
            SAMPLED_CHARGES, "--out", samples,
        ),
    )  # fmt: skip
    costs = steps.call(f"measure {name}", lambda: whole_costs(artifact, samples))
    return _of(artifact, name, evaluation, costs, budget)


def _of(
    artifact: Artifact, name: str, evaluation: Mapping[str, Any], costs: Sequence[Combination], budget: Budget
) -> Candidate:
    """With the smallest C of those that fit; of none, the one that is least over."""
    fitting = [cost for cost in costs if not excesses(cost, budget)]
    if fitting:
        cost = min(fitting, key=lambda item: item.flash_bytes)
    else:
        cost = min(costs, key=lambda item: max(value / limit for _, value, limit in excesses(item, budget)))
    return Candidate(
        name=name,
        style=cost.label,
        quality=evaluation["quality"],
        unknown_rate=evaluation["unknown_rate"],
        flash_bytes=cost.flash_bytes,
        ram_and_stack_bytes=cost.ram_and_stack_bytes,
        instructions_mean=cost.instructions_mean,
        instructions_max=cost.instructions_max,
        over=" and ".join(f"{value - limit} {what}" for what, value, limit in excesses(cost, budget)),
        notes=tuple(evaluation["notes"]) if artifact.network is not None else (),
    )


@contextmanager
def _config(settings: Mapping[str, Any], name: str) -> Iterator[Path]:
    """The settings in force as a file, with that topology."""
    network = settings["network"] if name == "forest" else {**settings["network"], "topology": name}
    with tempfile.TemporaryDirectory(prefix="wattprint-compare-") as folder:
        path = Path(folder) / "wattprint.toml"
        path.write_text(_toml({**settings, "network": network}), encoding="utf-8")
        yield path


def _toml(values: Mapping[str, Any], section: str = "") -> str:
    own = [f"{key} = {json.dumps(value)}" for key, value in values.items() if not isinstance(value, Mapping)]
    text = "\n".join([*([f"[{section}]"] if section else []), *own]) + "\n"
    inner = ((f"{section}.{key}".lstrip("."), value) for key, value in values.items() if isinstance(value, Mapping))
    return text + "".join(_toml(value, name) for name, value in inner)


def best_network(networks: Sequence[Candidate]) -> Candidate | None:
    """The best of those within the budget, or of all when none is: a tenth of the error in minutes weighs as much as a
    device right one time in a hundred."""
    fitting = [item for item in networks if not item.over] or list(networks)
    return min(fitting, key=lambda item: item.minutes / 10 + 10 * (1 - (item.right or 0.0)), default=None)


def verdict(forest: Candidate, network: Candidate | None) -> str:
    """Which is the better choice, and when, in a sentence or two."""
    if network is None:
        return "no network was trained: nothing to compare"
    if network.over and not forest.over:
        return f"take the forest: the best network, {network.name}, is over the budget by {network.over}"
    if forest.over and not network.over:
        return f"take the network, {network.name}: the forest is over the budget by {forest.over}"
    wins: dict[str, list[str]] = {"forest": [], network.name: []}
    for what, ours, theirs, less in _criteria(forest, network):
        if ours != theirs:
            better, worse = (ours, theirs) if (ours < theirs) == less else (theirs, ours)
            winner = "forest" if better == ours else network.name
            wins[winner].append(f"{what} ({_figure(better)} against {_figure(worse)})")
    quality = [name for name, found in wins.items() if any(text.startswith(("device", "minutes")) for text in found)]
    both = len(quality) == 2
    choice = "which to take depends" if both else f"take the {quality[0] if quality else 'smaller one'}"
    parts = [f"the {name} is better in {', '.join(found)}" for name, found in wins.items() if found]
    return f"{choice}: " + "; ".join(parts) + _early(forest, network, quality)


def _early(forest: Candidate, network: Candidate, chosen: Sequence[str]) -> str:
    """Who is better in the first ten seconds, where that is not the choice."""
    ours, theirs = forest.early_minutes, network.early_minutes
    if ours is None or theirs is None or ours == theirs:
        return ""
    better = "forest" if ours < theirs else network.name
    if list(chosen) == [better]:
        return ""
    low, high = sorted((ours, theirs))
    return f"; in the first ten seconds the {better}'s minutes are the better ones ({low:.1f} against {high:.1f})"


def _figure(value: float) -> str:
    return f"{value:.1f}" if value < 1000 and value != round(value) else f"{value:.0f}"


def _criteria(forest: Candidate, network: Candidate) -> Iterator[tuple[str, float, float, bool]]:
    """What is compared: words, the forest's value, the network's, and whether less is better."""
    if forest.right is not None and network.right is not None:
        yield "device right up to 5 min, %", 100 * forest.right, 100 * network.right, False
    yield "minutes to full, error", forest.minutes, network.minutes, True
    yield "flash, bytes", forest.flash_bytes, network.flash_bytes, True
    yield "RAM and stack, bytes", forest.ram_and_stack_bytes, network.ram_and_stack_bytes, True
    if forest.instructions_max is not None and network.instructions_max is not None:
        yield "instructions of the dearest answer", forest.instructions_max, network.instructions_max, True


def table(candidates: Sequence[Candidate]) -> str:
    """Quality and cost side by side."""
    lines = [f"{'':<26}" + "".join(f"{item.name:>12}" for item in candidates)]

    def row(title: str, values: Sequence[Any], form: str) -> None:
        cells = ["–" if value is None else format(value, form) for value in values]
        lines.append(f"{title:<26}" + "".join(f"{cell:>12}" for cell in cells))

    for title, key, factor in (("device right, %", "accuracy", 100.0), ("error, min", "mae_minutes", 1.0)):
        for at in HORIZONS:
            found = [item.quality[key].get(at) for item in candidates]
            row(f"{title} {at}", [None if value is None else factor * value for value in found], ".1f")
    for at in ("60s", "overall"):
        found = [item.quality["coverage"].get(at) for item in candidates]
        row(f"within 10-90 %, % {at}", [None if value is None else 100 * value for value in found], ".1f")
    for at in ("60s", "overall"):
        found = [item.unknown_rate.get(at) for item in candidates]
        row(f"called unknown, % {at}", [None if value is None else 100 * value for value in found], ".1f")
    row("C", [item.style.replace("device ", "").replace("remaining ", "") for item in candidates], "")
    row("flash, B", [item.flash_bytes for item in candidates], "")
    row("RAM and stack, B", [item.ram_and_stack_bytes for item in candidates], "")
    row("instructions, mean", [item.instructions_mean for item in candidates], ".0f")
    row("instructions, most", [item.instructions_max for item in candidates], "")
    row("within the budget", ["no" if item.over else "yes" for item in candidates], "")
    return "\n".join(lines)
