"""Joins operators that follow each other and move along the same rows, so that nothing between them is stored whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from codegen.ir.network import Convolution, Dense, Depthwise, Lookup, Mean, Network, Operator, Pool, Rows


def fuse_rows(network: Network) -> Network:
    """Every window along rows becomes Rows, with the layers, lookups and the mean that follow it."""
    readers = Counter(index for operator in network.operators for index in operator.inputs)
    readers.update(network.outputs)
    operators: list[Operator] = []
    chain: list[Operator] = []
    for operator in (*network.operators, None):
        follows = bool(chain) and operator is not None and operator.inputs == (chain[-1].output,)
        alone = bool(chain) and readers[chain[-1].output] == 1
        if operator is not None and follows and alone and _joins(chain, operator):
            chain.append(operator)
            continue
        operators += _closed(chain)
        chain = []
        if operator is not None and _rows_of(operator):
            chain = [operator]
        elif operator is not None:
            operators.append(operator)
    return replace(network, operators=tuple(operators))


def _rows_of(operator: Operator) -> tuple[int, int] | None:
    """Rows in and rows out of what may stand in Rows; None: it may not."""
    if isinstance(operator, Convolution | Depthwise | Pool):
        window = operator.window
        along = window.width == window.kernel_width == window.out_width == 1 and window.dilation_height == 1
        if isinstance(operator, Convolution) and window.is_point:
            rows = window.height * window.width
            return (rows, rows) if operator.batches == 1 and rows > 1 else None
        fits = along and operator.batches == 1 and window.left == 0
        if isinstance(operator, Pool) and operator.kind == "average":
            fits = fits and window.top == 0 and (window.out_height - 1) * window.stride_height < window.height
            fits = fits and (window.out_height - 1) * window.stride_height + window.kernel_height <= window.height
        return (window.height, window.out_height) if fits else None
    if isinstance(operator, Dense) and operator.rows > 1:
        return operator.rows, operator.rows
    return None


def _joins(chain: list[Operator], operator: Operator) -> bool:
    """Whether an operator may follow: rows one by one, or the mean over all of them."""
    if isinstance(chain[-1], Mean):
        return False
    rows = _rows_out(chain)
    if isinstance(operator, Mean):
        shape = [n for n in operator.shape if n > 1]
        reduced = [operator.shape[axis] for axis in operator.axes if operator.shape[axis] > 1]
        return rows > 1 and reduced == shape[:1] == [rows]
    if isinstance(operator, Lookup):
        return True
    own = _rows_of(operator)
    if own is None or own[0] != rows:
        return False
    return not isinstance(operator, Convolution | Depthwise | Pool) or operator.window.stride_height == 1


def _rows_out(chain: list[Operator]) -> int:
    for operator in reversed(chain):
        rows = _rows_of(operator)
        if rows is not None:
            return rows[1]
    raise AssertionError("a chain begins with rows")


def _closed(chain: list[Operator]) -> list[Operator]:
    """A chain as one operator; a single layer on rows stays what it is."""
    if not chain or (len(chain) == 1 and _is_pointwise(chain[0])):
        return chain
    mean = chain[-1] if isinstance(chain[-1], Mean) else None
    stages = tuple(chain[:-1] if mean else chain)
    return [
        Rows(
            source=", ".join(operator.source for operator in chain),
            input=chain[0].input,
            output=chain[-1].output,
            stages=stages,
            mean=mean,
        )
    ]


def _is_pointwise(operator: Operator) -> bool:
    return isinstance(operator, Dense) or (isinstance(operator, Convolution) and operator.window.is_point)
