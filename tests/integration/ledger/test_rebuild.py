"""Balances are recomputed from the movements and from the signed segments, and must agree."""

from __future__ import annotations

import json
import subprocess
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from cloud.app.handlers import routes
from cloud.app.rebuild import Read, from_segments
from cloud.db import unit_of_work
from cloud.gateways.service import lookup
from cloud.ingest import service
from cloud.ingest.model import Arrived
from cloud.ingest.verification import examine
from cloud.ledger.rebuild import Comparison, recompute
from cloud.ledger.service import drift
from shared.events import Counted, EventData, Line, Moved, Received, Shipped, StockState
from shared.units import Micros
from tests.integration.ingest.test_command import COMMAND, environment
from tests.support import free_port
from tests.support.uplink import TRUST_DOMAIN, Hand, stage

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
AT = Micros(1_763_650_500_000_000)


@pytest.fixture
def hand(pool: ConnectionPool[Connection]) -> Hand:
    """A gateway whose events of two segments stand in the ledger: six movements."""
    hand = Hand("gw-a")
    with unit_of_work(pool) as connection:
        stage(connection, [hand])
    deliver(
        pool,
        hand,
        Received(Line("SKU-0", 12, lot="A"), "L0"),
        Moved(Line("SKU-0", 5, lot="A"), "L0", "L1"),
    )
    deliver(
        pool,
        hand,
        Shipped(Line("SKU-0", 2, lot="A"), "L1", StockState.AVAILABLE),
        Counted(Line("SKU-1", 3), "L2", 0),
        Received(Line("SKU-UNKNOWN", 9), "L0"),
        at=Micros(AT + 1),
    )
    return hand


def deliver(
    pool: ConnectionPool[Connection], hand: Hand, *data: EventData, at: Micros = AT
) -> None:
    with unit_of_work(pool) as connection:
        senders = lookup(connection, [hand.name])
        item = examine(
            Arrived(f"qm/v1/{hand.name}/seg", hand.segment(*data)),
            senders,
            trust_domain=TRUST_DOMAIN,
        )
        service.apply(connection, [item], routes=routes(), lookup=lookup, worker="w", at=at)


def rebuilt(pool: ConnectionPool[Connection], *, apply: bool = False) -> Comparison:
    with unit_of_work(pool) as connection:
        return recompute(connection, apply=apply, at=AT)


def read(pool: ConnectionPool[Connection]) -> Read:
    with unit_of_work(pool) as connection:
        return from_segments(
            connection, trust_domain=TRUST_DOMAIN, progress=lambda _done, _all: None
        )


def spoil(pool: ConnectionPool[Connection]) -> None:
    """One balance too high, one lost, one from nowhere."""
    with unit_of_work(pool) as connection:
        connection.execute(
            "UPDATE balance SET quantity = quantity + 1 WHERE lot = 'A' "
            "AND location_id = (SELECT location_id FROM location WHERE code = 'L0')"
        )
        connection.execute("DELETE FROM balance WHERE lot = ''")
        connection.execute(
            "INSERT INTO balance SELECT site_id, item_id, location_id, state, 'ghost', serial, 7, "
            "updated_at FROM balance LIMIT 1"
        )


def test_an_intact_ledger_has_no_differences(pool: ConnectionPool[Connection], hand: Hand) -> None:
    assert rebuilt(pool) == Comparison(5, 3, 0, [], 0)
    assert hand.seq == 5


def test_an_empty_ledger_has_none_either(pool: ConnectionPool[Connection]) -> None:
    assert rebuilt(pool) == Comparison(0, 0, 0, [], 0)
    assert read(pool).comparison == Comparison(0, 0, 0, [], 0)


@pytest.mark.usefixtures("hand")
def test_differing_balances_are_named_and_left_alone(pool: ConnectionPool[Connection]) -> None:
    spoil(pool)
    found = rebuilt(pool)
    named = {(row.sku, row.location, row.lot, row.balance, row.folded) for row in found.drift}
    assert {("SKU-0", "L0", "A", 8, 7), ("SKU-1", "L2", "", 0, 3)} <= named
    assert (found.differing, found.replaced) == (3, 0)
    assert rebuilt(pool).differing == 3


