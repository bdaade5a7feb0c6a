"""Leave units of a dataset out in turn, train on the others, and score all answers together beside the baseline.

    python tools/recorded_folds.py DIR              each unit in turn
    python tools/recorded_folds.py DIR --leave 2    each pair of units in turn
    python tools/recorded_folds.py --simulated      the same of small simulated sets, which nothing was chosen by

With few units one split says little: its figures depend on which units are held out. Exit codes: 0; 2 bad input; 6 the
core does not compile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from train.config import Config, load_config
from train.errors import TrainError
from train.evaluate.metrics import HORIZON_KEYS, ChargeAnswers, remaining_figures
from train.evaluate.run import answer_charge
from train.evaluate.table import horizon_cells
from train.models.answering import answer_rules
from train.models.fit import fit
from train.models.predict import load_model, select_charges
from train.sessions.dataset import Dataset, read_dataset, write_dataset
from train.sessions.simulator import simulate

WIDTH = 18  # of a column
SEED = 77  # of small sets, whose units no fleet of the project has
SMALL_SETS = (  # devices, units of each, population
    (("redmi_9a",), 5, "built-in"),
    (("powerbank_9v_10ah", "ipad_10"), 3, "built-in"),
    (("earbud_case",), 5, "shifted"),
)
SMALL_CHARGES = 8  # of each unit
SMALL_PERIOD_MS = 10_000


def fold_answers(dataset: Dataset, held_out: Sequence[str], config: Config) -> list[ChargeAnswers]:
    """Answers to the charges of units by a model that has not seen them."""
    with tempfile.TemporaryDirectory(prefix="wattprint-fold-") as folder:
        place = Path(folder) / "model"
        fit(dataset.path, place, config, hold_out=held_out)
        artifact, models = load_model(place)
        rules = answer_rules(artifact)
        charges = select_charges(artifact, dataset.charges, "held-out", dataset.path)
        return [answer_charge(artifact, models, rules, charge) for charge in charges]


def line_of(name: str, answered: Sequence[ChargeAnswers]) -> str:
    """Minutes off, of the baseline, and coverage in percent at each horizon, then a name."""
    return "  ".join([*horizon_cells(remaining_figures(answered), WIDTH, 2), name])


def score_folds(dataset: Dataset, leave: int, config: Config, name: str = "all together") -> None:
    """Print a line for each choice of `leave` units left out, and one of all answers, which has the name."""
    units = sorted(set(dataset.unit_keys))
    if not 1 <= leave < len(units):
        raise TrainError(f"--leave {leave}: of {len(units)} units, at least one must be left to train on")
    pooled: list[ChargeAnswers] = []
    for held_out in combinations(units, leave):
        answered = fold_answers(dataset, held_out, config)
        print(line_of(" ".join(held_out), answered), flush=True)
        pooled += answered
    print(line_of(name, pooled), flush=True)


def score_simulated(leave: int, config: Config) -> None:
    """Print the lines of each of SMALL_SETS."""
    for devices, units, population in SMALL_SETS:
        charges = simulate(
            devices,
            seed=SEED,
            units_per_device=units,
            charges_per_unit=SMALL_CHARGES,
            period_ms=SMALL_PERIOD_MS,
            population=population,
        )
        with tempfile.TemporaryDirectory(prefix="wattprint-small-") as folder:
            write_dataset(Path(folder) / "charges", list(charges))
            name = f"all together: {units} units of {' and '.join(devices)}, {population}"
            score_folds(read_dataset(Path(folder) / "charges"), leave, config, name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, nargs="?", metavar="DIR", help="dataset folder")
    parser.add_argument("--simulated", action="store_true", help="small simulated sets in place of DIR")
    parser.add_argument("--leave", type=int, default=1, metavar="N", help="units left out at a time (default 1)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in place of wattprint.toml")
    arguments = parser.parse_args(argv)
    if arguments.simulated == (arguments.data is not None):
        parser.error("give a dataset folder, or --simulated")
    try:
        config = load_config(arguments.config)
        print("minutes off / of the baseline, truth within 10-90 %")
        print("  ".join([*(f"{key:>{WIDTH}}" for key in HORIZON_KEYS), "left out"]))
        if arguments.simulated:
            score_simulated(arguments.leave, config)
        else:
            score_folds(read_dataset(arguments.data), arguments.leave, config)
    except TrainError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
