"""`python -m train compare`."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

EXAMPLE = """\
examples:
  python -m train compare --data build/fleet --out build/study                    everything, 30 minutes on two cores
  python -m train compare --data build/fleet --out build/study --quick            a quarter of the units, in 3 minutes
  python -m train compare --data build/fleet --out build/study --techniques leaf_width reuse_penalty
  python -m train compare --data build/fleet --unseen more_units --out build/study --install

Called again it goes on where it was interrupted: finished rows stay in OUT/rows, until data, features or the
technique's own file change. OUT/compression.html is the report, OUT/compression.json has the figures, and
OUT/compression.md the table of docs/evaluation.md."""


def add_command(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "compare all compression techniques by measured bytes and held-out quality, and search for better ones"
    parser = sub.add_parser(
        "compare",
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="dataset folder (docs/dataset.md)")
    parser.add_argument(
        "--unseen", type=Path, nargs="+", default=[], metavar="DIR", help="more charges, of other units, to score on"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for rows, figures and report")
    parser.add_argument(
        "--techniques",
        nargs="+",
        metavar="NAME",
        help="only these, by file name in train/compress, or a family: forest, network; then without a search",
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="rows made at a time (default: 2)")
    parser.add_argument("--quick", action="store_true", help="a quarter of the units and one setting a technique")
    trials = "trials of each search, 0 for none (default: 16, of networks 4)"
    parser.add_argument("--trials", type=int, metavar="N", help=trials)
    finished = "make no new row: report those that are there, as after an interrupted run"
    parser.add_argument("--finished", action="store_true", help=finished)
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: wattprint.toml here, if there is one")
    parser.add_argument("--install", action="store_true", help="update artifacts/compression.json: builds report it")
    parser.add_argument("--json", action="store_true", help="print compression.json and nothing else")
    parser.set_defaults(func=_run)


def _run(args: argparse.Namespace) -> int:
    from train.config import load_config
    from train.study.compare import ROOT, STUDY_FILE, compare, wanted
    from train.study.words import summary_lines, table_lines

    request = wanted(
        args.data,
        args.unseen,
        args.out,
        args.techniques,
        n_jobs=args.jobs,
        quick=args.quick,
        trials=args.trials,
        command=_command(args),
        only_finished=args.finished,
    )
    result = compare(request, load_config(args.config), quiet=args.json)
    if args.install:
        target = ROOT / "artifacts" / STUDY_FILE
        target.write_bytes((args.out / STUDY_FILE).read_bytes())
    if args.json:
        print(json.dumps(result, indent=1))
        return 0
    print("\n".join(table_lines(result)))
    print("\n".join(summary_lines(result)))
    print(f"report: {args.out / 'compression.html'}")
    return 0


def _command(args: argparse.Namespace) -> str:
    """What makes the same figures again; folders by their last names, none of this machine's paths."""
    parts = ["python -m train compare", f"--data {shlex.quote(args.data.name)}"]
    if args.unseen:
        parts.append("--unseen " + " ".join(shlex.quote(path.name) for path in args.unseen))
    parts.append(f"--out {shlex.quote(args.out.name)}")
    parts += ["--quick"] if args.quick else []
    parts += ["--finished"] if args.finished else []
    parts += [f"--trials {args.trials}"] if args.trials is not None else []
    parts += ["--techniques " + " ".join(args.techniques)] if args.techniques else []
    return " ".join(parts)
