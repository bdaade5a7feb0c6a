"""How good answers about households are: sets, likeliest car, unknown, minutes and intervals beside baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.bootstrap import LEVELS, drawn_means, drawn_units
from train.household.answered import Answered
from train.household.factors import LEAST_LEFT_S, TARGET_PCT, sampled
from train.household.history import DRAWING_MA, Past
from train.household.times import energy_at_end_wh, whole_energies

DRAWS = 1000
AFTER_RAMP_S = 60.0
UNKNOWN = 1  # flag
MOMENTS = ("plateau", "60s_after_ramp", "limit_step", "taper_step", "end")


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the linear formula is given of a car: its usual energy and power."""

    energy_wh: float
    power_w: float

    def left_s(self, past: Past) -> NDArray[np.float64]:
        """(usual energy − delivered) / power now, the last known where none flows; [n] s."""
        power = np.where(past.known("plateau_dwell_s"), past.column("power_w"), 0).astype(np.float64)
        latest = np.maximum.accumulate(np.where(power > 0, np.arange(len(power)), -1))
        now = np.where(latest >= 0, power[np.maximum(latest, 0)], self.power_w)
        return np.asarray(np.maximum(self.energy_wh - past.column("energy_wh"), 0) * 3600 / now)


def baseline_of(past: Sequence[Past]) -> Baseline:
    """From a car's past charges; of one that never ended a charge in AC, 20 kWh at 7 kW."""
    ended = [one for one in past if not one.direct and one.done_s is not None]
    energies = whole_energies(ended)
    hours = sum((one.done_s or 0.0) / 3600 for one in ended)
    power = sum(energy_at_end_wh(one) for one in ended) / hours if hours else 7000.0
    return Baseline(float(np.median(energies)) if len(energies) else 20_000.0, max(power, 300.0))


def unit_of(one: Answered) -> str:
    """The charge's household, then its car."""
    return f"{one.past.household}\n{one.past.car}"


def drawn_again(units: Sequence[str]) -> list[str]:
    """What the charges are drawn again by: households, and where there is one alone its cars."""
    households = [unit.partition("\n")[0] for unit in units]
    return households if len(set(households)) > 1 else list(units)


def moments(past: Past) -> dict[str, int]:
    """Rows at which sets are looked at: MOMENTS as far as the charge has them."""
    found = {"end": int(np.flatnonzero(past.before_end)[-1])}
    settled = np.flatnonzero(past.known("plateau_dwell_s") & past.known("plateau_ma"))
    elapsed = past.column("elapsed_s")
    if len(settled):
        first = int(settled[0])
        ramp_end = elapsed[first] - past.column("plateau_dwell_s")[first]
        found["plateau"] = first
        after = np.flatnonzero(elapsed >= ramp_end + AFTER_RAMP_S)
        if len(after):
            found["60s_after_ramp"] = int(after[0])
    steps = past.column("limit_step_count")
    for name, happened in (
        ("limit_step", (steps > (steps[settled[0]] if len(settled) else 0)) & past.known("plateau_dwell_s")),
        ("taper_step", past.tapering),
    ):
        rows = np.flatnonzero(happened & past.before_end)
        if len(rows) and len(settled):
            found[name] = int(rows[0])
    return found


def which_car(answered: Sequence[Answered]) -> dict[str, Any]:
    """Sets and likeliest cars of known cars' charges, at each of MOMENTS."""
    known = [one for one in answered if one.car >= 0]
    found: dict[str, Any] = {"charges": len(known)}
    rows: dict[str, list[tuple[str, float, float, float, float]]] = {name: [] for name in MOMENTS}
    for one in known:
        possible, likeliest = one.answers.column("possible"), one.answers.column("car")
        sizes = np.array([bin(value).count("1") for value in possible])
        at_plateau = moments(one.past).get("plateau")
        for name, row in moments(one.past).items():
            before = sizes[at_plateau] if at_plateau is not None else sizes[row]
            holds = float(possible[row] >> one.car & 1)
            rows[name].append((unit_of(one), float(likeliest[row] == one.car), holds, sizes[row], before))
    for name, values in rows.items():
        if values:
            units = [value[0] for value in values]
            table = np.array([value[1:] for value in values])
            found[name] = {
                "charges": len(values),
                "accuracy": interval(units, table[:, 0]),
                "set_holds_truth": interval(units, table[:, 1]),
                "set_size": interval(units, table[:, 2]),
                "set_size_at_plateau": interval(units, table[:, 3]),
            }
    return found


def unknown_cars(known: Sequence[Answered], strangers: Sequence[Answered]) -> dict[str, Any]:
    """Share of charges called unknown at their end: of enrolled cars, and of cars that are not."""
    found = {}
    for name, some in (("false_alarms", known), ("caught", strangers)):
        flags = [float(one.answers.column("flags")[moments(one.past)["end"]] & UNKNOWN) for one in some]
        found[name] = interval([unit_of(one) for one in some], np.array(flags)) if some else None
    return found


