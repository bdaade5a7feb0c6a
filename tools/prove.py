"""`make prove`: no input makes the board's loop overflow, reach beyond an array or do anything C leaves undefined.

    python tools/prove.py [--model DIR] [--update PAGE] [--json] [--log DIR] [--jobs N] [--skip-planted]

Frama-C's Eva follows every range of values through firmware/src/main.c, lib/core and the model, with a port
(firmware/proof/port.c) whose bytes, times and measurements are all there can be, for any number of turns of the loop:
as a 32-bit board with sensor and settings, one with neither, and a 64-bit one; and with networks whose graph answers
any bytes, so that the core's part of them is in it. A charge point's board runs lib/vehicle with households of one to
eight cars and any tables that wp_household_check lets through. Nothing is assumed: no annotation claims anything, and
no specification stands for a function of the core. memset, memcpy and memmove are Frama-C's own.

Then mistakes are planted, one at a time, an overflow, an index, an entry of the model's tables, at a charge point a
missing value taken for a number and a table's bound that is not checked, and have to be found. --update writes the
ranges of the boards' states into a page of docs, between two comments.

Exit code: 0 proved, 1 an alarm, a function that was not analysed or a planted mistake that was not found, 2 usage,
6 no Frama-C.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proof.errors import EXIT_ALARM, EXIT_INTERRUPTED, EXIT_TOOLS, EXIT_USAGE, ProveError
from proof.eva import Program, analyse
from proof.planted import PLANTED, Planted, plant
from proof.report import Run, as_json, never_analysed, report, tables, update

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware"
NETWORK = FIRMWARE / "proof" / "network"  # whose graph answers anything
HOUSEHOLD = FIRMWARE / "proof" / "household"  # whose tables hold anything


def functions_of(program: Program, folder: Path) -> frozenset[str]:
    """Functions that gcc makes of the C files in a folder: external, static, and inline ones that are used."""
    with tempfile.TemporaryDirectory(prefix="wattprint-prove-") as work:
        sources = [str(path) for path in program.sources if path.parent == folder]
        compiler = ["gcc", "-std=c11", "-O0", *program.includes, *program.defines, "-c", *sources]
        done = subprocess.run(compiler, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ProveError(f"{folder}: does not compile: {done.stderr.strip().splitlines()[0]}", EXIT_USAGE)
        objects = [str(path) for path in sorted(Path(work).glob("*.o"))]
        names = subprocess.run(["nm", "--defined-only", *objects], capture_output=True, text=True, check=True).stdout
    return frozenset(row.split()[2] for row in names.splitlines() if re.match(r"[0-9a-f]+ [tT] ", row))


def functions_of_libraries(program: Program) -> frozenset[str]:
    """What has to be in the proof: the core's functions, and at a charge point lib/vehicle's."""
    return frozenset[str]().union(*(functions_of(program, folder) for folder in program.libraries))


def prove(name: str, program: Program) -> Run:
    """One analysis to its end."""
    core = functions_of_libraries(program)
    model = functions_of(program, program.model)
    return Run(name, program, analyse(program, core | model | {"main", "port_init"}), core, model)


def find_planted(mistake: Planted, model: Path) -> bool:
    """Whether Eva's first alarm about a copy with that mistake is about the mistake."""
    with tempfile.TemporaryDirectory(prefix="wattprint-prove-") as work:
        program = plant(mistake, FIRMWARE, model, Path(work))
        defined = functions_of_libraries(program) | {"main", "port_init"}
        alarms = analyse(program, defined | functions_of(program, program.model), stop_at_first=True).alarms
    return bool(alarms) and mistake.explains(alarms[0])


def programs(model: Path) -> dict[str, Program]:
    """What is proved."""
    return {
        "32 bits, sensor and settings": Program(FIRMWARE, model, all_parts=True),
        "32 bits, neither": Program(FIRMWARE, model, all_parts=False),
        "a network with a window": Program(FIRMWARE, NETWORK, all_parts=True),
        "a network with a state": Program(FIRMWARE, NETWORK, all_parts=True, recurrent=True),
        "64 bits, sensor and settings": Program(FIRMWARE, model, all_parts=True, bits=64),
        "a charge point": Program(FIRMWARE, HOUSEHOLD, all_parts=True, vehicles=True),
        "a charge point, 64 bits": Program(FIRMWARE, HOUSEHOLD, all_parts=True, bits=64, vehicles=True),
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    first, _, rest = (__doc__ or "").partition("\n")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=first, epilog=rest, formatter_class=formatter)
    default = FIRMWARE / "lib" / "model"
    parser.add_argument("--model", type=Path, default=default, metavar="DIR", help="C of a model (firmware/lib/model)")
    parser.add_argument("--update", type=Path, metavar="PAGE", help="write the table of ranges into a page of docs")
    parser.add_argument("--json", action="store_true", help="all that was found as JSON")
    parser.add_argument("--log", type=Path, metavar="DIR", help="keep what Eva says")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="analyses at once (2)")
    parser.add_argument("--skip-planted", action="store_true", help="do not plant mistakes")
    args = parser.parse_args(arguments)
    if not (args.model / "model.h").is_file():
        raise ProveError(f"{args.model}: no model.h: generate a model with python -m codegen build", EXIT_USAGE)
    return args


def main(arguments: list[str]) -> int:
    """Proves, plants, prints."""
    args = parse(arguments)
    if missing := [name for name in ("frama-c", "gcc", "nm") if shutil.which(name) is None]:
        raise ProveError(f"{missing[0]} is not installed; on Debian: apt-get install frama-c-base gcc", EXIT_TOOLS)
    model = args.model.resolve()
    with ThreadPoolExecutor(max(1, args.jobs)) as pool:
        waiting = [pool.submit(prove, name, program) for name, program in programs(model).items()]
        hunts = {} if args.skip_planted else {each.name: pool.submit(find_planted, each, model) for each in PLANTED}
        runs = []
        for future in waiting:
            runs.append(future.result())
            if not args.json:
                report(runs[-1])
        planted = {name: future.result() for name, future in hunts.items()}
    if args.log:
        args.log.mkdir(parents=True, exist_ok=True)
        for k, run in enumerate(runs):
            (args.log / f"eva-{k}.txt").write_text(run.finding.said, encoding="utf-8")
    if args.update:
        update(args.update, tables(runs))
    return conclude(runs, planted, args.json)


def conclude(runs: list[Run], planted: dict[str, bool], in_json: bool) -> int:
    """Prints what all runs together have shown; returns the exit code."""
    left_out = never_analysed(runs)
    proved = all(run.proved for run in runs) and not left_out and all(planted.values())
    if in_json:
        print(json.dumps(as_json(runs, planted), indent=1, ensure_ascii=False))
        return 0 if proved else EXIT_ALARM
    for name, was_found in planted.items():
        print(f"planted: {name}: {'found' if was_found else 'NOT found'}")
    if left_out:
        print(f"not analysed: {', '.join(left_out)}")
    print("PASS: no input can make the core do what C leaves undefined" if proved else "FAIL: not proved")
    return 0 if proved else EXIT_ALARM


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ProveError as error:
        print(f"prove: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
