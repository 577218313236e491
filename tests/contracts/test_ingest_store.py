"""One behaviour of ingest's database port: the real TimescaleDB, and the one of the simulation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from cloud.app.handlers import routes, taken_back
from cloud.db import unit_of_work
from cloud.gateways.service import lookup
from cloud.ingest import reversal, service, store
from cloud.ingest.model import Applied, Arrived, Chain, TakenBack, Tally
from cloud.ingest.verification import examine
from cloud.ledger.service import drift
from shared.downlink import Watermark
from shared.events import EventData, Line, Picked, Received, SensorRead
from shared.segment import GENESIS
from shared.units import Micros
from tests.simulation import memory, memory_ingest, memory_ledger
from tests.support.uplink import TRUST_DOMAIN, Hand, scan_id, stage

AT = Micros(1_763_650_500_000_000)


@dataclass
class Port:
    """A database with the gateway ``gw-a`` in it, active in epoch 1."""

    transaction: Callable[[], AbstractContextManager[Any]]
    lookup: Any
    routes: Any
    tallies: Callable[[Any], dict[str, Tally]]
    drift: Callable[[Any], list[Any]]
    count: Callable[[Any, str], int]
    quarantined: Callable[[Any], list[tuple[str, bool, int | None, int]]]
    cases: Callable[[Any], list[str]]
    on_hand: Callable[[Any], dict[tuple[str, str, int], int]]
    grant: Callable[[int], object]
    taken_back: Any

    def deliver(self, *bodies: bytes, gateway: str = "gw-a") -> Applied:
        """Apply these as one batch."""
        with self.transaction() as connection:
            senders = self.lookup(connection, {gateway})
            examined = [
                examine(Arrived(f"qm/v1/{gateway}/seg", body), senders, trust_domain=TRUST_DOMAIN)
                for body in bodies
            ]
            return service.apply(
                connection, examined, routes=self.routes, lookup=self.lookup, worker="w", at=AT
            )

    def advance(self, *chains: Chain) -> Watermark | None:
        """Move the heads; the one watermark of the test."""
        with self.transaction() as connection:
            due = chains or service.overdue(connection)
            marks = service.advance(connection, due, generation=1, at=AT)
        return marks[0][2] if marks else None

    def take_back(self) -> list[TakenBack]:
        """Take back what stands above broken links, as the sweep does."""
        done: list[TakenBack] = []
        for chain in self.see(reversal.provisional):
            with self.transaction() as connection:
                one = reversal.reverse(
                    connection,
                    chain,
                    take_back=self.taken_back,
                    routes=self.routes,
                    worker="w",
                    at=AT,
                )
            assert one is not None
            done.append(one)
        return done

    def see(self, look: Callable[..., Any], *more: Any) -> Any:
        """Ask in a transaction of its own."""
        with self.transaction() as connection:
            return look(connection, *more)

    def sound(self) -> None:
        """Balances are the fold, and every message was counted once."""
        assert self.see(self.drift) == []
        for tally in self.see(self.tallies).values():
            assert tally.segments_received == (
                tally.segments_applied + tally.segments_duplicate + tally.segments_quarantined
            )
            assert tally.events_received == tally.events_applied + tally.events_quarantined


_ON_HAND = (
    "SELECT sku, l.code, state, sum(quantity)::int FROM balance JOIN item USING (item_id) "
    "JOIN location l USING (location_id) GROUP BY 1, 2, 3 HAVING sum(quantity) <> 0"
)


def _real(pool: Any, hand: Hand) -> Port:
    with unit_of_work(pool) as connection:
        stage(connection, [hand])

    def granted(epoch: int) -> None:
        with unit_of_work(pool) as connection:
            stage(connection, [Hand(hand.name, epoch)])

    return Port(
        transaction=lambda: unit_of_work(pool),
        lookup=lookup,
        routes=routes(),
        tallies=store.tallies,
        drift=drift,
        count=lambda c, table: c.execute(f"SELECT count(*) FROM {table}").fetchone()[0],
        quarantined=lambda c: sorted(
            c.execute("SELECT code, whole_segment, first_seq::int, times::int FROM quarantine")
        ),
        cases=lambda c: sorted(row[0] for row in c.execute("SELECT code FROM exception")),
        on_hand=lambda c: {row[:3]: row[3] for row in c.execute(_ON_HAND)},
        grant=granted,
        taken_back=taken_back,
    )


def simulated(hand: Hand) -> tuple[Port, memory.Tables]:
    """The simulation's, and what it holds."""
    database = memory.MemoryDatabase()
    database.register(hand.name, 1, 1, {hand.kid: hand.key.public_key()})
    tables = {"segment": "segments", "event_id": "event_ids", "movement": "movements",
              "observation": "observations", "ingest_tally": "tallies"}  # fmt: skip
    port = Port(
        transaction=lambda: unit_of_work(database),  # type: ignore[arg-type]
        lookup=memory.lookup,
        routes=memory_ledger.routes(),
        tallies=memory_ingest.tallies,
        drift=memory_ledger.drift,
        count=lambda c, table: len(getattr(c.tables, tables[table])),
        quarantined=lambda c: sorted(
            (row.code, row.whole_segment, row.first_seq, row.times)
            for row in c.tables.quarantine.values()
        ),
        cases=lambda c: sorted(code for code, _ in c.tables.cases),
        on_hand=lambda c: {
            (place.sku, place.location, place.state): quantity
            for place, quantity in memory_ledger.on_hand(c, 1).items()
        },
        grant=lambda _: database.grant(hand.name, "test"),
        taken_back=memory_ledger.taken_back,
    )
    return port, database.tables


