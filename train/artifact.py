"""The artifact folder (docs/artifact.md): the one thing train, codegen and host share."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.answer_rules import HISTORY_FEATURES as HISTORY_FEATURES  # re-exported: codegen and host take them from here
from train.answer_rules import EstimateRules as EstimateRules
from train.answer_rules import Prototypes as Prototypes
from train.answer_rules import read_estimate, read_prototypes
from train.artifact_network import Network as Network
from train.artifact_network import parse_network
from train.errors import ArtifactError as ArtifactError

SCHEMA = 2
QUANTILES_PERMILLE = (100, 500, 900)
MANIFEST = "manifest.json"
REMAINING_MAX_S = (1 << 24) - 1
LEAF_BITS = range(2, 17)
KINDS = ("forest", "network")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One XGBoost model file of an artifact; its integer outputs are margins times 2**output_scale_log2."""

    file: str
    output_scale_log2: int
    leaf_bits: int | None = None  # width of a tree's leaves on the board; None: whole


@dataclass(frozen=True, slots=True)
class Softmax:
    """Integer softmax: z = (margin difference * multiplier) >> shift, in 1/1024 of a factor of two."""

    multiplier: int
    shift: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """A loaded artifact. Field meanings: docs/artifact.md."""

    path: Path
    manifest: Mapping[str, Any]
    name: str
    features_version: int
    features: tuple[str, ...]
    devices: tuple[str, ...]
    device_model: ModelFile | None
    softmax: Softmax | None
    unknown_below_permille: int
    remaining_model: ModelFile
    prototypes: Prototypes | None
    estimate: EstimateRules
    network: Network | None  # None: the models are forests
    full_durations_s: Mapping[str, tuple[int, ...]]
    split: Mapping[str, tuple[str, ...]]
    hash: str

    @property
    def kind(self) -> str:
        """`forest` or `network`."""
        return "forest" if self.network is None else "network"

    @property
    def model_hash(self) -> str:
        """The 16 hexadecimal digits that a board reports."""
        return self.hash.removeprefix("sha256:")[:16]

    @property
    def remaining_features(self) -> tuple[str, ...]:
        """The columns of the remaining model: the features, and what holds them against the device's charges."""
        return (*self.features, *HISTORY_FEATURES)

    @property
    def trained_units(self) -> frozenset[str]:
        """Units (`device/unit`) the models or their calibration have seen."""
        return frozenset(self.split["train"]) | frozenset(self.split["calibration"])

    def baseline_remaining_s(self, device: str, elapsed_s: int) -> int:
        """Median remaining time of the device's training charges that ran longer than elapsed_s; 0 when none did.

        The median of an even number is the mean of the middle two, rounded down.
        """
        durations = self.full_durations_s.get(device, ())
        running = durations[bisect_right(durations, elapsed_s) :]
        if not running:
            return 0
        return (running[(len(running) - 1) // 2] + running[len(running) // 2]) // 2 - elapsed_s


def sha256(data: bytes) -> str:
    """`sha256:` and the hexadecimal digest."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def manifest_hash(manifest: Mapping[str, Any]) -> str:
    """The hash a manifest must carry: of everything in it but the key `hash`."""
    rest = {key: value for key, value in manifest.items() if key != "hash"}
    return sha256(json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii"))


def write_artifact(path: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Artifact:
    """Write an artifact folder under a temporary name, then rename it; adds `files` and `hash` to the manifest.

    An artifact already at `path` is replaced; any other folder there that is not empty raises ArtifactError, and so
    does a disk that is full or cannot be written.
    """
    write_folder(path, manifest, files, load_artifact)
    return load_artifact(path)


def write_folder(
    path: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes], check: Callable[[Path], object]
) -> None:
    """Write a manifest and its files as write_artifact does; `check` reads the folder before it is put in place."""
    if path.exists() and not (path / MANIFEST).exists() and (not path.is_dir() or any(path.iterdir())):
        raise ArtifactError(f"{path}: is not an artifact and not empty; name another folder")
    complete = dict(manifest)
    complete["files"] = {name: sha256(data) for name, data in sorted(files.items())}
    complete["hash"] = manifest_hash(complete)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            _write_folder(path, temporary, complete, files, check)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written: {error.strerror}; name another folder") from None


def _write_folder(
    path: Path,
    temporary: Path,
    manifest: Mapping[str, Any],
    files: Mapping[str, bytes],
    check: Callable[[Path], object],
) -> None:
    temporary.chmod(0o755)
    for name, data in files.items():
        (temporary / name).write_bytes(data)
    text = json.dumps(manifest, indent=1, ensure_ascii=True) + "\n"
    (temporary / MANIFEST).write_text(text, encoding="ascii", newline="\n")
    check(temporary)
    if path.exists():
        shutil.rmtree(path)
    temporary.replace(path)


def load_artifact(path: Path) -> Artifact:
    """Read and check an artifact folder; raises ArtifactError naming file and key."""
    source = path / MANIFEST
    try:
        manifest = json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError(f"{source}: not found; make an artifact with: python -m train fit") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ArtifactError(f"{source}: cannot be read: {error}") from None
    if not isinstance(manifest, dict):
        raise ArtifactError(f"{source}: is not a JSON object")
    try:
        artifact = _parse(path, manifest)
    except KeyError as error:
        raise ArtifactError(f"{source}: key {error} is missing; train again") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{source}: {error}") from None
    _check_files(artifact)
    return artifact


def _parse(path: Path, manifest: Mapping[str, Any]) -> Artifact:
    if manifest["schema"] != SCHEMA:
        raise ValueError(f"schema {manifest['schema']}, this version reads {SCHEMA}; train again")
    if manifest["kind"] not in KINDS:
        if manifest["kind"] == "household":
            raise ValueError("is a household of vehicles, and this takes a charger's artifact (forest or network)")
        raise ValueError(f"kind {manifest['kind']!r} is not known here; known: {', '.join(KINDS)}")
    if manifest["hash"] != manifest_hash(manifest):
        raise ValueError("its hash does not match: the file was changed by hand or is damaged; train again")
    name = str(manifest["name"])
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"name {name!r} is not a lower-case C identifier")
    if tuple(manifest["quantiles_permille"]) != QUANTILES_PERMILLE:
        raise ValueError("needs the quantiles 100, 500 and 900 permille")
    devices, features = tuple(map(str, manifest["devices"])), tuple(map(str, manifest["features"]))
    device_model = _model_file(manifest["device_model"])
    if (device_model is None) != (len(devices) == 1):
        raise ValueError("a device model is needed with two devices or more, and only then")
    softmax = manifest["softmax"]
    remaining_model = _model_file(manifest["remaining_model"])
    if remaining_model is None:
        raise ValueError("remaining_model is null")
    network = parse_network(manifest["network"], len(features)) if manifest["kind"] == "network" else None
    if network is not None and network.n_margins != (0 if device_model is None else len(devices)):
        raise ValueError(f"network: {network.n_margins} margins for {len(devices)} devices")
    return Artifact(
        path=path,
        manifest=manifest,
        name=name,
        features_version=int(manifest["features_version"]),
        features=features,
        devices=devices,
        device_model=device_model,
        softmax=None if softmax is None else Softmax(int(softmax["multiplier"]), int(softmax["shift"])),
        unknown_below_permille=int(manifest["unknown_below_permille"]),
        remaining_model=remaining_model,
        prototypes=read_prototypes(manifest, devices, features),
        estimate=read_estimate(manifest, devices),
        network=network,
        full_durations_s={key: _sorted_ints(value) for key, value in manifest["full_durations_s"].items()},
        split={part: tuple(manifest["split"][part]) for part in ("train", "calibration", "held_out")},
        hash=str(manifest["hash"]),
    )


def _sorted_ints(values: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(int(value) for value in values))


def _model_file(entry: Mapping[str, Any] | None) -> ModelFile | None:
    if entry is None:
        return None
    name, scale = str(entry["file"]), int(entry["output_scale_log2"])
    leaf_bits = None if entry.get("leaf_bits") is None else int(entry["leaf_bits"])
    if Path(name).name != name or not 0 <= scale <= 24 or (leaf_bits is not None and leaf_bits not in LEAF_BITS):
        raise ValueError(f"model entry {dict(entry)!r} is out of range")
    return ModelFile(name, scale, leaf_bits)


def _check_files(artifact: Artifact) -> None:
    for name, digest in artifact.manifest["files"].items():
        try:
            data = (artifact.path / Path(name).name).read_bytes()
        except OSError:
            raise ArtifactError(f"{artifact.path / name}: not found, but the manifest lists it; train again") from None
        if sha256(data) != digest:
            raise ArtifactError(f"{artifact.path / name}: does not match the manifest's hash; train again")
