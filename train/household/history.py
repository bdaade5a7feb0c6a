"""What is known of a charge afterwards: its features, and when the car ended it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.features.core import WP_MISSING
from train.features.vehicle import extract_vehicle, vehicle_feature_names
from train.sessions.labels import vehicle_done_t_ms
from train.sessions.types import Charge

DRAWING_MA = 1000
SETTLED_S = 60  # of drawing
HOLD_S = 30  # of a limit, before a plateau is held against it
LEAST_PILOT_MA = 6000
TAPER_PERMILLE, STEP_PERMILLE = 940, 970
LEAST_GAIN_PCT = 5  # before energy for one per cent is believed


@dataclass(frozen=True, slots=True)
class Past:
    """One charge, n samples."""

    session: str
    car: str
    household: str
    direct: bool
    ended: str
    x: NDArray[np.int32]  # [n, features]
    done_s: float | None  # on the clock of elapsed_s; None where it is censored
    target_soc_pct: int | None  # where the car stops, as far as the table of charges tells it

    def column(self, name: str) -> NDArray[np.int32]:
        """One feature, [n]."""
        return self.x[:, vehicle_feature_names().index(name)]

    def known(self, name: str) -> NDArray[np.bool_]:
        """Where a feature is defined, [n]."""
        return np.asarray(self.column(name) != WP_MISSING)

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Samples at which current has flowed for a minute, [n]."""
        drawing = self.column("current_ma") >= DRAWING_MA
        elapsed = self.column("elapsed_s")
        starts = np.flatnonzero(drawing & ~np.concatenate(([False], drawing[:-1])))
        since = np.full(len(elapsed), -1)
        if len(starts):
            latest = np.searchsorted(starts, np.arange(len(elapsed)), side="right") - 1
            since = np.where((latest >= 0) & drawing, elapsed - elapsed[starts[np.maximum(latest, 0)]], -1)
        return since >= SETTLED_S

    @property
    def before_end(self) -> NDArray[np.bool_]:
        """Samples of the charge proper, [n]: all where nobody knows its end."""
        elapsed = self.column("elapsed_s")
        return np.ones(len(elapsed), bool) if self.done_s is None else elapsed <= self.done_s

    @property
    def limit_changes(self) -> bool:
        """Whether what the charge point allows changed between the first current and the end."""
        begun = int(np.argmax(self.column("current_ma") >= DRAWING_MA))
        pilot = self.column("pilot_ma")[begun:][self.before_end[begun:]]
        return bool((pilot[1:] != pilot[:-1]).any())

    @property
    def tapering(self) -> NDArray[np.bool_]:
        """Samples of a taper (docs/vehicle.md, Tapering), [n]."""
        current, pilot = self.column("current_ma"), self.column("pilot_ma")
        most = np.concatenate(([0], np.maximum.accumulate(np.where(self._held(), current, 0))))[1:]
        reached = np.where(pilot != WP_MISSING, np.minimum(np.minimum(pilot, 80_000), most), most)
        low = (most == 0) | (current < reached // 1000 * STEP_PERMILLE)
        return np.asarray(low & (current >= DRAWING_MA) & (self.column("taper_step_count") > 0) & (not self.direct))

    def _held(self) -> NDArray[np.bool_]:
        """Samples whose current is held (docs/vehicle.md, Strain), [n]."""
        pilot, elapsed = self.column("pilot_ma"), self.column("elapsed_s")
        changed = np.concatenate(([True], pilot[1:] != pilot[:-1]))
        latest = np.maximum.accumulate(np.where(changed, np.arange(len(pilot)), 0))
        stood = elapsed - elapsed[latest] >= HOLD_S
        held = (
            stood
            & (pilot >= LEAST_PILOT_MA)
            & self.known("plateau_dwell_s")
            & (self.column("current_ma") >= DRAWING_MA)
        )
        return np.asarray(held & (self.column("taper_step_count") <= 0))

    def limited(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(allowed, drawn) in mA at samples whose current is held (docs/vehicle.md, Strain) and no hidden taper."""
        pilot, current, held = self.column("pilot_ma"), self.column("current_ma"), self._held()
        most = np.maximum.accumulate(np.where(held, current, 0))
        before = np.concatenate(([0], most[:-1]))
        good = held & (current >= np.minimum(pilot, before) // 1000 * TAPER_PERMILLE)
        return pilot[good], current[good]


def past_of(charge: Charge) -> Past:
    """What training and evaluation need of one charge."""
    from train.sessions.simulator.ev import household_of

    x = extract_vehicle(charge).x
    done = vehicle_done_t_ms(charge)
    target = charge.details.get("target_soc_pct")
    return Past(
        session=charge.session,
        car=charge.unit_key,
        household=household_of(charge),
        direct=charge.phases is None,
        ended=charge.ended,
        x=x,
        done_s=None if done is None else (done - int(charge.t_ms[0])) / 1000,
        target_soc_pct=100 if charge.ended == "full" else None if target is None else int(float(target)),
    )


def pasts_of(charges: Iterable[Charge]) -> Iterator[Past]:
    """Those charges that drew anything, in order."""
    for charge in charges:
        past = past_of(charge)
        if (past.column("current_ma") >= DRAWING_MA).any():
            yield past
