"""The commands that make and check datasets: simulate, import, validate. They parse; commands.py runs them."""

from __future__ import annotations

import argparse
from typing import Literal

from train.sessions import commands
from train.sessions.place import place

_RAW = argparse.RawDescriptionHelpFormatter


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add simulate, import and validate; each sets `func`: parsed arguments in, exit code out."""
    _add_simulate(subparsers)
    _add_import(subparsers)
    _add_validate(subparsers)


def _add_simulate(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "simulate",
        help="simulate charges of the built-in fleet",
        description="Simulate charges of the built-in fleet as a sensor at the charger's output sees them, or with\n"
        "--profile ev charges of electric vehicles as the meter of their charge point does.",
        epilog="examples:\n  python -m train simulate build/fleet --seed 1 --units 10 --charges 12 --format parquet\n"
        "  python -m train simulate build/cars --profile ev --devices id_3_58,leaf_40 --points ac\n"
        "  python -m train simulate build/home --profile ev --households 1 --household-cars 3",
        formatter_class=_RAW,
    )
    parser.add_argument("out", metavar="OUT", type=place, nargs="?", help="dataset folder or URL to write")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seeds share no unit (default %(default)s)")
    parser.add_argument("--units", type=int, default=10, metavar="N", help="units a device (default %(default)s)")
    parser.add_argument("--charges", type=int, default=12, metavar="N", help="charges a unit (default %(default)s)")
    parser.add_argument("--devices", metavar="A,B", help="devices, by name (default: all)")
    parser.add_argument(
        "--period-ms", type=int, metavar="MS", help="between samples (default 1000; ev: each charge point's, 1 to 60 s)"
    )
    parser.add_argument(
        "--profile", choices=("phone", "ev"), default="phone", help="what is charged (default %(default)s)"
    )
    parser.add_argument(
        "--points",
        choices=("ac", "dc", "both"),
        help="ev: charge points (default both, a quarter in DC; of households ac)",
    )
    parser.add_argument(
        "--cars", metavar="FILE", type=place, help="ev: more cars, one TOML entry each (docs/dataset.md)"
    )
    parser.add_argument(
        "--households",
        type=int,
        metavar="N",
        help="ev: in place of single units, N households of cars at one charge point each, --charges of each car",
    )
    parser.add_argument("--household-cars", type=int, metavar="N", help="ev: cars in a household (default: 2 to 8)")
    parser.add_argument(
        "--different", action="store_true", help="ev: only households whose cars differ in phases or plateau"
    )
    parser.add_argument(
        "--population",
        metavar="NAME",
        help="phones: built-in (default), or shifted: other cells, chargers, loads and tolerances, to test models on",
    )
    parser.add_argument("--list-devices", action="store_true", help="print the devices' names and stop")
    parser.add_argument(
        "--published", action="store_true", help="print published charge times and powers beside the simulator's; stop"
    )
    _add_output_options(parser, default="parquet")
    parser.set_defaults(func=commands.simulate)


def _add_import(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("import", help="import recorded charges", description="Import recorded charges.")
    sources = parser.add_subparsers(metavar="SOURCE", required=True)
    nasa = sources.add_parser(
        "nasa",
        help="NASA's lithium-ion ageing set, as CSV files",
        description="Import the charges of NASA's battery ageing set (B. Saha and K. Goebel, NASA Ames, 2007) as CSV:\n"
        "charges.csv and charge/<cell>_t<test>.csv. Voltage and current are those at the charger.",
        epilog="example:\n  python -m train import nasa recordings/nasa_liion build/nasa",
        formatter_class=_RAW,
    )
    nasa.add_argument("source", metavar="DIR", type=place, help="the folder nasa_liion, or the one it lies in")
    nasa.add_argument("out", metavar="OUT", type=place, help="dataset folder or URL to write")
    _add_import_options(nasa)
    nasa.set_defaults(func=commands.import_nasa)
    _add_import_csv(sources)


def _add_import_csv(sources: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sources.add_parser(
        "csv",
        help="any meter's CSV export, one file a charge",
        description="Import a meter's CSV export, one file a charge. The session is named after the file.",
        epilog="example:\n"
        "  python -m train import csv monday.csv tuesday.csv build/mine --device pixel_6_pro --unit alice \\\n"
        "      --columns 't=Time:s,voltage=VBUS (V):V,current=IBUS (A):A' --separator ';' --decimal-comma --ended full",
        formatter_class=_RAW,
    )
    parser.add_argument("files", metavar="FILE", type=place, nargs="+", help="CSV files, one a charge")
    parser.add_argument("out", metavar="OUT", type=place, help="dataset folder or URL to write")
    parser.add_argument("--device", required=True, metavar="NAME", help="the model of device, for instance pixel_6_pro")
    parser.add_argument("--unit", default="1", metavar="NAME", help="which one of this model (default %(default)s)")
    parser.add_argument("--charger", default="unknown", metavar="NAME", help="the charger (default %(default)s)")
    parser.add_argument(
        "--ended",
        default="unknown",
        choices=("full", "limit", "unplugged", "unknown"),
        help="how the charges ended (default %(default)s)",
    )
    _add_layout_options(parser)
    _add_import_options(parser)
    parser.set_defaults(func=commands.import_csv)


def _add_layout_options(parser: argparse.ArgumentParser) -> None:
    """How the file is written."""
    parser.add_argument(
        "--columns",
        required=True,
        metavar="t=…,voltage=…,current=…",
        help="the file's columns, each NAME or NAME:UNIT; units s ms us min h, V mV uV, A mA uA; also soc=NAME in %%",
    )
    parser.add_argument(
        "--units", default="s,V,A", metavar="s,V,A", help="units of time, voltage, current (default %(default)s)"
    )
    parser.add_argument("--separator", default=",", metavar="C", help="between fields; 'tab' for a tab (default ,)")
    parser.add_argument("--decimal-comma", action="store_true", help="numbers are written 1,5 rather than 1.5")
    parser.add_argument(
        "--sign",
        choices=("positive", "negative"),
        default="positive",
        help="the sign charging current has in the file (default %(default)s)",
    )
    parser.add_argument(
        "--time-format",
        metavar="FORMAT",
        help="time is a clock in this strptime format, for instance '%%d.%%m.%%Y %%H:%%M:%%S', or 'iso'",
    )
    parser.add_argument("--skip-lines", type=int, default=0, metavar="N", help="lines before the header (default 0)")


def _add_validate(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "validate",
        help="check a dataset folder",
        description="Check a dataset folder, however large: print every fault with its file and line as it is found,\n"
        "then the number of bad rows of each file. Exit code 2 if there is one.",
        epilog="example:\n  python -m train validate build/mine",
        formatter_class=_RAW,
    )
    parser.add_argument("data", metavar="DIR", type=place, help="dataset folder or URL")
    add_on_fault(parser, default="carry-on", stop="look no further")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(func=commands.validate)


def _add_import_options(parser: argparse.ArgumentParser) -> None:
    """Where the charges go: one run imports one unit, so those of others may be there already."""
    _add_output_options(parser, default="csv")
    parser.add_argument("--add", action="store_true", help="keep the charges OUT already holds and add these")
    add_on_fault(
        parser, default="stop", stop="nothing is written", carry_on="leave the file out and count its bad rows"
    )


def _add_output_options(parser: argparse.ArgumentParser, *, default: Literal["csv", "parquet"]) -> None:
    parser.add_argument("--format", choices=("csv", "parquet"), default=default, help="form (default %(default)s)")
    parser.add_argument("--force", action="store_true", help="replace a dataset that is already there")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_on_fault(
    parser: argparse.ArgumentParser, *, default: str, stop: str, carry_on: str = "go on, counting bad rows by file"
) -> None:
    """What to do about a bad row: `on_fault`."""
    parser.add_argument(
        "--on-fault",
        choices=("stop", "carry-on"),
        default=default,
        help=f"at a bad row: stop ({stop}) or carry-on ({carry_on}); default %(default)s",
    )
