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
from train.features import AnswerRules, encode, extract, feature_names, state_bytes
from train.models import calibrate
from train.models.answering import remaining_columns
from train.models.crossfit import train_models
from train.models.network.convert import Converted, convert
from train.models.network.encoding import choose_inputs, whole_range
from train.models.network.layers import RECURRENT, Shape
from train.models.network.learn import Lessons, Progress, learn
from train.models.network.run import Runner, margins, remaining, rows_with_ticks
from train.models.network.samples import Ticks, find_ticks, row_samples, windows
from train.models.rows import TrainingRows
from train.models.split import folds
from train.sessions.types import Charge

NETWORK_FILE = "network.tflite"
MARGIN_SCALE_LOG2 = 16
WINDOW_FEATURES = ("voltage_mv", "current_ma", "power_mw", "current_mean_60s_ma")
N_TEACHERS = 3  # each answers the units that the others learn from
ROOM = 1.05  # the largest remaining time there is a number for, beside the largest seen
JUDGED_FROM_S = 60
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
    devices: Sequence[str], config: Config, where: str, progress: Progress,
) -> Trained:  # fmt: skip
    """Train on the rows of some units; with distillation twice, and the better on `judge_units` is kept.

    charges  that `rows` number
    where    names the network in messages

    Raises TrainError without a charge that gets full, ConfigError for sizes that do not go together.
    """
    settings, sizes = config.network, sizes_of(config.network)
    own = np.isin(rows.unit, [rows.units.index(unit) for unit in train_units])
    taught = rows.where(own)
    if not np.any(taught.remaining_s >= 0):
        raise TrainError("no charge to train on gets full: minutes to full cannot be learnt; add charges that do")
    progress("growing forests to choose inputs by")
    forests = train_models(taught, devices, config).files
    inputs = choose_inputs(taught.features, list(forests.values()), sizes.inputs)
    shape = _shape(settings, len(inputs), len(devices))
    row = whole_range(taught.features, [feature_names().index(name) for name in WINDOW_FEATURES[: shape.n_row]])
    tick_ms = FEED_FORWARD_TICK_MS if isinstance(sizes, Dense) else 1000 * sizes.tick_s
    ticks = find_ticks(charges, taught, tick_ms) if shape.n_kept else None
    largest_s = ROOM * float(taught.remaining_s.max())
    lessons = _lessons(shape, taught, ticks, inputs, row, config, largest_s)
    alone = _trained(shape, lessons, settings, inputs, row, tick_ms, largest_s, where, progress)
    judged = _judge(alone, charges, rows.of_units(judge_units))
    if not settings.distil:
        return replace(alone, notes=(f"on calibration units: {judged}",)) if judged else alone
    progress("growing forests to learn from")
    lessons = _with_teacher(lessons, taught, train_units, devices, config, largest_s)
    helped = _trained(shape, lessons, settings, inputs, row, tick_ms, largest_s, where, progress)
    helped_judged = _judge(helped, charges, rows.of_units(judge_units))
    if judged is None or helped_judged is None:
        return replace(alone, notes=("no unit to judge distillation on: trained without it",))
    kept, word = (helped, "with") if helped_judged.loss < judged.loss else (alone, "without")
    note = f"on calibration units, distilled from the forest: {helped_judged}; without it: {judged}; kept: {word}"
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


def _lessons(
    shape: Shape, rows: TrainingRows, ticks: Ticks | None, inputs: Sequence[NetworkInput],
    row: Sequence[NetworkInput], config: Config, largest_s: float,
) -> Lessons:  # fmt: skip
    known = rows.remaining_s >= 0
    device = rows.weight(config.forest.device.early_weight)
    remaining_weight = np.where(known, rows.weight(config.forest.remaining.early_weight), 0)
    recurrent = ticks if shape.topology in RECURRENT else None
    return Lessons(
        inputs=encode(rows.whole_features(), inputs),
        window=windows(rows, ticks, row, shape.n_rows) if ticks is not None and shape.n_row else None,
        ticks=None if recurrent is None else encode(recurrent.x, inputs),
        begins=None if recurrent is None else recurrent.begins,
        before=None if recurrent is None else recurrent.before,
        charge=rows.charge,
        device=rows.device,
        device_weight=(device / device.mean()).astype(np.float32),
        root=_root(rows.remaining_s, largest_s),
        remaining_weight=(remaining_weight / remaining_weight.mean()).astype(np.float32),
        taught_logits=None,
        taught_roots=None,
    )


def _root(seconds: NDArray[np.number], largest_s: float) -> NDArray[np.float32]:
    share = np.clip(seconds.astype(np.float64) / largest_s, 0, 1)
    return np.asarray(np.sqrt(share), dtype=np.float32)


def _with_teacher(
    lessons: Lessons, rows: TrainingRows, units: Sequence[str], devices: Sequence[str], config: Config, largest_s: float
) -> Lessons:
    """What forests say of units that they have not seen; of a unit that none is without, the forest of all."""
    logits = np.zeros((len(rows), max(1, len(devices))), np.float32)
    seconds = np.zeros((len(rows), 3), np.float32)
    groups = folds(units, N_TEACHERS, config.split.seed)
    left = frozenset(units).difference(*groups)
    for group in [*groups, *([left] if left else [])]:
        own = np.isin(rows.unit, [rows.units.index(unit) for unit in group])
        rest = rows.where(~own) if group is not left else rows
        if not np.any(rest.remaining_s >= 0):
            rest = rows
        models = train_models(rest, devices, config)
        teacher, rules = models.forests, AnswerRules(max(1, len(devices)), estimate=models.estimate)
        if teacher.device is not None:
            logits[own] = teacher.device.margins(rows.features[own])
        seconds[own] = teacher.remaining.margins(remaining_columns(rules, rows.features[own], rows.device[own]))
    return replace(lessons, taught_logits=logits, taught_roots=_root(seconds, largest_s))


def _trained(
    shape: Shape, lessons: Lessons, settings: NetworkSettings, inputs: Sequence[NetworkInput],
    row: Sequence[NetworkInput], tick_ms: int, largest_s: float, where: str, progress: Progress,
) -> Trained:  # fmt: skip
    model = learn(shape, lessons, settings, progress)
    progress("converting to int8")
    converted = convert(model, shape, lessons, settings, where)
    return Trained(converted.data, _network(shape, converted, inputs, row, tick_ms, largest_s), ())


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
