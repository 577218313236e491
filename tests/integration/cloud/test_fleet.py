"""Gateways are brought to what they should hold, over the real broker, by delta or snapshot."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import yoyo
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cloud import catalog, fleet
from cloud import db as cloud_db
from cloud.app.worker import Offering, run
from cloud.db import migrate, unit_of_work
from cloud.fleet.model import GENERATION_STEP, PLAUSIBLE
from cloud.settings import Settings
from shared.cose import key_id
from shared.downlink import (
    MAX_DOCUMENT,
    MAX_INLINE,
    DocumentKind,
    Offer,
    decode_catalog,
    digest,
    encode,
    verify_message,
)
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.leases import Lease, Leases
from shared.people import People, Person
from shared.plan import Plan, Task, TaskLine
from shared.policy import Policy, decode_policy
from shared.topics import topic
from shared.units import DAY, SECOND, Micros
from tests.support import FakeClock
from tests.support.certificates import device_credentials, tls_context
from tests.support.clock import WallClock
from tests.support.mqtt import Peer
from tests.support.uplink import Hand, stage

if TYPE_CHECKING:
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

    def report(self, *, catalog: int = 0, policy: int = 0, **others: int) -> None:
        with unit_of_work(self.pool) as connection:
            row = connection.execute("SELECT gateway_id FROM gateway").fetchone()
            assert row is not None
            now = self.clock.now()
            fleet.reported(connection, row[0], catalog=catalog, policy=policy, at=now, **others)

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
        return fleet.publish(connection, "policy", encode(policy), site=site, now=cloud.clock.now())


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


PEOPLE = People(SITE, [Person("ada", "Ada", "operator")])
PLAN = Plan(SITE, [Task("T-1", "pick", [TaskLine("SKU-0", 3)])])
LEASES = Leases(SITE, [Lease("L-1", "SKU-0", 3, 1, 2)])


def put_up(cloud: Cloud, kind: DocumentKind, content: bytes, site: str | None = SITE) -> int:
    with unit_of_work(cloud.pool) as connection:
        return fleet.publish(connection, kind, content, site=site, now=cloud.clock.now())


def test_people_plan_and_leases_go_down_until_each_is_echoed(cloud: Cloud) -> None:
    cloud.bring("items", items("A"))
    for kind, document in (("people", PEOPLE), ("plan", PLAN), ("leases", LEASES)):
        assert put_up(cloud, kind, encode(document)) == 1
    offers = {offer.kind: offer for offer in cloud.offers()}
    assert {kind: offers[kind].content for kind in ("people", "plan", "leases")} == {
        "people": encode(PEOPLE),
        "plan": encode(PLAN),
        "leases": encode(LEASES),
    }
    cloud.report(catalog=offers["catalog"].version, people=1, leases=1)
    assert {offer.kind for offer in cloud.offers(seconds=2)} == {"plan"}
    cloud.report(catalog=offers["catalog"].version, people=1, plan=1, leases=1)
    assert cloud.offers(seconds=3) == []


@pytest.mark.parametrize(
    ("kind", "content", "site", "code"),
    [
        ("people", encode(PEOPLE), "S-other", "downlink.foreign"),
        ("plan", encode(PLAN), None, "downlink.foreign"),
        ("leases", encode(Leases("S-x", [])), "S-x", "request.not-found"),
        ("people", b"nonsense", SITE, "downlink.malformed"),
        ("policy", encode(PLAN), SITE, "downlink.malformed"),
        ("catalog", b"", SITE, "downlink.malformed"),
        ("plan", bytes(MAX_DOCUMENT + 1), SITE, "payload.too-large"),
    ],
    ids=["another-site", "no-site", "unknown-site", "nonsense", "mixed-up", "a-catalog", "huge"],
)
def test_what_a_gateway_would_refuse_is_not_published(
    cloud: Cloud, kind: DocumentKind, content: bytes, site: str | None, code: str
) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        put_up(cloud, kind, content, site)
    assert refusal.value.code == code
    assert cloud.offers() == []


def test_what_is_in_force_and_what_a_decision_names_can_be_read(cloud: Cloud) -> None:
    put_up(cloud, "plan", encode(PLAN))
    later = encode(Plan(SITE, []))
    put_up(cloud, "plan", later)
    general = publish(cloud, Policy(name="general"))
    with unit_of_work(cloud.pool) as connection:
        assert fleet.in_force(connection, "plan", SITE) == (2, later)
        assert fleet.in_force(connection, "leases", SITE) is None
        assert fleet.in_force(connection, "policy", SITE) == (
            general,
            encode(Policy(name="general")),
        )
        assert fleet.published(connection, "plan", 1) == encode(PLAN)
        with pytest.raises(QuartermasterError) as refusal:
            fleet.published(connection, "plan", 3)
    assert refusal.value.code == "request.not-found"


def test_old_plans_are_forgotten_and_old_people_and_policies_are_not(cloud: Cloud) -> None:
    for kind, documents in {
        "plan": (PLAN, Plan(SITE, [])),
        "people": (PEOPLE, People(SITE, [])),
    }.items():
        for document in documents:
            put_up(cloud, kind, encode(document))  # type: ignore[arg-type]
    with unit_of_work(cloud.pool) as connection:
        fleet.sweep(connection, now=Micros(cloud.clock.now() + 100 * DAY))
        assert fleet.in_force(connection, "plan", SITE) == (2, encode(Plan(SITE, [])))
        assert fleet.published(connection, "people", 1) == encode(PEOPLE)
        with pytest.raises(QuartermasterError):
            fleet.published(connection, "plan", 1)


def test_a_policy_that_was_published_before_is_still_in_force_after_the_migration(
    empty_database_url: str,
) -> None:
    backend = yoyo.get_backend(
        empty_database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    )
    migrations = yoyo.read_migrations(str(Path(cloud_db.__file__).with_name("migrations")))
    before = migrations.filter(lambda migration: migration.id < "0013")
    with backend, redirect_stdout(StringIO()):
        backend.apply_migrations(backend.to_apply(before))
    content = encode(Policy(name="kept"))
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            "INSERT INTO policy VALUES (7, NULL, %s, %s, now())", [digest(content), content]
        )
        connection.execute("INSERT INTO site (code) VALUES ('S-1')")
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        assert fleet.in_force(connection, "policy", "S-1") == (7, content)
        later = encode(Policy(name="later"))
        assert fleet.publish(connection, "policy", later, now=WallClock().now()) == 8


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


def test_a_restored_cloud_lifts_each_kind_of_document_for_its_own(cloud: Cloud) -> None:
    put_up(cloud, "people", encode(PEOPLE))
    put_up(cloud, "plan", encode(PLAN))
    cloud.report(people=40, plan=1, leases=9)
    offers = {offer.kind: offer.version for offer in cloud.offers()}
    assert offers["people"] == 41
    assert "plan" not in offers
    assert "leases" not in offers
    assert put_up(cloud, "leases", encode(LEASES)) == 1
    assert {offer.kind: offer.version for offer in cloud.offers()}["leases"] == 10


def test_an_implausible_claim_lifts_nothing(cloud: Cloud) -> None:
    cloud.bring("items", items("A"))
    with unit_of_work(cloud.pool) as connection:
        before = fleet.desired(connection)[0].version("catalog")
    cloud.report(catalog=before + PLAUSIBLE + 1)
    assert cloud.offers() == []
    with unit_of_work(cloud.pool) as connection:
        assert fleet.desired(connection)[0].version("catalog") == before


def test_a_new_generation_lifts_every_version_once_and_ends_old_deltas(cloud: Cloud) -> None:
    cloud.bring("items", items("A"))
    publish(cloud, Policy(name="general"))
    put_up(cloud, "people", encode(PEOPLE))
    version = cloud.offers()[0].version
    cloud.report(catalog=version, policy=1, people=1)
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
    assert offers["people"].version > GENERATION_STEP
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
