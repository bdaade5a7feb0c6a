"""`python -m host verify`: from arguments to a report."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from pathlib import Path

from host.arguments import DEFAULT_ARTIFACT, Subparsers, add_pace, add_port, budget, command, positive, speed
from host.errors import HostError

STAGES = ("host-c", "determinism", "timing")
EXAMPLE = """\
python -m host verify --port sim --report build/verify
python -m host verify --port /dev/ttyUSB0 --data my_charges --elf firmware.elf --report build/verify
python -m host verify --port socket://127.0.0.1:5555 --skip determinism --elf firmware.elf --budget-flash 16k
python -m host verify --port sim --inject drop,flip,cut,garbage,reset      a bad line, three resets
python -m host verify --port sim --inject flip,cut,garbage --lines 1000000 nothing but damaged lines
python -m host verify --port sim --soak 8h                                 or 1000000samples
python -m host verify --port sim --artifact my_household --data my_cars    a charge point's board"""


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "stream charges to a board, compare every answer with the reference, and write the validation report"
    parser = command(sub, "verify", _run, summary, EXAMPLE)
    add_port(parser)
    add_pace(parser)
    _add_charges(parser)
    _add_report(parser)
    _add_budgets(parser)
    _add_trials(parser)


def _add_charges(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is streamed")
    group.add_argument(
        "--artifact",
        type=Path,
        metavar="DIR",
        default=DEFAULT_ARTIFACT,
        help="what the board's firmware was generated from (default: %(default)s)",
    )
    group.add_argument("--data", type=Path, metavar="DIR", help="dataset folder (default: simulate new charges)")
    group.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="answers of `codegen reference` (default: computed from the data)",
    )
    group.add_argument("--charges", type=positive, metavar="N", help="at most so many charges (simulated: 6)")
    group.add_argument(
        "--split",
        choices=("held-out", "all"),
        help="charges of units the model has not seen, or all (default: of --data held-out, where the artifact holds "
        "any units out, else all; all of --reference)",
    )
    group.add_argument("--session", metavar="NAME", help="this charge only")


def _add_report(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("report")
    group.add_argument("--report", type=Path, metavar="DIR", help="write report.html, report.json and junit.xml there")
    group.add_argument("--json", action="store_true", help="print the report as one JSON object")
    group.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON report to a file")
    group.add_argument("--elf", type=Path, metavar="FILE", help="the firmware as linked, for flash, RAM and compiler")
    group.add_argument(
        "--config", type=Path, metavar="FILE", help="settings with a [budget] (default: wattprint.toml, if there)"
    )


def _add_budgets(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("budgets (default: those of the configuration; with any of these, only these)")
    group.add_argument(
        "--budget-flash", type=budget, metavar="B", help="most bytes of flash, model and core; needs --elf"
    )
    group.add_argument("--budget-ram", type=budget, metavar="B", help="most bytes of RAM and stack; needs --elf")
    group.add_argument("--budget-instructions", type=budget, metavar="N", help="most instructions an answer")


def _add_trials(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("trials")
    group.add_argument(
        "--inject",
        metavar="KINDS",
        help="stream the longest charge again over a line that is damaged: drop, flip, cut, garbage (each perhaps "
        "with its share of the lines, flip=0.02) and reset (perhaps with a number, reset=3)",
    )
    group.add_argument(
        "--inject-rate", type=float, default=0.01, metavar="SHARE", help="share of lines hit (default: %(default)s)"
    )
    group.add_argument("--seed", type=int, default=1, metavar="N", help="of the damage (default: %(default)s)")
    group.add_argument(
        "--lines", type=positive, metavar="N", help="instead: nothing but damaged lines, until there were so many"
    )
    group.add_argument(
        "--soak", metavar="LENGTH", help="charges back to back for 8h, 30min, or 1000000samples, with memory watched"
    )
    group.add_argument(
        "--speed",
        type=speed,
        default=None,
        metavar="1|60|max",
        help="of the soak: so many times real time (default: max, as fast as the line takes it)",
    )
    group.add_argument(
        "--reset-command", metavar="COMMAND", help="what starts the board anew (default: its port's RTS and DTR)"
    )
    group.add_argument(
        "--skip", type=_stages, default=(), metavar="STAGES", help=f"leave out some of {', '.join(STAGES)}"
    )


def _stages(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    for word in words:
        if word not in STAGES:
            raise argparse.ArgumentTypeError(f"{word} is none of {', '.join(STAGES)}")
    return words


def _run(args: argparse.Namespace) -> int:
    from train.artifact import ArtifactError

    try:
        return run(args)
    except ArtifactError as error:
        raise HostError(str(error)) from None


def run(args: argparse.Namespace) -> int:
    """Verify a board; returns the exit code of what failed, 0 when nothing did."""
    from host.report.write import must_be_writable, show
    from train.artifact_household import is_household

    must_be_writable(args.report, args.out)
    args.on_log = _show_log
    if is_household(args.artifact):
        from host.household_firmware import firmware_of
        from host.verify_vehicles import run as run_vehicles

        reproduce = reproducer(args)
        args.firmware = firmware_of(args.port, args.firmware, args.artifact)
        return run_vehicles(args, reproduce)
    from host.verify_run import verify

    report, evidence = verify(args, reproducer(args), as_asked(args))
    return show(report, evidence, folder=args.report, out=args.out, as_json=args.json)


def reproducer(args: argparse.Namespace) -> str:
    """The command that verifies the same charges on the same board again; `--session` is added to it."""
    command = [python_word(), "-m", "host", "verify", "--port", args.port]
    for option in ("baud", "artifact", "data", "reference", "split", "firmware", "pace"):
        value = getattr(args, option)
        if value is not None:
            command += [f"--{option}", str(value)]
    if args.reset_command is not None:
        command += ["--reset-command", args.reset_command]
    if args.skip:
        command += ["--skip", ",".join(args.skip)]
    return shlex.join(command)


def as_asked(args: argparse.Namespace) -> str:
    """The command of this very run: the reproducer's, and what it leaves out."""
    command = [reproducer(args)]
    options = ["session", "charges", "inject", "lines", "soak", "speed", "elf", "config"]
    options += ["budget_flash", "budget_ram", "budget_instructions"]
    if args.inject is not None or args.lines is not None:
        options += ["inject_rate", "seed"]
    for option in options:
        value = getattr(args, option)
        if value is not None:
            command.append(shlex.join([f"--{option.replace('_', '-')}", str(value)]))
    return " ".join(command)


def python_word() -> str:
    """What calls this interpreter from this folder: `python` where that is it."""
    # A virtual environment's python is a link to another's, so that the folders are compared.
    path, found = Path(sys.executable), shutil.which("python")
    if found is not None and Path(found).absolute().parent == path.parent:
        return "python"
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _show_log(line: str) -> None:
    print(f"board: {line}", file=sys.stderr)
