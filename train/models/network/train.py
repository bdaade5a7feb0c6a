"""From rows to an int8 network: inputs, teacher, training with it and without, conversion, and which to keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.artifact_network import STATE_MAX_BYTES, TICKS_BYTES, Network, NetworkInput
from train.config import Config, Dense, NetworkSettings, Recurrent, Windowed
from train.errors import ConfigError, TrainError
from train.features import extract, feature_names, state_bytes
from train.models import calibrate
from train.models.network.convert import Converted, convert
from train.models.network.encoding import choose_inputs, piece, whole_range
from train.models.network.layers import Shape
from train.models.network.learn import Progress, learn
from train.models.network.lessons import Lessons, lessons_of
from train.models.network.run import Runner, margins, remaining, rows_with_ticks
from train.models.network.samples import find_ticks, row_samples
from train.models.network.source import MemorySource, Source, StoredSource
from train.models.network.spool import Spool
from train.models.rows import TrainingRows
from train.sessions.types import Charge

NETWORK_FILE = "network.tflite"
MARGIN_SCALE_LOG2 = 16
WINDOW_FEATURES = ("voltage_mv", "current_ma", "power_mw", "current_mean_60s_ma")
JUDGED_FROM_S = 60
BEGUN_S = 30  # one input counts up to it: it tells what is still missing from what is low, -128 from -127
FEED_FORWARD_TICK_MS = 60_000  # counted, but nothing is kept


@dataclass(frozen=True, slots=True)
class Trained:
    """An int8 network, and what training must say of it."""

    data: bytes
    network: Network
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merit:
    """How an int8 network does on units it was not trained on; every charge weighs the same."""

    accuracy: float | None  # from JUDGED_FROM_S on; None with one device
    mae_minutes: float
    loss: float  # to choose by

    def __str__(self) -> str:
        device = "" if self.accuracy is None else f"device right {100 * self.accuracy:.1f} %, "
        return f"{device}minutes to full {self.mae_minutes:.1f} off"


def train_network(
    charges: Sequence[Charge], rows: TrainingRows, train_units: Sequence[str], judge_units: Sequence[str],
    devices: Sequence[str], config: Config, where: str, progress: Progress, stored: StoredSource | None = None,
) -> Trained:  # fmt: skip
    """Train on the rows of some units; with distillation twice, and the better on `judge_units` is kept.

    charges  that `rows` number
    where    names the network in messages
    stored   all rows of the units, of which `rows` are then a sample: for ranges, and to judge by

    Raises TrainError without a charge that gets full, ConfigError for sizes that do not go together.
    """
    settings, sizes = config.network, sizes_of(config.network)
    taught = rows.of_units(train_units)
    if not np.any(taught.remaining_s >= 0):
        raise TrainError("no charge to train on gets full: minutes to full cannot be learnt; add charges that do")
    source: Source = MemorySource(taught, devices, config) if stored is None else stored.with_sample(taught)
    progress("growing forests to choose inputs by")
    begun = piece(feature_names().index("elapsed_s"), 0, BEGUN_S)
    forests = list(source.models(train_units).files.values())
    inputs = (begun, *choose_inputs(taught.features, forests, sizes.inputs - 1))
    shape = _shape(settings, len(inputs), len(devices))
    row = whole_range(taught.features, [feature_names().index(name) for name in WINDOW_FEATURES[: shape.n_row]])
    tick_ms = FEED_FORWARD_TICK_MS if isinstance(sizes, Dense) else 1000 * sizes.tick_s
    ticks = find_ticks(charges, taught, tick_ms) if shape.n_kept else None
    sample = lessons_of(shape, taught, ticks, inputs, row, config)
    if settings.distil:
        progress("growing forests to learn from")
    with source.lessons(sample, inputs, train_units) as lessons:
        encoding = _Encoding(shape, sample, inputs, row, tick_ms, lessons.largest_s, where)
        alone = _trained(encoding, lessons, settings, 0.0, progress)
        judged = _judge(alone, charges, rows.of_units(judge_units))
        if not settings.distil:
            return replace(alone, notes=(f"on calibration units: {judged}",)) if judged else alone
        helped = _trained(encoding, lessons, settings, settings.distil, progress)
    helped_judged = _judge(helped, charges, rows.of_units(judge_units))
    if judged is None or helped_judged is None:
        return replace(alone, notes=("no unit to judge distillation on: trained without it",))
    kept, word = (helped, "with") if helped_judged.loss < judged.loss else (alone, "without")
    note = f"on calibration units, distilled from {source.teacher}: {helped_judged}; without it: {judged}; kept: {word}"
    return replace(kept, notes=(note,))


def network_outputs(
    trained: Trained, charges: Sequence[Charge], rows: TrainingRows
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Integer outputs of both kinds, [n, n_margins] and [n, 3], at rows that lie charge by charge."""
    network, runner = trained.network, Runner(trained.data, trained.network)
    out, chosen = np.empty((len(rows), network.output_bytes), np.int8), row_samples(charges, rows)
    for number in np.unique(rows.charge):
        own = np.flatnonzero(rows.charge == number)
        samples, writes = rows_with_ticks(charges[number].t_ms, chosen[own], network)
        found = runner.charge(extract(charges[number], samples).x, writes)[1]
        out[own] = found[np.searchsorted(samples, chosen[own])]
    return margins(network, out), remaining(network, out)


