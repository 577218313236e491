"""Assortment, packs, links, suppliers, offers and bills: in by file, out by file, as of then."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, get_args

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud import catalog
from cloud.catalog import Fact, ImportKind, Report
from cloud.db import unit_of_work
from shared.errors import QuartermasterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

KINDS: tuple[ImportKind, ...] = get_args(ImportKind)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ITEMS = "sku,name\n" + "".join(f"{sku},{sku}\n" for sku in "ABCDE")


@pytest.fixture
def connection(pool: ConnectionPool[Connection]) -> Iterator[Connection]:
    with unit_of_work(pool) as connection:
        yield connection
        connection.rollback()


def bring(
    connection: Connection, kind: ImportKind, text: str, *, at: datetime | None = None
) -> Report:
    report = catalog.import_csv(connection, kind=kind, content=text, at=at)
    assert not report.errors, report.errors
    return report


def refused(connection: Connection, kind: ImportKind, text: str) -> list[tuple[int, str, str]]:
    before = export(connection, kind)
    report = catalog.import_csv(connection, kind=kind, content=text)
    assert export(connection, kind) == before
    return [(error.line, error.column, error.says) for error in report.errors]


def export(connection: Connection, kind: ImportKind, at: datetime | None = None) -> str:
    revision = catalog.revision_as_of(connection, at)
    held = catalog.facts(connection, kind, revision=revision, limit=10_000)
    return catalog.header(kind) + catalog.exported(kind, held)


@pytest.fixture
def templates(connection: Connection) -> None:
    """A catalog that holds every kind's example."""
    for kind in KINDS:
        assert bring(connection, kind, catalog.template(kind)).inserted


@pytest.mark.usefixtures("templates")
def test_an_export_imported_again_changes_nothing_of_any_kind(connection: Connection) -> None:
    revision = catalog.revision_as_of(connection, None)
    for kind in KINDS:
        text = export(connection, kind)
        report = bring(connection, kind, text)
        assert (report.inserted, report.changed) == (0, 0), text
        assert report.unchanged, text
    assert catalog.revision_as_of(connection, None) == revision


@pytest.mark.usefixtures("templates")
def test_nothing_of_the_trade_moves_what_gateways_hold(connection: Connection) -> None:
    site = catalog.site_ids(connection, ["AMS1"])["AMS1"]
    held = catalog.snapshot(connection, site), catalog.current_version(connection, site)
    changed = {
        "assortment": ("0.89", "0.90"),
        "packs": ("each", "inner"),
        "links": ("1,no", "2,no"),
        "suppliers": ("14", "15"),
        "offers": ("0.81", "0.82"),
        "bills": (",2\n", ",3\n"),
    }
    for kind in KINDS:
        if kind in changed:
            text = catalog.template(kind).replace(*changed[kind])
            assert bring(connection, kind, text).changed == 1, kind
    assert (catalog.snapshot(connection, site), catalog.current_version(connection, site)) == held
    assert catalog.delta(connection, site, held[1]).items == []


@pytest.mark.usefixtures("templates")
def test_what_only_the_catalog_knows_is_a_row_error_with_its_cell(connection: Connection) -> None:
    assert refused(connection, "assortment", "sku,category\nNONE,x\n") == [
        (2, "sku", "There is no item NONE")
    ]
    assert refused(connection, "links", "sku,kind,other\nOAT-500,sibling,OAT-500\n") == [
        (2, "other", "OAT-500 is linked to itself")
    ]
    offer = "supplier,sku,currency,minimum,from,cost\nNOBODY,NONE,EUR,10,20,1\n"
    assert [found[:2] for found in refused(connection, "offers", offer)] == [
        (2, "from"),
        (2, "sku"),
        (2, "supplier"),
    ]
    packs = "gtin,level\n4006381333931,case\n14006381333938,each\n4006381333924,each\n"
    assert [found[:2] for found in refused(connection, "packs", packs)] == [
        (2, "level"),
        (4, "gtin"),
    ]


