"""One's own device: a few charges of one unit, alone or with the simulated fleet as prior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from codegen.cli import main as codegen
from tests.unit.train.fleet import charge, charges
from train.answer_rules import Interval
from train.artifact import load_artifact
from train.cli import main
from train.config import Config, Forest, Forests, RemainingForest
from train.errors import TrainError
from train.evaluate.run import evaluate
from train.features import feature_names
from train.models import crossfit, few, own
from train.models.alone import rows_alone
from train.models.between_units import learn_between_units
from train.models.courses import CourseRows
from train.models.fit import fit
from train.models.learnt import Learnt
from train.models.own import Few, charge_folds
from train.models.own_notes import own_notes
from train.models.own_prior import Prior, learn_as_far_as_it_helps
from train.models.rows import TrainingRows, training_rows
from train.models.split import UnitSplit
from train.sessions.dataset import write_dataset
from train.sessions.labels import full_t_ms
from train.sessions.limits import until_full
from train.sessions.simulator import device_names
from train.sessions.types import Charge

QUICK = Config(forest=Forests(device=Forest(rounds=2, max_depth=3), remaining=RemainingForest(rounds=5)))


def limited(number: int, unit: int = 0) -> Charge:
    """A charge that its device stopped at a level, by its current alone."""
    return replace(charge(0, unit, number), ended="limit", full_t_ms=None)


def mixed() -> list[Charge]:
    """Six charges of one unit: four full, one that a limit stopped, one unplugged half way."""
    broken_off = charge(0, 0, 5)
    half = len(broken_off.t_ms) // 2
    columns: dict[str, Any] = {name: getattr(broken_off, name)[:half] for name in ("t_ms", "voltage_mv", "current_ma")}
    return [
        *charges(1, 1, 4),
        limited(4),
        replace(broken_off, ended="unplugged", full_t_ms=None, **columns),
    ]


@pytest.fixture
def small_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet of a unit a kind, so that a prior takes a second."""
    monkeypatch.setattr(few, "PRIOR_UNITS", 1)
    monkeypatch.setattr(own, "BESIDE_UNITS", 4)
    monkeypatch.setattr(own, "BESIDE_CHARGES", 1)


def test_a_limit_is_no_full_charge() -> None:
    assert full_t_ms(limited(4)) is not None
    before = mixed()
    after = until_full(before)
    assert [full_t_ms(one) is None for one in after] == [False] * 4 + [True, True]
    assert after[4].t_ms[-1] < (full_t_ms(before[4]) or 0) <= after[4].t_ms[-1] + 10_000
    assert len(after[4].t_ms) == len(after[4].voltage_mv) == len(after[4].current_ma)
    assert [a is b for a, b in zip(before, after, strict=True)] == [True] * 4 + [False, True]


def test_a_device_that_is_always_limited_is_charged_to_its_limit() -> None:
    always = [limited(0), limited(1)]
    assert until_full(always) == always


def test_forests_of_few_units_do_not_follow_the_default(tmp_path: Path) -> None:
    """The steps and parameters that suit a fleet change nothing where units are few."""
    write_dataset(tmp_path / "mine", charges(2, 2, 2))
    large = replace(Config().forest, few_leaf_bits=9)
    device, remaining = replace(large.device, rounds=4), replace(large.remaining, rounds=8)
    other = replace(
        large,
        device=replace(device, max_depth=2, eta=0.1, refined=False, kept_splits=1.0, leaf_bits=4),
        remaining=replace(remaining, max_depth=2, eta=0.1, refined=False, kept_splits=0.2, leaf_bits=4),
    )
    made = []
    for name, forest in (("a", replace(large, device=device, remaining=remaining)), ("b", other)):
        fit(tmp_path / "mine", tmp_path / name, Config(forest=forest))
        made.append([(tmp_path / name / file).read_bytes() for file in (crossfit.DEVICE_FILE, crossfit.REMAINING_FILE)])
        trained = load_artifact(tmp_path / name).manifest["training"]
        assert (trained["device"]["leaf_bits"], trained["remaining"]["leaf_bits"]) == (9, 9)
        assert not trained["device"]["refined"]
    assert made[0] == made[1]


