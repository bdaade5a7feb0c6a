"""Where an MQTT broker is and how to be let in. No password comes from the command line, which others can read."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from host.errors import HostError

USER_VARIABLE = "WATTPRINT_MQTT_USER"
PASSWORD_VARIABLE = "WATTPRINT_MQTT_PASSWORD"  # noqa: S105 (a name, not a password)
PORTS = {"mqtt": 1883, "mqtts": 8883}
EXAMPLE = "for instance mqtt://homeassistant.local or mqtts://broker.example:8883"


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and the way in; `repr` shows no password."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    user: str | None
    password: str | None

    def __repr__(self) -> str:
        return f"Broker({self.url})"

    @property
    def url(self) -> str:
        """Its address as it is shown."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtt' if self.tls is None else 'mqtts'}://{host}:{self.port}"


def broker_of(
    url: str, *, ca_file: Path | None, password_file: Path | None, environment: Mapping[str, str] = os.environ
) -> Broker:
    """The broker of `--broker`, with user and password from the URL (user alone), file and environment.

    Raises HostError; no message of it holds a password.
    """
    scheme, host, port, user = _parts(url)
    user = user or environment.get(USER_VARIABLE) or None
    password = environment.get(PASSWORD_VARIABLE) or None
    if password_file is not None:
        password = _password(password_file)
    if password is not None and user is None:
        raise HostError(f"a password, but no user: name one in --broker {scheme}://USER@{host} or in {USER_VARIABLE}")
    if ca_file is not None and scheme != "mqtts":
        raise HostError(f"--ca-file: {scheme}:// is not encrypted; give --broker mqtts://{host}")
    broker = Broker(host, port, _tls(ca_file) if scheme == "mqtts" else None, user, password)
    if broker.tls is None and password is not None and not _loopback(host):
        print(f"warning: {broker.url} is not encrypted: the password can be read on the way; mqtts://", file=sys.stderr)
    return broker


def _parts(url: str) -> tuple[str, str, int, str | None]:
    try:
        parts = urlsplit(url)
        host, port, user, password = parts.hostname, parts.port, parts.username, parts.password
    except ValueError:
        raise HostError(f"--broker: is no address; {EXAMPLE}") from None
    if password is not None:
        raise HostError(
            f"--broker: holds a password, which every user of this machine can read; use {PASSWORD_VARIABLE} "
            "or --password-file"
        )
    if parts.scheme not in PORTS or not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise HostError(f"--broker {url}: is no address of a broker; {EXAMPLE}")
    return parts.scheme, host, PORTS[parts.scheme] if port is None else port, unquote(user) if user else None


def _password(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"--password-file {path}: cannot be read: {getattr(error, 'strerror', error)}") from None
    password = text.split("\n", 1)[0].rstrip("\r")
    if not password:
        raise HostError(f"--password-file {path}: its first line is empty; write the password there")
    if path.stat().st_mode & 0o077:
        print(f"warning: {path} can be read by other users: chmod 600 {path}", file=sys.stderr)
    return password


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise HostError(f"--ca-file {ca_file}: is no certificate in PEM form ({error})") from None


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
