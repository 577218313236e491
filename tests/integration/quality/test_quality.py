"""What is wrong with the data is found, told from when until when, and never repaired."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
import pytest

from cloud import feeds, quality
from cloud.catalog import ImportKind, import_csv
from cloud.db import open_pool, unit_of_work
from cloud.feeds import Arrival, NewFeed, Read, Routes
from shared.units import DAY, HOUR, MINUTE
from tests.support import FakeClock
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

ITEMS = (
    "sku,name,gtin,quantity\nOAT,Oats,4006381333931,1\nOAT,,14006381333938,12\n"
    "OAT,,24006381333935,150\nRYE,Rye,4006381333948,1\nRYE-2,rye,,\n"
)
ASSORTMENT = "sku,category,cost,price,currency\nOAT,Food,2.00,1.79,EUR\n"
SUPPLIERS = "code,name,lead_days\nMILL,The Mill,14\nFARM,The Farm,\n"


class House:
    """A database with data that is wrong in every way looked for."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.pool = pool
        self.clock = FakeClock()
        self.planner = Planner(pool, self.clock)
        self.load("items", ITEMS)
        self.load("assortment", ASSORTMENT)
        self.load("suppliers", SUPPLIERS)
        with unit_of_work(pool) as connection:
            self.feed = feeds.add(
                connection, NewFeed("till", "test", interval_s=3600), now=self.clock.now()
            )
        self.deliver()
        self.spoil()

    def load(self, kind: ImportKind, text: str) -> None:
        with unit_of_work(self.pool) as connection:
            report = import_csv(connection, kind=kind, content=text)
            assert not report.errors, report.errors

    def deliver(self) -> None:
        """A till that loses a field, repeats itself, falls silent and sends what is refused."""

        def read(_connection: object, incoming: feeds.Incoming) -> Read:
            bad = b"bad" in incoming.content
            flaw = feeds.Flaw("feed.document", "$.shop", "wrong")
            return Read((), (flaw,) if bad else ())

        for number in range(8):
            named = {"sku": "OAT"} if number < 4 else {"code": "OAT"}
            body = {"id": number, **named, **({"bad": 1} if number == 7 else {})}
            for _ in range(3):
                arrival = Arrival(json.dumps(body).encode(), f"t-{number}")
                with unit_of_work(self.pool) as connection:
                    feeds.accept(connection, self.feed, arrival, now=self.clock.now())
            self.clock.advance(5 * HOUR if number == 5 else MINUTE)
        feeds.work(self.pool, Routes({"test": read}, {}), now=self.clock.now())

    def spoil(self) -> None:
        """Demand with a pack counted as units, a hole and a day to come; stock; slow orders."""
        today = "to_timestamp(%(now)s / 1e6)::date"
        with unit_of_work(self.pool) as connection:
            values = {"now": self.clock.now()}
            connection.execute(
                "INSERT INTO demand SELECT i.item_id, s.site_id, 'web', "
                f"{today} - n, now(), CASE n WHEN 3 THEN 36 ELSE 2 END, 0, 0, 0, 0, '', false "
                "FROM item i, site s, generate_series(-2, 40) n "
                "WHERE i.sku = 'OAT' AND s.code = 'S-gw-a' AND n <> ALL('{7, 8, -1}')",
                values,
            )
            connection.execute(
                "INSERT INTO balance SELECT s.site_id, i.item_id, l.location_id, 0, '', '', -4, "
                "now() FROM site s JOIN location l USING (site_id), item i "
                "WHERE s.code = 'S-gw-b' AND l.code = 'L0' AND i.sku = 'RYE'"
            )
            for number in range(6):
                connection.execute(
                    "WITH o AS (INSERT INTO purchase_order (number, site_id, supplier_id, "
                    "ordered_at, changed_at) SELECT %(number)s, site_id, supplier_id, "
                    f"{today} - 90, {today} FROM site, supplier WHERE site.code = 'S-gw-a' "
                    "AND supplier.code = 'MILL' RETURNING purchase_id, site_id) "
                    "INSERT INTO purchase_receipt SELECT purchase_id, 0, 'x', '1', '', o.site_id, "
                    f"item_id, 1, false, true, '', '', {today} - 90 + 20 + %(n)s "
                    "FROM o, item WHERE sku = 'OAT'",
                    values | {"number": f"PO-{number}", "n": number},
                )

    def look(self) -> dict[str, str]:
        with unit_of_work(self.pool) as connection:
            quality.look(connection, now=self.clock.now())
            rows = quality.findings(connection, sites=None, limit=1000)
        return {f"{row.check} {row.subject}": row.detail for row in rows}


@pytest.fixture(scope="module")
def house(database_server: str, database_template: str) -> Iterator[House]:
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE qm_look TEMPLATE {database_template} STRATEGY FILE_COPY")
        try:
            url = database_server.rpartition("/")[0] + "/qm_look"
            with open_pool(url, size=3) as pool:
                yield House(pool)
        finally:
            server.execute("DROP DATABASE qm_look WITH (FORCE)")


