"""Our orders on the real database: documents in any order, receipts, cases, lead times."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cloud import catalog, exceptions
from cloud.app.documents import HANDLERS
from cloud.db import unit_of_work
from cloud.feeds.documents import (
    Answer,
    Confirmation,
    ConfirmedLine,
    Delivery,
    Document,
    Goods,
    Invoice,
    Line,
    Numbering,
    OrderStatus,
    PurchaseOrder,
    ReceiptAdvice,
    Reference,
    ShipNotice,
    Tracking,
)
from cloud.ledger.transit import service as transit
from cloud.orders import purchases
from shared import events
from shared.errors import QuartermasterError
from shared.events import Received, ScanUndone, Undone
from shared.units import DAY, HOUR, Micros
from tests.support.intake import AT, Intake
from tests.support.uplink import Hand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

ITEMS = "sku,name,gtin,quantity\nOAT,Oats,4006381333931,1\nOAT,,14006381333938,12\nRYE,Rye,,\n"
SUPPLIERS = (
    "code,name,currency,minimum,lead_days\nMILL,The Mill,EUR,25.00,14\nFARM,The Farm,EUR,,\n"
)
OFFERS = (
    "supplier,sku,reference,currency,per,minimum,multiple,from,cost\n"
    "MILL,OAT,M-17,EUR,1,12,12,12,0.89\nMILL,RYE,M-18,EUR,1,1,1,1,1.10\n"
)
DAY_0 = Micros(1_763_596_800_000_000)  # 2025-11-20


class House:
    """One database, one gateway, two suppliers; every test has orders of its own."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.pool = pool
        self.hand = Hand("gw-a")
        self.intake = Intake(pool, self.hand)
        self.heard = 0
        with unit_of_work(pool) as connection:
            kinds: tuple[tuple[catalog.ImportKind, str], ...] = (
                ("items", ITEMS),
                ("suppliers", SUPPLIERS),
                ("offers", OFFERS),
            )
            for kind, text in kinds:
                assert not catalog.import_csv(connection, kind=kind, content=text).errors

    def hear(self, *documents: Document, feed: str = "x12", at: Micros = AT) -> None:
        for document in documents:
            self.heard += 1
            delivery = Delivery(feed=feed, delivery_id=self.heard, position=0, received_at=at)
            with unit_of_work(self.pool) as connection:
                purchases.handle(connection, document, delivery)

    def refused(self, document: Document) -> tuple[str, str]:
        with pytest.raises(QuartermasterError) as error:
            self.hear(document)
        return error.value.code, f"{error.value.where}: {error.value.detail}"

    def receive(self, document: str, sku: str, quantity: int, **other: Any) -> None:
        line = events.Line(sku, quantity)
        self.intake.say(self.hand, Received(line, "L0", document=document, **other))

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.intake.rows(statement, *values)

    def lines(self, number: str) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT l.number, l.ordered, l.confirmed, l.shipped, l.received, l.open, l.status"
            " FROM purchase_line l JOIN purchase_order o USING (purchase_id) WHERE o.number = %s"
            " ORDER BY l.number",
            number,
        )

    def picture(self, number: str) -> list[Any]:
        """All that stands of an order, without keys, revisions and the moments of learning."""
        found: list[Any] = []
        for table in ("purchase_line", "asn", "asn_line", "asn_package", "purchase_receipt"):
            rows = self.rows(
                f"SELECT to_jsonb(t) - 'purchase_id' FROM {table} t"
                " JOIN purchase_order o USING (purchase_id) WHERE o.number = %s ORDER BY 1",
                number,
            )
            found.append([row[0] for row in rows])
        return found

    def cases(self, number: str) -> list[tuple[str, str]]:
        with unit_of_work(self.pool) as connection:
            found = exceptions.cases(connection, sites=None, limit=500)
        return sorted(
            (case.code, case.detail) for case in found if number in (case.subject + case.detail)
        )


@pytest.fixture(scope="module")
def house(shared_pool: ConnectionPool[Connection]) -> House:
    return House(shared_pool)


def ref(numbering: Numbering, number: str, scope: str = "") -> tuple[Reference, ...]:
    return (Reference(numbering=numbering, scope=scope, number=number),)


