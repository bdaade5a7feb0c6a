"""`python -m host bridge`."""

from __future__ import annotations

import argparse
import re
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from host.arguments import Subparsers, add_play, add_port, command
from host.bridge.ocpp.command import EXAMPLE as OCPP_EXAMPLE
from host.bridge.ocpp.command import add_ocpp
from host.errors import HostError
from host.monitor.command import add_artifact, add_http

if TYPE_CHECKING:
    from host.monitor.watch import View

MQTT_EXAMPLE = """\
python -m host bridge mqtt --broker mqtt://homeassistant.local --port /dev/ttyUSB0
WATTPRINT_MQTT_USER=bench WATTPRINT_MQTT_PASSWORD=… python -m host bridge mqtt --broker mqtts://broker.lan --port …
python -m host bridge mqtt --broker mqtts://bench@broker.lan --password-file ~/.mqtt --ca-file ca.pem --port …"""
EVCC_EXAMPLE = """\
python -m host bridge evcc --port /dev/ttyUSB0        answers at http://127.0.0.1:7071/evcc (docs/host.md)"""
EVCC_PORT = 7071


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command and its kinds."""
    example = f"{MQTT_EXAMPLE}\n{EVCC_EXAMPLE}\n{OCPP_EXAMPLE}"
    summary = "hand what the board says on to Home Assistant (MQTT), evcc or a charge point's central system (OCPP)"
    parser = command(sub, "bridge", _run, summary, example)
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    _add_mqtt(kinds)
    _add_evcc(kinds)
    add_ocpp(kinds)


def _run(_: argparse.Namespace) -> int:
    raise HostError("name mqtt, evcc or ocpp")


def _add_mqtt(kinds: Subparsers[argparse.ArgumentParser]) -> None:
    mqtt = command(kinds, "mqtt", _mqtt, "publish to an MQTT broker, with Home Assistant's discovery", MQTT_EXAMPLE)
    mqtt.add_argument("--broker", required=True, metavar="URL", help="mqtt[s]://[USER@]HOST[:PORT], no password in it")
    mqtt.add_argument(
        "--password-file", type=Path, metavar="FILE", help="first line: the password (or: WATTPRINT_MQTT_PASSWORD)"
    )
    mqtt.add_argument(
        "--ca-file",
        type=Path,
        metavar="FILE",
        help="who vouches for the broker, PEM (default: the system's authorities)",
    )
    mqtt.add_argument(
        "--name", type=_name, metavar="NAME", help="of the board, in topics and entities (default: host name and port)"
    )
    mqtt.add_argument("--topic", type=_topic, default="wattprint", metavar="BASE", help="(default: %(default)s)")
    mqtt.add_argument(
        "--discovery-prefix", type=_topic, default="homeassistant", metavar="TOPIC", help="(default: %(default)s)"
    )
    mqtt.add_argument(
        "--every",
        type=_seconds,
        default=5.0,
        metavar="S",
        help="publish at most so often; at once what is new (default: 5)",
    )
    _add_board(mqtt)


def _add_evcc(kinds: Subparsers[argparse.ArgumentParser]) -> None:
    evcc = command(kinds, "evcc", _evcc, "answer evcc's custom charger over HTTP", EVCC_EXAMPLE)
    add_http(evcc, EVCC_PORT)
    _add_board(evcc)


def _add_board(parser: argparse.ArgumentParser) -> None:
    add_port(parser)
    add_play(parser)
    add_artifact(parser)


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,50}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not made of letters, digits, _ and -")
    return text


def _topic(text: str) -> str:
    if not re.fullmatch(r"[^+#\x00-\x1f/]+(/[^+#\x00-\x1f/]+)*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no topic: no + or #, no empty level")
    return text


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 60:
        raise argparse.ArgumentTypeError(f"{text} does not lie in 0 … 60")
    return value


def default_name(port: str) -> str:
    """Stable for a board that stays where it is: this machine's name and the port."""
    words = re.sub(r"[^a-z0-9]+", "_", f"{socket.gethostname()} {port.removeprefix('/dev/')}".lower()).strip("_")
    return f"wattprint_{words}"[:50]


def _mqtt(args: argparse.Namespace) -> int:
    from host.bridge.broker import broker_of
    from host.bridge.discovery import Topics
    from host.bridge.mqtt import MqttBridge

    broker = broker_of(args.broker, ca_file=args.ca_file, password_file=args.password_file)
    topics = Topics(args.discovery_prefix, args.topic, args.name or default_name(args.port))
    with ExitStack() as stack:
        bridge = stack.enter_context(MqttBridge(broker, topics, every_s=args.every))
        print(f"publishing to {broker.url}, {topics.state}; Ctrl-C ends it", file=sys.stderr)
        _watch(args, bridge)
    return 0


def _evcc(args: argparse.Namespace) -> int:
    from host.bridge.evcc import EvccBridge

    with EvccBridge(args.bind, args.http_port, args.allow_host) as bridge:
        print(f"answering at {bridge.url}; Ctrl-C ends it", file=sys.stderr)
        _watch(args, bridge)
    return 0


def _watch(args: argparse.Namespace, view: View) -> None:
    from host.board import link_of
    from host.monitor.live import Clock, live_batches
    from host.monitor.names import known_models
    from host.monitor.tracker import Tracker
    from host.monitor.watch import watch

    clock = Clock()
    tracker = Tracker(known_models(args.artifact), args.port)
    watch(live_batches(lambda: link_of(args), args.port, tracker, clock), tracker, clock, of_latest=[view])
