"""The baseline on durations one can check in the head."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from train.artifact import Artifact, load_artifact

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    durations = {"phone": (100, 200, 301, 1000), "tablet": ()}
    return replace(load_artifact(ROOT / "artifacts" / "default"), full_durations_s=durations)


@pytest.mark.parametrize(
    ("elapsed_s", "remaining_s"),
    [
        (0, 250),  # of four the mean of 200 and 301, rounded down
        (99, 151),
        (100, 201),  # the one of 100 s has ended: the middle of three is 301
        (200, 450),  # (301 + 1000) // 2 - 200
        (999, 1),
        (1000, 0),
        (5000, 0),
    ],
)
def test_median_of_those_still_running(artifact: Artifact, elapsed_s: int, remaining_s: int) -> None:
    assert artifact.baseline_remaining_s("phone", elapsed_s) == remaining_s


@pytest.mark.parametrize("device", ["tablet", "never seen"])
def test_nothing_known_is_zero(artifact: Artifact, device: str) -> None:
    assert artifact.baseline_remaining_s(device, 10) == 0
