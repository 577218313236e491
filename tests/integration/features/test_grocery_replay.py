"""Real weekly grocery sales, told as four feeds would, are the demand and the orders they were.

The oracle is the table itself: a few sums that share nothing with the rooms they judge.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from cloud import catalog, features
from cloud.app import selling
from cloud.db import unit_of_work
from cloud.feeds.documents import (
    Delivery,
    Fulfilment,
    Goods,
    Line,
    Numbering,
    OrderStatus,
    Reference,
    Sale,
    SalesOrder,
)
from cloud.orders import sales
from shared.units import DAY, HOUR, Micros

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
TABLE = (
    Path(__file__).resolve().parents[4] / "shared" / "data" / "demand" / "frat_weekly_dev.parquet"
)
WEEKS, ITEMS = 4, 3
TILL, WEB = "STORE-TILL", "STORE-WEB"


class Week(NamedTuple):
    """A row of the table: what one store sold of one item in one week."""

    item: str
    ends: datetime
    units: int
    promotion: str

    @property
    def start(self) -> int:
        return int((self.ends - timedelta(days=6)).timestamp()) * 1_000_000


class Told(NamedTuple):
    """What the feeds say, and what must follow from it."""

    documents: list[tuple[str, Any]]
    ordered: Counter[tuple[str, datetime]]
    shipped: Counter[str]
    cancelled: Counter[str]
    orders: int


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Week]]:
    """Four weeks of three items in the two stores that sold most."""
    if not TABLE.exists():
        pytest.skip("the grocery table is not beside the repository")
    from pyarrow import parquet

    table = parquet.read_table(
        TABLE, columns=["store_id", "upc_id", "week_end_date", "units", "feature"]
    )
    found = table.slice(0, 60_000).to_pylist()
    stores = [store for store, _ in Counter(row["store_id"] for row in found).most_common(2)]
    items = [item for item, _ in Counter(row["upc_id"] for row in found).most_common(ITEMS)]
    weeks = sorted({row["week_end_date"] for row in found})[:WEEKS]
    return {
        site: [
            Week(
                f"UPC-{row['upc_id']}",
                row["week_end_date"].replace(tzinfo=UTC),
                int(row["units"]),
                "FEATURE" if row["feature"] else "",
            )
            for row in found
            if (row["store_id"], row["upc_id"] in items, row["week_end_date"] in weeks)
            == (store, True, True)
        ]
        for site, store in zip((TILL, WEB), stores, strict=True)
    }


def reference(numbering: Numbering, scope: str, number: object) -> Reference:
    return Reference(numbering=numbering, scope=scope, number=str(number))


def till(weeks: list[Week], chance: random.Random) -> list[tuple[str, Any]]:
    """Weekly reports of a till, some corrected by a second version."""
    said: list[tuple[str, Any]] = []
    for week in weeks:
        wrong = chance.random() < 0.3
        for version, units in ((1, week.units + wrong), (2, week.units))[: 1 + wrong]:
            said.append(
                (
                    "till",
                    Sale(
                        reference=reference(Numbering.CHANNEL, "till", f"{week.item} {week.ends}"),
                        version=version,
                        site=TILL,
                        channel="store",
                        goods=Goods(sku=week.item),
                        quantity=units,
                        start=week.start,
                        until=week.start + 7 * DAY,
                        promotion=week.promotion,
                    ),
                )
            )
    return said


def web(weeks: list[Week], chance: random.Random) -> Told:
    """The same weeks as orders of a shop, which the ERP, the 3PL and a settlement repeat."""
    told = Told([], Counter(), Counter(), Counter(), 0)
    count = 0
    for week in weeks:
        left = week.units
        while left:
            units = min(left, chance.randint(4, 30))
            left -= units
            count += 1
            shop = reference(Numbering.CHANNEL, "shop", 5000 + count)
            ours = reference(Numbering.OURS, "erp", f"SO-{count}")
            ended, sent = chance.random() < 0.1, chance.randint(0, units)
            placed: dict[str, Any] = {
                "channel": "web",
                "placed_at": week.start + chance.randrange(7) * DAY + HOUR,
                "lines": (Line(number="1", goods=Goods(sku=week.item), quantity=units, price=99),),
                "site": WEB,
                "promotion": week.promotion,
            }
            status = OrderStatus.CANCELLED if ended else OrderStatus.PLACED
            told.documents.extend(
                [
                    (
                        "shop",
                        SalesOrder(
                            references=(shop,), status=OrderStatus.PLACED, version=1, **placed
                        ),
                    ),
                    ("shop", SalesOrder(references=(shop,), status=status, version=2, **placed)),
                    (
                        "erp",
                        SalesOrder(references=(ours, shop), status=status, version=1, **placed),
                    ),
                    (
                        "bank",
                        Sale(
                            reference=reference(Numbering.INVOICE, "bank", count),
                            version=1,
                            site=WEB,
                            channel="web",
                            goods=Goods(sku=week.item),
                            quantity=units,
                            start=placed["placed_at"],
                            until=placed["placed_at"],
                            order=(shop,),
                        ),
                    ),
                ]
            )
            told.ordered[week.item, week.ends] += units
            if ended:
                told.cancelled[week.item] += units
            elif sent:
                told.shipped[week.item] += sent
                parcel = reference(Numbering.TRACKING, "carrier", f"T{count}")
                lines = (Line(number="1", goods=Goods(sku=week.item), quantity=sent),)
                told.documents.append(
                    (
                        "3pl",
                        Fulfilment(
                            references=(parcel,),
                            order=(ours,),
                            site=WEB,
                            shipped_at=placed["placed_at"] + DAY,
                            lines=lines,
                        ),
                    )
                )
    return told._replace(orders=count)


def test_real_weeks_told_by_four_feeds_are_the_demand_that_they_were(
    rows: dict[str, list[Week]], shared_pool: ConnectionPool[Connection]
) -> None:
    chance = random.Random(7)
    told = web(rows[WEB], chance)
    said = [*till(rows[TILL], chance), *told.documents]
    said += chance.sample(said, 20)
    chance.shuffle(said)
    items = sorted({week.item for weeks in rows.values() for week in weeks})
    with unit_of_work(shared_pool) as connection:
        for kind, content in (
            ("sites", f"code,name\n{TILL},Till\n{WEB},Web\n"),
            ("items", "sku,name\n" + "".join(f"{item},x\n" for item in items)),
        ):
            assert not catalog.import_csv(connection, kind=kind, content=content).errors
        for at, (feed, document) in enumerate(said):
            delivery = Delivery(feed=feed, delivery_id=at, position=0, received_at=Micros(at + 1))
            handler = selling.sold if isinstance(document, Sale) else selling.spoken
            handler(connection, document, delivery)
        while features.drain(connection, now=Micros(10**15)):
            pass
        days = features.demand(
            connection,
            sites=None,
            first=rows[TILL][0].ends.date() - timedelta(days=60),
            last=rows[TILL][0].ends.date() + timedelta(days=300),
            now=Micros(10**15),
            limit=100_000,
        )
        orders = sales.page(connection, sites=None, limit=10_000)
        waiting = sales.open_lines(connection)
        names = {number: sku for sku, number in catalog.item_ids(connection, items).items()}

    per_week: Counter[tuple[str, str, datetime]] = Counter()
    for day in days:
        if not day.ordered + day.sold:
            continue  # goods that left on it were asked for before
        at = datetime.fromisoformat(day.day).replace(tzinfo=UTC)
        ends = next(
            week.ends
            for week in (*rows[TILL], *rows[WEB])
            if week.ends - timedelta(days=6) <= at <= week.ends
        )
        per_week[str(day.site), day.item, ends] += day.ordered + day.sold
        assert day.estimated == (day.site == TILL)
    assert {key: units for key, units in per_week.items() if units} == {
        (site, week.item, week.ends): week.units
        for site, weeks in rows.items()
        for week in weeks
        if week.units
    }
    assert len(orders) == told.orders
    assert {row.differs for row in orders} == {""}
    shipped: Counter[str] = Counter()
    for day in days:
        shipped[day.item] += day.shipped
    assert +shipped == +told.shipped
    still: Counter[str] = Counter()
    for line in waiting:
        still[names[line.item_id]] += line.quantity
    ordered: Counter[str] = Counter()
    for (item, _), units in told.ordered.items():
        ordered[item] += units
    assert +still == ordered - told.shipped - told.cancelled
