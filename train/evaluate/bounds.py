"""How far the board's model is from what could be: an unbounded float model, one that is told the state of charge, and
the figures a split by row would show.

All learn from the same units and are scored on the same held-out rows; what they are told of the device is what the
board's own classifier answers. Scored are raw medians: the board's smoothing over time is left out of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.config import Config
from train.evaluate.moments import Moments, moments
from train.features import AnswerRules
from train.models.answering import remaining_columns
from train.models.crossfit import Trained, train_models
from train.models.rows import TrainingRows
from train.models.split import UnitSplit, split_units
from train.models.unbounded import LabelledRows, unbounded_device, unbounded_median
from train.sessions.types import Charge

DEVICE_ROWS_UNTIL_S = 600  # the unbounded classifier learns from these: later rows hardly differ, and are most
ROW_SPLIT_TESTED = 0.2


def bounds(
    charges: Sequence[Charge],
    config: Config,
    progress: Callable[[str], None],
    apart: Callable[[Charge], bool] = lambda _: False,
) -> list[dict[str, Any]]:
    """A row for each model: `model`, `accuracy` and `mae_minutes` by horizon (docs/evaluation.md, Bounds).

    `accuracy_apart` is that of all charges but those which are set `apart`.
    """
    units = [charge.unit_key for charge in charges]
    shares, seed = config.split, config.forest.seed
    split = split_units(units, shares.calibration, shares.held_out, shares.seed)
    devices = tuple(sorted({unit.partition("/")[0] for unit in split.train}))
    progress("features")
    found = moments(charges, devices)
    train, stop, scored = (found.of_units(part) for part in (split.train, split.calibration, split.held_out))
    progress("the board's models")
    board = train_models(train.rows, devices, config)
    answered = _answered(board, scored.rows)
    rules = AnswerRules(len(devices), estimate=board.estimate)
    columns = remaining_columns(rules, scored.rows.features, answered)
    table = [
        _row("baseline", scored, None, _baseline(charges, split, devices, scored.rows, answered)),
        _row("as on the board", scored, answered, board.forests.remaining.margins(columns)[:, 1]),
    ]
    progress("unbounded: device")
    early = [_labelled(part.where(part.rows.elapsed_s <= DEVICE_ROWS_UNTIL_S), None) for part in (train, stop)]
    device = unbounded_device(early[0], early[1], scored.rows.features, len(devices), seed)
    progress("unbounded: minutes")
    learnt = [_labelled(part, rules) for part in (train, stop)]
    table.append(_row("unbounded float", scored, device, unbounded_median(learnt[0], learnt[1], columns, seed)))
    if not np.isnan(found.soc_pct).all():
        progress("unbounded, given the state of charge")
        told = [_with(_labelled(part, rules), part) for part in (train, stop)]
        given = np.column_stack([columns, scored.soc_pct]).astype(np.float32)
        table.append(_row("unbounded, SoC given", scored, None, unbounded_median(told[0], told[1], given, seed)))
    others = ~np.array([apart(charge) for charge in charges], np.bool_)[scored.rows.charge]
    for row, named in zip(table[1:3], (answered, device), strict=True):
        told = (named == scored.rows.device).astype(np.float64)
        row["accuracy_apart"] = scored.where(others).mean(told[others])
    progress("the leaky split by row")
    return [*table, leaky_rows(found, rules, seed)]


def leaky_rows(found: Moments, rules: AnswerRules, seed: int) -> dict[str, Any]:
    """What an unbounded model shows when rows are split at random, rows of one charge on both sides: a mistake."""
    random = np.random.default_rng(seed)
    tested = random.random(len(found.rows)) < ROW_SPLIT_TESTED
    stop = ~tested & (random.random(len(found.rows)) < ROW_SPLIT_TESTED)
    learnt, watched = (_labelled(found.where(part), rules) for part in (~tested & ~stop, stop))
    scored = found.where(tested)
    columns = remaining_columns(rules, scored.rows.features, scored.rows.device)
    seconds = unbounded_median(learnt, watched, columns, seed)
    return _row("leaky: split by row", scored, None, seconds)


def _answered(board: Trained, rows: TrainingRows) -> NDArray[np.intp]:
    """The devices [n] that the board's classifier names."""
    if board.forests.device is None:
        return np.zeros(len(rows), np.intp)
    return np.asarray(board.forests.device.margins(rows.features).argmax(axis=1), np.intp)


def _baseline(
    charges: Sequence[Charge], split: UnitSplit, devices: Sequence[str], rows: TrainingRows, answered: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Median duration of the answered device's training charges that lasted longer, less the time gone by; [n] s."""
    from train.sessions.labels import full_t_ms

    durations: list[list[int]] = [[] for _ in devices]
    for charge in charges:
        at_ms = full_t_ms(charge) if charge.unit_key in split.train else None
        if at_ms is not None:
            durations[devices.index(charge.device)].append((at_ms - int(charge.t_ms[0])) // 1000)
    tables = [np.sort(np.array(values)) for values in durations]
    left = np.zeros(len(rows))
    for row, (device, elapsed) in enumerate(zip(answered, rows.elapsed_s, strict=True)):
        longer = tables[device][np.searchsorted(tables[device], elapsed, side="right") :]
        left[row] = np.median(longer) - elapsed if len(longer) else 0.0
    return left


def _labelled(part: Moments, rules: AnswerRules | None) -> LabelledRows:
    """Rows for the device, or with `rules` those of known time to full, with the history of their device behind."""
    rows = part.rows
    if rules is None:
        return LabelledRows(rows.features, rows.device, rows.weight(10.0))
    rows = rows.where(rows.remaining_s >= 0)
    return LabelledRows(remaining_columns(rules, rows.features, rows.device), rows.remaining_s, rows.weight(4.0))


def _with(labelled: LabelledRows, part: Moments) -> LabelledRows:
    soc = part.soc_pct[part.rows.remaining_s >= 0]
    return LabelledRows(np.column_stack([labelled.columns, soc]).astype(np.float32), labelled.label, labelled.weight)


def _row(name: str, scored: Moments, device: NDArray[np.intp] | None, seconds: NDArray[np.floating]) -> dict[str, Any]:
    truth = scored.rows.remaining_s
    error = np.where(truth >= 0, np.abs(np.maximum(seconds, 0) - truth) / 60, np.nan)
    right = {} if device is None else scored.mean((device == scored.rows.device).astype(np.float64))
    return {"model": name, "accuracy": right, "mae_minutes": scored.mean(error)}
