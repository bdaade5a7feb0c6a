"""The report of a verification as lines of text; the last one is the verdict."""

from __future__ import annotations

from host.field_error import HORIZONS_S, OVERALL
from host.messages import PHASES
from host.verify import Divergence, Report


def verify_lines(report: Report, place: str | None) -> list[str]:
    """The summary. `place` is where the JSON report went."""
    link, board = report.link, report.board_counters
    lines = [
        f"board    model {report.hello.model_hash}, firmware {report.hello.version}, protocol {report.hello.protocol}",
        f"link     {thousands(link.sent)} sent, {link.resent} resent, {link.damaged} damaged, "
        f"{link.refusals} refusals, {link.resets} resets; "
        f"{thousands(round(report.samples_per_s))} samples/s, {thousands(round(report.bytes_per_s))} bytes/s",
        f"answer   {board['answer_us']} µs the latest, {board['answer_max_us']} µs the longest on the board",
    ]
    lines += _error_lines(report)
    if report.first_divergence is not None:
        lines += divergence_lines(report.first_divergence)
    where = f"  (report: {place})" if place else ""
    verdict = "PASS" if report.passed else "FAIL"
    lines.append(
        f"{verdict}  {thousands(report.samples)} samples of {len(report.charges)} charges, "
        f"{thousands(report.mismatches)} mismatches{where}"
    )
    return lines


def divergence_lines(divergence: Divergence) -> list[str]:
    """Where the board first left the reference."""
    lines = [
        f"first divergence: charge {divergence.session}, sample {divergence.sample}: "
        f"t {divergence.t_ms} ms, {divergence.voltage_mv} mV, {divergence.current_ma} mA",
        "  features  " + ", ".join(f"{name} {value}" for name, value in divergence.features.items()),
    ]
    for name in divergence.differing:
        expected, got = divergence.expected[name], divergence.got[name]
        lines.append(f"  {name:20} expected {_shown(name, expected)}, got {_shown(name, got)}")
    lines.append(f"  reproduce: {divergence.reproduce}")
    return lines


def thousands(value: int) -> str:
    """A count with thin gaps between thousands."""
    return f"{value:,}".replace(",", " ")


def _shown(name: str, value: int) -> str:
    if name == "state_crc":
        return f"{value:08X}"
    if name == "flags":
        return f"{value} ({PHASES[value >> 1 & 3]})"
    return str(value)


def _error_lines(report: Report) -> list[str]:
    keys = (*HORIZONS_S, OVERALL)
    rows = [
        ("error (min)", report.error.mae_minutes, 1.0, 2),
        ("  class median", report.error.baseline_mae_minutes, 1.0, 2),
        ("device (%)", report.error.accuracy, 100.0, 1),
    ]
    lines = [f"{'after':16}" + "".join(f"{key:>9}" for key in keys)]
    for title, figures, scale, digits in rows:
        if not figures:
            continue  # one device only, or no truth known
        cells = [f"{figures[key] * scale:9.{digits}f}" if key in figures else f"{'–':>9}" for key in keys]
        lines.append(f"{title:16}" + "".join(cells))
    return lines
