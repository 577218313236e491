"""What shops, carriers, tills and connectors send, as documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloud.feeds import Feed, Incoming, Read, carrier, posted, shopify, tills
from cloud.feeds.documents import (
    CustomerReturn,
    Fulfilment,
    Goods,
    Listing,
    OrderStatus,
    Sale,
    SalesOrder,
    StockReport,
    Tracking,
)
from shared.errors import QuartermasterError
from shared.units import Micros

SHOP = {"shop": "oats.myshopify.com", "locations": {"487838322": "AMS1"}}
ORDER: dict[str, Any] = {
    "id": 450789469,
    "name": "#1001",
    "order_number": 1001,
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
    "currency": "EUR",
    "financial_status": "paid",
    "email": "bob@example.com",
    "shipping_address": {"name": "Bob", "address1": "Main 1", "city": "Wien", "zip": "1010"},
    "line_items": [
        {"id": 1, "quantity": 5, "sku": "OAT", "variant_id": 39, "price": "1.79"},
        {"id": 2, "quantity": 1, "sku": "GIFT", "gift_card": True, "price": "10.00"},
    ],
}


def incoming(
    kind: str, content: object, *, topic: str = "", settings: dict[str, Any] | None = None
) -> Incoming:
    feed = Feed(1, "feed", kind, "on", None, None, "web", "", settings or {}, None, Micros(0))
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Incoming(feed, 7, topic, body, Micros(0))


def shop(topic: str, content: object) -> Read:
    return shopify.read(None, incoming("shopify", content, topic=topic, settings=SHOP))


def order(**changes: Any) -> SalesOrder:
    (document,) = shop("orders/updated", ORDER | changes).documents
    assert isinstance(document, SalesOrder)
    return document


def test_an_order_keeps_its_numbers_lines_money_and_version() -> None:
    found = order()
    assert [(each.scope, each.number) for each in found.references] == [
        ("web-id", "450789469"),
        ("web", "#1001"),
        ("web", "1001"),
    ]
    assert (found.status, found.version) == (OrderStatus.PLACED, 1_772_366_400_000_000)
    (line,) = found.lines
    assert (line.goods.sku, line.goods.theirs, line.quantity, line.price) == ("OAT", "39", 5, 179)
    assert (found.paid_at, found.ship_to.city, found.customer.email) == (
        found.placed_at,
        "Wien",
        "bob@example.com",
    )


def test_whether_an_order_is_cancelled_its_own_body_says_for_the_topic_is_not_signed() -> None:
    (document,) = shop("orders/cancelled", ORDER).documents
    assert isinstance(document, SalesOrder)
    assert document.status is OrderStatus.PLACED
    changed = order(updated_at="2026-03-01T13:00:00Z", cancelled_at="2026-03-01T13:00:00Z")
    assert changed.status is OrderStatus.CANCELLED
    assert order(updated_at="2026-03-01T13:00:00Z").status is OrderStatus.CHANGED


def test_what_was_taken_out_before_it_was_shipped_is_ordered_no_more_what_came_back_was() -> None:
    def refund(kind: str) -> dict[str, Any]:
        line = {"line_item_id": 1, "quantity": 2, "restock_type": kind}
        return {
            "id": 9,
            "order_id": ORDER["id"],
            "created_at": "2026-03-02T12:00:00Z",
            "refund_line_items": [line],
        }

    assert order(refunds=[refund("cancel")]).lines[0].quantity == 3
    assert order(refunds=[refund("return")]).lines[0].quantity == 5


def test_a_refund_is_what_came_back_by_site_and_whether_it_can_be_sold_again() -> None:
    item = ORDER["line_items"][0]
    lines = [
        {"line_item_id": 1, "quantity": 1, "restock_type": "return", "location_id": 487838322},
        {"line_item_id": 1, "quantity": 2, "restock_type": "no_restock"},
        {"line_item_id": 1, "quantity": 4, "restock_type": "cancel"},
    ]
    refund = {
        "id": 9,
        "order_id": 450789469,
        "created_at": "2026-03-02T12:00:00Z",
        "refund_line_items": [line | {"line_item": item} for line in lines],
    }
    documents = shop("refunds/create", refund).documents
    assert [
        (each.site, each.restocked, each.lines[0].quantity, each.references[0].number)
        for each in documents
        if isinstance(each, CustomerReturn)
    ] == [("", False, 2, "9"), ("AMS1", True, 1, "9-1")]


def test_goods_left_when_the_shop_says_success_and_not_before() -> None:
    sent = {
        "id": 5,
        "order_id": 450789469,
        "status": "success",
        "created_at": "2026-03-02T12:00:00Z",
        "updated_at": "2026-03-02T12:00:00Z",
        "location_id": 487838322,
        "tracking_company": "UPS",
        "tracking_numbers": ["1Z2345"],
        "line_items": ORDER["line_items"][:1],
    }
    (document,) = shop("fulfillments/create", sent).documents
    assert isinstance(document, Fulfilment)
    assert (document.site, document.order[0].number, document.cancelled) == (
        "AMS1",
        "450789469",
        False,
    )
    assert document.references[1].number == "1Z2345"
    assert shop("fulfillments/create", sent | {"status": "pending"}).documents == ()


def test_a_level_is_a_word_on_one_items_stock_and_oversold_is_for_a_person() -> None:
    level = {
        "inventory_item_id": 808,
        "location_id": 487838322,
        "available": 6,
        "updated_at": "2026-03-02T12:00:00Z",
    }
    read = shop("inventory_levels/update", level)
    (document,) = read.documents
    assert isinstance(document, StockReport)
    assert (document.site, document.whole) == ("AMS1", False)
    assert (document.lines[0].goods, document.lines[0].quantity) == (
        Goods(theirs="inventory-item:808"),
        6,
    )
    assert read.subjects[0].name == "levels/808/487838322"
    oversold = shop("inventory_levels/update", level | {"available": -2})
    assert (oversold.documents, oversold.flaws[0].code) == ((), "feed.content")


def test_a_product_says_what_the_shops_own_numbers_mean() -> None:
    variant = {"id": 39, "sku": "OAT", "barcode": "4006381333931", "inventory_item_id": 808}
    product = {
        "id": 1,
        "title": "Oats",
        "updated_at": "2026-03-02T12:00:00Z",
        "variants": [variant, {"id": 40, "sku": "", "barcode": None}],
    }
    read = shop("products/update", product)
    assert read.apart
    assert [
        (each.theirs, each.sku, each.gtin) for each in read.documents if isinstance(each, Listing)
    ] == [("39", "OAT", "4006381333931"), ("inventory-item:808", "OAT", "4006381333931")]


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"currency": "euro"}, "feed.document", "$.currency"),
        ({"line_items": [{"id": 1, "quantity": -1}]}, "feed.document", "$.line_items[0].quantity"),
        ({"line_items": [{"id": 1, "quantity": 1.5}]}, "feed.document", "$.line_items[0].quantity"),
        ({"processed_at": "today"}, "feed.document", "processed_at"),
        ({"location_id": 1}, "feed.unknown-site", ""),
        ({"id": None}, "feed.document", "$.id"),
    ],
)
def test_an_order_that_is_not_as_it_must_be_is_refused_by_the_field(
    change: dict[str, Any], code: str, where: str
) -> None:
    (flaw,) = shop("orders/updated", ORDER | change).flaws
    assert (flaw.code, flaw.where) == (code, where)


@pytest.mark.parametrize("value", [[], "order", {"id": 1}, ORDER | {"updated_at": "today"}])
def test_what_is_no_payload_at_all_is_refused(value: object) -> None:
    with pytest.raises(QuartermasterError, match=r"feed\.document"):
        shop("orders/updated", value)


def test_test_orders_and_topics_without_meaning_for_stock_are_passed_over() -> None:
    assert shop("orders/create", ORDER | {"test": True}).documents == ()
    assert shop("themes/publish", {}).documents == ()


def test_a_carriers_word_is_about_a_parcel() -> None:
    word = {
        "tracking_number": "1Z2345",
        "carrier": "UPS",
        "shipment": "SH-7",
        "at": "2026-03-01T12:00:00Z",
        "status": "in-transit",
        "eta": "2026-03-03T16:00:00Z",
        "something": "else",
    }
    (document,) = carrier.read(None, incoming("carrier", word)).documents
    assert isinstance(document, Tracking)
    assert (document.status, document.eta) == ("in-transit", 1_772_553_600_000_000)
    assert [each.number for each in document.shipment] == ["1Z2345", "SH-7"]
    with pytest.raises(QuartermasterError, match=r"\$\.status"):
        carrier.read(None, incoming("carrier", word | {"status": "lost"}))


FILE = (
    "id,store,sku,quantity,start,until,price,currency,stocked_out\n"
    "1,7,OAT,12,2026-03-01T12:00:00+01:00,2026-03-01T13:00:00+01:00,1.79,EUR,no\n"
    "2,7,RYE,-1,2026-03-01T12:00:00+01:00,2026-03-01T13:00:00+01:00,,,yes\n"
)


def till(content: object) -> Read:
    return tills.read(None, incoming("pos", content, settings={"stores": {"7": "AMS1"}}))


def test_a_tills_file_and_its_webhook_say_the_same() -> None:
    from_file = till(FILE.encode()).documents
    assert [
        (each.reference.number, each.site, each.quantity, each.price, each.stocked_out)
        for each in from_file
        if isinstance(each, Sale)
    ] == [("1", "AMS1", 12, 179, False), ("2", "AMS1", -1, None, True)]
    span = {"start": "2026-03-01T12:00:00+01:00", "until": "2026-03-01T13:00:00+01:00"}
    sales = [
        {"id": "1", "store": "7", "sku": "OAT", "quantity": 12, "stocked_out": False, **span}
        | {"price": "1.79", "currency": "EUR"},
        {"id": "2", "store": "7", "sku": "RYE", "quantity": -1, "stocked_out": True, **span},
    ]
    assert till({"sales": sales}).documents == from_file
    assert till(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode()).documents == from_file


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (("1,7,OAT,12", "1,7,OAT,1.5"), "line 2 quantity"),
        (("1,7,OAT,12", '1,7,OAT,"1,200"'), "line 2 quantity"),
        (("1,7,OAT,12", "1,7,OAT,"), "line 2"),
        (("1,7,OAT,12", "1,7,,12"), "line 2 sku"),
        (("2,7,RYE", "1,7,RYE"), "line 3 id"),
        ((",1.79,EUR", ",1.79,"), "line 2 currency"),
        ((",1.79,EUR", ',"1,79",EUR'), "line 2 price"),
        (
            ("2026-03-01T12:00:00+01:00,2026-03-01T13", "2026-03-01 noon,2026-03-01T13"),
            "line 2 start",
        ),
        (("T12:00:00+01:00", "T14:00:00+01:00"), "line 2 until"),
        ((",no\n", ",perhaps\n"), "line 2 stocked_out"),
        ((",no\n", ",no,extra\n"), "line 2"),
    ],
)
def test_a_wrong_row_is_named_by_line_and_column(change: tuple[str, str], where: str) -> None:
    read = till(FILE.replace(*change, 1).encode())
    assert read.flaws[0].where == where
    assert read.flaws[0].code == "feed.document"


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"id,store\n", FILE.replace("sku", "skew", 1).encode(), b'id,"', b"\0"],
)
def test_a_file_that_is_none_is_refused_whole(content: bytes) -> None:
    with pytest.raises(QuartermasterError, match=r"feed\.content"):
        till(content)


TRACKING = {
    "type": "tracking",
    "reference": {"numbering": "tracking", "scope": "UPS", "number": "1"},
    "shipment": [],
    "at": 1_772_366_400_000_000,
    "status": "delivered",
}


def test_posted_documents_come_alone_or_several() -> None:
    assert len(posted.read_content(json.dumps(TRACKING).encode()).documents) == 1
    several = {"documents": [TRACKING, TRACKING | {"status": "exception"}]}
    assert len(posted.read_content(json.dumps(several).encode()).documents) == 2


def test_all_that_is_wrong_with_posted_documents_is_said_by_its_place() -> None:
    wrong = [
        TRACKING | {"at": "noon"},
        TRACKING,
        TRACKING | {"type": "telegram"},
        TRACKING | {"at": 1},
        {"type": "sales-order", "references": []},
    ]
    read = posted.read_content(json.dumps({"documents": wrong}).encode())
    assert [(flaw.where.partition("]")[0] + "]", flaw.code) for flaw in read.flaws] == [
        ("$.documents[0]", "feed.document"),
        ("$.documents[2]", "feed.document"),
        ("$.documents[3]", "feed.document"),
        ("$.documents[4]", "feed.document"),
    ]
    assert read.flaws[0].where == "$.documents[0].at"
