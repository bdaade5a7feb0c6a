"""The integer outputs of an artifact's models in the course of a charge: what the board's C gives, of either kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from train.artifact import Artifact
from train.features import extract
from train.models.answering import Forests, Outputs, board_model, forest_outputs
from train.models.network.run import Runner, network_outputs_at
from train.sessions.types import Charge

if TYPE_CHECKING:
    from collections.abc import Mapping

Models = Forests | Runner


def outputs_at(artifact: Artifact, models: Models, charge: Charge, rows: NDArray[np.intp]) -> Outputs:
    """Outputs after the samples `rows`, ascending strictly. A network is run at every tick before them as well."""
    if isinstance(models, Runner):
        return network_outputs_at(models, charge, rows)
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
