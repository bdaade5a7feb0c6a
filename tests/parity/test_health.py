"""One number of a battery's health: the C with its generated table against train.health, in floats."""

from __future__ import annotations

import ctypes
import json
import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from codegen.cli import main
from tests.parity.test_core_build import INTEGER_64, MEMORY, RISCV, WARNINGS, run
from tests.unit.health.cells import PLATEAU_MA, RATED_MAH, ageing, charge, fleet
from train.health.evaluate import TEST_CUTS
from train.health.marks import MarksModel, _energy_wh, fit_marks
from train.health.model import FAR, HealthModel, fit_health
from train.health.reading import Reading
from train.health.signature import course_of, signature_of
from train.health.stored import write_model
from train.health.trend import estimate
from train.sessions.simulator.ev import simulate_vehicles
from train.sessions.types import Charge

pytestmark = pytest.mark.parity

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "firmware" / "lib" / "health"
INCLUDES = ("-I", LIBRARY / "include", "-I", LIBRARY / "src", "-I", ROOT / "firmware" / "lib" / "core" / "include")
SOURCES = sorted((LIBRARY / "src").glob("*.c"))
MISSING = -(2**31)
FLAGS = ("", "no_whole_tail", "temperature", "out_of_family", "jump", "no_marks", "short_span")
LOG_BOUND = 1e-4  # of log(health), docs/health.md: logarithms by tables, times the weights
PERMILLE_BOUND = 0.7  # half of it by rounding to whole per mille
NO_CAR = MarksModel("none", 1000, {"ac": 0.1}, 0.01, 0.01, 0.01, 3)
FAR_BOUND = 0.02  # of the squared distance, where in or out of family may differ


@dataclass
class Board:
    """The library of one model."""

    library: ctypes.CDLL

    def marks(self, charges: list[Charge]) -> list[list[int]]:
        """The same, by marks: of charges with whole energies and states of charge."""
        trend = ctypes.create_string_buffer(self.library.shim_trend_bytes())
        rows = []
        for one in charges:
            out = np.zeros(8, dtype=np.int32)
            assert one.energy_wh is not None
            assert one.soc_pct is not None
            held = [np.ascontiguousarray(each, dtype=np.int32) for each in (one.energy_wh, one.soc_pct)]
            pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in held]
            ambient = one.details.get("ambient_decidegc")
            known = MISSING if ambient is None else int(float(ambient))
            n, direct = ctypes.c_size_t(len(one.t_ms)), int(one.phases is None)
            self.library.shim_marks(n, *pointers, direct, known, trend, out.ctypes.data_as(ctypes.c_void_p))
            rows.append(out.tolist())
        return rows

    def unit(self, charges: list[Charge]) -> list[list[int]]:
        """Of a unit's charges in turn: flag of the reading, family, log_q28, flag, charge, soh, low, high."""
        trend = ctypes.create_string_buffer(self.library.shim_trend_bytes())
        rows = []
        for one in charges:
            out = np.zeros(8, dtype=np.int32)
            ambient = one.details.get("ambient_decidegc")
            arrays = (one.t_ms.astype(np.uint32), one.voltage_mv.astype(np.int32), one.current_ma.astype(np.int32))
            held = [np.ascontiguousarray(array) for array in arrays]
            pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in held]
            known = MISSING if ambient is None else int(float(ambient))
            assert not self.library.shim_charge(
                ctypes.c_size_t(len(one.t_ms)), *pointers, known, trend, out.ctypes.data_as(ctypes.c_void_p)
            )
            rows.append(out.tolist())
        return rows


