"""Fits the simulator's cells to a physical model: PyBaMM's single-particle model with electrolyte (SPMe).

    pip install pybamm                  900 MB with what it needs, SciPy among it; nothing else of the project uses it
    python tools/fit_cells.py charges   constant current, then constant voltage: tests/data/pybamm_charges.json
    python tools/fit_cells.py fit       the resistances of train/sessions/simulator/cells.json, from those charges
    python tools/fit_cells.py check     how closely the fitted cells follow those charges; needs no such package

Open-circuit voltages are the parameter sets' own. Charges at 0.7 C are never fitted: they are the check.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from train.sessions.simulator.cell import CellType, cell_types  # noqa: E402
from train.sessions.simulator.cell_check import differences  # noqa: E402

CHARGES = ROOT / "tests" / "data" / "pybamm_charges.json"
CELLS = ROOT / "train" / "sessions" / "simulator" / "cells.json"
SETS = ("Ai2020", "Marquis2019", "Chen2020", "NCA_Kim2011", "Mohtat2020", "Ecker2015")
RATES_C = (0.3, 0.5, 0.7, 1.0)
UNFITTED_C = 0.7
ARRIVALS = (0.05, 0.4)
SOC_PCT = (2, 5, 10, 20, 35, 50, 65, 80, 90, 96, 100)

Floats = NDArray[np.float64]


def write_charges() -> None:
    """Run the physical model and keep a point a minute, and the last."""
    import pybamm

    sets = {}
    for name in SETS:
        values = pybamm.ParameterValues(name)
        capacity, full_v = float(values["Nominal cell capacity [A.h]"]), float(values["Upper voltage cut-off [V]"])
        runs = [_run(pybamm, name, full_v, rate, arrival, capacity) for rate in RATES_C for arrival in ARRIVALS]
        slow = next(run for run in runs if run["rate_c"] == RATES_C[0] and run["arrival"] == ARRIVALS[0])
        usable = capacity * slow.pop("throughput") / (1 - ARRIVALS[0])
        for run in runs:
            run.pop("throughput", None)
        sets[name] = {"capacity_ah": capacity, "throughput_ah": round(usable, 6), "full_v": full_v, "charges": runs}
        print(f"{name}: {len(runs)} charges")
    about = f"PyBaMM {pybamm.__version__} (https://pybamm.org, BSD-3-Clause), SPMe at 25 degrees Celsius"
    _write(CHARGES, {"source": about, "sets": sets})


def _run(pybamm: Any, name: str, full_v: float, rate_c: float, arrival: float, capacity: float) -> dict[str, Any]:
    steps = [(f"Charge at {rate_c}C until {full_v} V", f"Hold at {full_v} V until C/20")]
    simulation = pybamm.Simulation(
        pybamm.lithium_ion.SPMe(),
        parameter_values=pybamm.ParameterValues(name),
        experiment=pybamm.Experiment(steps, period="10 seconds"),
    )
    solution = simulation.solve(initial_soc=arrival)
    t, v = solution["Time [s]"].entries, solution["Voltage [V]"].entries
    i = -solution["Current [A]"].entries / capacity
    grid = np.append(np.arange(60, t[-1], 60), t[-1])
    return {
        "rate_c": rate_c,
        "arrival": arrival,
        "throughput": float(np.trapezoid(i, t) / 3600),
        "t_s": np.rint(grid).astype(int).tolist(),
        "voltage_mv": np.round(np.interp(grid, t, v) * 1000, 1).tolist(),
        "current_permille_c": np.round(np.interp(grid, t, i) * 1000, 1).tolist(),
    }


def write_fit() -> None:
    """Fit each set's resistances, time constants and usable capacity."""
    sets = json.loads(CHARGES.read_text(encoding="ascii"))["sets"]
    document = json.loads(CELLS.read_text(encoding="ascii"))
    for name, entry in sets.items():
        print(f"{name} …", flush=True)
        document["cells"][name].update(_fit(name, entry, np.array(document["cells"][name]["ocv_mv"]) / 1000))
    _write(CELLS, document)


def _fit(name: str, entry: dict[str, Any], ocv_v: Floats) -> dict[str, Any]:
    from scipy.optimize import least_squares

    runs = [run for run in entry["charges"] if run["rate_c"] != UNFITTED_C]
    n = len(SOC_PCT)
    guess = entry["throughput_ah"] / entry["capacity_ah"] * 1.003

    def unpack(q: Floats) -> tuple[CellType, float]:
        volts, relax = np.exp(q[: 3 * n]).reshape(3, n), np.exp(q[3 * n : 3 * n + 2])
        return CellType(name, ocv_v, np.array(SOC_PCT, float), volts, (float(relax[0]), float(relax[1]))), float(q[-1])

    def residuals(q: Floats) -> Floats:
        # 1 mV all along, 1 % of 1 C and 0.06 % of the time weigh the same; neighbouring resistances like to be similar
        parts = [np.diff(q[: 3 * n].reshape(3, n)).ravel()]
        for dv, di, end in differences(*unpack(q), runs):
            parts += [dv * (14 / np.sqrt(len(dv))), di * (1.4 / np.sqrt(len(di))), np.array([16000 * end])]
        return np.concatenate(parts)

    start = np.concatenate([np.log(np.repeat([0.03, 0.02, 0.03], n)), np.log([30.0, 400.0]), [guess]])
    low = np.concatenate([np.full(3 * n, np.log(0.0005)), np.log([5.0, 100.0]), [guess * 0.99]])
    high = np.concatenate([np.full(3 * n, 0.0), np.log([100.0, 1500.0]), [guess * 1.03]])
    kind, usable = unpack(least_squares(residuals, start, bounds=(low, high), max_nfev=60).x)
    return {
        "usable_share": round(usable, 4),
        "soc_pct": list(SOC_PCT),
        "millivolts_per_c": np.round(kind.volts_per_c * 1000, 2).tolist(),
        "relax_s": [round(seconds, 1) for seconds in kind.relax_s],
    }


def check() -> list[dict[str, Any]]:
    """Print and return the largest differences of each set, all rates and those not fitted."""
    document = json.loads(CELLS.read_text(encoding="ascii"))["cells"]
    rows = []
    for name, entry in json.loads(CHARGES.read_text(encoding="ascii"))["sets"].items():
        found = differences(cell_types()[name], document[name]["usable_share"], entry["charges"])
        unfitted = [d for d, run in zip(found, entry["charges"], strict=True) if run["rate_c"] == UNFITTED_C]
        rows.append({"set": name} | _largest(found, "") | _largest(unfitted, "_unfitted"))
        print(json.dumps(rows[-1]))
    return rows


def _largest(found: list[tuple[Floats, Floats, float]], suffix: str) -> dict[str, float]:
    return {
        f"voltage_rmse_mv{suffix}": round(max(float(np.sqrt(np.mean(d[0] ** 2))) for d in found), 2),
        f"end_time_pct{suffix}": round(100 * max((d[2] for d in found), key=abs), 2),
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    from codegen.emit.files import write_files  # whole or not at all

    text = json.dumps(document, separators=(",", ":")).replace('},"', '},\n"').replace('],"', '],\n"')
    write_files(path.parent, {path.name: text.replace("]},{", "]},\n{") + "\n"})
    print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    commands = {"charges": write_charges, "fit": write_fit, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(f"usage: python tools/fit_cells.py {'|'.join(commands)}")
    commands[sys.argv[1]]()