def test_everything_that_is_wrong_is_found_with_its_figures(house: House) -> None:
    found = house.look()
    day = "2025-11-22"
    expected = {
        "feed-gaps feed till": "1 gaps in 28 days, the longest of 300 min; 60 allowed",
        "feed-duplicates feed till": "16 doubles of 8 deliveries in 7 days",
        "feed-refused feed till": "1 of 8 deliveries in 7 days, most often feed.document at $.shop",
        "schema-drift feed till": "no more: sku; new: code",
        "unit-mistake OAT S-gw-a web": "1 days; 36 on one, 2 as a rule; a pack holds 12",
        "demand-gap S-gw-a web": "3 of 43 days",
        "demand-ahead OAT S-gw-a web": f"up to {day}",
        "stock-below-zero RYE S-gw-b": "-4 at places that have less than nothing",
        "pack-does-not-multiply OAT": "150 is no multiple of 12 (1, 12, 150)",
        "same-name RYE": "'rye': RYE, RYE-2",
        "cost-above-price OAT": "cost 200, price 179 in minor units of EUR",
        "lead-time-unseen MILL": "14 days stated; its last 6 orders took 20 to 25",
        "no-lead-time FARM": "0 orders known",
    }
    assert {key: found.get(key) for key in expected} == expected
    assert "no-cost all items" in found


def test_looking_again_tells_nothing_twice_and_what_is_mended_is_gone_but_told(
    house: House,
) -> None:
    before = house.look()
    house.clock.advance(HOUR)
    assert house.look().keys() >= before.keys() - {"demand-ahead OAT S-gw-a web"}
    key = "pack-does-not-multiply OAT"
    house.load("items", ITEMS.replace(",150\n", ",144\n"))
    assert key not in house.look()
    with unit_of_work(house.pool) as connection:
        rows = quality.findings(
            connection, sites=None, check="pack-does-not-multiply", gone=True, limit=10
        )
        stock = connection.execute("SELECT sum(quantity) FROM balance WHERE quantity < 0")
        assert stock.fetchone() == (-4,), "nothing is repaired"
    (row,) = rows
    assert row.gone_at == house.clock.now()
    house.load("items", ITEMS)
    house.clock.advance(DAY)
    assert key in house.look()


def test_readiness_says_what_to_fix_first_and_a_key_of_one_site_sees_its_own(house: House) -> None:
    house.look()
    everything = house.planner.key("read")
    report = house.planner.get("/v1/readiness", everything)
    assert report["verdict"] == "fix first"
    one_site = bearer(house.planner.key("read", sites=("S-gw-a",)))
    assert house.planner.client.get("/v1/readiness", headers=one_site).status_code == 403
    verdicts = {area["area"]: area["verdict"] for area in report["areas"]}
    assert verdicts == {
        "feeds": "usable with proxies",
        "catalog": "fix first",
        "demand": "usable with proxies",
        "stock": "fix first",
        "suppliers": "usable with proxies",
    }
    key_a = house.planner.key("read", sites=("S-gw-a",))
    seen = house.planner.get("/v1/quality", key_a)["items"]
    assert {line["site"] for line in seen} == {"S-gw-a"}
    page = house.planner.get("/v1/quality", everything, limit=2)
    assert len(page["items"]) == 2
    after = house.planner.get("/v1/quality", everything, limit=2, cursor=page["next"])
    assert {each["id"] for each in after["items"]}.isdisjoint(each["id"] for each in page["items"])
    of_feed = house.planner.get("/v1/quality", everything, feed="till")["items"]
    assert {line["area"] for line in of_feed} == {"feeds"}
    wrong = house.planner.client.get(
        "/v1/quality", params={"area": "moon"}, headers=bearer(everything)
    )
    assert wrong.status_code == 422


def test_demand_ahead_is_told_of_each_site_and_goes_when_it_is_corrected(house: House) -> None:
    def tell(site: str, units: int, after: str) -> None:
        with unit_of_work(house.pool) as connection:
            connection.execute(
                "INSERT INTO demand SELECT i.item_id, s.site_id, 'shop', '2030-01-01', "
                "now() + %(after)s::interval, %(units)s, 0, 0, 0, 0, '', false FROM item i, site s "
                "WHERE i.sku = 'OAT' AND s.code = %(site)s",
                {"site": site, "units": units, "after": after},
            )

    both = {f"demand-ahead OAT {site} shop" for site in ("S-gw-a", "S-gw-b")}
    for site in ("S-gw-a", "S-gw-b"):
        tell(site, 5, "0 s")
    assert both <= house.look().keys()
    tell("S-gw-b", 0, "1 s")
    assert both & house.look().keys() == {"demand-ahead OAT S-gw-a shop"}


def test_nothing_is_ready_before_somebody_has_looked(pool: ConnectionPool[Connection]) -> None:
    with unit_of_work(pool) as connection:
        before = quality.readiness(connection, sites=None)
        quality.look(connection, now=FakeClock().now())
        after = quality.readiness(connection, sites=None)
    assert {each.verdict for each in before} == {"fix first"}
    assert all("nobody has looked" not in line for each in after for line in each.fix_first)
