"""The rows all techniques learn from and are scored on, made once and kept in the study's folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import EstimateRules, History
from train.config import Config
from train.errors import TrainError
from train.evaluate.metrics import HORIZONS_S
from train.features import extract, feature_names, features_version, to_float
from train.features.core import CORE, ROOT
from train.features.rows import horizons
from train.models.history import histories
from train.models.rows import EARLY_S, TrainingRows, training_rows
from train.models.split import UnitSplit, split_units
from train.sessions.dataset import Dataset, read_dataset
from train.sessions.labels import VEHICLE, remaining_s
from train.sessions.types import Charge

THIN = 2
QUICK_SHARE = 4  # --quick learns from every so manieth unit and is scored on as few


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """The moments at which answers are scored; one entry a row, charge by charge, time ascending."""

    features: NDArray[np.float32]  # [n, n_features]
    device: NDArray[np.int32]  # [n]
    remaining_s: NDArray[np.int32]  # [n], -1 where censored or past full
    charge: NDArray[np.intp]  # [n] 0 … n_charges - 1
    elapsed_s: NDArray[np.int32]  # [n]
    phase: NDArray[np.uint8]  # [n]
    share: NDArray[np.float64]  # [n] seconds the answer stays in force until the next row
    at_60s: NDArray[np.bool_]  # [n] the row in force 60 s after plugging in
    unit: NDArray[np.intp]  # [n_charges] unit number of each charge


@dataclass(frozen=True, slots=True)
class StudyData:
    """All a technique may see (train), what calibrates the interval, and what scores."""

    devices: tuple[str, ...]
    features: tuple[str, ...]
    train: TrainingRows
    calibration: TrainingRows
    scored: ScoredRows
    history: NDArray[np.int64]  # [n_devices, 3] what the charges trained on say of their device
    about: dict[str, Any]  # hash and counts, for the report

    def estimate(self, smoothing_s: int) -> EstimateRules:
        """From outputs of a remaining model to seconds, before its interval is calibrated."""
        return EstimateRules(tuple(History(*map(int, row)) for row in self.history), smoothing_s=smoothing_s)


def study_data(
    data: Path, unseen: Sequence[Path], config: Config, folder: Path, *, quick: bool
) -> tuple[Path, StudyData]:
    """Read the datasets and make the rows, or take them from `folder` where they have been made before; their file too.

    unseen  further datasets whose units are all new: only scored. Raises TrainError where a unit of theirs is not.
    """
    dataset = read_dataset(data)
    others = [read_dataset(path) for path in unseen]
    for each in (dataset, *others):
        _refuse_vehicles(each)
    key = _key(dataset, others, config, quick=quick)
    path = folder / f"rows-{key[:16]}.npz"
    if not path.exists():
        _save(path, _make(dataset, others, config, quick=quick))
    return path, load(path)


def _refuse_vehicles(dataset: Dataset) -> None:
    vehicle = next((charge for charge in dataset.charges if charge.details.get("profile") == VEHICLE), None)
    if vehicle is not None:
        raise TrainError(
            f"{dataset.path}: session {vehicle.session} is of an electric vehicle; the study compresses the forests "
            "and networks of chargers' boards, and a household's tables are as small as they get: leave vehicles out"
        )


def _key(dataset: Dataset, others: Sequence[Dataset], config: Config, *, quick: bool) -> str:
    parts = (dataset.hash, *(other.hash for other in others), asdict(config.split), quick, _features_digest())
    return hashlib.sha256(repr((THIN, *parts)).encode()).hexdigest()


def _features_digest() -> str:
    """Hash of the C that works features out; what answers and links do with them changes no row."""
    core = ROOT / CORE
    sources = [
        *sorted((core / "src").glob("features*")),
        core / "src" / "fixed_point.h",
        core / "include/wp/features.h",
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _make(dataset: Dataset, others: Sequence[Dataset], config: Config, *, quick: bool) -> StudyData:
    shares = config.split
    parts = split_units(dataset.unit_keys, shares.calibration, shares.held_out, shares.seed)
    if quick:
        parts = UnitSplit(*(units[::QUICK_SHARE] for units in (parts.train, parts.calibration, parts.held_out)))
    devices = tuple(sorted({unit.partition("/")[0] for unit in parts.train}))
    if len(devices) < 2:
        raise TrainError(f"{dataset.path}: one device only; the study compares which device it is: record another")
    judged = [charge for charge in dataset.charges if charge.unit_key in parts.held_out]
    known = set(dataset.unit_keys)
    for other in others:
        clash = next((charge.unit_key for charge in other.charges if charge.unit_key in known), None)
        if clash:
            raise TrainError(f"{other.path}: unit {clash} is in {dataset.path} too; name a dataset of other units")
        more = [charge for charge in other.charges if charge.device in devices]
        judged += more[::QUICK_SHARE] if quick else more
    if not judged or not parts.calibration:
        raise TrainError(f"{dataset.path}: no unit is held out, or none calibrates: record more units of each device")
    seen = {*parts.train, *parts.calibration}
    rows = thinned(training_rows([charge for charge in dataset.charges if charge.unit_key in seen], devices))
    about = {
        "data_hash": dataset.hash,
        "unseen_hashes": [other.hash for other in others],
        "features_version": features_version(),
        "train_units": len(parts.train),
        "calibration_units": len(parts.calibration),
        "scored_charges": len(judged),
        "scored_units": len({charge.unit_key for charge in judged}),
    }
    names = tuple(feature_names())
    train, calibration = rows.of_units(parts.train), rows.of_units(parts.calibration)
    told = histories(train, len(devices))
    history = np.array([(item.duration_s, item.charge_mah, item.power_mw) for item in told], np.int64)
    return StudyData(devices, names, train, calibration, scored_rows(judged, devices), history, about)


def thinned(rows: TrainingRows) -> TrainingRows:
    """The rows at `kept` places of each charge. A study trains a hundred models; `fit` takes every row."""
    starts = np.flatnonzero(np.diff(rows.charge, prepend=-1))
    place = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    return rows.where(kept(rows.elapsed_s, place))


def kept(elapsed_s: NDArray[np.integer[Any]], place: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Whether rows are learnt from and scored, by their times and places in their charge: all of the first five
    minutes and every THIN-th after, for neighbours say the same."""
    return np.asarray((elapsed_s <= EARLY_S) | (place % THIN == 0))


