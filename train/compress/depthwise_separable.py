"""Depthwise-separable factorisation: a convolution over time as one a channel and one across channels.

The network sees a window, the last 8 moments of the charge, beside the latest features. Howard et al. 2017:
k · in + in · out weights in place of k · in · out. Trained from the start, as such networks are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.compress.network_task import ROWS_OF_WINDOW, CompressedNetwork, NetworkTask, Outputs, windows
from train.compress.surrogate import Interpreter, heads, learn, tensorflow, to_tflite

N_CHANNELS = 24  # inputs of the window: those of the features that count most
FILTERS = 32
KERNEL = 3
UNITS = 32


def compress(task: NetworkTask, *, separable: bool = True) -> CompressedNetwork:
    """The windowed network with factored convolutions, or with whole ones."""
    window = _window(task.lessons.x, task.lessons.charge)
    model = _windowed(task, separable)
    learn(model, task.lessons, task.epochs, seed=task.seed, x=[task.lessons.x, window])
    data = to_tflite(model, [task.lessons.x, window])

    def answer(features: NDArray[np.float32], charge: NDArray[np.intp]) -> Outputs:
        x = task.inputs.encode(features)
        device, remaining = Interpreter(data).run([x, _window(x, charge)])
        return device, remaining

    return CompressedNetwork(data, answer)


def _window(x: NDArray[np.float32], charge: NDArray[np.intp]) -> NDArray[np.float32]:
    """Rows [n, 1, 8, N_CHANNELS]: a picture one pixel high, which is what int8 convolutions take."""
    return windows(x[:, :N_CHANNELS], charge)[:, None]


def _windowed(task: NetworkTask, separable: bool) -> Any:
    tensorflow(task.seed)
    import tf_keras as keras

    layers = keras.layers
    features = keras.Input((task.lessons.x.shape[1],), name="features")
    window = keras.Input((1, ROWS_OF_WINDOW, N_CHANNELS), name="window")
    x = window
    for number in range(2):
        if separable:
            x = layers.DepthwiseConv2D((1, KERNEL), name=f"depthwise_{number}")(x)
            x = layers.Conv2D(FILTERS, 1, activation="relu", name=f"pointwise_{number}")(x)
        else:
            x = layers.Conv2D(FILTERS, (1, KERNEL), activation="relu", name=f"conv_{number}")(x)
    seen = layers.GlobalAveragePooling2D()(x)
    latest = layers.Dense(UNITS, activation="relu", name="first")(features)
    last = layers.Dense(UNITS, activation="relu", name="last")(layers.Concatenate()([latest, seen]))
    return keras.Model([features, window], heads(task, last), name="network")
