"""`python -m train health fit | evaluate | show`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.errors import ConfigError, DatasetError
from train.sessions.place import place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from train.health.marks import MarksModel
    from train.health.model import HealthModel
    from train.health.trend import Estimate
    from train.sessions.types import Charge

_RAW = argparse.RawDescriptionHelpFormatter
DESCRIPTION = """\
How much a battery still holds, from its charges, which need not begin empty: by the tail of a charge that ended by
itself (--rated-mah), or by marks of the state of charge that a car tells, at least 20 % apart (--rated-wh).

  fit        learn it from charges of one kind of battery whose health is known (soh_pct of the dataset)
  evaluate   how far it is off on units it has not seen: each left out in turn
  show       the trend of each unit of a dataset, with an interval and what is out of the ordinary
"""
EXAMPLE = """\
examples:
  python -m train import nasa recordings/nasa_liion build/nasa
  python -m train health evaluate --data build/nasa --rated-mah 2000
  python -m train health fit --data build/nasa --rated-mah 2000 --out build/health.json
  python -m train health show --model build/health.json --data build/nasa
  python -m train simulate build/cars --profile ev --units 15
  python -m train health evaluate --data build/cars --device id_3_58 --rated-wh 58000

exit codes: 0 done, 2 usage or bad input, 130 interrupted"""
FLAGS = {
    "": "",
    "temperature": "not answered: too cold or too hot",
    "no_marks": "not answered: the state of charge is not told",
    "short_span": "not answered: less than 20 % was charged",
    "no_whole_tail": "not answered: the current was not seen to fall to its end",
    "out_of_family": "not answered: unlike every battery learnt from (anomaly)",
    "jump": "out of line with this unit's other charges (anomaly)",
}


def add_command(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands; each sets `func`."""
    parser = sub.add_parser(
        "health",
        help="capacity of a battery from its charges, as a trend with an interval",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=_RAW,
    )
    jobs = parser.add_subparsers(metavar="fit|evaluate|show", required=True)
    fit = jobs.add_parser(
        "fit", help="learn capacity from charges of known health", epilog=EXAMPLE, formatter_class=_RAW
    )
    evaluate = jobs.add_parser(
        "evaluate", help="leave each unit out in turn and say how far off", epilog=EXAMPLE, formatter_class=_RAW
    )
    for job, run in ((fit, _fit), (evaluate, _evaluate)):
        _add_data(job)
        rated = job.add_mutually_exclusive_group(required=True)
        rated.add_argument("--rated-mah", type=float, metavar="MAH", help="by the tail: capacity that soh_pct is of")
        rated.add_argument("--rated-wh", type=float, metavar="WH", help="by soc_pct: energy that soh_pct is of")
        job.set_defaults(func=run)
    fit.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON file to write")
    show = jobs.add_parser("show", help="the trend of each unit", epilog=EXAMPLE, formatter_class=_RAW)
    show.add_argument("--model", type=Path, required=True, metavar="FILE", help="what health fit wrote")
    _add_data(show)
    show.add_argument("--unit", metavar="NAME", help="only this unit")
    show.set_defaults(func=_show)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=place, required=True, metavar="DIR", help="dataset folder or URL")
    parser.add_argument("--device", metavar="NAME", help="of several devices in the dataset")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")


def _charges(args: argparse.Namespace, device: str | None) -> list[Charge]:
    """The charges of one device; those of a unit in the order of their session names."""
    from train.sessions.dataset import read_dataset
    from train.sessions.labels import VEHICLE

    dataset = read_dataset(args.data)
    device = args.device or device
    if device is None and len(dataset.devices) > 1:
        raise ConfigError(f"{args.data} holds several devices; give --device, one of {', '.join(dataset.devices)}")
    found = [charge for charge in dataset.charges if device in (None, charge.device)]
    if not found:
        raise DatasetError(f"{args.data}: has no charge of {device}, only of {', '.join(dataset.devices)}")
    by_tail = getattr(args, "rated_mah", None) is not None
    if by_tail and any(charge.details.get("profile") == VEHICLE for charge in found):
        raise ConfigError("--rated-mah: a charge point's meter does not see the battery's voltage; give --rated-wh")
    return found


