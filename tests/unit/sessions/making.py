"""Charges made by hand for the tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.sessions.types import Charge, Ended


def charge(
    session: str = "a",
    *,
    n: int = 20,
    current_ma: Sequence[int] | None = None,
    t_ms: Sequence[int] | None = None,
    device: str = "phone",
    ended: Ended = "full",
    full_t_ms: int | None = None,
    soc_pct: Sequence[float] | None = None,
    details: dict[str, str] | None = None,
) -> Charge:
    """A charge at 9 V and, if not told otherwise, 2 A, one sample a second."""
    current = [2000] * n if current_ma is None else list(current_ma)
    times = range(0, 1000 * len(current), 1000) if t_ms is None else t_ms
    return Charge(
        session=session,
        device=device,
        unit="u1",
        charger="pd",
        ended=ended,
        t_ms=np.array(times, dtype=np.uint32),
        voltage_mv=np.full(len(current), 9000, dtype=np.int32),
        current_ma=np.array(current, dtype=np.int32),
        full_t_ms=full_t_ms,
        details=details or {},
        soc_pct=None if soc_pct is None else np.array(soc_pct, dtype=np.float32),
    )
