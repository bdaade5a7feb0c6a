"""`python -m codegen package`."""

from __future__ import annotations

import argparse
from pathlib import Path

from codegen.arguments import Subparsers, command

EXAMPLE = """\
python -m codegen package arduino build/wattprint                 a library for the Arduino IDE, with the default model
  python -m codegen package idf components/wattprint --artifact build/artifact
  python -m codegen package esphome . --emit device=small,remaining=balanced"""

FORMS = {
    "pio": "a PlatformIO library: copy OUT to a project's lib folder",
    "arduino": "an Arduino library: Sketch, Include Library, Add .ZIP Library, or copy OUT to libraries",
    "idf": "an ESP-IDF component: copy OUT to a project's components folder, as wattprint",
    "esphome": "an ESPHome external component in OUT/components, with OUT/example.yaml",
}


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(sub, "package", _run, "core and model as a library for a project of your own", EXAMPLE)
    parser.add_argument("form", choices=list(FORMS), help="; ".join(f"{name}: {text}" for name, text in FORMS.items()))
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write into; other files there are left alone")
    parser.add_argument(
        "--artifact",
        type=Path,
        default=Path("artifacts/default"),
        metavar="DIR",
        help="the trained model (default: %(default)s)",
    )
    parser.add_argument("--emit", metavar="STYLE", help="style of its C, as for compile (default: balanced)")


def _run(args: argparse.Namespace) -> int:
    from codegen.package import package

    package(args.form, args.artifact, args.out, args.emit)
    return 0
