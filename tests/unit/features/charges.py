"""Charges for tests, from plain sequences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from train.features import Features, feature_names
from train.sessions.types import Charge

Numbers = Sequence[int] | NDArray[np.int64]


def charge_of(t_ms: Numbers, voltage_mv: Numbers, current_ma: Numbers, session: str = "s1") -> Charge:
    """A charge of one phone; times are taken modulo 2^32."""
    return Charge(
        session=session,
        device="phone",
        unit="a",
        charger="c",
        ended="unknown",
        t_ms=(np.asarray(t_ms, np.int64) % 2**32).astype(np.uint32),
        voltage_mv=np.asarray(voltage_mv, np.int64).astype(np.int32),
        current_ma=np.asarray(current_ma, np.int64).astype(np.int32),
    )


def column(features: Features, name: str) -> NDArray[np.int32]:
    """One feature, [n_rows]."""
    values: NDArray[np.int32] = features.x[:, feature_names().index(name)]
    return values
