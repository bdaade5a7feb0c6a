"""Fit: a dataset folder in, an artifact out."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from train.artifact import QUANTILES_PERMILLE, SCHEMA, Artifact, write_artifact
from train.cluster import Cluster
from train.config import Config
from train.errors import ConfigError, TrainError
from train.features import feature_names, features_version
from train.models.between_units import learn_between_units
from train.models.calibrated import device_entries, remaining_entries
from train.models.crossfit import (
    DEVICE_FILE,
    REMAINING_FILE,
    Grow,
    grow_as_configured,
    train_models,
    unseen_answers,
)
from train.models.external import train_stored_models
from train.models.few import few_config
from train.models.forest import Trees
from train.models.learnt import Learnt
from train.models.network.fit import learn_network
from train.models.network.source import StoredSource
from train.models.own import Few, all_of_few, few_of
from train.models.own_notes import own_notes
from train.models.own_prior import Prior, learn_as_far_as_it_helps
from train.models.process import several_units
from train.models.rows import TrainingRows, training_rows
from train.models.split import UnitSplit, split_units
from train.models.stored import StoredDataset, open_stored_dataset
from train.sessions.dataset import Dataset, read_dataset
from train.sessions.labels import full_t_ms
from train.sessions.limits import until_full
from train.sessions.types import Charge

DEVICES_MAX = 64  # WP_MAX_DEVICES of the core


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
    prior: str = "none",
    own_only: bool = False,
    fleet_without: Collection[str] = (),
    progress: Callable[[str], None] = lambda _: None,
    teacher: Path | None = None,
) -> FitSummary:
    """Train a `forest` (`grow` trains its parts) or a `network` on the dataset folder `data` and write the artifact.

    With `rows`, the feature folder of `data`, models are trained on these, which need not fit into memory, and from a
    `teacher` if one is named; forests in this process or on a cluster. Whole charges are then read of a sample of
    units only, to calibrate on.

    With `prior` "fleet", the devices of the data join those of the simulated fleet, but for `fleet_without`, and take
    the place of their namesakes; with `own_only`, only minutes are learnt from the fleet, and only where that helps
    with charges left out ("fleet-always": in any case; train/models/own_prior.py). Charges that a limit stopped are
    then, and where units are few, censored (train/models/own.py).

    Raises TrainError on data nothing can be learnt from, on a name that is no C identifier, and on `hold_out` units
    that are not in the data.
    """
    config = _with_seed(config, seed)
    model_name = _model_name(name, out)
    if prior != "none" and (rows is not None or kind == "network"):
        raise ConfigError("--prior fleet is for forests of charges in memory: leave out --rows and --kind network")
    dataset = read_dataset(data) if rows is None else open_stored_dataset(data, rows)
    shares = config.split
    parts = split_units(dataset.unit_keys, shares.calibration, shares.held_out, shares.seed, hold_out)
    own = dataset.charges_of({*parts.train, *parts.calibration})
    few = None
    if kind == "forest" and isinstance(dataset, Dataset):
        parts = all_of_few(parts)
        progress("its charges" if prior == "none" else "its charges, and the fleet's")
        few = few_of(parts, own, prior, config, own_only=own_only, without=fleet_without)
        config = config if few is None else few_config(config)
    charges = list(own)
    if few is not None:
        charges, parts = [*until_full(charges), *few.beside], few.join(parts)
    devices = tuple(sorted({unit.partition("/")[0] for unit in parts.train}))
    if len(devices) > DEVICES_MAX:
        raise TrainError(f"{data}: {len(devices)} devices, a model tells at most {DEVICES_MAX} apart; use fewer")
    found = training_rows(charges, devices)
    used: Prior | None = None
    if kind == "network":
        stored = None
        if isinstance(dataset, StoredDataset):
            stored = StoredSource(dataset.rows, devices, config, cluster, teacher)
        learnt = learn_network(charges, found, parts, devices, config, str(out), progress, stored)
    else:

        def learn_one(few: Few | None) -> Learnt:
            return _learn_forests(dataset, charges, found, parts, devices, config, cluster, grow, few, teacher)

        def learn(few: Few | None) -> Learnt:
            several = few is not None and several_units(found.of_units(parts.train))
            return learn_between_units(few, several, charges, learn_one)

        learnt, few, used = learn_as_far_as_it_helps(few, prior, charges, learn)
    about_prior = [used.note()] if used else []
    manifest = {
        "schema": SCHEMA,
        "kind": learnt.kind,
        "name": model_name,
        **_about_data(dataset, charges, parts, devices),
        **device_entries(learnt, devices),
        **remaining_entries(learnt, devices),
        **learnt.entries,
        "training": {
            **learnt.training,
            "split": asdict(config.split),
            **({"prior": asdict(used)} if used else {}),
            "notes": [*_notes(parts, devices, learnt), *about_prior, *own_notes(few, charges, learnt.unseen.course)],
        },
        "versions": _versions(learnt.versions),
    }
    n_rows = dataset.rows.table.n_rows if isinstance(dataset, StoredDataset) else len(found)
    return _summary(write_artifact(out, manifest, learnt.files), learnt, n_rows)


def _learn_forests(
    dataset: Dataset | StoredDataset, charges: Sequence[Charge], rows: TrainingRows, parts: UnitSplit,
    devices: Sequence[str], config: Config, cluster: Cluster | None, grow: Grow, few: Few | None, teacher: Path | None,
) -> Learnt:  # fmt: skip
    own = rows.of_units(parts.train)
    if isinstance(dataset, StoredDataset):
        trained = train_stored_models(dataset.rows, own, parts.train, devices, config, cluster, teacher)
    else:
        trained = train_models(own, devices, config, few, grow)
    files, forests = trained.files, trained.forests
    device, remaining = forests.device, forests.remaining

    def entry(file: str, trees: Trees, leaf_bits: int) -> dict[str, Any]:
        return {"file": file, "output_scale_log2": trees.scale_log2(leaf_bits), "leaf_bits": leaf_bits}

    learnt_of = (("which device it is", device), ("how long it takes", remaining))
    return Learnt(
        kind="forest",
        files=files,
        device_model=entry(DEVICE_FILE, device.trees, config.forest.device.leaf_bits) if device else None,
        remaining_model=entry(REMAINING_FILE, remaining.trees, config.forest.remaining.leaf_bits),
        unseen=unseen_answers(rows, charges, parts, devices, trained, config, few, grow),
        estimate=trained.estimate,
        prototypes=trained.prototypes,
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
    parts = {name: replace(getattr(config, name), seed=seed) for name in ("forest", "network", "split")}
    return replace(config, **parts)


def _about_data(
    dataset: Dataset | StoredDataset, charges: Sequence[Charge], parts: UnitSplit, devices: Sequence[str]
) -> dict[str, Any]:
    """The manifest's keys about features, devices and the data."""
    return {
        "features_version": features_version(),
        "features": list(feature_names()),
        "devices": list(devices),
        "quantiles_permille": list(QUANTILES_PERMILLE),
        "full_durations_s": dataset.full_durations_s(parts.train, devices)
        if isinstance(dataset, StoredDataset)
        else _full_durations_s(charges, parts.train, devices),
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
