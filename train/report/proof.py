"""The report's last two sections: is the board equal to the model, and where all of it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from train.evaluate.table import format_figure

Rows = list[tuple[str, str]]

_CHECKS = {
    "codegen": "C on this machine",
    "platform": "board against that C",
    "repeatable": "the same again",
    "reset": "after a reset",
}
"""Groups of a verification's checks that have a row of their own."""


def verification(verify: Mapping[str, Any]) -> dict[str, Any] | None:
    """Verdict, short rows and the charges one by one; None where nothing was verified."""
    if "samples" not in verify:
        return None
    samples, mismatches = int(verify["samples"]), int(verify.get("mismatches", 0))
    passed = mismatches == 0 and samples > 0 and verify.get("verdict", "PASS") == "PASS"
    if passed:
        text = f"Yes: each of {count(samples)} answers over the serial line equals the reference, bit for bit."
    elif mismatches or not samples:
        text = f"No: {count(mismatches)} of {count(samples)} answers differ from the reference."
    else:
        failed = [check["title"] for check in verify.get("checks") or [] if check.get("verdict") == "FAIL"]
        text = f"Each answer equals the reference, but not all is well. Failed: {'; '.join(failed) or 'not said'}."
    line = f"{'PASS' if passed else 'FAIL'}: {count(samples)} samples verified, {count(mismatches)} mismatches"
    return {
        "passed": passed,
        "line": line,
        "text": text,
        "rows": list(_verify_rows(verify)),
        "charges": [_charge(charge) for charge in verify.get("charges") or []],
    }


def _verify_rows(verify: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    first = verify.get("first_divergence") or {}
    if first:
        yield "first divergence", f"charge {first.get('session')}, sample {first.get('sample')}"
        expected, got = first.get("expected") or {}, first.get("got") or {}
        for name, value in expected.items():
            if got.get(name) != value:
                yield name.replace("_", " "), f"expected {value}, got {got.get(name)}"
        if first.get("reproduce"):
            yield "reproduce", str(first["reproduce"])
    charges = verify.get("charges") or []
    if charges:
        units = {(charge.get("device"), charge.get("unit")) for charge in charges}
        streamed = f"{counted(len(charges), 'charge')} of {counted(len(units), 'unit')}"
        seconds = verify.get("seconds")
        yield "streamed", streamed if seconds is None else f"{streamed} in {seconds:.1f} s"
    for check in verify.get("checks") or []:
        if check.get("group") in _CHECKS:
            yield _CHECKS[check["group"]], f"{check['verdict']}: {check['text']}"
    board = verify.get("board") or {}
    if board:
        yield (
            "board",
            f"model {board.get('model_hash')}, firmware {board.get('firmware_version')}, "
            f"protocol {board.get('protocol')}; slowest answer {count(board.get('answer_max_us'))} µs",
        )
    link = verify.get("link") or {}
    if link:
        yield "line", _link(link)
    error = verify.get("error") or {}
    mae, baseline, accuracy = (
        (error.get(key) or {}).get("overall") for key in ("mae_minutes", "baseline_mae_minutes", "accuracy")
    )
    if mae is not None:
        beside = "" if baseline is None else f", the baseline {baseline:.1f}"
        yield "minutes to full", f"{mae:.1f} min off on average{beside}"
    if accuracy is not None:
        yield "device", f"{100 * accuracy:.1f} % of the answers right"


def _link(link: Mapping[str, Any]) -> str:
    """Traffic, then what went wrong on the way, if anything did."""
    words = (
        ("resent", "sent again"),
        ("damaged", "damaged"),
        ("refusals", "refused"),
        ("silences", "silences"),
        ("resets", "restarts of the board"),
        ("errors", "errors"),
    )
    troubles = [f"{count(link[key])} {word}" for key, word in words if link.get(key)]
    return (
        f"{count(link.get('sent'))} samples at {count(link.get('samples_per_s'))} a second, "
        f"{count(link.get('bytes_sent'))} bytes out, {count(link.get('bytes_received'))} back; "
        + (", ".join(troubles) if troubles else "nothing damaged, nothing sent again")
    )


def _charge(charge: Mapping[str, Any]) -> list[str]:
    """A row of the table of charges."""
    mae, baseline = (
        format_figure((charge.get(key) or {}).get("overall"), "minutes")
        for key in ("mae_minutes", "baseline_mae_minutes")
    )
    unit = f"{charge.get('device')} / {charge.get('unit')}"
    return [str(charge["session"]), unit, count(charge.get("samples")), count(charge.get("mismatches")), mae, baseline]


def provenance(report: Mapping[str, Any]) -> dict[str, Any]:
    """Rows about model and data; features and settings apart, as they are long."""
    model, origin = report.get("model") or {}, report.get("provenance") or {}
    rows: Rows = [("model", str(model.get("hash", "–")))]
    commit = str(origin.get("commit") or "")
    if commit:
        rows.append(
            ("commit", commit.removesuffix("+") + (", with changes not committed" if commit.endswith("+") else ""))
        )
    rows += [
        (str(key).replace("_", " "), _plain(value))
        for key, value in origin.items()
        if value and key not in ("commit", "settings")
    ]
    return {
        "rows": rows,
        "features": list(map(str, model.get("features") or [])),
        "settings": list(_settings(origin.get("settings") or {})),
    }


def _settings(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A row for each table of wattprint.toml that sets something."""
    plain = {key: value for key, value in settings.items() if not isinstance(value, Mapping) and value is not None}
    if plain:
        yield prefix or "–", _plain(plain)
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _settings(value, f"{prefix}.{key}" if prefix else str(key))


def _plain(value: Any) -> str:
    """A JSON value as one line of text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_plain, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def count(value: Any) -> str:
    """A count with thin spaces between thousands; an en dash where it is not known."""
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def counted(number: int, what: str) -> str:
    """`1 unit`, `2 units`."""
    return f"{count(number)} {what}" if number == 1 else f"{count(number)} {what}s"
