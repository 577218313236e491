"""Goods on their way and what is on which pallet: two ends, nothing doubled, nothing lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloud import catalog
from cloud.app import floor
from cloud.ingest.model import Chain, Provisional
from cloud.ledger.postings.model import Source
from cloud.ledger.service import stock
from cloud.ledger.transit import service as transit
from cloud.ledger.transit.model import Consignment, Goods
from cloud.ledger.units import service as units
from cloud.ledger.units.service import Announced
from shared.errors import QuartermasterError
from shared.events import (
    Line,
    Moved,
    Packed,
    Received,
    ScanUndone,
    Shipped,
    StockState,
    Undone,
)
from shared.units import DAY, HOUR, Micros
from tests.support.book import (
    GATEWAY_SITE,
    NOON,
    OTHER,
    THIRD,
    Floor,
    book,
    cases,
    held,
    site_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud.db import Connection

pytestmark = pytest.mark.database
PALLET = "095000000000000017"
CARTON = "095000000000000024"
PERSON = Source("person", "transfer", "", "sent", person="ida")
AT = Micros(NOON)


@pytest.fixture(scope="module")
def ledger(database_server: str, database_template: str) -> Iterator[Connection]:
    with book(database_server, database_template, "qm_transit") as connection:
        yield connection


@pytest.fixture
def connection(ledger: Connection) -> Iterator[Connection]:
    """Each test takes back what it did."""
    yield ledger
    ledger.rollback()


def send(
    connection: Connection, *goods: Goods, to: str = OTHER, sender: str = THIRD, number: str = "T1"
) -> int:
    said = Consignment("transfer", number, to, AT, from_site=sender, eta=Micros(NOON + DAY))
    return transit.announce(connection, said, goods, PERSON, at=AT)


def stocked(connection: Connection, quantity: int) -> None:
    transit.taken_in(
        connection, site_id(connection, THIRD), [Goods("SKU-0", quantity)],
        PERSON, numbers=(), key="first", occurred_at=Micros(NOON - HOUR), at=AT,
    )  # fmt: skip


def total(connection: Connection) -> int:
    return sum(row.quantity for row in stock(connection, sites=None))


def test_a_transfer_leaves_one_site_is_under_way_and_arrives_at_the_other(
    connection: Connection,
) -> None:
    stocked(connection, 10)
    number = send(connection, Goods("SKU-0", 6))
    assert held(connection, THIRD) == {"SKU-0 available": 4}
    assert held(connection, OTHER) == {"SKU-0 in_transit": 6}
    assert total(connection) == 10
    assert send(connection, Goods("SKU-0", 6)) == number  # said again
    for _ in range(2):  # and told again
        transit.arrive(
            connection, number, [Goods("SKU-0", 4)], PERSON, key="A1",
            occurred_at=Micros(NOON + HOUR), sites=None, at=Micros(NOON + HOUR),
        )  # fmt: skip
    assert held(connection, OTHER) == {"SKU-0 in_transit": 2, "SKU-0 available": 4}
    assert held(connection, OTHER, at=NOON) == {"SKU-0 in_transit": 6}
    (left,) = transit.in_transit(connection, sites=None)
    assert (left.reference, left.from_site, left.site, left.quantity) == ("T1", THIRD, OTHER, 2)
    assert total(connection) == 10


def test_what_never_arrives_is_a_case_when_it_is_overdue_and_when_it_is_written_off(
    connection: Connection,
) -> None:
    stocked(connection, 10)
    number = send(connection, Goods("SKU-0", 6))
    assert transit.overdue(connection, at=Micros(NOON + 4 * DAY)) == 0
    assert transit.overdue(connection, at=Micros(NOON + 4 * DAY + 1)) == 1
    assert transit.overdue(connection, at=Micros(NOON + 5 * DAY)) == 0  # told once
    lost = transit.close(
        connection, number, why="the lorry burnt", by="ida", sites=None, at=Micros(NOON + 5 * DAY)
    )
    assert lost == 6
    assert held(connection, OTHER) == {}
    assert [case[:2] for case in cases(connection)] == [
        ("transit.overdue", f"{OTHER}: T1"),
        ("transit.short", f"{OTHER}: T1"),
    ]
    with pytest.raises(QuartermasterError, match="T1"):
        transit.arrive(
            connection, number, [Goods("SKU-0", 1)], PERSON, key="late",
            occurred_at=AT, sites=None, at=AT,
        )  # fmt: skip


def test_a_suppliers_notice_is_under_way_until_the_gateway_receives_it_by_number_or_pallet(
    connection: Connection,
) -> None:
    said = Consignment("purchase", "ASN-1", GATEWAY_SITE, AT, scope="acme", aliases=("PO-1",))
    goods = [Goods("SKU-0", 12, sscc=PALLET), Goods("SKU-1", 5)]
    source = Source("document", "ship-notice", "ASN-1", "announced", feed="edi")
    transit.announce(connection, said, goods, source, at=AT)
    assert held(connection, GATEWAY_SITE) == {"SKU-0 in_transit": 12, "SKU-1 in_transit": 5}
    # Where they stand until then is no place that the gateway hears of.
    known = catalog.snapshot(connection, site_id(connection, GATEWAY_SITE))
    assert [each.code for each in known.locations] == ["L0", "L1"]
    gate = Floor(connection)
    scan = gate.scan(Received(Line("SKU-0", 12, sscc=PALLET), "L0"))
    gate.scan(Received(Line("SKU-1", 6), "L0", document="PO-1"))
    gate.scan(Received(Line("SKU-2", 1), "L0", document="PO-OTHER"))
    now = {"SKU-0 available": 12, "SKU-1 available": 6, "SKU-2 available": 1}
    assert held(connection, GATEWAY_SITE) == now
    assert transit.in_transit(connection, sites=None) == []
    assert [case[:2] for case in cases(connection)] == [("transit.over", "PO-1: SKU-1")]
    # The first scan is undone where it was made: its goods are under way again.
    back = [Undone("L0", "", "", StockState.AVAILABLE, -12)]
    gate.scan(ScanUndone(scan, "SKU-0", back), at=NOON + HOUR)
    assert held(connection, GATEWAY_SITE)["SKU-0 in_transit"] == 12
    assert [row.quantity for row in transit.in_transit(connection, sites=None)] == [12]


def test_a_gateways_own_shipping_scan_sends_a_transfer_on_its_way(connection: Connection) -> None:
    with pytest.raises(QuartermasterError) as refused:
        send(connection, Goods("SKU-0", 3), sender=GATEWAY_SITE)
    assert refused.value.code == "stock.gateway-owns"
    connection.rollback()
    send(connection, sender=GATEWAY_SITE)
    gate = Floor(connection)
    gate.scan(Received(Line("SKU-0", 9), "L0"))
    for _ in range(2):
        line = Line("SKU-0", 2, lot="A")
        gate.scan(Shipped(line, "L0", StockState.AVAILABLE, document="T1"))
    assert held(connection, OTHER) == {"SKU-0 in_transit A": 4}
    assert total(connection) == 9
    # The chain turns out not to link: what it did to the consignment never was.
    broken = Provisional(Chain(gate.origin.gateway_id, 1), [(2, 3)], Micros(0))
    floor.taken_back(connection, broken, Micros(NOON + HOUR))
    assert held(connection, OTHER) == {}


def contents(connection: Connection, sscc: str = PALLET, **moment: int) -> dict[str, int]:
    found = units.unit(connection, sscc, sites=None, **moment)
    return {} if found is None else {c.sku or c.inside: c.quantity for c in found.contents}


def test_what_is_on_a_pallet_is_told_for_any_moment(connection: Connection) -> None:
    gate = Floor(connection)
    first = Packed(Line("SKU-0", 3, sscc=PALLET), "L0")
    gate.scan(first, at=NOON)
    second = gate.scan(Packed(Line("SKU-1", 2, sscc=PALLET), "L0"), at=NOON + HOUR)
    gate.scan(Packed(Line("SKU-0", 1, sscc=PALLET), "L0"), at=NOON + 2 * HOUR)
    assert contents(connection) == {"SKU-0": 4, "SKU-1": 2}
    assert contents(connection, true_at=NOON + HOUR) == {"SKU-0": 3, "SKU-1": 2}
    assert contents(connection, true_at=NOON - 1) == {}
    gate.scan(ScanUndone(second, "SKU-1", []), at=NOON + 3 * HOUR)
    assert contents(connection) == {"SKU-0": 4}
    assert contents(connection, true_at=NOON + 2 * HOUR) == {"SKU-0": 4, "SKU-1": 2}
    gate.scan(Received(Line("SKU-0", 9), "L0"), at=NOON + 3 * HOUR)
    gate.scan(Moved(Line("SKU-0", 4, sscc=PALLET), "L0", "L1"), at=NOON + 4 * HOUR)
    found = units.unit(connection, PALLET, sites=None)
    assert found is not None
    assert (found.site, found.location, found.has_left) == (GATEWAY_SITE, "L1", False)
    at_l1 = [row.quantity for row in stock(connection, sites=None, location="L1")]
    assert at_l1 == [4]
    line = Line("SKU-0", 4, sscc=PALLET)
    gate.scan(Shipped(line, "L1", StockState.AVAILABLE), at=NOON + 5 * HOUR)
    found = units.unit(connection, PALLET, sites=None)
    assert found is not None
    assert found.has_left
    assert units.unit(connection, PALLET, sites=frozenset()) is None


def test_a_notice_counts_until_the_floor_sees_the_pallet_whichever_comes_first(
    connection: Connection,
) -> None:
    where = site_id(connection, GATEWAY_SITE)
    packages = [
        Announced(PALLET, inside=CARTON, quantity=1),
        Announced(PALLET, "SKU-1", 7),
        Announced(CARTON, "SKU-0", 12),
    ]
    for _ in range(2):
        units.announce(connection, "acme/ASN-1", packages, site_id=where, shipped_at=AT, at=AT)
    assert contents(connection) == {CARTON: 1, "SKU-0": 12, "SKU-1": 7}
    Floor(connection).scan(Received(Line("SKU-1", 6, sscc=PALLET), "L0"), at=NOON - HOUR)
    assert contents(connection) == {"SKU-1": 6}
    _, found = units.units(connection, sites=None, item="SKU-0")
    assert [unit.sscc for unit in found] == [CARTON]
