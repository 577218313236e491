"""Files enter the catalog whole or not at all, and gateways see exactly what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud import catalog
from cloud.catalog import Report
from cloud.db import unit_of_work
from shared.downlink import Catalog, Code, Item, Location
from shared.errors import QuartermasterError
from shared.gs1 import with_check_digit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

OATS = "sku,name,gtin,quantity\nOAT,Oats,4006381333931,1\nOAT,,14006381333938,12\n"


@pytest.fixture
def connection(pool: ConnectionPool[Connection]) -> Iterator[Connection]:
    with unit_of_work(pool) as connection:
        yield connection
        connection.rollback()


def bring(
    connection: Connection, kind: catalog.ImportKind, text: str, *, dry_run: bool = False
) -> Report:
    return catalog.import_csv(connection, kind=kind, content=text, dry_run=dry_run)


def counts(report: Report) -> tuple[int, int, int]:
    assert not report.errors, report.errors
    return report.inserted, report.changed, report.unchanged


def everything(connection: Connection) -> list[object]:
    tables = ("site", "item", "item_code", "location", "catalog_state")
    return [connection.execute(f"TABLE {name}").fetchall() for name in tables]  # pyright: ignore[reportArgumentType]


@pytest.fixture
def site(connection: Connection) -> int:
    """A site named AMS1 with its template's locations."""
    bring(connection, "sites", catalog.template("sites"))
    bring(connection, "locations", catalog.template("locations"))
    return catalog.site_ids(connection, ["AMS1"])["AMS1"]


def test_the_same_file_twice_changes_nothing(connection: Connection) -> None:
    assert counts(bring(connection, "items", OATS)) == (1, 0, 0)
    before = everything(connection)
    assert counts(bring(connection, "items", OATS)) == (0, 0, 1)
    assert everything(connection) == before


def test_a_dry_run_reports_the_same_and_changes_nothing(connection: Connection) -> None:
    before = everything(connection)
    dry = bring(connection, "items", OATS, dry_run=True)
    assert everything(connection) == before
    wet = bring(connection, "items", OATS)
    assert counts(dry) == counts(wet)
    assert wet.revision == dry.revision + 1


def test_a_wrong_row_keeps_the_good_ones_out(connection: Connection) -> None:
    before = everything(connection)
    report = bring(connection, "items", OATS + "B,Bran,4006381333932,1\n")
    assert [(error.line, error.column) for error in report.errors] == [(4, "gtin")]
    assert (report.inserted, report.changed) == (0, 0)
    assert everything(connection) == before


def test_a_changed_name_code_or_quantity_is_a_change(connection: Connection) -> None:
    bring(connection, "items", OATS)
    for text in (
        OATS.replace("Oats", "Rolled oats"),
        OATS.replace(",12", ",24"),
        OATS.replace("OAT,,14006381333938,12\n", ""),
        OATS.replace("quantity", "quantity,removed").replace(",1\n", ",1,yes\n"),
    ):
        text = text.replace(",12\n", ",12,\n") if "removed" in text else text  # noqa: PLW2901 - one more cell
        assert counts(bring(connection, "items", text)) == (0, 1, 0), text


def test_a_file_without_codes_leaves_the_codes_alone(connection: Connection) -> None:
    bring(connection, "items", OATS)
    assert counts(bring(connection, "items", "sku,name\nOAT,Rolled oats\n")) == (0, 1, 0)
    (item,) = catalog.items(connection, sku="OAT")
    assert [gtin for gtin, *_ in item.codes] == ["04006381333931", "14006381333938"]


def test_a_code_belongs_to_one_item_and_moves_only_when_both_are_named(
    connection: Connection,
) -> None:
    bring(connection, "items", OATS)
    taken = bring(connection, "items", "sku,name,gtin\nBRAN,Bran,4006381333931\n")
    (error,) = taken.errors
    assert (error.line, error.column) == (2, "gtin")
    assert "OAT" in error.says
    moved = "sku,name,gtin\nBRAN,Bran,4006381333931\nOAT,Oats,14006381333938\n"
    assert counts(bring(connection, "items", moved)) == (1, 1, 0)
    (owner,) = catalog.items(connection, gtin="04006381333931")
    assert owner.sku == "BRAN"


def test_what_only_the_database_knows_is_a_row_error_too(connection: Connection) -> None:
    site = bring(connection, "sites", "code,name,timezone\nA,a,UTC\nB,b,Mars/Olympus\n")
    assert [(error.line, error.column) for error in site.errors] == [(3, "timezone")]
    place = bring(connection, "locations", "site,code\nA,L1\n")
    assert [(error.line, error.column) for error in place.errors] == [(2, "site")]


def test_a_file_that_is_no_table_changes_nothing(connection: Connection) -> None:
    before = everything(connection)
    with pytest.raises(QuartermasterError) as refusal:
        bring(connection, "items", "a,b\n1,2\n")
    assert refusal.value.code == "catalog.file"
    assert everything(connection) == before


