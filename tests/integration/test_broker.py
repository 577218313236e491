"""The broker's doors. Deliveries count: a SUBACK says "granted" to forbidden topics too."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.broker import MAX_PACKET_BYTES, Broker
from deploy.pki import subscriber
from shared.errors import QuartermasterError
from shared.topics import changes_topic
from shared.units import DAY, Micros
from tests.support import WallClock
from tests.support.certificates import (
    Credentials,
    device_credentials,
    service_credentials,
    tls_context,
)
from tests.support.mqtt import Peer

pytestmark = pytest.mark.broker

GATEWAYS = ("gw-1", "gw-2", "gw-3")
LEAVES = ("seg", "state", "ack", "cmd")


class Floor:
    """Three gateways' certificates at one broker."""

    def __init__(self, broker: Broker, pki: Path, folder: Path) -> None:
        self.broker = broker
        self.pki = pki
        self.folder = folder
        self._stack = ExitStack()

    def gateway(self, name: str, *, client_id: str | None = None) -> Peer:
        credentials = device_credentials(self.pki, self.folder / name, name)
        return self.join(credentials, client_id or name, self.broker.gateway_port)

    def service(self, client_id: str = "ingest-1") -> Peer:
        return self.join(service_credentials(self.pki), client_id, self.broker.service_port)

    def join(self, credentials: Credentials | None, client_id: str, port: int) -> Peer:
        return self._stack.enter_context(Peer(client_id, tls_context(self.pki, credentials), port))

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def floor(broker: Broker, pki: Path, tmp_path: Path) -> Iterator[Floor]:
    floor = Floor(broker, pki, tmp_path / "gateways")
    yield floor
    floor.close()


def drained(peer: Peer, marker: tuple[str, bytes]) -> list[tuple[str, bytes]]:
    """Everything delivered to ``peer`` up to the marker, which was sent last."""
    messages: list[tuple[str, bytes]] = []
    while (message := peer.receive()) != marker:
        messages.append(message)
    return messages


def test_a_gateway_writes_only_its_own_two_topics(floor: Floor) -> None:
    ingest = floor.service()
    for leaf in ("seg", "state"):
        ingest.subscribe(f"qm/v1/+/{leaf}")
    peers = {name: floor.gateway(name) for name in GATEWAYS}
    for sender, peer in peers.items():
        for target in GATEWAYS:
            for leaf in LEAVES:
                reason = peer.publish(f"qm/v1/{target}/{leaf}", f"from {sender}".encode())
                allowed = target == sender and leaf in {"seg", "state"}
                assert (reason == "Not authorized") == (not allowed)
        for topic in (f"qm/v1/{sender}", f"qm/v1/{sender}/seg/x", "qm/v2/x/seg", "other"):
            assert peer.publish(topic, b"astray") == "Not authorized"
    peers["gw-1"].publish("qm/v1/gw-1/seg", b"last")
    delivered = drained(ingest, ("qm/v1/gw-1/seg", b"last"))
    assert sorted(delivered) == sorted(
        (f"qm/v1/{name}/{leaf}", f"from {name}".encode())
        for name in GATEWAYS
        for leaf in ("seg", "state")
    )


def test_a_gateway_reads_only_its_own_two_topics(floor: Floor) -> None:
    peers = {name: floor.gateway(name) for name in GATEWAYS}
    for peer in peers.values():
        for topic in ("#", "qm/v1/+/ack", "qm/v1/#", *(f"qm/v1/{n}/cmd" for n in GATEWAYS)):
            peer.subscribe(topic)
    cloud = floor.service()
    for target in GATEWAYS:
        cloud.publish(f"qm/v1/{target}/ack", target.encode())
        cloud.publish(f"qm/v1/{target}/cmd", target.encode())
    for name, peer in peers.items():
        peer.publish(f"qm/v1/{name}/seg", b"secret")
        cloud.publish(f"qm/v1/{name}/cmd", b"last")
        delivered = set(drained(peer, (f"qm/v1/{name}/cmd", b"last")))
        assert delivered == {
            (f"qm/v1/{name}/ack", name.encode()),
            (f"qm/v1/{name}/cmd", name.encode()),
        }


def test_workers_share_the_segments_and_each_comes_once(floor: Floor) -> None:
    workers = [floor.service("ingest-1"), floor.service("ingest-2")]
    for worker in workers:
        worker.subscribe("$share/ingest/qm/v1/+/seg")
    gateway = floor.gateway("gw-1")
    bodies = {f"{n}".encode() for n in range(20)}
    for body in bodies:
        assert gateway.publish("qm/v1/gw-1/seg", body) == "Success"
    received: list[bytes] = []
    while len(received) < len(bodies):
        for worker in workers:
            while not worker.messages.empty():
                received.append(worker.receive()[1])
    assert sorted(received) == sorted(bodies)


def test_a_service_writes_no_segments(floor: Floor) -> None:
    ingest = floor.service()
    assert ingest.publish("qm/v1/gw-1/seg", b"forged") == "Not authorized"
    assert ingest.publish("qm/v1/gw-1/state", b"forged") == "Not authorized"


def test_a_gateway_at_the_services_door_is_given_nothing(floor: Floor) -> None:
    credentials = device_credentials(floor.pki, floor.folder / "gw-1", "gw-1")
    intruder = floor.join(credentials, "gw-1", floor.broker.service_port)
    ingest = floor.service()
    ingest.subscribe("qm/v1/+/seg")
    gateway = floor.gateway("gw-2")
    if intruder.connected.is_set():  # both authorities hang under one root: the ACL holds
        intruder.subscribe("#")
        assert intruder.publish("qm/v1/gw-2/ack", b"forged") == "Not authorized"
    gateway.publish("qm/v1/gw-2/seg", b"real")
    assert ingest.receive() == ("qm/v1/gw-2/seg", b"real")
    assert intruder.messages.empty()


