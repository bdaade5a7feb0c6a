"""`make fuzz`: random bytes for line parser, board loops and a meter's driver, every access and operation checked.

    python tools/fuzz.py [line] [board] [vehicle] [meter] [--bytes N] [--seed N]   (all, 10 000 000 bytes each)

libFuzzer (clang) mutates what reaches new code; AddressSanitizer and UndefinedBehaviorSanitizer stop at the first wrong
access or operation, libFuzzer at an input that takes longer than ten seconds, and firmware/fuzz/*.c at a line the board
says that is none, or a state or an answer out of its range. The corpus begins with whole charges where that helps
(tools/fuzz_seeds.py) and stays in build/fuzz, so that the next run goes on where this one ended; an input that fails
stays there too, and the command that repeats it is printed.

Exit code: 0 nothing found, 1 something found, 2 usage, 6 no clang with libFuzzer.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from fuzz_seeds import seeds

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
TARGETS = ("line", "board", "vehicle", "meter")
LIBRARIES = ("core", "vehicle", "meter")  # folders of firmware/lib beside the model
DEFINES = {"vehicle": ("-DWP_PROFILE_EV=1", "-DWP_METER=0")}  # wp/profile.h; it draws its own model
RUNS_A_ROUND = 10_000
INPUT_BYTES_MAX = 4096
EXIT_FOUND, EXIT_USAGE, EXIT_BUILD, EXIT_INTERRUPTED = 1, 2, 6, 130


class FuzzError(Exception):
    """Something was found, or nothing could be built; carries the exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def build(target: str, folder: Path) -> Path:
    """Compiles a fuzz target with its sanitizers and the committed model."""
    if shutil.which("clang") is None:
        raise FuzzError("clang is not installed; on Debian: apt-get install clang libclang-rt-dev", EXIT_BUILD)
    program = folder / f"fuzz_{target}"
    sources = [FIRMWARE / "fuzz" / f"{target}.c", FIRMWARE / "fuzz" / "count.c"]
    model = [] if target in DEFINES else ["model"]
    for name in (*(f"{library}/src" for library in LIBRARIES), *model):
        sources += sorted((FIRMWARE / "lib" / name).glob("*.c"))
    flags = ["-std=c11", "-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    flags += DEFINES.get(target, ())
    includes = [f"-I{FIRMWARE / 'lib' / name}" for name in (*(f"{each}/include" for each in LIBRARIES), "model")]
    command = ["clang", *flags, *includes, *map(str, sources), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        hint = "; on Debian: apt-get install libclang-rt-dev" if "libclang_rt" in done.stderr else ""
        raise FuzzError(f"firmware/fuzz/{target}.c: does not build: {lines[0]}{hint}", EXIT_BUILD)
    return program


def fuzz(target: str, n_bytes: int, seed: int, folder: Path) -> int:
    """Runs a target until it has had so many bytes of input; returns how many. Raises FuzzError at a failure."""
    program = build(target, folder)
    corpus = folder / f"corpus-{target}"
    corpus.mkdir(exist_ok=True)
    for name, data in seeds(target).items():
        (corpus / name).write_bytes(data)
    total = 0
    while total < n_bytes:
        options = [f"-runs={RUNS_A_ROUND}", f"-max_len={INPUT_BYTES_MAX}", "-len_control=0", "-timeout=10"]
        options += [f"-seed={seed}", f"-artifact_prefix={folder}/{target}-"]
        done = subprocess.run(
            [program, *options, corpus], capture_output=True, text=True, errors="replace", check=False
        )
        counted = re.search(r"^fuzzed (\d+) bytes$", done.stderr, re.MULTILINE)
        if done.returncode or not counted:
            raise FuzzError(f"{target}: {_failure(done.stderr, program)}", EXIT_FOUND)
        total += int(counted[1])
        seed += 1
        if sys.stderr.isatty():
            print(f"\r{target}: {total:,} of {n_bytes:,} bytes", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return total


def _failure(said: str, program: Path) -> str:
    """What a sanitizer or libFuzzer complained of, and how to see it again."""
    kind = re.search(r"runtime error: .+|ERROR: .+", said)
    kept = re.search(r"Test unit written to (\S+)", said)
    words = kind[0] if kind else (said.strip().splitlines() or ["ended without a word"])[-1]
    return f"{words}\nagain: {program} {kept[1]}" if kept else words


def main(arguments: list[str]) -> int:
    """Parses the command line and fuzzes."""
    first, _, rest = (__doc__ or "").partition("\n")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=first, epilog=rest, formatter_class=formatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="line, board, vehicle, meter (default: all)")
    parser.add_argument("--bytes", type=int, default=10_000_000, metavar="N", help="of input a target (10 000 000)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the first round (1)")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "fuzz", metavar="DIR", help="where corpora are kept"
    )
    args = parser.parse_args(arguments)
    if unknown := [name for name in args.targets if name not in TARGETS]:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    if args.bytes < 1:
        parser.error("--bytes: at least 1")
    args.out.mkdir(parents=True, exist_ok=True)
    for target in args.targets or TARGETS:
        print(f"{target}: {fuzz(target, args.bytes, args.seed, args.out):,} bytes, nothing found", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except FuzzError as error:
        print(f"fuzz: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
