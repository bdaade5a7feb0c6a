"""Bootstrap over units: how surely a mean over charges is known, when charges of one unit resemble each other.

Units are drawn again with replacement, all charges of a unit together (Davison and Hinkley 1997, "Bootstrap Methods and
their Application", 3.8); figures of the same draws are paired. Sums by unit are drawn, so a thousand draws are one
matrix product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.025, 0.975)


def drawn_units(n_units: int, n_draws: int, seed: int = 1) -> NDArray[np.float64]:
    """How often each unit is drawn, [n_draws, n_units]; each row adds up to n_units."""
    shares = np.full(n_units, 1 / n_units)
    return np.random.default_rng(seed).multinomial(n_units, shares, size=n_draws).astype(np.float64)


def sums_by_unit(values: NDArray[np.float64], unit: NDArray[np.intp], n_units: int) -> NDArray[np.float64]:
    """Sums [n_units, k] of values [n, k] whose units are [n]; NaN counts nothing."""
    sums = np.zeros((n_units, values.shape[1]))
    np.add.at(sums, unit, np.nan_to_num(values))
    return sums


def drawn_means(values: NDArray[np.float64], unit: NDArray[np.intp], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means [n_draws, k] of values [n, k] in each draw; NaN where a draw holds none."""
    total = drawn @ sums_by_unit(values, unit, drawn.shape[1])
    number = drawn @ sums_by_unit((~np.isnan(values)).astype(np.float64), unit, drawn.shape[1])
    return np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)


def interval(means: NDArray[np.float64]) -> tuple[float, float] | None:
    """The 95 % percentile interval of drawn means [n_draws]; None when no draw holds any."""
    found = means[~np.isnan(means)]
    if not len(found):
        return None
    low, high = np.quantile(found, LEVELS)
    return float(low), float(high)
