"""The questions that a verification answers, each with PASS, FAIL or SKIPPED, and the exit code they add up to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from host.inject_storm import Storm
from host.soak import Memory, Soak
from host.verify_report import Injected, Report

PASS, FAIL, SKIPPED = "PASS", "FAIL", "SKIPPED"

MISMATCH, LINK_BUDGET, BUDGET = 1, 5, 8
"""Exit codes; the first of them that applies is the command's."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `group` is a word for tables, `title` what holds when it passes, `text` the figure."""

    group: str
    title: str
    verdict: str
    text: str
    exit_code: int = MISMATCH


def checks(report: Report) -> list[Check]:
    """All of them, in the order of the chain from float model to truth."""
    found = [_board(report), *_host_c(report), *_determinism(report), *_times(report), _line(report)]
    found += [
        Check(
            "budget",
            f"{budget.what}: at most {thousands(budget.limit)}",
            FAIL if budget.exceeded else SKIPPED if budget.value is None else PASS,
            "not measured on this board" if budget.value is None else thousands(budget.value),
            BUDGET,
        )
        for budget in report.budgets
    ]
    if report.injected is not None:
        found.append(_injected(report.injected))
    if report.storm is not None:
        found.append(_storm(report.storm))
    if report.soak is not None:
        found += _soak(report.soak)
    return found


def exit_code(found: Sequence[Check]) -> int:
    """0 when nothing failed."""
    failed = {check.exit_code for check in found if check.verdict == FAIL}
    return next((code for code in (MISMATCH, LINK_BUDGET, BUDGET) if code in failed), 0)


def thousands(value: int) -> str:
    """A count with gaps between thousands."""
    return f"{value:,}".replace(",", " ")


def _verdict(good: bool) -> str:
    return PASS if good else FAIL


def _board(report: Report) -> Check:
    equal = report.samples > 0 and report.mismatches == 0
    if equal:
        text = f"all of {thousands(report.samples)} answers, state CRC included"
    else:
        text = f"{thousands(report.mismatches)} of {thousands(report.samples)} answers differ"
        if (first := report.first_divergence) is not None:
            text += f", first charge {first.session}, sample {first.sample}"
    return Check("board", "the board answers as the reference", _verdict(equal), text)


def _host_c(report: Report) -> Iterator[Check]:
    host_c = report.host_c
    for (group, title), n in zip(_HOST_C.items(), (host_c.mismatches, host_c.board_mismatches), strict=True):
        if host_c.left_out:
            yield Check(group, title, SKIPPED, host_c.left_out)
            continue
        text = f"{thousands(n)} of {thousands(report.samples)} answers differ" if n else "all answers"
        stopped = f"; {host_c.stopped}" if host_c.stopped else ""
        yield Check(group, title, _verdict(n == 0), text + stopped)


_HOST_C = {"codegen": "C on this machine answers as the reference", "platform": "the board answers as that C"}


def _determinism(report: Report) -> Iterator[Check]:
    found = report.determinism
    if found is None:
        return
    charge = f"{thousands(found.samples)} answers of charge {found.session}"
    text = (
        f"{found.again_differ} of {charge} differ, first sample {found.again_first}" if found.again_differ else charge
    )
    yield Check("repeatable", "the same charge again, the same answers", _verdict(not found.again_differ), text)
    title = "the same charge after a reset, the same answers"
    if found.reset_differ is None:
        yield Check("reset", title, SKIPPED, found.reset_how)
    elif found.reset_differ:
        text = f"{found.reset_differ} of {charge} differ, first sample {found.reset_first}; {found.reset_how}"
        yield Check("reset", title, FAIL, text)
    else:
        yield Check("reset", title, PASS, found.reset_how)


def _times(report: Report) -> Iterator[Check]:
    timing = report.timing
    if timing is None or timing.share_of_period is None:
        return
    share = 100 * timing.share_of_period
    text = (
        f"the longest takes {timing.largest_s * 1e3:.3g} ms, {share:.2g} % of the {timing.period_s:g} s between samples"
    )
    yield Check("time", "an answer is ready before the next sample", _verdict(share <= 100), text, BUDGET)


def _line(report: Report) -> Check:
    carried = report.samples_per_s
    text = f"{thousands(round(carried))} samples/s streamed, the charges have {report.line.needed:.2g}"
    return Check("line", "the line carries the samples", _verdict(carried >= report.line.needed), text, LINK_BUDGET)


def _injected(injected: Injected) -> Check:
    damage, plan = injected.damage, injected.plan
    good = injected.wrong == injected.differ == damage.accepted == 0
    asked = f"{damage.resets} resets" if damage.resets != 1 else "1 reset"
    kinds = ", ".join(f"{kind} {thousands(n)}" for kind, n in sorted(damage.hit.items()))
    text = (
        f"{thousands(injected.samples)} samples, {thousands(damage.damaged)} of {thousands(damage.lines)} lines damaged"
        f"{f' ({kinds})' if kinds else ''}, {asked}: {injected.differ} answers differ, "
        f"{damage.accepted} damaged lines accepted"
    )
    if plan.resets and not injected.link.resets:
        return Check("damage", _DAMAGE, FAIL if not good else SKIPPED, f"{text}; the board could not be started anew")
    return Check("damage", _DAMAGE, _verdict(good), text)


_DAMAGE = "a bad line changes no answer"


def _storm(storm: Storm) -> Check:
    good = storm.accepted == storm.mismatches == 0
    text = (
        f"{thousands(storm.lines)} damaged lines, {thousands(storm.to_board)} of them to the board: "
        f"{storm.accepted} accepted; {thousands(storm.answers)} whole samples in between, "
        f"{storm.mismatches} answered otherwise"
    )
    return Check("storm", "no damaged line is taken for a message", _verdict(good), text)


def _soak(soak: Soak) -> Iterator[Check]:
    text = (
        f"{thousands(soak.samples)} samples of {thousands(soak.charges)} charges in {soak.seconds:.0f} s: "
        f"{soak.lost} lost, {soak.mismatches} answered otherwise"
    )
    yield Check("soak", "no sample is lost, however long it runs", _verdict(soak.lost == soak.mismatches == 0), text)
    for side, memory in (("host", soak.host), ("board", soak.board)):
        yield _memory(side, memory)
    left = ", ".join(soak.threads_left) or "none"
    yield Check("threads", "no thread is left behind", _verdict(not soak.threads_left), left)


def _memory(side: str, memory: Memory | None) -> Check:
    title = f"the {side}'s memory does not grow"
    if memory is None:
        reason = "too short to tell, or this machine does not" if side == "host" else "not a process of this machine"
        return Check("memory", title, SKIPPED, reason)
    text = (
        f"{memory.rss_bytes[0] / 1e6:.1f} MB at first, {memory.rss_bytes[-1] / 1e6:.1f} MB at last; fitted slope "
        f"{memory.slope_bytes_per_1000_samples:+.1f} bytes in 1000 samples, {memory.grown_bytes / 1e3:+.0f} kB in all"
    )
    return Check("memory", title, _verdict(not memory.leaks), text)
