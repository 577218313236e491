"""A gateway's surroundings in tests: its identity, its catalog, its process, and a small cloud."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import uuid_utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.app.store import Store, opened
from edge.link.identity import Identity, install
from edge.web import devices
from shared import segment
from shared.certificates import Leaf, chain_pem, issue, key_pem, load_ed25519, new_key
from shared.cose import key_id
from shared.downlink import (
    Catalog,
    Code,
    DocumentKind,
    Item,
    Location,
    Offer,
    Watermark,
    digest,
    encode,
    sign_message,
)
from shared.enrolment import Enrolled
from shared.events import Event
from shared.ids import GatewayId
from shared.topics import ALL_SEGMENTS, gateway_of, topic
from tests.support import WallClock, free_port
from tests.support.certificates import WEEK, issuer, service_credentials, tls_context

TRUST_DOMAIN = "quartermaster.local"
SITE = "berlin"
GTIN = "09506000134352"
CARTON = "19506000134359"
LABEL = f"]C101{GTIN}1748013110L2025A"
"""GTIN, expiry 2048-01-31, lot L2025A."""

CATALOG = Catalog(
    SITE,
    [
        Item("TEA-1", "Green tea", [Code(GTIN, 1), Code(CARTON, 12)]),
        Item("OLD-1", "No longer sold", [], removed=True),
    ],
    [
        Location("DOCK-1", "dock"),
        Location("A-01", "shelf"),
        Location("A-02", "shelf"),
        Location("STAGE-1", "staging"),
        Location("GONE-1", "shelf", removed=True),
    ],
)


def scan(raw: str = LABEL, step: str = "receive", **over: Any) -> dict[str, Any]:
    """A scan's JSON, with an id of its own."""
    return {"id": str(uuid.UUID(bytes=uuid_utils.uuid7().bytes)), "raw": raw, "step": step, **over}


def offer_of(
    content: bytes, version: int, *, kind: DocumentKind = "catalog", base: int = 0
) -> Offer:
    """An offer that carries its document."""
    return Offer(kind, base, version, digest(content), len(content), content)


def enrol(
    data: Path,
    pki: Path,
    *,
    name: str = "gw-01",
    broker_port: int = 1,
    door_url: str = "https://localhost:1",
    epoch: int = 1,
    event_key: Ed25519PrivateKey | None = None,
) -> Identity:
    """The identity that a real enrolment would have left in the data folder."""
    key, devices_ca = new_key(), issuer(pki, "devices")
    leaf = Leaf(common_name=name, public_key=key.public_key(), usage="client")
    certificate = issue(devices_ca, leaf, now=WallClock().now(), lifetime=WEEK)
    answer = Enrolled(
        gateway=name,
        site=SITE,
        trust_domain=TRUST_DOMAIN,
        epoch=epoch,
        certificate=chain_pem(certificate, devices_ca.certificate).decode(),
        trust=(pki / "services-chain.crt").read_text(),
        cloud_key=downlink_key(pki).public_key().public_bytes_raw(),
        broker_host="localhost",
        broker_port=broker_port,
        door_url=door_url,
    )
    return install(
        data / "identity",
        answer,
        api_url="https://localhost:1",
        tls_key=key_pem(key),
        event_key=key_pem(event_key or Ed25519PrivateKey.generate()),
    )


def downlink_key(pki: Path) -> Ed25519PrivateKey:
    """The key with which the cloud signs what goes down."""
    return load_ed25519((pki / "downlink.key").read_bytes())


def equip(data: Path, *, version: int = 1, device: str = "sc-01") -> str:
    """Put the catalog in force and pair a device, without a cloud; returns its token."""
    with opened(data) as store:
        return equip_store(store, version=version, device=device)


def equip_store(
    store: Store, *, version: int = 1, device: str = "sc-01", catalog: Catalog = CATALOG
) -> str:
    """As :func:`equip`, in an open store."""
    from edge import stock

    content = encode(catalog)
    offer, site = offer_of(content, version), store.identity.site

    def unit(connection: Any) -> str:
        stock.put_in_force(connection, offer, content, site=site, now=1)
        return devices.add(connection, device, now=1)

    return store.database.run_blocking(unit)


