"""The integer outputs of an artifact's models in the course of a charge: what the board's C gives, of either kind."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from train.artifact import Artifact
from train.features import Features, extract
from train.models.answering import Forests, board_model, forest_outputs
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
    outputs = forest_outputs(board_model(artifact, models), found)
    return Outputs(found, outputs.margin, outputs.quantile)


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
