"""Loops over regions of tensors, with as few levels as the strides allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

INDENT = "    "


@dataclass(frozen=True, slots=True)
class Level:
    """A loop: how often, and how far each operand moves at each turn."""

    n: int
    steps: tuple[int, ...]


def levels_of(shape: Sequence[int], *strides: Sequence[int]) -> list[Level]:
    """Loops over a region, outermost first; axes that follow on in all operands are one."""
    levels: list[Level] = []
    for n, *steps in zip(shape, *strides, strict=True):
        if n == 1:
            continue
        here = Level(n, tuple(steps))
        if levels and all(outer == n * inner for outer, inner in zip(levels[-1].steps, here.steps, strict=True)):
            levels[-1] = Level(levels[-1].n * n, here.steps)
        else:
            levels.append(here)
    return levels or [Level(1, (1,) * len(strides))]


def nest(levels: Sequence[Level], bases: Sequence[str], body: Callable[[Sequence[str]], str]) -> list[str]:
    """Lines of nested loops around statements, which get each operand's address."""
    lines: list[str] = []
    addresses = [[base] for base in bases]
    for depth, level in enumerate(levels):
        variable = "ijklmn"[depth] if depth < 6 else f"i{depth}"
        lines.append(f"{INDENT * depth}for (int32_t {variable} = 0; {variable} < {level.n}; {variable}++) {{")
        for terms, step in zip(addresses, level.steps, strict=True):
            if step:
                terms.append(
                    variable if step == 1 else f"{variable} * {step}" if step > 0 else f"{variable} * ({step})"
                )
    inside = body([" + ".join(terms) for terms in addresses])
    lines += [INDENT * len(levels) + line for line in inside.splitlines()]
    lines += [f"{INDENT * depth}}}" for depth in reversed(range(len(levels)))]
    return lines