def test_charges_are_left_out_of_devices_with_one_unit() -> None:
    found = [*charges(1, 1, 7), *(charge(1, unit, 0) for unit in (0, 1)), *(charge(2, 0, n) for n in (0, 1))]
    rows = training_rows(found, ("device0", "device1", "device2"))
    folds = charge_folds(rows, {one.unit_key for one in found})
    assert sorted(number for fold in folds for number in fold) == list(range(7))  # device2 has too few
    assert len(folds) == own.N_FOLDS
    assert charge_folds(rows, {"device1/u0", "device1/u1"}) == []


def test_own_charges_weigh_as_much_as_the_fleet_s() -> None:
    rows = training_rows([*charges(1, 1, 5), charge(1, 0, 0)], ("device0", "device1"))
    beside = Few(parts=UnitSplit(("device1/u0",), (), ()))
    more = beside.balanced(rows)
    own_rows = more.where(more.device == 0)
    assert len(np.unique(own_rows.charge)) == 45  # nine times five: a device of the fleet has 48
    assert own_rows.weight().sum() == pytest.approx(45)
    assert np.count_nonzero(more.device == 1) == np.count_nonzero(rows.device == 1)
    assert Few().balanced(rows) is rows


def test_no_charge_is_answered_by_a_model_that_saw_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dataset(tmp_path / "mine", mixed())
    seen: list[set[int]] = []
    answered: list[set[int]] = []
    train, answer = crossfit.train_models, crossfit._answer

    def recorded_training(part: TrainingRows, *others: Any) -> crossfit.Trained:
        seen.append(set(np.unique(part.charge).tolist()))
        return train(part, *others)

    def recorded_answer(part: TrainingRows, *others: Any) -> crossfit.UnseenAnswers:
        answered.append(set(np.unique(part.charge).tolist()))
        return answer(part, *others)

    monkeypatch.setattr(crossfit, "train_models", recorded_training)
    monkeypatch.setattr(crossfit, "_answer", recorded_answer)
    summary = fit(tmp_path / "mine", tmp_path / "model", QUICK)
    assert answered[0] == set()
    assert [part | left for part, left in zip(seen, answered[1:], strict=True)] == [{0, 1, 2, 3, 4, 5}] * 4
    assert sorted(number for left in answered[1:] for number in left) == [0, 1, 2, 3]
    assert load_artifact(tmp_path / "model").estimate.intervals != (Interval(0, 0, 0),)
    notes = " ".join(summary.notes)
    assert "charges that a limit stopped count as unplugged: 1" in notes
    assert "charges left out in turn: 4" in notes
    assert "uncalibrated" not in notes


@pytest.mark.usefixtures("small_fleet")
def test_one_device_on_the_fleet_s_knowledge_goes_the_whole_way(tmp_path: Path) -> None:
    write_dataset(tmp_path / "mine", mixed())
    write_dataset(tmp_path / "later", [charge(0, 0, number) for number in range(20, 26)])
    command = ["fit", "--data", str(tmp_path / "mine"), "--prior", "fleet", "--own-only"]
    assert main([*command, "--out", str(tmp_path / "model")]) == 0
    artifact = load_artifact(tmp_path / "model")
    assert artifact.devices == ("device0",)
    assert artifact.device_model is None
    assert artifact.manifest["data"]["charges"] == 6
    prior = artifact.manifest["training"]["prior"]
    assert (prior["asked"], prior["left_out_charges"], sorted(prior["off_minutes"])) == ("fleet", 4, ["fleet", "none"])
    assert prior["used"] in ("fleet", "none")
    assert prior["used"] == "none" or prior["off_minutes"]["fleet"] < prior["off_minutes"]["none"]
    quality = evaluate(tmp_path / "model", tmp_path / "later", "all")["quality"]
    assert quality["mae_minutes"]["overall"] < 0.8 * quality["baseline_mae_minutes"]["overall"]
    reference = ["reference", "--artifact", str(tmp_path / "model"), "--data", str(tmp_path / "later")]
    assert codegen([*reference, "--split", "all", "--out", str(tmp_path / "answers.npz")]) == 0


