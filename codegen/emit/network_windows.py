"""Windows over two axes: a loop over places that gathers what lies under each; and pools, and means."""

from __future__ import annotations

from collections.abc import Callable

from codegen.emit.network_emission import Emission
from codegen.emit.network_layers import emit_dense, layer_call
from codegen.emit.network_tables import Tables
from codegen.errors import ModelError
from codegen.ir.network import Convolution, Dense, Depthwise, Mean, Pool
from codegen.ir.tensors import Window


def emit_convolution(emission: Emission, number: int, op: Convolution) -> list[str]:
    """A layer under a window, or on each position."""
    if op.window.is_point:
        rows = op.batches * op.window.out_height * op.window.out_width
        dense = Dense(source=op.source, input=op.input, output=op.output, layer=op.layer, rows=rows)
        return emit_dense(emission, number, dense)
    call = layer_call(emission, str(number), op.layer, "dense")
    return _over_places(emission, number, op, op.layer.input_zero_point, op.layer.n_outputs, call)


def emit_depthwise(emission: Emission, number: int, op: Depthwise) -> list[str]:
    """A layer channel by channel."""
    call = layer_call(emission, str(number), op.layer, "depthwise", op.channel_multiplier)
    return _over_places(emission, number, op, op.layer.input_zero_point, op.layer.n_outputs, call)


def emit_pool(emission: Emission, number: int, op: Pool) -> list[str]:
    """Largest or mean value."""
    call = pool_call(emission.tables, str(number), op, "row", "column")
    return _over_places(emission, number, op, pool_outside(op), op.window.channels, call)


def pool_outside(op: Pool) -> int:
    """What padding counts as."""
    return -128 if op.kind == "max" else 0


def pool_call(tables: Tables, tag: str, op: Pool, row: str, column: str) -> Callable[[str, str], str]:
    """The call of a pool whose window is `window_TAG`."""
    tables.need("pool")
    if op.kind == "max":
        return lambda patch, y: f"wp_network_pool_max(&window_{tag}, {op.low}, {op.high}, {patch}, {y});"
    return lambda patch, y: (
        f"wp_network_pool_average(&window_{tag}, {op.low}, {op.high}, {row}, {column}, {patch}, {y});"
    )


def window_table(tables: Tables, tag: str, window: Window, outside: int) -> str:
    """Define a window; returns its name."""
    tables.need("window")
    names = Window.__dataclass_fields__
    fields = {name: getattr(window, name) for name in names} | {"outside": outside}
    return tables.structure("wp_network_window", f"window_{tag}", fields)


def _over_places(
    emission: Emission,
    number: int,
    op: Convolution | Depthwise | Pool,
    outside: int,
    n_outputs: int,
    call: Callable[[str, str], str],
) -> list[str]:
    window = op.window
    name = window_table(emission.tables, str(number), window, outside)
    emission.tables.need("patch")
    patch, x, y = emission.scratch(number), emission.address(op.input), emission.address(op.output)
    batch = op.batches > 1
    if batch:
        x += f" + batch * {window.height * window.width * window.channels}"
        y += f" + batch * {window.out_height * window.out_width * n_outputs}"
    lines = [
        f"for (int row = 0; row < {window.out_height}; row++) {{",
        f"    for (int column = 0; column < {window.out_width}; column++) {{",
        f"        wp_network_patch(&{name}, {x}, row, column, {patch});",
        f"        {call(patch, f'{y} + (row * {window.out_width} + column) * {n_outputs}')}",
        "    }",
        "}",
    ]
    if batch:
        lines = [f"for (int batch = 0; batch < {op.batches}; batch++) {{", *(f"    {line}" for line in lines), "}"]
    return lines


def emit_mean(emission: Emission, number: int, op: Mean) -> list[str]:
    """Means over axes."""
    emission.tables.need("mean")
    name = emission.tables.structure(
        "wp_network_mean",
        f"mean_{number}",
        {
            "n": "{" + ", ".join(map(str, _alternating(op))) + "}",
            "bias": -op.count * op.input_zero_point,
            "multiplier": op.scaling[0],
            "shift": op.scaling[1],
            "output_zero_point": op.output_zero_point,
        },
    )
    return [f"wp_network_mean_of(&{name}, {emission.address(op.input)}, {emission.address(op.output)});"]


def _alternating(op: Mean) -> tuple[int, ...]:
    """Sizes of kept, summed, kept, summed and kept axes, neighbours of a kind as one."""
    sizes = [1]
    summed = False
    for axis, n in enumerate(op.shape):
        if n == 1:
            continue
        if (axis in op.axes) != summed:
            summed = not summed
            sizes.append(1)
        sizes[-1] *= n
    if len(sizes) > 5:
        raise ModelError(f"{op.source}: means over axes {list(op.axes)} of {list(op.shape)} are not compiled")
    return (*sizes, *(1,) * (5 - len(sizes)))
