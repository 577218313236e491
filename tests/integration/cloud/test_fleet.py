"""Gateways are brought to what they should hold, over the real broker, by delta or snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cloud import catalog, fleet
from cloud.app.worker import Offering, run
from cloud.db import unit_of_work
from cloud.fleet.model import GENERATION_STEP, PLAUSIBLE
from cloud.settings import Settings
from shared.cose import key_id
from shared.downlink import (
    MAX_INLINE,
    Offer,
    decode_catalog,
    digest,
    encode,
    verify_message,
)
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.policy import Policy, decode_policy
from shared.topics import topic
from shared.units import DAY, SECOND, Micros
from tests.support import FakeClock
from tests.support.certificates import device_credentials, tls_context
from tests.support.clock import WallClock
from tests.support.mqtt import Peer
from tests.support.uplink import Hand, stage

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection
    from deploy.broker import Broker

pytestmark = pytest.mark.database

DOMAIN = "quartermaster.local"
GATEWAY = GatewayId("gw-a")
SITE = "S-gw-a"


class Cloud:
    """One gateway's cloud: imports, heartbeats, and what is offered."""

    def __init__(self, pool: ConnectionPool[Connection], pki: Path, clock: FakeClock) -> None:
        self.pool = pool
        self.clock = clock
        key = load_pem_private_key((pki / "downlink.key").read_bytes(), None)
        self.key: Ed25519PrivateKey = key  # type: ignore[assignment]
        self.sent: list[tuple[str, bytes]] = []
        self.offering = Offering(
            pool,
            key=self.key,
            trust_domain=DOMAIN,
            publish=lambda name, payload: self.sent.append((name, payload)),
            clock=clock,
        )
        with unit_of_work(pool) as connection:
            stage(connection, [Hand(GATEWAY)])

    def bring(self, kind: catalog.ImportKind, text: str) -> None:
        with unit_of_work(self.pool) as connection:
            assert not catalog.import_csv(connection, kind=kind, content=text).errors

    def report(self, *, catalog: int = 0, policy: int = 0) -> None:
        with unit_of_work(self.pool) as connection:
            row = connection.execute("SELECT gateway_id FROM gateway").fetchone()
            assert row is not None
            now = self.clock.now()
            fleet.reported(connection, row[0], catalog=catalog, policy=policy, at=now)

    def offers(self, seconds: int = 1) -> list[Offer]:
        """What the gateway is offered within as many seconds, verified as it would."""
        self.sent.clear()
        for _ in range(seconds):
            self.offering.tick()
            self.clock.advance(SECOND)
        assert {name for name, _ in self.sent} <= {topic(GATEWAY, "cmd")}
        return [
            verify_message(
                message,
                self.key.public_key(),
                Offer,
                trust_domain=DOMAIN,
                gateway=GATEWAY,
                now=self.clock.now(),
            )
            for _, message in self.sent
        ]

    def offer(self) -> Offer:
        """The one offer of this second."""
        (offer,) = self.offers()
        return offer


@pytest.fixture
def cloud(pool: ConnectionPool[Connection], pki: Path, clock: FakeClock) -> Cloud:
    return Cloud(pool, pki, clock)


def items(*names: str) -> str:
    return "sku,name\n" + "".join(f"{name},Item {name}\n" for name in names)


def test_a_new_gateway_gets_a_snapshot_and_then_deltas(cloud: Cloud) -> None:
    cloud.bring("items", items("A", "B"))
    first = cloud.offer()
    assert (first.kind, first.base) == ("catalog", 0)
    assert first.content is not None
    assert digest(first.content) == first.sha256
    held = decode_catalog(first.content)
    assert held.site == SITE
    assert {item.sku for item in held.items} >= {"A", "B"}
    assert held.locations
    cloud.report(catalog=first.version)
    cloud.bring("items", items("C"))
    second = cloud.offer()
    assert (second.base, second.version > first.version) == (first.version, True)
    assert second.content is not None
    change = decode_catalog(second.content)
    assert ([item.sku for item in change.items], change.locations) == (["C"], [])
    cloud.report(catalog=second.version)
    assert cloud.offers(seconds=3) == []


def test_an_unanswered_delta_gives_way_to_a_snapshot(cloud: Cloud) -> None:
    cloud.bring("items", items("A"))
    held = cloud.offer().version
    cloud.report(catalog=held)
    cloud.bring("items", items("B"))
    assert [offer.base for offer in cloud.offers(seconds=8)] == [held, held, held, 0]


def test_an_older_heartbeat_that_arrives_late_changes_nothing(cloud: Cloud) -> None:
    cloud.bring("items", items("A"))
    version = cloud.offer().version
    cloud.report(catalog=version)
    cloud.clock.advance(-SECOND)
    cloud.report(catalog=0)
    assert cloud.offers() == []


def test_a_large_document_is_fetched_by_hash(cloud: Cloud) -> None:
    cloud.bring("items", items(*(f"SKU-LONG-{n:05}" for n in range(3000))))
    offer = cloud.offer()
    assert offer.content is None
    assert offer.size > MAX_INLINE
    with unit_of_work(cloud.pool) as connection:
        _, content = fleet.document(connection, offer.sha256)
    assert (len(content), digest(content)) == (offer.size, offer.sha256)
    cloud.clock.advance(3 * DAY)
    again = cloud.offer()
    assert again.sha256 == offer.sha256
    with unit_of_work(cloud.pool) as connection:
        assert fleet.document(connection, offer.sha256)[1] == content
        fleet.sweep(connection, now=Micros(cloud.clock.now() + 3 * DAY))
        with pytest.raises(QuartermasterError) as refusal:
            fleet.document(connection, offer.sha256)
    assert refusal.value.code == "request.not-found"


