"""Raise, list and close cases, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from cloud.db import Connection
from cloud.exceptions import store
from cloud.exceptions.model import Case, checked_reason, closable
from shared.errors import Code, QuartermasterError
from shared.units import Micros

__all__ = ["Case", "case", "cases", "close", "earlier", "open_cases", "raise_exception"]

Standing = Literal["open", "closed", "all"]


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
    """Open cases, the one that happened last first."""
    return store.open_cases(connection, limit)


def cases(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    site: str | None = None,
    code: str | None = None,
    subject: str | None = None,
    standing: Standing = "open",
    after: Sequence[Any] | None = None,
    limit: int = 100,
) -> list[Case]:
    """Cases of the sites that the caller may see, the one that was raised last first.

    Args:
        connection: an open connection.
        sites: the caller's sites; ``None`` means all, and also what belongs to no site.
        site: only this site's, by code.
        code: only with this code.
        subject: only about this.
        standing: open ones, closed ones, or all.
        after: the ``key`` of the last case of the page before.
        limit: at most as many.
    """
    return store.cases(
        connection,
        {
            "sites": None if sites is None else sorted(sites),
            "site": site,
            "code": code,
            "subject": subject,
            "closed": None if standing == "all" else standing == "closed",
            "after": None if after is None else after[0],
            "limit": limit,
        },
    )


def case(connection: Connection, exception_id: int, *, sites: frozenset[int] | None) -> Case:
    """One case.

    Raises:
        QuartermasterError: ``request.not-found``, the same for another site's.
    """
    return _seen(store.case(connection, exception_id), exception_id, sites)


def earlier(connection: Connection, found: Case, *, limit: int = 10) -> list[Case]:
    """Cases with the same code about the same thing that were closed before this one was raised."""
    return store.earlier(connection, found, limit)


def close(
    connection: Connection,
    exception_id: int,
    *,
    reason: str,
    by: str,
    sites: frozenset[int] | None,
    at: Micros,
) -> Case:
    """Close a case for a reason; the same again changes nothing.

    Raises:
        QuartermasterError: ``request.invalid`` for the reason; ``request.not-found``, the same for
            another site's; ``request.conflict`` when it was closed otherwise.
    """
    words = checked_reason(reason)
    found = _seen(store.locked_case(connection, exception_id), exception_id, sites)
    if not closable(found, reason=words, by=by):
        return found
    store.close(connection, exception_id, reason=words, by=by, at=at)
    return found._replace(closed_at=at, closed_by=by, closed_reason=words)


def _seen(found: Case | None, exception_id: int, sites: frozenset[int] | None) -> Case:
    if found is None or (sites is not None and found.site_id not in sites):
        raise QuartermasterError("request.not-found", f"case {exception_id}")
    return found
