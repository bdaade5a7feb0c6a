"""`python -m host info` and `ports`: which boards are there, what is on them."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from host.answers import names_of
from host.board import SIM, link_of
from host.conversation import Conversation
from host.discovery import ask_port
from host.messages import BOOT_REASONS, INJECTED, LIVE, PROFILES
from host.port_holders import holders_of, why_not_permitted
from host.transport import PortInfo, list_ports

LABELS = {
    "model_hash": "model",
    "devices": "number of devices",
    "device_names": "devices",
    "firmware_version": "firmware",
    "boot": "started by",
    "credit_bytes": "credit, bytes",
    "answered": "answers",
    "damaged": "damaged lines",
    "refused": "refused samples",
    "answer_us": "latest answer, µs",
    "answer_max_us": "longest answer, µs",
    "next_sequence": "next sequence",
    "answer_ticks": "latest answer, ticks",
    "answer_max_ticks": "longest answer, ticks",
    "ticks_per_s": "ticks a second",
    "stack_bytes": "deepest stack, bytes",
}


def info(args: argparse.Namespace) -> int:
    """Ask a board who it is and for its counters; takes any model and changes nothing on the board."""
    with link_of(args) as link:
        conversation = Conversation(link)
        hello = conversation.ask_hello()
        counters = conversation.statistics()
        port = args.port if args.port == SIM else link.port
    boot = BOOT_REASONS[hello.boot] if hello.boot < len(BOOT_REASONS) else str(hello.boot)
    facts: dict[str, Any] = {
        "port": port,
        "model_hash": hello.model_hash,
        "devices": hello.n_devices,
        "device_names": list(names_of(args.artifact)(hello.model_hash)),
        "protocol": hello.protocol_version,
        "profile": PROFILES[hello.profile] if hello.profile < len(PROFILES) else str(hello.profile),
        "firmware_version": hello.version,
        "boot": boot,
        "mode": "live" if counters.pop("mode", INJECTED) == LIVE else "injected",
        "credit_bytes": conversation.credit_bytes,
        "counters": counters,
    }
    if args.json:
        print(json.dumps(facts, indent=1))
        return 0
    for name, value in {**facts, **counters}.items():
        if name not in ("counters", "port") and value != []:
            text = ", ".join(value) if isinstance(value, list) else str(value)
            print(f"{LABELS.get(name, name):22} {text}")
    print(f"{facts['port']}: a wattprint board")
    return 0


def ports(args: argparse.Namespace) -> int:
    """List the serial ports, likely boards first; with `ask`, and which of them answer."""
    found = [(port, _state(port)) for port in list_ports()]
    boards = {port.device: _board(port, args) for port, state in found if args.ask and _may_be_asked(port, state)}
    if args.json:
        entries = [_entry(port, state, boards) for port, state in found]
        print(json.dumps(entries, indent=1))
        return 0
    for port, state in found:
        what = boards.get(port.device, port.description)
        print(f"{port.device:22} {port.vendor_product:10} {port.likely or '–':20} {state:24} {what}")
    likely = sum(bool(port.likely) for port, _ in found)
    cure = "" if likely else "; is the board plugged in, with a cable that carries data?"
    asked = f", {sum(text.startswith('model') for text in boards.values())} answering" if args.ask else ""
    print(f"{_count(len(found), 'port')}, {_count(likely, 'likely board')}{asked}{cure}")
    return 0


def _state(port: PortInfo) -> str:
    if why_not_permitted(port.device) is not None:
        return "not permitted"
    holders = holders_of(port.device)
    return f"open in {', '.join(map(str, holders))}" if holders else "free"


def _may_be_asked(port: PortInfo, state: str) -> bool:
    return state == "free" and bool(port.vendor_product)


def _board(port: PortInfo, args: argparse.Namespace) -> str:
    reply = ask_port(port.device, args.baud)
    return "does not answer" if reply.hello is None else f"model {reply.hello.model_hash}"


def _entry(port: PortInfo, state: str, boards: dict[str, str]) -> dict[str, Any]:
    return {**asdict(port), "state": state, "board": boards.get(port.device)}


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
