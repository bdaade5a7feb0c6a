"""`make bench-ev-proof`: a charge point's board answers whole charges, each answer compared with the reference.

    python -m tools.ev_proof [--charges N] [--cars N] [--period-ms MS] [--boards ENV,ENV] [--out DIR] [--json]

Simulates households, enrols the cars of the first, answers charges of all of them with the reference (NumPy, from
docs/vehicle.md), builds the firmware for this machine and for QEMU's boards, and streams every charge through each
board's line. Charges of other households are of cars that are not enrolled. Figures go to build/ev_proof/ev_proof.json.
Exit code: 0 no mismatch, 1 a mismatch, else that of the command that failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BOARD_FILES = ROOT / "firmware" / "platform" / "qemu" / "boards"
SEED = 90_017  # of no other fleet here
HOUSEHOLDS = 6
NATIVE = "native"


class ProofError(Exception):
    """A command failed; carries its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Board:
    """An environment of platformio.ini; its board file and `codegen measure`'s target under QEMU."""

    env: str
    file: str = ""
    target: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """The board file's `build`."""
        settings: dict[str, str] = json.loads((BOARD_FILES / f"{self.file}.json").read_text(encoding="utf-8"))["build"]
        return settings


BOARDS = {
    board.env: board
    for board in (
        Board(NATIVE),
        Board("qemu_riscv32", "qemu_rv32imc", "rv32imc"),
        Board("qemu_riscv32f", "qemu_rv32imafc", "rv32imafc"),
        Board("qemu_cortexm4", "qemu_cortexm4", "cortex-m4"),
        Board("qemu_lx6", "qemu_lx6", "lx6"),
    )
}


def run(*arguments: object, accept: tuple[int, ...] = (0,), variables: dict[str, str] | None = None) -> str:
    """Standard output of a command of this project; raises ProofError with its last line and exit code."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | (variables or {}), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode not in accept:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise ProofError(f"{' '.join(command[1:4])}: {said[0]}", done.returncode)
    return done.stdout


def prepare(out: Path, n_charges: int, period_ms: int, n_cars: int | None) -> tuple[Path, Path, Path]:
    """Artifact, its C and the reference of simulated charges."""
    fleet, artifact, model, reference = (out / name for name in ("fleet", "artifact", "model", "reference.npz"))
    say("simulating households")
    options = ["--seed", SEED, "--households", HOUSEHOLDS, "--period-ms", period_ms, "--force"]
    if n_cars is not None:
        options += ["--household-cars", n_cars]
    run("-m", "train", "simulate", fleet, "--profile", "ev", *options)
    run("-m", "train", "fit", "--profile", "ev", "--data", fleet, "--household", f"s{SEED}h000", "--out", artifact)
    say("answering with the reference")
    selected = ["--split", "all", "--charges", n_charges, "--out", reference]
    run("-m", "codegen", "reference", "--artifact", artifact, "--data", fleet, *selected)
    run("-m", "codegen", "compile", "--artifact", artifact, "--out", model)
    return artifact, model, reference


def prove(board: Board, artifact: Path, model: Path, reference: Path, out: Path) -> dict[str, Any]:
    """One board's figures."""
    say(f"{board.env}: building")
    variables = {"PLATFORMIO_BUILD_DIR": str(out / "pio"), "WATTPRINT_MODEL_DIR": str(model)}
    run("tools/pio.py", "run", "-e", board.env, variables=variables)
    program = out / "pio" / board.env / ("program" if board.env == NATIVE else "firmware.elf")
    options = ["--artifact", artifact, "--reference", reference, "--json"]
    say(f"{board.env}: streaming")
    if board.env == NATIVE:
        report = verify("--port", "sim", "--firmware", program, *options)
        return {"env": board.env, **_figures(report)}
    row = {"env": board.env, **_figures(verify_under_qemu(board, program, options)), **_size(board, program)}
    answer = json.loads(run("-m", "codegen", "measure", model, "--target", board.target, "--inputs", reference))
    instructions = answer["instructions"]
    return row | {"instructions_mean": instructions["mean"], "instructions_max": instructions["max"]}


