"""Answers from model outputs, by the C core's integer rules (docs/artifact.md)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import HISTORY_FEATURES, EstimateRules, History, Prototypes, check_estimate, check_prototypes
from train.errors import ConfigError
from train.features.core import MAX_DEVICES, feature_names, load_core, pointer

SOFTMAX_SHIFT_MAX = 47
REMAINING_SHIFT_MAX = 24
FLAG_UNKNOWN = 0x01  # WP_FLAG_UNKNOWN of the core


@dataclass(frozen=True)
class AnswerRules:
    """The post-processing of a model; meanings and ranges in docs/artifact.md. Raises ConfigError out of range."""

    n_devices: int
    softmax_multiplier: int = 0  # 0 with one device
    softmax_shift: int = 0
    unknown_below_permille: int = 0
    remaining_shift: int = 0  # output_scale_log2 of the remaining model
    prototypes: Prototypes | None = None
    estimate: EstimateRules | None = None  # None: seconds as they are, of devices without a history

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
        try:
            check_estimate(self.rules)
            if self.prototypes is not None:
                check_prototypes(self.prototypes, feature_names())
        except ValueError as error:
            raise ConfigError(f"answer rules: {error}") from None
        if {len(self.rules.histories), len(self.rules.baselines) or self.n_devices} != {self.n_devices}:
            raise ConfigError(f"answer rules: histories of {len(self.rules.histories)} devices, not {self.n_devices}")

    @cached_property
    def rules(self) -> EstimateRules:
        """The estimate's rules, or what stands in for them."""
        return self.estimate or EstimateRules((History(1, 1, 1),) * self.n_devices)

    @cached_property
    def core_arrays(self) -> dict[str, NDArray[Any]]:
        """The rules as binding.h takes them, under its names."""
        rules, found = self.rules, self.prototypes
        counts = [0, *np.cumsum([len(rows) for rows in found.centres])] if found else [0]
        names = feature_names()
        numbers = [self.n_devices, self.softmax_multiplier, self.softmax_shift, self.unknown_below_permille]
        numbers += [self.remaining_shift, int(rules.of_duration), int(bool(rules.baselines)), rules.smoothing_s]
        numbers += [len(rules.intervals), len(found.features) if found else 0, found.unfamiliar_above if found else 0]
        histories = [(item.duration_s, item.charge_mah, item.power_mw) for item in rules.histories]
        return {
            "numbers": np.array(numbers, np.uint32),
            "history": np.array(histories, np.int32),
            "baseline": np.array([(item.step_s, *item.remaining_s) for item in rules.baselines], np.uint32),
            "interval": np.array([(item.from_s, item.low_s, item.high_s) for item in rules.intervals], np.int64),
            "feature": np.array([names.index(name) for name in found.features] if found else [], np.uint8),
            "shift": np.array(found.shifts if found else [], np.uint8),
            "first": np.array(counts, np.uint16),
            "centre": np.array([row for rows in found.centres for row in rows] if found else [], np.int16),
            "weight": np.array(found.weights if found else [], np.uint16),
        }


@dataclass(frozen=True, slots=True)
class DeviceAnswers:
    """Which device, one entry a row."""

    device: NDArray[np.uint8]  # [n]
    confidence_permille: NDArray[np.uint16]  # [n]
    flags: NDArray[np.uint8]  # [n] WP_FLAG_…
    unfamiliarity: NDArray[np.uint32]  # [n] of the answered device; 0 without prototypes


def device_answers(
    rules: AnswerRules,
    x: NDArray[np.int32],
    margin: NDArray[np.int32],
    elapsed_ms: NDArray[np.integer[Any]],
    phase: NDArray[np.uint8],
) -> DeviceAnswers:
    """Answer n rows of features [n, n_features], margin [n, n_devices], elapsed time [n] and phase [n].

    With one device the margin is not read and may have no columns. Raises ValueError for other shapes.
    """
    n = len(phase)
    columns = rules.n_devices if rules.n_devices > 1 else margin.shape[-1]
    if margin.shape != (n, columns) or x.shape != (n, len(feature_names())) or elapsed_ms.shape != (n,):
        raise ValueError(f"features {x.shape}, margin {margin.shape}, phase {phase.shape} do not fit together")
    found = DeviceAnswers(np.empty(n, np.uint8), np.empty(n, np.uint16), np.empty(n, np.uint8), np.empty(n, np.uint32))
    _call(
        "wp_binding_device",
        rules,
        n,
        _column(x, np.int32),
        _column(margin, np.int32),
        elapsed_ms.astype(np.uint32),
        _column(phase, np.uint8),
        found.device,
        found.confidence_permille,
        found.flags,
        found.unfamiliarity,
    )
    return found


def history_features(rules: AnswerRules, x: NDArray[np.int32], device: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """HISTORY_FEATURES [n, 3] of rows of features [n, n_features] for the answered devices [n]."""
    found = np.empty((len(x), len(HISTORY_FEATURES)), np.int32)
    _call("wp_binding_history", rules, len(x), _column(x, np.int32), device.astype(np.uint8), found)
    return found


def remaining_answers(
    rules: AnswerRules,
    elapsed_ms: NDArray[np.integer[Any]],
    phase: NDArray[np.uint8],
    device: NDArray[np.integer[Any]],
    quantile: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Seconds to full [n, 3] at 10, 50 and 90 %, ascending, of the rows of one charge from its first sample on.

    Between the rows the model is not asked: they must hold every row of `asked_rows`. quantile [n, 3].
    """
    n = len(phase)
    if quantile.shape != (n, 3) or elapsed_ms.shape != (n,) or device.shape != (n,):
        raise ValueError(f"quantile {quantile.shape}, device {device.shape}, phase {phase.shape} do not fit together")
    found = np.empty((n, 3), np.int32)
    _call(
        "wp_binding_remaining",
        rules,
        n,
        elapsed_ms.astype(np.uint32),
        _column(phase, np.uint8),
        device.astype(np.uint8),
        _column(quantile, np.int32),
        found,
    )
    return found


def asked_rows(elapsed_ms: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """Samples of a charge at which the core asks the remaining model, by their elapsed times [n] (with smoothing)."""
    elapsed = elapsed_ms.astype(np.int64)
    slot = np.where(elapsed < 60_000, elapsed // 1000, 54 + elapsed // 10_000)
    return np.flatnonzero(np.diff(slot, prepend=-1) != 0)


def _column(values: NDArray[Any], dtype: type[np.integer[Any]]) -> NDArray[Any]:
    return np.ascontiguousarray(values.astype(dtype, casting="safe", copy=False))


def _call(function: str, rules: AnswerRules, n: int, *arrays: NDArray[Any]) -> None:
    ffi, core = load_core()
    tables = {name: pointer(array) for name, array in rules.core_arrays.items()}
    struct = ffi.new("wp_binding_rules *", tables)
    if getattr(core, function)(struct, n, *map(pointer, arrays)) != 0:
        raise ConfigError(f"answer rules {rules} are refused by the core")
