"""What a verification does beside streaming: timing, damage, soak, the same again and after a reset."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from host import inject_storm, verify_determinism
from host import soak as soaking
from host.bench import Timing, measure, thinned
from host.conversation import Counters
from host.inject import DamagingLink
from host.inject import Plan as DamagePlan
from host.inject_storm import Storm
from host.messages import Hello
from host.progress import counting
from host.reference import Charge
from host.session import Session
from host.soak import Length, Soak
from host.verify import Divergence, Streamed, differing, stream
from host.verify_board import BoardUnderTest
from host.verify_budget import Limits
from host.verify_determinism import Determinism
from host.verify_report import Injected
from train.artifact import Artifact

HOST_C, DETERMINISM, TIMING = "host-c", "determinism", "timing"

TIMED_ANSWERS = 200


@dataclass(slots=True)
class Bench:
    """One board at work."""

    args: argparse.Namespace
    artifact: Artifact
    board: BoardUnderTest
    session: Session
    hello: Hello
    reproduce: str
    pids: list[int]  # of the virtual board's processes, the latest last


@dataclass(frozen=True, slots=True)
class Plan:
    """What the arguments ask for, checked before anything begins."""

    limits: Limits
    damage: DamagePlan | None
    length: Length | None
    skip: frozenset[str]


def timing(bench: Bench, charges: Sequence[Charge], plan: Plan) -> Timing | None:
    """Times of answers, over all phases of the longest charge."""
    if TIMING in plan.skip:
        return None
    samples = thinned(_longest(charges).samples, TIMED_ANSWERS)
    with counting("timing answers", len(samples)) as advance:
        return measure(bench.session, samples, _longest(charges).period_s, advance)


def injected(bench: Bench, charges: Sequence[Charge], streamed: Sequence[Streamed], plan: Plan) -> Injected | None:
    """The longest charge again, over a line that is damaged on purpose."""
    damage, charge = plan.damage, _longest(charges)
    if damage is None or bench.args.lines is not None:
        return None
    n = len(charge.samples)
    # Spread over the lines that a charge takes: what is lost each time is a good part of it, and ever another.
    resets_at = [n * (2 * k + 1) // (2 * damage.resets) for k in range(damage.resets)]
    link = DamagingLink(bench.board, damage, resets_at, bench.board.reset)
    session = Session(link, model_hash=bench.artifact.model_hash, on_log=lambda _: None)
    session.open()
    session.counters = Counters()
    with counting("over a damaged line", n) as advance:
        got = stream(session, charge, advance)
    before = streamed[list(charges).index(charge)].answers
    bench.session.open()  # through the line as it is
    return Injected(
        session=charge.session,
        samples=n,
        plan=damage,
        damage=link.damage,
        link=session.counters,
        wrong=got.wrong,
        differ=differing(got.answers, before)[0],
        seconds=got.seconds,
    )


def storm(bench: Bench, charges: Sequence[Charge], plan: Plan) -> Storm | None:
    """Nothing but damaged lines, until there have been enough."""
    n_lines = bench.args.lines
    if n_lines is None or plan.damage is None:
        return None
    with counting("damaged lines", n_lines) as advance:
        return inject_storm.storm(bench.session, charges, plan.damage, n_lines, advance)


def soak(bench: Bench, charges: Sequence[Charge], plan: Plan) -> Soak | None:
    """The charges over and over."""
    if plan.length is None:
        return None
    pid = bench.pids[-1] if bench.pids else None
    with counting("soaking", plan.length.samples or 0) as advance:
        return soaking.soak(bench.session, charges, plan.length, pid, advance, speed=bench.args.speed)


def determinism(
    bench: Bench, charges: Sequence[Charge], streamed: Sequence[Streamed], first: Divergence | None, plan: Plan
) -> Determinism | None:
    """On the charge that diverged, else on the shortest. Last of all: a reset takes the board's counters with it."""
    if DETERMINISM in plan.skip:
        return None
    chosen = min(range(len(charges)), key=lambda k: len(charges[k].samples))
    if first is not None:
        chosen = next(k for k, charge in enumerate(charges) if charge.session == first.session)
    return verify_determinism.determinism(bench.session, bench.board, charges[chosen], streamed[chosen].answers)


def _longest(charges: Sequence[Charge]) -> Charge:
    return max(charges, key=lambda charge: len(charge.samples))
