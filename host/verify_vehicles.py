"""`python -m host verify` of a charge point's board: every answer to whole charges of vehicles, field by field."""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from host.board import SIM, board_link
from host.commands import run_module
from host.conversation import Counters
from host.errors import HostError, SilentBoardError
from host.inject import DamagingLink, Plan, parse_plan
from host.progress import counting, waiting
from host.report.write import write_whole
from host.transport import SerialLink
from host.vehicle_reference import FIRST_FIELDS, LAST_FIELDS, VehicleCharge, load_vehicle_reference
from host.vehicle_session import VehicleReply, VehicleSession
from host.verify_board import BoardUnderTest
from train.artifact_household import Household, load_household

SIMULATED_SEED, SIMULATED_CHARGES = 20_261, 6
UNSUPPORTED = ("lines", "soak", "elf", "config", "budget_flash", "budget_ram", "budget_instructions")
PASS, FAIL = "PASS", "FAIL"


@dataclass(frozen=True, slots=True)
class Streamed:
    """One charge through the board; `wrong` counts samples that were ever answered otherwise."""

    session: str
    car: str  # the true one
    samples: int
    mismatches: int
    first: tuple[int, VehicleReply] | None  # the first wrong answer, and its sample
    seconds: float


def run(args: argparse.Namespace, reproduce: str) -> int:
    """Verify; returns 0 when every answer is the reference's, else 1. Raises HostError."""
    if given := [f"--{name.replace('_', '-')}" for name in UNSUPPORTED if getattr(args, name) is not None]:
        raise HostError(f"{given[0]}: is for a charger's board; leave it out for a household's artifact")
    started, household = time.monotonic(), load_household(args.artifact)
    plan = None if args.inject is None else parse_plan(args.inject, args.inject_rate, args.seed)
    opener = _opener(args)
    with (
        tempfile.TemporaryDirectory(prefix="wattprint-") as folder,
        BoardUnderTest(opener, virtual=args.port == SIM, command=args.reset_command) as board,
    ):
        session = VehicleSession(board, model_hash=household.model_hash, on_log=args.on_log)
        hello = session.open()
        charges = _charges(args, household, Path(folder))
        streamed, seconds = _stream(session, charges)
        link, counters = replace(session.counters), session.statistics()
        injected = None if plan is None else _injected(board, household, charges, plan)
    wrong = sum(each.mismatches for each in streamed)
    failed = wrong > 0 or (injected is not None and injected["wrong"] > 0)
    samples = sum(each.samples for each in streamed)
    rates = {"samples_per_s": round(samples / seconds), "bytes_per_s": round(_bytes(link) / seconds)}
    report: dict[str, Any] = {
        "verdict": FAIL if failed else PASS,
        "profile": "ev",
        "samples": samples,
        "mismatches": wrong,
        "first_divergence": _divergence(charges, streamed, reproduce),
        "charges": [{key: value for key, value in asdict(each).items() if key != "first"} for each in streamed],
        "link": asdict(link) | rates,
        "inject": injected or {},
        "board": {
            "model_hash": hello.model_hash,
            "protocol": hello.protocol,
            "firmware_version": hello.version,
            "devices": hello.n_devices,
            **counters,
        },
        "provenance": {"port": args.port, "model_hash": household.model_hash, "command": reproduce},
        "seconds": round(time.monotonic() - started, 3),
    }
    _show(args, report)
    return 1 if failed else 0


def _opener(args: argparse.Namespace) -> Callable[[], AbstractContextManager[SerialLink]]:
    return lambda: board_link(args.port, args.baud, args.firmware, pace=args.pace)


def _charges(args: argparse.Namespace, household: Household, folder: Path) -> tuple[VehicleCharge, ...]:
    """Of the reference given, or of one that is made now of the data given, or of simulated charges."""
    path, n_charges = args.reference, args.charges
    if path is None:
        path, data, split = folder / "reference.npz", args.data, args.split or "all"
        if data is None:
            data, split, n_charges = folder / "fleet", "all", n_charges or SIMULATED_CHARGES
            with waiting("simulating charges of vehicles"):
                options = ["--profile", "ev", "--seed", str(SIMULATED_SEED), "--units", "1", "--charges", "1"]
                run_module("train", ["simulate", str(data), *options])
        command = ["--artifact", str(household.path), "--data", str(data), "--split", split, "--out", str(path)]
        if args.session is None and n_charges is not None:
            command += ["--charges", str(n_charges)]
        with waiting("answering with the reference"):
            run_module("codegen", ["reference", *command])
    return load_vehicle_reference(path, household.model_hash).chosen(args.session, n_charges)