def test_names_have_keys_and_unknown_ones_are_absent(connection: Connection, site: int) -> None:
    bring(connection, "items", OATS)
    assert set(catalog.item_ids(connection, ["OAT", "NONE"])) == {"OAT"}
    assert set(catalog.location_ids(connection, site, ["DOCK-1", "X"])) == {"DOCK-1"}
    assert catalog.location_ids(connection, site + 1, ["DOCK-1"]) == {}


def test_a_snapshot_is_all_and_a_delta_what_changed_since(
    connection: Connection, site: int
) -> None:
    bring(connection, "items", OATS)
    base = catalog.current_version(connection, site)
    oats = Item("OAT", "Oats", [Code("04006381333931", 1), Code("14006381333938", 12)])
    places = [
        Location("A-01-1", "shelf", zone="A", capacity=480),
        Location("DOCK-1", "dock", zone="DOCKS"),
    ]
    assert catalog.snapshot(connection, site) == Catalog("AMS1", [oats], places)
    assert catalog.delta(connection, site, base) == Catalog("AMS1", [], [])
    bring(connection, "locations", "site,code,role,removed\nAMS1,DOCK-1,dock,yes\n")
    gone = Location("DOCK-1", "dock", removed=True, zone="DOCKS")
    assert catalog.current_version(connection, site) > base
    assert catalog.delta(connection, site, base) == Catalog("AMS1", [], [gone])


def test_a_class_a_zone_and_a_capacity_go_down_and_a_silent_file_leaves_them(
    connection: Connection, site: int
) -> None:
    bring(connection, "items", "sku,name,class\nOAT,Oats,b\nRYE,Rye,\n")
    assert [(item.sku, item.count_class) for item in catalog.snapshot(connection, site).items] == [
        ("OAT", "B"),
        ("RYE", "C"),
    ]
    base = catalog.current_version(connection, site)
    assert counts(bring(connection, "items", "sku,name\nOAT,Oats\nRYE,Rye\n")) == (0, 0, 2)
    silent = "site,code,role\nAMS1,DOCK-1,dock\nAMS1,A-01-1,shelf\n"
    assert counts(bring(connection, "locations", silent)) == (0, 0, 2)
    assert catalog.delta(connection, site, base) == Catalog("AMS1", [], [])
    spoken = "site,code,zone,capacity\nAMS1,A-01-1,,500\n"
    assert counts(bring(connection, "locations", spoken)) == (0, 1, 0)
    assert counts(bring(connection, "items", "sku,name,class\nOAT,Oats,A\n")) == (0, 1, 0)
    assert catalog.delta(connection, site, base) == Catalog(
        "AMS1",
        [Item("OAT", "Oats", [], count_class="A")],
        [Location("A-01-1", "shelf", zone=None, capacity=500)],
    )


def test_a_neighbours_locations_do_not_move_a_sites_version(
    connection: Connection, site: int
) -> None:
    version = catalog.current_version(connection, site)
    bring(connection, "sites", "code,name\nBER1,Berlin\n")
    bring(connection, "locations", "site,code\nBER1,L1\n")
    assert catalog.current_version(connection, site) == version
    bring(connection, "items", OATS)
    assert catalog.current_version(connection, site) > version


def _apply(held: Catalog, change: Catalog) -> Catalog:
    items = {item.sku: item for item in held.items} | {item.sku: item for item in change.items}
    places = {place.code: place for place in held.locations} | {
        place.code: place for place in change.locations
    }
    return Catalog(
        held.site, [items[sku] for sku in sorted(items)], [places[code] for code in sorted(places)]
    )


SKUS = st.sampled_from(["A", "B", "C", "D"])
CODES = st.sampled_from([with_check_digit(f"400638133{n:03}") for n in range(4)])
FILES = st.lists(
    st.tuples(SKUS, st.sampled_from(["one", "two"]), CODES | st.just(""), st.booleans()),
    max_size=5,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=st.lists(FILES, max_size=5), base_after=st.integers(0, 4))
def test_any_delta_on_its_base_gives_the_snapshot(
    connection: Connection,
    site: int,
    files: list[list[tuple[str, str, str, bool]]],
    base_after: int,
) -> None:
    held, version = catalog.snapshot(connection, site), catalog.current_version(connection, site)
    for number, file in enumerate(files):
        rows = [f"{sku},{name},{gtin},{'yes' if gone else ''}\n" for sku, name, gtin, gone in file]
        bring(connection, "items", "sku,name,gtin,removed\n" + "".join(rows))
        if number == base_after:
            held = catalog.snapshot(connection, site)
            version = catalog.current_version(connection, site)
    change = catalog.delta(connection, site, version)
    assert _apply(held, change) == catalog.snapshot(connection, site)


def test_a_hundred_thousand_items_come_in_within_seconds(connection: Connection) -> None:
    rows = (f"S{n},Item {n},{with_check_digit(f'{n:012}')}\n" for n in range(100_000))
    report = bring(connection, "items", "sku,name,gtin\n" + "".join(rows))
    assert counts(report) == (100_000, 0, 0)