def ours(number: str) -> tuple[Reference, ...]:
    return ref(Numbering.OURS, number)


def line(number: str, sku: str, quantity: int, **other: Any) -> Line:
    goods = other.pop("goods", Goods(sku=sku))
    return Line(number=number, goods=goods, quantity=quantity, **other)


def order(number: str, *lines: Line, version: int = 1, **other: Any) -> PurchaseOrder:
    values: dict[str, Any] = {"status": OrderStatus.PLACED, "currency": "EUR", "supplier": "MILL"}
    return PurchaseOrder(
        references=ours(number),
        site="S-gw-a",
        version=version,
        ordered_at=DAY_0,
        lines=lines,
        **(values | other),
    )


def confirmed(number: str, *lines: ConfirmedLine, **other: Any) -> Confirmation:
    return Confirmation(
        references=ref(Numbering.SUPPLIER, f"SO-{number}", "MILL"),
        order=ref(Numbering.CUSTOMER, number),
        supplier=other.get("supplier", "MILL"),
        at=Micros(DAY_0 + 2 * HOUR),
        lines=lines,
    )


def says(what: Line, answer: Answer = Answer.ACCEPTED, day: str | None = None) -> ConfirmedLine:
    return ConfirmedLine(line=what, answer=answer, deliver_day=day)


def notice(number: str, shipment: str, *lines: Line, **other: Any) -> ShipNotice:
    values: dict[str, Any] = {"order": ours(number), "supplier": "MILL", "site": "S-gw-a"}
    references = (
        *ref(Numbering.SHIPMENT, shipment, "MILL"),
        *ref(Numbering.TRACKING, f"1Z{shipment}"),
    )
    return ShipNotice(
        references=references,
        shipped_at=Micros(DAY_0 + 12 * HOUR),
        lines=lines,
        **(values | other),
    )


def invoice(number: str, *lines: Line) -> Invoice:
    return Invoice(
        references=ref(Numbering.INVOICE, f"I-{number}", "MILL"),
        order=ours(number),
        supplier="MILL",
        day="2025-11-22",
        currency="EUR",
        lines=lines,
    )


def tracked(shipment: str, status: str, eta: Micros | None = None) -> Tracking:
    return Tracking(
        reference=ref(Numbering.TRACKING, f"1Z{shipment}")[0],
        shipment=(),
        at=Micros(DAY_0 + DAY),
        status=status,
        eta=eta,
    )


def story(number: str) -> list[Document]:
    """One order from its placing to its invoice."""
    return [
        order(number, line("1", "OAT", 48, price=89), line("2", "RYE", 10, price=110)),
        confirmed(
            number,
            says(line("1", "", 4, goods=Goods(gtin="14006381333938")), day="2025-11-27"),
            says(line("2", "", 8, goods=Goods(theirs="M-18"), price=110), Answer.CHANGED),
        ),
        notice(
            number,
            f"S{number}",
            line("1", "OAT", 48, sscc="340063813339310015"),
            line("2", "RYE", 8),
            packages=(("340063813339310015", ""),),
        ),
        tracked(f"S{number}", "in-transit", Micros(DAY_0 + 6 * DAY)),
        invoice(number, line("1", "OAT", 48, price=99), line("2", "RYE", 8, price=110)),
    ]


def test_documents_in_any_order_and_twice_leave_one_picture_and_the_same_open_cases(
    house: House,
) -> None:
    pictures: list[Any] = []
    for name, turn in (("A", [0, 1, 2, 3, 4]), ("B", [4, 3, 2, 1, 0]), ("C", [3, 2, 0, 4, 1])):
        told = story(f"PO-{name}")
        if name == "B":
            house.receive("SPO-B", "OAT", 40)
        house.hear(*(told[n] for n in turn))
        if name != "B":
            house.receive(f"SPO-{name}", "OAT", 40)
        before = house.rows("SELECT revision FROM purchase_order WHERE number = %s", f"PO-{name}")
        house.hear(*told, feed="another feed")
        after = house.rows("SELECT revision FROM purchase_order WHERE number = %s", f"PO-{name}")
        assert before == after
        assert house.lines(f"PO-{name}") == [
            ("1", 48, 48, 48, 40, 8, "shipped"),
            ("2", 10, 8, 8, 0, 10, "shipped"),
        ]
        text = msgspec.json.encode([house.picture(f"PO-{name}"), house.cases(f"PO-{name}")])
        picture = msgspec.json.decode(text.replace(f"PO-{name}".encode(), b"PO"))
        for row in (*picture[0][0], *picture[0][4]):  # each scan has a moment of its own
            for field in ("source", "received_at", "first_receipt", "last_receipt"):
                row.pop(field, None)
        pictures.append(picture)
    assert pictures[0] == pictures[1] == pictures[2]
    assert [code for code, _ in pictures[0][1]] == ["purchase.confirmed-less", "purchase.price"]
    assert pictures[0][1][0][1] == "RYE: 10 ordered; 8 confirmed, 0 later, 0 rejected"


