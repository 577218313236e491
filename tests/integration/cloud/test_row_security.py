"""The database itself shows a caller only rows of the caller's sites, whatever a statement asks."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from cloud import access
from cloud.access import Caller
from cloud.db import Queries, migrate, open_pool, unit_of_work
from deploy.database import FAST, embedded
from shared.units import DAY
from tests.support import FakeClock
from tests.support.clock import START
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

SITE_COLUMNS = """
    SELECT c.oid::regclass::text, array_agg(a.attname::text ORDER BY a.attname),
           c.relrowsecurity, (SELECT string_agg(pg_get_expr(p.polqual, p.polrelid), ' ')
                              FROM pg_policy p WHERE p.polrelid = c.oid)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND a.attnum > 0 AND NOT a.attisdropped
      AND (a.attname = 'site_id' OR a.attname LIKE '%\\_site\\_id'
           OR EXISTS (SELECT FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f'
                      AND f.confrelid = 'site'::regclass AND a.attnum = ANY (f.conkey)))
    GROUP BY c.oid ORDER BY 1
"""


NOTHING = dict.fromkeys(re.findall(r"%\((\w+)\)s", (Path("cloud/ledger/queries.sql")).read_text()))
"""Each question's parameters, none of them asked."""


@pytest.fixture(scope="module")
def planner(shared_pool: ConnectionPool[Connection]) -> Planner:
    planner = Planner(shared_pool, FakeClock())
    for gateway in ("gw-a", "gw-b"):
        for day in range(3):
            lines = [(f"SKU-{n % 5}", n, f"L{n % 4}", f"LOT-{n}") for n in range(1, 12)]
            planner.receive(gateway, *lines, received_at=START - 8 * day * DAY)
    return planner


@contextmanager
def seen_by(pool: ConnectionPool[Connection], *codes: str) -> Iterator[Connection]:
    """A transaction as the API makes it for a caller of these sites, in the end rolled back."""
    with unit_of_work(pool) as connection:
        rows = connection.execute("SELECT site_id FROM site WHERE code = ANY(%s)", [list(codes)])
        sites = frozenset(row[0] for row in rows)
        access.enter(connection, Caller("k", "k", frozenset(), sites if codes else None))
        yield connection
        connection.rollback()


def test_no_table_with_a_site_was_forgotten(planner: Planner) -> None:
    with unit_of_work(planner.pool) as connection:
        tables = connection.execute(SITE_COLUMNS).fetchall()
    assert len(tables) > 10
    for table, columns, enabled, policy in tables:
        told = f"{table} ({columns}): SELECT protect_site_rows('{table}') in its migration"
        assert enabled, told
        assert "seen_sites()" in (policy or ""), told


def test_what_gateways_sent_is_seen_with_their_sites_only(planner: Planner) -> None:
    with unit_of_work(planner.pool) as connection:
        for table in ("gateway_epoch", "gateway_key"):
            assert _value(connection, f"SELECT count(DISTINCT gateway_id) FROM {table}") == 2
    with seen_by(planner.pool, "S-gw-a") as connection:
        for table in ("gateway_epoch", "gateway_key"):
            assert _value(connection, f"SELECT count(DISTINCT gateway_id) FROM {table}") == 1
    with unit_of_work(planner.pool) as connection:
        access.enter(connection, None)
        assert _value(connection, "SELECT count(*) FROM gateway_epoch") == 0


def test_one_site_sees_no_row_of_another_in_any_table(planner: Planner) -> None:
    with unit_of_work(planner.pool) as connection:
        tables = [
            row[0]
            for row in connection.execute(SITE_COLUMNS)
            if "site_id" in row[1] and _readable(connection, row[0])
        ]
        own = _value(connection, "SELECT site_id FROM site WHERE code = 'S-gw-a'")
        foreign = _value(connection, "SELECT site_id FROM site WHERE code = 'S-gw-b'")
        assert _sites(connection, "movement") == {own, foreign}
    with seen_by(planner.pool, "S-gw-a") as connection:
        for table in tables:
            assert _sites(connection, table) <= {own}, table
        for table in ("site", "location", "gateway", "movement", "balance"):
            assert _sites(connection, table) == {own}, table
    with seen_by(planner.pool) as connection:
        assert _sites(connection, "movement") == {own, foreign}
    with unit_of_work(planner.pool) as connection:
        access.enter(connection, None)
        for table in tables:
            assert _sites(connection, table) == set(), table


