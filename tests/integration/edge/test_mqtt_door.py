"""Devices that speak MQTT to a running gateway's own broker: the real mosquitto, its child."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.app.store import open_database, opened
from edge.db.looking import looking
from edge.settings import DATABASE, load
from edge.web import devices
from shared.events import SensorRead, decode_event
from tests.support import free_port
from tests.support.floor import new_id
from tests.support.gateway import LABEL, RunningGateway, enrol, equip, running, scan, wait_until

pytestmark = pytest.mark.broker

SENSORS = """
[[sensor]]
device = "cold-1"
name = "store"
kind = "temperature"
min = -30
max = 30
change = 0.5
every_seconds = 1
location = "A-01"
[[sensor]]
device = "cold-1"
name = "agv-1"
kind = "position"
occupies = true
"""


class Thing:
    """A device that speaks MQTT."""

    def __init__(self, data: Path, port: int, name: str, token: str | None) -> None:
        self.name = name
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.connected, self.closed = threading.Event(), threading.Event()
        self._granted = threading.Event()
        self.sent: list[str] = []
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"{name}-x", protocol=MQTTProtocolVersion.MQTTv5
        )
        if token is not None:
            self._client.username_pw_set(name, token)
        self._client.tls_set(str(data / "identity" / "local" / "ca.crt"))
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self.closed.set()
        self._client.on_subscribe = lambda *_: self._granted.set()
        self._client.on_publish = lambda *told: self.sent.append(str(told[3]))
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("localhost", port)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_connect = self._client.on_disconnect = None
        self._client.on_message = self._client.on_publish = self._client.on_subscribe = None

    def _on_connect(self, *told: Any) -> None:
        if not told[3].is_failure:
            self._client.subscribe(f"devices/{self.name}/answer", qos=1)
            self.connected.set()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.answers.put(json.loads(message.payload))

    def ready(self) -> Self:
        assert self._granted.wait(10), "no connection"
        return self

    def tell(self, what: str, body: dict[str, Any] | bytes, **over: Any) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        topic = over.pop("topic", f"devices/{self.name}/{what}")
        self._client.publish(topic, payload, qos=1, **over)

    def hear(self, seconds: float = 10.0) -> dict[str, Any]:
        return self.answers.get(timeout=seconds)

    def ask(self, what: str, body: dict[str, Any] | bytes) -> dict[str, Any]:
        self.tell(what, body)
        return self.hear()


class Site:
    """A data folder, its devices and the port of their broker."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.http = equip(data)
        with opened(data) as store:
            self.tokens = {
                name: store.database.run_blocking(
                    lambda each, at=name: devices.add(each, at, now=1)
                )
                for name in ("cold-1", "sc-02")
            }

    @contextmanager
    def open(self, *, api: str = "", sensors: str = SENSORS) -> Iterator[RunningGateway]:
        extra = f'[mqtt]\nport = {self.port}\nhost = "127.0.0.1"\n{sensors}'
        with running(self.data, self.http, api=api, extra=extra) as gateway:
            wait_until(lambda: gateway.status()["inputs"]["mqtt"]["up"], "the broker")
            yield gateway

    def thing(self, name: str, token: str | None = "") -> Thing:
        return Thing(self.data, self.port, name, self.tokens[name] if token == "" else token)

    def revoke(self, name: str) -> None:
        database = open_database(self.data, load(self.data))
        database.run_blocking(lambda each: devices.revoke(each, name, now=2))
        database.close()


@pytest.fixture
def site(tmp_path: Path, pki: Path) -> Site:
    enrol(tmp_path / "gw", pki)
    return Site(tmp_path / "gw")


