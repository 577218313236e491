"""Deliveries are kept as they came, applied whole or not at all, and nothing is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cloud import catalog, feeds
from cloud.db import open_pool, unit_of_work
from cloud.exceptions import cases
from cloud.feeds import Arrival, Feed, Incoming, NewFeed, Read, Routes, Subject
from cloud.feeds.documents import (
    Delivery,
    Goods,
    Line,
    Listing,
    Numbering,
    OrderStatus,
    Reference,
    Sale,
    SalesOrder,
)
from shared.errors import QuartermasterError
from shared.units import DAY, HOUR, MINUTE, SECOND, Micros
from tests.support import FakeClock
from tests.support.clock import START

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

ITEMS = (
    "sku,name,gtin,quantity,class\nOAT,Oats,4006381333931,1,A\nOAT,,14006381333938,12,A\n"
    "RYE,Rye,4006381333948,1,C\n"
)


class House:
    """A database with two items, and a reader whose deliveries say what they are to do."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.pool = pool
        self.clock = FakeClock()
        self.applied: list[tuple[str, str]] = []
        self.refuse: dict[str, str] = {}
        self.routes = Routes({"test": self.read}, {SalesOrder: self.apply, Listing: feeds.learn})
        self.made = 0
        with unit_of_work(pool) as connection:
            report = catalog.import_csv(connection, kind="items", content=ITEMS)
            assert not report.errors

    def read(self, _connection: Connection, incoming: Incoming) -> Read:
        if incoming.content.startswith(b"!"):
            raise QuartermasterError("feed.content", "no JSON", where="byte 0")
        said = msgspec.json.decode(incoming.content)
        documents = tuple(_order(number, said.get("sku", "OAT")) for number in said["orders"])
        if said.get("sale"):
            documents = (_sale(),)
        if said.get("listing"):
            documents = (Listing(channel="web", theirs="V1", sku=said["listing"], version=1),)
        subjects = tuple(
            Subject(f"order/{number}", said.get("version", 1)) for number in said["orders"]
        )
        return Read(documents, (), subjects, apart=said.get("apart", False))

    def apply(self, connection: Connection, order: SalesOrder, delivery: Delivery) -> None:
        number = order.references[0].number
        connection.execute(
            "INSERT INTO feed_subject VALUES ((SELECT feed_id FROM feed WHERE code = %s), %s, 0, 0)"
            " ON CONFLICT DO NOTHING",
            [delivery.feed, f"trace/{number}"],
        )
        if number in self.refuse:
            code: Any = self.refuse[number]
            raise QuartermasterError(code, f"theirs: 3, ours: 5 of {number}")
        feeds.resolve_all(connection, delivery.feed, [(one.goods, one.unit) for one in order.lines])
        self.applied.append((delivery.feed, number))

    def feed(self, **how: Any) -> Feed:
        self.made += 1
        with unit_of_work(self.pool) as connection:
            new = NewFeed(code=f"feed-{self.clock.now()}-{self.made}", kind="test", **how)
            return feeds.add(connection, new, now=self.clock.now())

    def send(self, to: Feed, key: str, **said: Any) -> feeds.Receipt:
        content = msgspec.json.encode({"orders": [], **said})
        return self.raw(to, key, content)

    def raw(self, to: Feed, key: str, content: bytes) -> feeds.Receipt:
        with unit_of_work(self.pool) as connection:
            return feeds.accept(connection, to, Arrival(content, key), now=self.clock.now())

    def work(self) -> int:
        return feeds.work(self.pool, self.routes, now=self.clock.now())

    def look(self, of: Feed, receipt: feeds.Receipt) -> feeds.DeliveryRow:
        with unit_of_work(self.pool) as connection:
            return feeds.delivery(connection, of, receipt.delivery_id)

    def cases(self, subject: str) -> list[tuple[str, str]]:
        with unit_of_work(self.pool) as connection:
            found = cases(connection, sites=None, subject=subject)
            return [(case.code, case.detail) for case in found]

    def traces(self, of: Feed) -> int:
        with unit_of_work(self.pool) as connection:
            row = connection.execute(
                "SELECT count(*) FROM feed_subject WHERE feed_id = %s AND subject LIKE 'trace/%%'",
                [of.feed_id],
            ).fetchone()
            assert row is not None
            return row[0]


