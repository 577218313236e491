"""The gateway's store: one SQLite file, one writer, the unit of work, and the room it needs."""

from edge.db.ballast import Ballast
from edge.db.database import LOG_BYTES, MAX_GROUP, Connection, Database
from edge.db.queries import Queries
from edge.db.space import Level, Measure, level_after

__all__ = [
    "LOG_BYTES",
    "MAX_GROUP",
    "Ballast",
    "Connection",
    "Database",
    "Level",
    "Measure",
    "Queries",
    "level_after",
]
