"""`python -m train fit`: a dataset, or training rows made of it before, to an artifact."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from train.cluster import add_stored_rows_options, cluster_of
from train.errors import ConfigError
from train.output import at_work
from train.sessions.place import place

if TYPE_CHECKING:
    from train.config import Config
    from train.models.crossfit import Grow

DESCRIPTION = """\
Train both models on a dataset, which device it is and how long until full, and write an artifact. Units are split into
training, calibration and held-out; wattprint.toml says how, and all else that can be set.

With --profile ev (or profile = "ev" in wattprint.toml) DIR holds electric vehicles' charges at one charge point. No
unit is set aside: each car is enrolled with its first charges by session name, 3 to 10 ([household] enrol), and the
later ones are left for evaluate. Of the options below those that say ev, --name, --config and --json are for it.
"""
EPILOG = """\
examples:
  python -m train fit --data build/fleet --out build/artifact
  python -m train fit --data build/fleet --out build/artifact --hold-out phone/unit3
  python -m train fit --data my_charges --prior fleet --own-only --out build/mine    a few charges of your own device
  python -m train fit --data build/fleet --kind network --out build/network
  python -m train fit --data build/fleet --rows build/rows --out build/artifact      more rows than memory holds
  python -m train fit --profile ev --data build/home --out build/household           cars at one charge point
"""


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `fit`."""
    summary = "train both models on a dataset and write an artifact"
    parser = subparsers.add_parser(
        "fit",
        help=summary,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=place, required=True, metavar="DIR", help="dataset folder or URL (docs/dataset.md)"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="ARTIFACT", help="folder to write (docs/artifact.md)"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: wattprint.toml here, if there is one")
    parser.add_argument(
        "--kind",
        choices=("forest", "network"),
        default="forest",
        help="of model: boosted trees (default), or an int8 network, [network] of the configuration",
    )
    parser.add_argument(
        "--profile",
        choices=("phone", "ev"),
        help="what is charged, in place of the configuration's: with ev the cars of one household are enrolled with "
        "their first charges (docs/vehicle.md)",
    )
    parser.add_argument(
        "--household",
        metavar="NAME",
        help="ev: which of DIR's, by the name its chargers have in brackets, or without one by the charger's name; all "
        "takes every charge point as one household's; default: the only one",
    )
    parser.add_argument("--name", help="the model's name, a lower-case C identifier; default: from the folder's name")
    parser.add_argument(
        "--hold-out",
        nargs="+",
        default=[],
        metavar="DEVICE/UNIT",
        help="set exactly these units aside for evaluation, in place of a share of each device's",
    )
    parser.add_argument(
        "--prior",
        choices=("none", "fleet", "fleet-always"),
        default="none",
        help="none (default): DIR stands alone. fleet: 3 to 10 charges of your own device(s) join the simulated "
        "fleet's, and minutes rest on what that fleet teaches too; with --own-only as far as that helps, which "
        "charges left out in turn tell from three full ones on. fleet-always: in any case (docs/evaluation.md, Your "
        "own device)",
    )
    parser.add_argument(
        "--own-only",
        action="store_true",
        help="with --prior fleet: the fleet teaches minutes, its devices are not among the answers",
    )
    parser.add_argument("--seed", type=int, help="of split and training, in place of the configuration's")
    point = "train each forest by a technique of the compression study: a point as codegen build writes it"
    parser.add_argument("--point", type=Path, metavar="FILE", help=point)
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    add_stored_rows_options(parser)
    parser.set_defaults(func=fit)


def fit(arguments: argparse.Namespace) -> None:
    """Run it."""
    from train.config import load_config
    from train.models.fit import fit as fit_model
    from train.models.fit import summary_text

    config = load_config(arguments.config)
    if (arguments.profile or config.profile) == "ev":
        _fit_household(arguments, config)
        return
    if arguments.household is not None:
        raise ConfigError("--household is of electric vehicles; give --profile ev with it")
    cluster = cluster_of(arguments) if arguments.engine == "dask" else None
    if (cluster is not None or arguments.teacher) and arguments.rows is None:
        option = "--teacher" if arguments.teacher else "--engine dask"
        raise ConfigError(f"{option} needs --rows, which python -m train features makes")
    if arguments.own_only and arguments.prior == "none":
        raise ConfigError("--own-only goes with --prior fleet; without it only the devices of DIR are learnt anyway")
    config, grow = _grow(arguments, config)
    with at_work(f"learning from {arguments.data}") as progress:
        summary = fit_model(
            arguments.data,
            arguments.out,
            config,
            kind=arguments.kind,
            name=arguments.name,
            hold_out=arguments.hold_out,
            seed=arguments.seed,
            rows=arguments.rows,
            cluster=cluster,
            grow=grow,
            prior=arguments.prior,
            own_only=arguments.own_only,
            progress=progress,
            teacher=arguments.teacher,
        )
    if arguments.json:
        print(json.dumps(asdict(summary), indent=1))
    else:
        print(summary_text(summary))


def _fit_household(arguments: argparse.Namespace, config: Config) -> None:
    from train.household.fit import fit_household, summary_text

    usual = {"hold_out": [], "own_only": False, "kind": "forest", "prior": "none", "engine": "process"}
    for option in (*usual, "point", "rows", "teacher", "seed"):
        if getattr(arguments, option) != usual.get(option):
            raise ConfigError(f"--{option.replace('_', '-')} is not of electric vehicles; leave it with --profile ev")
    with at_work(f"enrolling the cars of {arguments.data}"):
        summary = fit_household(
            arguments.data, arguments.out, config, household=arguments.household, name=arguments.name
        )
    print(json.dumps(asdict(summary), indent=1) if arguments.json else summary_text(summary))


def _grow(arguments: argparse.Namespace, config: Config) -> tuple[Config, Grow]:
    """How each forest is trained: as configured, or by a point of the compression study."""
    from train.models.crossfit import grow_as_configured

    if arguments.point is None:
        return config, grow_as_configured
    if arguments.rows is not None:
        raise ConfigError("--point trains in memory: leave --rows")
    if arguments.kind == "network":
        raise ConfigError("--point is of forests: leave it out for a network")
    from train.compress.point import PointGrower, leaves_of, read_point

    point = read_point(arguments.point)
    return leaves_of(point, config), PointGrower(point)
