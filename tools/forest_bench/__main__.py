"""python -m forest_bench [--models clfS,regS] [--out FILE.json] [--page FILE.html]."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forest_bench.models import FOLDER, benchmark_models
from forest_bench.run import Bench, plan, with_ratios

COLUMNS = (
    ("form", "", "form"),
    ("flash_bytes", "", "flash"),
    ("ram_bytes", "", "RAM"),
    ("stack_bytes", "", "stack"),
    ("instructions_mean", ".0f", "instructions"),
    ("instructions_max", "", "worst"),
    ("bytes_per_split", ".1f", "B/split"),
    ("mismatches", "", "wrong rows"),
    ("error", ".2g", "leaf error"),
    ("emit_s", ".1f", "emit, s"),
    ("compile_s", ".1f", "compile, s"),
    ("times_smaller", ".1f", "x smaller"),
    ("times_fewer_instructions", ".1f", "x fewer instr."),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write JSON and a page; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m forest_bench", description=__doc__)
    parser.add_argument("--models", default="", metavar="A,B", help=f"of {FOLDER}, or of the shapes trained here")
    parser.add_argument("--work", type=Path, default=Path("build/bench/forest"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("build/bench/forest.json"), metavar="FILE")
    parser.add_argument("--page", type=Path, default=Path("build/bench.html"), metavar="FILE")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="at once (default: %(default)s)")
    args = parser.parse_args(argv)
    started = time.monotonic()
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    models = list(benchmark_models(args.work, tuple(filter(None, args.models.split(",")))))
    if not models:
        print(f"bench-forest: no model; {FOLDER} names a folder of NAME.json and NAME_rows.npz", file=sys.stderr)
        return 2
    rows = with_ratios(Bench(args.work, args.jobs).run(plan(models)))
    show(rows)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    from forest_bench.page import write_page

    write_page(rows, args.page)
    print(f"{len(rows)} measurements in {time.monotonic() - started:.0f} s  (picture: {args.page})")
    return 0


def show(rows: Sequence[dict[str, Any]]) -> None:
    """A table for each model, kind of features and target."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 180)
    groups = dict.fromkeys((row["model"], row["features"], row["target"]) for row in rows)
    for group in sorted(groups, key=lambda group: (group[2] != "rv32imc", group[2], group[1], group[0])):
        members = [row for row in rows if (row["model"], row["features"], row["target"]) == group]
        splits = max(row.get("splits", 0) for row in members if row.get("ours", True))
        title = f"{group[0]}, {splits} splits, {group[1]} features, {group[2]} -Os"
        table = Table(title=title, title_justify="left", show_edge=False)
        for _, _, name in COLUMNS:
            table.add_column(name, justify="left" if name == "form" else "right", no_wrap=True)
        for row in members:
            if "note" not in row:
                table.add_row(*("" if row.get(key) is None else f"{row[key]:{form}}" for key, form, _ in COLUMNS))
        console.print(table)
        for row in members:
            if "note" in row:
                console.print(f" {row['form']}: {row['note']}", highlight=False)
        console.print()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
