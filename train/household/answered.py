"""A household's later charges answered by tables made from its first ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.artifact_household import HouseholdCar, HouseholdRules
from train.features.core import WP_MISSING
from train.features.household import HouseholdAnswers, answer_charge
from train.household.enrol import any_other, enrol
from train.household.history import Past
from train.household.pooled import Pooled
from train.household.times import power_now_permille

DISTINCT_SIZE = 1.1  # cars still possible after a minute of a household's own past charges, on average, at most
LIMITED_SHARE = 1 / 3  # of past charges whose limit changes, from which on a charge point is one that limits
KINDS = ("dc", "steady", "limited", "distinct_steady", "distinct_limited")


@dataclass(frozen=True, slots=True)
class Tables:
    """A household that is enrolled."""

    cars: tuple[str, ...]
    tables: tuple[HouseholdCar, ...]  # of the cars, then of any other
    power_now_permille: int
    distinct: bool = False  # its own past charges are told apart at a glance
    limited_share: float | None = None  # of its past charges in AC, those whose limit changed; None without any

    def answer(self, past: Past, rules: HouseholdRules) -> HouseholdAnswers:
        """Answers after each sample of a charge."""
        return answer_charge(self.tables, replace(rules, power_now_permille=self.power_now_permille), past.x)

    def rules(self, pooled: Pooled) -> HouseholdRules:
        """The rules that fit this household."""
        factors = asdict(pooled.factors[self.kind])
        return replace(pooled.rules, power_now_permille=self.power_now_permille, **factors)

    @property
    def direct(self) -> bool:
        """Whether some of its past charges were in DC."""
        return any(table.power_weight for table in self.tables[:-1])

    @property
    def kind(self) -> str:
        """Which of KINDS this household is: each has interval factors of its own."""
        if self.limited_share is None:
            return "dc"
        kind = "limited" if self.limited_share > LIMITED_SHARE else "steady"
        return f"distinct_{kind}" if self.distinct else kind


@dataclass(frozen=True, slots=True)
class Answered:
    """One charge and what is said of it, n samples."""

    past: Past
    car: int  # which of the household's it is; -1: none of them
    cars: tuple[str, ...]  # of the household, as answers number them
    answers: HouseholdAnswers

    @property
    def n_cars(self) -> int:
        """How many are enrolled."""
        return len(self.cars)

    @property
    def remaining_s(self) -> NDArray[np.float64]:
        """True time to the end, [n]; NaN after it and where it is censored."""
        elapsed = self.past.column("elapsed_s").astype(np.float64)
        done = np.nan if self.past.done_s is None else self.past.done_s
        return np.where(elapsed <= done, done - elapsed, np.nan)

    def until_soc_s(self, pct: int) -> NDArray[np.float64]:
        """True time until a state of charge is told, [n]; NaN from then on and where it never is."""
        elapsed, soc = self.past.column("elapsed_s").astype(np.float64), self.past.column("soc_pct")
        reached = np.flatnonzero(soc >= pct)
        if not len(reached) or reached[0] == 0:
            return np.full(len(elapsed), np.nan)
        left = elapsed[reached[0]] - elapsed
        return np.where((left > 0) & (soc != WP_MISSING), left, np.nan)


def enrol_household(past: Mapping[str, Sequence[Past]], pooled: Pooled) -> Tables:
    """Tables of a household from the charges of each car."""
    box = max((int(one.column("pilot_ma").max(initial=0)) for some in past.values() for one in some), default=0)
    tables = tuple(enrol(some, pooled, max(box, 1000)) for some in past.values())
    usual = {car: table.usual_power_w for car, table in zip(past, tables, strict=True)}
    found = Tables(
        cars=tuple(past),
        tables=(*tables, any_other(pooled)),
        power_now_permille=power_now_permille(past, usual),
        limited_share=_limited_share([one for some in past.values() for one in some if not one.direct]),
    )
    sizes = [size for some in past.values() for one in some if (size := _size_at_a_glance(found, one, pooled)) > 0]
    return replace(found, distinct=bool(sizes) and float(np.mean(sizes)) <= DISTINCT_SIZE)


def _limited_share(ac: Sequence[Past]) -> float | None:
    return float(np.mean([one.limit_changes for one in ac])) if ac else None


def _size_at_a_glance(tables: Tables, past: Past, pooled: Pooled) -> int:
    """Cars still possible once current has flowed for a minute; 0 where it never did."""
    rows = np.flatnonzero(past.settled & (past.direct | past.known("plateau_dwell_s")))
    if not len(rows):
        return 0
    begun = replace(past, x=past.x[: rows[0] + 1])
    return int(tables.answer(begun, pooled.rules).column("possible")[-1]).bit_count()


def by_car(pasts: Sequence[Past]) -> dict[str, list[Past]]:
    """The charges of each car, cars by name, charges in the order of their sessions."""
    cars = sorted({past.car for past in pasts})
    return {car: sorted((past for past in pasts if past.car == car), key=lambda past: past.session) for car in cars}
