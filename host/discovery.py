"""Which ports have a board: by asking each one that may."""

from __future__ import annotations

from dataclasses import dataclass

from host.conversation import Conversation
from host.errors import HostError, ModelMismatchError, PortError, SilentBoardError
from host.messages import Hello
from host.transport import PortInfo, SerialLink, list_ports

ATTEMPTS = 5
"""Half a second each: a board that opening the port has reset needs up to two seconds to answer."""

KEPT_LOG_LINES = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of asking a port: a hello, or what else it said. `error` is one line, None after a hello."""

    port: str
    baud: int
    hello: Hello | None = None
    credit_bytes: int = 0
    counters: dict[str, int] | None = None
    n_bytes: int = 0
    logs: tuple[str, ...] = ()
    error: HostError | None = None


def ask_port(port: str, baud: int, attempts: int = ATTEMPTS) -> Reply:
    """Ask a port who is there."""
    try:
        with SerialLink(port, baud) as link:
            return ask_link(link, port, baud, attempts)
    except HostError as error:
        return Reply(port, baud, error=error)


def ask_link(link: SerialLink, port: str, baud: int, attempts: int = ATTEMPTS) -> Reply:
    """Ask an open line who is there."""
    logs: list[str] = []
    conversation = Conversation(link, on_log=logs.append)
    try:
        hello = conversation.ask_hello(attempts)
        counters = conversation.statistics()
        return Reply(port, baud, hello, conversation.credit_bytes, counters, conversation.counters.bytes_received)
    except (ModelMismatchError, SilentBoardError, PortError) as error:
        kept = tuple(line for line in logs if line.strip())[:KEPT_LOG_LINES]
        return Reply(port, baud, n_bytes=conversation.counters.bytes_received, logs=kept, error=error)


def candidates() -> list[PortInfo]:
    """The ports a board may be at: known vendors first, then every other USB port."""
    return [port for port in list_ports() if port.vendor_product]


def the_board(baud: int) -> str:
    """The port of the one board that answers; raises PortError when there is none, or several."""
    ports = candidates()
    found = [reply for reply in (ask_port(port.device, baud) for port in ports) if reply.hello is not None]
    if len(found) == 1:
        return found[0].port
    if found:
        names = ", ".join(reply.port for reply in found)
        raise PortError(f"--port auto: {len(found)} boards answer ({names}); name one of them")
    asked = ", ".join(port.device for port in ports) or "there is no USB serial port"
    raise PortError(f"--port auto: no board answers ({asked}); find out why with: python -m host doctor")
