"""The way to a broker: what is understood, what is refused, and that no password ever shows."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from host.bridge.broker import Broker, broker_of
from host.bridge.command import _name, _topic, default_name
from host.cli import main
from host.errors import HostError

SECRET = "hunter2-in-the-clear"  # noqa: S105 (of nobody)


def parsed(url: str, environment: dict[str, str] | None = None, **options: Path) -> Broker:
    files = {"ca_file": None, "password_file": None, **options}
    return broker_of(url, environment=environment or {}, **files)


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "user"),
    [
        ("mqtt://localhost", "localhost", 1883, False, None),
        ("mqtt://localhost/", "localhost", 1883, False, None),
        ("mqtts://broker.lan", "broker.lan", 8883, True, None),
        ("mqtt://10.0.0.5:1884", "10.0.0.5", 1884, False, None),
        ("mqtt://[::1]:1884", "::1", 1884, False, None),
        ("mqtts://bench%40home@broker.lan", "broker.lan", 8883, True, "bench@home"),
    ],
)
def test_addresses(url: str, host: str, port: int, tls: bool, user: str | None) -> None:
    broker = parsed(url)
    assert (broker.host, broker.port, broker.tls is not None, broker.user) == (host, port, tls, user)


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost", "localhost:1883", "http://localhost", "mqtt://", "mqtt://:1883", "mqtt://host:port"),
        *("mqtt://host:99999", "mqtt://host/topic", "mqtt://host?x=1", "mqtt://[::1", "tcp://host"),
    ],
)
def test_other_addresses_are_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bridge", "mqtt", "--broker", url, "--port", "sim"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: --broker")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "url", [f"mqtt://me:{SECRET}@host", f"mqtts://:{SECRET}@host", f"nonsense://me:{SECRET}@host/x"]
)
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bridge", "mqtt", "--broker", url, "--port", "sim"]) == 2
    err = capsys.readouterr().err
    assert "holds a password" in err
    assert "WATTPRINT_MQTT_PASSWORD" in err
    assert SECRET not in err


def test_the_password_file_wins_over_the_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "password"
    path.write_text("from the file \nsecond line\n")
    path.chmod(0o600)
    environment = {"WATTPRINT_MQTT_USER": "me", "WATTPRINT_MQTT_PASSWORD": "from the environment"}
    found = [parsed("mqtts://host", environment, password_file=path), parsed("mqtts://host", environment)]
    assert [broker.password for broker in found] == ["from the file ", "from the environment"]
    assert capsys.readouterr().err == ""


def test_no_password_shows_in_a_repr() -> None:
    broker = parsed("mqtts://host", {"WATTPRINT_MQTT_USER": "me", "WATTPRINT_MQTT_PASSWORD": SECRET})
    assert broker.password == SECRET
    assert SECRET not in f"{broker!r} {broker}"


def test_a_file_others_can_read_is_warned_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "password"
    path.write_text(SECRET)
    path.chmod(0o644)
    parsed("mqtts://me@host", password_file=path)
    err = capsys.readouterr().err
    assert "chmod 600" in err
    assert SECRET not in err


def test_a_password_on_an_open_line_is_warned_about(capsys: pytest.CaptureFixture[str]) -> None:
    secret = {"WATTPRINT_MQTT_PASSWORD": SECRET}
    parsed("mqtt://me@localhost", secret)
    parsed("mqtt://me@127.0.0.1", secret)
    parsed("mqtts://me@broker.lan", secret)
    assert capsys.readouterr().err == ""
    parsed("mqtt://me@broker.lan", secret)
    assert "not encrypted" in capsys.readouterr().err


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("\n")
    with pytest.raises(HostError, match="no user"):
        parsed("mqtts://host", {"WATTPRINT_MQTT_PASSWORD": SECRET})
    with pytest.raises(HostError, match="first line is empty"):
        parsed("mqtts://me@host", password_file=path)
    with pytest.raises(HostError, match="cannot be read"):
        parsed("mqtts://me@host", password_file=tmp_path / "none")
    with pytest.raises(HostError, match="is not encrypted"):
        parsed("mqtt://host", ca_file=path)
    with pytest.raises(HostError, match="no certificate"):
        parsed("mqtts://host", ca_file=path)
    with pytest.raises(HostError, match="no certificate"):
        parsed("mqtts://host", ca_file=tmp_path / "none")


@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "socket://10.0.0.5:5555", "sim", "/dev/serial/by-id/" + "x" * 90])
def test_the_default_name_is_a_name(port: str) -> None:
    assert _name(default_name(port)) == default_name(port)


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a+", "ü", "x" * 51])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        _name(text)


@pytest.mark.parametrize("text", ["", "a/", "/a", "a//b", "a/+/b", "#", "a\nb"])
def test_topics_with_wildcards_or_empty_levels_are_refused(text: str) -> None:
    assert _topic("a b/c") == "a b/c"
    with pytest.raises(argparse.ArgumentTypeError):
        _topic(text)


def test_bridge_alone_names_its_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["bridge"])
    assert stop.value.code == 2
    assert "KIND" in capsys.readouterr().err
