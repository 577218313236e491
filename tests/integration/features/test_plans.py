"""The questions that everybody asks keep their indexes, and read no chunk that they need not."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from cloud.db import Queries, unit_of_work

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


def plan(connection: Connection, room: str, name: str, **values: Any) -> str:
    """How PostgreSQL would answer where tables are large."""
    connection.execute("SET LOCAL enable_seqscan = off")
    asked = f"EXPLAIN (FORMAT JSON) {Queries(room)[name]}"
    (row,) = connection.execute(asked, values, prepare=False).fetchone() or (None,)
    return json.dumps(row)


def test_hot_questions_keep_their_indexes_and_leave_other_chunks_alone(
    shared_pool: ConnectionPool[Connection],
) -> None:
    asked: dict[str, Any] = dict.fromkeys(
        ("sites", "channel", "known", "after_day", "after_item", "after_site", "after_channel")
    )
    asked |= {"from": date(2026, 1, 1), "to": date(2026, 1, 31), "now": 0, "limit": 100}
    with unit_of_work(shared_pool) as connection:
        connection.execute(
            "INSERT INTO demand SELECT 1, 1, 'web', d::date, now(), 1, 0, 0, 0, 0, '', false"
            " FROM generate_series('2024-01-01'::date, '2026-12-31', '7 days') d"
        )
        waiting = plan(connection, "cloud.orders.sales", "open_lines", items=[1])
        days = plan(connection, "cloud.features", "demand", item_id=1, site_id=1, **asked)
        parts = plan(connection, "cloud.features", "parts_of", source="order", ids=list(range(100)))
        connection.rollback()
    assert "sales_line_open" in waiting
    assert "sales_reference_by_order" in waiting
    chunks = {word for word in days.replace('"', " ").split() if word.endswith("_chunk")}
    assert 1 <= len(chunks) <= 2
    assert "demand_by_item" in days
    assert "demand_part_by_source" in parts
