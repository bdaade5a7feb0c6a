"""What was proved, in words, as JSON and as the table of a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proof.errors import EXIT_USAGE, ProveError
from proof.eva import Finding, Program

BEGIN, END = "<!-- made by: python tools/prove.py --update docs/proof.md -->", "<!-- end -->"
BEGIN_VEHICLES = BEGIN.replace(" -->", ", of a charge point -->")


@dataclass(frozen=True, slots=True)
class Run:
    """A program, what was found, and the functions that had to be analysed."""

    name: str
    program: Program
    finding: Finding
    core: frozenset[str]  # all functions of lib/core, of a charge point lib/vehicle's too
    model: frozenset[str]

    @property
    def proved(self) -> bool:
        """It has come to its end without an alarm, and has been in all of the model."""
        return self.finding.finished and not self.finding.alarms and self.model <= self.finding.analysed


def never_analysed(runs: list[Run]) -> list[str]:
    """Functions of the core that no run has been in. Each model, and each board, leaves some to the others."""
    analysed = frozenset[str]().union(*(run.finding.analysed for run in runs))
    return sorted(frozenset[str]().union(*(run.core for run in runs)) - analysed)


def report(run: Run) -> None:
    """One run in a few lines."""
    found = run.finding
    reached, whole = found.statements
    n_core = len(run.core & found.analysed)
    n_model = len(run.model & found.analysed)
    print(
        f"{run.name}: {len(found.alarms)} alarms; {n_core} of {len(run.core)} functions of the core, {n_model} of "
        f"{len(run.model)} of the model; {reached} of {whole} statements can be reached; {found.seconds:.0f} s",
        flush=True,
    )
    for alarm in found.alarms:
        print(f"  {alarm.place}: {alarm.words}")
    if not found.finished:
        print(f"  Eva has not come to its end: {(found.said.strip().splitlines() or ['no word'])[-1]}")


def table(run: Run) -> str:
    """The state's ranges in Markdown: what is in wp_board, padding and constants left out."""
    lines = ["| state | values |", "|---|---|"]
    left_out = re.compile(r"\.kept\[[1-7]\]|\[bits|\.reader\.bytes|\.port$|\.model$")
    n_kept = max(
        (int(found[1]) for name in run.finding.ranges if (found := re.search(r"\.kept\[(\d)", name))), default=0
    )
    for name, values in run.finding.ranges.items():
        if name.startswith("main_board") and not left_out.search(name):
            shown = name.removeprefix("main_board.").replace("kept[0]", f"kept[0..{n_kept}]")
            lines.append(f"| `{shown}` | {readable(values)} |")
    return "\n".join(lines)


def readable(values: str) -> str:
    """Eva's range in words: [--..--] is all its type can hold."""
    if values == "[--..--]":
        return "all of its type"
    if ends := re.fullmatch(r"\[(-?\d+)\.\.(-?\d+)\](?:,.*)?", values):
        low, high = (f"{int(end):,}".replace(",", " ").replace("-", "−") for end in ends.groups())
        return f"{low} … {high}"
    return values.strip("{}").replace(";", ",").replace("-", "−").strip()


def tables(runs: list[Run]) -> dict[str, str]:
    """Each table of a page, by the comment above it: of the first charger's run, and the first charge point's."""
    charger = next(run for run in runs if not run.program.vehicles)
    charge_point = next(run for run in runs if run.program.vehicles)
    return {BEGIN: table(charger), BEGIN_VEHICLES: table(charge_point)}


def update(page: Path, texts: dict[str, str]) -> None:
    """Replaces what lies between each comment and the next end in a page."""
    whole = page.read_text(encoding="utf-8")
    for begin, text in texts.items():
        before, found, rest = whole.partition(begin)
        _, ended, after = rest.partition(END)
        if not found or not ended:
            raise ProveError(f"{page}: has no {begin} … {END} to write between", EXIT_USAGE)
        whole = f"{before}{begin}\n{text}\n{END}{after}"
    page.write_text(whole, encoding="utf-8")


def as_json(runs: list[Run], planted: dict[str, bool]) -> dict[str, Any]:
    """All that was found."""
    return {
        "runs": [
            {
                "name": run.name,
                "proved": run.proved,
                "alarms": [f"{alarm.place}: {alarm.words}" for alarm in run.finding.alarms],
                "core_functions": len(run.core),
                "core_functions_analysed": len(run.core & run.finding.analysed),
                "statements": list(run.finding.statements),
                "seconds": round(run.finding.seconds, 1),
            }
            for run in runs
        ],
        "core_functions": len(frozenset[str]().union(*(run.core for run in runs))),
        "never_analysed": never_analysed(runs),
        "planted": planted,
        "ranges": {run.name: run.finding.ranges for run in runs},
        "tables": tables(runs),
    }
