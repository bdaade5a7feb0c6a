"""Trees of one output as nested branches that share comparisons: what the fast style writes down.

Integer sums do not mind their order. So trees that begin with the same comparison begin with it once, and so on behind
it: boosting repeats its favourite splits in nearly every tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from codegen.ir.forest import Forest, Leaf, Node, Number, Split, Tree, walk

# What one instruction adds or compares with on RISC-V, and nearly so on Arm and Xtensa.
IMMEDIATES = range(-2048, 2048)


class Comparison(NamedTuple):
    """Holds when x[feature] < threshold; for a missing feature when `default_left`."""

    feature: int
    threshold: Number
    default_left: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """One comparison and what is done when it holds (left) and when it does not (right)."""

    comparison: Comparison
    left: Block
    right: Block
    left_share: float  # of the rows that come by


@dataclass(frozen=True, slots=True)
class Block:
    """Things to do one after the other: constants to add, functions to call, branches."""

    adds: tuple[tuple[int, int], ...] = ()  # (unit, value): value * 2**unit is added; each unit once
    branches: tuple[Branch, ...] = ()
    calls: tuple[int, ...] = ()  # indices of functions whose sums are added
    n_splits: int = field(init=False, compare=False)
    depth: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        splits, depth = 0, 0
        for branch in self.branches:
            splits += 1 + branch.left.n_splits + branch.right.n_splits
            depth = max(depth, 1 + branch.left.depth, 1 + branch.right.depth)
        object.__setattr__(self, "n_splits", splits)
        object.__setattr__(self, "depth", depth)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.adds or self.branches or self.calls)


@dataclass(frozen=True, slots=True)
class OutputSum:
    """output = constant + what its block adds. The block itself adds no constant: a tree of one leaf counts from it."""

    constant: int
    block: Block


class _Item(NamedTuple):
    """A subtree within a block: its leaves count from `zero` in steps of 2**unit."""

    node: Node
    zero: int
    unit: int


def output_sums(forest: Forest) -> tuple[OutputSum, ...]:
    """Every output [n_outputs] of a forest with integer leaves.

    No partial sum leaves int32: scale_leaves keeps base and largest leaves together below 2**30, and a tree's zero is
    no larger than its largest leaf.
    """
    return tuple(
        _output_sum(int(base), [tree for tree in forest.trees if tree.output == output])
        for output, base in enumerate(forest.base)
    )


def _output_sum(base: int, trees: Sequence[Tree]) -> OutputSum:
    zeros = [_zero(tree.root) for tree in trees]
    units = _units([_unit_range(tree.root, zero) for tree, zero in zip(trees, zeros, strict=True)])
    items = [_Item(tree.root, zero, unit) for tree, zero, unit in zip(trees, zeros, units, strict=True)]
    return OutputSum(base + sum(zeros), _merge(items))


def _zero(root: Node) -> int:
    """The value a tree's leaves count from: its commonest leaf, which then costs nothing.

    It is one from which all others are within one immediate's reach, if there is any.
    """
    visits: dict[int, float] = {}
    for leaf in _leaves(root):
        visits[int(leaf.value)] = visits.get(int(leaf.value), 0.0) + (1.0 if leaf.weight is None else leaf.weight)
    low, high = min(visits), max(visits)
    step = _power_of_two_in(value - low for value in visits)
    near = [v for v in visits if (low - v) >> step in IMMEDIATES and (high - v) >> step in IMMEDIATES]
    if not near:
        middle = low + (((high - low) >> step) + 1 >> 1 << step)
        return middle if (high - middle) >> step in IMMEDIATES else max(visits, key=lambda value: visits[value])
    return max(near, key=lambda value: visits[value])


def _unit_range(root: Node, zero: int) -> range:
    """Units (powers of two) in which a tree's leaves are whole and, if possible, fit an immediate."""
    values = [int(leaf.value) - zero for leaf in _leaves(root)]
    highest = _power_of_two_in(values)
    fitting = (unit for unit in range(highest) if all(value >> unit in IMMEDIATES for value in values))
    return range(next(fitting, highest), highest + 1)


def _units(ranges: Sequence[range]) -> list[int]:
    """One unit of each range, as few different ones as possible: each is a register of its own."""
    chosen: list[int] = []
    for candidates in sorted(ranges, key=lambda candidates: candidates[-1]):
        if not any(unit in candidates for unit in chosen):
            chosen.append(candidates[-1])
    return [next(unit for unit in chosen if unit in candidates) for candidates in ranges]


def _power_of_two_in(values: Iterable[int]) -> int:
    """The largest s for which 2**s divides all values; 0 when all are zero."""
    bits = 0
    for value in values:
        bits |= value
    return (bits & -bits).bit_length() - 1 if bits else 0


def _leaves(root: Node) -> Iterator[Leaf]:
    return (node for node in walk(root) if isinstance(node, Leaf))


def _merge(items: Sequence[_Item]) -> Block:
    """Subtrees side by side as one block. Recursion is as deep as the trees, at one frame a level."""
    adds: dict[int, int] = {}
    alike: dict[Comparison, list[tuple[Split, _Item]]] = {}
    for item in items:
        node = item.node
        if isinstance(node, Leaf):
            adds[item.unit] = adds.get(item.unit, 0) + ((int(node.value) - item.zero) >> item.unit)
        else:
            comparison = Comparison(node.feature, node.threshold, node.default_left)
            alike.setdefault(comparison, []).append((node, item))
    branches = []
    for comparison, group in alike.items():
        left = _merge([item._replace(node=split.left) for split, item in group])
        right = _merge([item._replace(node=split.right) for split, item in group])
        if left.empty and right.empty:
            continue
        branches.append(Branch(comparison, left, right, sum(_left_share(split) for split, _ in group) / len(group)))
    return Block(tuple((unit, adds[unit]) for unit in sorted(adds) if adds[unit]), tuple(branches))


def _left_share(split: Split) -> float:
    left, right = split.left.weight, split.right.weight
    return left / (left + right) if left is not None and right is not None and left + right > 0 else 0.5


def visits(block: Block, rows: float = 1.0) -> Iterator[tuple[Branch, float]]:
    """Every branch of a block and how often it is come by, for `rows` rows; parents first."""
    pending = [(block, rows)]
    while pending:
        current, count = pending.pop()
        for branch in current.branches:
            yield branch, count
            pending.append((branch.left, count * branch.left_share))
            pending.append((branch.right, count * (1 - branch.left_share)))