def test_a_shipment_for_two_orders_is_each_ones_own_part_of_it(house: House) -> None:
    house.hear(order("PO-M1", line("1", "OAT", 12)), order("PO-M2", line("1", "OAT", 24)))
    lines = (line("1", "OAT", 12, order="PO-M1"), line("2", "OAT", 20, order="PO-M2"))
    both = notice("", "S-M", *lines, order=(*ours("PO-M1"), *ours("PO-M2")))
    house.hear(both, both)
    assert house.lines("PO-M1") == [("1", 12, 0, 12, 0, 12, "shipped")]
    assert house.lines("PO-M2") == [("1", 24, 0, 20, 0, 24, "shipped")]
    house.hear(tracked("S-M", "in-transit", Micros(DAY_0 + 3 * DAY)))
    etas = house.rows("SELECT DISTINCT eta FROM asn WHERE number = 'S-M'")
    assert len(etas) == 1
    assert etas[0][0] is not None
    assert house.rows("SELECT count(DISTINCT site_id) FROM asn WHERE number = 'S-M'") == [(1,)]
    unclear = msgspec.structs.replace(both, lines=(line("9", "OAT", 1),))
    assert house.refused(unclear) == ("purchase.document", "line 9: of which of PO-M1, PO-M2")


def test_what_was_announced_is_on_its_way_in_the_ledger_too(house: House) -> None:
    house.hear(order("PO-I", line("1", "OAT", 12)))
    sent = notice("PO-I", "S-I", line("1", "", 12, goods=Goods(theirs="M-17")))
    delivery = Delivery(feed="x12", delivery_id=0, position=0, received_at=AT)
    with unit_of_work(house.pool) as connection:
        HANDLERS[ShipNotice](connection, sent, delivery)
        under_way = transit.in_transit(connection, sites=None, reference="S-I")
        HANDLERS[Tracking](
            connection, tracked("S-I", "in-transit", Micros(DAY_0 + 4 * DAY)), delivery
        )
        (moved,) = transit.in_transit(connection, sites=None, reference="S-I")
        HANDLERS[ShipNotice](connection, msgspec.structs.replace(sent, version=1), delivery)
        (again,) = transit.in_transit(connection, sites=None, reference="S-I")
    assert moved.eta == again.eta == DAY_0 + 4 * DAY
    assert [(each.sku, each.quantity) for each in under_way] == [("OAT", 12)]
    assert house.lines("PO-I")[0][-1] == "shipped"


def test_those_who_speak_of_an_order_at_once_never_miss_each_other(house: House) -> None:
    def say(document: Document) -> None:
        house.hear(document)

    with ThreadPoolExecutor(4) as people:
        told = [document for n in range(6) for document in story(f"PO-P{n}")]
        for each in [people.submit(say, document) for document in told]:
            each.result()
    for n in range(6):
        assert [row[2:4] for row in house.lines(f"PO-P{n}")] == [(48, 48), (8, 8)]
        assert [code for code, _ in house.cases(f"PO-P{n}")] == [
            "purchase.confirmed-less",
            "purchase.price",
        ]


