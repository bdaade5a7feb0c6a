"""The clock of one charge: milliseconds since its beginning, by a charge point's times or, where these fail, ours."""

from __future__ import annotations

FAR_S = 86_400.0
"""A step like this within LITTLE_S of ours is no time that passed: the charge point's clock was set."""
LITTLE_S = 3_600.0
MAX_BACK = 3
"""Samples in a row that lie before what came already: then the clock was set back. Fewer are repeated ones."""
T_MAX_MS = (1 << 32) - 1


class ChargeClock:
    """Gives each sample its time, later than all before."""

    def __init__(self, begun_at_s: float | None) -> None:
        self._origin_s = begun_at_s
        self._latest_ms: int | None = None
        self._latest_now_s = 0.0
        self._n_back = 0

    def t_ms(self, at_s: float | None, now_s: float) -> int | None:
        """Of a sample stamped `at_s` that came at `now_s`, monotonic; None for one that is not later than the latest.

        Without a stamp it is the moment it came.
        """
        if self._latest_ms is None:
            return self._first(at_s, now_s)
        passed_ms = max(1, round((now_s - self._latest_now_s) * 1000))
        if at_s is None or self._origin_s is None:
            return self._later(self._latest_ms + passed_ms, now_s)
        step_ms = round((at_s - self._origin_s) * 1000) - self._latest_ms
        if step_ms > FAR_S * 1000 and passed_ms < LITTLE_S * 1000:
            self._origin_s = at_s - (self._latest_ms + passed_ms) / 1000
            step_ms = passed_ms
        if step_ms <= 0:
            self._n_back += 1
            if self._n_back < MAX_BACK:
                return None
            self._origin_s = at_s - (self._latest_ms + passed_ms) / 1000
            step_ms = passed_ms
        return self._later(self._latest_ms + step_ms, now_s)

    def _first(self, at_s: float | None, now_s: float) -> int | None:
        if at_s is None or self._origin_s is None or not 0 <= at_s - self._origin_s < FAR_S:
            self._origin_s = at_s
            return self._later(0, now_s)
        return self._later(round((at_s - self._origin_s) * 1000), now_s)

    def _later(self, t_ms: int, now_s: float) -> int | None:
        if t_ms > T_MAX_MS:
            return None
        self._latest_ms, self._latest_now_s, self._n_back = t_ms, now_s, 0
        return t_ms
