"""Simulated charges of the built-in fleet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from train.errors import ConfigError
from train.sessions.simulator.catalogue import device_named, devices, populations
from train.sessions.simulator.charging import simulate_charging
from train.sessions.simulator.draws import ChargeDraw, draw_unit, nominal_charge
from train.sessions.simulator.meter import measure
from train.sessions.types import Charge

BATCH = 2048  # charges whose cells run together: bounds memory to some 200 MB


def device_names() -> tuple[str, ...]:
    """The devices that can be simulated."""
    return tuple(devices())


def simulate(
    device_list: Sequence[str] | None = None,
    *,
    seed: int,
    units_per_device: int,
    charges_per_unit: int,
    period_ms: int = 1000,
    population: str = "built-in",
) -> Iterator[Charge]:
    """Charges of the named devices (all without), device by device and unit by unit; raises ConfigError at once.

    Units are named `s<seed>u<number>`, so different seeds never share one. A charge depends on its seed, device, unit
    and number only, and a unit's charges on how many of them there are by none of the others.
    """
    chosen = [device_named(name) for name in (devices() if device_list is None else device_list)]
    for what, value, low, high in (
        ("seed", seed, 0, 2**32 - 1),
        ("units per device", units_per_device, 1, 100_000),
        ("charges per unit", charges_per_unit, 1, 100_000),
        ("period in ms", period_ms, 100, 60_000),
    ):
        if not low <= value <= high:
            raise ConfigError(f"{what}: {value} is outside {low} … {high}")
    if population not in populations():
        raise ConfigError(f"population {population!r} is not known; known: {', '.join(populations())}")
    draws = (
        draw
        for device in chosen
        for index in range(units_per_device)
        for draw in draw_unit(device, seed, index, charges_per_unit, populations()[population])
    )
    return _run(draws, period_ms)


def simulate_nominal(device: str, *, arrival_soc_pct: float = 0.0, period_ms: int = 1000) -> Charge:
    """One charge of a new unit without any spread, from arrival_soc_pct to full."""
    draw = nominal_charge(device_named(device), arrival_soc=arrival_soc_pct / 100)
    return measure(draw, simulate_charging([draw])[0], period_ms)


def _run(draws: Iterator[ChargeDraw], period_ms: int) -> Iterator[Charge]:
    batch: list[ChargeDraw] = []
    for draw in draws:
        batch.append(draw)
        if len(batch) == BATCH:
            yield from _measure_all(batch, period_ms)
            batch = []
    if batch:
        yield from _measure_all(batch, period_ms)


def _measure_all(batch: list[ChargeDraw], period_ms: int) -> Iterator[Charge]:
    for draw, traces in zip(batch, simulate_charging(batch), strict=True):
        yield measure(draw, traces, period_ms)
