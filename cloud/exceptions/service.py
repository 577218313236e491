"""Raise and list cases, inside the caller's transaction."""

from __future__ import annotations

from cloud.db import Connection
from cloud.exceptions import store
from cloud.exceptions.model import Case
from shared.errors import Code
from shared.units import Micros

__all__ = ["Case", "open_cases", "raise_exception"]


def raise_exception(
    connection: Connection,
    code: Code,
    subject: str,
    detail: str,
    *,
    at: Micros,
    site_id: int | None = None,
) -> None:
    """Open the case ``code`` about ``subject``, or count it once more while it is open.

    Callers that raise several in one transaction sort them by (code, subject): two workers then
    never wait for each other in a circle.
    """
    store.raise_case(
        connection,
        code=code,
        subject=subject,
        site_id=site_id,
        detail=detail.replace("\0", "\\0")[:500],
        at=at,
    )


def open_cases(connection: Connection, *, limit: int = 100) -> list[Case]:
    """Open cases, newest first."""
    return store.open_cases(connection, limit)
