"""`--tee teleplot`: every sample as UDP lines `name:ms:value§unit` for the plotter of that name."""

from __future__ import annotations

import socket
from contextlib import suppress

from host.errors import HostError
from host.monitor.history import History
from host.monitor.snapshot import Snapshot

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 47269


def tee_address(text: str) -> tuple[str, int]:
    """Host and port of `teleplot` or `teleplot:HOST[:PORT]`; raises HostError."""
    name, _, rest = text.partition(":")
    host, colon, port = rest.rpartition(":") if ":" in rest else (rest, "", "")
    if name != "teleplot":
        raise HostError(
            f"--tee {text}: only teleplot is known; for instance --tee teleplot, --tee teleplot:192.168.1.5:47269"
        )
    if colon and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise HostError(f"--tee {text}: {port!r} is no port; give teleplot:HOST:PORT")
    return host.strip("[]") or DEFAULT_HOST, int(port) if port else DEFAULT_PORT


class Teleplot:
    """Sends; what nobody receives is lost, as UDP has it, and nothing waits."""

    def __init__(self, host: str, port: int) -> None:
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise HostError(f"--tee teleplot:{host}:{port}: no such host ({error.strerror})") from None
        self._address = address
        self._socket = socket.socket(family, kind)
        self._socket.setblocking(False)
        self._last: tuple[int, int] | None = None

    def show(self, snapshot: Snapshot, _: History | None) -> None:
        """Send a sample once, with its answer."""
        charge, reading, answer = snapshot.charge, snapshot.reading, snapshot.answer
        if charge is None or reading is None or answer is None or answer.sequence != reading.sequence:
            return
        this = charge.ordinal, reading.sequence
        if this != self._last:
            self._last = this
            with suppress(OSError):  # a full buffer, an unreachable host: the next sample comes soon
                self._socket.sendto(packet(snapshot), self._address)

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()


def packet(snapshot: Snapshot) -> bytes:
    """The lines of one sample; a device the model does not know has no minutes."""
    reading, answer, charge = snapshot.reading, snapshot.answer, snapshot.charge
    assert reading is not None and answer is not None and charge is not None  # noqa: S101, PT018 (asked before)
    at_ms = round(snapshot.at_s * 1000)
    values = [
        ("voltage", f"{reading.voltage_mv / 1000:.3f}§V"),
        ("current", f"{reading.current_ma / 1000:.3f}§A"),
        ("power", f"{reading.power_mw / 1000:.3f}§W"),
        ("energy", f"{charge.energy_mwh / 1000:.4f}§Wh"),
    ]
    if answer.confidence_permille is not None:
        values.append(("confidence", f"{answer.confidence_permille / 10:.1f}§%"))
    if not answer.unknown:
        for name, seconds in zip(("minutes_10", "minutes", "minutes_90"), answer.remaining_s, strict=True):
            values.append((name, f"{seconds / 60:.2f}§min"))
    values.append(("device", f"{'unknown' if answer.unknown else answer.label.replace(':', '_').replace('|', '_')}|t"))
    values.append(("phase", f"{answer.phase_name}|t"))
    return "\n".join(f"{name}:{at_ms}:{value}" for name, value in values).encode("utf-8")
