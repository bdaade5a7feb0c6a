"""One charge on its way to the disk, such that a power cut loses a second of it and every reader sees a whole dataset.

.SESSION.recording   labels and where the samples come from; held locked by the recorder; gone when the charge ended
.SESSION.part        the samples, while a dataset would refuse them (the first ten, no current)
SESSION.csv          the samples from then on, listed in sessions.csv as `unknown` until the end is known
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from host.errors import HostError
from host.recording.acceptance import Acceptance
from host.recording.folder import (
    MIN_SAMPLES,
    SAMPLE_HEADER,
    Labels,
    TableChange,
    table_lock,
    write_synced,
    writing,
)
from host.recording.note import Origin, held, note_text, read_note

SYNC_EVERY_S = 0.5
"""Samples are handed to the system one by one; so often it is made to put them on the disk."""


class ChargeFile:
    """The files of a charge in progress. Every method raises HostError where the disk does not take it."""

    def __init__(self, folder: Path, session: str, labels: Labels, origin: Origin, state: int) -> None:
        self.session = session
        self.labels = labels
        self.origin = origin
        self._folder = folder
        self._state = state
        self._state_path = folder / f".{session}.recording"
        self._part = folder / f".{session}.part"
        self._path = folder / f"{session}.csv"
        self._tally = Acceptance()
        self._published = self._path.exists()
        path = self.samples_path
        self._samples = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._size = os.fstat(self._samples).st_size
        self._dirty = False
        self._synced_at = 0.0

    @classmethod
    def create(
        cls, folder: Path, session: str, labels: Labels, origin: Origin, header: str = SAMPLE_HEADER
    ) -> ChargeFile:
        """Begin a charge; `header` is the first line of its samples, with its LF."""
        with writing(folder):
            path = folder / f".{session}.recording"
            write_synced(path, note_text(session, labels, origin))
            state = held(path)
            if state is None:
                raise HostError(f"{path}: another recorder holds it; give each its own --session")
            charge = cls(folder, session, labels, origin, state)
            try:
                charge._append(header.encode("ascii"))
                charge._sync_folder()
            except BaseException:
                charge.close()
                raise
        return charge

    @classmethod
    def reopen(cls, folder: Path, session: str) -> tuple[ChargeFile, list[tuple[int, int, int]]] | None:
        """Take up a charge whose recorder was stopped, and its samples; None where a recorder is still at it.

        A last row without its end, as a power cut may leave, is cut off.
        """
        with writing(folder):
            state = held(folder / f".{session}.recording")
            if state is None:
                return None
            labels, origin = read_note(state, folder / f".{session}.recording")
            charge = cls(folder, session, labels, origin, state)
            return charge, charge._read_back()

    @property
    def samples_path(self) -> Path:
        """The file the samples are in now."""
        return self._path if self._published else self._part

    @property
    def n_samples(self) -> int:
        """Rows written."""
        return self._tally.n

    def add(self, t_ms: int, voltage_mv: int, current_ma: int) -> None:
        """Append a sample; from the first moment a dataset takes the charge it is listed."""
        self.add_row((t_ms, voltage_mv, current_ma), voltage_mv, current_ma)

    def add_row(self, row: Sequence[int | str], voltage_mv: int, current_ma: int) -> None:
        """Append a sample of other columns, which says this voltage and current."""
        with writing(self._folder):
            self._append((",".join(map(str, row)) + "\n").encode("ascii"))
            self._tally.add(voltage_mv, current_ma)
            if not self._published and self._tally.acceptable:
                self._publish("unknown", None)

    def sync(self, now_s: float) -> None:
        """Make the disk take what was written, when it is time to; `now_s` is monotonic."""
        if self._dirty and now_s - self._synced_at >= SYNC_EVERY_S:
            with writing(self._folder):
                os.fsync(self._samples)
            self._dirty, self._synced_at = False, now_s
            self._check_place()

    def move(self, origin: Origin) -> None:
        """Note that the charge now comes from elsewhere, as after a restart of the board."""
        self.origin = origin
        with writing(self._folder):
            data = note_text(self.session, self.labels, origin)
            os.pwrite(self._state, data.ljust(os.fstat(self._state).st_size), 0)
            os.fsync(self._state)

    def finish(self, ended: str, full_t_ms: int | None) -> bool:
        """End the charge; False when it is none that a dataset takes, whose samples are then not kept as one."""
        with writing(self._folder):
            os.fsync(self._samples)
            if self._tally.acceptable:
                self._publish(ended, full_t_ms)
            elif self._tally.n >= MIN_SAMPLES:
                self._part.replace(self.rejected_path)
            else:
                self._part.unlink(missing_ok=True)
            self._state_path.unlink(missing_ok=True)
            self._sync_folder()
            self.close()
        return self._tally.acceptable

    @property
    def rejected_path(self) -> Path:
        """Where the samples of a charge are left that a dataset would refuse."""
        return self._folder / f"{self.session}.rejected"

    @property
    def objection(self) -> str:
        """Why a dataset would refuse the charge."""
        return self._tally.objection

    def close(self) -> None:
        """Let go of the files; a charge that was not finished can be taken up again."""
        for descriptor in (self._samples, self._state):
            with suppress(OSError):
                os.close(descriptor)

    def _append(self, data: bytes) -> None:
        n_written = os.write(self._samples, data)
        if n_written != len(data):  # a disk that is full takes a part: no half row may stay
            os.ftruncate(self._samples, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += n_written
        self._dirty = True

    def _publish(self, ended: str, full_t_ms: int | None) -> None:
        """Two renames, one right after the other: all that takes time is done before."""
        os.fsync(self._samples)
        with table_lock(self._folder):
            change = TableChange(self._folder, self.labels.row(self.session, ended, full_t_ms))
            if not self._published:
                self._part.replace(self._path)
            change.commit()
        self._published = True

    def _read_back(self) -> list[tuple[int, int, int]]:
        data = os.pread(self._samples, self._size, 0)
        whole = data[: data.rfind(b"\n") + 1] or SAMPLE_HEADER.encode("ascii")
        if whole != data:
            os.ftruncate(self._samples, 0)
            self._size = 0
            self._append(whole)
        header, *lines = whole.decode("ascii", "replace").splitlines()
        samples = []
        for number, line in enumerate(lines, start=2):
            try:
                sample = _as_one(
                    dict(zip(header.split(","), (int(text or 0) for text in line.split(",")), strict=True))
                )
            except (ValueError, KeyError):
                raise HostError(f"{self.samples_path}:{number}: is no sample; see python -m train validate") from None
            self._tally.add(*sample[1:])
            samples.append(sample)
        return samples

    def _check_place(self) -> None:
        try:
            same = os.path.samestat(self.samples_path.stat(), os.fstat(self._samples))
        except OSError:
            same = False
        if not same:
            raise HostError(
                f"{self.samples_path}: was replaced or removed by another program while it was recorded; "
                "record into a folder of its own and add it later"
            )

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _as_one(row: Mapping[str, int]) -> tuple[int, int, int]:
    """Time, voltage and current; of three phases the first's voltage and the largest current."""
    if "voltage_mv" in row:
        return row["t_ms"], row["voltage_mv"], row["current_ma"]
    return row["t_ms"], row["voltage_mv_l1"], max(row[f"current_ma_l{phase}"] for phase in (1, 2, 3))


@contextmanager
def closing(charge: ChargeFile) -> Iterator[ChargeFile]:
    """Let go of a charge's files, however the block is left."""
    try:
        yield charge
    finally:
        charge.close()