def _fitting(args: argparse.Namespace) -> Callable[[Sequence[Charge]], HealthModel | MarksModel]:
    from train.health.evaluate import fit_by_marks, fit_tail

    by_marks = args.rated_wh is not None
    rated, option, example = (args.rated_wh, "--rated-wh", 58000) if by_marks else (args.rated_mah, "--rated-mah", 2000)
    if not 0 < rated < 1e7:
        raise ConfigError(f"{option} {rated:g}: give the rated capacity, for instance {example}")
    return fit_by_marks(rated) if by_marks else fit_tail(rated)


def _fit(args: argparse.Namespace) -> None:
    from train.health.stored import write_model

    model = _fitting(args)(_charges(args, None))
    write_model(args.out, model)
    if args.json:
        print(json.dumps({"device": model.device, "units": model.n_units, "model": str(args.out)}))
    else:
        print(f"health of {model.device} learnt from {model.n_units} units, written to {args.out}")


def _evaluate(args: argparse.Namespace) -> None:
    from train.health.evaluate import leave_units_out

    found = leave_units_out(_charges(args, None), _fitting(args))
    print(json.dumps(found, indent=1) if args.json else evaluation_text(found))


def evaluation_text(found: dict[str, Any]) -> str:
    """The evaluation as a table."""
    row = "{:<34}{:>9}{:>10}{:>8}{:>10}{:>12}".format
    lines = ["error in % of the true capacity, units not learnt from", ""]
    lines.append(row("how it was read", "charges", "answered", "error", "counted", "class mean"))
    for start, figures in found["starts"].items():
        lines.append(row(start, *_cells(figures)))
        for unit, per_start in found["per_unit"].items():
            if start in per_start:
                lines.append(row(f"  {unit.partition('/')[2]}", *_cells(per_start[start])))
    trend, temperature = found["trend"], found["temperature"]
    if trend["answers"]:
        lines += [
            "",
            f"trend over a unit's charges: off by {trend['error_pct']:.1f} %; its 10-90 % interval holds the truth of "
            f"{trend['coverage']:.0%} of {trend['answers']} charges",
        ]
    if temperature["cold_or_hot"]:
        lines.append(
            f"too cold or too hot to answer: {temperature['cold_or_hot']} charges; "
            f"{temperature['of_these_out_of_family']} of them are out of family if the temperature is not known"
        )
    return "\n".join(lines)


def _cells(figures: dict[str, float]) -> list[str]:
    errors = (figures.get(name) for name in ("error_pct", "counted_error_pct", "class_mean_error_pct"))
    return [
        f"{figures['charges']:.0f}",
        f"{figures['answered']:.0f}",
        *("" if value is None else f"{value:.1f}" for value in errors),
    ]


def _show(args: argparse.Namespace) -> None:
    from train.health.marks import MarksModel
    from train.health.stored import read_model
    from train.health.trend import estimate

    model = read_model(args.model)
    rated_key, rated = ("rated_wh", model.rated_wh) if isinstance(model, MarksModel) else ("rated_mah", model.rated_mah)
    charges = _charges(args, model.device)
    units = sorted({charge.unit for charge in charges})
    if args.unit is not None and args.unit not in units:
        raise DatasetError(f"{args.data}: has no unit {args.unit} of {model.device}; it has {', '.join(units)}")
    chosen = units if args.unit is None else [args.unit]
    found = {unit: list(estimate(model, (one for one in charges if one.unit == unit))) for unit in chosen}
    if args.json:
        rows = {unit: [asdict(one) for one in estimates] for unit, estimates in found.items()}
        print(json.dumps({"device": model.device, rated_key: rated, "units": rows}, indent=1))
        return
    for unit, estimates in found.items():
        print("\n".join(_trend_lines(unit, estimates, rated, "Wh" if rated_key == "rated_wh" else "mAh")))


def _trend_lines(unit: str, estimates: list[Estimate], rated: float, unit_of_it: str) -> list[str]:
    lines = [unit]
    for one in estimates:
        text = f"  {one.session:<24}"
        if one.soh is not None and one.trend is not None and one.low is not None and one.high is not None:
            text += (
                f"{one.start:<7} this charge {one.soh:4.0%}   so far {one.trend:4.0%} "
                f"({one.low:.0%} to {one.high:.0%}), {one.trend * rated:.0f} {unit_of_it}"
            )
        lines.append(f"{text}   {FLAGS[one.flag]}".rstrip())
    return lines
