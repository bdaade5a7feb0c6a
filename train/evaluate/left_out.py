"""Devices that a model has never seen: each device left out in turn, and asked for a minute into its charges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import Prototypes
from train.artifact import Softmax
from train.config import Config
from train.evaluate.confidence import auroc, caught_at, strangeness
from train.evaluate.metrics import REFERENCE_HORIZON_S
from train.evaluate.moments import Moments, moments
from train.features import AnswerRules, device_answers
from train.models import calibrate
from train.models.calibrated import unknown_rules
from train.models.courses import CourseRows
from train.models.crossfit import UnseenAnswers, grow_as_configured
from train.models.forest import ForestModel, load_forest
from train.models.prototypes import fit_prototypes
from train.models.rows import TrainingRows
from train.models.split import split_units
from train.sessions.types import Charge

ROWS_UNTIL_S = 300  # the classifier learns from the first five minutes: it is asked at one minute


@dataclass(frozen=True, slots=True)
class Classifier:
    """A calibrated classifier as on the board."""

    forest: ForestModel
    scale_log2: int
    leaf_bits: int
    softmax: Softmax
    unknown_below_permille: int
    prototypes: Prototypes | None
    n_devices: int

    def answers(self, rows: TrainingRows) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Answered device, confidence and strangeness [n] of rows."""
        outputs = self.forest.outputs(rows.features, self.scale_log2, self.leaf_bits)
        rules = AnswerRules(
            self.n_devices,
            self.softmax.multiplier,
            self.softmax.shift,
            self.unknown_below_permille,
            prototypes=self.prototypes,
        )
        elapsed_ms = 1000 * rows.elapsed_s.astype(np.int64)
        found = device_answers(rules, rows.whole_features(), outputs, elapsed_ms, rows.phase)
        score = strangeness(
            found.confidence_permille, found.unfamiliarity, elapsed_ms, self.unknown_below_permille, self.prototypes
        )
        return found.device.astype(np.intp), found.confidence_permille / 1000, score


def left_out(charges: Sequence[Charge], config: Config, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """A row for each device: how well the models of all others tell it from charges of theirs.

    `device`, `charges`; `auroc` and `caught_at_5` at 60 s; `taken_for` and its share `taken`; `bound`: the AUROC of the
    one model that did learn the device, by its confidence in it. Known charges are of held-out units; those of the
    device left out are of all its units, none of which was learnt from.
    """
    shares = config.split
    split = split_units([c.unit_key for c in charges], shares.calibration, shares.held_out, shares.seed)
    devices = tuple(sorted({charge.device for charge in charges}))
    progress("features")
    found = moments(charges, devices)
    found = found.where(found.rows.elapsed_s <= ROWS_UNTIL_S)
    train, calibration, held_out = (found.of_units(part) for part in (split.train, split.calibration, split.held_out))
    progress("the model of all devices")
    bound = _bounds(_classifier(train.rows, calibration.rows, len(devices), config), _asked(held_out), len(devices))
    table = []
    for index, name in enumerate(devices):
        progress(f"without {name} ({index + 1} of {len(devices)})")
        others = [device for device in devices if device != name]
        learnt, calibrating = (_without(part.rows, index) for part in (train, calibration))
        model = _classifier(learnt, calibrating, len(others), config)
        asked = _asked(found)
        strange = asked.where(asked.device == index)
        answered, _, score = model.answers(strange)
        _, _, known = model.answers(_without(_asked(held_out), index))
        counts = np.bincount(answered, minlength=len(others))
        table.append(
            {
                "device": name,
                "charges": len(strange),
                "auroc": auroc(known, score),
                "caught_at_5": caught_at(known, score),
                "taken_for": others[int(counts.argmax())],
                "taken": float(counts.max() / counts.sum()),
                "bound": bound[index],
            }
        )
    return table


def _bounds(model: Classifier, rows: TrainingRows, n_devices: int) -> list[float]:
    """Of each device the AUROC of the margin by which it leads or trails the best other one."""
    outputs = model.forest.outputs(rows.features, model.scale_log2, model.leaf_bits).astype(np.float64)
    found = []
    for index in range(n_devices):
        lead = outputs[:, index] - np.delete(outputs, index, axis=1).max(axis=1)
        own = rows.device == index
        found.append(auroc(lead[~own], lead[own]))
    return found


def _asked(found: Moments) -> TrainingRows:
    return found.rows.where(found.at(REFERENCE_HORIZON_S))


def _without(rows: TrainingRows, device: int) -> TrainingRows:
    """The rows of all other devices, numbered without it."""
    kept = rows.where(rows.device != device)
    return replace(kept, device=np.where(kept.device > device, kept.device - 1, kept.device).astype(np.int32))


def _classifier(rows: TrainingRows, calibration: TrainingRows, n_devices: int, config: Config) -> Classifier:
    """Trained and calibrated as `fit` does it, on calibration units that all are of its devices."""
    data = grow_as_configured("device", rows, n_devices, config)
    forest = load_forest(
        data,
        where="left out",
        objective="multi:softprob",
        n_features=rows.features.shape[1],
        n_outputs=n_devices,
    )
    bits = config.forest.device.leaf_bits
    scale = forest.trees.scale_log2(bits)
    outputs = forest.outputs(calibration.features, scale, bits)
    margin = outputs.astype(np.float64) * 2.0**-scale
    weight = calibrate.charge_weights(calibration.charge)
    softmax = calibrate.softmax_integers(calibrate.fit_temperature(margin, calibration.device, weight), scale)
    prototypes = fit_prototypes(rows, n_devices, config.forest.seed)
    elapsed_ms = 1000 * calibration.elapsed_s.astype(np.int64)
    rules = AnswerRules(n_devices, softmax.multiplier, softmax.shift, prototypes=prototypes)
    found = device_answers(rules, calibration.whole_features(), outputs, elapsed_ms, calibration.phase)
    none = CourseRows(*(np.empty(shape, np.int64) for shape in (0, (0, 3), 0, 0)))
    unseen = UnseenAnswers(calibration, margin, found.unfamiliarity, none, 0)
    below, prototypes = unknown_rules(prototypes, unseen, softmax, scale)
    return Classifier(forest, scale, bits, softmax, below, prototypes, n_devices)
