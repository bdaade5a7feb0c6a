"""Command line of training: `python -m train`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from train.errors import TrainError
from train.output import at_work, readers_may_leave
from train.sessions.place import place

DESCRIPTION = """\
Charges in, a trained model out. The whole way, on a simulated fleet:

  python -m train simulate build/fleet                              make charges (or import your own, below)
  python -m train validate build/fleet                              check a dataset, line by line
  python -m train fit --data build/fleet --out build/artifact       learn: which device, how long until full
  python -m train evaluate --model build/artifact --data build/fleet    how good it is on units it has not seen
  python -m train predict --model build/artifact --data build/fleet --out build/predictions.npz
                                                                    what XGBoost itself says, for codegen to match

Your own charges: `python -m train import csv FILE... OUT --device ... --columns ...`, or write the two kinds of CSV
file of docs/dataset.md by hand. From model to board: `python -m codegen build`, which runs all of this.
"""
HOUSEHOLD_SPLIT = """\
Of a household (docs/vehicle.md) no unit is unseen: held-out are the charges that came after those its cars were
enrolled with, train are these, all are both, and none calibrates. Cars at its charge point that are not enrolled are
answered too: they tell how often such are called unknown."""
EPILOG = "exit codes: 0 done, 2 usage or bad input, 6 the C core could not be compiled, 130 interrupted"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code of docs/design.md."""
    with readers_may_leave():
        arguments = _parser().parse_args(argv)
        return _run(arguments.func, arguments)


def _run(command: Callable[[argparse.Namespace], int | None], arguments: argparse.Namespace) -> int:
    try:
        return command(arguments) or 0
    except TrainError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    from train import features_command, fit_command, teacher_command
    from train.advice import cli as advice_cli
    from train.compress import leaf_bits_command
    from train.health import cli as health_cli
    from train.sessions.cli import add_commands
    from train.study import compare_command

    parser = argparse.ArgumentParser(
        prog="python -m train",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub = parser.add_subparsers(metavar="COMMAND", required=True)
    add_commands(sub)
    features_command.add_command(sub)
    fit_command.add_command(sub)
    _add_evaluate(sub)
    _add_predict(sub)
    teacher_command.add_command(sub)
    leaf_bits_command.add_command(sub)
    health_cli.add_command(sub)
    advice_cli.add_command(sub)
    compare_command.add_command(sub)
    _add_config(sub)
    _add_report(sub)
    return parser


def _command(
    sub: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int | None],
    summary: str,
    example: str,
) -> argparse.ArgumentParser:
    parser = sub.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    return parser


def _add_evaluate(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(
        sub,
        "evaluate",
        _evaluate,
        "score an artifact on charges, by default of units it has not seen",
        "python -m train evaluate --model build/artifact --data build/fleet",
    )
    parser.description = f"{parser.description}\n\n{HOUSEHOLD_SPLIT}"
    _add_selection(parser)
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")


def _add_predict(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(
        sub,
        "predict",
        _predict,
        "write features and XGBoost's own leaves and margins, sample by sample, as .npz (docs/artifact.md)",
        "python -m train predict --model build/artifact --data build/fleet --charges 14 --out build/predictions.npz",
    )
    _add_selection(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=".npz file to write")
    parser.add_argument("--charges", type=int, metavar="N", help="at most N charges, dealt out over the devices")
    parser.add_argument("--sessions", metavar="A,B", help="only these charges, by the names in sessions.csv")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, metavar="ARTIFACT", help="artifact folder")
    parser.add_argument("--data", type=place, required=True, metavar="DIR", help="dataset folder or URL")
    parser.add_argument(
        "--split",
        choices=("held-out", "all", "train", "calibration"),
        default="held-out",
        help="charges of units the model has not seen (default), of all, or of those it was trained or calibrated on; "
        "of a household: those after the ones its cars were enrolled with (default), all, or those alone",
    )


def _add_config(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(
        sub,
        "config",
        _config,
        "print the configuration in force",
        "python -m train config --config wattprint.toml --json",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: wattprint.toml here, if there is one")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def _add_report(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(
        sub,
        "report",
        _report,
        "render report.html from a build folder's report.json and reference.npz",
        "python -m train report build",
    )
    parser.add_argument("build", type=Path, metavar="BUILD_DIR", help="folder that codegen build has filled")


def _evaluate(arguments: argparse.Namespace) -> None:
    from train.artifact_household import is_household

    if is_household(arguments.model):
        _evaluate_household(arguments)
        return
    from train.evaluate.run import evaluate
    from train.evaluate.table import print_evaluation

    with at_work(f"answering the charges of {arguments.data}"):
        result = evaluate(arguments.model, arguments.data, arguments.split)
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        print_evaluation(result)


def _evaluate_household(arguments: argparse.Namespace) -> None:
    from train.household.evaluate import evaluate_household, print_household

    with at_work(f"answering the charges of {arguments.data}"):
        result = evaluate_household(arguments.model, arguments.data, arguments.split)
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        print_household(result)


def _predict(arguments: argparse.Namespace) -> None:
    from train.artifact_household import is_household

    if is_household(arguments.model):
        from train.models.predict_household import predict_household as predict
    else:
        from train.models.predict import predict

    sessions = arguments.sessions.split(",") if arguments.sessions else None
    with at_work(f"predicting the charges of {arguments.data}"):
        summary = predict(
            arguments.model,
            arguments.data,
            arguments.out,
            split=arguments.split,
            n_charges=arguments.charges,
            sessions=sessions,
        )
    if arguments.json:
        print(json.dumps(summary, indent=1))
    else:
        print(
            f"{summary['samples']} samples of {summary['charges']} charges ({summary['units']} units) "
            f"written to {arguments.out}"
        )


def _config(arguments: argparse.Namespace) -> None:
    from train.config import config_values, load_config

    values = config_values(load_config(arguments.config))
    if arguments.json:
        print(json.dumps(values, indent=1))
        return
    from train.config import as_toml

    print(as_toml(values), end="")


def _report(arguments: argparse.Namespace) -> None:
    from train.report.build import write_report

    print(f"report written to {write_report(arguments.build)}")