@pytest.mark.usefixtures("small_fleet")
@pytest.mark.slow
def test_own_devices_join_the_fleet_s_and_take_their_namesakes_place(tmp_path: Path) -> None:
    mine = [*charges(1, 1, 4), *(replace(one, device="camera", session=f"x{one.session}") for one in charges(1, 1, 3))]
    write_dataset(tmp_path / "mine", mine)
    summary = fit(tmp_path / "mine", tmp_path / "model", QUICK, prior="fleet")
    artifact = load_artifact(tmp_path / "model")
    assert artifact.devices == tuple(sorted({*device_names(), "device0"}))
    assert [unit for part in artifact.split.values() for unit in part if unit.startswith("camera/")] == ["camera/u0"]
    assert len(artifact.split["calibration"]) == len(device_names()) - 1
    assert artifact.manifest["data"] | {"units": 2, "charges": 7} == artifact.manifest["data"]
    assert any("16 of the fleet's devices" in note for note in summary.notes)


@pytest.mark.usefixtures("small_fleet")
@pytest.mark.slow
def test_devices_can_be_left_out_of_the_fleet(tmp_path: Path) -> None:
    write_dataset(tmp_path / "mine", charges(1, 1, 3))
    without = [name for name in device_names() if name not in ("camera", "ereader")]
    first = fit(tmp_path / "mine", tmp_path / "model", QUICK, prior="fleet", fleet_without=without)
    again = fit(tmp_path / "mine", tmp_path / "again", QUICK, prior="fleet", fleet_without=without, name="model")
    assert again.model_hash == first.model_hash
    assert load_artifact(tmp_path / "model").devices == ("camera", "device0", "ereader")


def cut(number: int) -> Charge:
    """A charge that was unplugged early."""
    one = charge(0, 0, number)
    columns: dict[str, Any] = {name: getattr(one, name)[:40] for name in ("t_ms", "voltage_mv", "current_ma")}
    return replace(one, ended="unplugged", full_t_ms=None, **columns)


@pytest.mark.parametrize("prior", ["none", "fleet"])
def test_without_a_full_charge_there_are_no_minutes(tmp_path: Path, prior: str) -> None:
    write_dataset(tmp_path / "mine", [cut(number) for number in range(4)])
    with pytest.raises(TrainError, match=r"gets full: .* learnt"):
        fit(tmp_path / "mine", tmp_path / "model", QUICK, prior=prior)
    assert not (tmp_path / "model").exists()


@pytest.mark.usefixtures("small_fleet")
def test_a_single_charge_is_taken_and_called_too_few(tmp_path: Path) -> None:
    write_dataset(tmp_path / "mine", [charge(0, 0, 0)])
    for prior in ("none", "fleet"):
        notes = fit(tmp_path / "mine", tmp_path / prior, QUICK, prior=prior, own_only=True).notes
        assert [note for note in notes if "too few to know" in note]


def test_a_device_that_never_gets_full_has_the_others_minutes(tmp_path: Path) -> None:
    write_dataset(tmp_path / "mine", [*(replace(cut(n), device="other") for n in (7, 8)), *charges(1, 1, 3)])
    notes = fit(tmp_path / "mine", tmp_path / "model", QUICK).notes
    assert [note for note in notes if "no charge of other gets full" in note]
    estimate = load_artifact(tmp_path / "model").estimate
    assert estimate.baselines[0] == estimate.baselines[1]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--own-only"], "goes with --prior fleet"),
        (["--prior", "fleet", "--kind", "network"], "leave out --rows and --kind network"),
    ],
)
def test_options_that_do_not_go_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: Sequence[str], why: str
) -> None:
    write_dataset(tmp_path / "mine", charges(1, 1, 1))
    assert main(["fit", "--data", str(tmp_path / "mine"), "--out", str(tmp_path / "model"), *options]) == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1


