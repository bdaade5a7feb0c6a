"""A recorded charge of a dataset as a run: the answers are those that any board with this artifact's model gives."""

from __future__ import annotations

import csv
import shutil
import tempfile
from pathlib import Path

from host.commands import run_module
from host.errors import HostError
from host.messages import PLUG, PROTOCOL_VERSION, BoardMessage, Event, Hello, LiveSample, encode
from host.monitor.entries import Entry, Kind
from host.monitor.run_file import Run
from host.progress import waiting
from host.reference import Charge, load_reference
from host.samples import read_samples
from train.artifact import Artifact

TABLES = ("sessions.csv", "sessions.parquet")
N_NAMED = 5


def must_hold_charges(path: Path) -> None:
    """Raises HostError for a folder that is no dataset."""
    if path.is_dir() and not any((path / table).is_file() for table in TABLES):
        raise HostError(f"{path}: no run, sample file or dataset; a dataset has a sessions.csv (docs/dataset.md)")


def charge_run(path: Path, session: str | None, artifact: Artifact) -> Run:
    """The run of a sample file, or of one charge of a dataset folder (docs/dataset.md); its hour is not known.

    Raises HostError for a file or session that is not there or not sound.
    """
    with tempfile.TemporaryDirectory(prefix="wattprint-") as name:
        folder = Path(name)
        data, session = _dataset(path, session, folder)
        reference = folder / "reference.npz"
        command = ("--artifact", str(artifact.path), "--data", str(data), "--split", "all", "--out", str(reference))
        with waiting("answering with the reference"):
            run_module("codegen", ["reference", *command])
        charges = load_reference(reference, artifact.model_hash).charges
    return _run(_chosen(charges, session, path), artifact)


def _dataset(path: Path, session: str | None, folder: Path) -> tuple[Path, str | None]:
    """A dataset that holds as little as possible beside the charge, and the charge's name in it."""
    if path.is_file():
        read_samples(path)  # what is wrong is told of this file, not of its copy
        row = {"session": "charge", "device": "not_given", "unit": "1", "charger": "not_given", "ended": "unknown"}
        return _alone(path, row, folder), None
    samples = path / f"{session}.csv"
    if session is None or not samples.is_file() or not (path / TABLES[0]).is_file():
        return path, session
    with (path / TABLES[0]).open(encoding="utf-8-sig", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row.get("session") == session]
    return (_alone(samples, {**rows[0], "session": "charge"}, folder), None) if rows else (path, session)


def _alone(samples: Path, row: dict[str, str], folder: Path) -> Path:
    data = folder / "data"
    data.mkdir()
    shutil.copyfile(samples, data / "charge.csv")
    with (data / TABLES[0]).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [key for key in row if key is not None], extrasaction="ignore")
        writer.writeheader()
        writer.writerow(row)
    return data


def _chosen(charges: tuple[Charge, ...], session: str | None, path: Path) -> Charge:
    found = [charge for charge in charges if session in (None, charge.session)]
    names = ", ".join(charge.session for charge in charges[:N_NAMED]) + (" …" if len(charges) > N_NAMED else "")
    if not found:
        raise HostError(f"--session {session}: no such charge in {path}; there are: {names}")
    if len(found) > 1:
        raise HostError(f"{path}: {len(found)} charges; choose one with --session: {names}")
    return found[0]


def _run(charge: Charge, artifact: Artifact) -> Run:
    high, low = int(artifact.model_hash[:8], 16), int(artifact.model_hash[8:], 16)
    entries = [Entry(0.0, Kind.OPENED, charge.session.encode())]

    def said(at_s: float, message: BoardMessage) -> None:
        entries.append(Entry(at_s, Kind.RECEIVED, encode(message).rstrip(b"\n")))

    said(0.0, Hello(high, low, PROTOCOL_VERSION, 0, 0, len(artifact.devices)))
    said(0.0, Event(PLUG, 1))
    start_ms, elapsed_ms, before_ms = charge.samples[0].t_ms, 0, charge.samples[0].t_ms
    for sequence, (sample, answer) in enumerate(zip(charge.samples, charge.expected, strict=True)):
        elapsed_ms += sample.t_ms - before_ms & 0xFFFFFFFF
        before_ms = sample.t_ms
        t_ms = sample.t_ms - start_ms & 0xFFFFFFFF
        said(elapsed_ms / 1000, LiveSample(sequence, t_ms, sample.voltage_mv, sample.current_ma))
        said(elapsed_ms / 1000, answer)
    return Run(charge.session, False, entries)
