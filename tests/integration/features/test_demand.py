"""Demand on the real database: any order of arrival, late data, and what was known before."""

from __future__ import annotations

import itertools
import random
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from cloud import catalog, features
from cloud.app import selling
from cloud.db import unit_of_work
from cloud.exceptions import cases
from cloud.feeds.documents import (
    CustomerReturn,
    Delivery,
    Fulfilment,
    Goods,
    Line,
    Numbering,
    OrderStatus,
    Reference,
    Sale,
    SalesOrder,
)
from shared.events import Line as Scanned
from shared.events import Picked, Received
from shared.units import DAY, HOUR, MINUTE, Micros
from tests.support.intake import AT, Intake
from tests.support.uplink import Hand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
SITE = "S-gw-a"
_CHANNELS = (f"web-{n}" for n in itertools.count(1))
_DELIVERIES = itertools.count(1)


@pytest.fixture(scope="module")
def house(shared_pool: ConnectionPool[Connection]) -> Intake:
    hand = Hand("gw-a")
    intake = Intake(shared_pool, hand)
    intake.say(hand, Received(Scanned("SKU-0", 5), "L0"))
    return intake


@pytest.fixture
def connection(house: Intake) -> Iterator[Connection]:
    with unit_of_work(house.pool) as opened:
        yield opened


