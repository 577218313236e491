"""The registry's rows. Private to this room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from psycopg.rows import class_row

from cloud.db import Connection, Queries
from cloud.gateways.model import (
    Certificate,
    EventKey,
    Gateway,
    Grant,
    Head,
    Registered,
    Revoked,
    Token,
    event_key,
)
from shared.ids import GatewayId, SiteId
from shared.units import Micros

_Q: Final = Queries(__package__ or "cloud.gateways")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Row = TypeVar("_Row")


def site_id(connection: Connection, site: str) -> int | None:
    """The surrogate key of a site."""
    return _value(connection, "site_by_code", site=site)


def insert_gateway(
    connection: Connection, name: GatewayId, site_id: int, hw_serial: str, now: Micros
) -> int | None:
    """The new gateway's key; None when the name is taken."""
    return _value(
        connection,
        "insert_gateway",
        name=name,
        site_id=site_id,
        hw_serial=hw_serial,
        now=_moment(now),
    )


def gateway(connection: Connection, name: str) -> Gateway | None:
    """One gateway."""
    return _one(connection, Gateway, "gateway_by_name", name=name)


def site_of(connection: Connection, gateway_id: int) -> int | None:
    """The key of the site that a gateway stands at."""
    return _value(connection, "site_of", gateway_id=gateway_id)


def gateways(
    connection: Connection, sites: Sequence[str] | None, after: str, limit: int
) -> list[Gateway]:
    """A page of gateways in order of their names."""
    with connection.cursor(row_factory=class_row(Gateway)) as cursor:
        wanted = None if sites is None else list(sites)
        return cursor.execute(
            _Q["gateways"], {"sites": wanted, "after": after, "limit": limit}
        ).fetchall()


def lock(connection: Connection, name: str) -> bool:
    """Let no other enrolment, renewal or revocation of this gateway run; False when unknown."""
    return _value(connection, "lock_gateway", name=name) is not None


def lookup(connection: Connection, names: Iterable[str]) -> dict[GatewayId, Registered]:
    """Standing, keys and epochs of the gateways that exist among ``names``."""
    rows = connection.execute(_Q["lookup"], {"names": list(names)}).fetchall()
    return {
        GatewayId(name): Registered(
            number,
            site_number,
            SiteId(site),
            status,
            {bytes(kid): event_key(bytes(raw)) for kid, raw in zip(kids, raws, strict=True)},
            frozenset(epochs),
            frozenset(closed),
        )
        for name, number, site_number, site, status, kids, raws, epochs, closed in rows
    }


def insert_token(
    connection: Connection, gateway_id: int, sha256: bytes, now: Micros, expires_at: Micros
) -> None:
    """Put a new token in force."""
    _do(
        connection,
        "insert_token",
        gateway_id=gateway_id,
        sha256=sha256,
        now=_moment(now),
        expires_at=_moment(expires_at),
    )


def newest_token(connection: Connection, name: str) -> Token | None:
    """The token in force, locked until the transaction ends."""
    return _one(connection, Token, "newest_token", name=name)


def count_try(connection: Connection, token_id: int, max_tries: int) -> bool:
    """Whether there was a try left; it is taken."""
    tries = _value(connection, "count_try", token_id=token_id, max_tries=max_tries)
    return tries is not None


def return_try(connection: Connection, token_id: int) -> None:
    """Give a successful try back."""
    _do(connection, "return_try", token_id=token_id)


def use_token(connection: Connection, token_id: int, csr_hash: bytes, now: Micros) -> None:
    """Record the token's one use."""
    _do(connection, "use_token", token_id=token_id, csr_hash=csr_hash, now=_moment(now))


def activate(connection: Connection, gateway_id: int) -> None:
    """Set the gateway to work."""
    _do(connection, "activate", gateway_id=gateway_id)


def revoke(connection: Connection, gateway_id: int, now: Micros) -> None:
    """End the gateway's standing, its keys, certificates and unused tokens."""
    moment = _moment(now)
    _do(connection, "revoke_certificates", gateway_id=gateway_id, now=moment)
    _do(connection, "revoke", gateway_id=gateway_id, now=moment)
    _do(connection, "revoke_event_keys", gateway_id=gateway_id, now=moment)
    _do(connection, "void_tokens", gateway_id=gateway_id, now=moment)


def registered_key(connection: Connection, kid: bytes) -> EventKey | None:
    """Whose key this is."""
    return _one(connection, EventKey, "event_key", kid=kid)


def key_in_force(connection: Connection, gateway_id: int) -> bytes:
    """The raw key with which the gateway signs; empty, so that nothing verifies, without one."""
    raw = _value(connection, "event_key_in_force", gateway_id=gateway_id)
    return b"" if raw is None else bytes(raw)


def replace_event_key(
    connection: Connection, gateway_id: int, kid: bytes, public_key: bytes, now: Micros
) -> None:
    """End the keys in force and register a new one."""
    _do(connection, "revoke_event_keys", gateway_id=gateway_id, now=_moment(now))
    _do(
        connection,
        "insert_event_key",
        gateway_id=gateway_id,
        kid=kid,
        public_key=public_key,
        now=_moment(now),
    )


