"""The columns of a vehicle's charge as a board measures it, and how it ended (docs/dataset.md, profile `ev`)."""

from __future__ import annotations

from collections.abc import Sequence

from host.live_vehicle import VehicleReading

PHASE_MAX_MA = 174_762
PILOT_MAX_DA = 800
END_MS = 60_000
LIMIT_OF_PEAK = 0.02
"""A vehicle is full when it takes no more than this share of its peak power, for END_MS and to the end."""

NOT_TOLD = -1
PHASED = tuple(f"{what}_l{phase}" for what in ("voltage_mv", "current_ma") for phase in (1, 2, 3))


class VehicleColumns:
    """One charge. Which columns it has is seen by its first sample; what is not told later stays as last told."""

    def __init__(self, first: VehicleReading) -> None:
        self._first_wh = first.energy_wh
        self._told = {
            name: getattr(first, name) for name in ("pilot_da", "soc_pct") if getattr(first, name) != NOT_TOLD
        }
        self._power: list[tuple[int, int, int]] = []  # t_ms, µW, pilot_da

    @property
    def header(self) -> str:
        """The first line of its samples, with its LF."""
        return ",".join(("t_ms", *PHASED, *self._told, "energy_wh", "power_factor_permille")) + "\n"

    def row(self, t_ms: int, reading: VehicleReading) -> Sequence[int | str]:
        """A sample's row; energy counts from the charge's first, and a power factor that is not measured is empty."""
        for name in self._told:
            if (value := getattr(reading, name)) != NOT_TOLD:
                self._told[name] = min(value, PILOT_MAX_DA)
        power = sum(v * i for v, i in zip(reading.voltage_mv, reading.current_ma, strict=True))
        self._power.append((t_ms, power, self._told.get("pilot_da", NOT_TOLD)))
        amps = [max(-PHASE_MAX_MA, min(PHASE_MAX_MA, current)) for current in reading.current_ma]
        factor = "" if reading.power_factor_permille is None else reading.power_factor_permille
        energy_wh = max(reading.energy_wh - self._first_wh, 0)
        return (t_ms, *reading.voltage_mv, *amps, *self._told.values(), energy_wh, factor)

    def ended(self, ended: str) -> str:
        """As in the table of charges: a vehicle that had stopped taking, though it was allowed to, was full."""
        return "full" if ended in ("unplugged", "unknown") and self._took_no_more() else ended

    def _took_no_more(self) -> bool:
        limit = LIMIT_OF_PEAK * max((power for _, power, _ in self._power), default=0)
        began_ms = None
        for t_ms, power, pilot_da in reversed(self._power):
            if power > limit or pilot_da == 0:
                break
            began_ms = t_ms
        return limit > 0 and began_ms is not None and self._power[-1][0] - began_ms >= END_MS