def scored_rows(charges: Sequence[Charge], devices: Sequence[str]) -> ScoredRows:
    """The answers in force at the moments of training rows and at each horizon, weighed by how long they stand."""
    parts = [_scored(charge, number, devices.index(charge.device)) for number, charge in enumerate(charges)]
    columns = [np.concatenate([part[index] for part in parts]) for index in range(len(parts[0]))]
    names = sorted({charge.unit_key for charge in charges})
    place = {name: number for number, name in enumerate(names)}
    unit = np.array([place[charge.unit_key] for charge in charges], dtype=np.intp)
    found = {item.name: column for item, column in zip(fields(ScoredRows)[:-1], columns, strict=True)}
    return ScoredRows(**found, unit=unit)


def _scored(charge: Charge, number: int, device: int) -> tuple[NDArray[Any], ...]:
    elapsed_ms = (charge.t_ms - charge.t_ms[0]).astype(np.int64)
    at_horizons = np.searchsorted(elapsed_ms, 1000 * np.array(HORIZONS_S), side="right") - 1
    asked = horizons(charge)
    asked = asked[kept(elapsed_ms[asked] // 1000, np.arange(len(asked)))]
    rows = np.union1d(asked, at_horizons).astype(np.intp)
    found = extract(charge, rows)
    label = remaining_s(charge)[rows]
    ends_ms = np.append(elapsed_ms[rows][1:], elapsed_ms[-1] + 1000)
    in_force = np.zeros(len(rows), np.bool_)
    if elapsed_ms[-1] >= 60_000:
        in_force[np.searchsorted(rows, at_horizons[HORIZONS_S.index(60)])] = True
    return (
        to_float(found.x),
        np.full(len(rows), device, np.int32),
        label.astype(np.int32),
        np.full(len(rows), number, np.intp),
        found.elapsed_s,
        found.phase,
        (ends_ms - elapsed_ms[rows]) / 1000,
        in_force,
    )


def _save(path: Path, made: StudyData) -> None:
    import json

    arrays: dict[str, Any] = {
        f"{part}.{item.name}": np.asarray(getattr(value, item.name))
        for part, value in (("train", made.train), ("calibration", made.calibration), ("scored", made.scored))
        for item in fields(value)
    }
    arrays["history"] = made.history
    about = json.dumps({"devices": made.devices, "features": made.features, "about": made.about})
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, allow_pickle=False, about=np.array(about), **arrays)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def load(path: Path) -> StudyData:
    """The rows of a file that study_data has made."""
    import json

    with np.load(path, allow_pickle=False) as file:
        columns = {key: file[key] for key in file.files}
    about = json.loads(str(columns["about"]))
    parts: dict[str, dict[str, Any]] = {"train": {}, "calibration": {}, "scored": {}}
    for key, values in columns.items():
        part, dot, name = key.partition(".")
        if dot:
            parts[part][name] = tuple(map(str, values)) if name == "units" else values
    return StudyData(
        tuple(about["devices"]),
        tuple(about["features"]),
        TrainingRows(**parts["train"]),
        TrainingRows(**parts["calibration"]),
        ScoredRows(**parts["scored"]),
        columns["history"],
        about["about"],
    )