def newest_epoch(connection: Connection, gateway_id: int) -> Grant | None:
    """The newest epoch, granted or waiting to be asked for."""
    return _one(connection, Grant, "newest_epoch", gateway_id=gateway_id)


def epochs_since(connection: Connection, gateway_id: int, since: Micros) -> int:
    """How many epochs the gateway was given since a moment."""
    return int(_value(connection, "epochs_since", gateway_id=gateway_id, since=_moment(since)))


def grant_of(connection: Connection, gateway_id: int, epoch: int) -> Grant | None:
    """One granted epoch."""
    return _one(connection, Grant, "grant_of", gateway_id=gateway_id, epoch=epoch)


def grant_epoch(
    connection: Connection,
    gateway_id: int,
    epoch: int,
    reason: str,
    now: Micros,
    *,
    previous: tuple[int, Head] | None = None,
    nonce: bytes | None = None,
    awaited: bool = False,
) -> None:
    """Let the gateway number its events anew; ``previous`` is the epoch before and its head."""
    number, head = previous or (None, None)
    _do(
        connection,
        "grant_epoch",
        gateway_id=gateway_id,
        epoch=epoch,
        reason=reason,
        now=_moment(now),
        previous_epoch=number,
        previous_seq=None if head is None else head.seq,
        previous_hash=None if head is None else head.hash,
        nonce=nonce,
        awaited=awaited,
    )


def claim_epoch(
    connection: Connection, gateway_id: int, epoch: int, nonce: bytes, head: Head
) -> None:
    """Give the gateway the epoch that a person has decided on."""
    _do(
        connection,
        "claim_epoch",
        gateway_id=gateway_id,
        epoch=epoch,
        nonce=nonce,
        previous_seq=head.seq,
        previous_hash=head.hash,
    )


def nonce_used(connection: Connection, gateway_id: int, nonce: bytes) -> bool:
    """Whether this request for an epoch was answered before."""
    return bool(_value(connection, "nonce_used", gateway_id=gateway_id, nonce=nonce))


def close_epochs(connection: Connection, gateway_id: int, before: int, at: Micros) -> None:
    """Take nothing more in the epochs before ``before``, from ``at`` on."""
    _do(connection, "close_epochs", gateway_id=gateway_id, epoch=before, at=_moment(at))


def revoked_certificates(connection: Connection, since: Micros) -> list[Revoked]:
    """What the revocation list names; no other process writes it until the commit."""
    _do(connection, "lock_revocation_list")
    with connection.cursor(row_factory=class_row(Revoked)) as cursor:
        return cursor.execute(_Q["revoked_certificates"], {"since": _moment(since)}).fetchall()


def revoked_since(connection: Connection, since: Micros) -> list[GatewayId]:
    """Gateways revoked after a moment."""
    rows = connection.execute(_Q["revoked_since"], {"since": _moment(since)}).fetchall()
    return [GatewayId(name) for (name,) in rows]


def certificate(connection: Connection, gateway_id: int, serial: str) -> Certificate | None:
    """One certificate of this gateway."""
    return _one(
        connection, Certificate, "certificate_by_serial", gateway_id=gateway_id, serial=serial
    )


def certificate_for(connection: Connection, gateway_id: int, csr_hash: bytes) -> Certificate | None:
    """The certificate that the same request led to before."""
    return _one(
        connection, Certificate, "certificate_by_request", gateway_id=gateway_id, csr_hash=csr_hash
    )


def tls_key_known(connection: Connection, spki: bytes) -> bool:
    """Whether this key was certified before."""
    return bool(_value(connection, "tls_key_known", spki=spki))


def certificates_since(connection: Connection, gateway_id: int, since: Micros) -> int:
    """How many certificates the gateway was given since a moment."""
    return int(
        _value(connection, "certificates_since", gateway_id=gateway_id, since=_moment(since))
    )


def insert_certificate(
    connection: Connection,
    gateway_id: int,
    issued: x509.Certificate,
    *,
    spki: bytes,
    csr_hash: bytes,
    now: Micros,
) -> None:
    """Keep an issued certificate."""
    _do(
        connection,
        "insert_certificate",
        serial=f"{issued.serial_number:x}",
        gateway_id=gateway_id,
        not_before=issued.not_valid_before_utc,
        not_after=issued.not_valid_after_utc,
        spki=spki,
        csr_hash=csr_hash,
        der=issued.public_bytes(Encoding.DER),
        now=_moment(now),
    )


def _moment(micros: Micros) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _one(connection: Connection, shape: type[_Row], query: str, /, **values: object) -> _Row | None:
    with connection.cursor(row_factory=class_row(shape)) as cursor:
        return cursor.execute(_Q[query], values).fetchone()


def _value(connection: Connection, query: str, /, **values: object) -> Any:
    row = connection.execute(_Q[query], values).fetchone()
    return None if row is None else row[0]


def _do(connection: Connection, query: str, /, **values: object) -> None:
    connection.execute(_Q[query], values)