@pytest.mark.usefixtures("templates")
def test_a_quantity_by_which_a_pack_no_longer_comes_out_is_refused(connection: Connection) -> None:
    bring(connection, "packs", "gtin,level\n4006381333931,inner\n")
    items = "sku,name,gtin,quantity\nOAT-500,Oats,4006381333931,5\nOAT-500,,14006381333938,12\n"
    (flaw,) = refused(connection, "items", items)
    assert flaw[:2] == (3, "quantity")
    assert "holds 12, which is no multiple of the 5 in its inner" in flaw[2]
    assert bring(connection, "items", items.replace(",5", ",6")).changed == 1


def test_what_was_there_before_the_upgrade_stands_from_the_beginning(
    empty_database_url: str,
) -> None:
    files = resources.files("cloud.db").joinpath("migrations")
    with psycopg.connect(empty_database_url) as connection:
        for file in sorted(files.iterdir(), key=lambda file: file.name):
            if file.name == "0016_commerce.sql":
                connection.execute("UPDATE catalog_state SET revision = 7")
                connection.execute("INSERT INTO site (code, revision) VALUES ('AMS1', 3)")
                connection.execute("INSERT INTO item (sku, name, revision) VALUES ('A', 'a', 7)")
                connection.execute(
                    "INSERT INTO item_code (gtin, item_id) VALUES ('04006381333931', 1)"
                )
                connection.execute("INSERT INTO location (site_id, code) VALUES (1, 'L1')")
            connection.execute(file.read_text().encode())
        held = {kind: export(connection, kind, NOON) for kind in KINDS[:3]}
        assert held["sites"].splitlines()[1:] == ["AMS1,,,UTC,EUR"]
        assert held["items"].splitlines()[1:] == ["A,a,no,C,04006381333931,1"]
        assert held["locations"].splitlines()[1:] == ["AMS1,L1,shelf,no,,0"]
        bring(connection, "items", "sku,name\nA,b\n", at=NOON + timedelta(hours=1))
        assert export(connection, "items", NOON) == held["items"]
        assert "A,b," in export(connection, "items")


def test_a_bill_by_which_an_item_were_part_of_itself_is_refused_with_the_path(
    connection: Connection,
) -> None:
    bring(connection, "items", ITEMS)
    start = "sku,version,component,quantity\n"
    bring(connection, "bills", start + "A,1,B,1\nB,1,C,1\n")
    report = catalog.import_csv(
        connection, kind="bills", content=start + "D,1,E,1\nC,2,D,1\nC,2,A,1\n"
    )
    (flaw,) = report.errors
    assert (flaw.line, flaw.column, flaw.code) == (4, "component", "catalog.cycle")
    assert flaw.says == "An item would be part of itself: C → A → B → C"
    assert len(catalog.facts(connection, "bills", revision=report.revision)) == 2
    alone = catalog.import_csv(connection, kind="bills", content=start + "E,1,E,1\n")
    assert [flaw.says for flaw in alone.errors] == ["An item would be part of itself: E → E"]


def test_a_demand_explodes_by_the_version_in_force_and_by_what_was_known(
    connection: Connection,
) -> None:
    bring(connection, "items", ITEMS, at=NOON)
    start = "sku,version,valid_from,component,quantity\n"
    bring(connection, "bills", start + "A,1,,B,2\nA,2,2026-06-01,C,3\nB,1,,D,5\n", at=NOON)
    later = NOON + timedelta(hours=1)
    bring(connection, "bills", start + "B,1,,E,7\n", at=later)

    def needs(on: date, at: datetime) -> dict[str, int]:
        revision = catalog.revision_as_of(connection, at)
        found = catalog.explode(connection, "A", 10, on=on, revision=revision)
        return {need.sku: need.quantity for need in found}

    assert needs(date(2026, 5, 31), NOON) == {"B": 20, "D": 100}
    assert needs(date(2026, 5, 31), later) == {"B": 20, "E": 140}
    assert needs(date(2026, 6, 1), later) == {"C": 30}
    assert needs(date(2026, 6, 1), NOON - timedelta(days=1)) == {}
    with pytest.raises(QuartermasterError, match="NONE"):
        catalog.explode(connection, "NONE", 1, on=date(2026, 1, 1), revision=1)