def telling(number: int) -> Charge:
    """A charge whose voltage rises with every second that is left no more."""
    one = charge(0, 0, number)
    left_s = ((one.full_t_ms or 0) - one.t_ms.astype(np.int64)) // 1000
    return replace(one, voltage_mv=(9000 - left_s).astype(np.int32))


def test_alone_falls_back_on_the_baseline_where_nothing_helps() -> None:
    """Charges that all take as long leave nothing to learn; where the voltage tells how far they are, there is."""
    alike = training_rows([replace(charge(0, 0, 0), session=f"c{number}") for number in range(4)], ("device0",))
    found, _ = rows_alone(alike, QUICK, few.few_estimate(alike, 1, 0))
    told = ~np.all(np.isnan(found.columns), axis=0)
    assert [name for name, one in zip(feature_names(), told, strict=False) if one] == [
        name for name in feature_names() if name in few.TRANSFERS
    ]
    apart = training_rows([telling(number) for number in range(6)], ("device0",))
    helped, parameters = rows_alone(apart, Config(), few.few_estimate(apart, 1, 0))
    assert np.count_nonzero(~np.all(np.isnan(helped.columns), axis=0)) > len(few.TRANSFERS)
    assert parameters.min_child_weight == 0.3


def late_by(seconds: int | Sequence[int]) -> tuple[list[Charge], CourseRows]:
    """Charges of 1000, 2000 and 3000 s, and answers to them that are that much late, all or each."""
    found = []
    for full_s in (1000, 2000, 3000):
        t_ms = np.arange(0, full_s + 100, 10, dtype=np.uint32) * 1000
        found.append(replace(charge(0, 0, 0), session=f"c{full_s}", t_ms=t_ms, full_t_ms=1000 * full_s))
    left = np.array([1000, 2000, 3000])
    return found, CourseRows(np.zeros(3, np.int64), np.column_stack([left + np.array(seconds)] * 3), left, np.arange(3))


NO_ROWS = few.FewRows(*[np.zeros(0, np.float32)] * 3)


def answering(
    with_s: int | Sequence[int], without_s: int | Sequence[int], n_charges: int = 3
) -> Callable[[Few | None], Any]:
    """Learns nothing, and answers so much too late with the fleet and without it, the first charges alone."""

    def learn(how: Few | None) -> Any:
        course = late_by(without_s if how is None or how.prior is None else with_s)[1]
        first = course.charge < n_charges
        kept = CourseRows(*(getattr(course, name)[first] for name in CourseRows.__dataclass_fields__))
        return SimpleNamespace(unseen=SimpleNamespace(course=kept))

    return learn


@pytest.mark.parametrize(("with_s", "without_s", "used"), [(60, 90, "fleet"), (90, 60, "none"), (60, 60, "none")])
def test_the_fleet_is_used_where_charges_left_out_say_so(with_s: int, without_s: int, used: str) -> None:
    mine = late_by(0)[0]
    learnt, how, prior = learn_as_far_as_it_helps(Few(NO_ROWS), "fleet", mine, answering(with_s, without_s))
    assert prior == Prior("fleet", used, 3, {"fleet": with_s / 60, "none": without_s / 60})
    assert how == Few(NO_ROWS if used == "fleet" else None)
    late_s = learnt.unseen.course.quantile_s[:, 1] - learnt.unseen.course.remaining_s
    assert late_s.tolist() == [with_s if used == "fleet" else without_s] * 3
    assert f"{with_s / 60:.1f} min off with the fleet, {without_s / 60:.1f} without" in prior.note()
    assert ("fleet-always keeps it" in prior.note()) is (used == "none")


