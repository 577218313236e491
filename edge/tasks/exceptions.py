"""What a person on the floor should look at: a code nobody knows, a count that does not settle."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from edge.db import Connection
from edge.tasks.book import SQL
from shared.errors import QuartermasterError
from shared.events import ExceptionRaised, ExceptionResolved

_MANY: Final = 200


class Raised(NamedTuple):
    """An exception as it stands; times in microseconds."""

    name: str
    about: str
    subject: str
    note: str
    sku: str | None
    location: str | None
    photo_sha256: bytes | None
    device: str
    operator: str | None
    raised_at: int
    resolution: str | None
    resolved_note: str | None
    resolved_by: str | None
    resolved_at: int | None


class By(NamedTuple):
    """Who tells of it, by which request, and when."""

    request: bytes
    device: str
    operator: str | None
    at: int


def name_of(request: bytes) -> str:
    """What the exception of this request is called."""
    return f"ex-{hashlib.sha256(request).hexdigest()[:12]}"


def raise_exception(connection: Connection, data: ExceptionRaised, by: By) -> None:
    """Keep a new exception."""
    row = (
        data.exception,
        by.request,
        data.about,
        data.subject,
        data.note,
        data.sku,
        data.location,
        data.photo_sha256,
        by.device,
        by.operator,
        by.at,
    )
    connection.execute(SQL["raise_exception"], row)


def exception(connection: Connection, name: str) -> Raised:
    """One exception.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    row = connection.execute(SQL["exception"], (name,)).fetchone()
    if row is None:
        raise QuartermasterError("request.not-found", name[:80], where="exception")
    return Raised(*row)


def exceptions(connection: Connection, *, status: str = "open", limit: int = _MANY) -> list[Raised]:
    """Exceptions that are ``open``, ``resolved`` or ``all``, the newest first."""
    where = {"status": status, "limit": limit}
    return [Raised(*row) for row in connection.execute(SQL["exceptions"], where).fetchall()]


def open_alarms(connection: Connection, device: str, about: str) -> list[str]:
    """The open exceptions of a kind that a device raised about itself, by name."""
    return [name for (name,) in connection.execute(SQL["open_alarms"], (device, about, device))]


def open_of(connection: Connection, device: str, about: str) -> int:
    """How many exceptions of a kind that a device raised wait for somebody."""
    (number,) = connection.execute(SQL["open_of"], (device, about)).fetchone()
    return int(number)


def resolve(connection: Connection, data: ExceptionResolved, by: By) -> None:
    """Close an exception.

    Raises:
        QuartermasterError: ``request.not-found``, or ``exception.closed`` when it is closed.
    """
    exception(connection, data.exception)
    row = (data.resolution, data.note, by.operator or by.device, by.at, data.exception)
    if not connection.execute(SQL["resolve_exception"], row).rowcount:
        raise QuartermasterError("exception.closed", data.exception)


def wanted_photos(connection: Connection) -> frozenset[str]:
    """The photos (by their hash, as hex) that open exceptions name."""
    rows = connection.execute(SQL["open_photos"]).fetchall()
    return frozenset(bytes(row[0]).hex() for row in rows)


def forget_exceptions(connection: Connection, before: int, *, limit: int) -> int:
    """Forget exceptions that were resolved before a moment; returns how many."""
    return connection.execute(SQL["forget_exceptions"], (before, limit)).rowcount
