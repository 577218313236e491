"""A standby takes over under load: real streaming replication, the operator's own scripts."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from cloud.db import migrate, open_pool, unit_of_work
from cloud.ledger.rebuild import recompute
from deploy.database import FAST, Running, own_timescale
from shared.events import Line, Received
from shared.units import Micros
from tests.integration.ingest.test_worker import Sender, worker
from tests.support.servers import Pair, standby_of
from tests.support.uplink import Hand, stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.broker import Broker

pytestmark = [pytest.mark.database, pytest.mark.broker]
SEGMENTS = 400
PER_SEGMENT = 20


@pytest.fixture
def primary() -> Iterator[Running]:
    with own_timescale(settings={**FAST, "synchronous_commit": "on"}) as running:
        migrate(running.url)
        yield running


@pytest.fixture
def pair(primary: Running) -> Iterator[Pair]:
    """Primary and standby; a commit returns when both have it."""
    with standby_of(primary) as pair:
        pair.on_primary("prepare")
        pair.on_standby("create")
        pair.start_standby()
        pair.on_primary("require")
        with psycopg.connect(primary.url, autocommit=True) as connection:
            deadline = time.monotonic() + 20
            while connection.execute(
                "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            ).fetchone() != (1,):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield pair


def test_ingest_follows_a_promoted_standby_and_nothing_acknowledged_is_lost(
    pair: Pair, broker: Broker, pki: Path, tmp_path: Path
) -> None:
    hand = Hand("gw-a")
    with open_pool(pair.url, size=1) as pool, unit_of_work(pool) as connection:
        stage(connection, [hand])
    bodies = [
        hand.segment(*[Received(Line("SKU-0", 1), "L0")] * PER_SEGMENT) for _ in range(SEGMENTS)
    ]
    sender = Sender(hand, broker, pki, tmp_path)
    covered: list[int] = []

    def load() -> None:
        """Keep a window above the watermark in flight, as a gateway does, until all is covered."""
        while (reached := sender.watermark.contiguous_seq) < hand.seq:
            covered.append(reached)
            first = reached // PER_SEGMENT
            sender.send(*bodies[first : first + 16])
            sender.wait(reached + 1, 1.0)

    sending = threading.Thread(target=load, daemon=True)
    try:
        with worker(pair.url, broker, pki):
            sending.start()
            assert sender.wait(hand.seq // 4, 60)
            pair.primary.crash()
            acknowledged = sender.watermark.contiguous_seq
            pair.on_standby("promote")
            promoted = time.monotonic()
            with psycopg.connect(pair.standby_url) as connection:
                row = connection.execute("SELECT contiguous_seq FROM gateway_head").fetchone()
            assert row is not None
            assert row[0] >= acknowledged
            assert acknowledged < hand.seq
            assert sender.wait(acknowledged + PER_SEGMENT, 30)
            followed = time.monotonic() - promoted
            sending.join(90)
            assert not sending.is_alive()
    finally:
        sender.close()
    print(f"acknowledged {acknowledged} at the crash; followed {followed:.1f} s after promotion")
    with open_pool(pair.url, size=1) as pool:
        with unit_of_work(pool) as connection:
            assert connection.execute(
                "SELECT count(*), count(DISTINCT seq) FROM movement"
            ).fetchone() == (hand.seq, hand.seq)
        with unit_of_work(pool) as connection:
            assert recompute(connection, apply=False, at=Micros(0)).differing == 0
    assert followed < 30


def test_no_watermark_is_published_before_the_standby_has_it_on_disk(
    pair: Pair, broker: Broker, pki: Path, tmp_path: Path
) -> None:
    hand = Hand("gw-a")
    with open_pool(pair.url, size=1) as pool, unit_of_work(pool) as connection:
        stage(connection, [hand])
    sender = Sender(hand, broker, pki, tmp_path)
    try:
        with worker(pair.url, broker, pki):
            sender.send_until([hand.segment(Received(Line("SKU-0", 1), "L0"))])
            pair.standby.crash()
            sender.send(hand.segment(Received(Line("SKU-0", 1), "L0")))
            assert not sender.wait(2, 2.0)
            pair.standby.start(pair.port)
            assert sender.wait(2, 30)
    finally:
        sender.close()


def test_the_scripts_say_what_the_standby_has_and_let_it_go(pair: Pair) -> None:
    assert "qm_standby" in pair.on_primary("status")
    pair.standby.crash()
    pair.on_primary("release")
    with psycopg.connect(pair.primary.url) as connection:
        connection.execute("INSERT INTO site (code) VALUES ('alone')")
