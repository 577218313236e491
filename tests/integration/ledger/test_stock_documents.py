"""What sites without a gateway say of their stock: posted once, reconciled, never fought over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cloud.app.stock_documents import (
    fulfilment,
    receipt_advice,
    ship_notice,
    stock_adjustment,
    stock_report,
)
from cloud.feeds.documents import (
    Fulfilment,
    Goods,
    ReceiptAdvice,
    ShipNotice,
    StockAdjustment,
    StockLine,
    StockReport,
)
from cloud.ledger.service import movements
from cloud.ledger.units.service import unit
from shared.errors import QuartermasterError
from shared.units import HOUR, MINUTE, Micros
from tests.support.book import (
    GATEWAY_SITE,
    NOON,
    THIRD,
    book,
    cases,
    delivery,
    held,
    line,
    reference,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud.db import Connection
    from cloud.feeds.documents import Delivery, Line

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def ledger(database_server: str, database_template: str) -> Iterator[Connection]:
    with book(database_server, database_template, "qm_stock_documents") as connection:
        yield connection


@pytest.fixture
def connection(ledger: Connection) -> Iterator[Connection]:
    """Each test takes back what it did."""
    yield ledger
    ledger.rollback()


STOCK: dict[type, Any] = {
    StockReport: stock_report,
    ReceiptAdvice: receipt_advice,
    StockAdjustment: stock_adjustment,
    Fulfilment: fulfilment,
}


def hand(connection: Connection, document: Any, given: Delivery) -> None:
    STOCK[type(document)](connection, document, given)


def report(
    number: str, *lines: StockLine, at: int = NOON, whole: bool = True, site: str = THIRD
) -> StockReport:
    return StockReport(
        reference=reference(number), site=site, at=Micros(at), lines=lines, whole=whole
    )


def has(sku: str, quantity: int, *, lot: str = "", state: str = "available") -> StockLine:
    return StockLine(goods=Goods(sku=sku), quantity=quantity, lot=lot, state=state)


def receipt(number: str, *lines: Line, at: int = NOON) -> ReceiptAdvice:
    return ReceiptAdvice(
        references=(reference(number),),
        order=(reference(f"PO-{number}"),),
        site=THIRD,
        received_at=Micros(at),
        lines=lines,
    )


def shipment(number: str, *lines: Line, at: int = NOON, cancelled: bool = False) -> Fulfilment:
    return Fulfilment(
        references=(reference(number),),
        order=(reference(f"SO-{number}"),),
        site=THIRD,
        shipped_at=Micros(at),
        lines=lines,
        cancelled=cancelled,
    )


def test_a_whole_report_makes_the_ledger_what_it_says_and_what_it_leaves_out_zero(
    connection: Connection,
) -> None:
    hand(connection, receipt("R1", line("SKU-0", 5, lot="A"), line("SKU-1", 3)), delivery(1))
    told = report("S1", has("SKU-0", 9), has("SKU-2", 4, state="damaged"), at=NOON + 2 * HOUR)
    hand(connection, told, delivery(2, hours=3))
    assert held(connection, THIRD) == {
        "SKU-0 available A": 5,
        "SKU-0 available": 4,
        "SKU-2 damaged": 4,
    }
    # Yesterday's file again, under another delivery: nothing moves.
    before = len(movements(connection, sites=None))
    hand(connection, told, delivery(3, hours=4))
    assert len(movements(connection, sites=None)) == before
    assert held(connection, THIRD, at=NOON + HOUR) == {"SKU-0 available A": 5, "SKU-1 available": 3}


def test_an_older_report_changes_nothing_and_a_part_speaks_of_its_own_lines_only(
    connection: Connection,
) -> None:
    hand(connection, report("S1", has("SKU-0", 9), has("SKU-1", 2)), delivery(1))
    hand(connection, report("S0", has("SKU-0", 100), at=NOON - 1), delivery(2))
    assert held(connection, THIRD) == {"SKU-0 available": 9, "SKU-1 available": 2}
    part = report("S2", has("SKU-1", 7), at=NOON + HOUR, whole=False)
    hand(connection, part, delivery(3, hours=2))
    # A part that speaks of another item is not too late because of it; of the same item it is.
    late = report("S3", has("SKU-0", 8), has("SKU-1", 1), at=NOON + MINUTE, whole=False)
    hand(connection, late, delivery(4, hours=2))
    assert held(connection, THIRD) == {"SKU-0 available": 8, "SKU-1 available": 7}


def test_what_happened_before_a_report_and_is_told_after_it_counts_once(
    connection: Connection,
) -> None:
    hand(connection, receipt("R1", line("SKU-0", 100), at=NOON - 5 * HOUR), delivery(1))
    hand(connection, report("S1", has("SKU-0", 90)), delivery(2))
    hand(connection, shipment("F1", line("SKU-0", 10), at=NOON - HOUR), delivery(3, hours=2))
    assert held(connection, THIRD) == {"SKU-0 available": 90}
    assert held(connection, THIRD, at=NOON - 2 * HOUR) == {"SKU-0 available": 100}
    assert held(connection, THIRD, at=NOON - MINUTE) == {"SKU-0 available": 90}
    hand(connection, shipment("F2", line("SKU-0", 4), at=NOON + HOUR), delivery(4, hours=2))
    assert held(connection, THIRD) == {"SKU-0 available": 86}


def test_an_unknown_item_is_a_case_the_rest_is_applied_and_nothing_is_taken_for_zero(
    connection: Connection,
) -> None:
    hand(connection, receipt("R1", line("SKU-1", 3)), delivery(1))
    hand(connection, report("S1", has("SKU-0", 9), has("WHAT", 3), at=NOON + 1), delivery(2))
    assert held(connection, THIRD) == {"SKU-0 available": 9, "SKU-1 available": 3}
    (case,) = cases(connection)
    assert case[0] == "feed.unknown-item"
    assert "1 of 2 lines" in case[2]
    assert "WHAT" in case[2]
    with pytest.raises(QuartermasterError, match=r"without a line"):
        hand(connection, report("S2", at=NOON + 2), delivery(3))
    assert held(connection, THIRD) == {"SKU-0 available": 9, "SKU-1 available": 3}


def test_where_a_gateway_tells_the_stock_a_report_is_compared_and_an_adjustment_refused(
    connection: Connection,
) -> None:
    hand(connection, report("S1", has("SKU-0", 9), site=GATEWAY_SITE), delivery(1))
    assert held(connection, GATEWAY_SITE) == {}
    (case,) = cases(connection)
    assert case[0] == "stock.differs"
    assert "the ledger has 0, house says 9" in case[2]
    adjustment = StockAdjustment(
        references=(reference("A1"),),
        site=GATEWAY_SITE,
        at=Micros(NOON),
        lines=(line("SKU-0", 1),),
        signs=(1,),
    )
    with pytest.raises(QuartermasterError) as refused:
        hand(connection, adjustment, delivery(2))
    assert refused.value.code == "stock.gateway-owns"
    assert held(connection, GATEWAY_SITE) == {}


def test_adjustments_and_shipments_take_the_lot_that_is_named_and_otherwise_what_is_there(
    connection: Connection,
) -> None:
    hand(
        connection,
        receipt("R1", line("SKU-0", 5, lot="A"), line("SKU-0", 5, lot="B"), line("SKU-0", 2)),
        delivery(1),
    )
    adjustment = StockAdjustment(
        references=(reference("A1"),),
        site=THIRD,
        at=Micros(NOON + 1),
        lines=(line("SKU-0", 1, lot="B"), line("SKU-1", 2)),
        signs=(-1, 1),
        reasons=("broken", "found"),
    )
    hand(connection, adjustment, delivery(2))
    hand(connection, shipment("F1", line("SKU-0", 4), at=NOON + 2), delivery(3))
    assert held(connection, THIRD) == {
        "SKU-0 available A": 3,
        "SKU-0 available B": 4,
        "SKU-1 available": 2,
    }
    told = movements(connection, sites=None, item="SKU-1")[0]
    assert told.gateway is None
    assert told.said is not None
    assert (told.said.what, told.said.reference, told.said.feed) == (
        "stock-adjustment",
        "A1",
        "house",
    )


def test_a_document_under_known_numbers_that_says_something_else_is_refused(
    connection: Connection,
) -> None:
    hand(connection, receipt("R1", line("SKU-0", 9)), delivery(1))
    fulfilment(connection, shipment("F1", line("SKU-0", 4)), delivery(2))
    with pytest.raises(QuartermasterError) as refused:
        fulfilment(connection, shipment("F1", line("SKU-0", 5)), delivery(3))
    assert refused.value.code == "stock.contradicts"
    assert held(connection, THIRD) == {"SKU-0 available": 5}


def test_a_cancelled_shipment_never_left_whichever_of_the_two_arrives_first(
    connection: Connection,
) -> None:
    hand(connection, receipt("R1", line("SKU-0", 9)), delivery(1))
    fulfilment(connection, shipment("F1", line("SKU-0", 4), at=NOON + 1), delivery(2))
    cancelled = shipment("F1", line("SKU-0", 4), at=NOON + 1, cancelled=True)
    for number in (3, 4):
        fulfilment(connection, cancelled, delivery(number))
    assert held(connection, THIRD) == {"SKU-0 available": 9}
    assert held(connection, THIRD, at=NOON + 1) == {"SKU-0 available": 9}
    early = shipment("F2", line("SKU-0", 4), cancelled=True)
    fulfilment(connection, early, delivery(5))
    fulfilment(connection, shipment("F2", line("SKU-0", 4)), delivery(6))
    assert held(connection, THIRD) == {"SKU-0 available": 9}


def test_a_ship_notice_puts_goods_under_way_and_on_their_pallets_and_is_taken_in_by_number(
    connection: Connection,
) -> None:
    notice = ShipNotice(
        references=(reference("ASN-1"),),
        order=(reference("PO-R1"),),
        supplier="acme",
        site=THIRD,
        shipped_at=Micros(NOON - HOUR),
        lines=(line("SKU-0", 5, sscc="095000000000000017"), line("SKU-1", 2)),
    )
    for number in (1, 2):
        ship_notice(connection, notice, delivery(number))
    assert held(connection, THIRD) == {"SKU-0 in_transit": 5, "SKU-1 in_transit": 2}
    pallet = unit(connection, "095000000000000017", sites=None)
    assert pallet is not None
    assert pallet.is_announced_only
    assert [(c.sku, c.quantity) for c in pallet.contents] == [("SKU-0", 5)]
    # Less was sent than first announced; then it is taken in under the order's number.
    ship_notice(
        connection,
        msgspec.structs.replace(notice, lines=(line("SKU-0", 4, sscc="095000000000000017"),)),
        delivery(3),
    )
    assert held(connection, THIRD) == {"SKU-0 in_transit": 4}
    pallet = unit(connection, "095000000000000017", sites=None)
    assert pallet is not None
    assert [(c.sku, c.quantity) for c in pallet.contents] == [("SKU-0", 4)]
    receipt_advice(connection, receipt("R1", line("SKU-0", 4)), delivery(4))
    assert held(connection, THIRD) == {"SKU-0 available": 4}
    assert cases(connection) == []
    cancelled = msgspec.structs.replace(
        notice, references=(reference("ASN-2"),), order=(), lines=(line("SKU-2", 9),)
    )
    ship_notice(connection, cancelled, delivery(5))
    ship_notice(connection, msgspec.structs.replace(cancelled, cancelled=True), delivery(6))
    assert held(connection, THIRD) == {"SKU-0 available": 4}
    assert cases(connection) == []