@pytest.mark.usefixtures("hand")
def test_applying_replaces_what_differs_and_only_that(pool: ConnectionPool[Connection]) -> None:
    with unit_of_work(pool) as connection:
        before = connection.execute("SELECT * FROM balance ORDER BY 1, 2, 3, 4, 5").fetchall()
    spoil(pool)
    assert rebuilt(pool, apply=True).replaced == 3
    assert rebuilt(pool).differing == 0
    with unit_of_work(pool) as connection:
        assert drift(connection) == []
        after = connection.execute(
            "SELECT * FROM balance WHERE quantity <> 0 ORDER BY 1, 2, 3, 4, 5"
        ).fetchall()
    assert [row[:7] for row in after] == [row[:7] for row in before]


def test_what_is_posted_while_balances_are_replaced_is_counted_after(
    pool: ConnectionPool[Connection], hand: Hand
) -> None:
    with unit_of_work(pool) as connection:
        recompute(connection, apply=True, at=AT)
        posting = Thread(target=deliver, args=(pool, hand, Received(Line("SKU-2", 4), "L0")))
        posting.start()
        posting.join(0.3)
        assert posting.is_alive()
    posting.join(20)
    assert not posting.is_alive()
    assert rebuilt(pool) == Comparison(6, 4, 0, [], 0)


def test_the_signed_segments_say_the_same_as_the_balances(
    pool: ConnectionPool[Connection], hand: Hand
) -> None:
    found = read(pool)
    assert (found.events, found.comparison.movements, found.comparison.differing) == (5, 5, 0)
    assert (found.unknown, found.flawed) == (0, 0)
    assert hand.seq == 5


@pytest.mark.usefixtures("hand")
def test_a_movement_that_no_gateway_signed_is_found(pool: ConnectionPool[Connection]) -> None:
    with unit_of_work(pool) as connection:
        connection.execute(
            "INSERT INTO movement SELECT received_at, occurred_at, 99, gen_random_uuid(), "
            "gateway_id, epoch, site_id, item_id, location_id, 40, state, kind, leg, clock_state, "
            "lot, serial, device FROM movement ORDER BY seq, leg LIMIT 1"
        )
    assert rebuilt(pool, apply=True).replaced == 1
    (row,) = read(pool).comparison.drift
    assert (row.sku, row.balance, row.folded) == ("SKU-0", 47, 7)


@pytest.mark.usefixtures("hand")
def test_a_segment_altered_in_the_database_proves_nothing(
    pool: ConnectionPool[Connection],
) -> None:
    with unit_of_work(pool) as connection:
        connection.execute("ALTER TABLE segment DISABLE TRIGGER segment_append_only")
        connection.execute(
            "UPDATE segment SET body = set_byte(body, 120, get_byte(body, 120) # 1) "
            "WHERE first_seq = 1"
        )
    found = read(pool)
    assert [(flaw.first_seq, flaw.last_seq, flaw.code) for flaw in found.flaws] == [
        (1, 2, "segment.signature")
    ]
    assert found.comparison.differing == 2


@pytest.mark.usefixtures("hand")
def test_the_command_says_what_differs_and_replaces_it(
    pool: ConnectionPool[Connection], database_url: str, pki: Path
) -> None:
    def ask(*words: str) -> tuple[int, dict[str, object]]:
        done = subprocess.run(
            [*COMMAND, "cloud", "ledger", "rebuild", "--json", *words],
            env=environment(database_url, pki, free_port()),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, json.loads(done.stdout or "{}")

    assert ask("--verify")[0] == 0
    spoil(pool)
    code, report = ask("--verify")
    assert (code, report["differing"], report["replaced"]) == (1, 3, 0)
    assert ask("--from-segments")[0] == 1
    code, report = ask("--apply")
    assert (code, report["differing"], report["replaced"]) == (0, 3, 3)
    code, report = ask("--verify", "--from-segments")
    assert (code, report["differing"], report["events"]) == (0, 0, 5)
    assert ask("--verify", "--apply")[0] not in {0, 1}
