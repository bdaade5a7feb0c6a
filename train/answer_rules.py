"""The numbers by which outputs of models become answers (docs/artifact.md), as an artifact keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

FEATURE_MAX = (1 << 24) - 1
HISTORY_FEATURES = ("device_duration_s", "charge_of_device_permille", "power_of_device_permille")
N_BASELINE = 16  # WP_N_BASELINE of the core
PROTOTYPE_FEATURES_MAX = 24  # WP_MAX_PROTOTYPE_FEATURES


@dataclass(frozen=True, slots=True)
class History:
    """A device's charges in training: what a charge is held against. All from 1 to FEATURE_MAX."""

    duration_s: int  # median from plug to full
    charge_mah: int  # that 95 % of them took at most
    power_mw: int  # median of their largest power


@dataclass(frozen=True, slots=True)
class Baseline:
    """Median of what was left of a device's charges, at N_BASELINE multiples of a step."""

    step_s: int
    remaining_s: tuple[int, ...]  # [N_BASELINE], 16 bits


@dataclass(frozen=True, slots=True)
class Interval:
    """What is added to the 10 and 90 % quantiles from a time on."""

    from_s: int
    low_s: int
    high_s: int


@dataclass(frozen=True, slots=True)
class Prototypes:
    """How charges of each device begin: centres of some features, and what a standard deviation from them is."""

    features: tuple[str, ...]
    shifts: tuple[int, ...]  # a feature is divided by 2**shift, towards zero, so that centres fit 16 bits
    centres: tuple[tuple[tuple[int, ...], ...], ...]  # [device][prototype][feature]
    weights: tuple[tuple[int, ...], ...]  # [device][feature]: 65536 / standard deviation
    unfamiliar_above: int  # in 1/256 of squared standard deviations


@dataclass(frozen=True, slots=True)
class EstimateRules:
    """From outputs of the remaining model to seconds."""

    histories: tuple[History, ...]  # a device each
    baselines: tuple[Baseline, ...] = ()  # a device each, or none: outputs are added to it
    of_duration: bool = False  # outputs are parts of the device's median duration, not seconds
    smoothing_s: int = 0
    intervals: tuple[Interval, ...] = (Interval(0, 0, 0),)


def estimate_entries(rules: EstimateRules, devices: Sequence[str]) -> dict[str, Any]:
    """The manifest's keys of the estimate."""
    named = [
        dict(zip(devices, map(asdict, table), strict=True)) for table in (rules.histories, rules.baselines) if table
    ]
    return {
        "history": named[0],
        "remaining_baseline": named[1] if rules.baselines else None,
        "remaining_of_duration": rules.of_duration,
        "smoothing_s": rules.smoothing_s,
        "interval": [[part.from_s, part.low_s, part.high_s] for part in rules.intervals],
    }


def prototype_entries(prototypes: Prototypes | None, devices: Sequence[str]) -> dict[str, Any]:
    """The manifest's key of the prototypes."""
    if prototypes is None:
        return {"prototypes": None}
    return {
        "prototypes": {
            "features": list(prototypes.features),
            "shifts": list(prototypes.shifts),
            "centres": dict(zip(devices, map(_lists, prototypes.centres), strict=True)),
            "weights": dict(zip(devices, map(list, prototypes.weights), strict=True)),
            "unfamiliar_above": prototypes.unfamiliar_above,
        }
    }


def read_estimate(manifest: Mapping[str, Any], devices: Sequence[str]) -> EstimateRules:
    """The estimate's rules of a manifest; raises KeyError, TypeError or ValueError."""
    baseline = manifest["remaining_baseline"]
    rules = EstimateRules(
        histories=tuple(History(**_ints(manifest["history"][device])) for device in devices),
        baselines=()
        if baseline is None
        else tuple(
            Baseline(int(baseline[device]["step_s"]), tuple(map(int, baseline[device]["remaining_s"])))
            for device in devices
        ),
        of_duration=bool(manifest["remaining_of_duration"]),
        smoothing_s=int(manifest["smoothing_s"]),
        intervals=tuple(Interval(*map(int, part)) for part in manifest["interval"]),
    )
    check_estimate(rules)
    return rules


def read_prototypes(manifest: Mapping[str, Any], devices: Sequence[str], features: Sequence[str]) -> Prototypes | None:
    """The prototypes of a manifest, if it has any; raises KeyError, TypeError or ValueError."""
    entry = manifest["prototypes"]
    if entry is None:
        return None
    prototypes = Prototypes(
        features=tuple(map(str, entry["features"])),
        shifts=tuple(map(int, entry["shifts"])),
        centres=tuple(tuple(tuple(map(int, row)) for row in entry["centres"][device]) for device in devices),
        weights=tuple(tuple(map(int, entry["weights"][device])) for device in devices),
        unfamiliar_above=int(entry["unfamiliar_above"]),
    )
    check_prototypes(prototypes, features)
    return prototypes


def check_estimate(rules: EstimateRules) -> None:
    """Raise ValueError for numbers the core does not take."""
    for history in rules.histories:
        if not all(1 <= value <= FEATURE_MAX for value in (history.duration_s, history.charge_mah, history.power_mw)):
            raise ValueError(f"history {history} is out of range")
    for baseline in rules.baselines:
        fits = len(baseline.remaining_s) == N_BASELINE and all(0 <= at < 1 << 16 for at in baseline.remaining_s)
        if not fits or not 1 <= baseline.step_s <= FEATURE_MAX // N_BASELINE:
            raise ValueError("remaining_baseline is out of range")
    starts = [part.from_s for part in rules.intervals]
    widest = max((abs(value) for part in rules.intervals for value in (part.low_s, part.high_s)), default=0)
    if starts[:1] != [0] or starts != sorted(set(starts)) or len(starts) > 255 or widest >= 1 << 31:
        raise ValueError("interval must begin at 0 s and ascend, with offsets of 32 bits")
    if not 0 <= rules.smoothing_s < 1 << 16:
        raise ValueError(f"smoothing_s {rules.smoothing_s} does not fit 16 bits")


def check_prototypes(prototypes: Prototypes, features: Sequence[str]) -> None:
    """Raise ValueError for numbers the core does not take; `features` are the model's."""
    n = len(prototypes.features)
    unknown = set(prototypes.features) - set(features)
    if unknown or not 1 <= n <= PROTOTYPE_FEATURES_MAX:
        raise ValueError(f"prototypes have features that are not the model's: {sorted(unknown)}")
    rows = [row for device in prototypes.centres for row in device]
    shapes = {len(row) for row in (*rows, *prototypes.weights, prototypes.shifts)}
    fits = (
        all(-(1 << 15) <= value < 1 << 15 for row in rows for value in row)
        and all(0 <= value < 1 << 16 for row in prototypes.weights for value in row)
        and all(0 <= value <= 24 for value in prototypes.shifts)
    )
    if shapes != {n} or not fits or len(rows) >= 1 << 16 or not 0 <= prototypes.unfamiliar_above < 1 << 32:
        raise ValueError("prototypes are out of range")


def _ints(entry: Mapping[str, Any]) -> dict[str, int]:
    return {key: int(entry[key]) for key in ("duration_s", "charge_mah", "power_mw")}


def _lists(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    return [list(row) for row in rows]
