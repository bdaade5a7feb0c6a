"""A real Mosquitto on free ports of this machine: one open, one with TLS and a password; and somebody who listens."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

USER, PASSWORD = "bench", "correct horse: battery #1"
CONFIG = """\
per_listener_settings true
listener {open_port} 127.0.0.1
allow_anonymous true
listener {tls_port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
cafile {folder}/ca.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
user {user}
"""


def free_port() -> int:
    """A port below those the system hands out: while a broker is down, nobody's connection takes its place."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Mosquitto:
    """A broker that can be stopped and started again on the same ports."""

    folder: Path
    open_port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.open_port}"

    @property
    def tls_url(self) -> str:
        return f"mqtts://localhost:{self.tls_port}"

    def start(self) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        config = self.folder / "mosquitto.conf"
        user = "root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")
        ports = {"open_port": self.open_port, "tls_port": self.tls_port}
        config.write_text(CONFIG.format(folder=self.folder, user=user, **ports))
        self.process = subprocess.Popen(
            [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for port in (self.open_port, self.tls_port):
            until(partial(_accepts, port), "the broker is up")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def make_credentials(folder: Path) -> None:
    """An authority, a certificate of it for localhost, another authority, and a password file."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for name in ("ca", "other"):
        openssl(*new, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN=bench {name}")
    request = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost")
    openssl(*request, "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    signed = ("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
    openssl(*signed, "-extfile", "names", "-out", "server.pem")
    (folder / "passwords").touch(mode=0o600)
    command = ["mosquitto_passwd", "-b", "-c", str(folder / "passwords"), USER, PASSWORD]
    subprocess.run(command, check=True, capture_output=True)


@dataclass
class Heard:
    """All messages, in order: (topic, payload, retained)."""

    messages: list[tuple[str, str, bool]] = field(default_factory=list)

    def last(self, topic: str) -> str | None:
        found = [payload for heard, payload, _ in self.messages if heard == topic]
        return found[-1] if found else None

    def state(self, topic: str) -> dict[str, Any]:
        return dict(json.loads(self.last(topic) or "{}"))

    def retained(self) -> dict[str, str]:
        return {topic: payload for topic, payload, kept in self.messages if kept}

    def count(self, topic: str) -> int:
        return sum(heard == topic for heard, _, _ in self.messages)


@contextmanager
def listening(port: int, tls: ssl.SSLContext | None = None) -> Iterator[Heard]:
    """Hear everything from now on, and first what the broker has kept."""
    heard, ready = Heard(), threading.Event()
    client = Client(CallbackAPIVersion.VERSION2)
    if tls is not None:
        client.tls_set_context(tls)
        client.username_pw_set(USER, PASSWORD)

    def connected(*_: Any) -> None:
        client.subscribe("#", 1)

    client.on_connect = connected
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _, __, m: heard.messages.append((m.topic, m.payload.decode(), m.retain))
    client.connect("localhost" if tls is not None else "127.0.0.1", port)
    client.loop_start()
    assert ready.wait(10)
    time.sleep(0.2)  # what is kept follows the subscription
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def publish(port: int, topic: str, payload: str) -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topic, payload, 1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def until(good: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if good():
            return
        time.sleep(0.02)
    raise AssertionError(f"never: {what}")