def wait_until(condition: Callable[[], Any], what: str, *, seconds: float = 45.0) -> Any:
    """Poll until the condition holds; what it returned."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class RunningGateway:
    """A gateway's real process and a scanner's connection to it."""

    data: Path
    port: int
    process: subprocess.Popen[bytes]
    http: httpx.Client
    log: Path

    def scan(self, **fields: Any) -> httpx.Response:
        return self.http.post("/v1/scans", json=scan(**fields))

    def status(self) -> dict[str, Any]:
        answer = self.http.get("/v1/status")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running(
    data: Path,
    token: str,
    *,
    api: str = "",
    extra: str = "",
    port: int | None = None,
    install_port: int = 0,
    program: str = "from edge.cli import app; app()",
) -> Iterator[RunningGateway]:
    """Run the gateway's process; it has answered /healthz when this returns."""
    port = port or free_port()
    (data / "gateway.toml").write_text(
        f"""heartbeat_seconds = 60.0
[api]
host = "127.0.0.1"
port = {port}
install_port = {install_port}
{api}
[broker]
longest_delay_seconds = 0.3
[uplink]
resend_seconds = 1.0
watchdog_seconds = 4.0
{extra}"""
    )
    log = data / "gateway.log"
    command = [sys.executable, "-c", program, "run", "--data", str(data)]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    ca = data / "identity" / "local" / "ca.crt"
    try:
        wait_until(lambda: ca.exists() or process.poll() is not None, "the local certificate")
        context = ssl.create_default_context(cafile=str(ca)) if ca.exists() else True
        with httpx.Client(
            base_url=f"https://localhost:{port}",
            verify=context,
            headers={"authorization": f"Bearer {token}"},
            timeout=10,
            trust_env=False,
        ) as http:
            gateway = RunningGateway(data, port, process, http, log)
            wait_until(lambda: _answers(gateway), "the local API")
            yield gateway
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(gateway: RunningGateway) -> bool:
    assert gateway.process.poll() is None, gateway.log.read_text()
    try:
        return gateway.http.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


@dataclass
class FakeCloud:
    """Verifies segments as the real ingest does and answers with signed watermarks.

    ``answering`` off keeps it silent, as when ingest is down; ``deaf`` throws segments away.
    """

    pki: Path
    port: int
    keys: dict[str, Ed25519PublicKey]
    answering: bool = True
    deaf: bool = False
    generation: int = 1
    events: dict[tuple[str, int, int], Event] = field(default_factory=dict)
    bodies: dict[tuple[str, int, int], bytes] = field(default_factory=dict)
    deliveries: list[tuple[str, int, int]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    hashes: dict[tuple[str, int], tuple[int, bytes]] = field(default_factory=dict)
    states: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._key = downlink_key(self.pki)
        self._kid = key_id(self._key.public_key())
        self._lock = threading.Lock()
        self._subscribed = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id="small-cloud",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        self._client.tls_set_context(tls_context(self.pki, service_credentials(self.pki)))
        self._client.on_message = self._on_message
        self._client.on_connect = lambda *_: self._client.subscribe(ALL_SEGMENTS, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()

    def __enter__(self) -> Self:
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("localhost", self.port)
        self._client.loop_start()
        assert self._subscribed.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        try:
            if not self.deaf:
                self._take(gateway_of(message.topic, "seg"), message.payload)
        except Exception as error:  # noqa: BLE001 - a callback's error would vanish in its thread
            self.errors.append(repr(error))

    def _take(self, gateway: GatewayId, body: bytes) -> None:
        verified = segment.verify(
            segment.parse(body), self.keys[gateway], trust_domain=TRUST_DOMAIN, gateway=gateway
        )
        assert not verified.refused
        key = (gateway, verified.epoch, verified.first_seq)
        with self._lock:
            self.deliveries.append(key)
            assert self.bodies.setdefault(key, body) == body, "a resend with other bytes"
            for event in verified.events:
                self.events[gateway, verified.epoch, event.seq] = event
        if self.answering:
            self.answer(gateway, verified.epoch)

    def reached(self, gateway: str, epoch: int = 1) -> int:
        """The contiguous sequence number received."""
        seq = 0
        while (gateway, epoch, seq + 1) in self.events:
            seq += 1
        return seq

    def answer(self, gateway: str, epoch: int = 1, **over: Any) -> None:
        """Publish the watermark for all that was received."""
        with self._lock:
            seq = self.reached(gateway, epoch)
            head = self.events[gateway, epoch, seq].hash if seq else bytes(32)
        watermark = Watermark(
            **{
                "generation": self.generation,
                "epoch": epoch,
                "contiguous_seq": seq,
                "head_hash": head,
                **over,
            }
        )
        self.say(gateway, watermark)

    def offer(self, gateway: str, offer: Offer) -> None:
        """Publish an offer."""
        self.say(gateway, offer)

    def say(self, gateway: str, body: Watermark | Offer) -> None:
        signed = self.signed(gateway, body)
        leaf = "ack" if isinstance(body, Watermark) else "cmd"
        self.publish(topic(GatewayId(gateway), leaf), signed)

    def signed(self, gateway: str, body: Watermark | Offer) -> bytes:
        return sign_message(
            self._key.sign,
            kid=self._kid,
            trust_domain=TRUST_DOMAIN,
            gateway=GatewayId(gateway),
            body=body,
            issued_at=WallClock().now(),
        )

    def publish(self, name: str, payload: bytes) -> None:
        self._client.publish(name, payload, qos=1)


def public_key(identity: Identity) -> Ed25519PublicKey:
    return identity.event_key.public_key()


def answers(response: httpx.Response) -> list[dict[str, Any]]:
    """The answers to a batch."""
    assert response.status_code == 200, response.text
    return json.loads(response.content)["answers"]
