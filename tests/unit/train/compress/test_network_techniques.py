"""Each network technique on a small task: TFLite, or the emitted C's arithmetic, answers better than a guess."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from train.compress.network_task import CompressedNetwork, Inputs, NetworkTask, choose_inputs, lessons_of, windows
from train.compress.network_techniques import NETWORK_TECHNIQUES
from train.models.rows import TrainingRows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of TensorFlow's own packages: distutils, moved modules
    pytest.mark.skipif(
        importlib.util.find_spec("tensorflow_model_optimization") is None, reason="TensorFlow is not installed"
    ),
]
N_CHARGES, ROWS_EACH, N_FEATURES = 80, 16, 30
SMALLER: dict[str, dict[str, Any]] = {
    "unit_pruning": {"units": 16, "hidden": 10},
    "distil_network": {"units": 16, "hidden": 10},
    "hashed_weights": {"n_values": 128},
    "low_rank": {"rank": 6},
    "step_cell": {"units": 12},
    "magnitude_pruning": {"sparsity": 0.6},
}


def rows() -> TrainingRows:
    """Charges of three devices: each has its level of two features; what is left falls with the row."""
    random = np.random.default_rng(1)
    charge = np.repeat(np.arange(N_CHARGES), ROWS_EACH)
    device = (charge % 3).astype(np.int32)
    moment = np.tile(np.arange(ROWS_EACH), N_CHARGES)
    features = random.normal(0, 100, (len(charge), N_FEATURES)).astype(np.float32)
    features[:, 0] += 300 * device
    features[:, 1] -= 250 * device
    features[:, 2] = 60 * moment
    features[random.random(features.shape) < 0.02] = np.nan
    return TrainingRows(
        features=features,
        device=device,
        remaining_s=(60 * (ROWS_EACH - moment)).astype(np.int32),
        charge=charge,
        unit=charge // 4,
        elapsed_s=(60 * moment).astype(np.int32),
        phase=np.ones(len(charge), np.uint8),
        units=tuple(f"d/u{number}" for number in range(N_CHARGES // 4)),
    )


@pytest.fixture(scope="module")
def task() -> NetworkTask:
    from train.compress.surrogate import whole

    found = rows()
    inputs = Inputs(np.arange(N_FEATURES), np.full(N_FEATURES, -700, np.float32), np.full(N_FEATURES, 1000, np.float32))
    lessons = lessons_of(found, inputs, float(found.remaining_s.max()))
    logits = np.eye(3, dtype=np.float32)[found.device] * 4
    made = NetworkTask(
        inputs, lessons, 3, float(found.remaining_s.max()), 1, 60, None, lambda: (logits, logits), units=32, hidden=16
    )
    weights = [np.asarray(values) for values in whole(made).get_weights()]
    return replace(made, whole_weights=lambda: weights)


def right(found: CompressedNetwork) -> tuple[float, float]:
    """Share of right devices, and error of the root."""
    truth = rows()
    logits, roots = found.answer(truth.features, truth.charge)
    assert logits.shape == (len(truth), 3)
    assert roots.shape == (len(truth), 3)
    root = np.sqrt(truth.remaining_s / truth.remaining_s.max())
    return float(np.mean(logits.argmax(axis=1) == truth.device)), float(np.abs(roots[:, 1] - root).mean())


@pytest.mark.parametrize("technique", NETWORK_TECHNIQUES, ids=lambda technique: technique.name)
def test_every_row_can_be_made(technique: Any, task: NetworkTask) -> None:
    for setting in technique.settings:
        found = technique.compress(task, **(setting.of("network") | SMALLER.get(technique.name, {})))
        accuracy, error = right(found)
        assert accuracy > 0.65, setting.label  # a guess: a third
        assert error < 0.2, setting.label
        assert found.tflite[4:8] == b"TFL3"


def test_seeds_decide_the_bytes(task: NetworkTask) -> None:
    from train.compress import post_training_int8

    first, again = (post_training_int8.compress(task, units=8, hidden=8).tflite for _ in range(2))
    assert first == again


def weights_of(data: bytes) -> list[NDArray[Any]]:
    from train.compress.surrogate import Interpreter

    lite = Interpreter(data).lite
    lite.allocate_tensors()
    constants = [
        detail for detail in lite.get_tensor_details() if len(detail["shape"]) == 2 and min(detail["shape"]) > 1
    ]
    return [lite.get_tensor(detail["index"]) for detail in constants]


def test_pruned_zeros_are_still_there_after_all(task: NetworkTask) -> None:
    """As many as were asked for, in the hidden layers of the .tflite, also through quantisation-aware training."""
    from train.compress import magnitude_pruning, quantisation_aware

    compress: Callable[..., CompressedNetwork] = magnitude_pruning.compress
    for found, share in ((compress(task, sparsity=0.9), 0.9), (quantisation_aware.compress(task, prune=True), 0.75)):
        hidden = [w for w in weights_of(found.tflite) if w.shape in ((32, N_FEATURES), (16, 32))]
        assert len(hidden) == 2
        assert all(np.mean(w == 0) >= share - 0.03 for w in hidden)


def test_inputs_are_pieces_of_the_features_that_count() -> None:
    import xgboost as xgb

    found = rows()
    matrix = xgb.DMatrix(found.features, label=found.device)
    model = bytes(xgb.train({"objective": "multi:softprob", "num_class": 3}, matrix, 3).save_raw("json"))
    inputs = choose_inputs(found.features, [model], 9)
    assert set(inputs.feature[:2].tolist()) <= {0, 1}
    encoded = inputs.encode(found.features)
    assert encoded.min() == -1
    assert encoded.max() == 1
    assert np.array_equal(encoded * 127, np.round(encoded * 127))
    assert np.all(encoded[np.isnan(found.features[:, inputs.feature[0]]), 0] == -1)


def test_a_window_never_reaches_into_the_charge_before() -> None:
    values = np.arange(12, dtype=np.float32)[:, None]
    found = windows(values, np.repeat([4, 7, 9], 4), 3)[:, :, 0]
    assert found[0].tolist() == [0, 0, 0]
    assert found[3].tolist() == [1, 2, 3]
    assert found[4].tolist() == [4, 4, 4]
    assert found[9].tolist() == [8, 8, 9]
