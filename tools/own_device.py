"""Learn from the first charges of one unit, answer its later ones, and score them beside the baseline.

    python tools/own_device.py                    a unit of each kind of the simulated fleet; the prior lacks that kind
    python tools/own_device.py DIR                each unit of a dataset folder
    python tools/own_device.py --join             also with the fleet's devices among the answers
    python tools/own_device.py --always           also with the fleet whether it helps or not
    python tools/own_device.py --bounds           also what one could say who knows more, after five charges
    python tools/own_device.py --study            three phones, one unit each: split by charge, and by row

Each figure is minutes off / of the baseline (the median duration of the charges learnt from, less the time gone by) and
the share of the truth within 10-90 %, over charges that got full; the last column is the ratio overall, and that of an
oracle that knows the state of charge and the unit's other scored charges. Exit codes: 0; 2 bad input; 6 the core does
not compile.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from train.config import Config, load_config
from train.errors import TrainError
from train.evaluate.metrics import HORIZON_KEYS, ChargeAnswers, device_figures, remaining_figures
from train.evaluate.run import answer_charge
from train.evaluate.soc import oracle_table
from train.evaluate.table import horizon_cells
from train.models.answering import answer_rules
from train.models.fit import fit
from train.models.predict import load_model
from train.sessions.dataset import read_dataset, write_dataset
from train.sessions.labels import full_t_ms
from train.sessions.simulator import device_names, simulate
from train.sessions.types import Charge

LEARNT_FROM = (3, 5, 10)
BOUNDS_FROM = 5  # charges
LATER = 8  # charges of a simulated unit that are scored
SEED = 2001  # of units that no fleet of the project has
WIDTH = 17  # of a column
STUDY = ("iphone_8", "redmi_note_11", "pixel_6_pro")
STUDY_CHARGES = 60  # of each phone; every fifth is scored


@dataclass(frozen=True, slots=True)
class Way:
    """How to learn: options of `fit`."""

    name: str
    prior: str
    own_only: bool = True


ALONE = Way("none", "none")
ON_FLEET = Way("fleet --own-only", "fleet")
ALWAYS = Way("fleet-always --own-only", "fleet-always")
JOINED = Way("fleet", "fleet", own_only=False)


def units_of(folder: Path | None) -> Iterator[list[Charge]]:
    """The charges of each unit, in order; of a folder, or simulated."""
    if folder is None:
        for kind in device_names():
            yield list(simulate([kind], seed=SEED, units_per_device=1, charges_per_unit=LEARNT_FROM[-1] + LATER))
        return
    charges = read_dataset(folder).charges
    for unit in sorted({charge.unit_key for charge in charges}):
        yield [charge for charge in charges if charge.unit_key == unit]


def answers(learnt: Sequence[Charge], later: Sequence[Charge], way: Way, config: Config) -> list[ChargeAnswers]:
    """Answers to later charges of a unit by a model of earlier ones and, if so, of a fleet without its kind."""
    kinds = {charge.device for charge in learnt}
    with tempfile.TemporaryDirectory(prefix="wattprint-own-") as folder:
        place = Path(folder)
        write_dataset(place / "mine", [_renamed(charge) for charge in learnt])
        fit(
            place / "mine", place / "model", config, prior=way.prior, own_only=way.own_only, fleet_without=sorted(kinds)
        )
        artifact, models = load_model(place / "model")
        rules = answer_rules(artifact)
        return [answer_charge(artifact, models, rules, _renamed(charge)) for charge in later]


def _renamed(charge: Charge) -> Charge:
    return replace(charge, device=f"own_{charge.device}")


def line_of(name: str, answered: Sequence[ChargeAnswers]) -> str:
    """Minutes off, of the baseline, and coverage at each horizon, the ratio overall and the oracle's, then a name."""
    found = remaining_figures(answered)
    base = found["baseline_mae_minutes"]["overall"]
    ratio = f"{found['mae_minutes']['overall'] / base:.2f}"
    return "  ".join([*horizon_cells(found, WIDTH, 1), f"{ratio} ({_oracle(answered, base)})".rjust(13), name])


def _oracle(answered: Sequence[ChargeAnswers], baseline: float) -> str:
    """What the SoC oracle's error is of the baseline's: each charge answered from the others of its unit."""
    errors = []
    for unit in {charge.unit for charge in answered}:
        alone = [replace(item, unit=item.session) for item in answered if item.unit == unit]
        errors.append(oracle_table(alone)[:, -1])
    every = np.concatenate(errors)
    return "-" if np.all(np.isnan(every)) else f"{np.nanmean(every) / baseline:.2f}"


def score_units(
    folder: Path | None, counts: Sequence[int], ways: Sequence[Way], config: Config, *, bounds: bool = False
) -> list[dict[str, Any]]:
    """Print a line for each number of charges and way to learn, and of each bound; the same as rows."""
    print("minutes off / of the baseline, truth within 10-90 %")
    print("  ".join([*(f"{key:>{WIDTH}}" for key in HORIZON_KEYS), "ratio (oracle)", "charges, --prior"]))
    units = [charges for charges in units_of(folder) if len(charges) > LEARNT_FROM[0]]
    if not units:
        raise TrainError(f"{folder}: no unit has more than {LEARNT_FROM[0]} charges; record more of one")
    rows = []
    for n in counts:
        for way in ways:
            answered, left_out = score_way(units, n, way, config)
            if not answered:
                raise TrainError(f"{folder}: no unit has a full charge among its first {n} and another later")
            right = device_figures(answered)["accuracy"]
            words = [f"{n}, {way.name}"]
            if not way.own_only:
                words.append(f"device right {100 * right['60s']:.0f} % at 60 s")
            if left_out:
                words.append(f"{left_out} units without a full one left out")
            print(line_of(", ".join(words), answered), flush=True)
            rows.append({"what": f"{n} charges, --prior {way.name}", **_figures(answered)})
        if bounds and n == BOUNDS_FROM:
            rows += _score_bounds(units, n, answered, config)
    return rows