def test_a_service_at_the_gateways_door_is_given_nothing_of_the_gateways(floor: Floor) -> None:
    intruder = floor.join(service_credentials(floor.pki), "x", floor.broker.gateway_port)
    if intruder.connected.is_set():
        intruder.subscribe("#")
        assert intruder.publish("qm/v1/gw-1/ack", b"forged") == "Not authorized"
    floor.gateway("gw-1").publish("qm/v1/gw-1/seg", b"real")
    assert intruder.messages.empty()


def test_the_client_id_is_the_certificates_name(floor: Floor) -> None:
    victim = floor.gateway("gw-1")
    thief = floor.gateway("gw-2", client_id="gw-1")
    assert thief.connected.is_set()
    victim.subscribe("qm/v1/gw-1/cmd")
    floor.service().publish("qm/v1/gw-1/cmd", b"still here")
    assert victim.receive() == ("qm/v1/gw-1/cmd", b"still here")
    assert not victim.closed.is_set()


def test_a_subscriber_reads_what_has_changed_and_nothing_else(floor: Floor) -> None:
    certificate, key = subscriber(floor.pki, "erp", clock=WallClock())
    reader = floor.join(
        Credentials(certificate=certificate, key=key), "erp-1", floor.broker.service_port
    )
    for topic in ("qm/v1/changes/#", "qm/v1/+/seg", "#"):
        reader.subscribe(topic)
    cloud = floor.service()
    floor.gateway("gw-1").publish("qm/v1/gw-1/seg", b"secret")
    assert reader.publish("qm/v1/changes/AMS/stock", b"forged") == "Not authorized"
    cloud.publish(changes_topic("AMS", "stock"), b"moved")
    cloud.publish("qm/v1/changes/AMS/order", b"last")
    seen = set(drained(reader, ("qm/v1/changes/AMS/order", b"last")))
    assert seen == {("qm/v1/changes/AMS/stock", b"moved")}
    assert floor.gateway("gw-2").publish("qm/v1/changes/AMS/stock", b"x") == "Not authorized"


@pytest.mark.parametrize("door", ["gateway_port", "service_port"])
def test_a_client_without_a_certificate_is_refused(floor: Floor, door: str) -> None:
    peer = floor.join(None, "gw-1", getattr(floor.broker, door))
    assert not peer.connected.is_set()


def test_a_certificate_of_another_root_is_refused(
    floor: Floor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from deploy.pki import create

    elsewhere = tmp_path_factory.mktemp("elsewhere") / "pki"
    create(elsewhere, trust_domain="elsewhere.local", clock=WallClock())
    credentials = device_credentials(elsewhere, floor.folder / "foreign", "gw-1")
    peer = floor.join(credentials, "gw-1", floor.broker.gateway_port)
    assert not peer.connected.is_set()


@pytest.mark.parametrize("shift", [-8 * DAY, DAY], ids=["expired", "not yet valid"])
def test_a_certificate_is_refused_outside_its_days(floor: Floor, shift: int) -> None:
    made = Micros(WallClock().now() + shift)
    credentials = device_credentials(floor.pki, floor.folder / "gw-1", "gw-1", now=made)
    peer = floor.join(credentials, "gw-1", floor.broker.gateway_port)
    assert not peer.connected.is_set()


def test_a_servers_certificate_is_no_clients(floor: Floor) -> None:
    credentials = device_credentials(floor.pki, floor.folder / "s", "gw-1", usage="server")
    peer = floor.join(credentials, "gw-1", floor.broker.gateway_port)
    assert not peer.connected.is_set()


def test_tls_1_2_is_refused(floor: Floor) -> None:
    context = tls_context(floor.pki, device_credentials(floor.pki, floor.folder / "gw-1", "gw-1"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", floor.broker.gateway_port)) as plain,
        pytest.raises(ssl.SSLError),
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        wrapped.do_handshake()


def test_an_oversized_message_ends_the_session_and_goes_nowhere(floor: Floor) -> None:
    ingest = floor.service()
    ingest.subscribe("qm/v1/+/seg")
    first = floor.gateway("gw-1")
    first._client.publish("qm/v1/gw-1/seg", b"x" * (MAX_PACKET_BYTES + 1), qos=1)
    assert first.closed.wait(5)
    second = floor.gateway("gw-2")
    second.publish("qm/v1/gw-2/seg", b"x" * 131_072)
    assert ingest.receive() == ("qm/v1/gw-2/seg", b"x" * 131_072)
    assert ingest.messages.empty()


def test_a_killed_broker_comes_back_on_its_ports_with_nothing_remembered(floor: Floor) -> None:
    floor.gateway("gw-1").publish("qm/v1/gw-1/state", b"online", retain=True)
    ports = (floor.broker.gateway_port, floor.broker.service_port)
    floor.broker.kill()
    floor.broker.start()
    assert (floor.broker.gateway_port, floor.broker.service_port) == ports
    ingest = floor.service("ingest-2")
    ingest.subscribe("qm/v1/+/state")
    floor.gateway("gw-2").publish("qm/v1/gw-2/state", b"online")
    assert ingest.receive() == ("qm/v1/gw-2/state", b"online")


def test_a_folder_without_a_pki_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        Broker(tmp_path / "broker", pki=tmp_path / "nowhere").start()
    assert refusal.value.code == "settings.invalid"
    assert not (tmp_path / "broker").exists()