def _order(number: str, sku: str) -> SalesOrder:
    return SalesOrder(
        references=(Reference(numbering=Numbering.CHANNEL, scope="web", number=number),),
        channel="web",
        status=OrderStatus.PLACED,
        version=1,
        placed_at=START,
        lines=(Line(number="1", goods=Goods(sku=sku), quantity=1),),
    )


def _sale() -> Sale:
    return Sale(
        reference=Reference(numbering=Numbering.CHANNEL, scope="pos", number="1"),
        version=1,
        site="S",
        channel="pos",
        goods=Goods(sku="OAT"),
        quantity=1,
        start=START,
        until=Micros(START + HOUR),
    )


@pytest.fixture(scope="module")
def module_pool(
    database_server: str, database_template: str
) -> Iterator[ConnectionPool[Connection]]:
    import psycopg

    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE qm_inbox TEMPLATE {database_template} STRATEGY FILE_COPY")
        try:
            url = database_server.rpartition("/")[0] + "/qm_inbox"
            with open_pool(url, size=3) as pool:
                yield pool
        finally:
            server.execute("DROP DATABASE qm_inbox WITH (FORCE)")


@pytest.fixture(scope="module")
def shared_house(module_pool: ConnectionPool[Connection]) -> House:
    return House(module_pool)


@pytest.fixture
def house(shared_house: House) -> House:
    shared_house.applied.clear()
    shared_house.refuse.clear()
    shared_house.clock.advance(SECOND)
    return shared_house


def test_a_delivery_is_kept_at_once_and_applied_by_the_worker(house: House) -> None:
    feed = house.feed()
    receipt = house.send(feed, "w-1", orders=["1", "2"])
    waiting = house.look(feed, receipt)
    assert (receipt.fresh, waiting.standing, house.applied) == (True, "waiting", [])
    house.clock.advance(2 * SECOND)
    assert house.work() == 1
    after = house.look(feed, receipt)
    assert (after.standing, after.documents) == ("applied", 2)
    assert house.applied == [(feed.code, "1"), (feed.code, "2")]
    with unit_of_work(house.pool) as connection:
        health = feeds.health(connection, [feed], now=house.clock.now())[feed.feed_id]
    assert (health.received, health.applied, health.lag_ms, health.error_rate) == (1, 1, 2000, 0.0)


def test_the_same_again_is_counted_and_changes_nothing(house: House) -> None:
    feed = house.feed()
    first = house.send(feed, "w-1", orders=["1"])
    house.work()
    again = house.send(feed, "w-1", orders=["1"])
    assert (again.delivery_id, again.fresh) == (first.delivery_id, False)
    assert house.work() == 0
    assert (house.look(feed, first).repeats, len(house.applied)) == (1, 1)


def test_something_else_under_a_known_number_is_refused(house: House) -> None:
    feed = house.feed()
    first = house.send(feed, "w-1", orders=["1"])
    with pytest.raises(QuartermasterError, match=r"feed\.key-reused"):
        house.send(feed, "w-1", orders=["2"])
    house.work()
    assert (house.applied, house.look(feed, first).repeats) == ([(feed.code, "1")], 0)


def test_one_refused_document_takes_the_whole_delivery_back_and_shows_both_sides(
    house: House,
) -> None:
    feed = house.feed()
    house.refuse["2"] = "feed.unit"
    receipt = house.send(feed, "w-1", orders=["1", "2"])
    house.work()
    row = house.look(feed, receipt)
    assert (row.standing, row.documents, row.error_code) == ("refused", 0, "feed.unit")
    assert row.error_where == "sales-order 2"
    assert house.traces(feed) == 0
    (case,) = house.cases(f"feed {feed.code} delivery {receipt.delivery_id}")
    assert case == ("feed.unit", "sales-order 2: theirs: 3, ours: 5 of 2")


def test_documents_that_stand_apart_do_not_hold_each_other_back(house: House) -> None:
    feed = house.feed()
    house.refuse["2"] = "feed.unit"
    receipt = house.send(feed, "w-1", orders=["1", "2", "3"], apart=True)
    house.work()
    assert (house.look(feed, receipt).standing, house.traces(feed)) == ("partly", 2)
    house.refuse.clear()
    with unit_of_work(house.pool) as connection:
        assert feeds.retry(connection, feed, now=house.clock.now()) == 1
    house.work()
    assert (house.look(feed, receipt).standing, house.traces(feed)) == ("applied", 3)


