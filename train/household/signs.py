"""What tells cars apart, read off whole charges as the board reads it sample by sample (docs/vehicle.md, Rules)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from train.artifact_household import SIGNS
from train.features.core import WP_MISSING
from train.household.history import LEAST_GAIN_PCT, Past

OF_DC = {"dc_voltage_mv": "voltage_mv", "dc_energy_per_soc_wh": "energy_per_soc_wh"}
OF_ENERGY = ("energy_per_soc_wh", "dc_energy_per_soc_wh")
FULL_GAIN_PCT = 20.0  # from which on energy for one per cent is as good as it gets
LASTING = (*OF_ENERGY, "rise_ma_per_s", "start_delay_s", "limit_response_s")  # the last known value is the charge's
ROWS_A_CHARGE = 20
LEAST_POINTS = 20  # of voltage over state of charge, for a line of its own
VOLT_RISE = 0.00176  # of the voltage at 50 % for each per cent: lithium-ion cells with nickel, 10 to 90 %


def signs_of(past: Past, mv_per_soc: float) -> NDArray[np.float64]:
    """The charge's value of each sign, [signs], NaN where it showed none."""
    return np.array([_sign(past, name, mv_per_soc) for name in SIGNS])


def _sign(past: Past, name: str, mv_per_soc: float) -> float:
    values, _ = sign_values(past, name, mv_per_soc)
    if not len(values):
        return np.nan
    return float(values[-1] if name in LASTING else np.median(values))


def sign_values(past: Past, name: str, mv_per_soc: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A sign at each sample that shows it, and how much of its deviation counts there, 0 … 1; [m] each."""
    feature = OF_DC.get(name, name)
    good, trust = past.known(feature) & past.before_end, np.ones(len(past.x))
    if (name in OF_DC) != past.direct:
        good = np.zeros(len(past.x), bool)
    values = past.column(feature).astype(np.float64)
    if feature == "energy_per_soc_wh":
        gain = past.column("soc_gain_pct")
        good, trust = good & (gain >= LEAST_GAIN_PCT), np.clip(gain / FULL_GAIN_PCT, 0, 1)
    elif name == "taper_step_ma":
        good = good & (past.column("taper_step_count") >= 2)
    elif name == "dc_voltage_mv":
        soc = past.column("soc_pct")
        good = good & past.settled & (soc != WP_MISSING)
        values = values - mv_per_soc * (soc - 50.0)
    return values[good], trust[good]


def sampled_signs(past: Past, name: str, mv_per_soc: float, centre: float) -> NDArray[np.float64]:
    """Deviations of a sign from a centre, as far as they count, at no more than ROWS_A_CHARGE samples; [m]."""
    shown, trust = sign_values(past, name, mv_per_soc)
    if not len(shown):
        return shown
    rows = np.unique(np.linspace(0, len(shown) - 1, ROWS_A_CHARGE).astype(np.intp))
    apart = shown[rows] - centre
    if name == "taper_step_ma" and centre > 0:
        apart = np.where(2 * apart >= centre, (apart - centre) / 2, apart)  # two steps seen as one
    return np.asarray(apart * trust[rows])


def voltage_line(pasts: Sequence[Past]) -> float:
    """Rise of the voltage in DC for each per cent, mV: of these charges, or as cells usually have it; 0 without any."""
    soc, volts = [np.empty(0)], [np.empty(0)]
    for past in pasts:
        good = past.settled & past.known("soc_pct") if past.direct else np.zeros(len(past.x), bool)
        soc.append(past.column("soc_pct")[good].astype(np.float64))
        volts.append(past.column("voltage_mv")[good].astype(np.float64))
    all_soc, all_volts = np.concatenate(soc), np.concatenate(volts)
    if len(all_soc) == 0:
        return 0.0
    usual = VOLT_RISE * float(np.median(all_volts))
    if len(np.unique(all_soc)) < LEAST_POINTS:
        return usual
    slope = float(np.polyfit(all_soc, all_volts, 1)[0])
    return float(np.clip(slope, usual / 2, usual * 2))
