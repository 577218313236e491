"""The SQL of API keys, private to this room."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from cloud.access.model import ApiKey
from cloud.db import Connection, Queries
from shared.units import Micros

_Q: Final = Queries("cloud.access")


class Stored(NamedTuple):
    """A key in force, as stored."""

    name: str
    environment: str
    secret_sha256: bytes
    scopes: list[str]
    all_sites: bool
    site_ids: list[int]
    use_unnoted: bool
    roles: list[str]
    made_by: str


def insert(
    connection: Connection,
    *,
    key_id: str,
    environment: str,
    name: str,
    secret: bytes,
    scopes: Sequence[str],
    site_ids: Sequence[int] | None,
    now: Micros,
    expires: Micros | None,
    roles: Sequence[str] = (),
    made_by: str = "",
) -> None:
    """Write a new key; ``site_ids`` None means all sites."""
    connection.execute(
        _Q["insert_key"],
        {
            "key_id": key_id,
            "environment": environment,
            "name": name,
            "secret": secret,
            "scopes": list(scopes),
            "all_sites": site_ids is None,
            "now": now,
            "expires": expires,
            "roles": list(roles),
            "made_by": made_by,
        },
    )
    if site_ids:
        connection.execute(_Q["insert_key_sites"], {"key_id": key_id, "site_ids": list(site_ids)})


def find(connection: Connection, key_id: str, now: Micros) -> Stored | None:
    """The key with this id, if it is in force."""
    row = connection.execute(_Q["find_key"], {"key_id": key_id, "now": now}).fetchone()
    return None if row is None else Stored(*row)


def note_use(connection: Connection, key_id: str, now: Micros) -> None:
    """Note that a key was used."""
    connection.execute(_Q["note_use"], {"key_id": key_id, "now": now})


def revoke(
    connection: Connection, key_id: str, now: Micros, sites: Collection[int] | None = None
) -> bool:
    """Take a key out of force; whether there was one in force, for these sites alone if given."""
    asked = {"key_id": key_id, "now": now, "sites": None if sites is None else sorted(sites)}
    return connection.execute(_Q["revoke_key"], asked).fetchone() is not None


def keys(connection: Connection, sites: Collection[int] | None = None) -> list[ApiKey]:
    """All keys, or those that are for some of these sites alone."""
    asked = {"sites": None if sites is None else sorted(sites)}
    return [
        ApiKey(
            key_id=row[0],
            environment=row[1],
            name=row[2],
            scopes=tuple(row[3]),
            sites=None if row[4] else tuple(row[5]),
            created_at=row[6],
            expires_at=row[7],
            revoked_at=row[8],
            last_used_at=row[9],
            roles=tuple(row[10]),
            made_by=row[11],
        )
        for row in connection.execute(_Q["keys"], asked)
    ]


def site_ids(connection: Connection, codes: Sequence[str]) -> dict[str, int]:
    """Keys by site code. Access lies below the catalog and asks the table itself."""
    found = connection.execute(_Q["site_ids"], {"codes": list(codes)})
    return {str(code): int(site_id) for code, site_id in found}


def enter(connection: Connection, sites: str) -> None:
    """Give up the owner's rights until the transaction ends, and see only these sites."""
    connection.execute(_Q["enter"], {"sites": sites})
