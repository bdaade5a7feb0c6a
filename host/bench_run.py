"""`python -m host bench`: what an answer costs on a board."""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from host.bench import Timing, figure, measure, thinned, to_json
from host.board import link_of
from host.messages import Hello
from host.progress import counting
from host.samples import load_charges
from host.session import Measurement, Session

MADE_UP_S = 3 * 3600
"""Length of the charge that is timed when none is given."""


def run(args: argparse.Namespace) -> int:
    """Time the answers; returns 0."""
    samples, period_s, what = _charge(args)
    samples = thinned(samples, args.samples)
    with link_of(args) as link, counting("timing answers", len(samples)) as advance:
        session = Session(link, on_log=lambda line: print(f"board: {line}", file=sys.stderr))
        hello = session.open()
        timing = measure(session, samples, period_s, advance)
    if args.json:
        print(json.dumps(_facts(args.port, hello, timing), indent=1))
    else:
        print("\n".join(_lines(args.port, hello, timing, what)))
    return 0


def made_up(seconds: int = MADE_UP_S) -> list[Measurement]:
    """A charge at one sample a second: constant current for its first third, then a taper; noise as a meter has it."""
    source = random.Random(seconds)  # noqa: S311 (to be the same each time)
    found = []
    for t_s in range(seconds):
        share = max(0.0, t_s / seconds - 1 / 3)
        current_ma = 40 + 2960 * math.exp(-8 * share)
        found.append(
            Measurement(1000 * t_s, 9000 + source.randrange(-20, 21), round(current_ma) + source.randrange(-8, 9))
        )
    return found


def _charge(args: argparse.Namespace) -> tuple[Sequence[Measurement], float, str]:
    if args.data is None:
        return made_up(), 1.0, f"a made-up charge of {MADE_UP_S // 3600} h"
    charge = load_charges(args.data, args.session, 1)[0]
    t_ms = np.array([sample.t_ms for sample in charge.samples], dtype=np.int64)
    period_s = float(np.median(np.diff(t_ms) % 2**32)) / 1000 if len(t_ms) > 1 else 0.0
    return charge.samples, period_s, f"charge {charge.session}"


def _facts(port: str, hello: Hello, timing: Timing) -> dict[str, Any]:
    return {"port": port, "model_hash": hello.model_hash, "firmware_version": hello.version, **to_json(timing)}


def _lines(port: str, hello: Hello, timing: Timing, what: str) -> Iterator[str]:
    yield f"board    model {hello.model_hash}, firmware {hello.version}"
    yield f"{'an answer':14}{'mean':>10}{'50 %':>10}{'99 %':>10}{'most':>10}"
    for spread in filter(None, (timing.instructions, timing.micros)):
        cells = (spread.mean, spread.p50, spread.p99, spread.largest)
        yield f"{spread.unit:14}" + "".join(f"{figure(value):>10}" for value in cells)
    if timing.share_of_period is not None:
        yield f"the longest is {100 * timing.share_of_period:.2g} % of the {timing.period_s:g} s between samples"
    if timing.stack_bytes is not None:
        yield f"deepest stack: {timing.stack_bytes} bytes"
    yield f"{port}: {timing.samples} answers timed, over {what}, one at a time"
