"""The report of a verification on a terminal; the last line is the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from host.bench import figure
from host.field_error import HORIZONS_S, OVERALL
from host.messages import PHASES
from host.verify import Divergence
from host.verify_checks import FAIL, PASS, Check, thousands
from host.verify_report import Report

SCALE_FLASH_BYTES = 64 * 1024
SCALE_RAM_BYTES = 8 * 1024
"""The bars' full length where no budget is set: a common small microcontroller (STM32G030x8)."""

_BAR = 10
_STYLES = {PASS: "green", FAIL: "bold red"}


def print_report(report: Report, found: Sequence[Check], place: Path | None) -> None:
    """Print it, in colour where that is wanted. `place` is where the files went."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    for line in summary(report):
        console.print(escape(line))
    for check in found:
        style = _STYLES.get(check.verdict, "dim")
        console.print(f"[{style}]{check.verdict:7}[/] {escape(check.title)}: {escape(check.text)}")
    if report.first_divergence is not None:
        console.print(escape("\n".join(divergence_lines(report.first_divergence))))
    elif report.host_c.first_divergence is not None:
        console.print(escape("\n".join(divergence_lines(report.host_c.first_divergence, "C-on-host: "))))
    line = verdict_line(report, found, place)
    console.print(f"[{_STYLES[line[:4]]}]{line[:4]}[/]{escape(line[4:])}")


def verdict_line(report: Report, found: Sequence[Check], place: Path | None) -> str:
    """PASS or FAIL, and of how much."""
    failed = [check for check in found if check.verdict == FAIL and check.group != "board"]
    also = f"; failed: {', '.join(check.title for check in failed)}" if failed else ""
    where = f"  (report: {place})" if place else ""
    verdict = FAIL if any(check.verdict == FAIL for check in found) else PASS
    charges = len(report.charges)
    return (
        f"{verdict}  {thousands(report.samples)} samples of {charges} charge{'' if charges == 1 else 's'}, "
        f"{thousands(report.mismatches)} mismatches{also}{where}"
    )


def summary(report: Report) -> Iterator[str]:
    """What was measured, a line each."""
    link, board = report.link, report.board_counters
    yield f"board    model {report.hello.model_hash}, firmware {report.hello.version}, protocol {report.hello.protocol}"
    yield (
        f"link     {thousands(link.sent)} sent, {link.resent} resent, {link.damaged} damaged here, "
        f"{board['damaged']} there, {link.refusals} refusals, {link.resets} resets; "
        f"{thousands(round(report.samples_per_s))} samples/s, {thousands(round(report.bytes_per_s))} bytes/s"
    )
    yield from _timing(report)
    yield from _memory(report)
    yield from _price(report)
    yield from _error(report)


def memory_bars(report: Report) -> list[tuple[str, int, int]]:
    """What, bytes used, bytes of the bar: the budget, else a small microcontroller's."""
    memory = report.memory
    if memory is None:
        return []
    limits = {budget.what.split()[0]: budget.limit for budget in report.budgets}
    stack = report.board_counters.get("stack_bytes", 0)
    return [
        ("Flash", memory.flash_bytes, limits.get("flash", SCALE_FLASH_BYTES)),
        ("RAM + stack" if stack else "RAM", memory.ram_bytes + stack, limits.get("RAM", SCALE_RAM_BYTES)),
    ]


def divergence_lines(divergence: Divergence, who: str = "") -> list[str]:
    """Where the board, or the C on this machine, first left the reference."""
    lines = [
        f"first divergence: {who}charge {divergence.session}, sample {divergence.sample}: "
        f"t {divergence.t_ms} ms, {divergence.voltage_mv} mV, {divergence.current_ma} mA",
        "  features  " + ", ".join(f"{name} {value}" for name, value in divergence.features.items()),
        f"  state CRC {shown('state_crc', divergence.expected['state_crc'])} expected",
    ]
    for name in divergence.differing:
        got = shown(name, divergence.got[name]) if name in divergence.got else "no answer"
        here = f", C-on-host {shown(name, divergence.host_c[name])}" if name in divergence.host_c and not who else ""
        lines.append(f"  {name:20} expected {shown(name, divergence.expected[name])}, got {got}{here}")
    lines.append(f"  {divergence.finding}")
    lines.append(f"  reproduce: {divergence.reproduce}")
    return lines


def shown(name: str, value: int) -> str:
    """An answer's field as one reads it."""
    if name == "state_crc":
        return f"{value:08X}"
    if name == "flags":
        return f"{value} ({PHASES[value >> 1 & 3]}{', unknown device' if value & 1 else ''})"
    return str(value)


def _timing(report: Report) -> Iterator[str]:
    board, timing = report.board_counters, report.timing
    if timing is None:
        yield f"answer   {board['answer_us']} µs the latest, {board['answer_max_us']} µs the longest on the board"
        return
    spread = timing.finest
    share = timing.share_of_period
    part = "" if share is None else f"; {100 * share:.2g} % of the time between samples"
    yield (
        f"answer   p50 {figure(spread.p50)}, p99 {figure(spread.p99)}, at most {figure(spread.largest)} "
        f"{spread.unit}{part}"
    )


def _memory(report: Report) -> Iterator[str]:
    for what, used, full in memory_bars(report):
        share = used / full
        bar = "=" * min(_BAR, round(_BAR * share))
        yield f"{what + ':':13}[{bar:{_BAR}}] {100 * share:5.1f}% (used {used} bytes from {full} bytes)"
    if "stack_bytes" in report.board_counters and report.memory is None:
        yield f"stack    {report.board_counters['stack_bytes']} bytes the deepest"


def _price(report: Report) -> Iterator[str]:
    price = report.price
    if price is None:
        return
    parts = []
    if price.confidence_permille is not None:
        parts.append(f"{price.devices_differ} devices and {price.unknown_differs} “unknown” differ")
        parts.append(
            f"confidence by {price.confidence_permille.p50:.2g} ‰, at most {price.confidence_permille.largest:.2g}"
        )
    parts.append(f"seconds by {price.remaining_s.p50:.2g}, at most {price.remaining_s.largest:.2g}")
    yield f"integers against the trained float model: {'; '.join(parts)}"


def _error(report: Report) -> Iterator[str]:
    keys = (*HORIZONS_S, OVERALL)
    trained: Mapping[str, float] = {} if report.price is None else report.price.error.mae_minutes
    rows = [
        ("error (min)", report.error.mae_minutes, 1.0, 2),
        ("  trained float", trained, 1.0, 2),
        ("  class median", report.error.baseline_mae_minutes, 1.0, 2),
        ("device (%)", report.error.accuracy, 100.0, 1),
        ("unknown (%)", report.error.unknown, 100.0, 1),
    ]
    yield f"{'after':16}" + "".join(f"{key:>9}" for key in keys)
    for title, figures, scale, digits in rows:
        if figures:  # none with one device only, or where no truth is known
            cells = [f"{figures[key] * scale:9.{digits}f}" if key in figures else f"{'–':>9}" for key in keys]
            yield f"{title:16}" + "".join(cells)
