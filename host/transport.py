"""The serial port, behind `Link`: the only module that knows pyserial."""

from __future__ import annotations

import errno
import os
import queue
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from host.errors import HostError, PortError

if TYPE_CHECKING:
    import serial

READ_TIMEOUT_S = 0.1
READ_BYTES = 4096
RESET_PULSE_S = 0.1
WRITE_TIMEOUT_S = 2.0

_LIKELY_VENDORS = {
    0x303A: "Espressif",
    0x10C4: "Silicon Labs CP210x",
    0x1A86: "WCH CH34x",
    0x0403: "FTDI",
    0x0483: "ST",
    0x1366: "SEGGER",
    0x0D28: "Arm DAPLink",
    0x2341: "Arduino",
    0x239A: "Adafruit",
    0x2E8A: "Raspberry Pi",
    0x16C0: "Teensy",
    0x067B: "Prolific",
}


class Link(Protocol):
    """Bytes to and from a board, and the clock by which silence is measured."""

    def send(self, data: bytes) -> None:
        """Send all of it; raises PortError when the port is gone."""

    def receive(self, timeout_s: float) -> bytes:
        """What has arrived, waiting at most timeout_s for something; empty when nothing did."""

    def now(self) -> float:
        """Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A serial port of this machine; `likely` names the kind of board or adapter that is known to be one."""

    device: str
    description: str
    vendor_product: str  # "303a:1001", empty where the port has none
    serial_number: str
    likely: str


class SerialLink:
    """An open port. A thread reads all the time: an ESP32's own USB stalls when nobody does."""

    def __init__(self, port: str, baud: int) -> None:
        self._port = port
        self._serial = _open(port, baud)
        self._descriptor = _descriptor(self._serial)
        self._socket = getattr(self._serial, "_socket", None)
        self._received: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._failure: str | None = None
        self._closing = False
        self._reader = threading.Thread(target=self._read, name=f"read {port}", daemon=True)
        self._reader.start()

    @property
    def port(self) -> str:
        """The path or URL it was opened with."""
        return self._port

    def __enter__(self) -> SerialLink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send all of it; raises PortError when the port is gone or takes nothing for 2 s."""
        import serial

        try:
            if self._descriptor is not None:
                data = data[_written(self._descriptor, data) :]
            if data:
                self._serial.write(data)
        except serial.SerialTimeoutException:
            raise PortError(
                f"{self._port}: takes no data; is it the board's port, and is another program stopping it (XOFF)?"
            ) from None
        except (OSError, serial.SerialException) as error:
            raise self._lost(str(error)) from None

    def receive(self, timeout_s: float) -> bytes:
        """What has arrived, waiting at most timeout_s for something; empty when nothing did."""
        data = b""
        with suppress(queue.Empty):
            data = self._received.get(block=timeout_s > 0, timeout=timeout_s)
            while True:
                data += self._received.get_nowait()
        if not data and self._failure is not None:
            raise self._lost(self._failure)
        return data

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def pulse_reset(self) -> bool:
        """Pull RTS, then DTR, by which most development boards are started anew; False where the port has neither."""
        import serial

        try:
            for name in ("rts", "dtr"):
                setattr(self._serial, name, True)
                time.sleep(RESET_PULSE_S)
                setattr(self._serial, name, False)
        except (OSError, serial.SerialException):
            return False
        return True

    def close(self) -> None:
        """Release the port; harmless when repeated."""
        self._closing = True
        self._reader.join(timeout=10 * READ_TIMEOUT_S)
        with suppress(OSError):
            self._serial.close()
        if isinstance(self._socket, socket.socket):
            self._socket.close()  # pyserial leaves one open that the other side has closed

    def _read(self) -> None:
        import serial

        try:
            while not self._closing:
                data = self._next()
                if data:
                    self._received.put(data)
        except (OSError, TypeError, serial.SerialException) as error:
            # pyserial raises TypeError where another thread has closed the port under a read.
            self._failure = str(error)
            self._received.put(b"")

    def _next(self) -> bytes:
        """What comes within READ_TIMEOUT_S, empty when nothing does."""
        if self._descriptor is None:
            return self._serial.read(self._serial.in_waiting or 1)
        if not select.select([self._descriptor], [], [], READ_TIMEOUT_S)[0]:
            return b""
        with suppress(BlockingIOError):
            if data := os.read(self._descriptor, READ_BYTES):
                return data
            raise OSError("the other end has closed it")
        return b""

    def _lost(self, reason: str) -> PortError:
        return PortError(f"{self._port}: the line was lost ({reason}); is the cable in and the board powered?")


def list_ports() -> list[PortInfo]:
    """The machine's serial ports, likely boards first."""
    from serial.tools import list_ports as tool

    ports = []
    for port in tool.comports():
        ids = "" if port.vid is None else f"{port.vid:04x}:{port.pid or 0:04x}"
        likely = "" if port.vid is None else _LIKELY_VENDORS.get(port.vid, "")
        ports.append(PortInfo(port.device, port.description or "", ids, port.serial_number or "", likely))
    return sorted(ports, key=lambda port: (not port.likely, not port.vendor_product, port.device))


