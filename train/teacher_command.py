"""`python -m train teacher`: a large recurrent teacher, and what a small forest gains by it."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from train.errors import ConfigError
from train.sessions.place import place

if TYPE_CHECKING:
    from train.teacher.launch import Size

DESCRIPTION = """\
Train a recurrent teacher on stored rows under DeepSpeed (ZeRO stage 2) in two or more processes, label the rows by it,
and score it beside two forests, one trained with its labels and one without, on units none has seen (docs/scale.md).
It needs an environment of its own: make teacher. A run that was killed goes on at its last epoch when started again.
"""
EPILOG = """\
examples:
  python -m train features build/fleet build/rows
  python -m train teacher --rows build/rows --out build/teacher
  python -m train fit --data build/fleet --rows build/rows --teacher build/teacher --out build/artifact
"""


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `teacher`."""
    parser = subparsers.add_parser(
        "teacher",
        help="train a large recurrent teacher whose answers a forest can learn",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=place, required=True, metavar="ROWS", help="feature folder")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of checkpoints and labels")
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: wattprint.toml here, if there is one")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="on this machine (default %(default)s)")
    parser.add_argument(
        "--epochs", type=int, default=20, metavar="N", help="passes over the charges (default %(default)s)"
    )
    parser.add_argument("--hidden", type=int, default=128, metavar="N", help="width (default %(default)s)")
    parser.add_argument("--layers", type=int, default=2, metavar="N", help="recurrent layers (default %(default)s)")
    parser.add_argument(
        "--batch-charges", type=int, default=16, metavar="N", help="charges a step and process (default %(default)s)"
    )
    parser.add_argument("--learning-rate", type=float, default=2e-3, metavar="X", help="highest (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default %(default)s")
    parser.add_argument("--labels-only", action="store_true", help="train no students")
    parser.add_argument("--force", action="store_true", help="begin anew")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(func=teacher)


def teacher(args: argparse.Namespace) -> int:
    """Run it."""
    from train.config import load_config
    from train.models.stored import load_stored
    from train.models.students import compare_students
    from train.teacher.launch import clear, train_teacher

    size = _size(args)
    config = load_config(args.config)
    stored = load_stored(args.rows)
    if args.force:
        clear(args.out)
    train_teacher(stored, args.out, config.split, size, args.processes)
    if args.labels_only:
        print(f"labels of {stored.table.n_rows} rows → {args.out}")
        return 0
    found = compare_students(stored, args.out, config)
    text = json.dumps(found.as_json(), indent=1)
    (args.out / "report.json").write_text(text + "\n", encoding="utf-8")
    print(
        text if args.json else f"{found}\nintervals: less the student without a teacher; report: {args.out}/report.json"
    )
    return 0


def _size(args: argparse.Namespace) -> Size:
    from train.teacher.launch import Size

    for name, low, high in (
        ("processes", 1, 1024),
        ("epochs", 1, 100_000),
        ("hidden", 1, 65_536),
        ("layers", 1, 64),
        ("batch_charges", 1, 65_536),
        ("seed", 0, 2**31 - 1),
    ):
        if not low <= getattr(args, name) <= high:
            raise ConfigError(f"--{name.replace('_', '-')} {getattr(args, name)}: must lie within {low} to {high}")
    if not 0 < args.learning_rate <= 1:
        raise ConfigError(f"--learning-rate {args.learning_rate}: must lie above 0 and at most at 1")
    return Size(**{item.name: getattr(args, item.name) for item in fields(Size)})
