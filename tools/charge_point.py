"""A central system that shows what it is told, and a charge point that plays recorded charges: to try the OCPP bridge.

python tools/charge_point.py central --port 8887
    any identity is let in and every charge allowed; estimates are shown, a line each
python tools/charge_point.py play build/shelf/zoe_*.csv --url ws://127.0.0.1:9000/CP_1 --speed 60
    sample files of a dataset (docs/dataset.md, profile ev), one charge each; --speed 0: as fast as they are answered
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ocpp import v16, v201
from ocpp.routing import on
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

VERSIONS = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1"}
METER_WH = 1_000
"""The meter's register before the first charge."""
QUIET = logging.Logger("charge_point", logging.CRITICAL)

Row = Mapping[str, int]


def now_text(seconds: float = 0.0) -> str:
    """So many seconds from now."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rows_of(path: Path) -> list[Row]:
    """The samples of a file by column; state of charge in whole per cents. Raises ValueError, OSError."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows: list[Row] = [{name: int(float(text)) for name, text in row.items()} for row in csv.DictReader(file)]
    if not rows or "t_ms" not in rows[0]:
        raise ValueError(f"{path}: has no samples (docs/dataset.md)")
    return rows


def sampled(row: Row) -> Iterator[dict[str, Any]]:
    """A sample as 1.6 tells it; values are whole thousandths, as they were recorded."""

    def value(milli: int, measurand: str, unit: str, phase: str | None) -> dict[str, Any]:
        told = {"value": f"{milli / 1000:.3f}", "measurand": measurand, "unit": unit}
        return told if phase is None else {**told, "phase": phase}

    if "voltage_mv" in row:
        yield value(row["voltage_mv"], "Voltage", "V", None)
        yield value(row["current_ma"], "Current.Import", "A", None)
    for k in (1, 2, 3) if "voltage_mv_l1" in row else ():
        yield value(row[f"voltage_mv_l{k}"], "Voltage", "V", f"L{k}-N")
        yield value(row[f"current_ma_l{k}"], "Current.Import", "A", f"L{k}")
    if "pilot_da" in row:
        yield value(row["pilot_da"] * 100, "Current.Offered", "A", None)
    if "energy_wh" in row:
        yield value((METER_WH + row["energy_wh"]) * 1000, "Energy.Active.Import.Register", "Wh", None)
    if "soc_pct" in row:
        yield {**value(row["soc_pct"] * 1000, "SoC", "Percent", None), "location": "EV"}


def sampled_201(row: Row) -> Iterator[dict[str, Any]]:
    """The same in 2.0.1: numbers, and units with a multiplier."""
    for value in sampled(row):
        unit = value.pop("unit")
        yield {**value, "value": float(value["value"]), "unit_of_measure": {"unit": unit, "multiplier": 0}}


class Player:
    """A charge point with one connector."""

    def __init__(self, side: Any, version: str, speed: float, tag: str) -> None:
        self._side, self._version, self._speed, self._tag = side, version, speed, tag

    async def play(self, rows: Sequence[Row], name: str) -> None:
        """A whole charge: plugged in, charged, unplugged. Times are as if it began now and nothing were sped up."""
        began = datetime.now(UTC)
        transaction = await self._begin(name)
        passed_ms = rows[0]["t_ms"]
        for row in rows:
            if self._speed:
                await asyncio.sleep((row["t_ms"] - passed_ms) / 1000 / self._speed)
            passed_ms = row["t_ms"]
            at = began + timedelta(milliseconds=row["t_ms"] - rows[0]["t_ms"])
            await self._measure(transaction, row, at.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        await self._end(transaction, METER_WH + rows[-1].get("energy_wh", 0))

    async def _begin(self, name: str) -> Any:
        if self._version == "2.0.1":
            await self._event("Started", "CablePluggedIn", name, id_token={"id_token": self._tag, "type": "ISO14443"})
            return name
        call = v16.call.StartTransaction(connector_id=1, id_tag=self._tag, meter_start=METER_WH, timestamp=now_text())
        return (await self._side.call(call)).transaction_id

    async def _measure(self, transaction: Any, row: Row, at: str) -> None:
        if self._version == "2.0.1":
            values = [{"timestamp": at, "sampled_value": list(sampled_201(row))}]
            await self._event("Updated", "MeterValuePeriodic", transaction, meter_value=values)
            return
        values = [{"timestamp": at, "sampled_value": list(sampled(row))}]
        await self._side.call(v16.call.MeterValues(connector_id=1, transaction_id=transaction, meter_value=values))

    async def _end(self, transaction: Any, register_wh: int) -> None:
        if self._version == "2.0.1":
            await self._event("Ended", "EVCommunicationLost", transaction, stopped="EVDisconnected")
            return
        call = v16.call.StopTransaction(
            meter_stop=register_wh, timestamp=now_text(), transaction_id=transaction, reason="EVDisconnected"
        )
        await self._side.call(call)

    async def _event(
        self, kind: str, trigger: str, transaction: str, *, stopped: str | None = None, **more: Any
    ) -> None:
        info = {"transaction_id": transaction, "stopped_reason": stopped}
        call = v201.call.TransactionEvent(
            event_type=kind,
            timestamp=now_text(),
            trigger_reason=trigger,
            seq_no=0,
            transaction_info={key: text for key, text in info.items() if text is not None},
            evse={"id": 1, "connector_id": 1},
            **more,
        )
        await self._side.call(call)


async def play(files: Sequence[Path], url: str, version: str, speed: float, tag: str) -> None:
    """Play all files, one charge each; raises OSError, ValueError, InvalidHandshake, ConnectionClosed, TimeoutError."""
    charges = [(path, rows_of(path)) for path in files]
    async with connect(url, subprotocols=[Subprotocol(VERSIONS[version])], logger=QUIET) as socket:
        package = v201 if version == "2.0.1" else v16
        side = package.ChargePoint(url.rsplit("/", 1)[-1], socket, logger=QUIET)
        hearing = asyncio.create_task(side.start())
        try:
            for path, rows in charges:
                await Player(side, version, speed, tag).play(rows, path.stem[:36])
                print(f"{path.stem}: {len(rows)} samples")
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)


