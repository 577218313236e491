"""Issue, check, list and revoke API keys."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence

from cloud.access import store
from cloud.access.model import (
    ID_BYTES,
    SCOPES,
    SECRET_BYTES,
    ApiKey,
    Caller,
    IssuedKey,
    hash_secret,
    read_key,
    seen_sites,
    write_key,
)
from cloud.db import Connection
from shared.errors import QuartermasterError
from shared.units import DAY, Micros

MAX_DAYS = 3650


def add_key(
    connection: Connection,
    *,
    name: str,
    scopes: Sequence[str],
    sites: Sequence[str] = (),
    environment: str,
    now: Micros,
    days: int | None = None,
    random_bytes: Callable[[int], bytes],
) -> IssuedKey:
    """Issue a key; no ``sites`` means all of them, no ``days`` means without expiry.

    Raises:
        QuartermasterError: ``request.invalid`` naming what is wrong; ``request.not-found`` for an
            unknown site.
    """
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise QuartermasterError("request.invalid", "1 to 100 printable characters", where="name")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        says = f"unknown scope {unknown[0][:40]!r}" if unknown else "no scope"
        raise QuartermasterError(
            "request.invalid", f"{says}; there are {', '.join(SCOPES)}", where="scope"
        )
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise QuartermasterError("request.invalid", f"1 to {MAX_DAYS} days", where="days")
    known = store.site_ids(connection, sites)
    if missing := [code for code in sites if code not in known]:
        raise QuartermasterError("request.not-found", f"site {missing[0][:80]!r}", where="site")
    issued = write_key(environment, random_bytes(ID_BYTES), random_bytes(SECRET_BYTES))
    store.insert(
        connection,
        key_id=issued.key_id,
        environment=environment,
        name=name,
        secret=hash_secret(issued.text),
        scopes=sorted(set(scopes)),
        site_ids=sorted(known.values()) if sites else None,
        now=now,
        expires=None if days is None else Micros(now + days * DAY),
    )
    return issued


def authenticate(connection: Connection, text: str, *, now: Micros) -> Caller:
    """Who presents this key. Its last use is noted to the minute.

    Raises:
        QuartermasterError: ``request.unauthenticated``; it never says which part was wrong.
    """
    presented = read_key(text)
    stored = None if presented is None else store.find(connection, presented.key_id, now)
    if (
        presented is None
        or stored is None
        or not hmac.compare_digest(presented.secret_sha256, bytes(stored.secret_sha256))
    ):
        raise QuartermasterError("request.unauthenticated")
    if stored.use_unnoted:
        store.note_use(connection, presented.key_id, now)
    return Caller(
        presented.key_id,
        stored.name,
        frozenset(stored.scopes),
        None if stored.all_sites else frozenset(stored.site_ids),
    )


def enter(connection: Connection, caller: Caller | None) -> None:
    """Let the rest of a transaction be the caller's: the database shows it no other site's rows.

    Without a caller it sees no site's. The way back is the transaction's end.
    """
    store.enter(connection, seen_sites(caller))


def keys(connection: Connection) -> list[ApiKey]:
    """All keys, the newest first; never their secrets."""
    return store.keys(connection)


def revoke_key(connection: Connection, key_id: str, *, now: Micros) -> None:
    """Take a key out of force at once.

    Raises:
        QuartermasterError: ``request.not-found`` when no key in force has this id.
    """
    if not store.revoke(connection, key_id, now):
        raise QuartermasterError("request.not-found", f"key {key_id[:40]!r}")
