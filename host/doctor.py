"""What may be wrong between this machine and a board, one check a line, each with its cure."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from host.arguments import DEFAULT_ARTIFACT
from host.board_sim import BUILD_COMMAND, DEFAULT_PROGRAM
from host.discovery import Reply, candidates
from host.errors import HostError, ModelMismatchError, PortError
from host.messages import BOOT_REASONS, LIVE
from host.port_holders import holders_of, running, why_not_permitted
from host.transport import PortInfo

USUAL_BAUDS = (115_200, 9_600, 57_600, 230_400, 460_800, 921_600, 74_880, 38_400, 19_200)
SOURCES = ("firmware/lib", "firmware/src", "firmware/ports")
DAMAGED_SHARE = 0.01
PRINTABLE_SHARE = 0.8
UPLOAD = "flash it: python tools/pio.py run -e YOUR_BOARD -t upload"

_INTERFERING = {
    "ModemManager": "it talks to every new serial port: sudo systemctl disable --now ModemManager",
    "brltty": "it takes CH340 and CP210x adapters for braille displays: sudo apt remove brltty",
}


class State(StrEnum):
    """Of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, what to do. `exit_code` counts where it failed."""

    name: str
    state: State
    found: str
    cure: str = ""
    exit_code: int = 2


Ask = Callable[[str, int, int], Reply]
"""Port, baud and attempts to what came of asking."""


def artifact_check(path: Path) -> tuple[Check, str | None]:
    """The artifact, and the model hash to expect of a board."""
    from train.artifact import ArtifactError, load_artifact
    from train.artifact_household import is_household, load_household

    try:
        if is_household(path):
            household = load_household(path)
            cars = f"{len(household.cars)} car{'' if len(household.cars) == 1 else 's'}"
            return Check("artifact", State.OK, f"{path}: model {household.model_hash}, {cars}"), household.model_hash
        artifact = load_artifact(path)
    except ArtifactError as error:
        state = State.WARN if path == DEFAULT_ARTIFACT else State.FAIL
        return Check("artifact", state, str(error), "name one with --artifact; models are not compared"), None
    names = f"{len(artifact.devices)} device{'' if len(artifact.devices) == 1 else 's'}"
    return Check("artifact", State.OK, f"{path}: model {artifact.model_hash}, {names}"), artifact.model_hash


def virtual_board_checks(*, wanted: bool) -> Iterator[Check]:
    """The native firmware and what builds it; a failure only where the virtual board is wanted."""
    bad = State.FAIL if wanted else State.WARN
    compiler = next((name for name in ("gcc", "clang", "cc") if shutil.which(name)), None)
    built = DEFAULT_PROGRAM.is_file()
    if compiler is None:
        state = State.WARN if built else bad
        yield Check("compiler", state, "neither gcc nor clang", "sudo apt install gcc", exit_code=6)
    else:
        yield Check("compiler", State.OK, compiler)
    if find_spec("platformio") is None:
        yield Check("platformio", State.WARN if built else bad, "not installed", "make build sets it up", exit_code=6)
    else:
        yield Check("platformio", State.OK, "installed")
    build = f"python {' '.join(BUILD_COMMAND)}"
    if not built:
        yield Check("native firmware", State.WARN, f"{DEFAULT_PROGRAM} is missing", f"built when needed, or: {build}")
    elif _older(DEFAULT_PROGRAM):
        yield Check("native firmware", State.WARN, f"{DEFAULT_PROGRAM} is older than its sources", build)
    else:
        yield Check("native firmware", State.OK, str(DEFAULT_PROGRAM))


def interference_checks() -> Iterator[Check]:
    """Programs known to take serial ports away."""
    for holder in running(frozenset(_INTERFERING)):
        yield Check("other programs", State.WARN, f"{holder} is running", _INTERFERING[holder.name])


def port_list_check(ports: list[PortInfo]) -> Check:
    """Whether there is any port a board may be at."""
    if ports:
        names = ", ".join(f"{port.device} ({port.likely or port.description or port.vendor_product})" for port in ports)
        return Check("ports", State.OK, names)
    return Check(
        "ports",
        State.FAIL,
        "no USB serial port",
        "plug the board in with a cable that carries data (a charge-only cable shows none); "
        "without a board: --port sim",
        exit_code=PortError.exit_code,
    )


def port_checks(port: str, baud: int, model_hash: str | None, ask: Ask, *, serial: bool) -> Iterator[Check]:
    """All of one port. `serial`: a port with a rate and a file of its own, not sim or a socket."""
    if serial:
        holders = holders_of(port)
        reason = why_not_permitted(port)
        if reason is not None:
            yield Check(f"{port} permission", State.FAIL, "not permitted", reason, exit_code=PortError.exit_code)
            return
        if holders:
            names = ", ".join(map(str, holders))
            yield Check(f"{port} busy", State.FAIL, f"open in {names}", "close it, then try again", PortError.exit_code)
            return
    reply = ask(port, baud, 5)
    if reply.hello is None and serial and not isinstance(reply.error, (PortError, ModelMismatchError)):
        reply = _at_another_rate(reply, baud, ask)
    yield _answer_check(reply, baud)
    yield from _board_checks(reply, model_hash)


def all_checks(port: str | None, baud: int, artifact: Path, ask: Ask, *, sim: bool) -> Iterator[Check]:
    """Every check, as it is done; `port` None takes every port a board may be at."""
    check, model_hash = artifact_check(artifact)
    yield check
    yield from virtual_board_checks(wanted=sim)
    if port is not None:
        serial = not sim and "://" not in port
        if serial and not Path(port).exists():
            cure = "plug the board in (a charge-only cable shows none), then: python -m host ports"
            yield Check(f"{port}", State.FAIL, "no such port", cure, PortError.exit_code)
            return
        yield from port_checks(port, baud, model_hash, ask, serial=serial)
        return
    yield from interference_checks()
    ports = candidates()
    yield port_list_check(ports)
    for each in ports:
        yield from port_checks(each.device, baud, model_hash, ask, serial=True)


def _at_another_rate(reply: Reply, baud: int, ask: Ask) -> Reply:
    for other in USUAL_BAUDS:
        if other != baud:
            found = ask(reply.port, other, 2)
            if found.hello is not None or isinstance(found.error, ModelMismatchError):
                return found
    return reply


def _answer_check(reply: Reply, baud: int) -> Check:
    name = f"{reply.port} answer"
    if reply.hello is not None:
        if reply.baud != baud:
            found = f"a board, but at {reply.baud} baud, not {baud}"
            return Check(name, State.FAIL, found, f"give --baud {reply.baud}", exit_code=7)
        boot = BOOT_REASONS[reply.hello.boot] if reply.hello.boot < len(BOOT_REASONS) else str(reply.hello.boot)
        return Check(name, State.OK, f"a wattprint board, firmware {reply.hello.version}, started by {boot}")
    error = reply.error or HostError("nothing came")
    if isinstance(error, (PortError, ModelMismatchError)):
        found, _, cure = str(error).removeprefix(f"{reply.port}: ").partition("; ")
        return Check(name, State.FAIL, found, cure, exit_code=error.exit_code)
    if reply.n_bytes == 0:
        cure = f"is it powered, and the right port? else it is not flashed: {UPLOAD}"
        return Check(name, State.FAIL, "nothing comes, at any usual rate", cure, exit_code=error.exit_code)
    text = " / ".join(reply.logs)
    if text and sum(32 <= ord(letter) < 127 for letter in text) >= PRINTABLE_SHARE * len(text):
        return Check(name, State.FAIL, f"another firmware, which says {text[:60]!r}", UPLOAD, exit_code=error.exit_code)
    cure = "is it another board, or a rate of its own? name it with --baud"
    return Check(name, State.FAIL, f"{reply.n_bytes} bytes come that are no text", cure, exit_code=error.exit_code)


def _board_checks(reply: Reply, model_hash: str | None) -> Iterator[Check]:
    hello, counters = reply.hello, reply.counters or {}
    if hello is None:
        return
    if model_hash is not None and hello.model_hash != model_hash:
        yield Check(
            f"{reply.port} model",
            State.FAIL,
            f"the board runs {hello.model_hash}, the artifact is {model_hash}",
            f"name its artifact with --artifact, or {UPLOAD}",
            exit_code=ModelMismatchError.exit_code,
        )
    elif model_hash is not None:
        yield Check(f"{reply.port} model", State.OK, "that of the artifact")
    mode = counters.get("mode")
    if mode is not None:
        found = "live: its sensor measures" if mode == LIVE else "injected: the host sends the samples"
        yield Check(f"{reply.port} mode", State.OK, found)
    answered, damaged = counters.get("answered", 0), counters.get("damaged", 0)
    if damaged > max(3, DAMAGED_SHARE * (answered + damaged)):
        found = f"{damaged} damaged lines beside {answered} answers"
        yield Check(f"{reply.port} line", State.WARN, found, "shorter cable, lower baud rate, or flow control")
    if hello.boot < len(BOOT_REASONS) and BOOT_REASONS[hello.boot] in ("watchdog", "brown-out"):
        cure = "is the supply steady?" if BOOT_REASONS[hello.boot] == "brown-out" else "it hung: please report it"
        yield Check(f"{reply.port} start", State.WARN, f"last started by {BOOT_REASONS[hello.boot]}", cure)


def _older(program: Path) -> bool:
    built = program.stat().st_mtime
    sources = (path for folder in SOURCES for path in Path(folder).rglob("*.[ch]"))
    return any(path.stat().st_mtime > built for path in sources)
