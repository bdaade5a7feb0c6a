"""Charges that stop at a level their owner has set: for the time to full, an end that is not full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from train.sessions.labels import full_t_ms
from train.sessions.types import Charge


def until_full(charges: Sequence[Charge]) -> list[Charge]:
    """Charges that a device's own limit stopped end there as if unplugged: when they had been full is not known.

    Those of a device whose every end is a limit stay as they are: then the limit is what it is charged to.
    """
    full = {charge.device for charge in charges if charge.ended != "limit" and full_t_ms(charge) is not None}
    return [_cut(charge) if charge.ended == "limit" and charge.device in full else charge for charge in charges]


def _cut(charge: Charge) -> Charge:
    stopped = full_t_ms(charge)
    if stopped is None:
        return charge
    before = charge.t_ms.astype(np.int64) < stopped
    columns: dict[str, Any] = {
        name: values[before]
        for name in ("t_ms", "voltage_mv", "current_ma", "soc_pct", "temperature_decidegc")
        if (values := getattr(charge, name)) is not None
    }
    return replace(charge, full_t_ms=None, **columns)
