"""The database's door: connections, named queries, migrations."""

from cloud.db.connection import (
    Connection,
    GuardedPool,
    before_commit,
    circuit,
    open_pool,
    unit_of_work,
)
from cloud.db.copying import PG_EPOCH, copy_rows
from cloud.db.migration import demand_schema, migrate, missing, pending
from cloud.db.queries import Queries

__all__ = [
    "PG_EPOCH",
    "Connection",
    "GuardedPool",
    "Queries",
    "before_commit",
    "circuit",
    "copy_rows",
    "demand_schema",
    "migrate",
    "missing",
    "open_pool",
    "pending",
    "unit_of_work",
]
