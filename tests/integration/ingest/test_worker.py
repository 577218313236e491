"""Whole workers: real mosquitto with mutual TLS, real TimescaleDB, gateways that resend."""

from __future__ import annotations

import random
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client import CollectorRegistry

from cloud.app.ingest import build
from cloud.db import unit_of_work
from cloud.exceptions import open_cases
from cloud.gateways.service import revoke
from cloud.ledger.service import drift
from cloud.settings import Settings
from shared.downlink import Watermark, verify_message
from shared.events import Line, Moved, Picked, Received, Shipped, StockState
from shared.ids import GatewayId
from shared.movements import movements_of
from tests.support import WallClock
from tests.support.certificates import device_credentials, tls_context
from tests.support.uplink import TRUST_DOMAIN, Hand, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection
    from deploy.broker import Broker

pytestmark = [pytest.mark.database, pytest.mark.broker]


class Sender:
    """A gateway's uplink: publishes, hears watermarks, resends."""

    def __init__(self, hand: Hand, broker: Broker, pki: Path, folder: Path) -> None:
        self.hand = hand
        context = tls_context(pki, device_credentials(pki, folder / hand.name, hand.name))
        public = load_pem_private_key((pki / "downlink.key").read_bytes(), None).public_key()
        self.watermark = Watermark(0, 0, 0, bytes(32))
        self.moved = threading.Condition()
        ready = threading.Event()

        def on_message(_client: object, _userdata: object, message: Any) -> None:
            mark = verify_message(
                message.payload,
                public,  # type: ignore[arg-type]
                Watermark,
                trust_domain=TRUST_DOMAIN,
                gateway=GatewayId(hand.name),
                now=0,
            )
            with self.moved:
                if mark.contiguous_seq >= self.watermark.contiguous_seq:
                    self.watermark = mark
                self.moved.notify_all()

        self.client = Client(CallbackAPIVersion.VERSION2, client_id=hand.name, protocol=MQTTv5)
        self.client.tls_set_context(context)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_message = on_message
        self.client.on_connect = lambda client, *_: client.subscribe(f"qm/v1/{hand.name}/ack", 1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect(broker.host, broker.gateway_port)
        self.client.loop_start()
        assert ready.wait(10)

    def send(self, *bodies: bytes) -> None:
        for body in bodies:
            self.client.publish(f"qm/v1/{self.hand.name}/seg", body, qos=1)

    def send_until(
        self, bodies: list[bytes], seq: int | None = None, *, every: float = 1.0
    ) -> None:
        """Send, and send again, until the watermark covers ``seq``, or all that was made."""
        seq = self.hand.seq if seq is None else seq
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self.send(*bodies)
            if self.wait(seq, every):
                return
        pytest.fail(f"no watermark through {seq}: {self.watermark}")

    def wait(self, seq: int, seconds: float) -> bool:
        with self.moved:
            return self.moved.wait_for(
                lambda: self.watermark.contiguous_seq >= seq, timeout=seconds
            )

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def worker(
    database_url: str, broker: Broker, pki: Path, worker_id: str = "1"
) -> Iterator[threading.Event]:
    """A worker as ``quartermaster cloud ingest`` builds it."""
    settings = Settings(
        database_url=database_url,
        pki=pki,
        trust_domain=TRUST_DOMAIN,
        broker_host=broker.host,
        broker_port=broker.service_port,
    )
    stopping = threading.Event()
    with ExitStack() as closing:
        running = build(
            settings,
            worker_id=worker_id,
            clock=WallClock(),
            stopping=stopping,
            closing=closing,
            registry=CollectorRegistry(),
        )
        running.start()
        try:
            yield stopping
        finally:
            running.stop()


@pytest.fixture
def senders(
    pool: ConnectionPool[Connection], broker: Broker, pki: Path, tmp_path: Path
) -> Iterator[Callable[..., list[Sender]]]:
    """Makes connected, registered gateways."""
    made: list[Sender] = []

    def make(*names: str) -> list[Sender]:
        hands = [Hand(name) for name in names]
        with unit_of_work(pool) as connection:
            stage(connection, hands)
        made.extend(Sender(hand, broker, pki, tmp_path) for hand in hands)
        return made

    yield make
    for sender in made:
        sender.close()


def work(hand: Hand, segments: int, rng: random.Random) -> list[bytes]:
    """Segments of mixed facts."""

    def fact() -> Any:
        line = Line(
            f"SKU-{rng.randrange(5)}", rng.randrange(1, 9), lot=rng.choice([None, "A", "B"])
        )
        a, b = f"L{rng.randrange(4)}", f"L{rng.randrange(4)}"
        return rng.choice(
            [
                Received(line, a),
                Picked(line, a, b),
                Moved(line, a, b),
                Shipped(line, a, StockState.ALLOCATED),
            ]
        )

    return [hand.segment(*[fact() for _ in range(rng.randrange(1, 9))]) for _ in range(segments)]


def folded(hands: list[Hand]) -> dict[tuple[Any, ...], int]:
    """The oracle: the pure fold of all facts, apart from any database."""
    sums: dict[tuple[Any, ...], int] = {}
    for hand in hands:
        for data in hand.made.values():
            for where, quantity in movements_of(data):
                key = (f"S-{hand.name}", *where)
                sums[key] = sums.get(key, 0) + quantity
    return {key: value for key, value in sums.items() if value}


def in_ledger(pool: ConnectionPool[Connection]) -> dict[tuple[Any, ...], int]:
    with unit_of_work(pool) as connection:
        assert drift(connection) == []
        rows = connection.execute(
            "SELECT s.code, i.sku, l.code, lot, serial, state, quantity::int FROM balance b "
            "JOIN site s USING (site_id) JOIN item i USING (item_id) "
            "JOIN location l ON l.location_id = b.location_id WHERE quantity <> 0"
        ).fetchall()
    return {tuple(row[:6]): row[6] for row in rows}


def test_segments_come_out_as_balances_and_a_signed_watermark(
    senders: Any, pool: Any, database_url: str, broker: Broker, pki: Path
) -> None:
    (sender,) = senders("gw-a")
    bodies = work(sender.hand, 5, random.Random(1))
    with worker(database_url, broker, pki):
        sender.send_until(bodies)
    assert sender.watermark.head_hash == sender.hand.prev_hash
    assert in_ledger(pool) == folded([sender.hand])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_three_workers_and_shuffled_repeated_segments_give_the_pure_fold(  # noqa: PLR0917 - fixtures
    senders: Any, pool: Any, database_url: str, broker: Broker, pki: Path, seed: int
) -> None:
    rng = random.Random(seed)
    gateways = senders("gw-a", "gw-b", "gw-c")
    bodies = {sender.hand.name: work(sender.hand, 40, rng) for sender in gateways}
    with (
        worker(database_url, broker, pki, "1"),
        worker(database_url, broker, pki, "2"),
        worker(database_url, broker, pki, "3"),
    ):
        for sender in gateways:
            mixed = [body for body in bodies[sender.hand.name] for _ in range(rng.randrange(1, 4))]
            rng.shuffle(mixed)
            sender.send(*mixed)
        for sender in gateways:
            sender.send_until(bodies[sender.hand.name])
    assert in_ledger(pool) == folded([sender.hand for sender in gateways])
    with unit_of_work(pool) as connection:
        assert open_cases(connection) == []


def test_a_worker_killed_in_mid_stream_loses_and_doubles_nothing(
    senders: Any, pool: Any, database_url: str, broker: Broker, pki: Path
) -> None:
    (sender,) = senders("gw-a")
    bodies = work(sender.hand, 60, random.Random(7))
    with worker(database_url, broker, pki, "1"):
        sender.send_until(bodies, 1)
    with worker(database_url, broker, pki, "2"):
        sender.send_until(bodies)
    assert in_ledger(pool) == folded([sender.hand])


def test_a_worker_waits_for_a_missing_broker_and_survives_its_death(
    senders: Any, pool: Any, database_url: str, broker: Broker, pki: Path
) -> None:
    (sender,) = senders("gw-a")
    first = work(sender.hand, 3, random.Random(1))
    seq = sender.hand.seq
    broker.kill()
    with worker(database_url, broker, pki):
        broker.start()
        sender.send_until(first, seq)
        broker.kill()
        broker.start()
        sender.send_until(work(sender.hand, 3, random.Random(2)))
    assert in_ledger(pool) == folded([sender.hand])


def test_a_database_that_drops_every_connection_delays_and_loses_nothing(
    senders: Any, pool: Any, database_url: str, broker: Broker, pki: Path
) -> None:
    (sender,) = senders("gw-a")
    bodies = work(sender.hand, 60, random.Random(3))
    with worker(database_url, broker, pki):
        for start in range(0, 60, 10):
            sender.send(*bodies[start : start + 10])
            with pool.connection() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        sender.send_until(bodies)
    assert in_ledger(pool) == folded([sender.hand])


def test_a_revoked_gateway_adds_nothing_within_five_seconds_live_session_or_not(
    senders: Any, pool: Any, database_url: str, broker: Broker, pki: Path
) -> None:
    one, two = senders("gw-a", "gw-b")
    with worker(database_url, broker, pki):
        one.send_until(work(one.hand, 1, random.Random(1)))
        before = in_ledger(pool)
        with unit_of_work(pool) as connection:
            revoke(connection, "gw-a", now=WallClock().now())
        one.send(one.hand.segment(Received(Line("SKU-0", 1000), "L0")))
        two.send_until([two.hand.segment(Received(Line("SKU-0", 1), "L0"))])
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with unit_of_work(pool) as connection:
                if [case.code for case in open_cases(connection)] == ["gateway.revoked"]:
                    break
            time.sleep(0.05)
    after = in_ledger(pool)
    assert {key: after[key] for key in after if key[0] == "S-gw-a"} == before
    with unit_of_work(pool) as connection:
        assert [case.code for case in open_cases(connection)] == ["gateway.revoked"]


def test_poison_never_holds_up_the_rest(
    senders: Any, pool: Any, database_url: str, broker: Broker, pki: Path
) -> None:
    one, two = senders("gw-a", "gw-b")
    with worker(database_url, broker, pki):
        one.send_until(work(one.hand, 1, random.Random(4)))
        one.send(*[bytes([number]) * 5000 for number in range(200)])
        started = time.monotonic()
        two.send_until(work(two.hand, 5, random.Random(5)), every=5)
        assert time.monotonic() - started < 5
    assert in_ledger(pool) == folded([one.hand, two.hand])
