"""A verification from beginning to end: what is streamed, what is compared, in which order."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from host import verify_trials as trials
from host.board import SIM, board_link
from host.field_error import charge_error, field_error
from host.inject import KINDS, parse_plan
from host.inject import Plan as DamagePlan
from host.messages import FLAG_UNKNOWN
from host.progress import counting
from host.reference import Charge, Reference
from host.session import Session
from host.soak import parse_length, threads_besides
from host.transport import SerialLink
from host.verify import Divergence, Rows, Streamed, differing, divergence, stream
from host.verify_board import BoardUnderTest
from host.verify_budget import budgets, limits_of, line_budget
from host.verify_charges import charges_of
from host.verify_float import FLAGS, price
from host.verify_host_c import Program, answers, build, find_compiler
from host.verify_memory import read_elf
from host.verify_provenance import provenance
from host.verify_report import ChargeResult, HostC, Report
from host.verify_trials import HOST_C, Bench, Plan
from train.artifact import load_artifact


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the report's pictures are drawn from: the charges and the board's answers to them."""

    charges: tuple[Charge, ...]
    answers: tuple[Rows, ...]
    device_names: tuple[str, ...]


def verify(args: argparse.Namespace, reproduce: str, asked: str) -> tuple[Report, Evidence]:
    """Do all that is asked for; raises HostError. `reproduce` streams the same charges again, `asked` is this run."""
    started, threads = time.monotonic(), threading.enumerate()
    plan = Plan(
        limits=limits_of(args),
        damage=_damage(args),
        length=None if args.soak is None else parse_length(args.soak),
        skip=frozenset(args.skip),
    )
    memory = None if args.elf is None else read_elf(args.elf)
    artifact = load_artifact(args.artifact)
    pids: list[int] = []

    def opener() -> AbstractContextManager[SerialLink]:
        return board_link(args.port, args.baud, args.firmware, pace=args.pace, on_start=pids.append)

    with (
        tempfile.TemporaryDirectory(prefix="wattprint-") as folder,
        BoardUnderTest(opener, virtual=args.port == SIM, command=args.reset_command) as board,
        ThreadPoolExecutor(1) as pool,
    ):
        session = Session(board, model_hash=artifact.model_hash, on_log=args.on_log)
        # The board is asked who it is before the reference is computed: a wrong one is known at once.
        hello = session.open()
        compiler = None if HOST_C in plan.skip else find_compiler()
        compiling = None if compiler is None else pool.submit(build, compiler, artifact.path, Path(folder))
        reference, charges = charges_of(args, artifact, Path(folder))
        bench = Bench(args, artifact, board, session, hello, reproduce, pids)
        report, evidence = _report(bench, reference, charges, compiling, plan)
    if report.soak is not None:
        report = replace(report, soak=replace(report.soak, threads_left=threads_besides(threads)))
    facts = provenance(
        artifact,
        hello,
        port=args.port,
        firmware=args.firmware,
        program=None if compiling is None else compiling.result(),
        memory=memory,
        command=asked,
    )
    counters = report.board_counters
    return replace(
        report,
        memory=memory,
        budgets=budgets(plan.limits, memory, report.timing, counters),
        provenance=facts,
        seconds=time.monotonic() - started,
    ), evidence


def _damage(args: argparse.Namespace) -> DamagePlan | None:
    kinds = args.inject if args.inject is not None or args.lines is None else ",".join(KINDS)
    return None if kinds is None else parse_plan(kinds, args.inject_rate, args.seed)