def test_what_cannot_be_read_is_refused_and_a_person_can_have_it_read_again(house: House) -> None:
    feed = house.feed()
    receipt = house.raw(feed, "w-1", b"!")
    house.work()
    row = house.look(feed, receipt)
    assert (row.standing, row.error_code, row.error_where) == ("refused", "feed.content", "byte 0")
    with unit_of_work(house.pool) as connection:
        assert feeds.content(connection, feed, receipt.delivery_id) == b"!"
        feeds.retry(connection, feed, receipt.delivery_id, now=house.clock.now())
    assert house.look(feed, receipt).standing == "waiting"
    house.work()
    assert house.look(feed, receipt).standing == "refused"


def test_what_nothing_takes_is_kept_until_a_version_does(house: House) -> None:
    feed = house.feed()
    receipt = house.send(feed, "w-1", sale=True)
    house.work()
    assert house.look(feed, receipt).standing == "unrouted"
    taken: list[Sale] = []
    house.routes = house.routes._replace(
        handlers={**house.routes.handlers, Sale: lambda _c, sale, _d: taken.append(sale)}
    )
    with unit_of_work(house.pool) as connection:
        assert feeds.take_up(connection, now=house.clock.now()) == 1
    house.work()
    assert (house.look(feed, receipt).standing, len(taken)) == ("applied", 1)


def test_what_speaks_of_something_not_yet_here_waits_for_it_a_day_and_blocks_nobody(
    house: House,
) -> None:
    feed = house.feed()
    house.refuse["early"] = "feed.too-early"
    early, next_one = (
        house.send(feed, "w-1", orders=["early"]),
        house.send(feed, "w-2", orders=["1"]),
    )
    house.work()
    assert house.look(feed, early).standing == "waiting"
    assert house.look(feed, next_one).standing == "applied"
    assert house.work() == 0, "it is not due yet"
    house.clock.advance(MINUTE)
    assert house.work() == 1
    assert house.cases(f"feed {feed.code} delivery {early.delivery_id}") == []
    house.clock.advance(DAY)
    house.work()
    assert house.look(feed, early).standing == "refused"
    ((code, _),) = house.cases(f"feed {feed.code} delivery {early.delivery_id}")
    assert code == "feed.too-early"


def test_an_older_word_on_what_is_known_changes_nothing(house: House) -> None:
    feed = house.feed()
    new = house.send(feed, "w-2", orders=["1"], version=2)
    house.work()
    old = house.send(feed, "w-1", orders=["1"], version=1)
    house.work()
    assert (house.look(feed, new).standing, house.look(feed, old).standing) == ("applied", "stale")
    assert len(house.applied) == 1


def test_a_bug_is_tried_again_and_then_a_case_while_other_feeds_go_on(house: House) -> None:
    broken, sound = house.feed(), house.feed()
    bad = house.raw(broken, "w-1", b"not json")
    good = house.send(sound, "w-1", orders=["1"])
    house.work()
    assert house.look(sound, good).standing == "applied"
    assert house.look(broken, bad).standing == "waiting"
    for _ in range(10):
        house.clock.advance(HOUR)
        house.work()
    assert house.look(broken, bad).standing == "refused"
    ((code, _),) = house.cases(f"feed {broken.code} delivery {bad.delivery_id}")
    assert code == "internal.unexpected"


def test_a_dry_run_says_what_would_happen_and_leaves_nothing(house: House) -> None:
    feed = house.feed()
    content = msgspec.json.encode({"orders": ["1", "2"]})
    incoming = Incoming(feed, 0, "", content, house.clock.now())
    house.refuse["2"] = "feed.unit"
    with unit_of_work(house.pool) as connection:
        would = feeds.dry_run(connection, house.routes, incoming)
    assert (would.standing, would.flaws[0].code) == ("refused", "feed.unit")
    house.refuse.clear()
    with unit_of_work(house.pool) as connection:
        assert feeds.dry_run(connection, house.routes, incoming).standing == "applied"
        assert feeds.deliveries(connection, feed) == []
    assert house.traces(feed) == 0