class Shop:
    """A channel of its own for one test, and what feeds say of it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.channel = next(_CHANNELS)

    def ref(self, number: str, numbering: Numbering = Numbering.CHANNEL) -> Reference:
        return Reference(numbering=numbering, scope=self.channel, number=number)

    def order(self, number: str, units: int, **other: Any) -> SalesOrder:
        fields: dict[str, Any] = {"version": 1, "placed_at": AT, "status": OrderStatus.PLACED}
        fields |= {"site": SITE, "references": (self.ref(number),)} | other
        return SalesOrder(channel=self.channel, lines=(line(units),), **fields)

    def shipment(self, number: str, units: int) -> Fulfilment:
        return Fulfilment(
            references=(self.ref(f"P{number}", Numbering.TRACKING),),
            order=(self.ref(number),),
            site=SITE,
            shipped_at=AT + DAY,
            lines=(line(units),),
        )

    def back(self, number: str, units: int) -> CustomerReturn:
        return CustomerReturn(
            references=(self.ref(f"R{number}"),),
            order=(self.ref(number),),
            site=SITE,
            at=AT + 3 * DAY,
            lines=(line(units),),
            restocked=True,
        )

    def sale(self, number: str, units: int, **other: Any) -> Sale:
        fields: dict[str, Any] = {"version": 1, "start": AT, "until": AT + HOUR} | other
        return Sale(
            reference=self.ref(f"S{number}", Numbering.INVOICE),
            site=SITE,
            channel=self.channel,
            goods=Goods(sku=fields.pop("sku", "SKU-0")),
            quantity=units,
            **fields,
        )

    def say(self, *documents: Any) -> None:
        for document in documents:
            delivery = Delivery(
                feed="feed", delivery_id=next(_DELIVERIES), position=0, received_at=AT
            )
            handler = selling.sold if isinstance(document, Sale) else selling.spoken
            handler(self.connection, document, delivery)

    def settle(self, now: int = AT) -> None:
        features.drain(self.connection, now=Micros(now))

    def days(self, known: int | None = None) -> list[tuple[Any, ...]]:
        """(day, ordered, cancelled, shipped, sold, returned) of this channel."""
        rows = features.demand(
            self.connection,
            sites=None,
            first=date(2025, 11, 1),
            last=date(2025, 12, 31),
            now=Micros(AT),
            channel=self.channel,
            known=None if known is None else Micros(known),
            limit=1000,
        )
        return [(row.day, *row[6:11]) for row in rows if row.channel]


def line(units: int) -> Line:
    return Line(number="1", goods=Goods(sku="SKU-0"), quantity=units)


def everything(shop: Shop) -> list[Any]:
    return [
        shop.order("1", 9),
        shop.order("1", 4, version=2),
        shop.shipment("1", 3),
        shop.back("1", 1),
        shop.order("2", 2, version=1),
        shop.order("2", 2, version=2, status=OrderStatus.CANCELLED, cancelled_at=AT + HOUR),
        shop.shipment("3", 5),
        shop.sale("1", 6),
        shop.sale("1", 7, version=2),
        shop.sale("2", -2),
        shop.sale("3", 4, order=(shop.ref("1"),)),
        shop.sale("4", 14, until=AT + 7 * DAY),
        shop.order("4", 1, references=(shop.ref("S0", Numbering.OURS), shop.ref("4"))),
        shop.order("5", 1),
        shop.order("5", 1, version=2, references=(shop.ref("5"), shop.ref("4"))),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_arrival_is_the_demand_of_a_full_recompute(
    connection: Connection, seed: int
) -> None:
    expected = Shop(connection)
    expected.say(*everything(expected))
    expected.settle()
    shop, chance = Shop(connection), random.Random(seed)
    said = everything(shop)
    said += chance.sample(said, 4)
    chance.shuffle(said)
    for index, document in enumerate(said):
        shop.say(document)
        if chance.random() < 0.4:
            shop.settle(AT + index)
    shop.settle(AT + DAY)
    assert shop.days() == expected.days()
    assert features.drift(connection) == {}
    assert sum(row[1] for row in shop.days()) == 4 + 2 + 1  # of the third nobody knows the channel
    assert sum(row[4] for row in shop.days()) == 7 + 14


def test_each_unit_counts_once_on_the_day_it_was_asked_for(connection: Connection) -> None:
    shop = Shop(connection)
    shop.say(shop.order("1", 4), shop.shipment("1", 3), shop.back("1", 1))
    shop.say(shop.sale("1", 3, order=(shop.ref("1"),)), shop.sale("2", 2))
    shop.settle()
    assert shop.days() == [
        ("2025-11-20", 4, 0, 0, 2, 0),
        ("2025-11-21", 0, 0, 3, 0, 0),
        ("2025-11-23", 0, 0, 0, 0, 1),
    ]


def test_a_settlement_before_its_order_counts_until_the_order_is_heard_of(
    connection: Connection,
) -> None:
    shop = Shop(connection)
    shop.say(shop.sale("1", 3, order=(shop.ref("1"),)))
    shop.settle()
    assert shop.days() == [("2025-11-20", 0, 0, 0, 3, 0)]
    shop.say(shop.order("1", 3))
    shop.settle()
    assert shop.days() == [("2025-11-20", 3, 0, 0, 0, 0)]


def test_late_data_correct_history_and_what_was_known_before_is_still_told(
    connection: Connection,
) -> None:
    shop = Shop(connection)
    shop.say(shop.order("1", 4))
    shop.settle(AT + MINUTE)
    first = connection.execute("SELECT known_at FROM demand_state").fetchone()
    shop.say(shop.order("2", 5, placed_at=AT - 2 * DAY))
    shop.say(shop.order("1", 3, version=2))
    shop.settle(AT + 9 * DAY)
    assert shop.days() == [("2025-11-18", 5, 0, 0, 0, 0), ("2025-11-20", 3, 0, 0, 0, 0)]
    assert first is not None
    assert shop.days(known=int(first[0].timestamp() * 1_000_000)) == [("2025-11-20", 4, 0, 0, 0, 0)]
    assert shop.days(known=AT - DAY) == []
    item = catalog.item_ids(connection, ["SKU-0"])["SKU-0"]
    site = catalog.site_ids(connection, [SITE])[SITE]
    now = features.evidence(
        connection, item_id=item, site_id=site, channel=shop.channel, day=date(2025, 11, 20)
    )
    assert [(row.source, row.number, row.quantity) for row in now] == [("order", "1", 3)]


def test_promotions_of_sources_and_of_the_catalog_are_marked(connection: Connection) -> None:
    shop = Shop(connection)
    shop.say(shop.order("1", 4), shop.sale("1", 2, start=AT - DAY, until=AT - DAY + HOUR))
    shop.say(shop.sale("2", 1, start=AT - 2 * DAY, until=AT - 2 * DAY, promotion="FLYER"))
    shop.settle()
    planned = (
        f"code,starts,ends,sku,channel,uplift\nXMAS,2025-11-20,2025-12-31,SKU-0,{shop.channel},50\n"
    )
    for kind, content in (
        ("channels", f"code,name\n{shop.channel},Shop\n"),
        ("promotions", planned),
    ):
        assert not catalog.import_csv(connection, kind=kind, content=content).errors
    rows = features.demand(
        connection,
        sites=None,
        first=date(2025, 11, 1),
        last=date(2025, 12, 31),
        now=Micros(AT),
        channel=shop.channel,
    )
    marked = [(row.day, row.promotion, row.promoted) for row in rows if row.channel]
    assert marked == [
        ("2025-11-18", "FLYER", True),
        ("2025-11-19", "", False),
        ("2025-11-20", "XMAS", True),
    ]


def test_an_unknown_item_counts_once_the_catalog_knows_it(connection: Connection) -> None:
    shop = Shop(connection)
    shop.say(shop.sale("1", 3, sku="LATER"), shop.sale("2", 1, sku="LATER"))
    shop.settle()
    assert shop.days() == []
    (case,) = cases(connection, sites=None, code="feed.unknown-item")
    assert (case.subject, case.times) == ("feed feed sold SKU 'LATER'", 1)
    catalog.import_csv(connection, kind="items", content="sku,name\nLATER,Later\n")
    features.look_at_stock(connection, now=Micros(AT + HOUR))
    shop.settle()
    assert shop.days() == [("2025-11-20", 0, 0, 0, 4, 0)]
    assert cases(connection, sites=None, code="feed.unknown-item") == []


def test_days_without_stock_are_marked_and_late_scans_correct_them(house: Intake) -> None:
    hand = Hand("gw-b")
    other = Intake(house.pool, hand)
    scanned = [
        Received(Scanned("SKU-1", 3), "L0"),
        Picked(Scanned("SKU-1", 3), "L0", "L1", "SO-1"),
    ]
    other.deliver(hand, hand.segment(*scanned), at=Micros(AT + 5 * HOUR))

    def censored(now: int) -> list[str]:
        with unit_of_work(house.pool) as connection:
            features.look_at_stock(connection, now=Micros(now))
            rows = features.demand(
                connection,
                sites=None,
                first=date(2025, 11, 19),
                last=date(2025, 11, 22),
                now=Micros(AT + 2 * DAY),
                site_id=catalog.site_ids(connection, ["S-gw-b"])["S-gw-b"],
            )
            return [row.day for row in rows if row.censored]

    assert censored(AT + 6 * HOUR) == ["2025-11-20", "2025-11-21", "2025-11-22"]
    late = hand.segment(Received(Scanned("SKU-1", 1), "L0"))
    other.deliver(hand, late, at=Micros(AT + 30 * HOUR))
    assert censored(AT + 31 * HOUR) == ["2025-11-20"]


def test_a_counter_that_says_it_was_sold_out_marks_its_day(connection: Connection) -> None:
    shop = Shop(connection)
    shop.say(shop.sale("1", 3, stocked_out=True))
    shop.settle()
    spans = connection.execute(
        "SELECT count(*) FROM stockout WHERE source = 'sale' AND until IS NULL"
    ).fetchone()
    assert spans == (1,)
    shop.say(shop.sale("1", 3, stocked_out=False, version=2))
    shop.settle()
    spans = connection.execute(
        "SELECT count(*) FROM stockout WHERE source = 'sale' AND until IS NULL"
    ).fetchone()
    assert spans == (0,)