def _report(
    bench: Bench,
    reference: Reference,
    charges: tuple[Charge, ...],
    compiling: Future[Program] | None,
    plan: Plan,
) -> tuple[Report, Evidence]:
    """Everything that needs the board; what does not is filled in afterwards."""
    args, session, names = bench.args, bench.session, reference.device_names
    line = line_budget(charges, args.pace or (None if args.port.startswith("socket:") else args.baud))
    streamed, stream_seconds = _stream(session, charges)
    link, counters = replace(session.counters), session.statistics()
    host_c, host_rows = _host_c(bench, charges, streamed, compiling, plan)
    first = _first_divergence(bench, charges, streamed, host_rows)
    results = tuple(
        _charge_result(charge, got, rows, names) for charge, got, rows in zip(charges, streamed, host_rows, strict=True)
    )
    report = Report(
        title=bench.artifact.name,
        port=args.port,
        samples=sum(result.samples for result in results),
        mismatches=sum(result.mismatches for result in results),
        first_divergence=first,
        charges=results,
        link=link,
        line=line,
        error=field_error([result.error for result in results]),
        hello=bench.hello,
        board_counters=counters,
        stream_seconds=stream_seconds,
        seconds=0.0,
        price=price(bench.artifact, charges, names),
        host_c=host_c,
        determinism=None,
        timing=trials.timing(bench, charges, plan),
        memory=None,
        budgets=(),
        injected=trials.injected(bench, charges, streamed, plan),
        storm=trials.storm(bench, charges, plan),
        soak=trials.soak(bench, charges, plan),
        provenance={},
    )
    return replace(report, determinism=trials.determinism(bench, charges, streamed, first, plan)), Evidence(
        charges, tuple(got.answers for got in streamed), names
    )


def _stream(session: Session, charges: Sequence[Charge]) -> tuple[list[Streamed], float]:
    before = time.monotonic()
    with counting("verifying", sum(len(charge.samples) for charge in charges)) as advance:
        streamed = [stream(session, charge, advance) for charge in charges]
    return streamed, max(time.monotonic() - before, 1e-6)


def _host_c(
    bench: Bench,
    charges: Sequence[Charge],
    streamed: Sequence[Streamed],
    compiling: Future[Program] | None,
    plan: Plan,
) -> tuple[HostC, list[Rows | None]]:
    if compiling is None:
        left_out = "left out (--skip)" if HOST_C in plan.skip else "no C compiler on this machine"
        return HostC(left_out=left_out), [None] * len(charges)
    program = compiling.result()
    rows: list[Rows | None] = []
    wrong = other = 0
    stopped, first = "", None
    for charge, got in zip(charges, streamed, strict=True):
        said, complaint = answers(program, charge)
        n, at = differing(said, charge.answers)
        if at is not None and first is None:
            first = divergence(charge, at, said, said, bench.artifact.features, bench.reproduce)
        wrong, other = wrong + n, other + differing(said, got.answers)[0]
        stopped = stopped or (f"{complaint} of {charge.session}" if complaint else "")
        rows.append(said)
    return HostC(program.compiler, program.flags, wrong, other, first, stopped), rows


def _first_divergence(
    bench: Bench, charges: Sequence[Charge], streamed: Sequence[Streamed], host_rows: Sequence[Rows | None]
) -> Divergence | None:
    for charge, got, host_c in zip(charges, streamed, host_rows, strict=True):
        if got.first_wrong is not None:
            features = bench.artifact.features
            return divergence(charge, got.first_wrong, got.answers, host_c, features, bench.reproduce)
    return None


def _charge_result(charge: Charge, got: Streamed, host_c: Rows | None, names: Sequence[str]) -> ChargeResult:
    unknown = (got.answers[:, FLAGS] & FLAG_UNKNOWN) != 0
    return ChargeResult(
        session=charge.session,
        device=charge.device,
        unit=charge.unit,
        samples=len(got.answers),
        mismatches=got.wrong,
        host_c_mismatches=None if host_c is None else differing(host_c, charge.answers)[0],
        platform_mismatches=None if host_c is None else differing(host_c, got.answers)[0],
        seconds=got.seconds,
        error=charge_error(charge, got.answers[:, 0], got.answers[:, 3], unknown, names),
    )
