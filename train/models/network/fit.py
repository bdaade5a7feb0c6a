"""A network as an artifact: train, convert, and answer the units it has not seen (train.models.fit does the rest)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict

import numpy as np

from train.answer_rules import EstimateRules
from train.config import Config
from train.models.crossfit import N_FOLDS, PHASE_FULL, CourseRows, UnseenAnswers, joined_courses
from train.models.history import histories
from train.models.learnt import Learnt
from train.models.network.learn import Progress
from train.models.network.train import MARGIN_SCALE_LOG2, NETWORK_FILE, Trained, network_outputs, train_network
from train.models.rows import TrainingRows
from train.models.split import UnitSplit, folds
from train.sessions.types import Charge


def learn_network(
    charges: Sequence[Charge], rows: TrainingRows, parts: UnitSplit, devices: Sequence[str], config: Config,
    where: str, progress: Progress,
) -> Learnt:  # fmt: skip
    """Train a network on the rows of `charges` and calibrate it; raises TrainError, ConfigError as train_network."""
    file = f"{where}/{NETWORK_FILE}"
    trained = train_network(charges, rows, parts.train, parts.calibration, devices, config, file, progress)
    scale = {"file": NETWORK_FILE, "leaf_bits": None}
    return Learnt(
        kind="network",
        files={NETWORK_FILE: trained.data},
        device_model=scale | {"output_scale_log2": MARGIN_SCALE_LOG2} if len(devices) > 1 else None,
        remaining_model=scale | {"output_scale_log2": 0},
        unseen=_unseen(trained, charges, rows, parts, devices, config, file, progress),
        estimate=EstimateRules(histories(rows.of_units(parts.train), len(devices))),
        training={"network": asdict(config.network), "forest": asdict(config.forest)},
        sizes={"bytes of .tflite": len(trained.data), "inputs": len(trained.network.inputs)},
        versions=("numpy", "tensorflow", "tf_keras", "xgboost"),
        notes=trained.notes,
        entries={"network": trained.network.entry()},
    )


def _unseen(
    final: Trained, charges: Sequence[Charge], rows: TrainingRows, parts: UnitSplit, devices: Sequence[str],
    config: Config, where: str, progress: Progress,
) -> UnseenAnswers:  # fmt: skip
    """As train.models.crossfit.unseen_answers: with few calibration units, networks of the others answer the rest."""
    answered = [_answers(final, charges, rows.of_units(parts.calibration))]
    units = len(parts.calibration)
    left_out = folds(parts.train, N_FOLDS, config.split.seed) if units < config.split.enough_calibration_units else []
    for number, group in enumerate(left_out):
        rest: Collection[str] = set(parts.train) - group
        if not np.any(rows.of_units(rest).remaining_s >= 0):
            continue

        def step(text: str, number: int = number) -> None:
            progress(f"left out, {number + 1} of {len(left_out)}: {text}")

        model = train_network(charges, rows, sorted(rest), parts.calibration, devices, config, where, step)
        answered.append(_answers(model, charges, rows.of_units(group)))
        units += len(group)
    return UnseenAnswers(
        rows=TrainingRows.concatenate([part.rows for part in answered]),
        device_margin=np.concatenate([part.device_margin for part in answered]),
        unfamiliarity=np.concatenate([part.unfamiliarity for part in answered]),
        course=joined_courses([part.course for part in answered]),
        n_units=units,
    )


def _answers(trained: Trained, charges: Sequence[Charge], rows: TrainingRows) -> UnseenAnswers:
    margin, seconds = network_outputs(trained, charges, rows)
    known = (rows.remaining_s >= 0) & (rows.phase != PHASE_FULL)
    course = CourseRows(
        elapsed_s=rows.elapsed_s[known].astype(np.int64),
        quantile_s=seconds[known].astype(np.int64),
        remaining_s=rows.remaining_s[known].astype(np.int64),
        charge=rows.charge[known],
    )
    nothing = np.zeros(len(rows), np.uint32)
    return UnseenAnswers(rows, margin.astype(np.float64) * 2.0**-MARGIN_SCALE_LOG2, nothing, course, 0)