Build = Callable[[HealthModel, MarksModel], Board]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Compiles a model as codegen emits it, every operation checked."""

    def made(tail: HealthModel, marks: MarksModel) -> Board:
        folder = tmp_path_factory.mktemp("health")
        for model, name in ((tail, "health_model"), (marks, "health_marks_model")):
            write_model(folder / f"{name}.json", model)
            assert main(["health", str(folder / f"{name}.json"), "--out", str(folder), "--name", name]) == 0
        checks = ("-fsanitize=undefined", "-fno-sanitize-recover=all", "-fsanitize-undefined-trap-on-error")
        shim = Path(__file__).with_name("health_shim.c")
        parts = (*SOURCES, folder / "health_model.c", folder / "health_marks_model.c", shim)
        run(
            "gcc", *WARNINGS, "-O2", "-fPIC", "-shared", *checks, *INCLUDES, "-I", folder, *parts, "-o", folder / "h.so"
        )
        library = ctypes.CDLL(str(folder / "h.so"))
        library.shim_root.restype = library.shim_trend_bytes.restype = ctypes.c_uint32
        assert library.shim_check() == 0
        return Board(library)

    return made


@pytest.fixture(scope="module")
def paper(build: Build) -> tuple[HealthModel, Board]:
    model = fit_health(fleet(), RATED_MAH)
    return model, build(model, NO_CAR)


@pytest.fixture(scope="module")
def simulated(build: Build, paper: tuple[HealthModel, Board]) -> tuple[MarksModel, Board, list[Charge]]:
    """A model of simulated cars, and charges of others as a board has them: whole energies and states of charge."""
    known = whole(simulate_vehicles(["leaf_40"], seed=3, units_per_car=8, charges_per_unit=6))
    others = whole(simulate_vehicles(["leaf_40"], seed=4, units_per_car=10, charges_per_unit=10))
    model = fit_marks(known, 38_000)
    return model, build(paper[0], model), others


def whole(charges: Iterable[Charge]) -> list[Charge]:
    found = []
    for one in charges:
        if one.soc_pct is None:
            continue
        energy = np.rint(_energy_wh(one)).astype(np.int32)
        found.append(replace(one, energy_wh=energy, soc_pct=np.floor(one.soc_pct).astype(np.float32)))
    return found


def assert_equal(
    model: HealthModel, board: Board, charges: list[Charge], off: list[tuple[float, float]] | None = None
) -> list[str]:
    """Within the bounds; returns the flags of a unit's charges.

    `off` gathers by how much log(health) and numbers differ.
    """
    wanted = list(estimate(model, charges))
    flags = []
    for one, want, got in zip(charges, wanted, board.unit(charges), strict=True):
        signature = signature_of(course_of(one), model.plateau_ma)
        if signature is not None:
            nearest = min(model.empty.distance(signature), model.late.distance(signature))
            if abs(nearest - FAR) < FAR_BOUND:
                pytest.skip("a charge at the very edge of the family")
        reading = model.read(one)
        refusal = "" if isinstance(reading, Reading) else reading
        assert FLAGS[got[0]] == refusal, one.session
        assert FLAGS[got[3]] == want.flag, one.session
        if isinstance(reading, Reading):
            assert ("empty", "late")[got[1]] == reading.start
            assert abs(got[2] / 2**28 - reading.log_soh) <= LOG_BOUND, one.session
            wanted_numbers = [value for value in (want.soh, want.trend, want.low, want.high) if value is not None]
            apart = [abs(permille - 1000 * value) for permille, value in zip(got[4:], wanted_numbers, strict=True)]
            assert max(apart) <= PERMILLE_BOUND, (one.session, got, want)
            if off is not None:
                off.append((abs(got[2] / 2**28 - reading.log_soh), max(apart)))
        else:
            assert got[4] == -1
        flags.append(FLAGS[got[3]])
    return flags


def cut(one: Charge, share: float) -> Charge:
    """The charge had the battery been fuller."""
    course = course_of(one)
    first = int(np.searchsorted(course.charge_mah, share * course.charge_mah[-1]))
    columns = {name: getattr(one, name)[first:] for name in ("t_ms", "voltage_mv", "current_ma")}
    return replace(one, session=f"{one.session} cut", **columns)


def test_equals_python_on_charges_of_known_health(paper: tuple[HealthModel, Board]) -> None:
    model, board = paper
    n_read = 0
    for ohm, growth in ((0.10, 0.6), (0.118, 0.7), (0.125, 0.55)):
        charges = ageing("u", ohm, growth)
        n_read += assert_equal(model, board, charges).count("")
        for share in TEST_CUTS:
            n_read += assert_equal(model, board, [cut(one, share) for one in charges]).count("")
    assert n_read > 120


def test_refusals_and_anomalies(paper: tuple[HealthModel, Board]) -> None:
    model, board = paper
    whole = charge("a", "u", 0.8, 0.12)
    early = replace(whole, **{name: getattr(whole, name)[:-200] for name in ("t_ms", "voltage_mv", "current_ma")})
    assert assert_equal(model, board, [early]) == ["no_whole_tail"]
    assert assert_equal(model, board, [charge("b", "u", 0.8, 0.12, start=0.97)]) == ["no_whole_tail"]
    assert assert_equal(model, board, [charge("c", "u", 0.8, 0.12, ambient=t) for t in (99, 100, 350, 351)]) == [
        "temperature", "", "", "temperature",
    ]  # fmt: skip
    assert assert_equal(model, board, [charge("d", "u", 0.8, 0.30)]) == ["out_of_family"]
    steady = [charge(f"e{k}", "u", 0.9, 0.12) for k in range(5)]
    found = assert_equal(model, board, [*steady, charge("f", "u", 0.7, 0.12), *steady[:1]])
    assert found[:5] == [""] * 5
    assert found[5] == "jump"
    odd = charge("g", "u", 0.7, 0.12)
    assert assert_equal(model, board, [*steady[:3], odd])[3] == "jump"  # the fourth charge is the first that can
    assert assert_equal(model, board, [*steady[:2], odd])[2] == ""


@pytest.mark.parametrize(("share", "counts"), [(0.89, False), (0.91, True)])
def test_highest_voltage_counts_on_the_plateau(paper: tuple[HealthModel, Board], share: float, counts: bool) -> None:
    """A tenth less current is the plateau's end: what the voltage does below is not looked at."""
    model, board = paper
    plain = charge("p", "u", 0.85, 0.12)
    at = len(plain.t_ms) // 3
    voltage, current = plain.voltage_mv.copy(), plain.current_ma.copy()
    voltage[at] += 800
    current[at] = round(share * PLATEAU_MA)
    spiked = replace(plain, session="q", voltage_mv=voltage, current_ma=current)
    assert_equal(model, board, [spiked])
    (before,), (after,) = board.unit([plain]), board.unit([spiked])
    assert (abs(after[2] - before[2]) > 2**20 or after[0] != before[0]) is counts


