"""Fit: a dataset folder in, an artifact out."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from train.artifact import QUANTILES_PERMILLE, SCHEMA, Artifact, write_artifact
from train.cluster import Cluster
from train.config import Config
from train.errors import ConfigError, TrainError
from train.features import AnswerRules, answers, feature_names, features_version
from train.models import calibrate
from train.models.crossfit import (
    DEVICE_FILE,
    REMAINING_FILE,
    Grow,
    UnseenAnswers,
    grow_as_configured,
    load_forests,
    train_forests,
    unseen_answers,
)
from train.models.external import train_stored_forests
from train.models.forest import Trees
from train.models.learnt import Learnt
from train.models.network.fit import learn_network
from train.models.rows import TrainingRows, training_rows
from train.models.split import UnitSplit, split_units
from train.models.stored import StoredDataset, open_stored_dataset
from train.sessions.dataset import Dataset, read_dataset
from train.sessions.labels import full_t_ms
from train.sessions.types import Charge

DEVICES_MAX = 64  # WP_MAX_DEVICES of the core
PHASE_FULL = 3  # wp_phase of the core
UNKNOWN_FROM_S = 60  # confidence is judged once this much of a charge has been seen


@dataclass(frozen=True, slots=True)
class FitSummary:
    """What was trained, for the user."""

    artifact: str
    kind: str
    model_hash: str
    charges: int
    units: int
    devices: tuple[str, ...]
    train_units: int
    calibration_units: int
    held_out_units: int
    rows: int
    sizes: Mapping[str, int]
    notes: tuple[str, ...]


def fit(
    data: Path,
    out: Path,
    config: Config,
    *,
    kind: str = "forest",
    name: str | None = None,
    hold_out: Sequence[str] = (),
    seed: int | None = None,
    rows: Path | None = None,
    cluster: Cluster | None = None,
    grow: Grow = grow_as_configured,
    progress: Callable[[str], None] = lambda _: None,
    teacher: Path | None = None,
) -> FitSummary:
    """Train a `forest` (`grow` trains its parts) or a `network` on the dataset folder `data` and write the artifact.

    With `rows`, the feature folder of `data`, forests are trained on these, which need not fit into memory, in this
    process or on a cluster, and from a `teacher` if one is named; whole charges are then read of a sample of units
    only, to calibrate on.

    Raises TrainError on data nothing can be learnt from, on a name that is no C identifier, and on `hold_out` units
    that are not in the data.
    """
    config = _with_seed(config, seed)
    model_name = _model_name(name, out)
    dataset = read_dataset(data) if rows is None else open_stored_dataset(data, rows)
    shares = config.split
    parts = split_units(dataset.unit_keys, shares.calibration, shares.held_out, shares.seed, hold_out)
    devices = tuple(sorted({unit.partition("/")[0] for unit in parts.train}))
    if len(devices) > DEVICES_MAX:
        raise TrainError(f"{data}: {len(devices)} devices, a model tells at most {DEVICES_MAX} apart; use fewer")
    seen = {*parts.train, *parts.calibration}
    if kind == "network":
        if isinstance(dataset, StoredDataset):
            raise ConfigError("--rows is for forests: a network is trained on whole charges; leave it out")
        charges = list(dataset.charges_of(seen))
        found = training_rows(charges, devices)
        learnt = learn_network(charges, found, parts, devices, config, str(out), progress)
    else:
        found = training_rows(dataset.charges_of(seen), devices)
        learnt = _learn_forests(dataset, found, parts, devices, config, str(out), cluster, grow, teacher)
    manifest = {
        "schema": SCHEMA,
        "kind": learnt.kind,
        "name": model_name,
        **_about_data(dataset, parts, devices),
        **_device_entries(learnt.device_model, learnt.unseen, devices),
        **_remaining_entries(learnt.remaining_model, learnt.unseen),
        **learnt.entries,
        "training": {
            **learnt.training,
            "split": asdict(config.split),
            "notes": _notes(parts, devices, learnt),
        },
        "versions": _versions(learnt.versions),
    }
    n_rows = dataset.rows.table.n_rows if isinstance(dataset, StoredDataset) else len(found)
    return _summary(write_artifact(out, manifest, learnt.files), learnt, n_rows)


def _learn_forests(
    dataset: Dataset | StoredDataset, rows: TrainingRows, parts: UnitSplit, devices: Sequence[str], config: Config,
    where: str, cluster: Cluster | None, grow: Grow, teacher: Path | None,
) -> Learnt:  # fmt: skip
    if isinstance(dataset, StoredDataset):
        files = train_stored_forests(dataset.rows, parts.train, devices, config, cluster, teacher)
    else:
        files = train_forests(rows.of_units(parts.train), devices, config, grow)
    forests = load_forests(files, len(devices), rows.features.shape[1], where)
    device, remaining = forests.device, forests.remaining

    def entry(file: str, trees: Trees, leaf_bits: int) -> dict[str, Any]:
        return {"file": file, "output_scale_log2": trees.scale_log2(leaf_bits), "leaf_bits": leaf_bits}

    learnt_of = (("which device it is", device), ("how long it takes", remaining))
    return Learnt(
        kind="forest",
        files=files,
        device_model=entry(DEVICE_FILE, device.trees, config.forest.device.leaf_bits) if device else None,
        remaining_model=entry(REMAINING_FILE, remaining.trees, config.forest.remaining.leaf_bits),
        unseen=unseen_answers(rows, parts, devices, forests, config, grow),
        training=asdict(config.forest),
        sizes={
            "splits for the device": device.trees.n_splits if device else 0,
            "splits for the remaining time": remaining.trees.n_splits,
        },
        versions=("numpy", "xgboost"),
        notes=tuple(
            f"nothing was learnt of {what}, the answer is always the same: record more charges"
            for what, forest in learnt_of
            if forest is not None and forest.trees.n_splits == 0
        ),
    )


def _with_seed(config: Config, seed: int | None) -> Config:
    if seed is None:
        return config
    if not 0 <= seed < 2**31:
        raise ConfigError(f"--seed {seed}: must lie within 0 to 2147483647")
    return replace(config, forest=replace(config.forest, seed=seed), split=replace(config.split, seed=seed))


def _about_data(dataset: Dataset | StoredDataset, parts: UnitSplit, devices: Sequence[str]) -> dict[str, Any]:
    """The manifest's keys about features, devices and the data."""
    return {
        "features_version": features_version(),
        "features": list(feature_names()),
        "devices": list(devices),
        "quantiles_permille": list(QUANTILES_PERMILLE),
        "full_durations_s": dataset.full_durations_s(parts.train, devices)
        if isinstance(dataset, StoredDataset)
        else _full_durations_s(dataset.charges, parts.train, devices),
        "split": {key: list(value) for key, value in asdict(parts).items()},
        "data": {
            "hash": dataset.hash,
            "charges": dataset.n_charges,
            "units": len(dataset.unit_keys),
            "source": dataset.path.resolve().name,
        },
    }


