"""A past moment, put together from snapshots, is what a sum over all movements says."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.ledger import store
from cloud.ledger.service import stock_as_of
from cloud.ledger.snapshots import service as snapshots
from cloud.ledger.snapshots.model import WEEK
from shared.units import DAY, HOUR, Micros
from tests.benchmarks.warehouse_of_millions import END, Size, fill
from tests.support.uplink import Hand, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud.db import Connection

pytestmark = pytest.mark.database
FIRST = 2900 * WEEK
"""A snapshot's moment."""
MOMENTS = st.one_of(
    st.integers(FIRST, FIRST + 5 * WEEK),
    st.builds(
        lambda week, beside: FIRST + week * WEEK + beside, st.integers(0, 5), st.integers(-1, 1)
    ),
)
MOVES = st.lists(
    st.tuples(st.integers(0, 3), MOMENTS, MOMENTS, st.integers(1, 9), st.booleans()),
    min_size=1,
    max_size=30,
)


@pytest.fixture(scope="module")
def connection(database_server: str, database_template: str) -> Iterator[Connection]:
    """One database for the module; each test takes back what it did."""
    name = "qm_snapshots"
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name} TEMPLATE {database_template}")
        try:
            url = f"{database_server.rsplit('/', 1)[0]}/{name}"
            with psycopg.connect(url) as connection:
                stage(connection, [Hand("gw-a")], items=4, locations=1)
                connection.commit()
                yield connection
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def append(connection: Connection, moves: list[tuple[int, int, int, int, bool]]) -> None:
    """Movements of four positions, and the balances that they make."""
    (site, location) = connection.execute(
        "SELECT site_id, location_id FROM location"
    ).fetchone() or (
        0,
        0,
    )
    items = [row[0] for row in connection.execute("SELECT item_id FROM item ORDER BY 1")]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO movement SELECT to_timestamp(%s / 1000000.0), "
            "to_timestamp(%s / 1000000.0), %s, gen_random_uuid(), 1, 1, %s, %s, %s, %s, 0, 1, 0, "
            "1, '', '', ''",
            [
                (known, true, number, site, items[item], location, -many if out else many)
                for number, (item, true, known, many, out) in enumerate(moves, 1)
            ],
        )
    connection.execute(
        "INSERT INTO balance SELECT site_id, item_id, location_id, state, lot, serial, "
        "sum(quantity), now() FROM movement GROUP BY 1, 2, 3, 4, 5, 6"
    )


def naive(
    moves: list[tuple[int, int, int, int, bool]], true_at: int | None, known_at: int | None
) -> dict[str, int]:
    sums: defaultdict[str, int] = defaultdict(int)
    for item, true, known, many, out in moves:
        if (true_at is None or true <= true_at) and (known_at is None or known <= known_at):
            sums[f"SKU-{item}"] += -many if out else many
    return {sku: quantity for sku, quantity in sums.items() if quantity}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moves=MOVES,
    made_until=MOMENTS,
    asked=st.lists(st.tuples(st.none() | MOMENTS, st.none() | MOMENTS), min_size=8, max_size=8),
)
def test_any_moment_is_the_sum_of_what_was_true_and_known_by_then(
    connection: Connection,
    moves: list[tuple[int, int, int, int, bool]],
    made_until: int,
    asked: list[tuple[int | None, int | None]],
) -> None:
    # Snapshots are made in the course of time: what comes later is not in them, however old.
    early = [move for move in moves if move[2] < made_until]
    try:
        append(connection, early)
        while snapshots.make_next(connection, now=Micros(made_until + HOUR)) is not None:
            pass
        connection.execute("DELETE FROM balance")
        append(connection, [move for move in moves if move[2] >= made_until])
        for true_at, known_at in asked:
            rows = stock_as_of(connection, sites=None, true_at=true_at, known_at=known_at)
            assert {row.sku: row.quantity for row in rows} == naive(moves, true_at, known_at)
        assert snapshots.wrong(connection) == []
    finally:
        connection.rollback()


def test_a_snapshot_waits_until_its_week_is_settled_and_is_made_once(
    connection: Connection,
) -> None:
    try:
        append(connection, [(0, FIRST + 5, FIRST + 5, 7, False)])
        assert snapshots.make_next(connection, now=Micros(FIRST + WEEK + HOUR - 1)) is None
        assert snapshots.make_next(connection, now=Micros(FIRST + WEEK + HOUR)) == FIRST + WEEK
        assert snapshots.make_next(connection, now=Micros(FIRST + WEEK + HOUR)) is None
        kept = connection.execute("SELECT quantity FROM snapshot_balance").fetchall()
        assert kept == [(7,)]
        # A balance that is not what the movements say is found.
        connection.execute("UPDATE balance SET quantity = 8")
        assert [(row.balance, row.folded) for row in snapshots.wrong(connection)] == [(8, 7)]
    finally:
        connection.rollback()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def test_a_moment_a_year_ago_reads_one_week_by_index_and_no_other_chunk(
    connection: Connection,
) -> None:
    connection.rollback()
    connection.execute("DELETE FROM location")
    for table in ("gateway_key", "gateway_epoch", "gateway", "site", "item"):
        connection.execute(f"DELETE FROM {table}")
    connection.commit()
    connection.autocommit = True
    fill(connection, Size(items=100, movements=100_000))
    while snapshots.make_next(connection, now=Micros(END)) is not None:
        pass
    connection.execute("VACUUM ANALYZE snapshot_balance, snapshot_astray")
    at = END - 365 * DAY
    asked: dict[str, Any] = dict.fromkeys(
        ("sites", "site", "location", "lot", "serial", "state", "known_at", "after_site")
    )
    asked |= dict.fromkeys(("after_item", "after_location", "after_lot", "after_serial"))
    part = snapshots.window(connection, at, None)
    asked |= {"after_state": None, "item": "SKU-7", "true_at": at, "limit": 100, **part._asdict()}
    (plan,) = connection.execute(
        "EXPLAIN (FORMAT JSON) " + store._Q["stock_as_of"], asked, prepare=False
    ).fetchone() or ([],)
    read = list(nodes(plan[0]["Plan"]))
    relations = {node["Relation Name"] for node in read if "Relation Name" in node}
    chunks = [name for name in relations if name.startswith("_hyper")]
    assert len(chunks) in {2, 3}  # the week itself, and what no snapshot has seen yet
    whole = {"balance", "snapshot_balance", *chunks}  # the astray are too few for an index
    scanned = {node["Relation Name"] for node in read if node["Node Type"] == "Seq Scan"}
    assert scanned & whole == set(), json.dumps(plan, indent=1)