def test_what_changed_is_kept_line_by_line_with_who_said_so(house: House) -> None:
    house.hear(order("PO-H", line("1", "OAT", 48)))
    house.hear(order("PO-H", line("1", "OAT", 60), version=3), feed="erp")
    house.hear(order("PO-H", line("1", "OAT", 24), version=2), feed="erp")
    house.hear(confirmed("PO-H", says(line("1", "OAT", 60), day="2025-12-01")))
    told = house.rows(
        "SELECT line, what, before, after, said_by FROM purchase_change"
        " JOIN purchase_order USING (purchase_id) WHERE number = 'PO-H' AND what <> 'status'"
        " ORDER BY change_id"
    )
    assert told == [
        ("1", "sku", "", "OAT", "feed x12"),
        ("1", "ordered", "", "48", "feed x12"),
        ("1", "ordered", "48", "60", "feed erp"),
        ("1", "confirmed", "0", "60", "MILL, by feed x12"),
        ("1", "deliver_day", "", "2025-12-01", "MILL, by feed x12"),
    ]


def test_what_speaks_of_an_order_that_nobody_placed_waits_for_it_as_a_case(house: House) -> None:
    house.hear(confirmed("PO-U", says(line("1", "OAT", 12))))
    ((code, says_),) = house.cases("PO-U")
    assert (code, says_) == ("purchase.unknown-order", "MILL speaks of PO-U; ours: not known")
    house.hear(order("PO-U", line("1", "OAT", 12)))
    assert house.cases("PO-U") == []
    assert house.lines("PO-U") == [("1", 12, 12, 0, 0, 12, "confirmed")]


def test_another_supplier_cannot_speak_of_an_order(house: House) -> None:
    house.hear(order("PO-F", line("1", "OAT", 12)))
    house.hear(confirmed("PO-F", says(line("1", "OAT", 12), Answer.REJECTED), supplier="FARM"))
    assert house.lines("PO-F") == [("1", 12, 0, 0, 0, 12, "open")]
    assert house.cases("PO-F") == [
        ("purchase.unknown-order", "FARM speaks of PO-F; ours: an order to MILL")
    ]


def test_a_document_that_cannot_be_understood_is_refused_whole(house: House) -> None:
    before = house.rows("SELECT count(*) FROM purchase_statement")
    fine = line("1", "OAT", 12)
    assert house.refused(order("PO-X", fine, line("2", "NIX", 1))) == (
        "feed.unknown-item",
        "line 2: SKU 'NIX'",
    )
    assert house.refused(order("PO-X", line("1", "RYE", 2, unit="CA")))[0] == "feed.unit"
    assert house.refused(order("PO-X", fine, fine)) == (
        "purchase.document",
        "1: two lines of one number",
    )
    assert house.refused(order("PO-X", fine, supplier="NOBODY"))[0] == "purchase.unknown-supplier"
    elsewhere = msgspec.structs.replace(order("PO-X", fine), site="MARS")
    assert house.refused(elsewhere)[0] == "feed.unknown-site"
    nameless = msgspec.structs.replace(confirmed("PO-X", says(fine)), order=())
    assert house.refused(nameless) == ("purchase.document", "order: it names no order")
    assert house.refused(msgspec.structs.replace(invoice("PO-X"), references=()))[0] == (
        "purchase.document"
    )
    assert house.rows("SELECT count(*) FROM purchase_statement") == before
    assert house.lines("PO-X") == []


def test_a_scan_that_is_taken_back_is_no_receipt_and_one_that_came_damaged_is_a_case(
    house: House,
) -> None:
    house.hear(order("PO-D", line("1", "OAT", 12)))
    house.receive("PO-D", "OAT", 12)
    assert house.lines("PO-D")[0][-1] == "received"
    ((event_id,),) = house.rows("SELECT event_id FROM purchase_arrival WHERE document = 'PO-D'")
    moves = [Undone("L0", "", "", events.StockState.AVAILABLE, -12)]
    house.intake.say(house.hand, ScanUndone(event_id.bytes, "OAT", moves))
    assert house.lines("PO-D") == [("1", 12, 0, 0, 0, 12, "open")]
    house.receive("PO-D", "OAT", 2, state=events.StockState.DAMAGED)
    assert house.cases("PO-D") == [("purchase.damaged", "OAT: 2 received; 2 of them damaged")]


def test_events_that_are_taken_back_take_their_receipts_with_them(house: House) -> None:
    house.hear(order("PO-T", line("1", "OAT", 12)))
    house.receive("PO-T", "OAT", 5)
    chain = house.rows(
        "SELECT gateway_id, epoch, seq FROM purchase_arrival WHERE document = 'PO-T'"
    )
    gateway_id, epoch, seq = chain[0]
    with unit_of_work(house.pool) as connection:
        purchases.forget(connection, gateway_id, epoch, [(seq, seq)], at=AT)
    assert house.lines("PO-T") == [("1", 12, 0, 0, 0, 12, "open")]


