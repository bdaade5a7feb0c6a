"""Where the central system (CSMS) is and how to reach it. Passwords are the charge points' own, and are passed on."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from host.errors import HostError

EXAMPLE = "for instance ws://127.0.0.1:8887 or wss://csms.example/ocpp"


@dataclass(frozen=True, slots=True)
class Central:
    """The central system: a charge point's path is put behind its address."""

    base: str
    tls: ssl.SSLContext | None

    def url_of(self, path: str) -> str:
        """Where a charge point that asked for this path belongs."""
        return f"{self.base}{path}"


def central_of(url: str, ca_file: Path | None) -> Central:
    """The central system of `--csms`; raises HostError for what is no address of one."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise HostError(f"--csms: is no address; {EXAMPLE}") from None
    if parts.username is not None or parts.password is not None:
        raise HostError("--csms: holds a user or password; each charge point has its own, which is passed on")
    if parts.scheme not in ("ws", "wss") or not host or parts.query or parts.fragment:
        raise HostError(f"--csms {url}: is no address of a central system; {EXAMPLE}")
    if ca_file is not None and parts.scheme != "wss":
        raise HostError(f"--ca-file: {parts.scheme}:// is not encrypted; give --csms wss://{host}")
    return Central(url.rstrip("/"), _tls(ca_file) if parts.scheme == "wss" else None)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise HostError(f"--ca-file {ca_file}: is no certificate in PEM form ({error})") from None


def listening_tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS for charge points (wss://), None without a certificate; raises HostError for files that are none."""
    if certificate is None:
        if key is not None:
            raise HostError("--key: of which certificate? give --certificate FILE too")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise HostError(f"--certificate {certificate}: cannot be used: {error}; PEM, with --key FILE") from None
    return context