@pytest.fixture
def hand() -> Hand:
    return Hand("gw-a")


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.database)])
def port(request: pytest.FixtureRequest, hand: Hand) -> Iterator[Port]:
    if request.param == "real":
        yield _real(request.getfixturevalue("pool"), hand)
        return
    with memory_ledger.installed():
        yield simulated(hand)[0]


def received(quantity: int = 1, sku: str = "SKU-0") -> Received:
    return Received(Line(sku, quantity), "L0")


def test_a_segment_is_stored_once_and_moves_stock_once(port: Port, hand: Hand) -> None:
    body = hand.segment(received(10), Picked(Line("SKU-0", 4), "L0", "L1"))
    first, again = port.deliver(body), port.deliver(body, body)
    assert first.due == again.due
    assert again.tallies["gw-a"].segments_duplicate == 2
    assert port.see(port.on_hand) == {("SKU-0", "L0", 0): 6, ("SKU-0", "L1", 1): 4}
    assert port.see(port.count, "movement") == 3
    port.sound()


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
@pytest.mark.parametrize("sizes", [(2, 2), (2, 1), (1, 2), (3, 2)])
def test_overlapping_ranges_with_other_bytes_are_a_fork(
    port: Port, hand: Hand, sizes: tuple[int, int], *, together: bool
) -> None:
    mine = hand.segment(*[received(1)] * sizes[0])
    other = Hand("gw-a").segment(*[received(7)] * sizes[1])
    if together:
        port.deliver(mine, other)
    else:
        port.deliver(mine)
        port.deliver(other)
    assert port.see(port.count, "segment") == 1
    assert [row[0] for row in port.see(port.quarantined)] == ["segment.fork"]
    assert port.see(port.cases) == ["segment.fork"]
    port.sound()


def test_the_head_moves_along_links_and_names_the_gaps(port: Port, hand: Hand) -> None:
    first, second, third = (hand.segment(received(1), received(1)) for _ in range(3))
    mark = port.advance(*port.deliver(third).due)
    assert mark is not None
    assert (mark.contiguous_seq, mark.head_hash, mark.missing) == (0, GENESIS, [(1, 4)])
    mark = port.advance(*port.deliver(first).due)
    assert mark is not None
    assert (mark.contiguous_seq, mark.missing) == (2, [(3, 4)])
    mark = port.advance(*port.deliver(second).due)
    assert mark is not None
    assert (mark.contiguous_seq, mark.head_hash, mark.missing) == (6, hand.prev_hash, [])


def test_what_a_dead_worker_left_is_overdue_once(port: Port, hand: Hand) -> None:
    port.deliver(hand.segment(received(1)))
    mark = port.advance()
    assert mark is not None
    assert mark.contiguous_seq == 1
    assert port.advance() is None


def test_a_neighbour_that_does_not_link_freezes_the_epoch(port: Port, hand: Hand) -> None:
    clone = Hand("gw-a")
    clone.segment(received(9))
    strange = clone.segment(received(1))
    mark = port.advance(*port.deliver(hand.segment(received(1)), strange).due)
    assert mark is not None
    assert (mark.contiguous_seq, mark.frozen) == (1, True)
    hand.segment(received(1))
    port.deliver(hand.segment(received(5)))
    assert [row[:3] for row in port.see(port.quarantined)] == [("segment.link", True, 3)]
    assert port.see(port.cases) == ["segment.link"]


def broken(hand: Hand, *above: EventData) -> list[bytes]:
    """Two segments that link, and one of a copy that does not, above them."""
    copy = Hand("gw-a")
    copy.segment(received(9))
    copy.segment(received(9))
    bodies = [hand.segment(received(1)), hand.segment(received(2))]
    return [*bodies, copy.segment(*above)]


def test_what_stands_above_a_broken_link_is_taken_back_once(port: Port, hand: Hand) -> None:
    bodies = broken(hand, received(5), Picked(Line("SKU-0", 3), "L0", "L1"))
    first = port.deliver(*bodies)
    assert port.see(port.on_hand) == {("SKU-0", "L0", 0): 5, ("SKU-0", "L1", 1): 3}
    assert port.take_back() == []
    port.advance(*first.due)
    assert port.take_back() == [TakenBack(segments=1, events=2, movements=3)]
    assert port.take_back() == []
    assert port.see(port.on_hand) == {("SKU-0", "L0", 0): 3}
    assert port.see(port.count, "movement") == 2 + 3 + 3
    assert port.see(port.quarantined) == [("segment.link", True, 3, 1)]
    assert port.see(port.cases) == ["segment.link"]
    tally = port.see(port.tallies)["gw-a"]
    assert (tally.segments_received, tally.segments_applied, tally.segments_quarantined) == (
        3,
        2,
        1,
    )
    assert (tally.events_received, tally.events_applied, tally.events_quarantined) == (4, 2, 2)
    port.deliver(bodies[2])
    assert port.take_back() == []
    assert port.see(port.quarantined) == [("segment.link", True, 3, 2)]
    port.sound()