def test_a_warehouse_without_a_gateway_tells_what_came(house: House) -> None:
    house.hear(order("PO-W", line("1", "OAT", 24)))
    advice = ReceiptAdvice(
        references=ref(Numbering.WAREHOUSE, "W1", "3pl"),
        order=ours("PO-W"),
        site="S-gw-a",
        received_at=Micros(DAY_0 + 3 * DAY),
        lines=(line("1", "OAT", 1, goods=Goods(gtin="14006381333938")),),
    )
    house.hear(advice, advice)
    assert house.lines("PO-W") == [("1", 24, 0, 0, 12, 12, "open")]


def test_time_alone_makes_an_order_late_and_its_receipt_ends_the_case(house: House) -> None:
    house.hear(order("PO-L", line("1", "OAT", 12, wanted="2025-11-25")))
    with unit_of_work(house.pool) as connection:
        purchases.sweep(connection, now=Micros(DAY_0 + 4 * DAY))
    assert house.cases("PO-L") == []
    with unit_of_work(house.pool) as connection:
        purchases.sweep(connection, now=Micros(DAY_0 + 6 * DAY))
    assert house.cases("PO-L") == [("purchase.late", "OAT: 12 due 2025-11-25; not here yet")]
    house.receive("PO-L", "OAT", 12)
    assert house.cases("PO-L") == []


def expected(house: House, number: str, now: Micros) -> Sequence[purchases.Expected]:
    with unit_of_work(house.pool) as connection:
        items = catalog.item_ids(connection, ["OAT"])
        found = purchases.expected_receipts(connection, [*items.values()], None, now=now)
    return [each for each in found if each.order == number]


def test_what_is_still_to_come_says_when_by_the_best_word_there_is(house: House) -> None:
    now = Micros(DAY_0 + DAY)
    house.hear(order("PO-E", line("1", "OAT", 36)))
    (by_order,) = expected(house, "PO-E", now)
    assert (by_order.quantity, by_order.basis, by_order.shipment) == (36, "ordered", "")
    assert Micros(DAY_0 + 12 * DAY) < by_order.arrival.at(0.5) < Micros(DAY_0 + 17 * DAY)
    house.hear(confirmed("PO-E", says(line("1", "OAT", 36), day="2025-11-30")))
    (promised,) = expected(house, "PO-E", now)
    assert promised.basis == "promised"
    house.hear(notice("PO-E", "S-E", line("1", "OAT", 24)))
    house.hear(tracked("S-E", "in-transit", Micros(DAY_0 + 5 * DAY)))
    first, rest = expected(house, "PO-E", now)
    assert (first.quantity, first.basis, first.shipment) == (24, "eta", "S-E")
    assert (rest.quantity, rest.basis, rest.shipment) == (12, "promised", "")
    width = [each.arrival.at(0.9) - each.arrival.at(0.1) for each in (by_order, first)]
    assert width[1] < width[0]
    with unit_of_work(house.pool) as connection:
        items = [*catalog.item_ids(connection, ["OAT"]).values()]
        soon = purchases.expected_receipts(
            connection, items, Micros(now + 10 * 60_000_000), now=now, sites=[]
        )
    assert soon == []


def test_lead_times_are_learnt_from_what_came_and_from_what_did_not_yet(house: House) -> None:
    for n in range(4):
        number = f"PO-LT{n}"
        placed = order(number, line("1", "RYE", 10), lane="sea", supplier="FARM")
        house.hear(msgspec.structs.replace(placed, ordered_at=Micros(AT - (30 + n) * DAY)))
        if n:
            house.receive(number, "RYE", 10)
    with unit_of_work(house.pool) as connection:
        assert purchases.relearn(connection, now=AT) > 0
    ((observed, still, days),) = house.rows(
        "SELECT observed, open, days FROM lead_time"
        " WHERE supplier = 'FARM' AND lane = 'sea' AND clock = 'ordered'"
    )
    assert (observed, still) == (3, 1)
    assert max(days) >= 32
