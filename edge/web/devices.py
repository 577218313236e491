"""The devices paired with this gateway: a bearer token each, of which only the hash is kept."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
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


class Paired(NamedTuple):
    """A device that may speak, and how beside HTTP.

    ``address`` is where its lines may come from without a token; ``step``, ``location`` and ``to``
    are what a bare line means; ``mqtt`` is its token's hash for mosquitto.
    """

    name: str
    token_sha256: bytes
    address: str | None
    step: str
    location: str | None
    to: str | None
    mqtt: str | None


def add(connection: Connection, name: str, *, now: int) -> str:
    """Pair a device; returns its token, which is shown once. A known name gets a new token.

    Raises:
        QuartermasterError: ``request.invalid`` for a name that is no code.
    """
    if not is_code(name):
        raise QuartermasterError("request.invalid", repr(name[:60]), where="name")
    token = f"qmd_{secrets.token_urlsafe(32)}"
    people.leave(connection, name, "the device was paired anew")
    connection.execute(_SQL["add"], (name, _hash(token), now, _for_mosquitto(token)))
    return token


def revoke(connection: Connection, name: str, *, now: int) -> None:
    """Take a device's token out of force, at once.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    if not connection.execute(_SQL["revoke"], (now, name)).rowcount:
        raise QuartermasterError("request.not-found", name, where="device")
    people.leave(connection, name, "the device was revoked")


def speak(connection: Connection, name: str, *, address: str, step: str, location: str) -> None:
    """Say where a device's lines come from and what they mean; an empty text means none.

    Raises:
        QuartermasterError: ``request.not-found``, ``request.invalid`` for something that is no
            address, ``request.conflict`` for one that is another device's.
    """
    plain = plain_address(address) if address else None
    if address and plain is None:
        raise QuartermasterError("request.invalid", repr(address[:60]), where="address")
    other = by_address(connection, plain) if plain else None
    if other is not None and other.name != name:
        raise QuartermasterError("request.conflict", f"{plain} is {other.name}'s", where="address")
    values = (plain, step, location or None, None, name)
    if not connection.execute(_SQL["speak"], values).rowcount:
        raise QuartermasterError("request.not-found", name, where="device")


def stand(connection: Connection, name: str, location: str | None, to: str | None) -> None:
    """Keep where the device is."""
    connection.execute(_SQL["stand"], (location, to, name))


def in_force(connection: Connection) -> list[Paired]:
    """Those that may speak."""
    return [Paired(*row) for row in connection.execute(_SQL["in_force"]).fetchall()]


def by_name(connection: Connection, name: str) -> Paired | None:
    """The device of this name, if it may speak."""
    return _one(connection.execute(_SQL["by_name"], (name,)).fetchone())


def by_address(connection: Connection, address: str) -> Paired | None:
    """The device that speaks from this address."""
    return _one(connection.execute(_SQL["by_address"], (plain_address(address),)).fetchone())


def by_token(connection: Connection, token: str) -> Paired | None:
    """The device with this token."""
    return _one(connection.execute(_SQL["by_token"], (_hash(token),)).fetchone())


def plain_address(text: str) -> str | None:
    """An address in its one spelling; an IPv4 address in an IPv6 one is the former."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _one(row: tuple[object, ...] | None) -> Paired | None:
    return None if row is None else Paired(*row)  # pyright: ignore[reportArgumentType] - a row


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


def _for_mosquitto(token: str) -> str:
    """Mosquitto's password type 6: a salted SHA-512. 256 random bits need no slower hash."""
    salt = secrets.token_bytes(12)
    digest = hashlib.sha512(token.encode() + salt).digest()
    return f"$6${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
