"""One run of Frama-C's Eva over the board's loop: how it is asked, and what it said. For tools/prove.py."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 1800
MACHINES = {32: "gcc_x86_32", 64: "gcc_x86_64"}

# Beyond those that are on by themselves (overflow, division, bounds, initialisation, shifts, function pointers, bool):
# pointers that leave their object even if nobody follows them, and shifts of negative numbers.
MORE_WARNINGS = ("-warn-invalid-pointer", "-warn-right-shift-negative")

# How finely Eva tells cases apart. None of this assumes anything: coarser is still right, but with false alarms.
UNROLLED_TURNS = 48
# Functions whose callers go on with one case for "it worked" (0, or true) and one for the rest.
SPLIT_BY_RESULT = (
    *("wp_features_update", "wp_charge_init", "wp_charge_update", "wp_answer_next", "wp_model_check", "wp_port_check"),
    *("wp_board_init", "read_digits", "read_number", "read_fields", "wp_line_parse"),
    *("port_init", "proof_tables", "wp_household_check", "car_check", "ends_and_powers", "energies"),
    *("wp_vehicle_update", "wp_vehicle_charge_init", "wp_vehicle_charge_update"),
)
# Functions in which so many cases are followed one by one: both outcomes of what they call; every way through a tree
# and a binary search; every entry of a household's tables that may be refused.
CASES = {
    **dict.fromkeys(("wp_charge_init", "wp_charge_update", "wp_answer_next", "wp_board_init", "main"), 5),
    **dict.fromkeys(("answer_new_sample", "send_sample", "measure", "take_message"), 5),
    **dict.fromkeys(("take_line", "wp_line_parse", "read_fields", "read_number"), 8),
    **dict.fromkeys(("port_init", "proof_tables", "wp_vehicle_charge_init", "wp_vehicle_charge_update"), 5),
    **dict.fromkeys(("wp_household_check", "car_check", "ends_and_powers", "energies"), 60),
    "begin_charge": 20,
    "leaf_of": 500,
    "wp_forest_reached16": 1000,
    "wp_forest_reached32": 1000,
    "wp_forest_rank16": 100,
    "wp_forest_rank32": 100,
}


@dataclass(frozen=True, slots=True)
class Program:
    """What is analysed: a firmware folder and a model's, for a board with sensor and settings or without either.

    `vehicles`: of a charge point, whose model is a household's.
    """

    firmware: Path
    model: Path
    all_parts: bool
    bits: int = 32
    recurrent: bool = False  # of firmware/proof/network
    vehicles: bool = False

    @property
    def defines(self) -> list[str]:
        """Of the preprocessor."""
        proof = [f"-DPROOF_ALL_PARTS={int(self.all_parts)}", f"-DPROOF_RECURRENT={int(self.recurrent)}"]
        return [*proof, f"-DWP_PROFILE_EV={int(self.vehicles)}", "-DWP_METER=0"]

    @property
    def libraries(self) -> list[Path]:
        """Folders of the C that has to be in the proof."""
        names = ["core", *(["vehicle"] if self.vehicles else [])]
        return [self.firmware / "lib" / name / "src" for name in names]

    @property
    def sources(self) -> list[Path]:
        """The main loop, the port that does anything, the libraries and the model."""
        parts = [path for folder in self.libraries for path in sorted(folder.glob("*.c"))]
        own = [self.firmware / "src" / "main.c", self.firmware / "proof" / "port.c"]
        return [*own, *parts, *sorted(self.model.glob("*.c"))]

    @property
    def includes(self) -> list[str]:
        """Where headers are."""
        libraries = sorted((self.firmware / "lib").glob("*/include"))
        folders = (*libraries, self.model, self.firmware / "ports", self.firmware / "src")
        return [f"-I{folder}" for folder in folders]


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something Eva could not exclude."""

    place: str  # file:line
    words: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one run has found."""

    alarms: tuple[Alarm, ...]
    finished: bool  # the analysis has come to its end, and has seen every state there can be
    analysed: frozenset[str]  # functions
    statements: tuple[int, int]  # reached, all, in those functions
    ranges: dict[str, str]  # of what lives as long as main: main_board.live.n_window -> [0..8]
    seconds: float
    said: str


def command(program: Program, defined: frozenset[str], stop_at_first: bool) -> list[str]:
    """Frama-C's command line. `defined`: the functions there are; options about others would be errors."""
    cases = ",".join(f"{name}:{n}" for name, n in CASES.items() if name in defined)
    split = ",".join(f"{name}:0" for name in SPLIT_BY_RESULT if name in defined)
    preprocessor = " ".join([*program.includes, "-std=c11", *program.defines])
    options = ["-eva-auto-loop-unroll", str(UNROLLED_TURNS), "-eva-slevel", "0"]
    options += ["-eva-slevel-function", cases, "-eva-split-return-function", split, "-eva-show-progress"]
    options += ["-eva-stop-at-nth-alarm", "1"] if stop_at_first else []
    machine = ["-machdep", MACHINES[program.bits], "-c11", f"-cpp-extra-args={preprocessor}"]
    return ["frama-c", *machine, "-eva", *options, *MORE_WARNINGS, "-main", "main", *map(str, program.sources)]


