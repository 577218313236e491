"""What every scan asks for is found by an index, however large stock and plan are."""

from __future__ import annotations

import re
import sqlite3
from importlib import resources

import pytest

from edge.db.upgrade import apply_schema
from shared.sql import statements

HOT = {
    "edge.stock": ["earliest_lot", "expiry_of", "held_at", "packed_at", "unit", "contents", "at"],
    "edge.tasks": [
        "task", "lines", "announced", "result", "uncounted", "counted", "lying", "due",
        "counted_zones",
    ],
    "edge.pipeline": ["answered", "effect"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("room", "name"), [(room, name) for room, names in HOT.items() for name in names]
)
def test_a_hot_query_reads_no_table_from_end_to_end(room: str, name: str) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    apply_schema(connection)
    text = resources.files(room).joinpath("queries.sql").read_text("utf-8")
    statement = statements(text, room=room)[name]
    code = "\n".join(line.partition("--")[0] for line in statement.splitlines())
    named = dict.fromkeys(re.findall(r":(\w+)", code), 1)
    values = named or (1,) * code.count("?")
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    connection.close()
    assert plan
    assert [row[3] for row in plan if row[3].startswith("SCAN ")] == []
