"""Advice on a charge, by the C of firmware/lib/advice (docs/advice.md)."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.features.core import ADVICE, BINDING, ROOT, build_library, open_library

STOP, LATER, SLOWLY = 1, 2, 4  # wishes
COLUMNS = (
    *("stop", "late", "start_in_s", "limit_ma", "ready_in_10_s", "ready_in_50_s", "ready_in_90_s"),
    *("on", "on_limit_ma"),
)


@dataclass(frozen=True, slots=True)
class AdviceSettings:
    """wp_advice_settings, field by field; without arguments those of wp_advice_defaults."""

    wishes: int = 0
    to_target: int = 0
    least_ma: int = 6000
    most_ma: int = 16000
    step_ma: int = 1000
    observe_s: int = 300
    margin_s: int = 900
    on_s: int = 600
    off_s: int = 600
    change_s: int = 600
    confirm_s: int = 60


@dataclass(frozen=True, slots=True)
class Advice:
    """One row an update."""

    table: NDArray[np.int32]  # [n, len(COLUMNS)]
    told: NDArray[np.int32]  # [n + 1, 3]: calls of `enable`, the latest's on and limit; the last row at the end

    def column(self, name: str) -> NDArray[np.int32]:
        """One column, [n]."""
        return self.table[:, COLUMNS.index(name)]


@cache
def load_advice() -> tuple[Any, Any]:
    """(ffi, library) of this checkout's firmware/lib/advice. Raises BuildError."""
    return open_library(build_advice(), "advice_binding.h")


def build_advice(root: Path = ROOT) -> Path:
    """Compile it unless it is compiled already; return the shared library. Raises BuildError."""
    sources = [*sorted((root / ADVICE / "src").glob("*.c")), root / BINDING / "advice_binding.c"]
    return build_library(root, sources, "wattprint_advice")


def default_settings() -> AdviceSettings:
    """What wp_advice_defaults says."""
    ffi, library = load_advice()
    values = ffi.new("int32_t[11]")
    library.wp_advice_binding_defaults(values)
    return AdviceSettings(*values)


def advise(settings: AdviceSettings, inputs: NDArray[np.int64], begin_s: int) -> Advice:
    """Advice of one charge after each of its inputs.

    inputs [n, 10]: now_s, asks, ready_in_s, drawing, current_ma, full_s at 10, 50, 90 %, target_s at 50 and 90 %.
    Raises ValueError where the C refuses the settings.
    """
    ffi, library = load_advice()
    table = np.zeros((len(inputs), len(COLUMNS)), dtype=np.int32)
    told = np.zeros((len(inputs) + 1, 3), dtype=np.int32)
    refused = library.wp_advice_binding_run(
        begin_s % 2**32,
        ffi.new("int32_t[11]", [int(value) for value in astuple(settings)]),
        len(inputs),
        ffi.from_buffer("int64_t[]", np.ascontiguousarray(inputs, dtype=np.int64)),
        ffi.from_buffer("int32_t[]", table, require_writable=True),
        ffi.from_buffer("int32_t[]", told, require_writable=True),
    )
    if refused:
        raise ValueError("the settings of the advice are out of their bounds")
    return Advice(table, told)