class Central16(v16.ChargePoint):  # type: ignore[misc]
    """The central system's side of a charge point, 1.6."""

    n_transactions = 0

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def _boot(self, **_: Any) -> Any:
        return v16.call_result.BootNotification(current_time=now_text(), interval=300, status="Accepted")

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def _heartbeat(self) -> Any:
        return v16.call_result.Heartbeat(current_time=now_text())

    @on("Authorize")  # type: ignore[untyped-decorator]
    def _authorize(self, **_: Any) -> Any:
        return v16.call_result.Authorize(id_tag_info={"status": "Accepted"})

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def _status(self, **_: Any) -> Any:
        return v16.call_result.StatusNotification()

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    def _start(self, **_: Any) -> Any:
        Central16.n_transactions += 1
        accepted = {"status": "Accepted"}
        return v16.call_result.StartTransaction(transaction_id=Central16.n_transactions, id_tag_info=accepted)

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def _metered(self, **_: Any) -> Any:
        return v16.call_result.MeterValues()

    @on("StopTransaction")  # type: ignore[untyped-decorator]
    def _stop(self, **_: Any) -> Any:
        return v16.call_result.StopTransaction()

    @on("DataTransfer")  # type: ignore[untyped-decorator]
    def _transfer(self, **told: Any) -> Any:
        return v16.call_result.DataTransfer(status=show(self.id, told))


class Central201(v201.ChargePoint):  # type: ignore[misc]
    """The central system's side of a charge point, 2.0.1."""

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def _boot(self, **_: Any) -> Any:
        return v201.call_result.BootNotification(current_time=now_text(), interval=300, status="Accepted")

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def _heartbeat(self) -> Any:
        return v201.call_result.Heartbeat(current_time=now_text())

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def _status(self, **_: Any) -> Any:
        return v201.call_result.StatusNotification()

    @on("TransactionEvent")  # type: ignore[untyped-decorator]
    def _event(self, **_: Any) -> Any:
        return v201.call_result.TransactionEvent()

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def _metered(self, **_: Any) -> Any:
        return v201.call_result.MeterValues()

    @on("DataTransfer")  # type: ignore[untyped-decorator]
    def _transfer(self, **told: Any) -> Any:
        return v201.call_result.DataTransfer(status=show(self.id, told))


def show(point: str, told: Mapping[str, Any]) -> str:
    """Print an estimate; the status to answer with."""
    if told.get("vendor_id") != "wattprint":
        return "UnknownVendorId"
    data = json.loads(told["data"])
    minutes = data["minutes"]
    left = "" if minutes is None else f", {minutes[0]:.0f} – {minutes[1]:.0f} – {minutes[2]:.0f} min"
    who = " or ".join(data["cars"]) or f"unknown, {data['phases']} phases, {data['power_class_w'] / 1000:g} kW"
    print(f"{point}, {data['place']}: {data['phase']}, {who}{left}", flush=True)
    return "Accepted"


async def central(port: int) -> None:
    """Answer charge points until interrupted; raises OSError where another program listens."""

    async def answer(connection: ServerConnection) -> None:
        point = connection.request.path.rsplit("/", 1)[-1] if connection.request is not None else ""
        kind = Central201 if connection.subprotocol == "ocpp2.0.1" else Central16
        try:
            await kind(point, connection, logger=QUIET).start()
        except ConnectionClosed:
            print(f"{point}: disconnected", flush=True)

    subprotocols = [Subprotocol(version) for version in VERSIONS.values()]
    async with serve(answer, "127.0.0.1", port, subprotocols=subprotocols, logger=QUIET):
        print(f"central system at ws://127.0.0.1:{port}; Ctrl-C ends it", flush=True)
        await asyncio.Future()


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0, 2 for what cannot be read, 3 where nobody answers or another program listens, 130 interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    there = kinds.add_parser("central", help="a central system that shows estimates")
    there.add_argument("--port", type=int, default=8887, metavar="N", help="(default: %(default)s)")
    player = kinds.add_parser("play", help="a charge point that plays recorded charges")
    player.add_argument("files", type=Path, nargs="+", metavar="FILE")
    player.add_argument("--url", default="ws://127.0.0.1:9000/CP_1", help="(default: %(default)s)")
    player.add_argument("--version", choices=tuple(VERSIONS), default="1.6", help="of OCPP (default: %(default)s)")
    player.add_argument("--speed", type=float, default=1.0, metavar="N", help="so many times real time (default: 1)")
    player.add_argument("--tag", default="04A1B2", help="the card that begins the charges (default: %(default)s)")
    args = parser.parse_args(argv)
    try:
        if args.kind == "central":
            asyncio.run(central(args.port))
        else:
            asyncio.run(play(args.files, args.url, args.version, max(args.speed, 0.0), args.tag))
    except FileNotFoundError as error:
        print(f"error: {error.filename}: not found", file=sys.stderr)
        return 2
    except (ValueError, TypeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (OSError, InvalidHandshake, ConnectionClosed) as error:
        print(f"error: {getattr(args, 'url', '') or args.port}: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
