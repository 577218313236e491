"""Batches against the real TimescaleDB: applied once, whole, and nothing that should not be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud.app.handlers import covered, routes
from cloud.db import unit_of_work
from cloud.exceptions import open_cases
from cloud.gateways.service import lookup
from cloud.ingest import service, store
from cloud.ingest.model import Applied, Arrived, Chain
from cloud.ingest.verification import examine
from cloud.ledger.service import drift
from shared.downlink import Watermark
from shared.events import (
    CodeSeen,
    Counted,
    EventData,
    GatewayHealth,
    Line,
    Moved,
    Picked,
    Received,
    SensorRead,
    Shipped,
)
from shared.segment import GENESIS
from shared.units import Micros
from tests.support.uplink import TRUST_DOMAIN, Hand, scan_id, stage

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
AT = Micros(1_763_650_500_000_000)


def received(quantity: int = 1, sku: str = "SKU-0", location: str = "L0", **line: Any) -> Received:
    return Received(Line(sku, quantity, **line), location)


class Cloud:
    """The database with gateways in it, and what a worker does to it, step by step."""

    def __init__(self, pool: ConnectionPool[Connection], *hands: Hand) -> None:
        self.pool = pool
        self.routes = routes()
        with unit_of_work(pool) as connection:
            stage(connection, list(hands))

    def deliver(self, *messages: tuple[str, bytes], at: Micros = AT) -> Applied:
        """Apply these (gateway, payload) as one batch."""
        with unit_of_work(self.pool) as connection:
            names = {name for name, _ in messages}
            senders = lookup(connection, names)
            examined = [
                examine(Arrived(f"qm/v1/{name}/seg", body), senders, trust_domain=TRUST_DOMAIN)
                for name, body in messages
            ]
            return service.apply(
                connection, examined, routes=self.routes, lookup=lookup, worker="w", at=at
            )

    def advance(self, *chains: Chain) -> dict[Chain, Watermark]:
        with unit_of_work(self.pool) as connection:
            due = list(chains) or service.overdue(connection)
            marks = service.advance(connection, due, generation=1, at=AT)
        with unit_of_work(self.pool) as connection:
            through = [(c.gateway_id, c.epoch, mark.contiguous_seq) for c, _, mark in marks]
            covered(connection, through, AT)
        return {chain: mark for chain, _, mark in marks}

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with unit_of_work(self.pool) as connection:
            return connection.execute(statement, values).fetchall()  # type: ignore[arg-type]

    def one(self, statement: str, *values: Any) -> Any:
        return self.rows(statement, *values)[0][0]

    def on_hand(self) -> dict[tuple[str, str, int], int]:
        rows = self.rows(
            "SELECT sku, l.code, state, sum(quantity)::int FROM balance JOIN item USING (item_id) "
            "JOIN location l USING (location_id) GROUP BY 1, 2, 3 HAVING sum(quantity) <> 0"
        )
        return {(sku, code, state): quantity for sku, code, state, quantity in rows}

    def quarantined(self) -> list[tuple[str, bool, int | None]]:
        return self.rows("SELECT code, whole_segment, first_seq FROM quarantine ORDER BY 1, 3")

    def cases(self) -> list[str]:
        with unit_of_work(self.pool) as connection:
            return sorted(case.code for case in open_cases(connection))

    def sound(self) -> None:
        """Balances are the fold of movements, and every message was counted once."""
        with unit_of_work(self.pool) as connection:
            assert drift(connection) == []
            for tally in store.tallies(connection).values():
                assert tally.segments_received == (
                    tally.segments_applied + tally.segments_duplicate + tally.segments_quarantined
                )
                assert tally.events_received == tally.events_applied + tally.events_quarantined


@pytest.fixture
def hand() -> Hand:
    return Hand("gw-a")


@pytest.fixture
def cloud(pool: ConnectionPool[Connection], hand: Hand) -> Cloud:
    return Cloud(pool, hand)


def test_a_segment_becomes_movements_balances_and_a_watermark(cloud: Cloud, hand: Hand) -> None:
    body = hand.segment(
        received(10, lot="A"), Picked(Line("SKU-0", 4, lot="A"), "L0", "L1"), received(0)
    )
    applied = cloud.deliver((hand.name, body))
    assert len(applied.due) == 1
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 6, ("SKU-0", "L1", 1): 4}
    assert cloud.rows("SELECT seq, leg, quantity FROM movement ORDER BY 1, 2") == [
        (1, 0, 10),
        (2, 0, -4),
        (2, 1, 4),
    ]
    (mark,) = cloud.advance(*applied.due).values()
    assert (mark.contiguous_seq, mark.head_hash, mark.missing) == (3, hand.prev_hash, [])
    cloud.sound()


def test_movement_is_a_hypertable(cloud: Cloud) -> None:
    names = cloud.rows("SELECT hypertable_name FROM timescaledb_information.hypertables")
    assert {"movement", "observation"} <= {name for (name,) in names}


def test_second_delivery_of_a_segment_changes_nothing_but_its_watermark_is_due(
    cloud: Cloud, hand: Hand
) -> None:
    body = hand.segment(received(10))
    first = cloud.deliver((hand.name, body))
    again = cloud.deliver((hand.name, body), (hand.name, body))
    assert again.due == first.due
    assert again.tallies[hand.name].segments_duplicate == 2
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 10}
    assert cloud.one("SELECT count(*) FROM movement") == 1
    cloud.sound()


def test_a_segment_twice_in_one_batch_is_applied_once(cloud: Cloud, hand: Hand) -> None:
    body = hand.segment(received(10))
    applied = cloud.deliver((hand.name, body), (hand.name, body))
    assert applied.tallies[hand.name].segments_duplicate == 1
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 10}
    cloud.sound()


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
@pytest.mark.parametrize("sizes", [(2, 2), (2, 1), (1, 2), (3, 2)])
def test_two_segments_over_one_range_are_a_fork_never_a_duplicate(
    cloud: Cloud, hand: Hand, sizes: tuple[int, int], *, together: bool
) -> None:
    clone = Hand("gw-a")
    mine = hand.segment(*[received(1)] * sizes[0])
    other = clone.segment(*[received(7)] * sizes[1])
    if together:
        cloud.deliver((hand.name, mine), (hand.name, other))
    else:
        cloud.deliver((hand.name, mine))
        cloud.deliver((hand.name, other))
    stored = cloud.one("SELECT count(*) FROM segment")
    assert stored == 1
    assert cloud.on_hand()["SKU-0", "L0", 0] in {sizes[0], 7 * sizes[1]}
    assert [code for code, _, _ in cloud.quarantined()] == ["segment.fork"]
    assert cloud.cases() == ["segment.fork"]
    cloud.sound()


def test_an_overlapping_resealing_of_the_same_events_is_a_fork(cloud: Cloud, hand: Hand) -> None:
    bodies = [hand.event(received(1)) for _ in range(3)]
    cloud.deliver((hand.name, hand.seal(bodies[:2], first_seq=1, prev_hash=GENESIS)))
    cloud.deliver((hand.name, hand.seal(bodies, first_seq=1, prev_hash=GENESIS)))
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 2}
    assert cloud.cases() == ["segment.fork"]


def test_segments_in_any_order_are_applied_and_the_watermark_waits_for_the_gap(
    cloud: Cloud, hand: Hand
) -> None:
    first, second, third, fourth = (hand.segment(received(1), received(1)) for _ in range(4))
    applied = cloud.deliver((hand.name, fourth), (hand.name, second))
    (mark,) = cloud.advance(*applied.due).values()
    assert (mark.contiguous_seq, mark.head_hash) == (0, GENESIS)
    assert mark.missing == [(1, 2), (5, 6)]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 4}
    (mark,) = cloud.advance(*cloud.deliver((hand.name, first)).due).values()
    assert (mark.contiguous_seq, mark.missing) == (4, [(5, 6)])
    (mark,) = cloud.advance(*cloud.deliver((hand.name, third)).due).values()
    assert (mark.contiguous_seq, mark.head_hash) == (8, hand.prev_hash)


def test_the_sweeper_finds_what_a_dead_worker_left(cloud: Cloud, hand: Hand) -> None:
    cloud.deliver((hand.name, hand.segment(received(1))))
    (mark,) = cloud.advance().values()
    assert mark.contiguous_seq == 1
    assert cloud.advance() == {}


def test_a_neighbour_that_does_not_link_freezes_the_epoch(cloud: Cloud, hand: Hand) -> None:
    clone = Hand("gw-a")
    clone.segment(received(9), received(9))
    follows_clone = clone.segment(received(1))
    hand.segment(received(1), received(1))
    mine = Hand("gw-a").segment(received(1), received(1))
    due = cloud.deliver((hand.name, mine), (hand.name, follows_clone)).due
    (mark,) = cloud.advance(*due).values()
    assert mark.contiguous_seq == 2
    assert cloud.cases() == ["segment.link"]
    later = hand.segment(received(1))
    assert later != follows_clone
    cloud.deliver((hand.name, hand.segment(received(5))))
    assert ("segment.link", True, 4) in cloud.quarantined()
    assert cloud.advance() == {}
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 3}


def tampered(_: Hand, body: bytes) -> bytes:
    return body[:200] + bytes([body[200] ^ 1]) + body[201:]


REFUSED: dict[str, tuple[str, Any]] = {
    "a changed byte": ("segment.signature", tampered),
    "rubbish": ("segment.malformed", lambda *_: b"\xff" * 50),
    "a tail": ("segment.malformed", lambda _, body: body + b"\x00"),
    "oversized": ("segment.too-large", lambda *_: bytes(200_000)),
    "deeply nested": ("payload.too-deep", lambda *_: b"\xd2\x84" + b"\x81" * 60_000),
    "another trust domain": (
        "segment.signature",
        lambda *_: Hand("gw-a").segment(received(1), trust_domain="evil.test"),
    ),
    "a key of nobody": (
        "segment.foreign",
        lambda *_: Hand("gw-a", seed=9).segment(received(1)),
    ),
    "another gateway's segment": (
        "segment.foreign",
        lambda *_: Hand("gw-b").segment(received(1)),
    ),
    "an epoch never granted": (
        "segment.epoch",
        lambda *_: Hand("gw-a", epoch=2).segment(received(1)),
    ),
    "an absurd epoch": (
        "segment.epoch",
        lambda *_: Hand("gw-a", epoch=2**80).segment(received(1)),
    ),
    "a broken chain": (
        "segment.chain",
        lambda hand, _: hand.seal([hand.event(received(1))], first_seq=8, prev_hash=GENESIS),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_verified_is_quarantined_and_the_rest_of_the_batch_applied(
    cloud: Cloud, hand: Hand, case: str
) -> None:
    code, change = REFUSED[case]
    with unit_of_work(cloud.pool) as connection:
        stage(connection, [Hand("gw-b")])
    good = hand.segment(received(3))
    bad = change(Hand("gw-a", seed=1), Hand("gw-a").segment(received(100)))
    for _ in range(2):
        cloud.deliver((hand.name, bad), (hand.name, good))
    assert [row[0] for row in cloud.quarantined()] == [code]
    assert cloud.one("SELECT times FROM quarantine") == 2
    assert cloud.one("SELECT body FROM quarantine") == bad
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 3}
    assert cloud.one("SELECT count(*) FROM segment") == 1
    cloud.sound()


def test_an_unknown_gateway_is_quarantined_without_a_registry_entry(cloud: Cloud) -> None:
    cloud.deliver(("gw-nobody", Hand("gw-nobody").segment(received(1))))
    assert cloud.rows("SELECT gateway, gateway_id, code FROM quarantine") == [
        ("gw-nobody", None, "gateway.unknown")
    ]
    assert cloud.cases() == ["gateway.unknown"]
    assert cloud.on_hand() == {}


def test_a_gateway_revoked_after_verification_is_refused_in_the_transaction(
    cloud: Cloud, hand: Hand
) -> None:
    body = hand.segment(received(1))
    with unit_of_work(cloud.pool) as connection:
        senders = lookup(connection, [hand.name])
    item = examine(Arrived(f"qm/v1/{hand.name}/seg", body), senders, trust_domain=TRUST_DOMAIN)
    with unit_of_work(cloud.pool) as connection:
        connection.execute("UPDATE gateway SET status = 'revoked', revoked_at = now()")
    with unit_of_work(cloud.pool) as connection:
        service.apply(connection, [item], routes=cloud.routes, lookup=lookup, worker="w", at=AT)
    assert cloud.quarantined() == [("gateway.revoked", True, 1)]
    assert cloud.on_hand() == {}


INAPPLICABLE: dict[str, tuple[str, EventData]] = {
    "unknown item": ("event.unknown-item", received(5, sku="SKU-X")),
    "unknown location": ("event.unknown-location", received(5, location="L99")),
    "unknown target": ("event.unknown-location", Moved(Line("SKU-0", 5), "L0", "L99")),
    "a NUL in a SKU": ("event.unknown-item", received(5, sku="SKU\0")),
    "a NUL in a lot": ("event.malformed", received(5, lot="A\0")),
    "a NUL in a seen code": ("event.malformed", CodeSeen("cam", "QR", "a\0b")),
    "unknown item in a count": ("event.unknown-item", Counted(Line("SKU-X", 0), "L0", 0)),
}


@pytest.mark.parametrize("case", INAPPLICABLE)
def test_an_event_that_cannot_be_applied_is_quarantined_alone(
    cloud: Cloud, hand: Hand, case: str
) -> None:
    code, data = INAPPLICABLE[case]
    due = cloud.deliver((hand.name, hand.segment(received(1), data, received(2)))).due
    assert cloud.quarantined() == [(code, False, 2)]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 3}
    (mark,) = cloud.advance(*due).values()
    assert mark.contiguous_seq == 3
    cloud.sound()


def test_an_event_of_an_unknown_version_is_quarantined_alone_with_its_bytes(
    cloud: Cloud, hand: Hand
) -> None:
    bodies = [hand.event(received(1)), hand.event(received(2))]
    strange = b"\xa1\x00\x63new"
    body = hand.seal([*bodies, strange], first_seq=1, prev_hash=GENESIS)
    cloud.deliver((hand.name, body))
    assert cloud.quarantined() == [("event.unknown-version", False, 3)]
    assert cloud.one("SELECT body FROM quarantine") == strange
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 3}


def test_a_scan_that_reached_two_gateways_counts_once(pool: ConnectionPool[Connection]) -> None:
    one, two = Hand("gw-a"), Hand("gw-b")
    cloud = Cloud(pool, one, two)
    scan = scan_id(1_763_650_000_000, 1, one.rng)
    first = one.event(received(1), event_id=scan)
    second = two.event(received(1), event_id=scan)
    third = two.event(received(10))
    cloud.deliver((one.name, one.seal([first], first_seq=1, prev_hash=GENESIS)))
    due = cloud.deliver((two.name, two.seal([second, third], first_seq=1, prev_hash=GENESIS))).due
    assert sum(cloud.on_hand().values()) == 11
    assert cloud.quarantined() == [("event.duplicate-scan", False, 1)]
    (mark,) = cloud.advance(*due).values()
    assert mark.contiguous_seq == 2
    cloud.sound()


def test_the_same_scan_twice_in_one_batch_counts_once(cloud: Cloud, hand: Hand) -> None:
    scan = scan_id(1_763_650_000_000, 1, hand.rng)
    bodies = [hand.event(received(1), event_id=scan) for _ in range(2)]
    cloud.deliver((hand.name, hand.seal(bodies, first_seq=1, prev_hash=GENESIS)))
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 1}
    assert cloud.quarantined() == [("event.duplicate-scan", False, 2)]


def test_a_failing_handler_leaves_nothing_behind(cloud: Cloud, hand: Hand) -> None:
    def broken(*_: object) -> Sequence[Any]:
        raise RuntimeError("a bug")

    cloud.routes = {**cloud.routes, SensorRead: broken}
    with pytest.raises(RuntimeError):
        cloud.deliver((hand.name, hand.segment(received(1), SensorRead("s", "t", 1, 0, "Cel"))))
    for table in ("segment", "event_id", "movement", "balance", "ingest_tally"):
        assert cloud.one(f"SELECT count(*) FROM {table}") == 0


def test_observations_and_heartbeats_are_kept_and_reach_the_fleet(cloud: Cloud, hand: Hand) -> None:
    cloud.deliver(
        (
            hand.name,
            hand.segment(
                CodeSeen("cam-1", "QR", "HELLO", image_sha256=bytes(32)),
                GatewayHealth("1.0", catalog=3, policy=1),
                GatewayHealth("1.0", catalog=4, policy=2),
            ),
        )
    )
    rows = cloud.rows("SELECT kind, data->>'raw', data->>'catalog' FROM observation ORDER BY seq")
    assert rows == [(11, "HELLO", None), (14, None, "3"), (14, None, "4")]
    assert cloud.on_hand() == {}


def test_a_count_that_expected_what_the_ledger_holds_raises_nothing(
    cloud: Cloud, hand: Hand
) -> None:
    late = hand.segment(received(10))
    count = hand.segment(Counted(Line("SKU-0", 8), "L0", 10))
    after = hand.segment(Shipped(Line("SKU-0", 8), "L0", 0))  # type: ignore[arg-type]
    for body in (after, count, late):
        due = cloud.deliver((hand.name, body)).due
        cloud.advance(*due)
    assert cloud.cases() == []
    assert cloud.on_hand() == {}
    assert cloud.one("SELECT count(*) FROM count_check") == 0


def test_a_count_that_expected_something_else_is_applied_and_raised(
    cloud: Cloud, hand: Hand
) -> None:
    body = hand.segment(received(10), Counted(Line("SKU-0", 8), "L0", 9))
    cloud.advance(*cloud.deliver((hand.name, body)).due)
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 9}
    assert cloud.cases() == ["count.mismatch"]


def test_the_quarantine_keeps_bodies_within_the_quota_and_hashes_beyond(
    cloud: Cloud, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BODY_QUOTA", 250)
    for number in range(4):
        cloud.deliver((hand.name, bytes([number]) * 100))
    rows = cloud.rows("SELECT body IS NULL, size FROM quarantine ORDER BY quarantine_id")
    assert rows == [(False, 100), (False, 100), (True, 100), (True, 100)]


@pytest.mark.parametrize("table", ["movement", "segment"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET epoch = 2", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_is_written_cannot_be_changed(
    cloud: Cloud, hand: Hand, table: str, statement: str
) -> None:
    cloud.deliver((hand.name, hand.segment(received(1))))
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
        cloud.pool.connection() as connection,
    ):
        connection.execute(statement.format(table))  # type: ignore[arg-type]
    assert cloud.one(f"SELECT count(*) FROM {table}") == 1


def test_completeness_names_the_gap_since_when_and_what_is_quarantined(
    cloud: Cloud, hand: Hand
) -> None:
    first = hand.segment(received(1), received(1, sku="SKU-X"))
    hand.segment(received(1))
    third = hand.segment(received(1))
    cloud.advance(*cloud.deliver((hand.name, first), (hand.name, third)).due)
    site_id = cloud.one("SELECT site_id FROM site")
    with unit_of_work(cloud.pool) as connection:
        (row,) = service.completeness(connection, site_id)
        (quarantined,) = service.quarantined(connection, sites=frozenset({site_id}))
        hidden = service.quarantined(connection, sites=frozenset())
    assert (row.contiguous_seq, row.head_seq, row.missing) == (2, 4, [(3, 3)])
    assert (row.missing_since, row.last_received_at) == (AT, AT)
    assert (row.reasons, row.complete) == ({"event.unknown-item": 1}, False)
    assert (quarantined.code, quarantined.first_seq) == ("event.unknown-item", 2)
    assert hidden == []