def _open(port: str, baud: int) -> serial.Serial:
    """Open with DTR and RTS low and the port to ourselves; made closed first, so that opening resets few boards."""
    import serial

    if port.startswith("socket:") and not _names_a_socket(port):
        raise HostError(f"--port {port}: give socket://HOST:PORT, for instance socket://127.0.0.1:5555")
    try:
        line = serial.serial_for_url(port, do_not_open=True)
        line.baudrate = baud
        line.timeout = READ_TIMEOUT_S
        line.write_timeout = WRITE_TIMEOUT_S
        line.dtr = False
        line.rts = False
        line.exclusive = True
    except ValueError as error:
        raise HostError(f"--port {port}, --baud {baud}: {error}") from None
    try:
        line.open()
    except (OSError, ValueError, serial.SerialException) as error:
        raise _refused(port, baud, error) from None
    with suppress(OSError, serial.SerialException):
        line.reset_input_buffer()
    _send_at_once(line)
    return line


def _descriptor(line: serial.Serial) -> int | None:
    """What select and os.read take, where a port has one: pyserial makes three system calls of each."""
    if os.name != "posix":
        return None
    try:
        return line.fileno()
    except (OSError, AttributeError):  # rfc2217, loop: no file behind it
        return None


def _written(descriptor: int, data: bytes) -> int:
    """How many bytes the port takes at once."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0


def _names_a_socket(port: str) -> bool:
    try:
        parts = urlsplit(port)
        return bool(parts.hostname and parts.port)
    except ValueError:  # a port that is no number, or beyond 65535
        return False


def _send_at_once(line: serial.Serial) -> None:
    """No waiting for more bytes (Nagle) on a socket: with the other side's delayed acknowledgement it costs 40 ms a
    line. pyserial has no option for it."""
    connection = getattr(line, "_socket", None)
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _refused(port: str, baud: int, error: Exception) -> HostError:
    from host.port_holders import holders_of, why_not_permitted

    code = getattr(error, "errno", None)
    text = str(error)
    if code == errno.ENOENT or "could not find" in text.lower() or "FileNotFoundError" in text:
        cure = "plug the board in (a charge-only cable shows none), then: python -m host ports"
        return PortError(f"{port}: no such port; {cure}")
    if code in (errno.EACCES, errno.EPERM) or "PermissionError" in text:
        cure = why_not_permitted(port) or "join its group (sudo adduser $USER dialout) and log in again"
        return PortError(f"{port}: not permitted; {cure}")
    if code in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        names = ", ".join(map(str, holders_of(port))) or "the other program that holds it (a serial monitor?)"
        return PortError(f"{port}: busy; close {names} and try again")
    if code == errno.ENOTTY or "Inappropriate ioctl" in text:
        return PortError(f"{port}: is no serial port; name one of: python -m host ports")
    if "refused" in text or "resolve" in text or "Name or service" in text:
        reason = text.rsplit("] ", 1)[-1]
        return PortError(f"{port}: nobody answers there ({reason}); start the other side first")
    return PortError(f"{port} at {baud} baud: cannot be opened: {text}")
