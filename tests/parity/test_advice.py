"""The C of firmware/lib/advice against the oracle written from docs/advice.md; what it promises; its build."""

from __future__ import annotations

from dataclasses import astuple, fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import advice as oracle
from tests.parity.test_core_build import INTEGER_64, MEMORY, RISCV, WARNINGS, run
from train.features.advice import LATER, SLOWLY, STOP, AdviceSettings, advise, default_settings

pytestmark = pytest.mark.parity

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "firmware" / "lib" / "advice"
INCLUDES = ("-I", LIBRARY / "include", "-I", ROOT / "firmware" / "lib" / "core" / "include")
SOURCE = LIBRARY / "src" / "advice.c"
WEEK = 604_800
INT32 = (-(2**31), 2**31 - 1)

TIMES = st.one_of(st.sampled_from([-1, 0, 1, 60, 3600, WEEK, WEEK + 1, *INT32]), st.integers(0, 40_000))
CURRENTS = st.one_of(st.sampled_from([*INT32, 0, 1, 5_999, 6_000, 524_287]), st.integers(1_000, 40_000))
INPUT = st.tuples(
    st.one_of(st.integers(1, 120), st.integers(1, 20_000), st.sampled_from([2**31, 2**32 - 5])),  # seconds on
    st.sampled_from([0, 0, 0, 0, 0, 1]),
    st.one_of(st.sampled_from([-1, 0, *INT32]), st.integers(0, 60_000)),
    st.sampled_from([0, 1, 1, 1]),
    CURRENTS,
    *(TIMES,) * 5,
)
DURATIONS = st.one_of(st.sampled_from([60, WEEK]), st.integers(60, 4_000))
SETTINGS = st.builds(
    AdviceSettings,
    wishes=st.integers(0, 7),
    to_target=st.integers(0, 1),
    least_ma=st.sampled_from([1, 100, 6_000]),
    most_ma=st.sampled_from([6_000, 16_000, 32_000, 524_287]),
    step_ma=st.sampled_from([1, 100, 1_000, 10_000]),
    observe_s=st.sampled_from([0, 60, 300]),
    margin_s=st.sampled_from([0, 900, WEEK]),
    on_s=DURATIONS,
    off_s=DURATIONS,
    change_s=DURATIONS,
    confirm_s=st.sampled_from([0, 60, 900]),
)


def inputs_of(begin: int, drawn: list[tuple[int, ...]]) -> np.ndarray:
    """Rows of `advise`, from steps in time."""
    rows, now = [], begin
    for step, *rest in drawn:
        now = (now + step) % 2**32
        rows.append([now, *rest])
    return np.array(rows, dtype=np.int64)


@settings(deadline=None, max_examples=400)
@given(
    chosen=SETTINGS,
    begin=st.sampled_from([0, 2**31 - 100, 2**32 - 1000]),
    drawn=st.lists(st.tuples(INPUT, st.integers(1, 6)), min_size=1, max_size=25),
)
def test_any_charge(chosen: AdviceSettings, begin: int, drawn: list[tuple[tuple[int, ...], int]]) -> None:
    """Each input comes several times, a minute apart, so that something holds."""
    steps = [(60, 0, *one[2:]) if again else one for one, times in drawn for again in range(times)]
    inputs = inputs_of(begin, steps)
    got = advise(chosen, inputs, begin)
    charge = oracle.Charge(chosen, begin)
    for k, (now, asks, in_s, *values) in enumerate(inputs.tolist()):
        if asks:
            oracle.ready_by(charge, now, in_s)
        before = len(charge.calls)
        assert got.table[k].tolist() == oracle.update(charge, now, values), (k, astuple(chosen))
        calls = charge.calls[before:]
        assert got.told[k].tolist() == [len(calls), *(calls[-1] if calls else (0, 0))]
    given_back = not charge.on or charge.limit != chosen.most_ma
    assert got.told[-1].tolist() == ([1, 1, chosen.most_ma] if given_back else [0, 0, 0])