def publish(cloud: Cloud, policy: Policy, site: str | None = None) -> int:
    with unit_of_work(cloud.pool) as connection:
        return fleet.publish_policy(connection, encode(policy), site=site, now=cloud.clock.now())


def test_a_published_policy_goes_down_and_a_sites_own_wins(cloud: Cloud) -> None:
    general = publish(cloud, Policy(name="general"))
    offer = cloud.offer()
    assert (offer.kind, offer.base, offer.version) == ("policy", 0, general)
    assert offer.content is not None
    assert decode_policy(offer.content).name == "general"
    own = publish(cloud, Policy(name="own"), SITE)
    later = publish(cloud, Policy(name="general, later"))
    assert general < own < later
    assert cloud.offer().version == own


def test_the_same_policy_again_is_no_new_version(cloud: Cloud) -> None:
    first = publish(cloud, Policy(name="general"))
    assert publish(cloud, Policy(name="general")) == first
    with pytest.raises(QuartermasterError) as refusal:
        publish(cloud, Policy(name="general"), "S-nowhere")
    assert refusal.value.code == "request.not-found"


def test_a_revoked_gateway_is_offered_nothing(cloud: Cloud) -> None:
    cloud.bring("items", items("A"))
    with unit_of_work(cloud.pool) as connection:
        connection.execute("UPDATE gateway SET status = 'revoked', revoked_at = now()")
    assert cloud.offers() == []


def test_a_restored_cloud_lifts_its_versions_above_what_gateways_hold(cloud: Cloud) -> None:
    cloud.bring("items", items("A"))
    publish(cloud, Policy(name="general"))
    cloud.report(catalog=500, policy=70)
    offers = {offer.kind: offer for offer in cloud.offers()}
    assert offers["catalog"].version == 501
    assert offers["policy"].version == 71
    assert (offers["catalog"].base, offers["policy"].base) == (0, 0)


def test_an_implausible_claim_lifts_nothing(cloud: Cloud) -> None:
    cloud.bring("items", items("A"))
    with unit_of_work(cloud.pool) as connection:
        before = fleet.desired(connection)[0].catalog
    cloud.report(catalog=before + PLAUSIBLE + 1)
    assert cloud.offers() == []
    with unit_of_work(cloud.pool) as connection:
        assert fleet.desired(connection)[0].catalog == before


def test_a_new_generation_lifts_every_version_once_and_ends_old_deltas(cloud: Cloud) -> None:
    cloud.bring("items", items("A"))
    publish(cloud, Policy(name="general"))
    version = cloud.offers()[0].version
    cloud.report(catalog=version, policy=1)
    with unit_of_work(cloud.pool) as connection:
        assert fleet.begin_generation(connection, 1, now=cloud.clock.now())
        assert not fleet.begin_generation(connection, 1, now=cloud.clock.now())
    assert cloud.offers() == []
    with unit_of_work(cloud.pool) as connection:
        assert fleet.begin_generation(connection, 2, now=cloud.clock.now())
        assert not fleet.begin_generation(connection, 1, now=cloud.clock.now())
    offers = {offer.kind: offer for offer in cloud.offers()}
    assert offers["catalog"].version > version + GENERATION_STEP
    assert offers["policy"].version > GENERATION_STEP
    assert offers["catalog"].base == 0


@pytest.mark.broker
def test_the_worker_delivers_over_the_real_broker_to_the_gateway_alone(
    cloud: Cloud, broker: Broker, pki: Path, tmp_path: Path, database_url: str
) -> None:
    from threading import Event, Thread

    cloud.bring("items", items("A"))
    settings = Settings(
        database_url=database_url,
        pki=pki,
        trust_domain=DOMAIN,
        broker_host="localhost",
        broker_port=broker.service_port,
    )
    stop = Event()
    worker = Thread(
        target=run,
        args=(settings, WallClock(), stop),
        kwargs={"name": "test", "randomness": lambda: 0.0},
    )
    own = tls_context(pki, device_credentials(pki, tmp_path / "a", "gw-a"))
    other = tls_context(pki, device_credentials(pki, tmp_path / "b", "gw-b"))
    with (
        Peer("gw-a", own, broker.gateway_port) as gateway,
        Peer("gw-b", other, broker.gateway_port) as neighbour,
    ):
        gateway.subscribe(topic(GATEWAY, "cmd"))
        neighbour.subscribe(topic(GATEWAY, "cmd"))
        worker.start()
        try:
            name, message = gateway.receive(seconds=20)
        finally:
            stop.set()
            worker.join(timeout=20)
        assert neighbour.messages.empty()
    assert name == topic(GATEWAY, "cmd")
    offer = verify_message(
        message,
        cloud.key.public_key(),
        Offer,
        trust_domain=DOMAIN,
        gateway=GATEWAY,
        now=WallClock().now(),
    )
    assert offer.kind == "catalog"
    assert key_id(cloud.key.public_key())
    assert not worker.is_alive()
