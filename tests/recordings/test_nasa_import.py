"""The NASA set as it is: traps trimmed, ends found where the recordings have one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.sessions.dataset import dataset_hash, read_dataset, write_dataset
from train.sessions.importers.nasa import read_nasa
from train.sessions.labels import full_t_ms

pytestmark = pytest.mark.recordings


def test_ends_of_the_recorded_charges(recordings: Path, tmp_path: Path) -> None:
    charges = list(read_nasa(recordings))
    write_dataset(tmp_path / "nasa", charges)
    assert read_dataset(tmp_path / "nasa").hash == dataset_hash(charges)
    assert len(charges) == 89
    assert len({one.unit for one in charges}) == 6
    ends = {one.session: full for one in charges if (full := full_t_ms(one)) is not None}
    assert len(ends) == 86
    for cell in {one.unit for one in charges}:
        minutes = [full / 60_000 for session, full in ends.items() if session.startswith(cell)]
        # Constant current and voltage at 0.75 C take two hours or a little more; 118-136 min by an earlier count
        # whose clock began with the file's first row.
        assert 116 < np.mean(minutes) < 138


def test_neither_rest_nor_transient_is_left(recordings: Path) -> None:
    for one in read_nasa(recordings):
        assert one.t_ms[0] == 0
        assert one.current_ma.min() >= 0
        assert one.current_ma[0] > 10
        assert one.current_ma[-1] > 10
        assert np.median(one.voltage_mv) > 4000
        assert 1_400 < one.current_ma.max() < 1_600