def course(wishes: int, *, hours: float, seconds: int, ma: int = 16_000, **more: int) -> np.ndarray:
    """A battery that needs `seconds` at `ma`, advised once a minute for so many hours; the estimate is the truth.

    Returns [n, 4]: now, on, limit, what is left to charge, in seconds at `ma`.
    """
    chosen = replace(AdviceSettings(wishes=wishes, most_ma=ma), **more)
    rows: list[list[int]] = []
    found = []
    left, on, limit = float(seconds), 1, ma
    for minute in range(int(hours * 60)):
        drawing = int(bool(on) and left > 0)
        needed = round(left * ma / limit)
        rows.append([60 * minute, int(minute == 0), int(hours * 3600), drawing, limit, *(needed,) * 5])
        advice = advise(chosen, np.array(rows, dtype=np.int64), 0)
        on, limit = int(advice.column("on")[-1]), int(advice.column("on_limit_ma")[-1])
        left = max(left - (60 * limit / ma if on else 0), 0)
        found.append([60 * minute, on, limit, round(left)])
    return np.array(found)


def test_ready_in_time_and_not_much_earlier() -> None:
    later = course(LATER, hours=8, seconds=2 * 3600)
    off = later[later[:, 1] == 0, 0]
    assert later[-1, 3] == 0
    assert len(off) > 4 * 60  # it waits for most of the night
    assert int((np.diff(later[:, 1]) != 0).sum()) == 2  # once
    ready = later[later[:, 3] == 0, 0][0]
    assert 8 * 3600 - 900 - 120 <= ready <= 8 * 3600 - 900 + 60
    slow = course(SLOWLY, hours=5, seconds=2 * 3600)
    assert slow[:, 1].all()
    assert (np.diff(slow[slow[:, 3] > 0, 2]) < 0).sum() == 1  # down once
    assert set(slow[slow[:, 3] > 0, 2]) <= {16_000, 7_000, 8_000, 9_000}
    ready = slow[slow[:, 3] == 0, 0][0]
    assert 4 * 3600 <= ready <= 5 * 3600 - 900


@pytest.mark.parametrize(("more_s", "waits"), [(-1, False), (0, True), (1, True)])
def test_waits_for_no_less_than_it_stays_off(more_s: int, waits: bool) -> None:
    rows = [[60 * k, int(k == 0), 7200 + 900 + 600 + 600 + more_s, 1, 9_000, *(7200,) * 5] for k in range(11)]
    found = advise(AdviceSettings(wishes=LATER), np.array(rows, dtype=np.int64), 0)
    assert found.column("start_in_s")[10] == 600 + more_s
    assert bool(found.column("on")[10] == 0) is waits


def test_slowly_first_then_later() -> None:
    """Both wishes: the lowest current, and as late as that allows."""
    both = course(LATER | SLOWLY, hours=10, seconds=2 * 3600)
    charging = both[(both[:, 1] == 1) & (both[:, 0] > 3600) & (both[:, 3] > 0)]
    assert set(charging[:, 2]) <= {6_000, 7_000}  # what a minute's rounding costs is made up for
    assert both[-1, 3] == 0
    assert int((np.diff(both[:, 1]) != 0).sum()) == 2


def test_stop_is_final_until_asked_anew() -> None:
    rows = [[60 * k, 0, 0, 1, 9_000, 900, 900, 900, 0 if k > 20 else 300, 600] for k in range(60)]
    rows[50][1:3] = [1, 7200]
    found = advise(AdviceSettings(wishes=STOP), np.array(rows, dtype=np.int64), 0)
    assert found.column("on")[:22].all()
    assert not found.column("on")[22:50].any()
    assert found.column("on")[50:].any()
    silent = advise(AdviceSettings(), np.array(rows, dtype=np.int64), 0)
    assert silent.column("stop")[22:50].all()
    assert silent.column("on").all()
    assert not silent.told.any()  # nothing is wished, nobody is told