@pytest.mark.parametrize(
    ("with_s", "without_s", "used"),
    [
        ([300, 300, 300], [60, 60, 3000], "none"),  # the last alone speaks for the fleet
        ([240, 120, 300], [120, 180, 3000], "none"),  # two do, but without the last it loses
        ([240, 120, 300], [120, 300, 3000], "fleet"),
        ([900, 60, 60], [120, 600, 600], "none"),  # nor may two outvote what the first loses but for one of them
    ],
)
def test_one_charge_unlike_the_others_does_not_decide(with_s: list[int], without_s: list[int], used: str) -> None:
    _, how, prior = learn_as_far_as_it_helps(Few(NO_ROWS), "fleet", late_by(0)[0], answering(with_s, without_s))
    assert how == (Few() if used == "none" else Few(NO_ROWS))
    assert prior is not None
    assert prior.used == used


@pytest.mark.parametrize(("asked", "n_charges"), [("fleet-always", 3), ("fleet", 2)])
def test_the_fleet_is_kept_when_told_to_and_when_nothing_tells(asked: str, n_charges: int) -> None:
    mine = late_by(0)[0][:n_charges]
    _, how, prior = learn_as_far_as_it_helps(Few(NO_ROWS), asked, mine, answering(90, 60, n_charges))
    assert how == Few(NO_ROWS)
    assert prior == Prior(asked, "fleet", n_charges, {"fleet": 1.5})
    assert ("too few charges" in prior.note()) is (asked == "fleet")
    assert learn_as_far_as_it_helps(None, "none", mine, answering(90, 60))[2] is None


@pytest.mark.parametrize(
    ("process_s", "forest_s", "used"), [(60, 90, "process"), (90, 60, "forest"), (60, 60, "process")]
)
def test_units_left_out_tell_process_from_forest(process_s: int, forest_s: int, used: str) -> None:
    mine = late_by(0)[0]
    tried: list[Few | None] = []

    def learn(how: Few | None) -> Any:
        tried.append(how)
        course = late_by(process_s if how is not None and how.smooth else forest_s)[1]
        return learnt_with(course)

    found = learn_between_units(Few(), several=True, charges=mine, learn=learn)
    assert tried == [Few(), Few(smooth=False)]
    late_s = found.unseen.course.quantile_s[:, 1] - found.unseen.course.remaining_s
    assert late_s.tolist() == [process_s if used == "process" else forest_s] * 3
    off = {"process": process_s / 60, "forest": forest_s / 60}
    assert found.training == {"rounds": 3, "between_units": {"used": used, "left_out_charges": 3, "off_minutes": off}}
    assert found.notes[0] == "first"
    assert f"rest on a {used}: 3 charges" in found.notes[1]


@pytest.mark.parametrize(("how", "several"), [(None, True), (Few(), False), (Few(NO_ROWS), True)])
def test_nothing_is_chosen_where_nothing_carries_over(how: Few | None, several: bool) -> None:
    tried: list[Few | None] = []

    def learn(one: Few | None) -> Any:
        tried.append(one)
        return learnt_with(late_by(60)[1])

    assert learn_between_units(how, several, late_by(0)[0], learn).training == {"rounds": 3}
    assert tried == [how]


def learnt_with(course: CourseRows) -> Learnt:
    """Models that answered charges left out as `course` has it."""
    unseen = SimpleNamespace(course=course)
    rules: Any = None
    return Learnt("forest", {}, None, {}, cast(Any, unseen), rules, {"rounds": 3}, {}, (), ("first",))


@pytest.mark.parametrize(("late_s", "helps"), [(60, True), (6000, False)])
def test_it_is_said_when_the_fleet_does_not_help(late_s: int, helps: bool) -> None:
    """Three charges of 1000, 2000 and 3000 s: the others' median is 1500, 0 and 1500 s off at the start."""
    found, course = late_by(late_s)
    notes = own_notes(Few(NO_ROWS), found, course)
    off = f"charges left out in turn: 3, answered {late_s / 60:.1f} min off, the baseline {(1500 + 0 + 1500) / 180:.1f}"
    assert off in notes
    assert any("the fleet does not help" in note for note in notes) is not helps