def _summary(artifact: Artifact, learnt: Learnt, n_rows: int) -> FitSummary:
    manifest = artifact.manifest
    return FitSummary(
        artifact=str(artifact.path),
        kind=learnt.kind,
        model_hash=artifact.model_hash,
        charges=manifest["data"]["charges"],
        units=manifest["data"]["units"],
        devices=artifact.devices,
        train_units=len(artifact.split["train"]),
        calibration_units=len(artifact.split["calibration"]),
        held_out_units=len(artifact.split["held_out"]),
        rows=n_rows,
        sizes=learnt.sizes,
        notes=tuple(manifest["training"]["notes"]),
    )


def _model_name(name: str | None, out: Path) -> str:
    chosen = re.sub(r"[^a-z0-9_]", "_", out.resolve().name.lower()) if name is None else name
    if name is None and not chosen[:1].isalpha():
        chosen = f"model_{chosen}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", chosen):
        raise ConfigError(f"--name {chosen}: must be a lower-case C identifier, like phone_charger")
    return chosen


def _device_entries(model: Mapping[str, Any] | None, unseen: UnseenAnswers, devices: Sequence[str]) -> dict[str, Any]:
    """The manifest's keys about the classifier, calibrated on `unseen`."""
    if model is None:
        return {"device_model": None, "softmax": None, "unknown_below_permille": 0}
    scale = int(model["output_scale_log2"])
    rows = unseen.rows
    temperature = 1.0
    if len(rows.charge):
        temperature = calibrate.fit_temperature(
            unseen.device_margin, rows.device, calibrate.charge_weights(rows.charge)
        )
    softmax = calibrate.softmax_integers(temperature, scale)
    late = rows.elapsed_s >= UNKNOWN_FROM_S
    threshold = 0
    if np.any(late):
        margin = np.rint(unseen.device_margin[late] * 2.0**scale).astype(np.int32)
        rules = AnswerRules(len(devices), softmax.multiplier, softmax.shift, 0, 0, (0, 0, 0))
        answer = answers(rules, margin, np.zeros((len(margin), 3), dtype=np.int32), rows.phase[late])
        threshold = calibrate.unknown_threshold_permille(
            answer.confidence_permille, calibrate.charge_weights(rows.charge[late])
        )
    return {
        "device_model": dict(model),
        "softmax": {"multiplier": softmax.multiplier, "shift": softmax.shift},
        "unknown_below_permille": threshold,
    }