def test_a_scan_counts_once_however_the_gateway_and_its_broker_die(site: Site) -> None:
    asked = scan()
    with site.open() as gateway, site.thing("sc-02") as thing:
        thing.ready()
        first = thing.ask("scan", asked)
        assert first["outcome"] == "accepted"
        assert first["id"] == asked["id"]
        gateway.kill()
        assert thing.closed.wait(5), "the broker outlived its gateway"
    with site.open() as gateway, site.thing("sc-02") as thing:
        thing.ready()
        assert thing.ask("scan", asked) == first

        pid = gateway.status()["inputs"]["mqtt"]["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: gateway.status()["inputs"]["mqtt"]["pid"] not in {None, pid}, "another")
        wait_until(lambda: gateway.status()["inputs"]["mqtt"]["up"], "the broker")
        with site.thing("cold-1") as other:
            assert other.ready().ask("scan", scan())["outcome"] == "accepted"
        while True:  # what was sent while there was no broker is sent again, until it is answered
            thing.tell("scan", asked)
            try:
                assert thing.hear(2) == first
                break
            except queue.Empty:
                continue
        assert gateway.status()["scans"] == 2


def test_a_revoked_device_is_cut_off_and_stays_out(site: Site) -> None:
    with site.open() as gateway, site.thing("sc-02") as thing, site.thing("cold-1") as other:
        assert thing.ready().ask("scan", scan())["outcome"] == "accepted"
        other.ready()
        site.revoke("sc-02")
        assert thing.closed.wait(5)
        thing.connected.clear()
        thing.tell("scan", scan())
        assert other.ask("scan", scan())["outcome"] == "accepted"
        assert not other.closed.is_set()
        assert not thing.connected.wait(1.5)
        assert gateway.status()["scans"] == 2


def test_nobody_speaks_without_a_token_or_as_somebody_else(site: Site) -> None:
    with site.open() as gateway, site.thing("sc-02", None) as anonymous:
        with site.thing("sc-02", "qmd_guess") as guess, site.thing("cold-1") as thing:
            thing.ready()
            thing.tell("scan", scan(), topic="devices/sc-02/scan")
            thing.tell("answer", b"{}", topic="devices/cold-1/answer")
            wait_until(lambda: len(thing.sent) == 2, "the broker's word")
            assert thing.sent == ["Not authorized", "Not authorized"]
            assert not guess.connected.is_set()
        assert not anonymous.connected.is_set()
        assert gateway.status()["scans"] == 0


def test_nonsense_is_refused_by_its_code_and_the_session_goes_on(site: Site) -> None:
    sent: list[tuple[str, dict[str, Any] | bytes, str]] = [
        ("scan", b"\x00\x01\xff", "scan.malformed"),
        ("scan", scan(raw="x" * 9000), "payload.too-large"),
        ("scan", scan(raw="x" * 600), "scan.too-long"),
        ("scan", scan(raw="\x01\x02"), "scan.malformed"),
        ("scan", {"raw": LABEL, "step": "receive"}, "scan.malformed"),
        ("scan", scan(device="cold-1"), "scan.other-device"),
        ("reading", {"id": new_id(), "sensor": "store", "value": 1}, "sensor.undeclared"),
        ("position", b"[]", "sensor.malformed"),
        ("position", b"[" * 2000, "payload.too-deep"),
    ]
    with site.open() as gateway, site.thing("sc-02") as thing:
        thing.ready()
        for what, body, code in sent:
            answer = thing.ask(what, body)
            assert answer["outcome"] == "refused", body
            assert answer["error"]["code"] == code, body
            assert answer["error"]["do"]
            if isinstance(body, dict) and "id" in body:
                assert answer["id"] == body["id"]
        assert thing.ask("scan", {"id": new_id(), "raw": LABEL})["outcome"] == "accepted"
        assert gateway.status()["scans"] == 1


@pytest.mark.parametrize("api", ["scans_per_second = 20\nburst = 20", "burst = 100000"])
def test_a_device_that_floods_is_told_and_others_are_answered(site: Site, api: str) -> None:
    with (
        site.open(api=api) as gateway,
        site.thing("sc-02") as flood,
        site.thing("cold-1") as calm,
    ):
        flood.ready()
        calm.ready()
        for _ in range(3000):
            flood.tell("scan", scan())
        assert all(calm.ask("scan", scan())["outcome"] == "accepted" for _ in range(10))
        assert gateway.scan().status_code == 200
        told = [flood.hear() for _ in range(1000)]
        refused = {each["error"]["code"] for each in told if each["outcome"] == "refused"}
        assert refused == {"request.too-many"}


def test_readings_are_checked_recorded_when_they_say_something_new_and_shown(site: Site) -> None:
    with site.open() as gateway, site.thing("cold-1") as thing:
        thing.ready()
        first = {"id": new_id(), "sensor": "store", "value": 4.25, "unit": "Cel"}
        answer = thing.ask("reading", first)
        assert (answer["id"], answer["outcome"], answer["recorded"]) == (
            first["id"],
            "accepted",
            True,
        )
        assert thing.ask("reading", first) == answer
        same = thing.ask("reading", {"id": new_id(), "sensor": "store", "value": 4.5})
        assert (same["outcome"], same["recorded"]) == ("accepted", False)
        wrong = thing.ask("reading", {"id": new_id(), "sensor": "store", "value": 31})
        assert wrong["error"]["code"] == "sensor.range"
        place = {"id": new_id(), "location": "A-02", "x": 1.5, "y": 3}
        assert thing.ask("position", place)["recorded"]
        lost = thing.ask("position", {"id": new_id(), "location": "Z-99"})
        assert lost["error"]["code"] == "scan.unknown-location"
        late = {"id": new_id(), "sensor": "store", "value": -7.0}
        thing.ask("reading", late)
        wait_until(lambda: len(recorded(site.data)) == 3, "the reading that came too soon")
        cold, agv = gateway.status()["inputs"]["sensors"]
        assert (cold["value"], cold["unit"], cold["location"]) == (-7.0, "Cel", "A-01")
        assert (agv["location"], agv["x"], agv["y"]) == ("A-02", 1.5, 3)
        gateway.kill()
    with site.open(), site.thing("cold-1") as thing:
        assert thing.ready().ask("reading", first) == answer
    assert recorded(site.data) == [
        SensorRead("store", "temperature", 425, 2, "Cel", "A-01"),
        SensorRead("agv-1", "position", 1, 0, "1", "A-02"),
        SensorRead("store", "temperature", -700, 2, "Cel", "A-01"),
    ]


def test_a_broker_that_cannot_start_is_said_and_tried_again_while_scanning_goes_on(
    site: Site,
) -> None:
    extra = f'[mqtt]\nport = {site.port}\nhost = "127.0.0.1"\n'
    with (
        socket.create_server(("127.0.0.1", site.port)) as taken,
        running(site.data, site.http, extra=extra) as gateway,
    ):
        said = wait_until(lambda: troubles(gateway), "the notice")
        assert [each["code"] for each in said] == ["program.failed"]
        assert "Address already in use" in said[0]["detail"]
        assert gateway.scan().status_code == 200
        taken.close()
        wait_until(lambda: gateway.status()["inputs"]["mqtt"]["up"], "the broker")
        with site.thing("sc-02") as thing:
            assert thing.ready().ask("scan", scan())["outcome"] == "accepted"
        assert troubles(gateway) == []


def test_a_sensor_declared_wrongly_is_said_and_keeps_nothing_else_from_working(site: Site) -> None:
    wrong = (
        f'{SENSORS}[[sensor]]\ndevice = "cold-1"\nname = "dock"\nkind = "weight"\nunit = "Cel"\n'
    )
    with site.open(sensors=wrong) as gateway, site.thing("cold-1") as thing:
        (said,) = [each for each in gateway.status()["notices"] if "dock" in each["where"]]
        assert (said["code"], said["detail"]) == ("settings.invalid", "weight is in g or kg or t")
        answer = thing.ready().ask("reading", {"id": new_id(), "sensor": "dock", "value": 1})
        assert answer["error"]["code"] == "sensor.undeclared"
        answer = thing.ask("reading", {"id": new_id(), "sensor": "store", "value": 1})
        assert answer["outcome"] == "accepted"
        assert gateway.scan().status_code == 200


def troubles(gateway: RunningGateway) -> list[dict[str, str]]:
    """What is said of programs."""
    notices = gateway.status()["notices"]
    return [each for each in notices if each["code"].startswith("program.")]


def test_a_pallet_is_not_sent_to_the_dock_where_a_vehicle_stands(site: Site) -> None:
    with site.open() as gateway, site.thing("cold-1") as thing:
        thing.ready()

        def told(location: str | None) -> str:
            answer = thing.ask("position", {"id": new_id(), "location": location})
            assert answer["outcome"] == "accepted"
            asked = {"id": new_id(), "kind": "dock", "sku": "TEA-1", "quantity": 1}
            return gateway.http.post("/v1/routes", json={**asked, "own": "DOCK-1"}).json()[
                "outcome"
            ]

        assert told("DOCK-1") == "wait"
        assert told(None) == "send"


def recorded(data: Path) -> list[SensorRead]:
    """The readings in the outbox, in order."""
    with looking(data / DATABASE) as reader:
        rows = reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    events = (decode_event(body) for (body,) in rows)
    return [event.data for event in events if isinstance(event.data, SensorRead)]
