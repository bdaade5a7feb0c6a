"""What readers of single operators share: tensors looked up and checked, and errors that say where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from codegen.fixed_point import quantize_multiplier
from codegen.ir.tensors import Pair
from codegen.readers.tflite_file import RawModel, RawOperator, RawTensor, activation_name, read_option

CONVERT = "convert the model with full int8 quantisation"
INT8_MIN, INT8_MAX = -128, 127


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """One operator of a model; every complaint is a ValueError that begins with it."""

    model: RawModel
    operator: RawOperator

    @property
    def source(self) -> str:
        """How comments and errors call it."""
        return f"operator {self.operator.index} {self.operator.name}"

    def refuse(self, text: str) -> ValueError:
        """An error to raise, saying where."""
        return ValueError(f"{self.source}: {text}")

    def option(self, name: str, default: Any = 0) -> Any:
        """A field of its options."""
        return read_option(self.operator, name, default)

    def count(self, inputs: Sequence[int], outputs: int = 1) -> None:
        """Check how many tensors it has."""
        if len(self.operator.inputs) not in inputs or len(self.operator.outputs) != outputs:
            has = f"{len(self.operator.inputs)} inputs and {len(self.operator.outputs)} outputs"
            raise self.refuse(f"has {has}; the file is damaged or of a newer schema")

    def has(self, place: int) -> bool:
        """Whether an optional input is given."""
        return place < len(self.operator.inputs) and self.operator.inputs[place] >= 0

    def tensor(self, place: int) -> RawTensor:
        """An input."""
        if not self.has(place):
            raise self.refuse(f"lacks its input {place}")
        return self.model.tensors[self.operator.inputs[place]]

    def result(self, place: int = 0) -> RawTensor:
        """An output."""
        return self.model.tensors[self.operator.outputs[place]]

    def int8(self, tensor: RawTensor) -> RawTensor:
        """The tensor, if it is int8 with one scale; else an error."""
        if tensor.type != "INT8":
            raise self.refuse(f"tensor {tensor.name!r} is {tensor.type}, not INT8; {CONVERT}")
        if len(tensor.scales) != 1 or len(tensor.zero_points) != 1 or not 0 < float(tensor.scales[0]) < np.inf:
            raise self.refuse(f"tensor {tensor.name!r} has no single scale; {CONVERT}")
        if not INT8_MIN <= int(tensor.zero_points[0]) <= INT8_MAX:
            raise self.refuse(f"tensor {tensor.name!r} has zero point {tensor.zero_points[0]}; {CONVERT}")
        return tensor

    def activation(self, output: RawTensor) -> tuple[int, int]:
        """Limits of the output, as the fused activation and int8 set them."""
        name = activation_name(self.option("FusedActivationFunction"))
        bounds = {"NONE": (None, None), "RELU": (0.0, None), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
        if name not in bounds:
            raise self.refuse(f"fused activation {name} is not compiled; take RELU, RELU6 or none")
        scale, zero_point = output.scales[0], zero_of(output)
        low, high = (
            None if bound is None else zero_point + _round(np.float32(bound) / scale) for bound in bounds[name]
        )
        least = INT8_MIN if low is None else max(INT8_MIN, low)
        most = INT8_MAX if high is None else min(INT8_MAX, high)
        if least > most:
            raise self.refuse(f"tensor {output.name!r}: its scale leaves {name} no value; {CONVERT}")
        return least, most

    def integers(self, place: int, what: str) -> list[int]:
        """A constant int32 input as a list; a scalar is one element."""
        tensor = self.tensor(place)
        if tensor.type != "INT32" or tensor.data is None:
            raise self.refuse(f"{what} ({tensor.name!r}) is no INT32 constant; only fixed shapes are compiled")
        return [int(value) for value in tensor.data.ravel()]


def scale_of(tensor: RawTensor) -> float:
    """Its one scale, as a double."""
    return float(tensor.scales[0])


def zero_of(tensor: RawTensor) -> int:
    """Its one zero point."""
    return int(tensor.zero_points[0])


def product_scaling(a: RawTensor, b: RawTensor, output_scale: float) -> Pair:
    """Of layers with one scale: product and quotient of doubles."""
    return quantize_multiplier(scale_of(a) * scale_of(b) / output_scale)


def _round(value: np.float32) -> int:
    """To the nearest, halves away from zero; far beyond int8 it is limited."""
    limited = float(np.clip(value, -1e6, 1e6))
    return int(np.copysign(np.floor(abs(limited) + 0.5), limited))