def test_equals_python_on_cars(simulated: tuple[MarksModel, Board, list[Charge]]) -> None:
    model, board, charges = simulated
    flags, sides = [], set()
    for unit in sorted({one.unit for one in charges}):
        mine = [one for one in charges if one.unit == unit]
        for one, want, got in zip(mine, estimate(model, mine), board.marks(mine), strict=True):
            reading = model.read(one)
            assert FLAGS[got[3]] == want.flag, one.session
            flags.append(want.flag)
            if not isinstance(reading, Reading):
                assert FLAGS[got[0]] == reading
                continue
            assert ("ac", "dc")[got[1]] == reading.start
            sides.add(reading.start)
            assert abs(got[2] / 2**28 - reading.log_soh) <= LOG_BOUND
            for permille, value in zip(got[4:], (want.soh, want.trend, want.low, want.high), strict=True):
                assert value is not None
                assert abs(permille - 1000 * value) <= PERMILLE_BOUND, (one.session, got, want)
    assert sides == {"ac", "dc"}
    assert flags.count("") >= 8
    assert {"temperature", "short_span"} <= set(flags)


def test_marks_that_are_none(simulated: tuple[MarksModel, Board, list[Charge]]) -> None:
    model, board, charges = simulated
    one = next(each for each in charges if isinstance(model.read(each), Reading))
    assert one.energy_wh is not None
    assert one.soc_pct is not None
    cases = {
        "no_marks": replace(one, soc_pct=np.full_like(one.soc_pct, 50)),
        "out_of_family": replace(one, energy_wh=(one.energy_wh * 3).astype(np.int32)),
        "temperature": replace(one, details={**one.details, "ambient_decidegc": "40"}),
    }
    for flag, each in cases.items():
        assert model.read(each) == flag
        assert FLAGS[board.marks([each])[0][0]] == flag
    unlearnt = replace(model, lost={"ac" if one.phases is None else "dc": 0.1})
    assert unlearnt.read(one) == "no_marks"


