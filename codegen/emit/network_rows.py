"""Operators row by row: a loop over rows in which each stage takes what the one before has just made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from codegen.emit.network_emission import Emission
from codegen.emit.network_layers import Call, layer_call
from codegen.emit.network_windows import pool_call, pool_outside, window_table
from codegen.ir.network import Convolution, Dense, Depthwise, Lookup, Network, Operator, Pool, Rows
from codegen.ir.tensors import Window
from codegen.passes.plan_memory import Scratch

ROWS_OF_INT16_MAX = 128  # 128 times 255, the largest difference to a zero point, is an int16


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """A layer or a pool, the lookups on what it makes, and its buffers in the scratch (-1: none)."""

    operator: Convolution | Depthwise | Pool | Dense
    lookups: tuple[Lookup, ...]
    window: Window | None  # None: it looks at one row
    row_bytes: int  # of what it takes
    out_bytes: int  # of what it makes
    lag: int  # rows by which it is behind the first stage
    end: int  # row of the first stage at which it has made all of its own
    taken: int  # offset of the window, or of the first stage's rows at edges
    made: int  # offset of the row it makes, where that is not in the next one's window

    @property
    def outside(self) -> int:
        """What rows that are not there count as."""
        return pool_outside(self.operator) if isinstance(self.operator, Pool) else self.operator.layer.input_zero_point


def rows_scratch(network: Network, op: Rows) -> Scratch:
    """Memory for the windows, rows and sums between."""
    _, sums, size = _layout(network, op)
    return Scratch(size, sum_bytes(network) if sums >= 0 else 1)


def sum_bytes(network: Network) -> int:
    """Bytes of each sum over rows, one type for the whole network."""
    means = (operator.mean for operator in network.operators if isinstance(operator, Rows))
    most = max((mean.count for mean in means if mean is not None), default=0)
    return 2 if most <= ROWS_OF_INT16_MAX else 4


def _layout(network: Network, op: Rows) -> tuple[list[_Stage], int, int]:
    """Stages, offset of the sums (-1: none) and bytes of the scratch."""
    groups: list[tuple[Operator, list[Lookup]]] = []
    for stage in op.stages:
        if isinstance(stage, Lookup):
            groups[-1][1].append(stage)
        else:
            groups.append((stage, []))
    size = 0
    sums = -1
    if op.mean is not None:
        sums, size = 0, sum_bytes(network) * network.tensors[op.output].size
    stages: list[_Stage] = []
    lag = 0
    for place, (operator, lookups) in enumerate(groups):
        if not isinstance(operator, Convolution | Depthwise | Pool | Dense):
            raise TypeError(operator.source)
        window, row_bytes, out_bytes, rows = _shape(operator)
        taken = made = -1
        if window is not None:
            if place:
                lag += window.kernel_height - 1 - window.top
            if place or _has_edges(window):
                taken, size = size, size + window.kernel_height * row_bytes
        next_window = _shape(groups[place + 1][0])[0] if place + 1 < len(groups) else None
        last = place + 1 == len(groups)
        if next_window is None and not (last and op.mean is None):
            made, size = size, size + out_bytes
        stages.append(_Stage(operator, tuple(lookups), window, row_bytes, out_bytes, lag, lag + rows, taken, made))
    return stages, sums, size


def _shape(operator: Operator) -> tuple[Window | None, int, int, int]:
    """Window, bytes of a row it takes and of one it makes, and how many it makes."""
    if isinstance(operator, Dense):
        return None, operator.layer.weights.shape[1], operator.layer.n_outputs, operator.rows
    if isinstance(operator, Convolution | Depthwise | Pool):
        window = operator.window
        made = window.channels if isinstance(operator, Pool) else operator.layer.n_outputs
        if isinstance(operator, Convolution) and window.is_point:
            return None, window.channels, made, window.height * window.width
        return window, window.channels, made, window.out_height
    raise TypeError(operator.source)


def _has_edges(window: Window) -> bool:
    """Whether it looks at rows that are not there."""
    end = (window.out_height - 1) * window.stride_height - window.top + window.kernel_height
    return window.top > 0 or end > window.height


def emit_rows(emission: Emission, number: int, op: Rows) -> list[str]:
    """The loop, what it begins with and what follows it."""
    tables = emission.tables
    stages, sums, _ = _layout(emission.network, op)
    y = emission.address(op.output)
    lines = []
    for stage in stages[1:]:
        if stage.window is not None:
            size = stage.window.kernel_height * stage.row_bytes
            lines.append(f"memset({emission.scratch(number, stage.taken)}, {stage.outside}, {size});")
    sum_type = f"int{8 * sum_bytes(emission.network)}_t"
    at_sums = f"({sum_type} *)(void *)({emission.scratch(number, sums)})"
    n = stages[-1].out_bytes
    if op.mean is not None:
        tables.need("row_sums")
        tables.macros["WP_NETWORK_ROW_SUM"] = sum_type
        bias = -op.mean.count * op.mean.input_zero_point
        lines.append(f"wp_network_row_begin({n}, {bias}, {at_sums});")
    writer = _Writer(emission, number, op, stages, at_sums)
    lines += [f"for (int row = 0; row < {stages[-1].end}; row++) {{", *_indented(writer.segment(0)), "}"]
    if op.mean is not None:
        mean = op.mean
        scaling = f"{mean.scaling[0]}, {mean.scaling[1]}"
        lines.append(f"wp_network_row_means({n}, {at_sums}, {scaling}, {mean.output_zero_point}, {y});")
    return lines


@dataclass(frozen=True, slots=True)
class _Writer:
    """Lines of the loop's body."""

    emission: Emission
    number: int
    op: Rows
    stages: list[_Stage]
    at_sums: str

    def segment(self, first: int) -> list[str]:
        """A stage with a window, or the first, and those after it up to the next window; then what follows."""
        end = next((i for i in range(first + 1, len(self.stages)) if self.stages[i].window is not None), None)
        stop = len(self.stages) if end is None else end
        lines: list[str] = []
        target = ""
        if end is not None:
            following = self.stages[end]
            self.emission.tables.need("rows")
            target = f"to_{end}"
            window = self.emission.scratch(self.number, following.taken)
            taps, size = _taps(following), following.row_bytes
            moved = f"wp_network_next_row({window}, {taps}, {size})" if taps > 1 else window
            lines.append(f"int8_t *const {target} = {moved};")
        calls: list[str] = []
        for place in range(first, stop):
            calls += self._stage(place, target if place + 1 == stop else "")
        if end is None:
            return [*lines, *calls]
        if self.stages[first].end < self.stages[-1].end:
            pad = f"memset({target}, {self.stages[end].outside}, {self.stages[end].row_bytes});"
            calls = [f"if (row < {self.stages[first].end}) {{", *_indented(calls), "} else {", f"    {pad}", "}"]
        after = self.segment(end)
        if self.stages[end].lag > 0:
            after = [f"if (row >= {self.stages[end].lag}) {{", *_indented(after), "}"]
        return [*lines, *calls, *after]

    def _stage(self, place: int, target: str) -> list[str]:
        stage, tables = self.stages[place], self.emission.tables
        row = f"(row - {stage.lag})" if stage.lag else "row"
        last = place + 1 == len(self.stages)
        if not target and stage.made >= 0:
            target = self.emission.scratch(self.number, stage.made)
        elif not target:
            target = f"{self.emission.address(self.op.output)} + {row} * {stage.out_bytes}"
        lines = [self._call(place, row)(self._source(place), target)]
        for index, lookup in enumerate(stage.lookups):
            tables.need("lookup")
            table = tables.array("int8_t", f"values_{self.number}_{place}_{index}", np.roll(lookup.values, 128))
            lines.append(f"wp_network_lookup({table}, {stage.out_bytes}, {target}, {target});")
        if last and self.op.mean is not None:
            lines.append(f"wp_network_row_sums({stage.out_bytes}, {target}, {self.at_sums});")
        return lines

    def _source(self, place: int) -> str:
        stage = self.stages[place]
        if place:
            before = self.stages[place - 1]
            return self.emission.scratch(self.number, stage.taken if stage.window is not None else before.made)
        x = self.emission.address(self.op.input)
        window = stage.window
        if window is None:
            return f"{x} + row * {stage.row_bytes}"
        first = "row" if window.stride_height == 1 else f"row * {window.stride_height}"
        if stage.taken < 0:
            return f"{x} + {first} * {stage.row_bytes}"
        self.emission.tables.need("rows")
        start = f"{first} - {window.top}" if window.top else first
        patch = self.emission.scratch(self.number, stage.taken)
        sizes = f"{window.kernel_height}, {window.height}, {stage.row_bytes}"
        return f"wp_network_rows({x}, {start}, {sizes}, {stage.outside}, {patch})"

    def _call(self, place: int, row: str) -> Call:
        operator, tag = self.stages[place].operator, f"{self.number}_{place}"
        if isinstance(operator, Pool):
            window_table(self.emission.tables, tag, operator.window, pool_outside(operator))
            call: Callable[[str, str], str] = pool_call(self.emission.tables, tag, operator, row, "0")
            return call
        if isinstance(operator, Depthwise):
            return layer_call(self.emission, tag, operator.layer, "depthwise", operator.channel_multiplier)
        return layer_call(self.emission, tag, operator.layer, "dense")


def _taps(stage: _Stage) -> int:
    return stage.window.kernel_height if stage.window is not None else 1


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
