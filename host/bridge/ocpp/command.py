"""`python -m host bridge ocpp`: arguments alone; the work is imported when it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from host.arguments import DEFAULT_BAUD, PORT_HELP, Subparsers, command, positive
from host.errors import HostError

if TYPE_CHECKING:
    from host.bridge.ocpp.answerer import Answerer
    from host.bridge.ocpp.recording import VehicleRecorder
    from host.transport import SerialLink
    from host.vehicle_answers import Cars

EXAMPLE = """\
python -m host bridge ocpp --csms ws://127.0.0.1:8887 --bind 0.0.0.0 --port /dev/ttyUSB0
    the charge point's central system is then ws://THIS-MACHINE:9000 in its own settings
python -m host bridge ocpp --csms wss://csms.example/ocpp --port sim --firmware build/cars/program --artifact build/cars
python -m host bridge ocpp --csms ws://127.0.0.1:8887 --port … --record charges --car 04A1B2=id3 --car 04C3D4=zoe
    charges become a dataset, each labelled with the car of the card that began it (docs/host.md)"""
DEFAULT_PORT = 9000
UNLABELLED = "unlabelled"


def add_ocpp(kinds: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the kind."""
    parser = command(
        kinds, "ocpp", _run, "stand between charge points and their central system (OCPP 1.6, 2.0.1)", EXAMPLE
    )
    parser.add_argument(
        "--csms", required=True, metavar="URL", help="the central system, ws[s]://HOST[:PORT][/PATH], no IDENTITY in it"
    )
    parser.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="who vouches for a wss:// one, PEM (default: the system's)"
    )
    _add_listening(parser)
    _add_boards(parser)
    _add_telling(parser)
    _add_recording(parser)


def _add_listening(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where charge points connect")
    group.add_argument(
        "--bind",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen there (default: %(default)s, this machine alone; 0.0.0.0: all addresses)",
    )
    group.add_argument(
        "--ocpp-port", type=_port, default=DEFAULT_PORT, metavar="N", help="(default: %(default)s; 0 takes a free one)"
    )
    group.add_argument(
        "--certificate", type=Path, metavar="FILE", help="of this machine, PEM: charge points use wss://"
    )
    group.add_argument(
        "--key", type=Path, metavar="FILE", help="of the certificate, PEM, where it is a file of its own"
    )


def _add_boards(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("who answers")
    group.add_argument(
        "--port",
        action="append",
        required=True,
        help=f"a board: {PORT_HELP}; once more for each further charge to be answered at the same time",
    )
    group.add_argument("--baud", type=positive, default=DEFAULT_BAUD, metavar="BIT/S", help="(default: %(default)s)")
    group.add_argument(
        "--firmware",
        type=Path,
        metavar="PROGRAM",
        help="native firmware of the virtual board, with a household's model",
    )
    group.add_argument(
        "--artifact", type=Path, metavar="DIR", help="names the cars (default: the one that has the board's hash)"
    )
    group.add_argument(
        "--target-soc", type=_percent, metavar="%", help="time to this level is told too (default: the board's, 80)"
    )
    group.add_argument(
        "--assume-voltage", type=_volts, default=230.0, metavar="V", help="where none is told (default: %(default)g)"
    )
    group.add_argument(
        "--assume-phases",
        type=int,
        choices=(1, 2, 3),
        help="of a current or power told without phases (default: as many as power, voltage and pilot ask for)",
    )


def _add_telling(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("who is told")
    group.add_argument(
        "--every",
        type=_seconds,
        default=60.0,
        metavar="S",
        help="a DataTransfer a charge at most so often, and only for news (default: %(default)g)",
    )
    group.add_argument("--vendor-id", type=_vendor, default="wattprint", metavar="ID", help="(default: %(default)s)")
    group.add_argument("--json", action="store_true", help="each estimate as a line of standard output too")
    group.add_argument(
        "--http-port", type=_port, metavar="N", help="answer evcc's object there as well, on --bind (docs/host.md)"
    )
    group.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name this machine is asked for by, for HTTP",
    )


def _add_recording(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("recording")
    group.add_argument("--record", type=Path, metavar="DIR", help="keep whole charges as a dataset (docs/dataset.md)")
    group.add_argument(
        "--car",
        action="append",
        default=[],
        type=_car,
        metavar="TAG=NAME",
        help="the car whose charges are begun with this card or token (idTag, idToken)",
    )
    group.add_argument(
        "--device", default=UNLABELLED, metavar="NAME", help="the car of all others (default: %(default)s)"
    )
    group.add_argument("--unit", default="1", metavar="NAME", help="which one of its model (default: %(default)s)")


def _run(args: argparse.Namespace) -> int:
    from host.bridge.ocpp.answerer import Goal
    from host.bridge.ocpp.bridge import Setup, run_bridge
    from host.bridge.ocpp.central import central_of, listening_tls
    from host.bridge.ocpp.evcc_points import EvccPoints
    from host.bridge.ocpp.sampling import Assumed
    from host.vehicle_answers import known_households

    central, tls = central_of(args.csms, args.ca_file), listening_tls(args.certificate, args.key)
    known = known_households(args.artifact)
    with ExitStack() as stack:
        evcc = None
        if args.http_port is not None:
            evcc = stack.enter_context(EvccPoints(args.bind, args.http_port, args.allow_host))
        setup = Setup(
            central,
            [(port, _connect(port, args, known)) for port in args.port],
            bind=args.bind,
            port=args.ocpp_port,
            tls=tls,
            every_s=args.every,
            goal=Goal(args.target_soc),
            assumed=Assumed(args.assume_voltage, args.assume_phases),
            vendor=args.vendor_id,
            recorder=_recorder(args),
            evcc=evcc,
            json=args.json,
        )
        run_bridge(setup)
    return 0


def _recorder(args: argparse.Namespace) -> VehicleRecorder | None:
    from host.bridge.ocpp.recording import VehicleRecorder

    if args.record is None:
        if args.car or args.device != UNLABELLED:
            raise HostError("--car and --device label recordings; name their folder: --record DIR")
        return None
    return VehicleRecorder(args.record, device=args.device, unit=args.unit, cars=dict(args.car))


def _connect(port: str, args: argparse.Namespace, known: Cars) -> Callable[[], Answerer]:
    from host.board import board_link
    from host.bridge.ocpp.board_answerer import BoardAnswerer

    def link() -> AbstractContextManager[SerialLink]:
        return board_link(port, args.baud, args.firmware)

    return lambda: BoardAnswerer(port, link, known)


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value < 65_536:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return value


def _percent(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text} does not lie in 1 … 100")
    return value


def _volts(text: str) -> float:
    value = float(text)
    if not 50 <= value <= 500:
        raise argparse.ArgumentTypeError(f"{text} does not lie in 50 … 500")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text} does not lie in 1 … 86400")
    return value


def _vendor(text: str) -> str:
    if not 1 <= len(text) <= 255:
        raise argparse.ArgumentTypeError("takes 1 to 255 characters")
    return text


def _car(text: str) -> tuple[str, str]:
    tag, found, name = text.rpartition("=")
    if not (tag and found and name):
        raise argparse.ArgumentTypeError(f"{text!r} is not TAG=NAME")
    return tag, name
