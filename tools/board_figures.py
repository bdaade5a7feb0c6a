"""What the firmware with the default model costs on every board: for `make bench-firmware` and docs/boards.md.

    python tools/board_figures.py --update docs/boards.md       (the same figures as a table, between two comments)

Flash and RAM are PlatformIO's program, linked; stack is the deepest the board has seen while it answered a charge, each
answer compared with the reference. Instructions are those of one answer: features, models, post-processing, state CRC.
A board whose compiler or emulator is not installed is left out and named.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ARTIFACT = ROOT / "artifacts" / "default"
MODEL = ROOT / "firmware" / "lib" / "model"  # the default artifact's C
BOARD_FILES = ROOT / "firmware" / "platform" / "qemu" / "boards"
NOT_HERE = 6
BEGIN, END = "<!-- made by: python tools/board_figures.py --update docs/boards.md -->", "<!-- end -->"


class FiguresError(Exception):
    """A command failed; carries its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Board:
    """An environment of platformio.ini, its board file, and its name for `codegen measure`."""

    env: str
    file: str
    target: str


BOARDS = (
    Board("qemu_riscv32", "qemu_rv32imc", "rv32imc"),
    Board("qemu_riscv32f", "qemu_rv32imafc", "rv32imafc"),
    Board("qemu_cortexm4", "qemu_cortexm4", "cortex-m4"),
    Board("qemu_lx6", "qemu_lx6", "lx6"),
)


def run(*arguments: object, **variables: str) -> str:
    """Standard output of a command of this project; raises FiguresError with its last line and exit code."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise FiguresError(f"{' '.join(command[1:4])}: {said[0]}", done.returncode)
    return done.stdout


def shortest_charge(reference: Path) -> str:
    """Name of the reference's charge with the fewest samples."""
    import numpy as np

    with np.load(reference, allow_pickle=False) as file:
        lengths = np.diff(file["offsets"])
        return str(file["sessions"][int(lengths.argmin())])


def board_row(board: Board, reference: Path, build: Path) -> dict[str, Any]:
    """One board's figures."""
    answer = json.loads(run("-m", "codegen", "measure", MODEL, "--target", board.target, "--inputs", reference))
    variables = {"PLATFORMIO_BUILD_DIR": str(build), "WATTPRINT_MODEL_DIR": str(MODEL)}
    run("tools/pio.py", "run", "-e", board.env, **variables)
    elf = build / board.env / "firmware.elf"
    settings = json.loads((BOARD_FILES / f"{board.file}.json").read_text(encoding="utf-8"))["build"]
    size = [f"{settings['toolchain']}size", "-B", str(elf)]
    said = subprocess.run(size, capture_output=True, text=True, check=True).stdout.splitlines()[1]
    text, data, bss = (int(field) for field in said.split()[:3])
    verified = verify(f"{settings['qemu']}{'' if settings['qemu'].endswith('=') else ' '}{elf}", reference)
    return {
        "what": "firmware",
        "target": board.target,
        "env": board.env,
        "flash_bytes": text + data,
        "ram_bytes": data + bss,
        "stack_bytes": verified["board"]["stack_bytes"],
        "instructions_mean": answer["instructions"]["mean"],
        "instructions_max": answer["instructions"]["max"],
        "samples": verified["samples"],
        "mismatches": verified["mismatches"],
        "samples_per_s": verified["link"]["samples_per_s"],
    }


def verify(qemu: str, reference: Path) -> dict[str, Any]:
    """The report of `host verify` against a board that is switched on for it."""
    command = qemu.replace("-serial stdio", "-serial tcp:127.0.0.1:0,server=on,wait=on,nodelay=on").split()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            # ... waiting for connection on: disconnected:tcp:127.0.0.1:PORT,server=on
            listens = process.stderr.readline() if process.stderr else ""
            port = listens.rpartition("tcp:127.0.0.1:")[2].partition(",")[0]
            said = run(
                "-m", "host", "verify", "--port", f"socket://127.0.0.1:{port}", "--artifact", ARTIFACT, "--json",
                "--reference", reference, "--session", shortest_charge(reference), "--skip", "determinism",
            )  # fmt: skip
        finally:
            process.kill()
    report: dict[str, Any] = json.loads(said)
    return report


def board_rows(reference: Path, work: Path) -> list[dict[str, Any]]:
    """Figures of every board that can be built here; the others are named on stderr."""
    rows = []
    for board in BOARDS:
        try:
            rows.append(board_row(board, reference, work / "pio"))
        except FiguresError as error:
            if error.exit_code != NOT_HERE:
                raise
            print(f"no figures for {board.env}: {error}", file=sys.stderr)
    return rows


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    head = ("board", "flash", "static RAM", "deepest stack", "instructions an answer, mean", "at most")
    keys = ("flash_bytes", "ram_bytes", "stack_bytes", "instructions_mean", "instructions_max")
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * len(keys) + "|"]
    for row in rows:
        numbers = [f"{round(row[key]):,}".replace(",", " ") for key in keys]
        lines.append(f"| `{row['env']}` | " + " | ".join(numbers) + " |")
    return "\n".join(lines)


def update(page: Path, table: str) -> None:
    """Replace what lies between the two comments of a page."""
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise FiguresError(f"{page}: has no {BEGIN} … {END} to write between", 2)
    page.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Parses the command line."""
    first, _, rest = (__doc__ or "").partition("\n")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=first, epilog=rest, formatter_class=formatter)
    parser.add_argument("--update", type=Path, metavar="PAGE", help="write the table into a page of docs")
    page = parser.parse_args().update
    with tempfile.TemporaryDirectory(prefix="wattprint-figures-") as folder:
        work = Path(folder)
        fleet, reference = work / "fleet", work / "reference.npz"
        run("-m", "train", "simulate", fleet, "--seed", 1000, "--units", 1, "--charges", 1)
        run(
            "-m", "codegen", "reference", "--artifact", ARTIFACT, "--data", fleet, "--split", "all",
            "--charges", 17, "--out", reference,
        )  # fmt: skip
        rows = board_rows(reference, work)
    if not rows:
        raise FiguresError("no board can be built here: run tools/system_packages.sh", NOT_HERE)
    table = as_table(rows)
    print(table)
    if page is not None:
        update(page, table)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FiguresError as error:
        print(f"board_figures: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
