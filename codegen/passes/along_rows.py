"""Turns windows that move along one axis so that they move along rows.

A window as wide as what it moves over sees whole rows, one after the other in memory. A single row is turned: its
columns become rows of one column, the same bytes.
"""

from __future__ import annotations

from dataclasses import replace

from codegen.ir.network import Convolution, Depthwise, Network, Operator, Pool
from codegen.ir.tensors import Window


def along_rows(network: Network) -> Network:
    """Windows of one axis, each turned to rows of one column."""
    return replace(network, operators=tuple(map(_turned, network.operators)))


def _turned(operator: Operator) -> Operator:
    if not isinstance(operator, Convolution | Depthwise | Pool):
        return operator
    window = operator.window
    if (window.height, window.kernel_height, window.out_height) == (1, 1, 1) and window.width > 1:
        return replace(operator, window=_turn(window))
    whole = window.kernel_width == window.width > 1 and window.out_width == 1 and window.left == 0
    if isinstance(operator, Convolution) and whole and window.dilation_width == 1:
        return replace(
            operator, window=replace(window, width=1, kernel_width=1, channels=window.width * window.channels)
        )
    return operator


def _turn(window: Window) -> Window:
    return replace(
        window,
        height=window.width,
        width=1,
        kernel_height=window.kernel_width,
        kernel_width=1,
        stride_height=window.stride_width,
        stride_width=1,
        dilation_height=window.dilation_width,
        dilation_width=1,
        top=window.left,
        left=0,
        out_height=window.out_width,
        out_width=1,
    )