def stream(session: VehicleSession, charge: VehicleCharge, on_samples: Callable[[int], None]) -> Streamed:
    """Replay one charge and compare every answer; raises SilentBoardError when there are fewer than samples."""
    wrong: dict[int, VehicleReply] = {}  # a charge replayed after a restart answers the same samples again
    answered = 0

    def compare(index: int, answer: VehicleReply) -> None:
        nonlocal answered
        if answer != charge.expected[index]:
            wrong.setdefault(index, answer)
        if index == answered:
            answered += 1
            on_samples(1)

    before = time.monotonic()
    session.goal = charge.goal
    session.replay(charge.samples, compare)
    if answered != len(charge.samples):  # replay promises it; no verdict rests on that alone
        raise SilentBoardError(f"{charge.session}: {answered} answers to {len(charge.samples)} samples")
    first = (min(wrong), wrong[min(wrong)]) if wrong else None
    seconds = round(time.monotonic() - before, 3)
    return Streamed(charge.session, charge.device, len(charge.samples), len(wrong), first, seconds)


def _stream(session: VehicleSession, charges: Sequence[VehicleCharge]) -> tuple[list[Streamed], float]:
    before = time.monotonic()
    with counting("verifying", sum(len(charge.samples) for charge in charges)) as advance:
        streamed = [stream(session, charge, advance) for charge in charges]
    return streamed, max(time.monotonic() - before, 1e-6)


def _injected(
    board: BoardUnderTest, household: Household, charges: Sequence[VehicleCharge], plan: Plan
) -> dict[str, Any]:
    """The longest charge again, over a line that is damaged on purpose."""
    charge = max(charges, key=lambda each: len(each.samples))
    n_lines = 2 * len(charge.samples)
    source = random.Random(plan.seed)  # noqa: S311 (to be repeated, not to be secret)
    resets_at = sorted(source.randrange(1, n_lines) for _ in range(plan.resets))
    link = DamagingLink(board, plan, resets_at, board.reset)
    session = VehicleSession(link, model_hash=household.model_hash)
    session.open()
    session.counters = Counters()
    with counting("over a damaged line", len(charge.samples)) as advance:
        got = stream(session, charge, advance)
    damage = link.damage
    return {
        "session": charge.session,
        "samples": got.samples,
        "wrong": got.mismatches,
        "damaged": damage.damaged,
        "hit": dict(damage.hit),
        "resets": damage.resets,
        "accepted": damage.accepted,
        "link": asdict(session.counters),
        "seconds": got.seconds,
    }


def _bytes(link: Counters) -> int:
    return link.bytes_sent + link.bytes_received


def _divergence(
    charges: Sequence[VehicleCharge], streamed: Sequence[Streamed], reproduce: str
) -> dict[str, Any] | None:
    """The first answer that is not the reference's, with its sample."""
    for charge, got in zip(charges, streamed, strict=True):
        if got.first is not None:
            index, answer = got.first
            return {
                "session": charge.session,
                "sample": index,
                "measured": charge.samples[index]._asdict(),
                "expected": _fields(charge.expected[index]),
                "got": _fields(answer),
                "reproduce": f"{reproduce} --session {charge.session}",
            }
    return None


def _fields(reply: VehicleReply) -> dict[str, int]:
    values = [*asdict(reply.told).values()][1:] + [*asdict(reply.prediction).values()][1:]
    return dict(zip((*FIRST_FIELDS, *LAST_FIELDS), values, strict=True))


def _show(args: argparse.Namespace, report: dict[str, Any]) -> None:
    text = json.dumps(report, indent=1) + "\n"
    path = args.out if args.report is None else args.report / "report.json"
    for target, option in ((args.out, "--out"), (None if args.report is None else path, "--report")):
        if target is not None:
            write_whole(target, text.encode("utf-8"), option)
    if args.json:
        print(text, end="")
        return
    divergence = report["first_divergence"]
    if divergence is not None:
        print(f"first wrong answer: {divergence['session']}, sample {divergence['sample']}: {divergence['measured']}")
        for name, value in divergence["expected"].items():
            if divergence["got"][name] != value:
                print(f"  {name}: expected {value}, got {divergence['got'][name]}")
        print(f"again: {divergence['reproduce']}")
    if report["inject"]:
        hit = report["inject"]
        print(
            f"over a damaged line: {hit['samples']} samples, {hit['damaged']} lines damaged, {hit['resets']} resets: "
            f"{hit['wrong']} wrong answers"
        )
    where = "" if path is None else f"  (report: {path})"
    print(
        f"{report['verdict']}  {report['samples']} samples of {len(report['charges'])} charges, "
        f"{report['mismatches']} mismatches, {report['link']['samples_per_s']} answers a second{where}"
    )
