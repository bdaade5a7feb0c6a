"""The integer outputs of an artifact's models in the course of a charge: what the board's C gives, of either kind."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from train.artifact import Artifact
from train.features import Features, extract, to_float
from train.models.crossfit import Forests
from train.models.network.run import Runner, margins, remaining, rows_with_ticks
from train.sessions.types import Charge

if TYPE_CHECKING:
    from collections.abc import Mapping

Models = Forests | Runner


@dataclass(frozen=True, slots=True)
class Outputs:
    """At some samples of a charge."""

    features: Features
    margin: NDArray[np.int32]  # [n, devices], or a column that means nothing with one device
    quantile: NDArray[np.int32]  # [n, 3]


def outputs_at(artifact: Artifact, models: Models, charge: Charge, rows: NDArray[np.intp]) -> Outputs:
    """Outputs after the samples `rows`, ascending strictly. A network is run at every tick before them as well."""
    if isinstance(models, Runner):
        return _of_network(models, charge, rows)
    found = extract(charge, rows)
    features = to_float(found.x)
    margin = np.zeros((len(features), 1), dtype=np.int32)
    device, last = artifact.device_model, artifact.remaining_model
    if models.device is not None and device is not None:
        margin = models.device.outputs(features, device.output_scale_log2, device.leaf_bits)
    return Outputs(found, margin, models.remaining.outputs(features, last.output_scale_log2, last.leaf_bits))


def model_sizes(models: Models) -> Mapping[str, int]:
    """What an artifact's models are made of, as `train evaluate` tells it."""
    if isinstance(models, Runner):
        network = models.network
        return {
            "network_bytes": len(models.data),
            "network_inputs": len(network.inputs),
            "network_kept_bytes": network.n_kept,
        }
    return {
        "device_trees": len(models.device.trees.group) if models.device else 0,
        "device_splits": models.device.trees.n_splits if models.device else 0,
        "remaining_trees": len(models.remaining.trees.group),
        "remaining_splits": models.remaining.trees.n_splits,
    }


def _of_network(runner: Runner, charge: Charge, rows: NDArray[np.intp]) -> Outputs:
    network = runner.network
    samples, writes = rows_with_ticks(charge.t_ms, rows, network)
    found = extract(charge, samples)
    _, out, _ = runner.charge(found.x, writes)
    at = np.searchsorted(samples, rows)
    margin = margins(network, out[at]) if network.n_margins else np.zeros((len(rows), 1), np.int32)
    chosen = replace(found, **{item.name: getattr(found, item.name)[at] for item in fields(Features)})
    return Outputs(chosen, margin, remaining(network, out[at]))
