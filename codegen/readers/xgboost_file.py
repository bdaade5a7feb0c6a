"""A model file's bytes as one object, or a word about what it is instead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codegen.errors import ModelError, StyleError
from codegen.readers import ubjson
from codegen.readers.xgboost_fields import SAVE

_OTHER = "; only XGBoost models are compiled"
# How other files begin.
_STRANGERS = (
    (b"binf", f"is XGBoost's old binary format; load it in that version and {SAVE}"),
    (b"booster[", f"is a dump as text, which rounds thresholds; {SAVE}"),
    (b"\x80", f"is a pickle, which is never opened; {SAVE}"),
    (b"x\x9c", f"is compressed, as by joblib; {SAVE}"),
    (b"\x1f\x8b", f"is compressed by gzip; unpack it, or {SAVE}"),
    (b"PK\x03\x04", f"is a zip archive; {SAVE}"),
    (b"tree\n", f"is a LightGBM model{_OTHER}"),
    (b"CBM1", f"is a CatBoost model{_OTHER}"),
    (b"\x89HDF", f"is an HDF5 file, as Keras writes{_OTHER}"),
    (b"<", f"is XML, perhaps PMML{_OTHER}"),
)
# Keys of other libraries' JSON.
_STRANGE_KEYS = (
    ("oblivious_trees", f"is a CatBoost model{_OTHER}"),
    ("tree_info", f"is a LightGBM model{_OTHER}"),
    ("nodeid", f"is a dump (dump_model), which rounds thresholds; {SAVE}"),
)
_ONNX_WORDS = (b"onnx", b"ai.onnx.ml", b"TreeEnsemble")


def decode(path: Path, data: bytes) -> Mapping[str, Any]:
    """The document of a JSON or UBJSON file; raises ModelError, and StyleError for a network."""
    if path.suffix == ".tflite" or data[4:8] == b"TFL3":
        raise StyleError(f"{path}: is a network; this version compiles forests: name an XGBoost .json or .ubj file")
    for start, what in _STRANGERS:
        if data.startswith(start):
            raise ModelError(f"{path}: {what}")
    if not data:
        raise ModelError(f"{path}: is empty; {SAVE}")
    if data[:1] == b"\x08" and any(word in data[:4096] for word in _ONNX_WORDS):
        raise ModelError(f"{path}: is an ONNX model{_OTHER}")
    binary = data[:1] == b"{" and data[1:2] in (b"L", b"l", b"i", b"U", b"I")
    try:
        document = ubjson.loads(data) if binary else json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        kind = "UBJSON" if binary else "JSON"
        raise ModelError(f"{path}: is not complete, valid {kind}: {error}; {SAVE}") from None
    shown = document[0] if isinstance(document, list) and document else document
    for key, what in _STRANGE_KEYS:
        if isinstance(shown, Mapping) and key in shown:
            raise ModelError(f"{path}: {what}")
    if not isinstance(document, Mapping):
        raise ModelError(f"{path}: is not an XGBoost model; {SAVE}")
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"holds {name}")
