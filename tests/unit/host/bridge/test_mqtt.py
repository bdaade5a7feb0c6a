"""The MQTT bridge at a real broker."""

from __future__ import annotations

import gc
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from host.bridge.broker import broker_of
from host.bridge.discovery import ENTITIES, Topics
from host.bridge.mqtt import MqttBridge
from host.cli import main
from tests.unit.host.bridge.mosquitto import (
    PASSWORD,
    USER,
    Heard,
    Mosquitto,
    free_port,
    listening,
    make_credentials,
    publish,
    until,
)
from tests.unit.host.monitor import live_board as board
from tests.unit.host.monitor.feeding import Story
from tests.unit.host.monitor.live_board import SocketBoard, socket_board

pytestmark = [pytest.mark.broker, pytest.mark.xdist_group("broker")]

ROOT = Path(__file__).resolve().parents[4]
TOPICS = Topics("homeassistant", "wattprint", "bench")


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("broker")
    make_credentials(folder)
    return folder


@pytest.fixture
def broker(credentials: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(credentials)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def heard(broker: Mosquitto) -> Iterator[Heard]:
    with listening(broker.open_port) as messages:
        yield messages


@contextmanager
def bridge(broker: Mosquitto, every_s: float = 0.05) -> Iterator[MqttBridge]:
    there = broker_of(broker.url, ca_file=None, password_file=None, environment={})
    with MqttBridge(there, TOPICS, every_s=every_s) as running:
        yield running


def shows(running: MqttBridge, story: Story) -> None:
    running.show(story.now, story.tracker.history)


def known() -> Story:
    return Story().greeted(board.plug()).charges(0, 10)


class TestWhatIsPublished:
    def test_one_retained_message_declares_the_device(self, broker: Mosquitto) -> None:
        with bridge(broker) as running:
            shows(running, known())
            time.sleep(0.3)
            with listening(broker.open_port) as late:  # Home Assistant, started later
                kept = late.retained()
        assert set(kept) == {TOPICS.config, TOPICS.bridge, TOPICS.board}
        assert (kept[TOPICS.bridge], kept[TOPICS.board]) == ("online", "online")
        told = json.loads(kept[TOPICS.config])
        assert TOPICS.config == "homeassistant/device/bench/config"
        assert told["device"]["identifiers"] == ["bench"]
        assert (told["device"]["model"], told["device"]["sw_version"]) == ("bench", "1.2.3")
        assert told["origin"]["name"] == "wattprint"
        assert told["availability_mode"] == "all"
        assert told["availability"] == [{"topic": TOPICS.bridge}, {"topic": TOPICS.board}]
        components = told["components"]
        assert {"device", "minutes", "minutes_10", "minutes_90", "energy_wh", "power_w", "unknown", "link"} <= set(
            components
        )
        assert len({component["unique_id"] for component in components.values()}) == len(components) == len(ENTITIES)
        assert all(component["platform"] in ("sensor", "binary_sensor") for component in components.values())
        assert components["link"]["availability"] == [{"topic": TOPICS.bridge}]

    def test_every_entity_has_its_figure(self, broker: Mosquitto, heard: Heard) -> None:
        with bridge(broker) as running:
            shows(running, known())
            until(lambda: heard.last(TOPICS.state), "a state")
            told = json.loads(heard.last(TOPICS.config) or "")
        state = heard.state(TOPICS.state)
        for key, component in told["components"].items():
            assert f"value_json.{key}" in component["value_template"]
            assert key in state
            if "options" in component:
                assert state[key] in component["options"]
        assert state["device"] == "device_2"
        assert [state[key] for key in ("minutes_10", "minutes", "minutes_90")] == [41.0, 47.0, 56.0]
        assert (state["power_w"], state["voltage_v"], state["current_a"]) == (13.5, 9.0, 1.5)
        assert state["energy_wh"] == round(13.5 * 9 / 3_600, 3)
        assert (state["plugged"], state["charging"], state["unknown"], state["phase"]) == (
            True,
            True,
            False,
            "constant current",
        )
        assert state["full_at"].endswith(":00Z")
        assert state["link"] == "charging"

    @pytest.mark.parametrize(
        ("story", "expected"),
        [
            (
                known().charges(10, 12, unknown=True),
                {"device": "unknown", "unknown": True, "minutes": None, "full_at": None},
            ),
            (
                known().charges(10, 12, phase=3, remaining_s=(0, 0, 0)),
                {"minutes": 0.0, "charging": False, "plugged": True},
            ),
            (known().says(board.unplug()), {"device": None, "plugged": False, "power_w": 0.0, "minutes": None}),
            (known().says(board.fault(2)), {"minutes": None, "power_w": None, "plugged": None, "link": "sensor fault"}),
            (known().passes(60), {"minutes": None, "power_w": None, "link": "silent"}),
            (known().lost(), {"minutes": None, "device": None, "link": "disconnected"}),
        ],
        ids=["unknown", "full", "unplugged", "fault", "silent", "lost"],
    )
    def test_what_is_not_known_is_null(
        self, broker: Mosquitto, heard: Heard, story: Story, expected: dict[str, object]
    ) -> None:
        with bridge(broker) as running:
            shows(running, story)
            until(lambda: heard.last(TOPICS.state), "a state")
        state = heard.state(TOPICS.state)
        assert {key: state[key] for key in expected} == expected

    def test_figures_are_not_kept_by_the_broker(self, broker: Mosquitto) -> None:
        with bridge(broker) as running:
            shows(running, known())
            time.sleep(0.3)
            with listening(broker.open_port) as late:
                assert TOPICS.state not in late.retained()

    def test_figures_come_no_oftener_than_asked_but_news_at_once(self, broker: Mosquitto, heard: Heard) -> None:
        story = known()
        with bridge(broker, every_s=60.0) as running:
            for k in range(10, 60):
                shows(running, story.charges(k, k + 1))
            shows(running, story.charges(60, 61, device=3))
            until(lambda: heard.state(TOPICS.state).get("device") == "device_3", "the news")
        assert heard.count(TOPICS.state) == 2

    def test_home_assistant_starting_is_told_all_again(self, broker: Mosquitto, heard: Heard) -> None:
        with bridge(broker, every_s=60.0) as running:
            shows(running, known())
            until(lambda: heard.count(TOPICS.state) == 1, "the first state")
            publish(broker.open_port, "homeassistant/status", "offline")
            publish(broker.open_port, "homeassistant/status", "online")
            until(lambda: heard.count(TOPICS.state) == 2, "the state again")
            assert heard.count(TOPICS.config) == 2


class TestAvailability:
    def test_a_silent_board_is_offline_the_bridge_is_not(self, broker: Mosquitto, heard: Heard) -> None:
        story = known()
        with bridge(broker) as running:
            shows(running, story)
            until(lambda: heard.last(TOPICS.board) == "online", "the board")
            shows(running, story.passes(30))
            until(lambda: heard.last(TOPICS.board) == "offline", "its silence")
            assert heard.last(TOPICS.bridge) == "online"
            shows(running, story.charges(40, 42))
            until(lambda: heard.last(TOPICS.board) == "online", "its return")

    def test_a_clean_end_says_offline(self, broker: Mosquitto) -> None:
        with bridge(broker) as running:
            shows(running, known())
        with listening(broker.open_port) as late:
            kept = late.retained()
        assert (kept[TOPICS.bridge], kept[TOPICS.board]) == ("offline", "offline")

    def test_the_will_says_offline_when_the_bridge_dies(
        self, broker: Mosquitto, heard: Heard, there: SocketBoard
    ) -> None:
        with command(["--broker", broker.url, "--port", there.port, "--name", "bench"]) as process:
            until(lambda: heard.last(TOPICS.bridge) == "online", "the bridge")
            process.kill()
            until(lambda: heard.last(TOPICS.bridge) == "offline", "its will")
        with listening(broker.open_port) as late:
            assert late.retained()[TOPICS.bridge] == "offline"

    def test_a_broker_that_restarts_is_found_again(
        self, broker: Mosquitto, heard: Heard, capsys: pytest.CaptureFixture[str]
    ) -> None:
        story = known()
        with bridge(broker) as running:
            shows(running, story)
            until(lambda: heard.count(TOPICS.state) == 1, "the first state")
            broker.stop()
            for k in range(10, 15):
                shows(running, story.charges(k, k + 1))  # nobody is waited for
            broker.start()
            with listening(broker.open_port) as again:
                until(lambda: again.last(TOPICS.bridge) == "online", "the bridge again")
                until(lambda: again.last(TOPICS.config), "the declaration again")  # this broker keeps nothing on disk
                until(lambda: again.state(TOPICS.state).get("device") == "device_2", "the latest state")
        err = capsys.readouterr().err
        assert "lost" in err
        assert "connected again" in err


@contextmanager
def command(arguments: Sequence[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "host", "bridge", "mqtt", *arguments],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def there() -> Iterator[SocketBoard]:
    with socket_board() as found:
        yield found


class TestTheCommand:
    def test_from_board_to_broker_over_tls_with_a_password(
        self, broker: Mosquitto, credentials: Path, there: SocketBoard
    ) -> None:
        trust = ssl.create_default_context(cafile=str(credentials / "ca.pem"))
        password = credentials / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o600)
        url = broker.tls_url.replace("://", f"://{USER}@")
        arguments = ["--broker", url, "--password-file", str(password), "--ca-file", str(credentials / "ca.pem")]
        with (
            listening(broker.tls_port, trust) as heard,
            command([*arguments, "--port", there.port, "--name", "bench"]) as process,
        ):
            there.connected.wait(20)
            there.say(board.plug())
            there.charge(0, 5)
            until(lambda: heard.state(TOPICS.state).get("minutes") == 47.0, "the minutes")
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=20)
            assert process.returncode == 130
            assert err.splitlines()[-1] == "interrupted; the port is released"
            assert "Traceback" not in err
            until(lambda: heard.last(TOPICS.bridge) == "offline", "offline")
            assert PASSWORD not in err

    def test_user_and_password_from_the_environment(
        self, broker: Mosquitto, credentials: Path, there: SocketBoard
    ) -> None:
        trust = ssl.create_default_context(cafile=str(credentials / "ca.pem"))
        arguments = ["--broker", broker.tls_url, "--ca-file", str(credentials / "ca.pem"), "--port", there.port]
        secret = {"WATTPRINT_MQTT_USER": USER, "WATTPRINT_MQTT_PASSWORD": PASSWORD}
        with listening(broker.tls_port, trust) as heard, command([*arguments, "--name", "bench"], **secret):
            until(lambda: heard.last(TOPICS.board) == "online", "the board")

    @pytest.mark.parametrize(
        ("url", "ca", "password", "code", "words"),
        [
            ("tls", "other.pem", PASSWORD, 2, "its certificate is not trusted"),
            ("tls", None, PASSWORD, 2, "its certificate is not trusted"),
            ("tls", "ca.pem", "wrong", 2, "lets nobody in so"),
            ("tls", "ca.pem", None, 2, "lets nobody in so"),
            ("tls by number", "ca.pem", PASSWORD, 2, "its certificate is not trusted"),
            ("tls to the open port", "ca.pem", PASSWORD, 2, "does not speak TLS"),
            ("nobody", None, None, 3, "nobody answers there"),
            ("no such host", None, None, 3, "no such host"),
        ],
    )
    @pytest.mark.filterwarnings(
        "ignore::pytest.PytestUnraisableExceptionWarning"
    )  # paho leaves its socket to the collector
    def test_a_broker_that_is_no_use_is_one_line(
        self,
        broker: Mosquitto,
        credentials: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        url: str,
        ca: str | None,
        password: str | None,
        code: int,
        words: str,
    ) -> None:
        address = {
            "tls": broker.tls_url,
            "tls by number": f"mqtts://127.0.0.1:{broker.tls_port}",
            "tls to the open port": f"mqtts://localhost:{broker.open_port}",
            "nobody": f"mqtt://127.0.0.1:{free_port()}",
            "no such host": "mqtt://no-such-host.invalid",
        }[url]
        if password is not None:
            monkeypatch.setenv("WATTPRINT_MQTT_USER", USER)
            monkeypatch.setenv("WATTPRINT_MQTT_PASSWORD", password)
        trust = [] if ca is None else ["--ca-file", str(credentials / ca)]
        assert main(["bridge", "mqtt", "--broker", address, *trust, "--port", "socket://127.0.0.1:1"]) == code
        err = capsys.readouterr().err
        assert words in err
        assert err.count("\n") == 1
        assert PASSWORD not in err
        gc.collect()

    def test_a_board_that_is_not_there_leaves_the_broker_told(
        self, broker: Mosquitto, heard: Heard, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["--broker", broker.url, "--port", "socket://127.0.0.1:1", "--name", "bench"]
        assert main(["bridge", "mqtt", *arguments]) == 3
        assert "nobody answers there" in capsys.readouterr().err
        until(lambda: heard.last(TOPICS.bridge) == "offline", "offline")

    def test_something_that_is_no_broker_is_one_line(
        self, there: SocketBoard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("host.bridge.mqtt.LET_IN_S", 0.5)
        address = there.port.replace("socket", "mqtt")
        assert main(["bridge", "mqtt", "--broker", address, "--port", "socket://127.0.0.1:1"]) == 7
        assert "does not answer as an MQTT broker" in capsys.readouterr().err
