"""Magnitude pruning (Zhu & Gupta 2017, "To prune, or not to prune"): the smallest weights become zero.

By tensorflow-model-optimization, with the PolynomialDecay from 50 to 90 % that the 2023 study names, while training
from the start or while fine-tuning what is trained; or two of every four weights (2:4). Then int8. A .tflite stores
zeros like other bytes: what gets smaller is its deflated size, and code that leaves the products out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from train.compress.network_task import CompressedNetwork, NetworkTask
from train.compress.surrogate import BATCH, build, deployed, learn, whole

HIDDEN = ("first", "last")


def compress(
    task: NetworkTask, *, fine_tuned: bool = True, sparsity: float = 0.9, two_of_four: bool = False
) -> CompressedNetwork:
    """Prune to `sparsity` by fine-tuning the whole network, or from its beginning; or 2:4."""
    model = pruned(
        task, whole(task) if fine_tuned else build(task), task_epochs(task, fine_tuned), sparsity, two_of_four
    )
    return deployed(model, task)


def task_epochs(task: NetworkTask, fine_tuned: bool) -> int:
    """Epochs of either."""
    return task.tuning_epochs if fine_tuned else task.epochs


def pruned(task: NetworkTask, model: Any, epochs: int, sparsity: float, two_of_four: bool = False) -> Any:
    """Prune a model's hidden layers while it learns; returns it without the wrappers.

    The heads stay whole: three outputs of 64 weights each do not bear losing nine of ten.
    """
    import tf_keras as keras
    from tensorflow_model_optimization.sparsity import keras as sparse

    steps = epochs * -(-len(task.lessons.device) // BATCH)
    every = max(1, steps // 50)
    end = int(0.7 * steps) // every * every  # a multiple: past its end a schedule prunes no more
    if two_of_four:
        options: dict[str, Any] = {
            "pruning_schedule": sparse.ConstantSparsity(0.5, 0, frequency=every),
            "sparsity_m_by_n": (2, 4),
        }
    else:
        options = {"pruning_schedule": sparse.PolynomialDecay(0.5, sparsity, 0, end, frequency=every)}

    def wrap(layer: Any) -> Any:
        return sparse.prune_low_magnitude(layer, **options) if layer.name in HIDDEN else layer

    wrapped = keras.models.clone_model(model, clone_function=wrap)
    learn(wrapped, task.lessons, epochs, seed=task.seed, callbacks=[sparse.UpdatePruningStep()])
    return without_dead_units(sparse.strip_pruning(wrapped))


def without_dead_units(model: Any) -> Any:
    """The same function where a neuron has lost all its inputs: what it always says goes into the next layer's biases.

    An int8 layer has a scale a neuron, from its weights; with none left it is so small that the bias does not fit.
    """
    first, last, device, remaining = (model.get_layer(name) for name in (*HIDDEN, "device", "remaining"))
    for layer, following in ((first, (last,)), (last, (device, remaining))):
        kernel, bias = layer.get_weights()
        dead = ~kernel.any(axis=0)
        for after in following:
            weights, constant = after.get_weights()
            constant = constant + np.where(dead, np.maximum(bias, 0), 0) @ weights
            weights[dead] = 0
            after.set_weights([weights, constant])
        layer.set_weights([kernel, np.where(dead, 0, bias)])
    return model