def test_a_caller_writes_no_other_sites_row_and_comes_not_back_to_the_owner(
    planner: Planner,
) -> None:
    with seen_by(planner.pool, "S-gw-a") as connection:
        changed = connection.execute("UPDATE balance SET quantity = 0 RETURNING site_id").fetchall()
        assert {row[0] for row in changed} == _sites(connection, "balance")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("INSERT INTO site (code) VALUES ('S-new')")
    for statement in ("ALTER TABLE site DISABLE ROW LEVEL SECURITY", "TRUNCATE balance"):
        with (
            seen_by(planner.pool, "S-gw-a") as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


def test_the_next_transaction_on_the_same_connection_is_the_owners_again(planner: Planner) -> None:
    key = planner.key("read", sites=("S-gw-a",))
    assert planner.client.get("/v1/stock", headers=bearer(key)).status_code == 200
    with planner.pool.connection() as connection:
        for _ in range(2):
            access.enter(connection, None)
            connection.commit()
            assert len(_sites(connection, "site")) == 2
            assert _value(connection, "SELECT current_user") != "quartermaster_api"


def test_a_route_that_forgets_to_ask_for_sites_tells_no_other_sites_rows(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = planner.key("read", sites=("S-gw-a",))
    monkeypatch.setattr(Caller, "sees", lambda *_: True)
    statement = Queries("cloud.ledger")["stock"].replace("%(sites)s", "NULL")
    monkeypatch.setattr("cloud.ledger.store._Q", {"stock": statement})
    rows = planner.get("/v1/stock", key, limit=500)["items"]
    assert {row["site"] for row in rows} == {"S-gw-a"}


def test_hot_queries_keep_their_indexes_and_leave_out_chunks_under_the_policy(
    planner: Planner,
) -> None:
    ledger = Queries("cloud.ledger")
    questions = [
        ("stock", {"item": "SKU-1"}),
        ("stock", {"site": "S-gw-a", "item": "SKU-1"}),
        ("stock_as_of", {"item": "SKU-1", "known_at": START - DAY}),
        ("movements", {"item": "SKU-1"}),
        ("movements", {"since": START - DAY}),
        ("movements", {"since": START - 9 * DAY, "until": START - 7 * DAY, "item": "SKU-2"}),
    ]
    for name, given in questions:
        with unit_of_work(planner.pool) as connection:
            sites = [_value(connection, "SELECT site_id FROM site WHERE code = 'S-gw-a'")]
            values = {**NOTHING, **given, "sites": sites, "limit": 50}
            connection.execute("SET LOCAL enable_seqscan = off")
            owner = _scans(connection, ledger[name], values)
        with seen_by(planner.pool, "S-gw-a") as connection:
            connection.execute("SET LOCAL enable_seqscan = off")
            caller = _scans(connection, ledger[name], values)
        assert caller == owner, (name, given)
        assert any("movement" in scan or "balance" in scan for scan in caller)


def test_an_owner_who_is_no_superuser_makes_the_role_or_is_told_how(tmp_path: Path) -> None:
    with embedded(tmp_path / "server", settings=FAST) as url:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("CREATE ROLE first LOGIN CREATEROLE PASSWORD 'p'")
            server.execute("CREATE ROLE second LOGIN PASSWORD 'p'")
            server.execute("CREATE ROLE reader LOGIN PASSWORD 'p'")
            server.execute("CREATE DATABASE one OWNER first")
            server.execute("CREATE DATABASE two OWNER second")
        one, two = _as(url, "first", "one"), _as(url, "second", "two")
        assert "0017_row_security" in migrate(one)
        with open_pool(one, size=1) as pool, unit_of_work(pool) as connection:
            connection.execute("INSERT INTO site (code) VALUES ('A'), ('B')")
            access.enter(connection, Caller("k", "k", frozenset(), frozenset({1})))
            assert _sites(connection, "site") == {1}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            migrate(two)
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("GRANT quartermaster_api TO second")
        assert "0017_row_security" in migrate(two)
        with open_pool(two, size=1) as pool, unit_of_work(pool) as connection:
            connection.execute("INSERT INTO site (code) VALUES ('A')")
            connection.execute("GRANT SELECT ON site TO reader")
        with psycopg.connect(_as(url, "reader", "two")) as connection:
            assert _sites(connection, "site") == set()


def _readable(connection: Connection, table: str) -> bool:
    asked = "SELECT has_table_privilege('quartermaster_api', %s, 'SELECT')"
    return bool((connection.execute(asked, [table]).fetchone() or [False])[0])


def _value(connection: Connection, statement: Any) -> Any:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def _sites(connection: Connection, table: str) -> set[int]:
    return {row[0] for row in connection.execute(f"SELECT DISTINCT site_id FROM {table}")}


def _as(url: str, role: str, database: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{role}:p@{parts.hostname}:{parts.port}", path=database).geturl()


def _scans(connection: Connection, statement: Any, values: dict[str, Any]) -> set[str]:
    """How a statement's plan reads each relation: by which index, or as a whole."""
    (plan,) = connection.execute(b"EXPLAIN (FORMAT JSON) " + statement.encode(), values).fetchone()
    found: set[str] = set()
    left = [plan[0]["Plan"] if not isinstance(plan, str) else json.loads(plan)[0]["Plan"]]
    while left:
        node = left.pop()
        if node["Node Type"] != "Custom Scan" and {"Index Name", "Relation Name"} & node.keys():
            found.add(f"{node.get('Relation Name', '')} by {node.get('Index Name', 'whole')}")
        left += node.get("Plans", [])
    return found
