"""Customers' orders on the real database: four feeds, one order, and nothing lost or twice."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from cloud import catalog
from cloud.db import unit_of_work
from cloud.exceptions import cases
from cloud.feeds.documents import (
    Delivery,
    Fulfilment,
    Goods,
    Line,
    Numbering,
    OrderStatus,
    Party,
    Reference,
    SalesOrder,
)
from cloud.orders import sales
from cloud.orders.sales.folding import fold
from cloud.orders.sales.model import Meaning, Said, Term, ambiguous, latest, orders
from shared.errors import QuartermasterError
from shared.units import DAY, MINUTE, Micros
from tests.support.intake import AT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
SITES = "code,name,timezone\nAMS,Amsterdam,Europe/Amsterdam\n"
ITEMS = "sku,name,gtin,quantity\nOAT,Oats,4006381333931,1\nOAT,,14006381333938,12\nRYE,Rye,,\n"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def pool(shared_pool: ConnectionPool[Connection]) -> ConnectionPool[Connection]:
    with unit_of_work(shared_pool) as connection:
        for kind, content in (
            ("sites", SITES),
            ("items", ITEMS),
        ):
            assert not catalog.import_csv(connection, kind=kind, content=content).errors
    return shared_pool


@pytest.fixture
def connection(pool: ConnectionPool[Connection]) -> Iterator[Connection]:
    with unit_of_work(pool) as opened:
        yield opened


class Trade:
    """The numbers of one order that several feeds speak of, and what they say."""

    def __init__(self) -> None:
        self.serial = next(_NUMBERS)
        self.positions = itertools.count()

    def ref(self, numbering: Numbering, scope: str) -> Reference:
        return Reference(numbering=numbering, scope=scope, number=f"{numbering[:2]}{self.serial}")

    @property
    def shop(self) -> Reference:
        return self.ref(Numbering.CHANNEL, "shop")

    @property
    def ours(self) -> Reference:
        return self.ref(Numbering.OURS, "erp")

    @property
    def parcel(self) -> Reference:
        return self.ref(Numbering.TRACKING, "carrier")

    def order(self, *references: Reference, oat: int = 3, **other: Any) -> SalesOrder:
        fields: dict[str, Any] = {
            "channel": "shop",
            "status": OrderStatus.PLACED,
            "version": 1,
            "placed_at": AT,
            "currency": "EUR",
            "lines": (goods("OAT", oat), goods("RYE", 2)),
        }
        return SalesOrder(references=references, **(fields | other))

    def shipment(self, *order: Reference, oat: int = 2, **other: Any) -> Fulfilment:
        fields: dict[str, Any] = {"site": "AMS", "shipped_at": AT + MINUTE}
        fields["references"] = (self.ref(Numbering.SHIPMENT, "3pl"), self.parcel)
        return Fulfilment(order=order, lines=(goods("OAT", oat),), **(fields | other))

    def four_feeds(self) -> list[tuple[str, Any]]:
        by_shop = Reference(numbering=Numbering.CHANNEL, scope="shop-f", number=str(self.serial))
        return [
            ("shop", self.order(self.shop, oat=9)),
            ("shop", self.order(self.shop, version=2)),
            ("erp", self.order(self.ours, self.shop)),
            ("3pl", self.shipment(self.ours)),
            ("shop", self.shipment(self.shop, references=(by_shop, self.parcel), site="")),
        ]

    def say(self, connection: Connection, feed: str, document: Any) -> frozenset[int]:
        delivery = Delivery(
            feed=feed, delivery_id=self.serial, position=next(self.positions), received_at=AT
        )
        return sales.take(connection, document, delivery)

    def found(self, connection: Connection) -> list[sales.OrderRow]:
        numbers = {self.shop.number, self.ours.number, self.parcel.number}
        rows = [row for each in numbers for row in sales.page(connection, sites=None, number=each)]
        return sorted(set(rows))

    def only(self, connection: Connection) -> sales.Whole:
        (row,) = self.found(connection)
        return sales.whole(connection, row.order_id, sites=None)


def goods(sku: str, quantity: int, **other: Any) -> Line:
    return Line(number=sku, goods=Goods(sku=sku), quantity=quantity, **({"price": 500} | other))


def open_codes(connection: Connection, order_id: int) -> list[str]:
    return [case.code for case in cases(connection, sites=None, subject=f"order {order_id}")]


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_arrival_with_repetitions_is_the_same_one_order(
    connection: Connection, seed: int
) -> None:
    trade, chance = Trade(), random.Random(seed)
    said = trade.four_feeds()
    said += chance.sample(said, 3)
    chance.shuffle(said)
    for feed, document in said:
        trade.say(connection, feed, document)
    whole = trade.only(connection)
    assert whole.row.status == "part-shipped"
    assert (whole.row.numbering, whole.row.site, whole.row.differs) == ("channel", "AMS", "")
    assert [line[:6] for line in whole.lines] == [
        ("OAT", True, 3, 0, 2, 0),
        ("RYE", True, 2, 0, 0, 0),
    ]
    assert [(each.site, each.quantity, each.feed) for each in whole.moved] == [("AMS", 2, "3pl")]
    assert {each.scope for each in map(_scoped, whole.references)} == {"shop", "erp"}
    assert open_codes(connection, whole.row.order_id) == []
    assert sum(each.current for each in whole.statements) == 4


def _scoped(number: sales.Number) -> Reference:
    return Reference(numbering=Numbering(number[0]), scope=number[1], number=number[2])


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_said_in_whatever_order_the_orders_are_those_of_the_whole_set(
    connection: Connection, seed: int
) -> None:
    trade, chance = Trade(), random.Random(seed)
    scope = f"r{trade.serial}"
    kinds = (Numbering.CHANNEL, Numbering.CUSTOMER, Numbering.OURS)
    pool = [
        Reference(numbering=kind, scope=scope, number=str(number))
        for kind in kinds
        for number in range(3)
    ]
    said: list[Said] = []
    for _ in range(9):
        feed = chance.choice(["shop", "erp"])
        if chance.random() < 0.75:
            named = chance.sample(pool, chance.randint(1, 2))
            document: Any = trade.order(
                *named, oat=chance.randint(1, 3), version=chance.randint(1, 3)
            )
        else:
            document = trade.shipment(
                chance.choice(pool),
                oat=chance.randint(1, 3),
                references=(trade.ref(Numbering.SHIPMENT, str(chance.randint(1, 2))),),
            )
        said.append(Said(feed, document))
    for each in chance.sample(said, len(said)):
        trade.say(connection, *each)
    expected = sorted(
        (order.numbers, order.status, tuple(line.quantity for line in order.lines))
        for order in (fold(group, _known, ambiguous(latest(said))) for group in orders(said))
    )
    rows = {
        row.order_id: row
        for each in pool
        for row in sales.page(connection, sites=None, number=each.number, limit=1000)
    }
    wholes = [sales.whole(connection, each, sites=None) for each in rows]
    mine = [whole for whole in wholes if scope in {number[1] for number in sales.named_in(whole)}]
    assert sorted(
        (
            tuple(whole.references),
            whole.row.status,
            tuple(line.quantity for line in whole.lines),
        )
        for whole in mine
    ) == [row for row in expected if row[0]]
    assert not any(whole.row.unresolved for whole in mine)


def _known(term: Term) -> Meaning | None:
    return Meaning(term.sku, 1)


def test_a_shipment_before_its_order_waits_where_everybody_sees_it(connection: Connection) -> None:
    trade = Trade()
    trade.say(connection, "3pl", trade.shipment(trade.ours))
    (waiting,) = trade.found(connection)
    assert (waiting.status, waiting.placed_at) == ("awaited", None)
    trade.say(connection, "erp", trade.order(trade.ours))
    assert trade.only(connection).row.order_id == waiting.order_id
    assert trade.only(connection).row.status == "part-shipped"


def test_two_orders_that_turn_out_to_be_one_are_merged_and_the_merge_can_be_undone(
    connection: Connection,
) -> None:
    trade = Trade()
    trade.say(connection, "shop", trade.order(trade.shop))
    trade.say(connection, "erp", trade.order(trade.ours))
    first, second = trade.found(connection)
    trade.say(connection, "erp", trade.order(trade.ours, trade.shop, version=2))
    assert trade.only(connection).row.order_id == first.order_id
    merged = sales.whole(connection, second.order_id, sites=None)
    assert merged.row.order_id == first.order_id
    assert ("merged with", f"order {second.order_id}") in [
        (change.what, change.after) for change in merged.changes
    ]
    number = ("channel", "shop", trade.shop.number)
    sales.undo_merge(connection, number, by="pat", why="another customer's", at=AT)
    assert sorted(row.number for row in trade.found(connection)) == [
        trade.shop.number,
        trade.ours.number,
    ]
    apart = sales.whole(connection, first.order_id, sites=None)
    assert [each.said.feed for each in apart.statements if each.current] == ["shop"]
    with pytest.raises(QuartermasterError, match="joins nothing already"):
        sales.undo_merge(connection, number, by="pat", why="again", at=AT)
    sales.redo_merge(connection, number, by="pat", at=AT)
    assert trade.only(connection).row.order_id == first.order_id


def test_goods_whose_order_nobody_tells_of_for_a_day_are_a_case_until_somebody_does(
    connection: Connection,
) -> None:
    trade = Trade()
    trade.say(connection, "3pl", trade.shipment(trade.ours))
    (waiting,) = trade.found(connection)
    sales.remind(connection, at=Micros(AT + DAY - MINUTE))
    assert open_codes(connection, waiting.order_id) == []
    sales.remind(connection, at=Micros(AT + DAY + MINUTE))
    assert sales.remind(connection, at=Micros(AT + DAY + MINUTE)) == 0
    assert open_codes(connection, waiting.order_id) == ["order.awaited"]
    trade.say(connection, "erp", trade.order(trade.ours))
    assert open_codes(connection, waiting.order_id) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_number_that_many_quote_and_nobody_owns_joins_nothing(
    connection: Connection, seed: int
) -> None:
    trade, chance = Trade(), random.Random(seed)
    nothing = Reference(numbering=Numbering.CUSTOMER, scope=f"po{trade.serial}", number="N/A")
    subject = f"number customer po{trade.serial} N/A"
    mine = [replace(trade.shop, number=f"m{trade.serial}-{n}") for n in range(3)]
    said = [("shop", trade.order(each, nothing)) for each in mine]
    said.append(("erp", trade.order(trade.ours, mine[0], nothing)))
    chance.shuffle(said)
    for feed, document in said:
        trade.say(connection, feed, document)
    found = {
        row.order_id
        for each in mine
        for row in sales.page(connection, sites=None, number=each.number)
    }
    assert len(found) == 3
    (case,) = cases(connection, sites=None, subject=subject)
    assert case.code == "order.ambiguous-number"
    trade.say(connection, "edi", trade.order(nothing, version=1))
    assert cases(connection, sites=None, subject=subject) == []
    (one,) = {
        row.order_id
        for each in mine
        for row in sales.page(connection, sites=None, number=each.number)
    }
    assert one == min(found)


def test_what_contradicts_is_a_case_with_both_sides_until_the_sources_agree(
    connection: Connection,
) -> None:
    trade = Trade()
    trade.say(connection, "shop", trade.order(trade.shop))
    trade.say(connection, "erp", trade.order(trade.ours, trade.shop, oat=4))
    order_id = trade.only(connection).row.order_id
    (case,) = cases(connection, sites=None, subject=f"order {order_id}")
    assert case.code == "order.differs"
    assert "quantity of OAT: shop says 3, erp says 4" in case.detail
    trade.say(connection, "erp", trade.order(trade.ours, trade.shop, version=2))
    assert open_codes(connection, order_id) == []
    ended = {"status": OrderStatus.CANCELLED, "cancelled_at": AT}
    trade.say(connection, "3pl", trade.shipment(trade.ours))
    trade.say(connection, "shop", trade.order(trade.shop, version=3, **ended))
    assert sorted(open_codes(connection, order_id)) == ["order.cancelled-shipped", "order.differs"]
    assert trade.only(connection).row.status == "cancelled"


def test_an_unknown_item_keeps_its_order_waiting_for_the_catalog(connection: Connection) -> None:
    trade = Trade()
    sku = f"NEW-{trade.serial}"
    trade.say(connection, "shop", trade.order(trade.shop, lines=(goods(sku, 2),)))
    whole = trade.only(connection)
    assert [(line.item, line.known) for line in whole.lines] == [(f"sku:{sku}", False)]
    assert open_codes(connection, whole.row.order_id) == ["order.unresolved"]
    catalog.import_csv(connection, kind="items", content=f"sku,name\n{sku},New\n")
    assert sales.retry(connection, at=Micros(AT + 2 * MINUTE)) == {whole.row.order_id}
    assert [(line.item, line.known) for line in trade.only(connection).lines] == [(sku, True)]
    assert open_codes(connection, whole.row.order_id) == []


def test_packs_are_counted_in_base_units(connection: Connection) -> None:
    trade = Trade()
    cases_of_12 = Line(number="1", goods=Goods(gtin="14006381333938"), quantity=2, price=6000)
    trade.say(connection, "shop", trade.order(trade.shop, lines=(cases_of_12,)))
    assert [(each.item, each.quantity, each.amount) for each in trade.only(connection).lines] == [
        ("OAT", 24, 12000)
    ]


def test_what_identifies_a_person_is_in_one_table_only(connection: Connection) -> None:
    trade = Trade()
    ann = Party(name="Ann Zwaluw", email=f"ann{trade.serial}@example.org", street="Kade 1")
    document = trade.order(trade.shop, customer=ann, ship_to=ann)
    trade.say(connection, "shop", document)
    trade.say(connection, "shop", replace(document, version=2))
    holding = connection.execute(
        "SELECT count(*) FROM customer WHERE email = %s", [ann.email]
    ).fetchone()
    assert holding == (2,)
    for table in ("sales_order", "sales_statement", "sales_change", "sales_line"):
        text = str(connection.execute(f"SELECT t::text FROM {table} t").fetchall())
        assert "Zwaluw" not in text
        assert ann.email not in text
    connection.execute(
        "UPDATE customer SET name = '', email = '', street = '', erased_at = now()"
        " WHERE email = %s",
        [ann.email],
    )
    trade.say(connection, "shop", replace(document, version=3))
    assert "Zwaluw" not in str(connection.execute("SELECT * FROM customer").fetchall())


def test_open_lines_are_what_promises_must_keep(connection: Connection) -> None:
    trade = Trade()
    lines = (goods("OAT", 5, keeps_days=30, wanted="2026-12-01"),)
    placed = trade.order(trade.shop, lines=lines, site="AMS", paid_at=AT, segment="gold")
    trade.say(connection, "shop", placed)
    trade.say(connection, "3pl", trade.shipment(trade.shop, oat=2))
    item = catalog.item_ids(connection, ["OAT"])["OAT"]
    (line,) = [
        each for each in sales.open_lines(connection, [item]) if each.title[2] == trade.shop.number
    ]
    assert (line.quantity, line.ordered, line.paid_at, line.segment) == (3, 5, AT, "gold")
    assert (line.keeps_days, str(line.wanted), line.amount) == (30, "2026-12-01", 2500)
    connection.execute(
        "INSERT INTO document_pick (event_id, gateway_id, epoch, seq, site_id, item_id, document,"
        " quantity) VALUES (gen_random_uuid(), 1, 1, 1, %s, %s, %s, 4)",
        [line.site_id, item, trade.shop.number],
    )
    (line,) = [
        each for each in sales.open_lines(connection, [item]) if each.title[2] == trade.shop.number
    ]
    assert line.quantity == 1
    assert trade.only(connection).picked == {"OAT": 4}


def test_a_document_without_a_number_is_refused_and_leaves_nothing(connection: Connection) -> None:
    trade = Trade()
    before = connection.execute("SELECT count(*) FROM sales_statement").fetchone()
    with pytest.raises(QuartermasterError) as refused:
        trade.say(connection, "shop", trade.order())
    assert refused.value.code == "order.unnumbered"
    wrong: list[dict[str, Any]] = [
        {"placed_at": 2**62},
        {"version": 2**63},
        {"ship_by": "2026-02-30"},
        {"lines": (goods("OAT", 1, wanted="0000-01-01"),)},
        {"segment": "a\0b"},
    ]
    for fields in wrong:
        with pytest.raises(QuartermasterError) as refused:
            trade.say(connection, "shop", trade.order(trade.shop, **fields))
        assert refused.value.code == "request.invalid"
    assert connection.execute("SELECT count(*) FROM sales_statement").fetchone() == before
