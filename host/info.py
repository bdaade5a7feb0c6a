"""`python -m host info` and `ports`: which boards are there, what is on them."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from host.board import board_link
from host.messages import BOOT_REASONS
from host.session import Session
from host.transport import list_ports


def info(args: argparse.Namespace) -> int:
    """Ask a board who it is and for its counters; takes any model."""
    with board_link(args.port, args.baud, args.firmware) as link:
        session = Session(link)
        hello = session.open()
        counters = session.statistics()
    boot = BOOT_REASONS[hello.boot] if hello.boot < len(BOOT_REASONS) else str(hello.boot)
    facts = {
        "port": args.port,
        "model_hash": hello.model_hash,
        "devices": hello.n_devices,
        "protocol": hello.protocol,
        "firmware_version": hello.version,
        "boot": boot,
        "credit_bytes": session.credit_bytes,
        "counters": counters,
    }
    if args.json:
        print(json.dumps(facts, indent=1))
        return 0
    for name, value in {**facts, **counters}.items():
        if name not in ("counters", "port"):
            print(f"{name:18} {value}")
    print(f"{args.port}: a wattprint board")
    return 0


def ports(args: argparse.Namespace) -> int:
    """List the serial ports, likely boards first."""
    found = list_ports()
    if args.json:
        print(json.dumps([asdict(port) for port in found], indent=1))
        return 0
    for port in found:
        print(f"{port.device:22} {port.vendor_product:10} {port.likely or '–':20} {port.description}")
    likely = sum(bool(port.likely) for port in found)
    cure = "" if likely else "; is the board plugged in, with a cable that carries data?"
    print(f"{len(found)} port{'' if len(found) == 1 else 's'}, {likely} likely board{'' if likely == 1 else 's'}{cure}")
    return 0
