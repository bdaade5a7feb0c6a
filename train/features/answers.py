"""Answers from model outputs, by the C core's integer rules (docs/artifact.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.errors import ConfigError
from train.features.core import MAX_DEVICES, load_core, pointer

SOFTMAX_SHIFT_MAX = 47
REMAINING_SHIFT_MAX = 24


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """The post-processing of a model; meanings and ranges in docs/artifact.md. Raises ConfigError out of range."""

    n_devices: int
    softmax_multiplier: int  # 0 with one device
    softmax_shift: int
    unknown_below_permille: int
    remaining_shift: int  # output_scale_log2 of the remaining model
    remaining_offset_s: tuple[int, int, int]

    def __post_init__(self) -> None:
        ranges = {
            "n_devices": (1, MAX_DEVICES),
            "softmax_multiplier": (0, 2**32 - 1),
            "softmax_shift": (0, SOFTMAX_SHIFT_MAX),
            "unknown_below_permille": (0, 2**16 - 1),
            "remaining_shift": (0, REMAINING_SHIFT_MAX),
        }
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"answer rules: {name} is {getattr(self, name)}, it must lie in {least} … {most}")
        if any(not -(2**31) <= offset < 2**31 for offset in self.remaining_offset_s):
            raise ConfigError(f"answer rules: remaining_offset_s {self.remaining_offset_s} does not fit 32 bits")


@dataclass(frozen=True, slots=True)
class Answers:
    """What the board answers, one entry a row."""

    device: NDArray[np.uint8]  # [n]
    confidence_permille: NDArray[np.uint16]  # [n]
    remaining_s: NDArray[np.int32]  # [n, 3] at 10, 50, 90 %, ascending
    flags: NDArray[np.uint8]  # [n] WP_FLAG_…


def answers(
    rules: AnswerRules, margin: NDArray[np.int32], quantile: NDArray[np.int32], phase: NDArray[np.uint8]
) -> Answers:
    """Answer n rows of margin [n, n_devices], quantile [n, 3] and phase [n].

    With one device the margin is not read and may have no columns. Raises ValueError for other shapes.
    """
    _, core = load_core()
    n = len(phase)
    columns = rules.n_devices if rules.n_devices > 1 else margin.shape[-1]
    if margin.shape != (n, columns) or quantile.shape != (n, 3) or phase.shape != (n,):
        raise ValueError(f"margin {margin.shape}, quantile {quantile.shape}, phase {phase.shape} do not fit together")
    result = Answers(np.empty(n, np.uint8), np.empty(n, np.uint16), np.empty((n, 3), np.int32), np.empty(n, np.uint8))
    numbers = (rules.softmax_multiplier, rules.softmax_shift, rules.unknown_below_permille, rules.remaining_shift)
    status = core.wp_binding_answers(
        n,
        pointer(np.array([rules.n_devices, *numbers], np.uint32)),
        pointer(np.array(rules.remaining_offset_s, np.int32)),
        pointer(np.ascontiguousarray(margin.astype(np.int32, casting="safe", copy=False))),
        pointer(np.ascontiguousarray(quantile.astype(np.int32, casting="safe", copy=False))),
        pointer(np.ascontiguousarray(phase.astype(np.uint8, casting="safe", copy=False))),
        pointer(result.device),
        pointer(result.confidence_permille),
        pointer(result.remaining_s),
        pointer(result.flags),
    )
    if status != 0:
        raise ConfigError(f"answer rules {rules} are refused by the core")
    return result
