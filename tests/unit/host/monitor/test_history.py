from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from host.monitor.history import Cursor, History, Point


def filled(n: int, max_points: int) -> History:
    history = History(max_points)
    for k in range(n):
        history.append(Point(1_000 * k, k, 2 * k))
    return history


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 15, 16, 17, 100, 1_000, 4_321])
def test_memory_is_bounded_and_points_stay_evenly_spaced(n: int) -> None:
    times = filled(n, 8).column("elapsed_ms")
    assert len(times) < 8
    steps = {b - a for a, b in pairwise(times)}
    assert len(steps) <= 1
    if n:
        assert times[0] == 0
        step = steps.pop() if steps else 1_000
        assert 1_000 * (n - 1) - times[-1] < step  # nothing is missing at the end but less than one step


def test_a_reader_gets_each_point_once() -> None:
    history, cursor = History(16), Cursor()
    seen: list[int] = []
    for k in range(200):
        history.append(Point(1_000 * k, k, 0))
        if k % 3 == 0:
            cursor, fresh, columns = history.since(cursor)
            seen = (seen if not fresh else []) + columns[1].tolist()
    cursor, fresh, columns = history.since(cursor)
    seen = (seen if not fresh else []) + columns[1].tolist()
    assert seen == history.column("voltage_mv")
    assert [len(column) for column in history.since(cursor)[2]] == [0] * len(Point._fields)


def test_a_column_can_end_at_a_time() -> None:
    history = filled(10, 64)
    assert history.column("voltage_mv", 4_500) == [0, 1, 2, 3, 4]
    assert history.column("voltage_mv", -1) == []


def test_readers_never_see_half_a_point() -> None:
    history, wrong, done = History(64), [], threading.Event()

    def read() -> None:
        while not done.is_set():
            _, _, columns = history.since(Cursor())
            if len({len(column) for column in columns}) != 1 or columns[1].tolist() != [
                2 * v for v in columns[2].tolist()
            ]:
                wrong.append(columns)

    reader = threading.Thread(target=read)
    reader.start()
    for k in range(20_000):
        history.append(Point(k, 2 * k, k))
    done.set()
    reader.join()
    assert not wrong


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        History(7)
