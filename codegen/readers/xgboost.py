"""Reads the model file of XGBoost 3 (.json or .ubj, gbtree or dart) into a Forest, without XGBoost.

Everything XGBoost can save that this toolkit cannot compile is refused with a line that says what to do instead. All
trees of a file count, as Booster.predict has it, also those after the best iteration of an early-stopped training.
Format: https://github.com/dmlc/xgboost/blob/v3.2.0/doc/model.schema and src/tree/tree_model.cc.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen.errors import ModelError
from codegen.ir.forest import Forest, validate
from codegen.readers.xgboost_fields import SAVE, count_of, floats_of, integers_of, object_of, text_of
from codegen.readers.xgboost_file import decode
from codegen.readers.xgboost_margin import base_margins
from codegen.readers.xgboost_trees import read_trees

BYTES_MAX = 1 << 28  # a microcontroller's model is a thousandth of this
FEATURES_MAX = OUTPUTS_MAX = (1 << 16) - 1  # what tables' 16-bit columns hold


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model file that was read, and what its C will say about where it came from."""

    forest: Forest
    file: str  # name without folder: generated files hold no path of this machine
    sha256: str  # hexadecimal, of the file's bytes
    xgboost_version: str
    note: str = ""  # what its owner may not expect, one line


def read_model(path: Path) -> ModelSource:
    """Read one model file; raises ModelError (file, what, what to do)."""
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            raise ModelError(f"{path}: {size} bytes, more than the {BYTES_MAX} this reads; compress the model first")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; name an XGBoost .json or .ubj file") from None
    document = decode(path, data)
    try:
        version = _version(document)
        learner = object_of(document, "learner")
        forest = validate(_forest(learner))
        note = _note(learner, forest)
    except KeyError as error:
        raise ModelError(f"{path}: key {error} is missing, so it is no XGBoost 3 model; {SAVE}") from None
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
    return ModelSource(forest, path.name, hashlib.sha256(data).hexdigest(), version, note)


def _version(document: Mapping[str, Any]) -> str:
    numbers = [int(number) for number in integers_of(document, "version", "model")]
    text = ".".join(map(str, numbers))
    if numbers[:1] != [3]:
        raise ValueError(f"was saved by XGBoost {text}; load it with XGBoost 3 and save it again")
    return text


def _forest(learner: Mapping[str, Any]) -> Forest:
    booster = object_of(learner, "gradient_booster")
    weights = None
    name = text_of(booster, "name")
    if name == "dart":
        weights = floats_of(booster, "weight_drop", "dart")
        booster = object_of(booster, "gbtree")
    elif name != "gbtree":
        raise ValueError(f"booster {name!r} is not compiled; train with booster='gbtree' or 'dart'")
    parameters = object_of(learner, "learner_model_param")
    n_features = count_of(parameters, "num_feature", FEATURES_MAX)
    if n_features < 1:
        raise ValueError(f"num_feature {n_features}; train it on at least one feature")
    n_targets = count_of(parameters, "num_target", OUTPUTS_MAX) if "num_target" in parameters else 1
    n_outputs = max(count_of(parameters, "num_class", OUTPUTS_MAX), n_targets, 1)
    objective = text_of(object_of(learner, "objective"), "name")
    return Forest(
        trees=read_trees(object_of(booster, "model"), n_features, n_outputs, weights),
        base=base_margins(parameters["base_score"], objective, n_outputs),
        n_features=n_features,
        objective=objective,
    )


def _note(learner: Mapping[str, Any], forest: Forest) -> str:
    """A word about a model that stopped early and was saved whole, which XGBoost's interfaces count differently."""
    attributes = object_of(learner, "attributes") if "attributes" in learner else {}
    if "best_iteration" not in attributes:
        return ""
    best = count_of(attributes, "best_iteration", (1 << 31) - 1)
    booster = object_of(learner, "gradient_booster")
    model = object_of(object_of(booster, "gbtree") if "gbtree" in booster else booster, "model")
    parallel = count_of(object_of(model, "gbtree_model_param"), "num_parallel_tree", (1 << 31) - 1)
    n_rounds = len(forest.trees) // (max(parallel, 1) * forest.n_outputs)
    if best + 1 >= n_rounds:
        return ""
    return (
        f"all {n_rounds} rounds are compiled, as Booster.predict counts them; "
        f"for the best {best + 1}, save booster[:{best + 1}]"
    )