def test_clock_that_wraps_and_jitters(paper: tuple[HealthModel, Board]) -> None:
    model, board = paper
    one = charge("w", "u", 0.85, 0.12)
    random = np.random.default_rng(4)
    kept = np.sort(random.choice(len(one.t_ms), len(one.t_ms) * 2 // 3, replace=False))
    columns = {name: getattr(one, name)[kept] for name in ("t_ms", "voltage_mv", "current_ma")}
    thinned = replace(one, **columns)
    assert assert_equal(model, board, [thinned]) == [""]
    wrapped = replace(thinned, t_ms=thinned.t_ms + np.uint32(2**32 - 1_000_000))
    assert board.unit([wrapped]) == board.unit([thinned])


def test_logarithm_exponential_and_root(paper: tuple[HealthModel, Board]) -> None:
    library = paper[1].library
    random = np.random.default_rng(5)
    values = [1, 2, 3, 7_200_000, 2**63, 2**64 - 1, *(int(2**x) for x in random.uniform(0, 63.9, 3000))]
    for value in values:
        error = math.log(value) - library.shim_ln(ctypes.c_uint64(value)) / 2**24
        assert -2e-7 <= error <= 3.1e-5
    for log in (-9.0, -5.0, 0.0, 1.0, 4.0, *random.uniform(-5, 1, 3000)):
        exact = 1000 * math.exp(min(max(log, -5), 1))
        got = library.shim_permille(ctypes.c_int64(round(log * 2**28)))
        assert abs(got - exact) <= 0.5 + 2e-5 * exact
    for value in (0, 1, 3, 4, 2**64 - 1, *(int(2**x) for x in random.uniform(0, 63.9, 500))):
        assert library.shim_root(ctypes.c_uint64(value)) == math.isqrt(value)


def test_tables_are_what_they_say() -> None:
    text = (LIBRARY / "src" / "health_log.c").read_text(encoding="ascii")
    for name, exact in (
        ("log2_q24", lambda k: math.log2(1 + k / 64) * 2**24),
        ("exp2_q30", lambda k: 2 ** (k / 64) * 2**30),
    ):
        found = re.search(rf"{name}\[65\] = \{{(.*?)\}};", text, re.DOTALL)
        assert found
        assert [int(each) for each in re.findall(r"(\d+)u", found[1])] == [round(exact(k)) for k in range(65)]


def test_bad_models_are_one_line(tmp_path: Path, paper: tuple[HealthModel, Board], capsys: object) -> None:
    good = tmp_path / "good.json"
    write_model(good, paper[0])
    values = json.loads(good.read_text(encoding="ascii"))
    bad = tmp_path / "bad.json"

    def said(**changed: object) -> str:
        bad.write_text(json.dumps(values | changed), encoding="ascii")
        assert main(["health", str(bad), "--out", str(tmp_path / "out")]) == 2
        text: str = capsys.readouterr().err  # type: ignore[attr-defined]
        assert text.count("\n") == 1
        assert not (tmp_path / "out").exists()
        return text

    assert "kind is 'other'" in said(kind="other")
    assert "lost" in said(kind="marks")
    assert "schema" in said(schema=2)
    assert "late.spread" in said(late=values["late"] | {"spread": [[1, 0, 0], [0, -1, 0], [0, 0, 1]]})
    assert "empty.weights" in said(empty=values["empty"] | {"weights": [0, 9, 0]})
    assert "plateau_ma" in said(plateau_ma=float("nan"))
    assert main(["health", str(tmp_path / "none.json"), "--out", str(tmp_path)]) == 2
    assert main(["health", str(good), "--out", str(tmp_path), "--name", "1x"]) == 2


@pytest.mark.recordings
def test_equals_python_on_recorded_cells(build: Build, tmp_path: Path) -> None:
    """NASA's cells, with what was learnt of all of them; whole charges and cut ones."""
    from train.cli import main as train
    from train.sessions.dataset import read_dataset

    folder = Path(os.environ["WATTPRINT_RECORDINGS"]) / "nasa_liion"
    assert train(["import", "nasa", str(folder), str(tmp_path / "nasa")]) == 0
    charges = list(read_dataset(tmp_path / "nasa").charges)
    model = fit_health(charges, 2000)
    board = build(model, NO_CAR)
    off: list[tuple[float, float]] = []
    flags: list[str] = []
    for unit in sorted({one.unit for one in charges}):
        mine = [one for one in charges if one.unit == unit]
        flags += assert_equal(model, board, mine, off)
        for share in TEST_CUTS:
            flags += assert_equal(model, board, [cut(one, share) for one in mine], off)
    log, permille = np.max(off, axis=0)
    print(
        f"{len(flags)} charges, {len(off)} answers: log(health) {log:.1e} off at most, numbers {permille:.2f} permille"
    )
    assert len(off) > 300


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warnings(compiler: str, tmp_path: Path) -> None:
    for path in SOURCES:
        for option in ("-O2", "-Os"):
            run(compiler, *WARNINGS, option, *INCLUDES, "-c", path, "-o", tmp_path / "x.o")
    alone = tmp_path / "alone.c"
    alone.write_text('#include "wp/health.h"\n#include "wp/health.h"\n', encoding="ascii")
    run(compiler, *WARNINGS, *INCLUDES, "-c", alone, "-o", tmp_path / "x.o")


def test_stress_under_sanitizers(tmp_path: Path) -> None:
    """Anything as samples, tables and trends: nothing undefined, and an answer in its range."""
    sanitizers = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    stress = Path(__file__).with_name("health_stress.c")
    run("gcc", "-std=c11", *sanitizers, *INCLUDES, *SOURCES, stress, "-o", tmp_path / "stress")
    run(tmp_path / "stress")


@pytest.mark.qemu
def test_portable_symbols_and_size_on_rv32imc(tmp_path: Path) -> None:
    objects = []
    for path in SOURCES:
        objects.append(tmp_path / f"{path.stem}.o")
        run(*RISCV, "-std=c11", "-Os", *INCLUDES, "-c", path, "-o", objects[-1])
    nm = run("riscv64-unknown-elf-nm", "-P", *objects)
    fields = [line.split()[:2] for line in nm.splitlines() if len(line.split()) >= 2]
    asked = {name for name, kind in fields if kind == "U"} - {name for name, kind in fields if kind != "U"}
    assert asked <= MEMORY | INTEGER_64
    sizes = [line.split() for line in run("riscv64-unknown-elf-size", *objects).splitlines()[1:]]
    assert sum(int(row[1]) + int(row[2]) for row in sizes) == 0
    assert sum(int(row[0]) for row in sizes) <= 5120
