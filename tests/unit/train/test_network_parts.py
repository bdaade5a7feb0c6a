"""What of networks needs no TensorFlow: input bytes, memory by the clock, the manifest's entry, settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.errors import MismatchError
from codegen.reference_of_network import check_inputs, encoded, network_margins, network_seconds, replayed
from train.artifact_network import FEATURE_MAX, Network, NetworkInput, parse_network
from train.config import Config, load_config
from train.errors import ConfigError
from train.features import WP_MISSING, encode, feature_names
from train.models.network.encoding import choose_inputs, piece
from train.models.network.run import margins, remaining, rows_with_ticks, tick_numbers
from train.models.network.samples import tick_samples

N_FEATURES = len(feature_names())
VALUES = st.one_of(st.integers(-FEATURE_MAX, FEATURE_MAX), st.just(WP_MISSING), st.integers(-300, 300))
INPUTS = st.builds(
    NetworkInput,
    feature=st.integers(0, N_FEATURES - 1),
    offset=st.one_of(st.integers(-FEATURE_MAX, FEATURE_MAX), st.integers(-300, 300)),
    multiplier=st.integers(1, 127),
    shift=st.integers(0, 31),
)


def network(**changes: Any) -> Network:
    """A recurrent network of 2 inputs and 3 units, 2 devices."""
    values: dict[str, Any] = {
        "file": "network.tflite",
        "topology": "gru",
        "inputs": (NetworkInput(0, 0, 64, 4), NetworkInput(2, 100, 127, 6)),
        "row": (),
        "input_bytes": 5,
        "output_bytes": 8,
        "inputs_at": 0,
        "kept_at": 2,
        "n_kept": 3,
        "kept_zero": 0,
        "tick_ms": 10_000,
        "margins_at": 0,
        "n_margins": 2,
        "margin_zero": -3,
        "margin_multiplier": 6000,
        "roots_at": 5,
        "root_zero": -128,
        "root_multiplier": 1 << 30,
        "root_shift": 32,
        "next_at": 2,
    }
    return Network(**values | changes)


@given(st.lists(INPUTS, min_size=1, max_size=5), st.lists(VALUES, min_size=1, max_size=20))
def test_input_bytes_follow_the_rules(inputs: list[NetworkInput], values: list[int]) -> None:
    x = np.repeat(np.array(values, np.int32)[:, None], N_FEATURES, axis=1)
    assert np.array_equal(encode(x, inputs), encoded(x, inputs))


def test_input_bytes_worked_by_hand() -> None:
    """(x - 100) * 127 / 64, to nearest, from -127 on."""
    x = np.zeros((6, N_FEATURES), np.int32)
    x[:, 2] = [WP_MISSING, 99, 100, 101, 228, 5000]
    assert encode(x, [NetworkInput(2, 100, 127, 6)])[:, 0].tolist() == [-128, -127, -127, -125, 127, 127]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 254), (-1000, 3000), (-FEATURE_MAX, FEATURE_MAX), (7, 7)])
def test_a_piece_runs_from_end_to_end(low: int, high: int) -> None:
    found = piece(1, low, high)
    x = np.zeros((2, N_FEATURES), np.int32)
    x[:, 1] = low, high
    first, last = encode(x, [found])[:, 0].tolist()
    assert first == -127
    assert last >= 125 or high - low < 2


def test_inputs_are_where_the_forest_gains() -> None:
    """Nearly all of the gain is at feature 1 between 100 and 200: that is where its pieces meet."""
    rows = np.random.default_rng(1).uniform(0, 1000, (500, 3)).astype(np.float32)
    tree = {
        "left_children": [1, 3, -1, -1, -1],
        "split_indices": [1, 1, 0, 0, 0],
        "split_conditions": [150.0, 120.0, 0.0, 0.0, 0.0],
        "loss_changes": [100.0, 81.0, 0.0, 0.0, 0.0],
    }
    forest = json.dumps({"learner": {"gradient_booster": {"model": {"trees": [tree]}}}}).encode()
    inputs = choose_inputs(rows, [forest], 3)
    assert [item.feature for item in inputs] == [1, 1, 1]
    assert {item.offset for item in inputs[1:]} == {120, 150}


def test_ticks_begin_by_the_clock_and_not_by_counting() -> None:
    """A gap over several ticks writes once; a clock that wraps is harmless."""
    t_ms = (np.array([0, 4, 9, 10, 11, 45, 46, 50]) * 1000 + 2**32 - 5000).astype(np.uint32)
    assert tick_samples(t_ms, 10_000).tolist() == [0, 3, 5, 7]
    assert tick_numbers(t_ms, 10_000).tolist() == [1, 1, 1, 2, 2, 5, 5, 6]
    samples, writes = rows_with_ticks(t_ms, np.array([4, 6]), network())
    assert samples.tolist() == [0, 3, 4, 5, 6]
    assert writes.tolist() == [True, True, False, True, False]


def test_a_state_is_kept_from_tick_to_tick() -> None:
    t_ms = np.array([0, 5000, 10_000, 15_000], np.uint32)
    out = np.arange(32, dtype=np.int8).reshape(4, 8)
    rows, ticks, kept = replayed(network(), np.zeros((4, N_FEATURES), np.int32), t_ms, out)
    assert rows[:, 2:].tolist() == [[0, 0, 0], [2, 3, 4], [2, 3, 4], [18, 19, 20]]
    assert kept.tolist() == [[2, 3, 4], [2, 3, 4], [18, 19, 20], [18, 19, 20]]
    assert ticks.tolist() == [1, 1, 2, 2]


def test_a_window_moves_by_a_row_a_tick() -> None:
    row = (NetworkInput(2, 0, 127, 0),)
    windowed = network(row=row, n_kept=2, input_bytes=5, kept_zero=-128)
    x = np.zeros((4, N_FEATURES), np.int32)
    x[:, 2] = [1, 2, 0, 1]
    t_ms = np.array([0, 5000, 10_000, 20_000], np.uint32)
    rows, _, _ = replayed(windowed, x, t_ms, np.zeros((4, 8), np.int8))
    assert rows[:, 2:].tolist() == [[-128, -128, 0], [-128, 0, 127], [-128, 0, -127], [0, -127, 0]]


def test_a_byte_that_differs_is_a_mismatch() -> None:
    with pytest.raises(MismatchError, match="session a, sample 1, input byte 0: predictions have 3, the rules give 4"):
        check_inputs(np.array([[1, 2], [3, 2]], np.int8), np.array([[1, 2], [4, 2]]), "a")


@given(st.integers(-128, 127), st.integers(-128, 127), st.integers(1, 2**32 - 1), st.integers(1, 47))
def test_outputs_follow_the_rules(byte: int, zero: int, multiplier: int, shift: int) -> None:
    own = network(root_zero=zero, root_multiplier=multiplier, root_shift=shift, margin_zero=zero)
    out = np.full((1, 8), byte, np.int8)
    root = max(0, byte - zero)
    seconds = min(2**24 - 1, (root * root * multiplier + 2 ** (shift - 1)) // 2**shift)
    assert remaining(own, out).tolist() == network_seconds(own, out).tolist() == [[seconds] * 3]
    assert margins(own, out).tolist() == network_margins(own, out).tolist() == [[(byte - zero) * 6000] * 2]


def test_the_manifest_s_entry_reads_back() -> None:
    assert parse_network(network().entry(), N_FEATURES) == network()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tick_ms": 1}, "tick_ms is 1"),
        ({"kept_at": 3}, "rows end at byte 6 of 5"),
        ({"next_at": 6}, "next state end at byte 9 of 8"),
        ({"roots_at": 6}, "roots end at byte 9 of 8"),
        ({"inputs": [[N_FEATURES, 0, 1, 0]]}, f"feature is {N_FEATURES}"),
        ({"inputs": [[0, 0, 128, 0]]}, "multiplier is 128"),
        ({"inputs": []}, "1 to 255 inputs"),
        ({"file": "../network.tflite"}, "not the name of a file"),
        ({"row": [[0, 0, 1, 0], [1, 0, 1, 0]], "input_bytes": 9}, "3 bytes kept are no whole number of rows of 2"),
    ],
)
def test_an_entry_that_does_not_hold_together_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_network(network().entry() | changes, N_FEATURES)


def test_settings_of_networks_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "wattprint.toml"
    path.write_text('[network]\ntopology = "gru"\nepochs = 3\n')
    assert load_config(path).network.topology == "gru"
    assert Config().network.topology == "dense"
    path.write_text('[network]\ntopology = "tree"\n')
    with pytest.raises(ConfigError, match=r"network.topology must be one of dense, conv, separable, gru, not 'tree'"):
        load_config(path)
