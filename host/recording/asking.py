"""What a recording has to be told: by options, or by the user at a terminal."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from host.errors import HostError
from host.recording.folder import Labels, latest_labels, taken_names
from host.recording.note import Interrupted


def ask_labels(args: argparse.Namespace, folder: Path, *, ask: bool) -> Labels:
    """The labels of the options; device, unit and charger that are not given are asked for, with what was last said.

    Raises HostError where there is no device and nobody to ask.
    """
    at_terminal = ask and sys.stdin.isatty() and sys.stderr.isatty()
    device = args.device
    if device is None:
        if not at_terminal:
            raise HostError("--device is missing: the model of device that is charged, for instance pixel_6_pro")
        device = _asked("device (its model, for instance pixel_6_pro)", latest_labels(folder, "").get("device", ""))
    before = latest_labels(folder, device)
    given: dict[str, str] = {}
    for name, question, default in (("unit", "unit (which one of them)", "1"), ("charger", "charger", "unknown")):
        value = getattr(args, name)
        if value is None:
            value = _asked(question, before.get(name) or default) if at_terminal else default
        given[name] = value
    labels = Labels(
        device=device,
        **given,
        sensor=args.sensor or "",
        ambient_decidegc="" if args.ambient is None else f"{args.ambient * 10:.0f}",
        soh_pct="" if args.soh is None else f"{args.soh:g}",
        target_soc_pct="" if args.target_soc is None else f"{args.target_soc:g}",
        profile=args.profile or "",
    )
    labels.check()
    return labels


def ask_resume(charge: Interrupted, *, ask: bool) -> bool:
    """Whether the user, at a terminal, wants to go on with an interrupted charge."""
    if not (ask and sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    minutes = max(0.0, time.time() - charge.stopped_at) / 60
    text = f"{charge.session} was interrupted {minutes:.0f} min ago; go on with it (if it still charges)?"
    return _asked(f"{text} y/n", "y").lower().startswith("y")


def new_name(folder: Path, wanted: str | None) -> Callable[[Labels], str]:
    """Names for sessions: the one wanted, else device, unit and time; a number behind it where it is taken."""

    def name(labels: Labels) -> str:
        made = f"{labels.device}_{labels.unit}_{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        base = wanted or re.sub(r"[^A-Za-z0-9_.+-]", "_", made)[-90:].lstrip(".+-")
        taken = taken_names(folder)
        candidates = [base, *(f"{base}_{k}" for k in range(2, len(taken) + 3))]
        return next(candidate for candidate in candidates if candidate.casefold() not in taken)

    return name


def _asked(question: str, default: str) -> str:
    print(f"{question} [{default}]: " if default else f"{question}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise HostError("the answer is missing; give the labels as options instead (--help)")
    return line.strip() or default
