"""Reads the model file of XGBoost 3 (.json or .ubj, gbtree) into a Forest, without XGBoost.

Everything XGBoost can save that this toolkit cannot compile is refused with a line that says what to do instead.
Files are taken as saved: after early stopping, save the slice `booster[: booster.best_iteration + 1]`.
Format: https://github.com/dmlc/xgboost/blob/v3.2.0/doc/model.schema and src/tree/tree_model.cc.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen.errors import ModelError, StyleError
from codegen.ir.forest import Forest, validate
from codegen.readers import ubjson
from codegen.readers.xgboost_margin import base_margins
from codegen.readers.xgboost_trees import read_trees

BYTES_MAX = 1 << 28  # a microcontroller's model is a thousandth of this


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model file that was read, and what its C will say about where it came from."""

    forest: Forest
    file: str  # name without folder: generated files hold no path of this machine
    sha256: str  # hexadecimal, of the file's bytes
    xgboost_version: str


def read_model(path: Path) -> ModelSource:
    """Read one model file; raises ModelError (file, what, what to do)."""
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            raise ModelError(f"{path}: {size} bytes, more than the {BYTES_MAX} this reads; compress the model first")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; name an XGBoost .json or .ubj file") from None
    document = _decode(path, data)
    try:
        version = _version(document)
        forest = validate(_forest(_object(document, "learner")))
    except KeyError as error:
        raise ModelError(f"{path}: key {error} is missing, so it is no XGBoost 3 model; {_SAVE}") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelError(f"{path}: {error}") from None
    return ModelSource(forest, path.name, hashlib.sha256(data).hexdigest(), version)


_SAVE = "save one with Booster.save_model('model.json')"
# How other libraries' files begin.
_STRANGERS = (
    (b"binf", f"is XGBoost's old binary format; load it in that version and {_SAVE}"),
    (b"\x80", f"is a pickle, which is never opened; {_SAVE}"),
    (b"tree\n", "is a LightGBM model; only XGBoost models are compiled"),
    (b"CBM1", "is a CatBoost model; only XGBoost models are compiled"),
    (b"PK\x03\x04", f"is a zip archive; {_SAVE}"),
)


def _decode(path: Path, data: bytes) -> Mapping[str, Any]:
    if path.suffix == ".tflite" or data[4:8] == b"TFL3":
        raise StyleError(f"{path}: is a network; this version compiles forests: name an XGBoost .json or .ubj file")
    for start, what in _STRANGERS:
        if data.startswith(start):
            raise ModelError(f"{path}: {what}")
    if not data:
        raise ModelError(f"{path}: is empty; {_SAVE}")
    binary = data[:1] == b"{" and data[1:2] in (b"L", b"l", b"i", b"U", b"I")
    try:
        document = ubjson.loads(data) if binary else json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        kind = "UBJSON" if binary else "JSON"
        raise ModelError(f"{path}: is not complete, valid {kind}: {error}; {_SAVE}") from None
    if not isinstance(document, Mapping):
        raise ModelError(f"{path}: is not an XGBoost model; {_SAVE}")
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"holds {name}")


def _version(document: Mapping[str, Any]) -> str:
    version = tuple(int(part) for part in document["version"])
    if version[:1] != (3,):
        text = ".".join(map(str, version))
        raise ValueError(f"was saved by XGBoost {text}; load it with XGBoost 3 and save it again")
    return ".".join(map(str, version))


def _forest(learner: Mapping[str, Any]) -> Forest:
    booster = _object(learner, "gradient_booster")
    name = str(booster["name"])
    if name != "gbtree":
        raise ValueError(f"booster {name!r} is not compiled; train with booster='gbtree'")
    parameters = _object(learner, "learner_model_param")
    n_features = int(parameters["num_feature"])
    if n_features < 1:
        raise ValueError(f"num_feature {n_features}; train it on at least one feature")
    n_outputs = max(int(parameters["num_class"]), int(parameters.get("num_target", 1)), 1)
    objective = str(_object(learner, "objective")["name"])
    return Forest(
        trees=read_trees(_object(booster, "model"), n_features),
        base=base_margins(parameters["base_score"], objective, n_outputs),
        n_features=n_features,
        objective=objective,
    )


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent[key]
    if not isinstance(value, Mapping):
        raise ValueError(f"{key} is not an object; {_SAVE}")
    return value
