"""Quantisation-aware training, alone or keeping what pruning and clustering made (PQAT, CQAT, PCQAT).

tensorflow-model-optimization puts the rounding of int8 into the network while it is fine-tuned.
"""

from __future__ import annotations

from typing import Any

from train.compress.magnitude_pruning import pruned
from train.compress.network_task import CompressedNetwork, NetworkTask
from train.compress.surrogate import build, deployed, learn, whole
from train.compress.weight_clustering import clustered

SPARSITY = 0.75
N_CLUSTERS = 16


def compress(
    task: NetworkTask,
    *,
    prune: bool = False,
    cluster: bool = False,
    units: int | None = None,
    hidden: int | None = None,
) -> CompressedNetwork:
    """Prune and cluster as asked, then train aware of int8; of the whole network or a narrower one."""
    if units is None and hidden is None:
        model = whole(task)
    else:
        model = learn(build(task, units, hidden), task.lessons, task.epochs, seed=task.seed)
    if prune:
        model = pruned(task, model, task.tuning_epochs, SPARSITY)
    if cluster:
        model = clustered(task, model, N_CLUSTERS, keep_zeros=prune)
    return deployed(aware(task, model, prune=prune, cluster=cluster), task)


def aware(task: NetworkTask, model: Any, *, prune: bool = False, cluster: bool = False) -> Any:
    """The model fine-tuned with its rounding."""
    from tensorflow_model_optimization.quantization import keras as quantisation

    if not prune and not cluster:
        wrapped = quantisation.quantize_model(model)
    else:
        annotated = quantisation.quantize_annotate_model(model)
        wrapped = quantisation.quantize_apply(annotated, _scheme(prune=prune, cluster=cluster))
    return learn(wrapped, task.lessons, task.tuning_epochs, seed=task.seed, rate=1e-3)


def _scheme(*, prune: bool, cluster: bool) -> Any:
    from tensorflow_model_optimization.python.core.api.experimental import combine

    if prune and cluster:
        return combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=True)
    if prune:
        return combine.Default8BitPrunePreserveQuantizeScheme()
    return combine.Default8BitClusterPreserveQuantizeScheme()