def verify(*arguments: object) -> dict[str, Any]:
    """The report of `host verify`, whatever its verdict."""
    report: dict[str, Any] = json.loads(run("-m", "host", "verify", *arguments, accept=(0, 1)))
    return report


def verify_under_qemu(board: Board, program: Path, options: list[object]) -> dict[str, Any]:
    """The same of a board that is switched on for it."""
    qemu = board.settings["qemu"]
    command = f"{qemu}{'' if qemu.endswith('=') else ' '}{program}"
    command = command.replace("-serial stdio", "-serial tcp:127.0.0.1:0,server=on,wait=on,nodelay=on")
    with subprocess.Popen(command.split(), stderr=subprocess.PIPE, text=True) as process:
        try:
            # ... waiting for connection on: disconnected:tcp:127.0.0.1:PORT,server=on
            listens = process.stderr.readline() if process.stderr else ""
            port = listens.rpartition("tcp:127.0.0.1:")[2].partition(",")[0]
            return verify("--port", f"socket://127.0.0.1:{port}", *options)
        finally:
            process.kill()


def _figures(report: dict[str, Any]) -> dict[str, Any]:
    return {
        "verdict": report["verdict"],
        "charges": len(report["charges"]),
        "samples": report["samples"],
        "mismatches": report["mismatches"],
        "first_divergence": report["first_divergence"],
        "stack_bytes": report["board"].get("stack_bytes"),
        "samples_per_s": report["link"]["samples_per_s"],
    }


def _size(board: Board, program: Path) -> dict[str, int]:
    command = [f"{board.settings['toolchain']}size", "-B", str(program)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1]
    text, data, bss = (int(field) for field in said.split()[:3])
    return {"flash_bytes": text + data, "ram_bytes": data + bss}


def say(text: str) -> None:
    """Progress, on a terminal."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def table(rows: list[dict[str, Any]]) -> str:
    """What was found, for a terminal and for docs/vehicle.md."""
    head = ("board", "charges", "samples", "mismatches", "flash", "RAM", "stack", "instructions mean", "worst")
    keys = (
        *("env", "charges", "samples", "mismatches", "flash_bytes", "ram_bytes", "stack_bytes"),
        *("instructions_mean", "instructions_max"),
    )
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        lines.append(f"| {' | '.join(_cell(row.get(key)) for key in keys)} |")
    return "\n".join(lines)


def _cell(value: float | str | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{round(value):,}".replace(",", " ")


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--charges", type=int, default=204, metavar="N", help="charges a board answers (204)")
    parser.add_argument(
        "--cars", type=int, metavar="N", help="in each household, 2 to 8 (default: drawn, in the first 6)"
    )
    parser.add_argument("--period-ms", type=int, default=60_000, metavar="MS", help="between samples (60 000)")
    parser.add_argument("--boards", default=f"{NATIVE},qemu_riscv32", metavar="ENV,ENV", help=f"of {', '.join(BOARDS)}")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "ev_proof", metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    args = parser.parse_args()
    names = args.boards.split(",")
    if unknown := [name for name in names if name not in BOARDS]:
        parser.error(f"--boards: no board {unknown[0]}; there are {', '.join(BOARDS)}")
    if args.charges < 1:
        parser.error("--charges: at least 1")
    if args.cars is not None and not 2 <= args.cars <= 8:
        parser.error("--cars: 2 to 8")
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    prepared = prepare(out, args.charges, args.period_ms, args.cars)
    rows = [prove(BOARDS[name], *prepared, out) for name in names]
    (out / "ev_proof.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="ascii")
    print(json.dumps(rows, indent=1) if args.json else table(rows))
    wrong = sum(row["mismatches"] for row in rows)
    if not args.json:
        samples = sum(row["samples"] for row in rows)
        print(f"{'FAIL' if wrong else 'PASS'}  {samples} answers, {wrong} mismatches  ({out / 'ev_proof.json'})")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ProofError as error:
        print(f"ev_proof: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