def _remaining_entries(model: Mapping[str, Any], unseen: UnseenAnswers) -> dict[str, Any]:
    """The manifest's keys about the remaining time, its interval calibrated on `unseen`."""
    known = unseen.rows.remaining_s >= 0
    known &= unseen.rows.phase != PHASE_FULL
    quantile_s = np.floor(unseen.remaining_margin[known] + 0.5).astype(np.int64)
    offsets = calibrate.interval_offsets_s(quantile_s, unseen.rows.remaining_s[known], unseen.rows.charge[known])
    return {
        "remaining_model": dict(model),
        "remaining_offset_s": list(offsets),
    }


def _full_durations_s(charges: Sequence[Charge], units: Sequence[str], devices: Sequence[str]) -> dict[str, list[int]]:
    """Seconds from plug to full of the units' charges, by device, ascending."""
    durations: dict[str, list[int]] = {device: [] for device in devices}
    for charge in charges:
        if charge.unit_key in units:
            at_ms = full_t_ms(charge)
            if at_ms is not None:
                durations[charge.device].append((at_ms - int(charge.t_ms[0])) // 1000)
    return {device: sorted(values) for device, values in durations.items()}


def _notes(split: UnitSplit, devices: Sequence[str], learnt: Learnt) -> list[str]:
    """What a user must know about this model before trusting it."""
    notes, unseen = [], learnt.unseen
    if len(devices) == 1:
        notes.append(f"one device only ({devices[0]}): the model answers minutes, not which device")
    notes += learnt.notes
    if len(unseen.rows.charge) == 0:
        notes.append("no unit to calibrate on: confidence, unknown threshold and interval are uncalibrated")
    elif unseen.n_units > len(split.calibration):
        notes.append(
            f"calibration has few units ({len(split.calibration)}): {unseen.n_units - len(split.calibration)} units in "
            "training were left out in turn to calibrate on them as well"
        )
    if not split.held_out:
        notes.append("no unit is held out: nothing can be said about units the model has not seen")
    return notes


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {package: str(import_module(package).__version__) for package in packages}
    return dict(sorted({"python": platform.python_version(), **found}.items()))


def summary_text(summary: FitSummary) -> str:
    """The summary as lines for a person; the last one is the verdict."""
    kinds = f"{len(summary.devices)} devices" if len(summary.devices) > 1 else f"one device, {summary.devices[0]}"
    lines = [
        f"{summary.charges} charges of {summary.units} units, {kinds}: {summary.train_units} units trained on, "
        f"{summary.calibration_units} calibrated on, {summary.held_out_units} held out",
        f"{summary.rows} rows; {', '.join(f'{size} {what}' for what, size in summary.sizes.items())}",
        *(f"note: {note}" for note in summary.notes),
        f"model {summary.model_hash} written to {summary.artifact}",
    ]
    return "\n".join(lines)
