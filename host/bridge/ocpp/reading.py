"""The messages of a charge point, 1.6 and 2.0.1, as events of charges.

Read is what charge points send, not what the schema allows: an extra field or a misspelt unit costs that value alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from host.bridge.ocpp.events import (
    Begun,
    ChargeEvent,
    Free,
    Named,
    Over,
    Wanted,
    metered,
    number_of,
    seconds_of,
    text_of,
)

MAX_OPEN = 16
"""StartTransactions that wait for their answer: a charge point has few connectors."""

Payload = Mapping[str, Any]


class Reader(Protocol):
    """Reads one charge point."""

    def call(self, message_id: str, action: str, payload: Payload) -> list[ChargeEvent]:
        """What a call of the charge point says."""

    def result(self, message_id: str, payload: Payload) -> list[ChargeEvent]:
        """What the central system's answer to one says."""


class Reader16:
    """OCPP 1.6: a transaction is named by the central system's answer."""

    def __init__(self) -> None:
        self._starting: OrderedDict[str, str] = OrderedDict()  # message → place
        self._calls: Mapping[str, Callable[[str, Payload], list[ChargeEvent]]] = {
            "StartTransaction": self._start,
            "MeterValues": self._metered,
            "StopTransaction": self._stop,
            "StatusNotification": self._status,
        }

    def call(self, message_id: str, action: str, payload: Payload) -> list[ChargeEvent]:
        """What a call of the charge point says."""
        read = self._calls.get(action)
        return [] if read is None else read(message_id, payload)

    def result(self, message_id: str, payload: Payload) -> list[ChargeEvent]:
        """The name of a transaction."""
        place = self._starting.pop(message_id, None)
        transaction = text_of(payload.get("transactionId"))
        return [] if place is None or transaction is None else [Named(place, transaction)]

    def _start(self, message_id: str, payload: Payload) -> list[ChargeEvent]:
        place = _connector(payload)
        if place is None:
            return []
        self._starting[message_id] = place
        while len(self._starting) > MAX_OPEN:
            self._starting.popitem(last=False)
        tag = text_of(payload.get("idTag")) or ""
        return [Begun(place, None, seconds_of(payload.get("timestamp")), tag, number_of(payload.get("meterStart")))]

    def _metered(self, _: str, payload: Payload) -> list[ChargeEvent]:
        place = _connector(payload)
        if place is None:
            return []
        return [*metered(place, text_of(payload.get("transactionId")), payload.get("meterValue"))]

    def _stop(self, _: str, payload: Payload) -> list[ChargeEvent]:
        reason = payload.get("reason", "Local")
        return [Over(None, text_of(payload.get("transactionId")), reason if isinstance(reason, str) else "")]

    def _status(self, _: str, payload: Payload) -> list[ChargeEvent]:
        place = _connector(payload)
        return [Free(place)] if place is not None and payload.get("status") == "Available" else []


class Reader201:
    """OCPP 2.0.1: a transaction is named by the charge point, and may name its EVSE once only."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, str] = OrderedDict()  # transaction → place
        self._calls: Mapping[str, Callable[[Payload], list[ChargeEvent]]] = {
            "TransactionEvent": self._transaction,
            "MeterValues": self._metered,
            "StatusNotification": self._status,
            "NotifyEVChargingNeeds": self._needs,
        }

    def call(self, message_id: str, action: str, payload: Payload) -> list[ChargeEvent]:  # noqa: ARG002 (Reader)
        """What a call of the charge point says."""
        read = self._calls.get(action)
        return [] if read is None else read(payload)

    def result(self, message_id: str, payload: Payload) -> list[ChargeEvent]:  # noqa: ARG002 (Reader)
        """Nothing: the charge point names everything itself."""
        return []

    def _transaction(self, payload: Payload) -> list[ChargeEvent]:
        info = payload.get("transactionInfo")
        transaction = text_of(info.get("transactionId")) if isinstance(info, dict) else None
        if transaction is None:
            return []
        place = self._place(transaction, payload.get("evse"))
        events: list[ChargeEvent] = []
        if payload.get("eventType") == "Started":
            token = payload.get("idToken")
            tag = text_of(token.get("idToken")) if isinstance(token, dict) else None
            events.append(Begun(place, transaction, seconds_of(payload.get("timestamp")), tag or ""))
        events += metered(place, transaction, payload.get("meterValue"))
        if payload.get("eventType") == "Ended":
            reason = info.get("stoppedReason", "Local") if isinstance(info, dict) else ""
            events.append(Over(place, transaction, reason if isinstance(reason, str) else ""))
            self._places.pop(transaction, None)
        return events

    def _place(self, transaction: str, evse: object) -> str:
        told = _evse(evse.get("id")) if isinstance(evse, dict) else None
        place = told or self._places.get(transaction, "1")
        self._places[transaction] = place
        while len(self._places) > MAX_OPEN:
            self._places.popitem(last=False)
        return place

    def _metered(self, payload: Payload) -> list[ChargeEvent]:
        place = _evse(payload.get("evseId"))
        return [] if place is None else [*metered(place, None, payload.get("meterValue"))]

    def _status(self, payload: Payload) -> list[ChargeEvent]:
        place = _evse(payload.get("evseId"))
        return [Free(place)] if place is not None and payload.get("connectorStatus") == "Available" else []

    def _needs(self, payload: Payload) -> list[ChargeEvent]:
        place, needs = _evse(payload.get("evseId")), payload.get("chargingNeeds")
        if place is None or not isinstance(needs, dict):
            return []
        for key in ("acChargingParameters", "dcChargingParameters"):
            asked = needs.get(key)
            energy_wh = number_of(asked.get("energyAmount")) if isinstance(asked, dict) else None
            if energy_wh is not None and 0 < energy_wh < 1 << 31:
                return [Wanted(place, int(energy_wh))]
        return []


READERS: Mapping[str, Callable[[], Reader]] = {"ocpp1.6": Reader16, "ocpp2.0.1": Reader201}
"""By WebSocket subprotocol."""


def _connector(payload: Payload) -> str | None:
    return _evse(payload.get("connectorId"))


def _evse(number: object) -> str | None:
    """A place by its number; 0 is the whole charge point, where no vehicle is."""
    text = text_of(number)
    return None if text in (None, "0") else text
