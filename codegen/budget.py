"""Budgets: the most that flash, RAM and instructions may be, and what to take within them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from codegen.errors import BudgetError


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits; None is no limit."""

    flash_bytes: int | None = None
    ram_bytes: int | None = None  # static, and the worst stack
    instructions: int | None = None  # of the dearest row


class Cost(Protocol):
    """What an alternative costs; instructions are None where they cannot be counted."""

    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def flash_bytes(self) -> int: ...  # noqa: D102
    @property
    def ram_and_stack_bytes(self) -> int: ...  # noqa: D102
    @property
    def instructions_mean(self) -> float | None: ...  # noqa: D102
    @property
    def instructions_max(self) -> int | None: ...  # noqa: D102


C = TypeVar("C", bound=Cost)


def choose(costs: Sequence[C], budget: Budget, target: str) -> tuple[C, str]:
    """The alternative to take and why, in a line.

    With a budget of flash alone the fastest within it is taken, else the smallest within the budgets. Raises
    BudgetError saying which bound nothing meets, and by how much.
    """
    if budget.instructions is not None and any(cost.instructions_max is None for cost in costs):
        raise BudgetError(
            f"instructions on {target}: cannot be counted here, so the budget of {budget.instructions} "
            "cannot be checked"
        )
    fitting = [cost for cost in costs if not excesses(cost, budget)]
    if not fitting:
        raise nothing_fits(costs, budget, target)
    by_speed = budget.flash_bytes is not None and budget.instructions is None
    if by_speed and all(cost.instructions_mean is not None for cost in fitting):
        chosen = min(fitting, key=lambda cost: (cost.instructions_mean, cost.flash_bytes))
        return (
            chosen,
            f"{chosen.label}: fewest instructions ({chosen.instructions_mean:.0f} on average){_within(budget)}",
        )
    chosen = min(fitting, key=lambda cost: (cost.flash_bytes, cost.instructions_mean or 0.0))
    return (
        chosen,
        f"{chosen.label}: least flash ({chosen.flash_bytes} bytes){_within(budget) or '; no budget was given'}",
    )


def spent(cost: Cost) -> dict[str, int | None]:
    """What a budget bounds, in the order of its limits."""
    return {
        "bytes of flash": cost.flash_bytes,
        "bytes of RAM and stack": cost.ram_and_stack_bytes,
        "instructions": cost.instructions_max,
    }


def excesses(cost: Cost, budget: Budget) -> list[tuple[str, int, int]]:
    """The bounds that a cost exceeds: what, value, limit."""
    limits = (budget.flash_bytes, budget.ram_bytes, budget.instructions)
    return [
        (what, value, limit)
        for (what, value), limit in zip(spent(cost).items(), limits, strict=True)
        if value is not None and limit is not None and value > limit
    ]


def _within(budget: Budget) -> str:
    limits = (
        (budget.flash_bytes, "bytes of flash"),
        (budget.ram_bytes, "bytes of RAM and stack"),
        (budget.instructions, "instructions"),
    )
    given = [f"{limit} {what}" for limit, what in limits if limit is not None]
    return f" of those within {' and '.join(given)}" if given else ""


def nothing_fits(costs: Sequence[Cost], budget: Budget, target: str) -> BudgetError:
    """The alternative that is least over, by its worst bound."""

    def share(cost: Cost) -> float:
        return max(value / limit for _, value, limit in excesses(cost, budget))

    nearest = min(costs, key=share)
    over = excesses(nearest, budget)
    words = " and ".join(f"{value} {what}, {value - limit} over {limit}" for what, value, limit in over)
    return BudgetError(f"nothing meets the budget on {target}; nearest is {nearest.label}: {words}", over)
