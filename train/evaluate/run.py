"""Evaluate: an artifact's integer answers to the charges of a dataset, scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.artifact import Artifact
from train.evaluate import confidence, courses, groups, metrics, soc
from train.evaluate.intervals import headline
from train.features import AnswerRules, asked_rows, device_answers, remaining_answers
from train.models.answering import answer_rules
from train.models.outputs import Models, model_sizes, outputs_at
from train.models.predict import baseline_s, load_model, select_charges
from train.sessions.dataset import read_dataset
from train.sessions.labels import remaining_s
from train.sessions.types import Charge

REGULAR_MS = 10_000
FLAG_UNKNOWN = 0x01  # WP_FLAG_UNKNOWN of the core


def evaluate(model: Path, data: Path, split: str = "held-out") -> dict[str, Any]:
    """Figures of an artifact on the charges of one part of a dataset; keys in docs/evaluation.md.

    Raises TrainError when the part has no charges.
    """
    artifact, models = load_model(model)
    charges = select_charges(artifact, read_dataset(data).charges, split, data)
    rules = answer_rules(artifact)
    answered = [answer_charge(artifact, models, rules, charge) for charge in charges]
    return {
        "model": {
            "hash": artifact.model_hash,
            "name": artifact.name,
            "kind": artifact.kind,
            "features": list(artifact.features),
            "classes": list(artifact.devices),
            **model_sizes(models),
        },
        "split": split,
        "charges": len(charges),
        "units": len({charge.unit_key for charge in charges}),
        "samples": sum(len(charge.t_ms) for charge in charges),
        "censored": sum(1 for answer in answered if not np.any(answer.true_remaining_s >= 0)),
        "unknown_devices": sorted({charge.device for charge in charges} - set(artifact.devices)),
        "quality": quality(artifact, answered, split),
        **_details(artifact, answered),
        "notes": list(artifact.manifest["training"].get("notes", [])),
    }


def scored_rows(elapsed_ms: NDArray[np.int64]) -> NDArray[np.intp]:
    """Samples whose answers are scored: where the remaining model is asked, at each horizon, and the last.

    The core is fed every sample. Rows at which the model is asked have to be among them.
    """
    horizons_ms = 1000 * np.array(metrics.HORIZONS_S)
    in_force = np.searchsorted(elapsed_ms, horizons_ms[horizons_ms <= elapsed_ms[-1]], side="right") - 1
    return np.unique(np.concatenate([asked_rows(elapsed_ms), in_force, [len(elapsed_ms) - 1]])).astype(np.intp)


def answer_charge(artifact: Artifact, models: Models, rules: AnswerRules, charge: Charge) -> metrics.ChargeAnswers:
    """What the board answers in the course of a charge, beside the truth."""
    elapsed_ms = (charge.t_ms - charge.t_ms[0]).astype(np.int64)  # modulo 2**32 before it is widened
    rows = scored_rows(elapsed_ms)
    outputs = outputs_at(artifact, models, charge, rows)
    found = outputs.features
    answer = device_answers(rules, found.x, outputs.margin, elapsed_ms[rows], found.phase)
    seconds = remaining_answers(rules, elapsed_ms[rows], found.phase, answer.device, outputs.quantile)
    return metrics.ChargeAnswers(
        device=artifact.devices.index(charge.device) if charge.device in artifact.devices else -1,
        unit=charge.unit_key,
        elapsed_ms=elapsed_ms[rows],
        regular=np.diff(elapsed_ms[rows] // REGULAR_MS, prepend=-1) != 0,
        answer_device=answer.device.astype(np.int32),
        unknown=(answer.flags & FLAG_UNKNOWN) != 0,
        remaining_s=seconds,
        baseline_s=baseline_s(artifact, answer.device, found.elapsed_s),
        true_remaining_s=remaining_s(charge)[rows],
        classified=len(artifact.devices) > 1,
        session=charge.session,
        ended=charge.ended,
        slices=groups.slices_of(charge),
        confidence=answer.confidence_permille / 1000,
        strangeness=confidence.strangeness(
            answer.confidence_permille,
            answer.unfamiliarity,
            elapsed_ms[rows],
            artifact.unknown_below_permille,
            artifact.prototypes,
        ),
        soc_pct=None if charge.soc_pct is None else charge.soc_pct[rows].astype(np.float64),
    )


def quality(artifact: Artifact, answered: Sequence[metrics.ChargeAnswers], split: str) -> dict[str, Any]:
    """The `quality` object of build/report.json."""
    several = len(artifact.devices) > 1
    remaining = metrics.remaining_figures(answered)
    return {
        "protocol": _protocol(artifact, answered, split),
        "accuracy": metrics.device_figures(answered)["accuracy"],
        "mae_minutes": remaining["mae_minutes"],
        "baseline_mae_minutes": remaining["baseline_mae_minutes"],
        "oracle_mae_minutes": metrics.by_horizon(soc.oracle_table(answered)),
        "coverage": remaining["coverage"],
        "unknown_auroc": confidence.unknown_figures(answered)["unknown_auroc"] if several else {},
    }


def _details(artifact: Artifact, answered: Sequence[metrics.ChargeAnswers]) -> dict[str, Any]:
    remaining = metrics.remaining_figures(answered)
    return {
        **_about_devices(artifact, answered),
        **{key: remaining[key] for key in ("interval_minutes", "p90_error_minutes", "pinball_minutes")},
        **headline(answered),
        "linear_mae_minutes": soc.linear_figures(answered),
        "jumps_per_hour": groups.jumps_per_hour(answered),
        "per_device": metrics.per_device(answered, artifact.devices),
        "by_share_done": groups.by_share_done(answered),
        "by_ending": groups.by_ending(answered),
        "by_slice": groups.by_slice(answered),
        "curves": courses.curves(answered),
        "worst_charges": courses.worst_charges(answered, artifact.devices),
    }


def _about_devices(artifact: Artifact, answered: Sequence[metrics.ChargeAnswers]) -> dict[str, Any]:
    """What there is to say of answered devices; all of it empty with one device, which has no classifier."""
    at = metrics.horizon_key(metrics.REFERENCE_HORIZON_S)
    several = len(artifact.devices) > 1
    scored = answered if several else ()
    device = metrics.device_figures(scored)
    return {
        "unknown_rate": device["unknown_rate"],
        "unknown_caught": device["unknown_caught"],
        "unknown_caught_at_5": confidence.unknown_figures(scored)["unknown_caught_at_5"],
        "calibration_error": confidence.calibration_error(scored),
        "calibration": confidence.calibration(scored),
        "confusion": {
            "at": at,
            "devices": list(artifact.devices),
            "charges": metrics.confusion_matrix(scored, len(artifact.devices)) if several else [],
        },
    }


def _protocol(artifact: Artifact, answered: Sequence[metrics.ChargeAnswers], split: str) -> str:
    units = len({charge.unit for charge in answered})
    seen = {"held-out": "units neither trained nor calibrated on", "all": "all units, trained on or not"}
    text = (
        f"{len(answered)} charges of {units} {seen.get(split, f'units of the {split} part: not a measure of quality')}"
    )
    counts = {part: len(artifact.split[part]) for part in ("train", "calibration", "held_out")}
    return (
        f"{text}; split by unit ({counts['train']} train, {counts['calibration']} calibration, "
        f"{counts['held_out']} held out); every charge weighs the same"
    )
