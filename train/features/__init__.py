"""Features and answers by the firmware's own C, and the rows to train on."""

from train.features.answers import (
    AnswerRules,
    DeviceAnswers,
    asked_rows,
    device_answers,
    history_features,
    remaining_answers,
)
from train.features.core import WP_MISSING, build_core, feature_names, features_version, state_bytes
from train.features.encode import encode
from train.features.extract import Features, extract, extract_states, to_float
from train.features.rows import Rows, dataset_rows, horizons, learning_samples

__all__ = [
    "WP_MISSING",
    "AnswerRules",
    "DeviceAnswers",
    "Features",
    "Rows",
    "asked_rows",
    "build_core",
    "dataset_rows",
    "device_answers",
    "encode",
    "extract",
    "extract_states",
    "feature_names",
    "features_version",
    "history_features",
    "horizons",
    "learning_samples",
    "remaining_answers",
    "state_bytes",
    "to_float",
]