def analyse(program: Program, defined: frozenset[str], *, stop_at_first: bool = False) -> Finding:
    """Runs Eva; with `stop_at_first` only until the first alarm."""
    begin = time.monotonic()
    done = subprocess.run(
        command(program, defined, stop_at_first), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    return finding(done.stdout + done.stderr, time.monotonic() - begin)


def finding(said: str, seconds: float) -> Finding:
    """Reads Eva's own report."""
    alarms = tuple(
        Alarm(place, " ".join(words.split()))
        for place, words in re.findall(r"^\[eva:alarm\] (\S+): Warning: \n((?:  .*\n)+)", said, re.MULTILINE)
    )
    reached = re.search(r"(\d+) statements reached \(out of (\d+)\)", said)
    counted = re.search(r"^ +(\d+) alarms? generated by the analysis", said, re.MULTILINE)
    clean = "No errors or warnings raised during the analysis." in said
    finished = counted is not None and int(counted[1]) == len(alarms) and (clean or bool(alarms))
    return Finding(
        alarms=alarms,
        finished=finished,
        analysed=functions_in(said),
        statements=(int(reached[1]), int(reached[2])) if reached else (0, 0),
        ranges=ranges_of(said),
        seconds=seconds,
        said=said,
    )


def functions_in(said: str) -> frozenset[str]:
    """Functions Eva has been in. Of static ones with one name in several files, Frama-C numbers the later: limit_0."""
    named = re.findall(r"^\[eva\] computing for function (\w+)", said, re.MULTILINE)
    return frozenset(named) | frozenset(re.sub(r"_\d+$", "", name) for name in named) | {"main"}


def ranges_of(said: str) -> dict[str, str]:
    """The values at the end of main, where every turn of its loop has gone in: what Eva prints as

        main_board.live.rest_us ∈ [0..999]
                  .live{.now_ms; .due_ms} ∈ [--..--]
    """  # fmt: skip
    _, _, rest = said.partition("Values at end of function main:\n")
    block = rest.partition("\n[")[0]
    found: dict[str, str] = {}
    variable = ""
    for names, values in _entries(block):
        if not names.startswith((".", "{")):
            variable, dot, tail = names.partition(".")
            names = dot + tail
        for name in _alternatives(names):
            found[variable + name] = values
    return found


def _entries(block: str) -> list[tuple[str, str]]:
    """Pairs of names and values; a long pair goes on in the next line."""
    joined = re.sub(r"∈\n +", "∈ ", block)
    rows = [row.strip().partition(" ∈ ") for row in joined.splitlines() if "∈" in row]
    return [(names, values) for names, _, values in rows]


def _alternatives(names: str) -> Sequence[str]:
    """`.live{.now_ms; .due_ms}` is .live.now_ms and .live.due_ms; braces may lie in braces."""
    before, brace, rest = names.partition("{")
    if not brace:
        return [names]
    inside = [""]
    depth, k = 1, 0
    while depth > 0 and k < len(rest):
        depth += {"{": 1, "}": -1}.get(rest[k], 0)
        if depth == 1 and rest[k] == ";":
            inside.append("")
        elif depth > 0:
            inside[-1] += rest[k]
        k += 1
    after = _alternatives(rest[k:])
    return [before + one + end for each in inside for one in _alternatives(each.strip()) for end in after]
