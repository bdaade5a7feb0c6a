"""Which alternative a budget takes, and what is said when it takes none."""

from __future__ import annotations

import pytest

from codegen.auto import StyleCost
from codegen.budget import Budget, choose
from codegen.errors import BudgetError


def cost(style: str, flash: int, mean: float | None, worst: int | None = None, stack: int = 50) -> StyleCost:
    return StyleCost(style, 12, flash, 0, stack, mean, worst if worst is not None or mean is None else int(mean * 1.2))


COSTS = (cost("m2cgen", 50_000, 20_000.0), cost("small", 5_000, 10_000.0), cost("fast", 15_000, 1_000.0, stack=120))


@pytest.mark.parametrize(
    ("budget", "style", "words"),
    [
        (Budget(), "small", "small: least flash (5000 bytes); no budget was given"),
        (
            Budget(flash_bytes=20_000),
            "fast",
            "fewest instructions (1000 on average) of those within 20000 bytes of flash",
        ),
        (Budget(flash_bytes=15_000), "fast", "within 15000"),
        (Budget(flash_bytes=14_999), "small", "fewest instructions (10000 on average)"),
        (Budget(instructions=12_000), "small", "least flash (5000 bytes) of those within 12000 instructions"),
        (Budget(instructions=11_999), "fast", "least flash (15000 bytes)"),
        (Budget(flash_bytes=20_000, instructions=12_000), "small", "20000 bytes of flash and 12000 instructions"),
        (Budget(ram_bytes=100), "small", "within 100 bytes of RAM and stack"),
    ],
)
def test_what_a_budget_takes(budget: Budget, style: str, words: str) -> None:
    chosen, why = choose(COSTS, budget, "rv32imc")
    assert chosen.style == style
    assert words in why


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(flash_bytes=4_000), "nearest is small: 5000 bytes of flash, 1000 over 4000"),
        (Budget(instructions=1_000), "nearest is fast: 1200 instructions, 200 over 1000"),
        (Budget(ram_bytes=40), "nearest is m2cgen: 50 bytes of RAM and stack, 10 over 40"),
        (Budget(flash_bytes=14_000, instructions=5_000), "nearest is fast: 15000 bytes of flash, 1000 over 14000"),
        (
            Budget(flash_bytes=4_000, instructions=11_000),
            "nearest is small: 5000 bytes of flash, 1000 over 4000 and 12000 instructions, 1000 over 11000",
        ),
    ],
)
def test_a_budget_nothing_meets_says_by_how_much(budget: Budget, words: str) -> None:
    with pytest.raises(BudgetError) as error:
        choose(COSTS, budget, "rv32imc")
    assert str(error.value) == f"nothing meets the budget on rv32imc; {words}"
    assert error.value.exit_code == 8


def test_instructions_that_cannot_be_counted() -> None:
    uncounted = [cost("small", 5_000, None), cost("fast", 15_000, None)]
    assert choose(uncounted, Budget(flash_bytes=20_000), "host")[0].style == "small"
    with pytest.raises(BudgetError, match="instructions on host: cannot be counted here"):
        choose(uncounted, Budget(instructions=9), "host")


def test_ties_go_to_the_faster() -> None:
    assert choose([cost("a", 10, 9.0), cost("b", 10, 8.0)], Budget(), "rv32imc")[0].style == "b"