@settings(deadline=None, max_examples=100)
@given(chosen=SETTINGS, drawn=st.lists(INPUT, min_size=40, max_size=80))
def test_never_switches_quickly(chosen: AdviceSettings, drawn: list[tuple[int, ...]]) -> None:
    steps = [(1 + one[0] % 90, *one[1:]) for one in drawn]
    inputs = inputs_of(0, steps)
    found = advise(chosen, inputs, 0)
    on = np.concatenate(([1], found.column("on")))
    switched = inputs[np.diff(on) != 0, 0]
    least = [chosen.on_s if k % 2 == 0 else chosen.off_s for k in range(len(switched))]
    assert (np.diff(np.concatenate(([0], switched))) >= least).all()
    limit = np.concatenate(([chosen.most_ma], found.column("on_limit_ma")))
    changed = inputs[np.diff(limit) != 0, 0]
    assert (np.diff(np.concatenate(([0], changed))) >= chosen.change_s).all()
    assert (np.diff(limit) < 0).sum() <= 1 + sum(one[1] for one in drawn)
    assert ((limit >= min(chosen.least_ma, chosen.most_ma)) & (limit <= chosen.most_ma)).all()


def test_settings_are_checked() -> None:
    nothing = np.zeros((1, 10), dtype=np.int64)
    assert default_settings() == AdviceSettings()
    wrong = [
        {"wishes": 8}, {"least_ma": 0}, {"least_ma": 17_000}, {"most_ma": 524_288}, {"step_ma": 0},
        {"step_ma": 10_001}, {"observe_s": -1}, {"margin_s": WEEK + 1}, {"on_s": 59}, {"off_s": 59}, {"change_s": 59},
        {"confirm_s": -1},
    ]  # fmt: skip
    assert {next(iter(one)) for one in wrong} == {one.name for one in fields(AdviceSettings)} - {"to_target"}
    for one in wrong:
        with pytest.raises(ValueError, match="out of their bounds"):
            advise(replace(AdviceSettings(), **one), nothing, 0)


def test_page_has_the_defaults() -> None:
    page = (ROOT / "docs" / "advice.md").read_text(encoding="utf-8")
    for one in fields(AdviceSettings):
        value = getattr(AdviceSettings(), one.name)
        text = {"to_target": "false"}.get(one.name, str(value))
        (row,) = [line for line in page.splitlines() if line.startswith("| ") and f"`{one.name}`" in line.split("|")[1]]
        assert row.split("|")[2].strip() == text, row


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warnings(compiler: str, tmp_path: Path) -> None:
    for option in ("-O2", "-Os"):
        run(compiler, *WARNINGS, option, *INCLUDES, "-c", SOURCE, "-o", tmp_path / "x.o")
    alone = tmp_path / "alone.c"
    alone.write_text('#include "wp/advice.h"\n#include "wp/advice.h"\n', encoding="ascii")
    run(compiler, *WARNINGS, *INCLUDES, "-c", alone, "-o", tmp_path / "x.o")


def test_stress_under_sanitizers(tmp_path: Path) -> None:
    """Random and extreme inputs: nothing undefined, and nothing out of its range."""
    sanitizers = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    stress = Path(__file__).with_name("advice_stress.c")
    run("gcc", "-std=c11", *sanitizers, *INCLUDES, SOURCE, stress, "-o", tmp_path / "stress")
    run(tmp_path / "stress")


@pytest.mark.qemu
def test_portable_symbols_and_size_on_rv32imc(tmp_path: Path) -> None:
    built = tmp_path / "advice.o"
    run(*RISCV, "-std=c11", "-Os", *INCLUDES, "-c", SOURCE, "-o", built)
    nm = run("riscv64-unknown-elf-nm", "-P", built)
    asked = {line.split()[0] for line in nm.splitlines() if line.split()[1:2] == ["U"]}
    assert asked <= MEMORY | INTEGER_64
    text, data, bss = map(int, run("riscv64-unknown-elf-size", built).splitlines()[1].split()[:3])
    assert data + bss == 0
    assert text <= 2048
