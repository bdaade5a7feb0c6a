"""Weight clustering: every layer's weights take one of a few values (tensorflow-model-optimization), then int8.

A .tflite stores each weight as before; only what is deflated, or a decoder with a table (deep_compression), is smaller.
"""

from __future__ import annotations

from typing import Any

from train.compress.network_task import CompressedNetwork, NetworkTask
from train.compress.surrogate import deployed, learn, whole


def compress(task: NetworkTask, *, n_clusters: int = 16) -> CompressedNetwork:
    """Cluster the whole network's weights and fine-tune the centres."""
    return deployed(clustered(task, whole(task), n_clusters), task)


def clustered(task: NetworkTask, model: Any, n_clusters: int, *, keep_zeros: bool = False) -> Any:
    """The model with clustered weights; zeros stay zeros if asked (then centres start linearly: k-means needs more)."""
    if keep_zeros:
        from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster

        starts = cluster_starts()
        wrapped = cluster.cluster_weights(
            model,
            number_of_clusters=n_clusters,
            cluster_centroids_init=starts.LINEAR,
            preserve_sparsity=True,
        )
    else:
        from tensorflow_model_optimization.clustering import keras as clustering

        wrapped = clustering.cluster_weights(
            model, number_of_clusters=n_clusters, cluster_centroids_init=cluster_starts().KMEANS_PLUS_PLUS
        )
    learn(wrapped, task.lessons, task.tuning_epochs, seed=task.seed, rate=5e-4)
    return stripped(wrapped)


def cluster_starts() -> Any:
    """Ways to place the first centres."""
    from tensorflow_model_optimization.clustering import keras as clustering

    return clustering.CentroidInitialization


def stripped(model: Any) -> Any:
    """The model without the wrappers."""
    from tensorflow_model_optimization.clustering import keras as clustering

    return clustering.strip_clustering(model)
