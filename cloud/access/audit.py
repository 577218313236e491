"""The audit trail: entries in the transaction of what they tell, chained by hash afterwards.

The hash of a link covers the link before it, its number and all of its entry. Who owns the database
could write the whole chain anew; the signed head that goes out of the house each minute is what he
cannot write anew, and :func:`verify` compares the chain with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Final, NamedTuple

import cbor2
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from cloud.access import store_audit as store
from cloud.access.model import AuditEntry, AuditHead, Link
from cloud.db import Connection
from shared.cose import Sign, key_id
from shared.errors import QuartermasterError
from shared.units import Micros

GENESIS: Final = bytes(32)
_PURPOSE: Final = b"qm-audit-head/1"
_AT_ONCE: Final = 2000
_LONGEST: Final = 200
_about: ContextVar[str] = ContextVar("about", default="")


class Flaw(NamedTuple):
    """Where the chain is not what it was."""

    seq: int
    says: str


def about(what: str) -> None:
    """Name the object of what is being done, for the entry that will tell it; never a name."""
    _about.set(what)


def record(
    connection: Connection,
    *,
    who: str,
    via: str,
    at: Micros,
    action: str,
    permission: str = "",
    origin: str = "",
    object_: str = "",
    outcome: str = "done",
    only_after_writes: bool = False,
) -> None:
    """Add an entry to the transaction of what it tells."""
    known = _about.get()
    _about.set("")
    entry = AuditEntry(
        0,
        at,
        _plain(who),
        via,
        origin,
        permission,
        _plain(action),
        _plain(" ".join(filter(None, (object_, known)))),
        outcome,
    )
    store.insert(connection, entry, only_after_writes=only_after_writes)


def seal(connection: Connection) -> int:
    """Number and chain what was committed since; how many. Another who does it is left to it."""
    if not store.hold(connection):
        return 0
    waiting = store.take_waiting(connection, _AT_ONCE)
    if not waiting:
        return 0
    seq, last = store.head(connection) or (0, GENESIS)
    links: list[tuple[int, int, bytes]] = []
    for entry in waiting:
        seq += 1
        last = link_hash(last, seq, entry)
        links.append((seq, entry.entry_id, last))
    store.append(connection, links)
    return len(links)


def link_hash(last: bytes, seq: int, entry: AuditEntry) -> bytes:
    """The hash of a link: over the one before, its number and all that the entry says. Pure."""
    return hashlib.sha256(last + cbor2.dumps([seq, *entry], canonical=True)).digest()


def verify(connection: Connection, heads: Sequence[AuditHead] = ()) -> tuple[int, list[Flaw]]:
    """The number of links, and where chain and entries are not what they were."""
    count, flaws = broken(store.links(connection), heads)
    if loose := store.loose(connection):
        flaws.append(Flaw(0, f"{loose} entries are in no link and will be in none"))
    return count, flaws


def broken(links: Iterable[Link], heads: Sequence[AuditHead]) -> tuple[int, list[Flaw]]:
    """Walk a chain; how long it is, and what is wrong with it. Pure."""
    told = {head.seq: head.hash for head in heads}
    flaws: list[Flaw] = []
    last, expected = GENESIS, 1
    for link in links:
        if link.seq != expected:
            flaws.append(Flaw(link.seq, f"{link.seq - expected} links before it are missing"))
        if link_hash(last, link.seq, link.entry) != link.hash:
            flaws.append(Flaw(link.seq, "its entry, or the link before it, was changed"))
        if told.pop(link.seq, link.hash.hex()) != link.hash.hex():
            flaws.append(Flaw(link.seq, "it is not the one that was told outside"))
        last, expected = link.hash, link.seq + 1
    flaws += [Flaw(seq, "it was told outside and is gone") for seq in sorted(told)]
    return expected - 1, flaws


def head(
    connection: Connection, *, sign: Sign, kid: bytes, trust_domain: str, at: Micros
) -> AuditHead | None:
    """The last link, signed; None while there is none."""
    found = store.head(connection)
    if found is None:
        return None
    seq, digest = found
    signature = sign(_signed(trust_domain, seq, digest.hex(), at))
    return AuditHead(seq, digest.hex(), at, kid.hex(), base64.b64encode(signature).decode("ascii"))


def signer(key: Ed25519PrivateKey) -> tuple[Sign, bytes]:
    """How a key signs, and its id."""
    return key.sign, key_id(key.public_key())


def read_heads(content: bytes, *, public: Ed25519PublicKey, trust_domain: str) -> list[AuditHead]:
    """Heads as they were told, one a line; each must be signed. Pure.

    Raises:
        QuartermasterError: ``document.row``, naming the line.
    """
    heads: list[AuditHead] = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            told = msgspec.json.decode(line, type=dict[str, str | int])
            one = msgspec.convert(list(map(told.get, AuditHead._fields)), AuditHead)
            public.verify(
                base64.b64decode(one.signature, validate=True),
                _signed(trust_domain, one.seq, one.hash, one.at),
            )
        except (msgspec.MsgspecError, binascii.Error, InvalidSignature) as error:
            why = f"line {number} is no head that this cloud signed ({type(error).__name__})"
            raise QuartermasterError("document.row", why) from None
        heads.append(one)
    return heads


def entries(
    connection: Connection, *, who: str | None = None, before: int | None = None, limit: int = 100
) -> list[AuditEntry]:
    """Entries, the newest first."""
    return store.entries(connection, who=who, before=before, limit=limit)


def origin_of(address: str) -> str:
    """What kind of address this is: all of it would tell where a person was. Pure."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if known.is_loopback:
        return "loopback"
    return "private" if known.is_private else "public"


def _signed(trust_domain: str, seq: int, digest: str, at: int) -> bytes:
    return _PURPOSE + cbor2.dumps([trust_domain, seq, digest, at], canonical=True)


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:_LONGEST]
