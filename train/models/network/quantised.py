"""Layers that train as int8 will run them: weights and activations are rounded on the way forward, gradients pass.

Rounding a small network only once it is trained costs it several points of accuracy (quantisation-aware training,
Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference").
The package that Keras has for it takes no 1 x k kernels with a stride and no recurrent cells.
"""

from __future__ import annotations

from typing import Any

HIDDEN_RANGE = (0.0, 6.0)
SUM_RANGE = (-8.0, 8.0)  # where a sigmoid or tanh has settled
STATE_RANGE = (-1.0, 127 / 128)
LOGITS_RANGE = (-12.0, 12.0)


def within(x: Any, low: float, high: float) -> Any:
    """Rounded to the 256 steps from `low` to `high`; the converter takes the tensor's scale from it."""
    import tensorflow as tf

    return tf.quantization.fake_quant_with_min_max_args(x, low, high, 8)


def bounded(low: float, high: float) -> Any:
    """`within` as a layer."""
    import tf_keras as keras

    return keras.layers.Lambda(within, arguments={"low": low, "high": high})


def relu() -> Any:
    """A rectifier that ends where its byte does."""
    return bounded(*HIDDEN_RANGE)


def dense(units: int, name: str, bias: float = 0.0) -> Any:
    """A fully connected layer without activation, a scale of its weights for each output."""
    import tf_keras as keras

    class RoundedDense(keras.layers.Dense):  # type: ignore[misc]
        def call(self, inputs: Any, training: bool = False) -> Any:
            kernel = _rounded(self.kernel) if training else self.kernel
            return inputs @ kernel + self.bias

    return RoundedDense(units, name=name, bias_initializer=keras.initializers.Constant(bias))


def convolution(filters: int, kernel: int, stride: int, name: str) -> Any:
    """A 1 x k convolution without activation."""
    import tensorflow as tf
    import tf_keras as keras

    class RoundedConvolution(keras.layers.Conv2D):  # type: ignore[misc]
        def call(self, inputs: Any, training: bool = False) -> Any:
            kernel = _rounded(self.kernel) if training else self.kernel
            return tf.nn.conv2d(inputs, kernel, [1, 1, stride, 1], "VALID") + self.bias

    return RoundedConvolution(filters, (1, kernel), strides=(1, stride), name=name)


def depthwise(kernel: int, name: str) -> Any:
    """A 1 x k depthwise convolution without activation; its weights are rounded by the converter alone."""
    import tf_keras as keras

    return keras.layers.DepthwiseConv2D((1, kernel), padding="valid", name=name)


def _rounded(kernel: Any) -> Any:
    """Weights in steps of 1/127 of the largest of their output channel, the last axis."""
    import tensorflow as tf

    axes = list(range(len(kernel.shape) - 1))
    scale = tf.stop_gradient(tf.maximum(tf.reduce_max(tf.abs(kernel), axis=axes, keepdims=True), 1e-6)) / 127
    return kernel + tf.stop_gradient(tf.round(kernel / scale) * scale - kernel)
