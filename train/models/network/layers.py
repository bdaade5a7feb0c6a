"""The networks: a few layers each, small enough for the board, of operators that int8 TFLite has.

Every one gives, for a batch: logits of the devices (none with one device), and the roots of the remaining time's three
quantiles, as a share of the largest. A root halves the digits: a byte then tells hours and the last minutes alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from train.models.network.quantised import (
    LOGITS_RANGE,
    STATE_RANGE,
    SUM_RANGE,
    bounded,
    convolution,
    dense,
    depthwise,
    relu,
)

WINDOWED = ("conv", "separable")
RECURRENT = ("gru",)
TOPOLOGIES = ("dense", *WINDOWED, *RECURRENT)
N_ROOTS = 3


@dataclass(frozen=True, slots=True)
class Shape:
    """What a network takes and gives, and how wide it is inside."""

    topology: str
    n_inputs: int
    n_row: int  # of the window
    n_rows: int  # of the window, the latest sample's among them
    n_devices: int  # 0 without a classifier
    units: int  # of the first hidden layer; of the state of a recurrent network
    hidden: int  # of the last hidden layer
    filters: int
    kernel: int

    @property
    def n_kept(self) -> int:
        """Bytes remembered from one sample to the next."""
        if self.topology in RECURRENT:
            return self.units
        return self.n_row * (self.n_rows - 1) if self.topology in WINDOWED else 0


def build_layers(shape: Shape) -> Any:
    """A tf_keras model of that shape.

    dense      features → hidden → hidden → heads
    conv       window → 1 x k convolution, twice → mean; beside the features' hidden layer → hidden → heads
    separable  the same with depthwise and pointwise convolutions
    gru        (features, state) → state → heads: one step
    """
    import tf_keras as keras

    features = keras.Input((shape.n_inputs,), name="features")
    if shape.topology in RECURRENT:
        state = keras.Input((shape.units,), name="state")
        following = gru_cell(shape)([features, state])
        return keras.Model([features, state], [*_heads(shape, _hidden(shape.hidden, "last", following)), following])
    inputs, first = [features], _hidden(shape.units, "first", features)
    if shape.topology in WINDOWED:
        window = keras.Input((1, shape.n_rows, shape.n_row), name="window")
        inputs.append(window)
        first = keras.layers.Concatenate(name="both")([first, _convolved(shape, window)])
    return keras.Model(inputs, _heads(shape, _hidden(shape.hidden, "last", first)))


def gru_cell(shape: Shape) -> Any:
    """One step of a GRU, (features, state) → state, of operators that stay int8.

    Cho et al. 2014, with the reset gate behind its product: then no matrix waits for the result of another.
    """
    import tf_keras as keras

    layers = keras.layers
    features, state = keras.Input((shape.n_inputs,)), keras.Input((shape.units,))
    both = layers.Concatenate()([features, state])
    update = layers.Activation("sigmoid")(bounded(*SUM_RANGE)(dense(shape.units, "update")(both)))
    reset = layers.Activation("sigmoid")(bounded(*SUM_RANGE)(dense(shape.units, "reset")(both)))
    recalled = layers.Multiply()([reset, bounded(*SUM_RANGE)(dense(shape.units, "recalled")(state))])
    seen = bounded(*SUM_RANGE)(dense(shape.units, "seen")(features))
    candidate = layers.Activation("tanh")(layers.Add()([seen, recalled]))
    change = layers.Multiply()([update, layers.Subtract()([state, candidate])])
    following = bounded(*STATE_RANGE)(layers.Add()([candidate, change]))
    return keras.Model([features, state], following, name="gru")


def _hidden(units: int, name: str, x: Any) -> Any:
    return relu()(dense(units, name)(x))


def _convolved(shape: Shape, window: Any) -> Any:
    import tf_keras as keras

    x = relu()(convolution(shape.filters, shape.kernel, 2, "wide")(window))
    if shape.topology == "conv":
        x = relu()(convolution(shape.filters, 3, 1, "narrow")(x))
    else:
        x = relu()(convolution(2 * shape.filters, 1, 1, "pointwise")(depthwise(3, "depthwise")(x)))
    return keras.layers.GlobalAveragePooling2D()(x)


def _heads(shape: Shape, last: Any) -> list[Any]:
    heads = [bounded(*LOGITS_RANGE)(dense(shape.n_devices, "device")(last))] if shape.n_devices else []
    return [*heads, dense(N_ROOTS, "remaining", bias=0.5)(last)]
