"""SQL of the exceptions room; private to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud.db import Connection, Queries
from cloud.exceptions.model import Case
from shared.errors import Code
from shared.units import Micros

_Q = Queries(__package__ or "")


def raise_case(
    connection: Connection,
    *,
    code: Code,
    subject: str,
    site_id: int | None,
    detail: str,
    at: Micros,
) -> None:
    """Open a case or count it once more."""
    connection.execute(
        _Q["raise"],
        {"code": code, "subject": subject, "site_id": site_id, "detail": detail, "at": at},
    )


def open_cases(connection: Connection, limit: int) -> list[Case]:
    """Open cases, newest first."""
    return [Case(*row) for row in connection.execute(_Q["open_cases"], {"limit": limit})]


def cases(connection: Connection, filters: Mapping[str, Any]) -> list[Case]:
    """Cases, the one raised last first."""
    return [Case(*row) for row in connection.execute(_Q["cases"], filters)]


def case(connection: Connection, exception_id: int) -> Case | None:
    """One case."""
    row = connection.execute(_Q["case"], {"exception_id": exception_id}).fetchone()
    return None if row is None else Case(*row)


def locked_case(connection: Connection, exception_id: int) -> Case | None:
    """One case, held until the commit: of two who close it one comes second."""
    connection.execute(_Q["hold_case"], {"exception_id": exception_id})
    return case(connection, exception_id)


def earlier(connection: Connection, found: Case, limit: int) -> list[Case]:
    """Closed cases with the same code and subject, before this one."""
    rows = connection.execute(
        _Q["earlier"],
        {
            "exception_id": found.exception_id,
            "code": found.code,
            "subject": found.subject,
            "limit": limit,
        },
    )
    return [Case(*row) for row in rows]


def close(connection: Connection, exception_id: int, *, reason: str, by: str, at: Micros) -> None:
    """Close an open case."""
    connection.execute(
        _Q["close"], {"exception_id": exception_id, "reason": reason, "by": by, "at": at}
    )
