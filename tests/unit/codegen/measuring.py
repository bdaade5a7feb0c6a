"""Folders of C to measure, and the targets as parameters of a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codegen.measure_targets import TARGETS

FACE = """#define {NAME}_N_FEATURES 2
#define {NAME}_N_OUTPUTS 1
typedef {type} {name}_feature;
typedef {type} {name}_output;
void {name}_predict(const {name}_feature x[2], {name}_output out[1]);
"""


NETWORK = """#include <stdint.h>
#define NET_INPUT_BYTES 3
#define NET_OUTPUT_BYTES 2
#define NET_ARENA_BYTES 8
#define NET_ARENA_ALIGN 4
void net_reset(void *arena);
void net_invoke(const int8_t input[NET_INPUT_BYTES], int8_t output[NET_OUTPUT_BYTES], void *arena);
"""
NETWORK_C = """#include "net.h"
typedef struct sums { int32_t x; int32_t calls; } sums;
void net_reset(void *arena) { *(sums *)arena = (sums){0, 0}; }
void net_invoke(const int8_t input[NET_INPUT_BYTES], int8_t output[NET_OUTPUT_BYTES], void *arena)
{
    sums *s = arena;
    s->x += input[0] + input[1] + input[2];
    s->calls++;
    output[0] = (int8_t)s->x;
    output[1] = (int8_t)s->calls;
}
"""


def network(folder: Path) -> Path:
    """A stand-in for a compiled network: it sums all it has seen, in its arena."""
    folder.mkdir()
    (folder / "net.h").write_text(NETWORK)
    (folder / "net.c").write_text(NETWORK_C)
    return folder


def on_targets(*, but: tuple[str, ...] = ()) -> list[object]:
    """Every target as a parameter, with the mark of the ring it belongs to and the programs it needs."""
    return [
        pytest.param(name, marks=pytest.mark.qemu(*target.programs) if target.emulator else pytest.mark.parity)
        for name, target in TARGETS.items()
        if name not in but
    ]


def reference(path: Path, n_samples: int, n_charges: int) -> Path:
    ends = np.linspace(0, n_samples, n_charges + 1).astype(np.int64)
    seconds = np.arange(n_samples)
    voltage = np.full(n_samples, 5000)
    with path.open("wb") as stream:
        np.savez(stream, offsets=ends, t_ms=seconds * 1000, voltage_mv=voltage, current_ma=seconds % 3000)
    return path
