"""The deepest stack the firmware can have on rv32imc: every chain of calls from main, by gcc's own frames.

    python tools/board_stack.py [--model DIR] [--json]

gcc writes the size of each function's frame and whom it calls (-fcallgraph-info=su). A call through a pointer may go to
each function its caller can have been given, by the table below. A circle of calls, or a frame without a bound, ends
it. Functions of picolibc and libgcc (memcpy, 64-bit division) come without frames: 64 bytes are added for them.
Interrupts are not counted: the boards of this project take none while they work.

Exit code: 0, 1 more than 1 024 bytes, 6 no compiler.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from codegen.measure_stack import INDIRECT, CallGraph, parse_call_graphs, worst_stack  # noqa: E402

FIRMWARE = ROOT / "firmware"
LIMIT_BYTES = 1024
LIBRARY_BYTES = 64
EXIT_MORE, EXIT_BUILD = 1, 6
COMPILER = "riscv64-unknown-elf-gcc"
FLAGS = ("-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "--specs=picolibc.specs", "-std=c11", "-Os")
PARTS = ("src", "lib/core/src", "lib/sensor/src", "lib/settings/src", "ports/qemu_riscv", "ports/qemu")

# Whom a function may call through a pointer: by its name or, failing that, by its folder.
ANY_OF_HARDWARE = r"(line_write|clock_us|ticks|stack_bytes|measure_own|measure_on_bus|get_setting|set_setting)"
POINTERS = (
    (r"answer_features$", r"wp_(device|remaining|network)_predict$"),
    (r"wp_charge_update$", r"wp_network_crc$"),
    (r"wp_network_predict$", r"(reset|invoke)$"),
    (r"wp_ina_read_register$", r"hardware\.c:i2c_transfer$"),
    (r"(ina\w*\.c:|wp_ina)", r"(ina2\d\d\.c:\w+|hardware\.c:i2c_transfer)$"),
    (r"(settings\.c:|wp_settings)", r"hardware\.c:flash_\w+$"),
    (r"", rf"hardware\.c:{ANY_OF_HARDWARE}$"),
)


class StackError(Exception):
    """No bound can be given; one line says why."""


def call_graph(model: Path, folder: Path) -> CallGraph:
    """Frames and calls of the firmware with a model."""
    libraries = [f"-I{path}" for path in sorted((FIRMWARE / "lib").glob("*/include"))]
    others = ("ports", "ports/qemu", "platform/qemu/bsp", "src")
    includes = [*libraries, *(f"-I{FIRMWARE / name}" for name in others), f"-I{model}"]
    sources = [path for part in PARTS for path in sorted((FIRMWARE / part).glob("*.c"))]
    sources += [*sorted((FIRMWARE / "platform" / "qemu" / "bsp").glob("*.c")), *sorted(model.glob("*.c"))]
    for k, source in enumerate(sources):  # files of one name would overwrite each other's graph
        command = [COMPILER, *FLAGS, *includes, "-fcallgraph-info=su", "-c", str(source), "-o", f"{k}.o"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise StackError(f"{COMPILER} is not installed: run tools/system_packages.sh") from error
        if done.returncode:
            raise StackError(f"{source}: does not compile: {done.stderr.strip().splitlines()[0]}")
    return parse_call_graphs(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.ci")))


def resolved(graph: CallGraph) -> CallGraph:
    """The graph with every call through a pointer replaced by calls of all it may reach."""
    callees = {}
    for name, targets in graph.callees.items():
        if INDIRECT in targets:
            pattern = next(to for caller, to in POINTERS if re.search(caller, name))
            reached = tuple(each for each in graph.frames if re.search(pattern, each))
            if not reached and name != "wp_network_predict":  # which a forest's firmware does not link
                raise StackError(f"{name}: calls through a pointer, and nothing is known that it may reach")
            targets = tuple(each for each in targets if each != INDIRECT) + reached
        callees[name] = targets
    return CallGraph(graph.frames, callees)


def deepest(graph: CallGraph, name: str) -> list[tuple[str, int]]:
    """The chain of calls that needs most, with its frames."""
    chain = [(name, graph.frames.get(name, 0))]
    while targets := [each for each in graph.callees.get(name, ()) if each in graph.frames]:
        name = max(targets, key=lambda each: worst_stack(graph, each))
        chain.append((name, graph.frames[name]))
    return chain


def main(arguments: list[str]) -> int:
    """Parses the command line, measures and prints."""
    first, _, rest = (__doc__ or "").partition("\n")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=first, epilog=rest, formatter_class=formatter)
    default = FIRMWARE / "lib" / "model"
    parser.add_argument("--model", type=Path, default=default, metavar="DIR", help="C of a model (firmware/lib/model)")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="wattprint-stack-") as name:
        graph = resolved(call_graph(args.model.resolve(), Path(name)))
    chain = deepest(graph, "main")
    total = worst_stack(graph, "main") + LIBRARY_BYTES
    if args.json:
        print(json.dumps({"stack_bytes": total, "limit_bytes": LIMIT_BYTES, "chain": chain}, indent=1))
    else:
        for function, frame in chain:
            print(f"{frame:6} {function.rpartition('/')[2]}")
        print(f"{LIBRARY_BYTES:6} functions of the compiler's library")
        print(f"{total:6} bytes at most; the limit is {LIMIT_BYTES}")
    return 0 if total <= LIMIT_BYTES else EXIT_MORE


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except StackError as error:
        print(f"board_stack: {error}", file=sys.stderr)
        sys.exit(EXIT_BUILD)
    except KeyboardInterrupt:
        sys.exit(130)
