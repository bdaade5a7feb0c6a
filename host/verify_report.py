"""What came of a verification, and what it says as JSON (docs/host.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from host.bench import Timing
from host.bench import to_json as timing_json
from host.conversation import Counters
from host.field_error import FieldError
from host.inject import Damage, Plan
from host.inject_storm import Storm
from host.messages import Hello
from host.soak import Soak
from host.verify import Divergence
from host.verify_budget import Budget, LineBudget
from host.verify_determinism import Determinism
from host.verify_float import Distribution, Price
from host.verify_memory import Memory


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What came of one charge; the C-on-host's figures are None where it was left out."""

    session: str
    device: str
    unit: str
    samples: int
    mismatches: int  # board against reference
    host_c_mismatches: int | None  # C-on-host against reference
    platform_mismatches: int | None  # board against C-on-host
    seconds: float
    error: FieldError


@dataclass(frozen=True, slots=True)
class HostC:
    """The same C on this machine; `left_out` says why where it is not there, `stopped` where it ended early."""

    compiler: str = ""
    flags: tuple[str, ...] = ()
    mismatches: int = 0
    board_mismatches: int = 0
    first_divergence: Divergence | None = None
    stopped: str = ""
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Injected:
    """A charge over a line that was damaged on purpose."""

    session: str
    samples: int
    plan: Plan
    damage: Damage
    link: Counters
    wrong: int  # answers that were ever other than the reference's
    differ: int  # of the final sequence, against the undisturbed one
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a verification."""

    title: str
    port: str
    samples: int
    mismatches: int
    first_divergence: Divergence | None
    charges: tuple[ChargeResult, ...]
    link: Counters  # while the charges were streamed
    line: LineBudget
    error: FieldError
    hello: Hello
    board_counters: Mapping[str, int]
    stream_seconds: float
    seconds: float
    price: Price | None
    host_c: HostC
    determinism: Determinism | None
    timing: Timing | None
    memory: Memory | None
    budgets: tuple[Budget, ...]
    injected: Injected | None
    storm: Storm | None
    soak: Soak | None
    provenance: Mapping[str, Any]

    @property
    def samples_per_s(self) -> float:
        """New samples answered a second, while streaming."""
        return self.samples / self.stream_seconds

    @property
    def bytes_per_s(self) -> float:
        """Bytes both ways a second, while streaming."""
        return (self.link.bytes_sent + self.link.bytes_received) / self.stream_seconds


def to_json(report: Report, verdict: str, checks: list[dict[str, str]]) -> dict[str, Any]:
    """The documented object of `host verify --json`; an empty one stands for what was not measured."""
    link = asdict(report.link)
    link.update(bytes_per_s=round(report.bytes_per_s), samples_per_s=round(report.samples_per_s))
    link.update(needed_samples_per_s=report.line.needed, carried_samples_per_s=report.line.carried)
    return {
        "verdict": verdict,
        "samples": report.samples,
        "mismatches": report.mismatches,
        "first_divergence": _optional(report.first_divergence) or None,
        "checks": checks,
        "charges": [_flat(asdict(charge)) for charge in report.charges],
        "link": link,
        "error": asdict(report.error),
        "quantisation": {} if report.price is None else _price(report.price),
        "host_c": asdict(report.host_c),
        "determinism": _optional(report.determinism),
        "timing": {} if report.timing is None else timing_json(report.timing),
        "memory": _optional(report.memory),
        "budgets": [{"what": one.what, "limit": one.limit, "value": one.value} for one in report.budgets],
        "inject": {} if report.injected is None else _injected(report.injected),
        "storm": _optional(report.storm),
        "soak": {} if report.soak is None else _soak(report.soak),
        "board": {
            "model_hash": report.hello.model_hash,
            "protocol": report.hello.protocol,
            "firmware_version": report.hello.version,
            "devices": report.hello.n_devices,
            **report.board_counters,
        },
        "provenance": dict(report.provenance),
        "seconds": round(report.seconds, 3),
    }


def _optional(value: Any) -> dict[str, Any]:
    return {} if value is None else asdict(value)


def _flat(charge: dict[str, Any]) -> dict[str, Any]:
    charge.update(charge.pop("error"))
    return charge


def _price(price: Price) -> dict[str, Any]:
    def figures(distribution: Distribution | None) -> dict[str, float]:
        if distribution is None:
            return {}
        return {"p50": distribution.p50, "p99": distribution.p99, "largest": distribution.largest}

    return {
        "samples": price.samples,
        "devices_differ": price.devices_differ,
        "unknown_differs": price.unknown_differs,
        "margin": figures(price.margin),
        "confidence_permille": figures(price.confidence_permille),
        "remaining_s": figures(price.remaining_s),
        "error": asdict(price.error),
    }


def _injected(injected: Injected) -> dict[str, Any]:
    value = asdict(injected)
    value["damage"]["hit"] = dict(injected.damage.hit)
    return value


def _soak(soak: Soak) -> dict[str, Any]:
    value = asdict(soak)
    for side in ("host", "board"):
        if value[side] is not None:
            first, last = (value[side]["rss_bytes"][k] for k in (0, -1))
            value[side] = {k: v for k, v in value[side].items() if k not in ("samples", "rss_bytes")}
            value[side].update(first_rss_bytes=first, last_rss_bytes=last)
    return value