def test_any_past_moment_can_be_asked_for_whatever_has_happened_since(
    connection: Connection,
) -> None:
    stood: list[tuple[datetime, dict[ImportKind, str]]] = []
    for hour in range(4):
        at = NOON + timedelta(hours=hour)
        price = f"sku,cost,price,currency\nA,{hour},2.50,EUR\n"
        bring(connection, "items", ITEMS.replace("B,B", f"B,B{hour}"), at=at)
        bring(connection, "assortment", price, at=at)
        bring(connection, "sites", f"code,name\nAMS1,Amsterdam {hour}\n", at=at)
        bring(connection, "locations", f"site,code,capacity\nAMS1,L1,{hour}\nAMS1,L2,0\n", at=at)
        stood.append((at, {kind: export(connection, kind) for kind in KINDS}))
    for at, texts in stood:
        for kind, text in texts.items():
            assert export(connection, kind, at + timedelta(minutes=59)) == text, (at, kind)
    assert "0.00" in export(connection, "assortment", NOON)
    assert export(connection, "items", NOON - timedelta(1)) == catalog.header("items")


def test_a_clock_that_goes_backwards_changes_no_past(connection: Connection) -> None:
    bring(connection, "items", ITEMS, at=NOON)
    bring(connection, "items", ITEMS.replace("A,A", "A,Z"), at=NOON - timedelta(hours=2))
    assert export(connection, "items", NOON - timedelta(hours=1)) == catalog.header("items")
    assert "A,Z" in export(connection, "items", NOON)


SKUS = st.sampled_from("ABCDE")
OFFERS = st.lists(
    st.tuples(SKUS, st.integers(1, 3), st.integers(1, 3), st.integers(0, 9999)), max_size=6
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=st.lists(OFFERS, min_size=1, max_size=3))
def test_any_file_twice_is_that_file_once_and_its_export_changes_nothing(
    connection: Connection, files: list[list[tuple[str, int, int, int]]]
) -> None:
    bring(connection, "items", ITEMS)
    bring(connection, "suppliers", catalog.template("suppliers"))
    for file in files:
        rows = {(sku, start): (multiple, cost) for sku, start, multiple, cost in file}
        first = {sku: multiple for (sku, _), (multiple, _) in reversed(rows.items())}
        text = "supplier,sku,currency,minimum,multiple,from,cost\n" + "".join(
            f"MILL,{sku},EUR,3,{first[sku]},{start},{cost}.5\n"
            for (sku, start), (_, cost) in rows.items()
        )
        once = bring(connection, "offers", text)
        held = export(connection, "offers")
        for again in (text, held):
            report = bring(connection, "offers", again)
            assert (report.inserted, report.changed, report.revision) == (0, 0, once.revision)
        assert export(connection, "offers") == held


def test_facts_come_in_pages_by_key(connection: Connection) -> None:
    bring(connection, "items", ITEMS)
    bring(connection, "links", "sku,kind,other\nA,sibling,B\nA,substitute,B\nB,sibling,A\n")
    revision = catalog.revision_as_of(connection, None)
    found: list[Fact] = []
    while page := catalog.facts(
        connection, "links", revision=revision, after=found[-1].key if found else (), limit=1
    ):
        found += page
    assert [fact.key for fact in found] == [
        ("A", "sibling", "B"),
        ("A", "substitute", "B"),
        ("B", "sibling", "A"),
    ]


def test_twenty_thousand_offers_come_in_within_seconds(connection: Connection) -> None:
    skus = [f"S{n}" for n in range(20_000)]
    bring(connection, "items", "sku,name\n" + "".join(f"{sku},x\n" for sku in skus))
    bring(connection, "suppliers", catalog.template("suppliers"))
    rows = "".join(f"MILL,{sku},EUR,1.25\n" for sku in skus)
    text = "supplier,sku,currency,cost\n" + rows
    assert bring(connection, "offers", text).inserted == 20_000
    assert bring(connection, "offers", text).unchanged == 20_000
