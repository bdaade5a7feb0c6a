"""What may be spent: flash, RAM and instructions, as asked or by [budget] of wattprint.toml, and the line's bytes."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from host.bench import Timing
from host.errors import HostError, LinkBudgetError
from host.messages import Sample, encode
from host.reference import Charge
from host.verify_memory import Memory

DEFAULT_CONFIG = Path("wattprint.toml")
BITS_A_BYTE = 10
"""On a serial line: start, eight of data, stop."""

FIRMWARE_BYTES = 5 * 1024
"""Flash of the firmware around model and core (wire, port, start): allowed beside `flash_bytes`, which is theirs."""

_KEYS = ("flash_bytes", "ram_bytes", "instructions")
_LOOKED_AT = 500
_WHAT = {
    "flash_bytes": "flash of the whole firmware, bytes",
    "ram_bytes": "RAM and deepest stack, bytes",
    "instructions": "instructions of the dearest answer",
}


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit beside what was measured; `value` None where nothing could be."""

    what: str
    limit: int
    value: int | None
    asked: bool = False  # for this run, and not only configured: then it has to be measured

    @property
    def exceeded(self) -> bool:
        """Whether more was spent than allowed, or nobody can tell though it was asked."""
        return self.asked if self.value is None else self.value > self.limit


@dataclass(frozen=True, slots=True)
class Limits:
    """Most of each of _KEYS; those not named are not limited."""

    most: Mapping[str, int]
    asked: bool = False  # by arguments


@dataclass(frozen=True, slots=True)
class LineBudget:
    """Samples a second: what the charge has, what the line carries by its baud rate (None: it has none)."""

    needed: float
    carried: float | None
    bytes_sample: float
    bytes_answer: float


def limits_of(args: argparse.Namespace) -> Limits:
    """The budgets given as arguments where there is any, else the configuration's; raises HostError."""
    given = {"flash_bytes": args.budget_flash, "ram_bytes": args.budget_ram, "instructions": args.budget_instructions}
    asked = {key: limit for key, limit in given.items() if limit is not None}
    for key in ("flash_bytes", "ram_bytes"):
        if key in asked and args.elf is None:
            raise HostError(f"--budget-{key.removesuffix('_bytes')}: needs --elf FILE, the firmware as linked")
    return Limits(asked, asked=True) if asked else Limits(read_limits(args.config))


def read_limits(config: Path | None) -> dict[str, int]:
    """The limits set in [budget] of a settings file, by default wattprint.toml where there is one.

    Raises HostError naming file and key.
    """
    path = config or DEFAULT_CONFIG
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if config is None:
            return {}
        raise HostError(f"--config {path}: not found") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise HostError(f"{path}: cannot be read: {error}") from None
    table = settings.get("budget", {})
    limits = {key: table[key] for key in _KEYS if isinstance(table, Mapping) and key in table}
    for key, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise HostError(f"{path}: [budget] {key} = {value!r}: must be a whole number from 1 on")
    return limits


def budgets(
    limits: Limits, memory: Memory | None, timing: Timing | None, counters: Mapping[str, int]
) -> tuple[Budget, ...]:
    """Each limit beside the board's figure; of flash, which is seen as a whole, with the firmware around it."""
    spent: dict[str, int | None] = {
        "flash_bytes": memory.flash_bytes if memory else None,
        "ram_bytes": memory.ram_bytes + counters.get("stack_bytes", 0) if memory else None,
        "instructions": _instructions(timing, counters),
    }
    around = {"flash_bytes": FIRMWARE_BYTES}
    return tuple(
        Budget(_WHAT[key], limit + around.get(key, 0), spent[key], limits.asked) for key, limit in limits.most.items()
    )


def line_budget(charges: Sequence[Charge], baud: int | None) -> LineBudget:
    """What the dearest charge needs of a line of so many bits a second; raises LinkBudgetError when it is too much."""
    needed = max((1 / charge.period_s for charge in charges if charge.period_s), default=0.0)
    sample = max(_mean_bytes([encode(Sample(k, *charge.samples[k])) for k in _some(charge)]) for charge in charges)
    answer = max(_mean_bytes([encode(charge.expected[k]) for k in _some(charge)]) for charge in charges)
    carried = None if baud is None else baud / BITS_A_BYTE / max(sample, answer)
    if carried is not None and carried < needed:
        raise LinkBudgetError(
            f"a line of {baud} baud carries {carried:.2g} samples a second ({sample:.0f} bytes each and "
            f"{answer:.0f} back), the charge has {needed:.2g}: raise --baud, on the board too, or sample less often"
        )
    return LineBudget(needed, carried, sample, answer)


def _instructions(timing: Timing | None, counters: Mapping[str, int]) -> int | None:
    """The dearest answer since the board started, which the timed ones are part of."""
    if counters.get("ticks_per_s", 1) == 0 and "answer_max_ticks" in counters:
        return counters["answer_max_ticks"]
    if timing is not None and timing.instructions is not None:
        return int(timing.instructions.largest)
    return None


def _some(charge: Charge) -> range:
    return range(0, len(charge.samples), max(1, len(charge.samples) // _LOOKED_AT))


def _mean_bytes(lines: Sequence[bytes]) -> float:
    return sum(map(len, lines)) / len(lines)
