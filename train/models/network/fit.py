"""A network as an artifact: train, convert, and answer the units it has not seen (train.models.fit does the rest)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from functools import partial

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import EstimateRules
from train.config import Config
from train.errors import ConfigError
from train.features import AnswerRules, device_answers, remaining_answers
from train.models.courses import Asked, courses, elapsed_ms_of, joined_courses
from train.models.crossfit import N_FOLDS, UnseenAnswers
from train.models.history import histories
from train.models.learnt import Learnt
from train.models.network.learn import Progress
from train.models.network.run import Runner, network_outputs_at
from train.models.network.source import StoredSource
from train.models.network.train import MARGIN_SCALE_LOG2, NETWORK_FILE, Trained, network_outputs, train_network
from train.models.prototypes import fit_prototypes
from train.models.rows import TrainingRows
from train.models.split import UnitSplit, folds
from train.sessions.types import Charge


def learn_network(
    charges: Sequence[Charge], rows: TrainingRows, parts: UnitSplit, devices: Sequence[str], config: Config,
    where: str, progress: Progress, stored: StoredSource | None = None,
) -> Learnt:  # fmt: skip
    """Train a network on the rows of `charges`, or on all that are stored, and calibrate it on these.

    Raises TrainError, ConfigError as train_network, and ConfigError for stored rows of a network that needs more.
    """
    if stored is not None and config.network.topology != "dense":
        raise ConfigError(
            f"network.topology {config.network.topology}: sees moments between the stored rows; leave --rows out, "
            "or take dense"
        )
    if stored is not None and stored.labels is not None and not config.network.distil:
        raise ConfigError("network.distil 0: nothing would be learnt from --teacher; raise it, or leave --teacher out")
    file = f"{where}/{NETWORK_FILE}"
    trained = train_network(charges, rows, parts.train, parts.calibration, devices, config, file, progress, stored)
    scale = {"file": NETWORK_FILE, "leaf_bits": None}
    rules = _rules(rows.of_units(parts.train), len(devices), config)
    return Learnt(
        kind="network",
        files={NETWORK_FILE: trained.data},
        device_model=scale | {"output_scale_log2": MARGIN_SCALE_LOG2} if len(devices) > 1 else None,
        remaining_model=scale | {"output_scale_log2": 0},
        unseen=_unseen(trained, rules, charges, rows, parts, devices, config, file, progress),
        estimate=rules.rules,
        prototypes=rules.prototypes,
        training={"network": asdict(config.network), "forest": asdict(config.forest)},
        sizes={"bytes of .tflite": len(trained.data), "inputs": len(trained.network.inputs)},
        versions=("numpy", "tensorflow", "tf_keras", "xgboost"),
        notes=trained.notes,
        entries={"network": trained.network.entry()},
    )


def _rules(taught: TrainingRows, n_devices: int, config: Config) -> AnswerRules:
    """What outputs become answers by, as far as rows to train on tell it: as of forests, but for histories as inputs.

    A network tells device and minutes at once, so the latter cannot be told of the device's history.
    """
    return AnswerRules(
        n_devices,
        prototypes=fit_prototypes(taught, n_devices, config.network.seed) if n_devices > 1 else None,
        estimate=EstimateRules(histories(taught, n_devices), smoothing_s=config.network.smoothing_s),
    )


def _unseen(
    final: Trained, rules: AnswerRules, charges: Sequence[Charge], rows: TrainingRows, parts: UnitSplit,
    devices: Sequence[str], config: Config, where: str, progress: Progress,
) -> UnseenAnswers:  # fmt: skip
    """As train.models.crossfit.unseen_answers: with few calibration units, networks of the others answer the rest."""
    answered = [_answers(final, charges, rows.of_units(parts.calibration), rules)]
    units = len(parts.calibration)
    left_out = folds(parts.train, N_FOLDS, config.split.seed) if units < config.split.enough_calibration_units else []
    for number, group in enumerate(left_out):
        rest: Collection[str] = set(parts.train) - group
        if not np.any(rows.of_units(rest).remaining_s >= 0):
            continue

        def step(text: str, number: int = number) -> None:
            progress(f"left out, {number + 1} of {len(left_out)}: {text}")

        model = train_network(charges, rows, sorted(rest), parts.calibration, devices, config, where, step)
        others = _rules(rows.of_units(rest), len(devices), config)
        answered.append(_answers(model, charges, rows.of_units(group), others))
        units += len(group)
    return UnseenAnswers(
        rows=TrainingRows.concatenate([part.rows for part in answered]),
        device_margin=np.concatenate([part.device_margin for part in answered]),
        unfamiliarity=np.concatenate([part.unfamiliarity for part in answered]),
        course=joined_courses([part.course for part in answered]),
        n_units=units,
    )


def _answers(trained: Trained, charges: Sequence[Charge], rows: TrainingRows, rules: AnswerRules) -> UnseenAnswers:
    """The int8 network's answers at rows and in the course of their charges; `rules` are not calibrated yet."""
    margin, _ = network_outputs(trained, charges, rows)
    unfamiliarity = np.zeros(len(rows), np.uint32)
    if trained.network.n_margins:
        elapsed_ms = 1000 * rows.elapsed_s.astype(np.int64)
        found = device_answers(rules, rows.whole_features(), margin, elapsed_ms, rows.phase)
        unfamiliarity = found.unfamiliarity
    course = courses(charges, rows, partial(_seconds_at, Runner(trained.data, trained.network), rules))
    return UnseenAnswers(rows, margin.astype(np.float64) * 2.0**-MARGIN_SCALE_LOG2, unfamiliarity, course, 0)


def _seconds_at(runner: Runner, rules: AnswerRules, charge: Charge, asked: NDArray[np.intp]) -> Asked:
    outputs = network_outputs_at(runner, charge, asked)
    phase, device = outputs.features.phase, outputs.margin.argmax(axis=1)
    return phase, remaining_answers(rules, elapsed_ms_of(charge)[asked], phase, device, outputs.quantile)
