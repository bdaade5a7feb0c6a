"""`make coverage`: how much of lib/core the C tests execute, counted by gcc's gcov.

    python tools/core_coverage.py [--json] [--lines PERCENT] [--branches PERCENT] [--missing]

Every program of firmware/test that needs no real line is built for this machine with `gcc --coverage` and run; lines
and branches are gcov's, of firmware/lib/core alone, over all of them together. --missing names what was not reached.

Exit code: 0, 1 less than asked for (95 % of lines, 90 % of branches), 6 no gcc or a test that fails.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
CORE = FIRMWARE / "lib" / "core"
BESIDE_THE_CORE = (
    "sensor",
    "settings",
    "ina_simulator",
    "vehicle",
    "meter",
    "meter_simulator",
    "advice",
    "health",
)  # what tests use besides
NEEDS_A_LINE = {"test_port"}
EXIT_LESS, EXIT_BUILD = 1, 6


class CoverageError(Exception):
    """Nothing could be measured; one line says why."""


@dataclass(slots=True)
class Counts:
    """Of one file: executions by line, and by branch as (line, number)."""

    lines: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    branches: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))

    def row(self) -> dict[str, int]:
        """Reached and all."""
        return {
            "lines": sum(n > 0 for n in self.lines.values()),
            "lines_all": len(self.lines),
            "branches": sum(n > 0 for n in self.branches.values()),
            "branches_all": len(self.branches),
        }


def run(command: list[str], folder: Path) -> str:
    """Standard output of a command; raises CoverageError with its last line when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "failed").splitlines()
        said = next((line for line in lines if "error" in line), lines[-1])
        raise CoverageError(f"{Path(command[0]).name}: {said}")
    return done.stdout


def test_programs() -> list[Path]:
    """Folders of the C tests that run without a line."""
    folders = [path for path in sorted((FIRMWARE / "test").glob("test_*")) if path.is_dir()]
    return [path for path in folders if path.name not in NEEDS_A_LINE]


def execute_tests(folder: Path) -> None:
    """Builds the core once, links each test with it and runs it: gcc adds the executions up in one file a source."""
    others = [FIRMWARE / "lib" / name for name in BESIDE_THE_CORE]
    headers = [path / part for path in (CORE, *others) for part in ("include", "src", "")]
    includes = [
        *headers,
        FIRMWARE / "ports",
        FIRMWARE / "ports" / "native",
        FIRMWARE / "test",
        FIRMWARE / "test/fixtures/model",
    ]
    flags = ["-std=c11", "-O0", *(f"-I{path}" for path in includes)]
    sources = [str(path) for path in sorted((CORE / "src").glob("*.c"))]
    run(["gcc", *flags, "--coverage", "-c", *sources], folder)
    shared = [*(FIRMWARE / "test").glob("*.c"), *(FIRMWARE / "test/fixtures/model").glob("*.c")]
    shared += (FIRMWARE / "ports" / "native").glob("*.c")
    shared += (path for other in others for path in other.rglob("*.c"))
    beside = folder / "beside"  # names of the core's files come again among them
    beside.mkdir()
    run(["gcc", *flags, "-c", *map(str, sorted(shared))], beside)
    objects = [str(path) for path in sorted(folder.rglob("*.o"))]
    for test in test_programs():
        program = folder / f"run_{test.name}"
        parts = [str(path) for path in sorted(test.glob("*.c"))]
        run(["gcc", *flags, "--coverage", *parts, *objects, "-lm", "-o", str(program)], folder)
        said = run([str(program)], folder)
        if " 0 Failures" not in said:
            raise CoverageError(f"{test.name}: has failures; see python tools/pio.py test -e native")


def gather(folder: Path) -> dict[str, Counts]:
    """Counts of the core's files, its own headers among them."""
    data = [path.name for path in sorted(folder.glob("*.gcda")) if not path.name.startswith("run_")]
    run(["gcov", "--json-format", "--branch-probabilities", *data], folder)
    found: dict[str, Counts] = defaultdict(Counts)
    for path in folder.glob("*.gcov.json.gz"):
        report: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
        for file in report["files"]:
            name = (folder / file["file"]).resolve()
            if name.is_relative_to(CORE):
                _add(found[str(name.relative_to(CORE))], file["lines"])
    return found


def _add(counts: Counts, lines: list[dict[str, Any]]) -> None:
    """A line of a header is in several objects: reached if it is in one."""
    for line in lines:
        number = int(line["line_number"])
        counts.lines[number] += int(line["count"])
        for k, branch in enumerate(line["branches"]):
            counts.branches[number, k] += int(branch["count"])


def percent(part: int, whole: int) -> float:
    """Part of whole, in percent; 100 of nothing."""
    return 100.0 * part / whole if whole else 100.0


def print_table(rows: dict[str, dict[str, int]], counts: dict[str, Counts], missing: bool) -> None:
    """A line a file."""
    print(f"{'lib/core/':<28}{'lines':>16}{'branches':>18}")
    for name, row in rows.items():
        cells = ""
        for key in ("lines", "branches"):
            part, whole = row[key], row[f"{key}_all"]
            cells += f"{f'{part}/{whole}':>10}{percent(part, whole):>7.1f}%"
        print(f"{name:<28}{cells}")
        if missing and name in counts:
            lines = [str(n) for n, hits in sorted(counts[name].lines.items()) if not hits]
            branches = sorted({str(n) for (n, _), hits in counts[name].branches.items() if not hits}, key=int)
            print(f"  lines not reached: {' '.join(lines) or '-'}; branches not taken at: {' '.join(branches) or '-'}")


def main(arguments: list[str]) -> int:
    """Parses the command line, measures and prints."""
    first, _, rest = (__doc__ or "").partition("\n")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=first, epilog=rest, formatter_class=formatter)
    parser.add_argument("--lines", type=float, default=95.0, metavar="PERCENT", help="the least (95)")
    parser.add_argument("--branches", type=float, default=90.0, metavar="PERCENT", help="the least (90)")
    parser.add_argument("--missing", action="store_true", help="name lines and branches that were not reached")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    args = parser.parse_args(arguments)
    if missing := [name for name in ("gcc", "gcov") if shutil.which(name) is None]:
        raise CoverageError(f"{', '.join(missing)} not installed; on Debian: apt-get install gcc")
    with tempfile.TemporaryDirectory(prefix="wattprint-coverage-") as name:
        execute_tests(Path(name))
        counts = gather(Path(name))
    rows = {file: counts[file].row() for file in sorted(counts)}
    total = {key: sum(row[key] for row in rows.values()) for key in ("lines", "lines_all", "branches", "branches_all")}
    reached = {key: percent(total[key], total[f"{key}_all"]) for key in ("lines", "branches")}
    enough = reached["lines"] >= args.lines and reached["branches"] >= args.branches
    if args.json:
        print(json.dumps({"files": rows, "total": total, "percent": reached, "enough": enough}, indent=1))
    else:
        print_table(rows | {"all": total}, counts, args.missing)
        print(f"{'PASS' if enough else 'LESS'}: {reached['lines']:.1f} % of lines (at least {args.lines:g}), "
              f"{reached['branches']:.1f} % of branches (at least {args.branches:g})")  # fmt: skip
    return 0 if enough else EXIT_LESS


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except CoverageError as error:
        print(f"core_coverage: {error}", file=sys.stderr)
        sys.exit(EXIT_BUILD)
    except KeyboardInterrupt:
        sys.exit(130)
