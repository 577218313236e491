"""The devices paired with this gateway: a bearer token each, of which only the hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final, NamedTuple

from edge import people
from edge.db import Connection, Queries
from shared.errors import QuartermasterError
from shared.ids import is_code

_SQL: Final = Queries(__package__ or "edge.web")


class Device(NamedTuple):
    """A scanner or phone; times in microseconds."""

    name: str
    added_at: int
    revoked_at: int | None


def add(connection: Connection, name: str, *, now: int) -> str:
    """Pair a device; returns its token, which is shown once. A known name gets a new token.

    Raises:
        QuartermasterError: ``request.invalid`` for a name that is no code.
    """
    if not is_code(name):
        raise QuartermasterError("request.invalid", repr(name[:60]), where="name")
    token = f"qmd_{secrets.token_urlsafe(32)}"
    people.leave(connection, name, "the device was paired anew")
    connection.execute(_SQL["add"], (name, _hash(token), now))
    return token


def revoke(connection: Connection, name: str, *, now: int) -> None:
    """Take a device's token out of force, at once.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    if not connection.execute(_SQL["revoke"], (now, name)).rowcount:
        raise QuartermasterError("request.not-found", name, where="device")
    people.leave(connection, name, "the device was revoked")


def known(connection: Connection) -> list[Device]:
    """All devices, revoked ones too, by name."""
    return [Device(*row) for row in connection.execute(_SQL["devices"]).fetchall()]


def authenticate(connection: Connection, authorization: str | None) -> str:
    """The name of the device that shows this Authorization header.

    Raises:
        QuartermasterError: ``request.unauthenticated``.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() == "bearer" and token:
        # Looked up by the hash of a 256-bit secret: nothing to compare in constant time.
        row = connection.execute(_SQL["authenticate"], (_hash(token.strip()),)).fetchone()
        if row is not None:
            return str(row[0])
    raise QuartermasterError("request.unauthenticated")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
