"""The MQTT bridge: discovery and availability retained, figures as they come, and back again whatever happens."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from host.bridge.broker import Broker
from host.bridge.discovery import Topics, discovery
from host.bridge.figures import mqtt_figures
from host.bridge.vehicle_figures import mqtt_vehicle_figures
from host.errors import HostError, PortError, SilentBoardError
from host.monitor.history import History
from host.monitor.snapshot import Board, Snapshot

ONLINE, OFFLINE = "online", "offline"
REPEAT_S = 30.0
"""So often figures are sent even if they are the same: who has just come learns them, and none expires."""
NEWS = ("link", "device", "phase", "plugged", "vehicles")
"""A change of these is sent at once."""
LET_IN_S = 10.0
BACK_OFF_S = (1, 60)
"""The first and the longest wait between attempts to reach a broker that was lost."""
KEEP_ALIVE_S = 30


class MqttBridge:
    """A view that publishes. paho's own thread talks to the broker, so showing a snapshot never waits for it."""

    def __init__(self, broker: Broker, topics: Topics, *, every_s: float) -> None:
        self._broker, self._topics, self._every_s = broker, topics, every_s
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None
        self._announced: tuple[Board | None, bool] | None = None  # what discovery and availability were told
        self._sent: dict[str, Any] = {}
        self._sent_at_s = float("-inf")
        self._let_in = threading.Event()
        self._refused: str | None = None
        self._was_in = False
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"wattprint-{topics.name}"[:64])
        client.will_set(topics.bridge, OFFLINE, qos=1, retain=True)
        client.reconnect_delay_set(*BACK_OFF_S)
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
        client.on_connect, client.on_disconnect, client.on_message = self._connected, self._disconnected, self._born
        self._client = client

    def __enter__(self) -> MqttBridge:
        """Connect; raises PortError when no broker is there, HostError when it does not let us in."""
        try:
            self._client.connect(self._broker.host, self._broker.port, KEEP_ALIVE_S)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise _unreachable(self._broker, error) from None
        self._client.loop_start()
        if not self._let_in.wait(LET_IN_S) or self._refused is not None:
            self._client.loop_stop()
            if self._refused is None:
                raise SilentBoardError(
                    f"--broker {self._broker.url}: does not answer as an MQTT broker; is that its port?"
                )
            raise HostError(
                f"--broker {self._broker.url}: lets nobody in so: {self._refused}; user and password right?"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say offline, which a will does not at a clean end, and leave."""
        if self._client.is_connected():
            goodbyes = [
                self._client.publish(topic, OFFLINE, 1, True) for topic in (self._topics.board, self._topics.bridge)
            ]
            for goodbye in goodbyes:
                with suppress(RuntimeError, ValueError):
                    goodbye.wait_for_publish(timeout=2.0)
        self._client.disconnect()
        self._client.loop_stop()

    def show(self, snapshot: Snapshot, _: History | None) -> None:
        """Publish what has changed."""
        with self._lock:
            self._latest = snapshot
            if self._client.is_connected() and self._was_in:
                self._publish(snapshot, repeat=False)

    def _publish(self, snapshot: Snapshot, *, repeat: bool) -> None:
        present = not snapshot.stale
        if snapshot.board is not None and (repeat or self._announced != (snapshot.board, present)):
            if repeat or self._announced is None or self._announced[0] != snapshot.board:
                self._send(self._topics.config, discovery(self._topics, snapshot), retain=True)
            self._client.publish(self._topics.board, ONLINE if present else OFFLINE, 1, retain=True)
            self._announced = (snapshot.board, present)
        figures = mqtt_figures(snapshot)
        if snapshot.board is not None and snapshot.board.charge_point:
            figures |= mqtt_vehicle_figures(snapshot)
        since_s = time.monotonic() - self._sent_at_s
        at_once = any(figures.get(key) != self._sent.get(key) for key in NEWS)
        if repeat or at_once or since_s >= REPEAT_S or (figures != self._sent and since_s >= self._every_s):
            self._sent, self._sent_at_s = figures, time.monotonic()
            self._send(self._topics.state, figures, retain=False)

    def _send(self, topic: str, value: dict[str, Any], *, retain: bool) -> None:
        self._client.publish(topic, json.dumps(value, ensure_ascii=False), 1 if retain else 0, retain)

    def _connected(
        self, client: Client, _: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused = str(reason).lower()
            if self._was_in:
                _say(f"broker {self._broker.url}: refuses now: {self._refused}; trying again")
            self._let_in.set()
            return
        if self._was_in:
            _say(f"broker {self._broker.url}: connected again")
        with self._lock:
            client.publish(self._topics.bridge, ONLINE, 1, retain=True)
            client.subscribe(self._topics.birth, 1)
            self._was_in, self._refused = True, None
            if self._latest is not None:
                self._publish(self._latest, repeat=True)
        self._let_in.set()

    def _disconnected(
        self, _client: Client, _: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if self._was_in and reason.is_failure:
            _say(f"broker {self._broker.url}: lost ({str(reason).lower()}); trying again")

    def _born(self, _client: Client, _: Any, message: MQTTMessage) -> None:
        """Home Assistant has started: it knows nothing of what is not retained."""
        if message.payload == ONLINE.encode():
            with self._lock:
                if self._latest is not None:
                    self._publish(self._latest, repeat=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _unreachable(broker: Broker, error: Exception) -> HostError:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message
        return HostError(
            f"--broker {broker.url}: its certificate is not trusted ({reason}); name its authority (--ca-file)"
        )
    if isinstance(error, ssl.SSLError) or (broker.tls is not None and isinstance(error, ConnectionResetError)):
        return HostError(f"--broker {broker.url}: does not speak TLS there; is it mqtt://, or another port?")
    if isinstance(error, socket.gaierror):
        return PortError(f"--broker {broker.url}: no such host")
    reason = getattr(error, "strerror", None) or str(error)
    return PortError(f"--broker {broker.url}: nobody answers there ({reason}); is the broker running?")
