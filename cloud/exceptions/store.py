"""SQL of the exceptions room; private to it."""

from __future__ import annotations

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