def minutes(answered: Sequence[Answered], baselines: Mapping[str, Baseline], part: str) -> dict[str, Any] | None:
    """AC without a state of charge: error, coverage and width of the time to the end, in minutes.

    From the first current on, `part` of it: `all`, `before` the taper, or in the `taper`. The linear formula is told
    which car it is; `linear_of_answered` takes the one that is answered.
    """
    rows = []
    for one in answered:
        past = one.past
        if past.direct or past.done_s is None or past.known("soc_pct").any() or one.car < 0:
            continue
        at = sampled(len(past.x))
        begun = int(np.argmax(past.column("current_ma") >= DRAWING_MA))
        taper = past.tapering[at]
        at = at[(at >= begun) & (one.remaining_s[at] > 0) & ((part == "all") | (taper == (part == "taper")))]
        if len(at):
            rows.append((unit_of(one), *_errors(one, at, baselines)))
    if not rows:
        return None
    units, table = [str(row[0]) for row in rows], np.array([row[1:] for row in rows])
    names = (
        *("mae_minutes", "linear_mae_minutes", "coverage", "width_minutes", "below"),
        *("usual_energy_mae_minutes", "true_energy_mae_minutes", "linear_of_answered_mae_minutes"),
    )
    found: dict[str, Any] = {name: interval(units, table[:, k]) for k, name in enumerate(names)}
    found["of_linear"] = ratio_interval(units, table[:, 0], table[:, 1])
    found["of_linear_of_answered"] = ratio_interval(units, table[:, 0], table[:, 7])
    return {"charges": len(rows), **found}


def _errors(one: Answered, at: NDArray[np.intp], baselines: Mapping[str, Baseline]) -> tuple[float, ...]:
    """Errors of one charge, among them what would be left to err by if all but one thing were known: the power of the
    whole rest with the car's usual energy, or the energy with the power now."""
    true, said = one.remaining_s[at], one.answers.done_s[at].astype(np.float64)
    baseline, likeliest = baselines[one.past.car], one.answers.column("car")[at]
    by_car = np.stack([baselines[car].left_s(one.past)[at] for car in one.cars])
    linear = baseline.left_s(one.past)[at]
    whole, taken = energy_at_end_wh(one.past), one.past.column("energy_wh")[at]
    power = np.maximum(whole - taken, 1.0) / true
    usual_energy = np.maximum(baseline.energy_wh - taken, 0) / power
    true_energy = Baseline(whole, baseline.power_w).left_s(one.past)[at]
    return (
        float(np.abs(said[:, 1] - true).mean() / 60),
        float(np.abs(linear - true).mean() / 60),
        float(((said[:, 0] <= true) & (true <= said[:, 2])).mean()),
        float((said[:, 2] - said[:, 0]).mean() / 60),
        float((true < said[:, 0]).mean()),
        float(np.abs(usual_energy - true).mean() / 60),
        float(np.abs(true_energy - true).mean() / 60),
        float(np.abs(by_car[likeliest, np.arange(len(at))] - true).mean() / 60),
    )


def to_target(answered: Sequence[Answered], *, direct: bool) -> dict[str, Any] | None:
    """Time until 80 % where the state of charge is told, from a minute of current on: error in per cent and minutes."""
    rows = []
    for one in answered:
        if one.past.direct != direct or one.car < 0:
            continue
        true = one.until_soc_s(TARGET_PCT)
        at = sampled(len(true))
        at = at[(true[at] >= LEAST_LEFT_S) & one.past.settled[at] & (one.answers.target_s[at, 1] >= 0)]
        if len(at):
            said, left = one.answers.target_s[at].astype(np.float64), true[at]
            inside = (said[:, 0] <= left) & (left <= said[:, 2])
            off = np.abs(said[:, 1] - left)
            rows.append((unit_of(one), float((off / left).mean()), float(off.mean() / 60), float(inside.mean())))
    if not rows:
        return None
    units, table = [str(row[0]) for row in rows], np.array([row[1:] for row in rows])
    names = ("mape", "mae_minutes", "coverage")
    return {"charges": len(rows), **{name: interval(units, table[:, k]) for k, name in enumerate(names)}}


def interval(units: Sequence[str], values: NDArray[np.float64]) -> list[float]:
    """[mean, lower, upper 95 % bound], charges drawn again by household or car."""
    return ratio_interval(units, values, np.ones(len(values)))


def ratio_interval(units: Sequence[str], above: NDArray[np.float64], below: NDArray[np.float64]) -> list[float]:
    """The same of a ratio of two means."""
    names, unit = np.unique(np.array(drawn_again(units)), return_inverse=True)
    values = np.column_stack((above, below))
    means = drawn_means(values, unit, drawn_units(len(names), DRAWS))
    mean = values.mean(axis=0)
    low, high = np.nanquantile(means[:, 0] / np.maximum(means[:, 1], 1e-9), LEVELS)
    return [float(mean[0] / max(mean[1], 1e-9)), float(low), float(high)]
