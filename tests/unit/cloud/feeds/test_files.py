"""Files of marketplaces, ERPs, tills and 3PLs become documents, or say where they are wrong."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.feeds import Feed, Incoming, Read
from cloud.feeds.documents import (
    Numbering,
    OrderStatus,
    PurchaseOrder,
    Sale,
    SalesOrder,
    StockReport,
)
from cloud.feeds.kinds import TableSettings, checked_settings
from cloud.feeds.reports import amazon
from cloud.feeds.tables import check, read_table
from cloud.tables import ColumnMapping, written_workbook
from shared.errors import QuartermasterError
from shared.units import HOUR, Micros

NOW = Micros(1_772_366_400_000_000)  # 2026-03-01T12:00:00Z
ORDERS = (
    "amazon-order-id\tpurchase-date\tlast-updated-date\torder-status\tfulfillment-channel"
    "\tproduct-name\tsku\tasin\titem-status\tquantity\tcurrency\titem-price\tship-city\tship-country"
    "\tpurchase-order-number\n"
)
FIRST = "026-1\t2026-02-28T08:00:00+00:00\t2026-03-01T09:00:00+00:00\t"
OATS = 'Merchant\t"Oats" 500 g\tOAT-500\tB0\tUnshipped\t2\tEUR\t3.58\tDelft\tNL\tPO-7\n'
RYE = "Merchant\tRye\tRYE\tB1\tCancelled\t1\tEUR\t2.00\tDelft\tNL\tPO-7\n"
SETTLED = (
    "settlement-id\ttotal-amount\tcurrency\ttransaction-type\torder-id\tshipment-id\tamount-type"
    "\tamount-description\tamount\tfulfillment-id\tposted-date-time\torder-item-code\tsku"
    "\tquantity-purchased\n18\t95,00\tEUR" + "\t" * 11 + "\n"
)
SOLD = "18\t\t\t{}\t026-1\tS1\t{}\t{}\t1.003,58\tMFN\t01.03.2026 09:30:00 UTC\t77\tOAT-500\t{}\n"


def feed(**settings: Any) -> Feed:
    return Feed(1, "f1", "table", "on", None, None, "amz", "", settings, None, NOW)


def amazon_report(text: str, **settings: Any) -> Read:
    return amazon.read(None, Incoming(feed(**settings), 1, "", text.encode(), NOW))


def test_amazons_orders_come_with_what_is_still_wanted_and_as_they_were_last_updated() -> None:
    text = ORDERS + FIRST + "Unshipped\t" + OATS + FIRST + "Unshipped\t" + RYE
    text += FIRST + "Unshipped\t" + OATS.replace("3.58", "3.59")
    found = amazon_report(text, sites={"Merchant": "AMS1"})
    assert not found.flaws
    (order,) = found.documents
    assert isinstance(order, SalesOrder)
    numbers = [(each.numbering, each.scope, each.number) for each in order.references]
    assert numbers == [(Numbering.CHANNEL, "amz", "026-1"), (Numbering.CUSTOMER, "amz", "PO-7")]
    assert [(line.number, line.quantity, line.price) for line in order.lines] == [
        ("OAT-500", 2, 179),
        ("RYE", 0, 200),
        ("OAT-500#2", 2, None),
    ]
    assert order.lines[0].goods.name == '"Oats" 500 g'
    assert (order.site, order.ship_to.city, order.status) == ("AMS1", "Delft", OrderStatus.PLACED)
    assert order.paid_at == order.placed_at == NOW - 28 * HOUR
    assert order.version == NOW - 3 * HOUR
    assert found.subjects == (("order/026-1", order.version),)
    (gone,) = amazon_report(ORDERS + FIRST + "Cancelled\t" + OATS).documents
    assert isinstance(gone, SalesOrder)
    assert (gone.status, gone.paid_at, gone.cancelled_at) == (
        OrderStatus.CANCELLED,
        None,
        order.version,
    )


def test_of_a_settlement_only_the_principal_says_what_was_sold_and_whose_order_it_settles() -> None:
    text = SETTLED + "".join(
        SOLD.format(*row)
        for row in (
            ("Order", "ItemPrice", "Principal", 2),
            ("Order", "ItemPrice", "Tax", 2),
            ("Order", "ItemFees", "Commission", 2),
            ("Refund", "ItemPrice", "Principal", ""),
        )
    )
    found = amazon_report(text, decimal=",", sites={"Merchant": "AMS1"})
    assert not found.flaws
    (sale,) = found.documents
    assert isinstance(sale, Sale)
    assert (sale.reference.scope, sale.reference.number) == ("f1-settlement", "18/77/S1")
    assert (sale.site, sale.quantity, sale.price, sale.currency) == ("AMS1", 2, 50179, "EUR")
    assert sale.start == NOW - 5 * HOUR // 2
    assert [each.number for each in sale.order] == ["026-1"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sku\tx\nA\tB\n", "neither an all-orders report"),
        (ORDERS.replace("\tsku", ""), "no column sku"),
        ("", "empty"),
    ],
)
def test_another_report_is_refused_for_what_it_is(text: str, says: str) -> None:
    with pytest.raises(QuartermasterError, match=says):
        amazon_report(text)


def test_what_is_wrong_in_a_report_is_told_with_line_and_column() -> None:
    text = ORDERS + FIRST + "Unshipped\t" + OATS.replace("\t2\t", "\ttwo\t")
    text += "026-2\tyesterday\t\tPending\t" + RYE.replace("2.00", "2,00")
    places = {flaw.where for flaw in amazon_report(text).flaws}
    assert places == {"line 2 quantity", "line 3 purchase-date", "line 3 item-price"}


def table(kind: str, columns: str, content: str | bytes, **settings: Any) -> Read:
    mapping = ColumnMapping(
        kind=kind,
        columns={name: name.upper() for name in columns.split()},
        decimal=",",
        dates="day-first",
    )
    check(mapping)
    content = content.encode() if isinstance(content, str) else content
    shape = TableSettings(mapping="m", timezone="Europe/Amsterdam", **settings)
    return read_table(Incoming(feed(), 1, "", content, NOW), shape, mapping)


def test_a_tills_hourly_file_says_the_same_sales_whenever_it_comes() -> None:
    text = (
        "SITE;SKU;QUANTITY;START;PRICE\n"
        "Kassa 1;OAT;3;01.03.2026 09:00;1,79\nKassa 1;RYE;-1;01.03.2026 09:00;\n"
    )
    mapping = ColumnMapping(
        kind="feed-sales",
        columns={name: name.upper() for name in ("site", "sku", "quantity", "start", "price")},
        constants={"minutes": "60", "currency": "EUR"},
        decimal=",",
        dates="day-first",
    )
    check(mapping)
    shape = TableSettings(mapping="m", timezone="Europe/Amsterdam", sites={"Kassa 1": "AMS1"})
    found, again = (
        read_table(Incoming(feed(), 1, "", text.encode(), at), shape, mapping)
        for at in (NOW, Micros(NOW + HOUR))
    )
    assert not found.flaws
    first, second = found.documents
    assert isinstance(first, Sale)
    assert isinstance(second, Sale)
    assert (first.site, first.quantity, first.price, second.quantity) == ("AMS1", 3, 179, -1)
    assert (first.start, first.until - first.start) == (NOW - 4 * HOUR, HOUR)
    assert [each.reference for each in again.documents if isinstance(each, Sale)] == [
        first.reference,
        second.reference,
    ]


def test_a_day_is_the_sites_own_even_when_its_clocks_change() -> None:
    text = "SITE;SKU;QUANTITY;DAY\nAMS1;OAT;3;29.03.2026\n"
    (sale,) = table("feed-sales", "site sku quantity day", text).documents
    assert isinstance(sale, Sale)
    assert sale.until - sale.start == 23 * HOUR


def test_a_warehouses_stock_in_excel_becomes_one_report_per_site() -> None:
    rows = [["SITE", "GTIN", "QUANTITY", "LOT"], ["A", "04006381333931", "12", "L1"]]
    rows += [["B", "04006381333931", "5", ""], ["A", "04006381333931", "1", "L2"]]
    content = written_workbook(rows, {"QUANTITY": "number"}, name="stock", code="feed.content")
    found = table("feed-stock", "site gtin quantity lot", content, sites={"B": "AMS1"}, whole=True)
    first, second = found.documents
    assert isinstance(first, StockReport)
    assert isinstance(second, StockReport)
    assert (first.site, second.site, first.whole, first.at) == ("A", "AMS1", True, NOW)
    assert [(line.goods.gtin, line.quantity, line.lot) for line in first.lines] == [
        ("04006381333931", 12, "L1"),
        ("04006381333931", 1, "L2"),
    ]


def test_an_erps_orders_are_put_together_from_their_rows_wherever_these_stand() -> None:
    text = (
        "ORDER;LINE;SUPPLIER;SITE;CODE;QUANTITY;PRICE;CURRENCY;STATUS;UPDATED;WANTED\n"
        "4500;10;MILL;AMS1;X1;100;0,89;EUR;open;01.03.2026 10:00;15.03.2026\n"
        "4501;10;MILL;AMS1;X1;5;0,89;EUR;cancelled;01.03.2026 10:00;\n"
        "4500;20;MILL;AMS1;X2;1.200;1;EUR;open;01.03.2026 10:00;\n"
    )
    columns = "order line supplier site code quantity price currency status updated wanted"
    found = table("feed-purchases", columns, text)
    assert not found.flaws
    first, second = found.documents
    assert isinstance(first, PurchaseOrder)
    assert isinstance(second, PurchaseOrder)
    assert [(line.number, line.quantity, line.price, line.wanted) for line in first.lines] == [
        ("10", 100, 89, "2026-03-15"),
        ("20", 1200, 100, None),
    ]
    assert (second.status, first.version) == (OrderStatus.CANCELLED, NOW - 3 * HOUR)
    torn = table("feed-purchases", columns, text.replace("1.200;1;EUR", "1.200;1;USD"))
    assert [(flaw.where, flaw.says) for flaw in torn.flaws] == [
        ("line 4 currency", "order 4500 says otherwise on line 2")
    ]


def test_a_marketplaces_order_says_who_wants_what_where() -> None:
    text = (
        "ORDER,SKU,QUANTITY,PLACED,PAID,CITY,COMPANY\n"
        "W1,OAT,2,1.3.2026 10:00,1.3.2026 10:01,Delft,Bakery\n"
    )
    (order,) = table("feed-orders", "order sku quantity placed paid city company", text).documents
    assert isinstance(order, SalesOrder)
    assert (order.references[0].number, order.references[0].scope) == ("W1", "amz")
    assert (order.ship_to.city, order.customer.name) == ("Delft", "Bakery")
    assert order.paid_at == order.placed_at + 60_000_000
    assert order.version == NOW


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        (ColumnMapping(kind="feed-stock", columns={"quantity": "Q"}), "nothing names the item"),
        (ColumnMapping(kind="feed-sales", columns={"quantity": "Q", "sku": "S"}), "a day, or"),
        (ColumnMapping(kind="feed-orders", columns={"quantity": "Q"}), "nothing is said of order"),
        (ColumnMapping(kind="feed-x"), "no kind"),
    ],
)
def test_a_mapping_that_could_never_read_a_file_is_refused(
    mapping: ColumnMapping, says: str
) -> None:
    with pytest.raises(QuartermasterError, match=says):
        check(mapping)
    with pytest.raises(QuartermasterError, match="time zone"):
        checked_settings("table", {"mapping": "m", "timezone": "Mars/Phobos"})
