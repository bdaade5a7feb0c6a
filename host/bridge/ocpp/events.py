"""What a charge point's messages say of charges, whatever the version of OCPP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from host.bridge.ocpp.measurands import Values


@dataclass(frozen=True, slots=True)
class Begun:
    """A transaction begins at a place, which is a connector in 1.6 and an EVSE in 2.0.1."""

    place: str
    transaction: str | None  # None until the central system has named it
    at_s: float | None  # seconds since 1970 by the charge point's clock; None where it does not say
    tag: str = ""  # who began it: idTag or idToken
    register_wh: float | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """The transaction at a place has got its name."""

    place: str
    transaction: str


@dataclass(frozen=True, slots=True)
class Metered:
    """Values at one moment."""

    place: str
    transaction: str | None
    at_s: float | None
    values: Values


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the vehicle asks for (NotifyEVChargingNeeds), in Wh."""

    place: str
    energy_wh: int


@dataclass(frozen=True, slots=True)
class Over:
    """A transaction has ended, for a reason of OCPP's."""

    place: str | None  # None where the message names the transaction alone
    transaction: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Free:
    """Nothing is plugged in at a place."""

    place: str


ChargeEvent = Begun | Named | Metered | Wanted | Over | Free


def seconds_of(timestamp: object) -> float | None:
    """Seconds since 1970 of an RFC 3339 time, UTC where it names no zone; None where it is none."""
    if not isinstance(timestamp, str):
        return None
    try:
        at = datetime.fromisoformat(timestamp)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def metered(place: str, transaction: str | None, meter_value: Any) -> list[Metered]:
    """The values of a list of MeterValue, those of one moment together, in the order they came."""
    moments: dict[float | None, Values] = {}
    for element in meter_value if isinstance(meter_value, list) else []:
        if isinstance(element, dict):
            values = moments.setdefault(seconds_of(element.get("timestamp")), Values())
            values.add_all(element.get("sampledValue"))
    return [Metered(place, transaction, at_s, values) for at_s, values in moments.items()]


def text_of(value: object) -> str | None:
    """A number or text as text: connectors and transactions are told by it."""
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
        return None
    return str(value)


def number_of(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return None
    return float(value)
