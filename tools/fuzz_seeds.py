"""Inputs that a fuzzer begins with: whole charges, which it need not find out for itself. For tools/fuzz.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

VOLTAGE_MV, MINUTE = 230_000, 60
N_TABLES = 8  # each seed with so many households


def seeds(target: str) -> dict[str, bytes]:
    """Name and bytes of each input of firmware/fuzz/`target`.c; none for those that need none."""
    if target != "vehicle":
        return {}
    charges = {"ac": _ac(), "ac-soc": _ac(soc=True), "dc": _dc(), "one-phase": _ac(phases=1)}
    return {
        f"{name}-{tables}": bytes([tables & 7, tables]) + charge
        for name, charge in charges.items()
        for tables in range(N_TABLES)
    }


def _number(value: int) -> bytes:
    """As `take_signed` of firmware/fuzz reads it: how far three bytes are shifted, and those; the nearest there is."""
    for shift in (24, 16, 8, 0):
        digits = (abs(value) << shift) >> 8
        if digits < 1 << 24:
            digits = digits | 1 if value < 0 else digits & ~1
            return bytes([shift // 8]) + digits.to_bytes(3, "big")
    raise ValueError(f"{value}: beyond 32 bits")


def _sample(before: Sequence[int], now: Sequence[int]) -> bytes:
    changed = [k for k, value in enumerate(now) if value != before[k]]
    mask = sum(1 << k for k in changed)
    return bytes([0]) + mask.to_bytes(2, "big") + b"".join(_number(now[k]) for k in changed)


def _charge(samples: Iterable[Sequence[int]]) -> bytes:
    before: Sequence[int] = (0,) * 9
    out = b""
    for now in samples:
        out += _sample(before, now)
        before = now
    return out


def _goal(pct: int, energy_wh: int) -> bytes:
    return bytes([3]) + (1_000_000).to_bytes(4, "big") + bytes([pct]) + _number(energy_wh)


def _ac(phases: int = 3, soc: bool = False) -> bytes:
    """A wait, a plateau, a limit that falls and rises, a pause, a taper, the end."""
    currents = [0] * 2 + [15_600] * 12 + [9_800] * 6 + [15_600] * 6 + [0] * 4 + [15_600] * 6
    currents += [12_000] * 3 + [8_000] * 3 + [4_000] * 3 + [0] * 4
    pilots = [160] * 14 + [100] * 6 + [160] * 6 + [0] * 4 + [160] * (len(currents) - 30)
    energy_wh, rows = 0, []
    for k, (current_ma, pilot_da) in enumerate(zip(currents, pilots, strict=True)):
        energy_wh += phases * 230 * current_ma // 1000 // MINUTE
        pairs = [value for phase in range(3) for value in (VOLTAGE_MV, current_ma if phase < phases else 0)]
        rows.append((*pairs, pilot_da, energy_wh, 40 + k if soc else -1))
    return _goal(80, 0) + _charge(rows) + _goal(0, 20_000) + _charge(rows[:6])


def _dc() -> bytes:
    """A curve that falls, whole per cents, and the end."""
    energy_wh, rows = 0, []
    for k in range(40):
        current_ma = 0 if k in (0, 39) else 250_000 - 5_000 * k
        energy_wh += 400 * current_ma // 1000 // MINUTE
        rows.append((400_000, current_ma, 0, 0, 0, 0, -1, energy_wh, 20 + 2 * k))
    return _charge(rows)
