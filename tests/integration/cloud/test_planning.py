"""What planning works with: refused with its cell, told by the API as it stands or stood."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloud import catalog
from cloud.catalog import IMPORT_KINDS, ImportKind
from cloud.db import Connection, unit_of_work
from tests.support import FakeClock
from tests.support.planner import Planner

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

pytestmark = pytest.mark.database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATHS = {
    "ChannelLine": ("/v1/channels", {"code": "shop"}),
    "LaneLine": ("/v1/lanes", {}),
    "LandedCostLine": ("/v1/landed-costs", {"supplier": "MILL"}),
    "AgreementLine": ("/v1/agreements", {"supplier": "MILL"}),
    "CalendarLine": ("/v1/calendars", {"owner": "supplier"}),
    "PromotionLine": ("/v1/promotions", {"sku": "OAT-500"}),
    "ContractLine": ("/v1/contracts", {"customer": "HOTELS"}),
}


def stage(connection: Connection) -> None:
    for kind in IMPORT_KINDS:
        report = catalog.import_csv(connection, kind=kind, content=catalog.template(kind), at=NOON)
        assert not report.errors, report.errors
        assert report.inserted


def flaws(connection: Connection, kind: ImportKind, text: str) -> list[tuple[int, str]]:
    report = catalog.import_csv(connection, kind=kind, content=text)
    assert all(error.says and error.do for error in report.errors)
    return [(error.line, error.column) for error in report.errors]


def test_the_api_says_what_the_files_said_and_what_goods_cost_once_they_are_here(
    pool: ConnectionPool[Connection], clock: FakeClock
) -> None:
    planner = Planner(pool, clock)
    with unit_of_work(pool) as connection:
        stage(connection)
    key, other = planner.key("read"), planner.key("read", sites=("S-gw-a",))
    schemas: Any = planner.client.get("/v1/openapi.json").json()["components"]["schemas"]
    for shape, (path, asked) in PATHS.items():
        found = planner.get(path, key, **asked)["items"]
        said = [{name: cell for name, cell in row.items() if cell is not None} for row in found]
        assert schemas[shape]["example"] in said, path  # the document leaves nulls out
        one = planner.get(path, key, limit=1)
        rest = planner.get(path, key, cursor=one["next"])["items"] if one.get("next") else []
        assert one["items"] + rest == planner.get(path, key)["items"]
        assert planner.get(path, key, at="2026-02-01T00:00:00Z")["items"] == []
        if path != "/v1/channels":
            refused = planner.client.get(path, headers={"authorization": f"Bearer {other}"})
            assert refused.status_code == 403
    found = planner.get("/v1/offers/MILL/OAT-500/landed-cost", key, quantity=480, lane="MILL-AMS1")
    # 480 × 0.81 goods; 80.00 + 480 × 0.02 freight; 0.5 % insurance; 480 ÷ 12 × 0.30 handling.
    assert found["goods"] == "38880.0000"
    assert {part["part"]: part["minor"] for part in found["parts"]} == {
        "freight": "8960.0000",
        "insurance": "194.4000",
        "duty": "3482.4940",
        "handling": "1200.0000",
    }
    assert found["total"] == "52716.8940"


def test_what_contradicts_itself_or_names_what_there_is_not_is_refused_with_its_cell(
    pool: ConnectionPool[Connection],
) -> None:
    with unit_of_work(pool) as connection:
        stage(connection)
        lanes = "code,supplier,origin,site\nA,MILL,AMS1,AMS1\nB,,,AMS1\nC,,AMS1,AMS1\nD,NO,,NO\n"
        assert flaws(connection, "lanes", lanes) == [
            (2, "site"),
            (2, "supplier"),
            (3, "supplier"),
            (4, "site"),
            (5, "site"),
            (5, "supplier"),
        ]
        costs = "part,percent,amount,currency,lane\nduty,5,1,EUR,\nduty,,,,NO\nother,5.255,,,\n"
        assert flaws(connection, "costs", costs) == [(4, "percent")]
        costs = "part,percent,amount,currency,lane\nduty,5,1,EUR,\nfreight,,,,NO\n"
        assert flaws(connection, "costs", costs) == [(2, "percent"), (3, "lane"), (3, "percent")]
        days = "owner,code,workdays,closed,last\nsite,AMS1,mon sonntag,,\nsupplier,AMS1,,,\n"
        assert flaws(connection, "calendars", days) == [(2, "workdays")]
        days = days.replace(" sonntag", "").replace("mon,,", "mon,2026-05-02,2026-05-01")
        assert flaws(connection, "calendars", days) == [(2, "last"), (3, "code")]
        agreed = "supplier,floor,premium,floor_days,notice_days\nMILL,5,5,,\n"
        assert flaws(connection, "agreements", agreed) == [(2, "floor"), (2, "notice_days")]
        sold = (
            "code,sku,category,channel,starts,ends,uplift\n"
            "P,OAT-500,Food,,2026-02-02,2026-02-01,\nP,,,NO,2026-01-01,2026-01-01,5\n"
        )
        assert flaws(connection, "promotions", sold) == [
            (2, "ends"),
            (2, "sku"),
            (2, "uplift"),
            (3, "channel"),
            (3, "sku"),
        ]
        contract = "customer,sku,starts,ends,quantity\nX,NONE,2026-01-01,,\n"
        assert flaws(connection, "contracts", contract) == [(2, "ends"), (2, "quantity")]
        connection.rollback()


def test_a_calendar_and_a_kit_are_as_they_were_on_the_day_that_is_asked_for(
    pool: ConnectionPool[Connection],
) -> None:
    with unit_of_work(pool) as connection:
        stage(connection)
        before = catalog.revision_as_of(connection, None)
        opened = "owner,code,workdays,closed\nsupplier,MILL,mon,\n"
        report = catalog.import_csv(
            connection, kind="calendars", content=opened, at=NOON + timedelta(hours=1)
        )
        assert report.changed == 1
        closed = date(2026, 8, 10)
        for revision, is_open in ((before, False), (report.revision, True)):
            found = catalog.calendar_of(connection, "supplier", "MILL", revision=revision)
            assert found.is_open(closed) is is_open
        always = catalog.calendar_of(connection, "supplier", "NONE", revision=before)
        assert always.is_open(date(2026, 8, 9))
        kits = catalog.recipes(connection, on=date(2026, 2, 1), revision=before)
        needs = catalog.explode_recipes("BREAKFAST", 3, kits)
        assert [(need.sku, need.quantity) for need in needs] == [("OAT-1000", 6), ("OAT-500", 3)]
        assert catalog.recipes(connection, on=date(2025, 12, 31), revision=before) == {}
        connection.rollback()
