"""Issue, check, list and revoke API keys."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence

from cloud.access import audit, people, store
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
from cloud.access.roles import approves, permissions_of
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
    roles: Sequence[str] = (),
    made_by: Caller | None = None,
) -> IssuedKey:
    """Issue a key; no ``sites`` means all of them, no ``days`` means without expiry.

    Who makes one for somebody else gives only sites that are his own, and nothing to approve with:
    what a person has to say is not said by a key.

    Raises:
        QuartermasterError: ``request.invalid`` naming what is wrong; ``request.not-found`` for an
            unknown site.
    """
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise QuartermasterError("request.invalid", "1 to 100 printable characters", where="name")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    permissions_of(roles)
    if any(approves(scope) for scope in scopes):
        raise QuartermasterError("request.invalid", "a key approves nothing", where="scope")
    if unknown or not (scopes or roles):
        says = f"unknown scope {unknown[0][:40]!r}" if unknown else "no scope"
        raise QuartermasterError(
            "request.invalid", f"{says}; there are {', '.join(SCOPES)}", where="scope"
        )
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise QuartermasterError("request.invalid", f"1 to {MAX_DAYS} days", where="days")
    known = store.site_ids(connection, sites)
    if missing := [code for code in sites if code not in known]:
        raise QuartermasterError("request.not-found", f"site {missing[0][:80]!r}", where="site")
    if made_by is not None and not _covers(made_by, known.values() if sites else None):
        raise QuartermasterError("request.not-found", "not all sites are yours", where="site")
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
        roles=sorted(set(roles)),
        made_by="" if made_by is None else made_by.principal,
    )
    audit.about(f"key {issued.key_id}")
    return issued


def _covers(caller: Caller, sites: Iterable[int] | None) -> bool:
    """Whether all of these are among a caller's sites; None means all there are."""
    return caller.sites is None or (sites is not None and caller.sites.issuperset(sites))


def authenticate(connection: Connection, text: str, *, now: Micros) -> Caller:
    """Who presents this key or access token. A key's last use is noted to the minute.

    Raises:
        QuartermasterError: ``request.unauthenticated``; it never says which part was wrong.
    """
    if not text.startswith("qm_"):
        return people.of_token(connection, text, now=now)
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
    granted = frozenset(stored.scopes) | permissions_of(stored.roles) | {"self"}
    return Caller(
        presented.key_id,
        stored.name,
        frozenset(scope for scope in granted if not approves(scope)),
        None if stored.all_sites else frozenset(stored.site_ids),
        made_by=stored.made_by,
    )


def enter(connection: Connection, caller: Caller | None) -> None:
    """Let the rest of a transaction be the caller's: the database shows it no other site's rows.

    Without a caller it sees no site's. The way back is the transaction's end.
    """
    store.enter(connection, seen_sites(caller))


def keys(connection: Connection, *, seen_by: Caller | None = None) -> list[ApiKey]:
    """All keys, or those that a caller may see, the newest first; never their secrets."""
    return store.keys(connection, None if seen_by is None else seen_by.sites)


def revoke_key(
    connection: Connection, key_id: str, *, now: Micros, by: Caller | None = None
) -> None:
    """Take a key out of force at once.

    Raises:
        QuartermasterError: ``request.not-found`` when no key in force has this id.
    """
    if not store.revoke(connection, key_id, now, None if by is None else by.sites):
        raise QuartermasterError("request.not-found", f"key {key_id[:40]!r}")
    audit.about(f"key {key_id}")
