"""The cloud countersigns each gateway's head once a day; a tail that is cut off shows in time."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cloud.app.witness import Witness, sealer
from cloud.db import unit_of_work
from cloud.exceptions import open_cases
from cloud.fleet.witness import check, records
from shared.downlink import DailyHead, verify_message
from shared.events import GatewayHealth, event_hash
from shared.ids import GatewayId
from shared.segment import header, parse
from shared.units import DAY, HOUR, MINUTE, SECOND
from tests.integration.ingest.test_apply import Cloud, received
from tests.integration.ingest.test_command import COMMAND, environment
from tests.support import FakeClock, free_port
from tests.support.planner import Planner
from tests.support.uplink import TRUST_DOMAIN, Hand

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


class Worker:
    """The part of the worker that countersigns, and what it says."""

    def __init__(self, cloud: Cloud, pki: Path, clock: FakeClock, generation: int = 1) -> None:
        key: Any = load_pem_private_key((pki / "downlink.key").read_bytes(), None)
        self.key: Ed25519PrivateKey = key
        self.clock = clock
        self.said: list[tuple[str, bytes]] = []
        self.witness = Witness(
            cloud.pool,
            sealer(key, TRUST_DOMAIN, clock),
            lambda name, payload: self.said.append((name, payload)),
            clock,
            generation=generation,
        )

    def heads(self) -> list[tuple[str, DailyHead]]:
        """What is said at the next look, verified as the gateway would."""
        self.said.clear()
        self.clock.advance(MINUTE)
        self.witness.tick()
        return [
            (
                name,
                verify_message(
                    message,
                    self.key.public_key(),
                    DailyHead,
                    trust_domain=TRUST_DOMAIN,
                    gateway=GatewayId(name.split("/")[2]),
                    now=self.clock.now(),
                ),
            )
            for name, message in self.said
        ]


@pytest.fixture
def hand() -> Hand:
    return Hand("gw-a")


@pytest.fixture
def cloud(pool: ConnectionPool[Connection], hand: Hand) -> Cloud:
    return Cloud(pool, hand)


@pytest.fixture
def worker(cloud: Cloud, pki: Path, clock: FakeClock) -> Worker:
    return Worker(cloud, pki, clock)


def bring(cloud: Cloud, hand: Hand, number: int = 2) -> bytes:
    """Deliver a segment and verify the chain through it; the hash of its last event."""
    body = hand.segment(*[received(1) for _ in range(number)])
    cloud.deliver((hand.name, body))
    cloud.advance()
    return event_hash(header(parse(body)).events[-1])


def test_each_gateways_head_is_countersigned_once_a_day(
    cloud: Cloud, hand: Hand, worker: Worker
) -> None:
    assert worker.heads() == []
    last = bring(cloud, hand)
    ((topic, head),) = worker.heads()
    assert topic == "qm/v1/gw-a/cmd"
    assert head == DailyHead("2025-11-20", 1, 1, 2, last)
    bring(cloud, hand)
    assert worker.heads() == []
    worker.clock.advance(DAY)
    assert [head.seq for _, head in worker.heads()] == [2, 4]
    assert cloud.rows("SELECT day::text, seq FROM gateway_head_witness ORDER BY 1") == [
        ("2025-11-20", 2), ("2025-11-21", 4),
    ]  # fmt: skip


def test_records_are_said_again_each_hour_for_a_week(
    cloud: Cloud, hand: Hand, worker: Worker
) -> None:
    bring(cloud, hand)
    first = worker.heads()
    assert worker.heads() == []
    worker.clock.advance(HOUR)
    assert worker.heads() == first
    worker.clock.advance(7 * DAY)
    assert first[0] not in worker.heads()


def test_two_workers_keep_one_record(
    cloud: Cloud, hand: Hand, worker: Worker, pki: Path, clock: FakeClock
) -> None:
    bring(cloud, hand)
    other = Worker(cloud, pki, clock)
    assert worker.heads() == other.heads()
    assert cloud.one("SELECT count(*) FROM gateway_head_witness") == 1


def test_nothing_is_said_to_a_revoked_gateway(cloud: Cloud, hand: Hand, worker: Worker) -> None:
    bring(cloud, hand)
    worker.heads()
    cloud.rows("UPDATE gateway SET status = 'revoked', revoked_at = now() RETURNING 1")
    worker.clock.advance(HOUR)
    assert worker.heads() == []


def test_a_head_is_not_taken_for_another_message(cloud: Cloud, hand: Hand, worker: Worker) -> None:
    from shared.downlink import Offer, Watermark
    from shared.errors import QuartermasterError

    bring(cloud, hand)
    worker.heads()
    ((_, message),) = worker.said
    for shape in (Watermark, Offer):
        with pytest.raises(QuartermasterError, match=r"downlink\.signature"):
            verify_message(
                message,
                worker.key.public_key(),
                shape,
                trust_domain=TRUST_DOMAIN,
                gateway=GatewayId("gw-a"),
                now=0,
            )


def test_records_cannot_be_changed(cloud: Cloud, hand: Hand, worker: Worker) -> None:
    bring(cloud, hand)
    worker.heads()
    for statement in (
        "DELETE FROM gateway_head_witness",
        "UPDATE gateway_head_witness SET seq = 1",
        "TRUNCATE gateway_head_witness",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            cloud.rows(statement)


def test_a_history_changed_afterwards_is_contradicted_by_its_record(
    cloud: Cloud, hand: Hand, worker: Worker
) -> None:
    bring(cloud, hand)
    worker.heads()

    def doubts() -> list[str]:
        with unit_of_work(cloud.pool) as connection:
            found = [check(connection, row) for row in records(connection, gateway=None, limit=9)]
        return [doubt.why for doubt in found if doubt]

    assert doubts() == []
    other = Hand("gw-a")
    body = other.segment(received(1), received(50))
    with unit_of_work(cloud.pool) as connection:
        connection.execute("ALTER TABLE segment DISABLE TRIGGER segment_append_only")
        connection.execute("UPDATE segment SET body = %s", [body])
    (why,) = doubts()
    assert "has the hash" in why
    cloud.rows("UPDATE gateway_head SET contiguous_seq = 1 RETURNING 1")
    assert doubts() == ["the head stands at 1"]


def test_a_head_that_the_gateway_contradicts_is_told_to_a_person_once_while_it_is_so(
    cloud: Cloud, hand: Hand
) -> None:
    def beat(contradicted: str = "") -> None:
        cloud.deliver(
            (hand.name, hand.segment(GatewayHealth("q", 1, 1, contradicted=contradicted)))
        )

    def told() -> list[tuple[str, str, str, int]]:
        with unit_of_work(cloud.pool) as connection:
            return [(c.code, c.subject, c.detail, c.times) for c in open_cases(connection)]

    beat()
    assert told() == []
    why = "the cloud has another event at epoch 1, sequence 2"
    beat(why)
    beat(why)
    assert told() == [("epoch.contradicted", "gw-a", why, 2)]
    beat()
    assert told() == [("epoch.contradicted", "gw-a", why, 2)], "a person closes it"
    health = hand.segment(
        GatewayHealth("q", 1, 1), GatewayHealth("q", 1, 1, contradicted="!" * 200)
    )
    cloud.deliver((hand.name, health))
    assert told()[0][3] == 3


def test_the_command_countersigns_on_demand_and_checks(
    cloud: Cloud, hand: Hand, database_url: str, pki: Path
) -> None:
    def ask(*words: str) -> tuple[int, Any]:
        done = subprocess.run(
            [*COMMAND, "cloud", "gateways", "heads", "--json", *words],
            env=environment(database_url, pki, free_port()),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, json.loads(done.stdout or "null")

    bring(cloud, hand)
    assert ask() == (0, [])
    for seq in (2, 4):
        code, rows = ask("--sign", "gw-a")
        assert (code, rows[-1]["seq"], rows[-1]["holds"]) == (0, seq, True)
        assert ask("--sign") == (code, rows)
        bring(cloud, hand)
    cloud.rows("UPDATE gateway_head SET contiguous_seq = 3 RETURNING 1")
    code, rows = ask()
    assert (code, [row["holds"] for row in rows]) == (1, [True, False])


def test_a_silent_gateway_shows_within_two_minutes(
    pool: ConnectionPool[Connection], clock: FakeClock
) -> None:
    planner = Planner(pool, clock)
    key = planner.key()

    def told() -> tuple[bool, bool, str | None]:
        answer = planner.get("/v1/sites/S-gw-a/completeness", key)
        (row,) = answer["gateways"]
        return answer["silent"], row["silent"], row["last_heard_at"]

    assert told() == (True, True, None)
    cloud = Cloud(pool)
    hand = planner.hands["gw-a"]
    cloud.deliver((hand.name, hand.segment(received(1))), at=clock.now())
    clock.advance(119 * SECOND)
    assert told() == (False, False, "2025-11-20T14:46:40Z")
    clock.advance(2 * SECOND)
    assert told() == (True, True, "2025-11-20T14:46:40Z")
    answer = planner.get("/v1/sites/S-gw-a/completeness", key)
    assert (answer["generation"], answer["gateways"][0]["head_seq"]) == (1, 1)