def test_a_segment_that_a_slower_worker_adds_to_a_frozen_epoch_is_taken_back_too(
    port: Port, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    port.advance(*port.deliver(*broken(hand, received(5))).due)
    port.take_back()
    copy = Hand("gw-a")
    for _ in range(3):
        copy.segment(received(9))
    rooms = [service.store, store]
    with monkeypatch.context() as before_the_freeze:
        for room in rooms:
            before_the_freeze.setattr(room, "frozen", lambda *_: {})
        port.deliver(copy.segment(received(7)))
    assert port.see(port.on_hand) == {("SKU-0", "L0", 0): 10}
    assert port.take_back() == [TakenBack(segments=1, events=1, movements=1)]
    assert port.see(port.on_hand) == {("SKU-0", "L0", 0): 3}
    port.sound()


def test_a_scan_that_was_taken_back_counts_when_it_is_stated_again(port: Port, hand: Hand) -> None:
    scan = scan_id(1_763_650_000_000, 1, hand.rng)
    copy = Hand("gw-a")
    copy.segment(received(9))
    prev = copy.prev_hash
    strange = copy.seal([copy.event(received(4), event_id=scan)], first_seq=2, prev_hash=prev)
    port.advance(*port.deliver(hand.segment(received(1)), strange).due)
    assert port.take_back() == [TakenBack(segments=1, events=1, movements=1)]
    assert port.see(port.on_hand) == {("SKU-0", "L0", 0): 1}
    again = Hand("gw-a", epoch=2)
    port.grant(2)
    port.deliver(
        again.seal([again.event(received(4), event_id=scan)], first_seq=1, prev_hash=GENESIS)
    )
    assert port.see(port.on_hand) == {("SKU-0", "L0", 0): 5}
    port.sound()


def test_a_scan_set_aside_for_one_that_was_taken_back_counts_then(port: Port, hand: Hand) -> None:
    scan = scan_id(1_763_650_000_000, 1, hand.rng)
    copy = Hand("gw-a")
    copy.segment(received(9))
    prev = copy.prev_hash
    strange = copy.seal([copy.event(received(4), event_id=scan)], first_seq=2, prev_hash=prev)
    port.deliver(strange)
    twice = hand.seal([hand.event(received(4), event_id=scan)], first_seq=1, prev_hash=GENESIS)
    port.advance(*port.deliver(twice).due)
    assert port.see(port.quarantined) == [("event.duplicate-scan", False, 1, 1)]
    assert port.take_back() == [TakenBack(segments=1, events=1, movements=1, recounted=1)]
    assert port.see(port.on_hand) == {("SKU-0", "L0", 0): 4}
    assert port.take_back() == []
    port.sound()


def test_an_event_id_counts_once_in_and_across_batches(port: Port, hand: Hand) -> None:
    scan = scan_id(1_763_650_000_000, 1, hand.rng)
    bodies = [hand.event(received(1), event_id=scan) for _ in range(2)]
    port.deliver(hand.seal(bodies, first_seq=1, prev_hash=GENESIS))
    prev = hand.prev_hash
    port.deliver(hand.seal([hand.event(received(1), event_id=scan)], first_seq=3, prev_hash=prev))
    assert port.see(port.on_hand) == {("SKU-0", "L0", 0): 1}
    assert port.see(port.count, "event_id") == 1
    assert port.see(port.quarantined) == [
        ("event.duplicate-scan", False, 2, 1),
        ("event.duplicate-scan", False, 3, 1),
    ]
    port.sound()


def test_an_unknown_item_is_set_aside_alone_and_counted_when_it_comes_again(
    port: Port, hand: Hand
) -> None:
    port.deliver(
        hand.segment(received(2), received(1, sku="SKU-X"), SensorRead("s", "t", 1, 0, "Cel"))
    )
    for _ in range(2):
        port.deliver(b"\xff" * 50)
    assert port.see(port.quarantined) == [
        ("event.unknown-item", False, 2, 1),
        ("segment.malformed", True, None, 2),
    ]
    assert port.see(port.on_hand) == {("SKU-0", "L0", 0): 2}
    assert port.see(port.count, "observation") == 1
    port.sound()


def test_a_transaction_that_fails_leaves_nothing(port: Port, hand: Hand) -> None:
    def broken(*_: object) -> Any:
        raise RuntimeError("a bug")

    port.routes = {**port.routes, SensorRead: broken}
    with pytest.raises(RuntimeError):
        port.deliver(hand.segment(received(1), SensorRead("s", "t", 1, 0, "Cel")))
    for table in ("segment", "event_id", "movement", "ingest_tally"):
        assert port.see(port.count, table) == 0