def _score_bounds(
    units: Sequence[Sequence[Charge]], n: int, answered: Sequence[ChargeAnswers], config: Config
) -> list[dict[str, Any]]:
    """Print what one could say who knows more, beside the baseline of `answered` from n charges; the same as rows."""
    from own_bounds import BOUNDS, bound_answers

    rows = []
    given = bound_answers(answered, units)
    given["learnt"] = []
    baselines = {item.session: item.baseline_s for item in answered}
    for charges in units:
        for charge in (one for one in charges if one.session in baselines):
            others = [one for one in charges if one is not charge]
            if any(map(_gets_full, others)):
                (item,) = answers(others, [charge], ALONE, config)
                given["learnt"].append(replace(item, baseline_s=baselines[charge.session]))
    for name, bound in given.items():
        found = remaining_figures(bound)
        off, base = (found[key]["overall"] for key in ("mae_minutes", "baseline_mae_minutes"))
        cells = (f"{found['mae_minutes'].get(key, float('nan')):.1f}" for key in HORIZON_KEYS)
        what = BOUNDS.get(name, "--prior none learnt from all its other charges, later ones too")
        line = [*(f"{cell:>{WIDTH}}" for cell in cells), f"{off / base:.2f}".rjust(13), f"{n}, bound: {what}"]
        print("  ".join(line), flush=True)
        rows.append({"what": f"{n} charges, bound: {what}", **_figures(bound)})
    return rows


def score_way(units: Sequence[Sequence[Charge]], n: int, way: Way, config: Config) -> tuple[list[ChargeAnswers], int]:
    """Answers to the later charges of all units, and how many units have nothing to learn from or to score."""
    answered: list[ChargeAnswers] = []
    left_out = 0
    for charges in units:
        scored = [one for one in charges[_first_scored(charges) :] if _gets_full(one)]
        learnt = charges[:n]
        if scored and any(map(_gets_full, learnt)):
            answered += answers(learnt, scored, way, config)
        else:
            left_out += 1
    return answered, left_out


def _gets_full(charge: Charge) -> bool:
    return charge.ended != "limit" and full_t_ms(charge) is not None


def _figures(answered: Sequence[ChargeAnswers]) -> dict[str, float]:
    found = remaining_figures(answered)
    return {
        f"{short}_{key}": round(found[name][key], 3)
        for name, short in (("mae_minutes", "off"), ("baseline_mae_minutes", "baseline"), ("coverage", "covered"))
        for key in ("60s", "1800s", "overall")
        if key in found[name]
    }


def _first_scored(charges: Sequence[Charge]) -> int:
    """The same charges are scored whatever was learnt from: those after the most that is."""
    return min(LEARNT_FROM[-1], len(charges) - 1)


def score_study(config: Config) -> list[dict[str, Any]]:
    """Three phones, one unit each: an artifact split by charge, and a plain forest split by charge and by row."""
    from own_rows import row_split

    charges = list(simulate(list(STUDY), seed=SEED, units_per_device=1, charges_per_unit=STUDY_CHARGES))
    later, learnt = charges[::5], [charge for number, charge in enumerate(charges) if number % 5]
    answered = answers(learnt, [one for one in later if _gets_full(one)], ALONE, config)
    found, device = remaining_figures(answered), device_figures(answered)["accuracy"]
    print(f"{len(STUDY)} phones, one unit each: {len(learnt)} charges learnt from, {len(answered)} others scored")
    print("split by charge, this project's integers:")
    for key in HORIZON_KEYS:
        off, base = (found[name][key] for name in ("mae_minutes", "baseline_mae_minutes"))
        print(f"  {key:>8}  device {100 * device[key]:5.1f} %   {off:5.2f} min off, baseline {base:5.2f}")
    rows = [{"what": "study, by charge", "right_60s": device["60s"], **_figures(answered)}]
    for by in ("charge", "row"):
        right, off = row_split(charges, STUDY, by)
        leaky = "  <- LEAKY: neighbours of each scored row were learnt from" if by == "row" else ""
        print(f"split by {by}, plain XGBoost of 50 rounds x depth 5: device {100 * right:.1f} %, {off:.2f} min{leaky}")
        what = "study, plain XGBoost by row: LEAKY" if by == "row" else "study, plain XGBoost by charge"
        rows.append({"what": what, "right_rows": round(right, 4), "off_rows": round(off, 3)})
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog=(__doc__ or "").partition("\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, nargs="?", metavar="DIR", help="dataset folder in place of simulated units")
    parser.add_argument(
        "--charges", type=int, nargs="+", choices=LEARNT_FROM, default=LEARNT_FROM, help="to learn from (default all)"
    )
    parser.add_argument("--join", action="store_true", help="also with the fleet's devices among the answers")
    parser.add_argument("--always", action="store_true", help="also with the fleet whether it helps or not")
    parser.add_argument(
        "--bounds", action="store_true", help=f"after {BOUNDS_FROM} charges also what one could say who knows more"
    )
    parser.add_argument("--study", action="store_true", help="the study's three phones in place of all this")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in place of wattprint.toml")
    arguments = parser.parse_args(argv)
    try:
        config = load_config(arguments.config)
        if arguments.study:
            rows = score_study(config)
        else:
            ways = [ALONE, ON_FLEET, *([ALWAYS] if arguments.always else []), *([JOINED] if arguments.join else [])]
            rows = score_units(arguments.data, arguments.charges, ways, config, bounds=arguments.bounds)
        if arguments.out is not None:
            arguments.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    except TrainError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