def test_a_feed_that_stops_is_told_once_until_it_speaks_again(house: House) -> None:
    feed = house.feed(interval_s=3600)
    subject = f"feed {feed.code}"

    def watch() -> None:
        with unit_of_work(house.pool) as connection:
            feeds.watch(connection, now=house.clock.now())

    watch()
    assert house.cases(subject) == []
    house.clock.advance(2 * HOUR)
    watch()
    watch()
    with unit_of_work(house.pool) as connection:
        (case,) = cases(connection, sites=None, subject=subject)
    assert (case.code, case.times) == ("feed.silent", 1)
    house.send(feed, "w-1", orders=[])
    watch()
    with unit_of_work(house.pool) as connection:
        assert (
            feeds.health(connection, [feed], now=house.clock.now())[feed.feed_id].silent_at is None
        )
    house.clock.advance(2 * HOUR)
    watch()
    with unit_of_work(house.pool) as connection:
        (case,) = cases(connection, sites=None, subject=subject)
    assert case.times == 2


def test_important_items_that_a_feed_leaves_out_for_a_day_are_told(house: House) -> None:
    feed = house.feed()
    subject = f"feed {feed.code}"
    house.send(feed, "w-1", orders=["1"], sku="OAT")
    house.send(feed, "w-2", orders=["2"], sku="RYE")
    house.work()
    house.clock.advance(DAY + HOUR)
    house.send(feed, "w-3", orders=["3"], sku="RYE")
    house.work()
    with unit_of_work(house.pool) as connection:
        feeds.watch(connection, now=house.clock.now())
    assert house.cases(subject) == [("feed.stale-items", "1 items of class A: OAT")]


def test_a_feeds_own_codes_mean_what_its_listing_or_a_person_says(house: House) -> None:
    feed = house.feed()
    now = house.clock.now()
    unknown = house.send(feed, "w-1", orders=["1"], sku="V1")
    house.work()
    assert house.look(feed, unknown).error_code == "feed.unknown-item"
    house.send(feed, "w-2", listing="OAT")
    house.work()
    with unit_of_work(house.pool) as connection:
        meant = feeds.resolve(connection, feed.code, Goods(theirs="V1"))
        assert (meant.sku, meant.per) == ("OAT", 1)
        assert feeds.map_item(connection, feed.code, "V1", "RYE", quantity=6, by="ada", now=now)
        assert not feeds.map_item(connection, feed.code, "V1", "RYE", quantity=6, by="ada", now=now)
        meant = feeds.resolve(connection, feed.code, Goods(theirs="V1"))
        assert (meant.sku, meant.per) == ("RYE", 6)
    house.send(feed, "w-3", listing="OAT", orders=[])
    house.work()
    with unit_of_work(house.pool) as connection:
        assert feeds.resolve(connection, feed.code, Goods(theirs="V1")).sku == "RYE"
        history = feeds.mappings(connection, feed.code, everything=True)
    assert [(each.sku, each.by) for each in history] == [("OAT", ""), ("RYE", "ada")]
    ((code, _),) = house.cases(f"feed {feed.code} V1")
    assert code == "feed.item-contradicts"


@pytest.mark.parametrize(
    ("goods", "unit", "found"),
    [
        (Goods(sku="OAT"), "EA", ("OAT", 1)),
        (Goods(gtin="4006381333931"), "EA", ("OAT", 1)),
        (Goods(gtin="14006381333938"), "CA", ("OAT", 12)),
        (Goods(sku="OAT", gtin="14006381333938"), "EA", ("OAT", 12)),
        (Goods(sku="NONE", gtin="04006381333948"), "EA", ("RYE", 1)),
        (Goods(sku="OAT", gtin="4006381333948"), "EA", "feed.item-contradicts"),
        (Goods(sku="NONE"), "EA", "feed.unknown-item"),
        (Goods(), "EA", "feed.unknown-item"),
        (Goods(sku="RYE"), "PL", "feed.unit"),
    ],
)
def test_goods_are_an_item_and_base_units_or_a_clear_refusal(
    house: House, goods: Goods, unit: str, found: tuple[str, int] | str
) -> None:
    feed = house.feed()
    with unit_of_work(house.pool) as connection:
        (answer,) = feeds.try_all(connection, feed.code, [(goods, unit)])
    if isinstance(answer, QuartermasterError):
        assert answer.code == found
    else:
        assert (answer.sku, answer.per) == found
