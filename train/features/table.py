"""The feature folder: training rows of a dataset as Parquet, in the parts they were worked out in (docs/scale.md).

    features.json          what it was made from and its parts; written last, so a folder without it is not complete
    charges/<part>.parquet one row a charge
    rows/<part>.parquet    one row a moment; `charge` is the row of charges/<part>.parquet

A part is named after what it was made from, so that one that is there need not be made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.errors import DatasetError

FEATURES = "features.json"
SCHEMA = 1
ROW_COLUMNS = ("charge", "phase", "remaining_s")  # then the features by name, all int32


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a feature folder."""

    name: str
    charges: int
    samples: int
    rows: int


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """A complete feature folder."""

    path: Path
    features_version: int
    features: tuple[str, ...]
    parts: tuple[Part, ...]
    data: dict[str, Any]  # hash, charges, units, source, as in an artifact's manifest
    hash: str  # of all rows, by charge: the same however the dataset was parted

    @property
    def n_rows(self) -> int:
        """Rows of all parts."""
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True, slots=True)
class PartCharges:
    """The charges of a part, one entry each."""

    session: tuple[str, ...]
    device: tuple[str, ...]
    unit: tuple[str, ...]
    full_s: NDArray[np.int64]  # plug to full, -1 where it is censored
    data_digest: tuple[bytes, ...]
    rows_digest: tuple[bytes, ...]

    @property
    def unit_keys(self) -> tuple[str, ...]:
        """`device/unit` of each."""
        return tuple(f"{device}/{unit}" for device, unit in zip(self.device, self.unit, strict=True))


@dataclass(frozen=True, slots=True)
class PartRows:
    """The rows of a part, charge by charge, time ascending within each."""

    x: NDArray[np.int32]  # [n, n_features], WP_MISSING where not defined
    charge: NDArray[np.int32]  # [n] entry of the part's charges
    elapsed_s: NDArray[np.int32]  # [n]
    phase: NDArray[np.int32]  # [n] wp_phase
    remaining_s: NDArray[np.int32]  # [n], -1 in charges that are censored


def is_feature_folder(path: Path) -> bool:
    """Whether a complete feature folder lies there."""
    return (path / FEATURES).exists()


def load_table(path: Path) -> FeatureTable:
    """Read what a feature folder says of itself; raises DatasetError if it is not complete or of another version."""
    try:
        with (path / FEATURES).open("rb") as stream:
            text = json.loads(stream.read())
        if text["schema"] != SCHEMA:
            raise ValueError(f"schema {text['schema']}, this version reads {SCHEMA}")
        return FeatureTable(
            path=path,
            features_version=int(text["features_version"]),
            features=tuple(map(str, text["features"])),
            parts=tuple(Part(**part) for part in text["parts"]),
            data=dict(text["data"]),
            hash=str(text["hash"]),
        )
    except FileNotFoundError:
        raise DatasetError(f"{path}: holds no complete {FEATURES}; make one with: python -m train features") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path / FEATURES}: cannot be used: {error}; make it again with --force") from None


def charges_file(folder: Path, name: str) -> Path:
    """Where the charges of a part lie; written after its rows."""
    return folder / "charges" / f"{name}.parquet"


def rows_file(folder: Path, name: str) -> Path:
    """Where the rows of a part lie."""
    return folder / "rows" / f"{name}.parquet"


def read_part_charges(folder: Path, name: str) -> PartCharges:
    """The charges of a part; raises DatasetError if they cannot be read."""
    table = _read(charges_file(folder, name))
    columns = {
        key: table.column(key).to_pylist() for key in ("session", "device", "unit", "data_digest", "rows_digest")
    }
    return PartCharges(
        **{key: tuple(values) for key, values in columns.items()},
        full_s=table.column("full_s").to_numpy(),
    )


def read_part_rows(folder: Path, name: str, features: Sequence[str]) -> PartRows:
    """The rows of a part with the named features; raises DatasetError if they cannot be read."""
    table = _read(rows_file(folder, name), columns=[*ROW_COLUMNS, *features])
    x = np.empty((table.num_rows, len(features)), np.int32)
    for k, feature in enumerate(features):
        x[:, k] = table.column(feature).to_numpy()
    elapsed_s = table.column("elapsed_s").to_numpy()
    return PartRows(x, elapsed_s=elapsed_s, **{key: table.column(key).to_numpy() for key in ROW_COLUMNS})


def iterate_rows(table: FeatureTable) -> Iterator[tuple[PartCharges, PartRows]]:
    """Part by part: no more than one is in memory."""
    for part in table.parts:
        charges = read_part_charges(table.path, part.name)
        yield charges, read_part_rows(table.path, part.name, table.features)


def hash_of_rows(digests: dict[str, bytes]) -> str:
    """The hash of rows from the digests of each charge's, by session."""
    total = hashlib.sha256()
    for session in sorted(digests):
        total.update(session.encode("ascii") + b"\n" + digests[session])
    return "sha256:" + total.hexdigest()


def _read(path: Path, columns: list[str] | None = None) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as file:
            return file.read(columns=columns, use_threads=False)
    except (OSError, KeyError, pyarrow.ArrowInvalid) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatasetError(f"{path}: cannot be read: {reason}; make the features again with --force") from None
