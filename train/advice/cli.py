"""`python -m train advice`: what following the advice is worth, on simulated nights."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.errors import ArtifactError, ConfigError
from train.output import at_work

if TYPE_CHECKING:
    from train.advice.nights import Night

DEFAULT = Path(__file__).resolve().parents[2] / "artifacts" / "default"
DESCRIPTION = """\
Simulated nights at a charger, each lived through by five plans: as it comes, stop at 80 %, start later, slowly, and
slowly then later (docs/advice.md). Phones are wanted after 8 hours and estimated by the model of an artifact; cars
after 12, three at a charge point, answered by their household's tables. Answers and advice are the C's of a board.
"""
EPILOG = """\
examples:
  python -m train advice
  python -m train advice --units 8 --out build/advice

exit codes: 0 done, 2 usage or bad input, 6 the C could not be compiled, 130 interrupted"""
SEED_MIN = 40_000  # the fleet's own seeds, from which models are trained, lie below


def add_command(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = sub.add_parser(
        "advice",
        help="what stopping at 80 %%, starting later and charging slowly are worth, simulated",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", type=Path, default=DEFAULT, metavar="ARTIFACT", help="for phones (artifacts/default)"
    )
    parser.add_argument("--units", type=int, default=6, metavar="N", help="of each device and each car (6)")
    parser.add_argument("--seed", type=int, default=47_000, metavar="N", help=f"{SEED_MIN} or more (47000)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write advice.json and advice.svg there")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.set_defaults(func=_run)


def _run(args: argparse.Namespace) -> None:
    if not 1 <= args.units <= 1000:
        raise ConfigError(f"--units {args.units}: give 1 to 1000")
    if not SEED_MIN <= args.seed < 2**32:
        raise ConfigError(f"--seed {args.seed}: give {SEED_MIN} or more; models know the units below")
    nights = _nights(args)
    found = {"estimated_by": _estimated_by(args.model), **_figures(nights)}
    if args.out is not None:
        _write(args.out, nights, found)
    if args.json:
        print(json.dumps(found, indent=1))
        return
    from train.advice.nights import text_of

    for name, model in found["estimated_by"].items():
        print(f"{name}, estimated by {model}\n{text_of(found[name])}\n")
    if args.out is not None:
        print(f"written: {args.out / 'advice.json'} and {args.out / 'advice.svg'}")


def _estimated_by(model: Path) -> dict[str, str]:
    """What the figures of each group depend on."""
    from train.artifact import load_artifact
    from train.features.household import household_version
    from train.household.pooled import load_pooled

    pooled = load_pooled().provenance
    homes = f"{pooled['households']} simulated households of seed {pooled['seed']}"
    return {
        "phones": f"model {load_artifact(model).model_hash}",
        "cars": f"households, rules {household_version()}, pooled from {homes}",
    }


def _nights(args: argparse.Namespace) -> dict[str, list[Night]]:
    from train.advice.cars import car_nights
    from train.advice.phones import phone_nights

    with at_work("nights") as at:
        at("of phones")
        phones = phone_nights(args.model, args.seed, args.units)
        at("of cars")
        return {"phones": phones, "cars": car_nights(args.seed, args.units)}


def _figures(nights: dict[str, list[Night]]) -> dict[str, Any]:
    from train.advice.nights import figures

    return {name: figures(group) for name, group in nights.items()}


def _write(folder: Path, nights: dict[str, list[Night]], found: dict[str, Any]) -> None:
    from train.advice.picture import picture

    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "advice.json").write_text(json.dumps(found, indent=1) + "\n", encoding="ascii")
        (folder / "advice.svg").write_text(picture(nights) + "\n", encoding="utf-8")
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot be written: {error.strerror}; name another folder") from None
