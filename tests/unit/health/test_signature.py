"""The three numbers of a charge, against what they are on paper."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.health.cells import PLATEAU_MA, RATED_MAH, RISE_MV, charge
from train.health.signature import SETTLED_S, Course, course_of, plateau_ma, signature_of


@pytest.mark.parametrize(("soh", "ohm", "start"), [(1.0, 0.1, 0.0), (0.7, 0.2, 0.0), (0.9, 0.15, 0.5)])
def test_numbers_on_paper(soh: float, ohm: float, start: float) -> None:
    course = course_of(charge("one", "u", soh, ohm, start=start))
    assert plateau_ma(course) == PLATEAU_MA
    found = signature_of(course, PLATEAU_MA)
    assert found is not None
    capacity = soh * RATED_MAH
    # dI/dq = -RISE/(R C): between two currents the charge is their difference times R C / RISE.
    per_ma = ohm * capacity / RISE_MV
    assert found.tail_mah == pytest.approx(0.45 * PLATEAU_MA * per_ma, rel=2e-3)
    assert found.charge_mah == pytest.approx(capacity * (1 - start) - 0.05 * PLATEAU_MA * per_ma, rel=2e-3)
    settled = start + PLATEAU_MA * (SETTLED_S + 5) / 3600 / capacity
    limit = 1 - PLATEAU_MA * ohm / RISE_MV
    assert found.below_limit_mv == pytest.approx(RISE_MV * (limit - settled), abs=3)


def test_cut_is_as_if_it_had_started_there() -> None:
    whole, late = (course_of(charge("one", "u", 0.8, 0.12, start=start)) for start in (0.0, 0.5))
    cut = signature_of(whole.without_first(0.5), PLATEAU_MA)
    started = signature_of(late, PLATEAU_MA)
    assert cut is not None
    assert started is not None
    np.testing.assert_allclose(cut.as_inputs(), started.as_inputs(), atol=0.03, rtol=0.02)


def test_no_tail_no_signature() -> None:
    one = charge("one", "u", 0.8, 0.12)
    course = course_of(one)
    n = int(np.searchsorted(-course.current_ma, -0.1 * PLATEAU_MA))  # 10 % still flows
    broken_off = Course(course.t_s[:n], course.voltage_mv[:n], course.current_ma[:n], course.charge_mah[:n])
    assert signature_of(broken_off, PLATEAU_MA) is None
    assert signature_of(course.without_first(0.95), PLATEAU_MA) is None  # it starts within the tail
    assert signature_of(course.without_first(0.9999), PLATEAU_MA) is None  # nothing settled is left
    assert signature_of(course, PLATEAU_MA) is not None