def _shape(settings: NetworkSettings, n_inputs: int, n_devices: int) -> Shape:
    """The shape that the settings ask for; raises ConfigError for what has no room or does not go together."""
    sizes = sizes_of(settings)
    windowed = sizes if isinstance(sizes, Windowed) else None
    shape = Shape(
        topology=settings.topology,
        n_inputs=n_inputs,
        n_row=len(WINDOW_FEATURES) if windowed else 0,
        n_rows=windowed.rows if windowed else 0,
        n_devices=n_devices if n_devices > 1 else 0,
        units=sizes.units,
        hidden=sizes.hidden,
        filters=windowed.filters if windowed else 0,
        kernel=windowed.kernel if windowed else 0,
    )
    section, room = f"network.{settings.topology}", STATE_MAX_BYTES - state_bytes() - TICKS_BYTES
    if shape.n_kept > room:
        what = "rows" if windowed else "units"
        raise ConfigError(f"{section}.{what}: {shape.n_kept} bytes to keep, the state has room for {room}; lower it")
    if windowed and (windowed.rows - windowed.kernel) // 2 + 1 < 3:
        raise ConfigError(f"{section}.kernel {windowed.kernel}: too long for {windowed.rows} rows; lower it")
    return shape


def sizes_of(settings: NetworkSettings) -> Dense | Windowed | Recurrent:
    """The sizes of the topology chosen."""
    sizes: Dense | Windowed | Recurrent = getattr(settings, settings.topology)
    return sizes


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How a network meets features: its shape, inputs, some rows of them, and what its roots stand for."""

    shape: Shape
    sample: Lessons
    inputs: Sequence[NetworkInput]
    row: Sequence[NetworkInput]
    tick_ms: int
    largest_s: float
    where: str


def _trained(
    how: _Encoding, lessons: Lessons | Spool, settings: NetworkSettings, distil: float, progress: Progress
) -> Trained:
    model = learn(how.shape, lessons, settings, distil, progress)
    progress("converting to int8")
    converted = convert(model, how.shape, how.sample, settings, how.where)
    return Trained(converted.data, _network(how.shape, converted, how.inputs, how.row, how.tick_ms, how.largest_s), ())


def _network(
    shape: Shape, found: Converted, inputs: Sequence[NetworkInput], row: Sequence[NetworkInput], tick_ms: int,
    largest_s: float,
) -> Network:  # fmt: skip
    """How the graph's bytes are written and read; multipliers hold 22 and 32 bits."""
    kept = found.inputs.get("window", found.inputs.get("state"))
    device, roots, following = found.outputs.get("device"), found.outputs["remaining"], found.outputs.get("state")
    seconds = roots.scale**2 * largest_s  # of a step of the root, squared
    shift = min(47, 31 - math.floor(math.log2(seconds)))
    return Network(
        file=NETWORK_FILE,
        topology=shape.topology,
        inputs=tuple(inputs),
        row=tuple(row),
        input_bytes=found.input_bytes,
        output_bytes=found.output_bytes,
        inputs_at=found.inputs["features"].at,
        kept_at=kept.at if kept else 0,
        n_kept=shape.n_kept,
        kept_zero=-128 if shape.n_row else 0,
        tick_ms=tick_ms,
        margins_at=device.at if device else 0,
        n_margins=shape.n_devices,
        margin_zero=device.zero_point if device else 0,
        margin_multiplier=round(device.scale * 2**MARGIN_SCALE_LOG2) if device else 0,
        roots_at=roots.at,
        root_zero=roots.zero_point,
        root_multiplier=round(seconds * 2.0**shift),
        root_shift=shift,
        next_at=following.at if following else 0,
    )


def _judge(trained: Trained, charges: Sequence[Charge], rows: TrainingRows) -> Merit | None:
    """The int8 network on rows; None when there is none of known remaining time."""
    known = rows.remaining_s >= 0
    if not np.any(known):
        return None
    margin, seconds = network_outputs(trained, charges, rows)
    weight = calibrate.charge_weights(rows.charge)
    error = rows.remaining_s[known] - np.sort(seconds[known].astype(np.int64), axis=1).T
    own = calibrate.charge_weights(rows.charge[known])
    mae = float(np.average(np.abs(error[1]), weights=own)) / 60
    if not trained.network.n_margins:
        return Merit(None, mae, mae)
    late = rows.elapsed_s >= JUDGED_FROM_S
    right = np.argmax(margin, axis=1) == rows.device
    accuracy = float(np.average(right[late], weights=weight[late])) if np.any(late) else 0.0
    everywhere = float(np.average(right, weights=rows.weight(10.0)))
    return Merit(accuracy, mae, mae / 10 + 10 * (1 - everywhere))
