"""The signed documents in force: versions only ever rise, a refused document changes nothing.

The catalog and the policy are this room's own; the heads by which cameras judge are kept as they
came. What people, plan and leases say is entered into the tables of the rooms that use them, in the
same transaction: the composition root hands in how.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, NamedTuple

from edge.db import Connection, Queries
from edge.db.marks import check, mark_of
from edge.stock.catalog import clear, enter
from shared.downlink import DOCUMENT_KINDS, Catalog, DocumentKind, Offer, decode_catalog, digest
from shared.errors import QuartermasterError
from shared.heads import Heads, decode_heads
from shared.ids import SiteId
from shared.leases import Leases, decode_leases
from shared.people import People, decode_people
from shared.plan import Plan, decode_plan
from shared.policy import BUILT_IN, Policy, decode_policy

Document = Catalog | Policy | People | Plan | Leases | Heads

_SQL: Final = Queries(__package__ or "edge.stock")
_decoded: Final = threading.local()


class DocumentInForce(NamedTuple):
    """Version and hash of a document; version 0 when there is none yet."""

    version: int
    sha256: bytes


def _nothing(_connection: Connection, _document: People | Plan | Leases | Heads, _now: int) -> None:
    """Of what nobody uses, only the version is kept."""


class Entering(NamedTuple):
    """How other rooms enter a document that comes into force: connection, document and the time.

    Each runs in the transaction that puts the document in force, after its version is set; what it
    raises leaves everything as it was.
    """

    people: Callable[[Connection, People, int], None] = _nothing
    plan: Callable[[Connection, Plan, int], None] = _nothing
    leases: Callable[[Connection, Leases, int], None] = _nothing
    heads: Callable[[Connection, Heads, int], None] = _nothing


def versions(connection: Connection) -> dict[str, int]:
    """The versions that an answer or decision names, by kind; 0 where there is none.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    known: dict[str, int] = {}
    for kind, version, sha256, mark in connection.execute(_SQL["versions"]).fetchall():
        check("document", mark, kind, version, sha256)
        known[kind] = version
    return {kind: known.get(kind, 0) for kind in DOCUMENT_KINDS}


def received(connection: Connection) -> dict[str, int]:
    """When each document in force came, by kind, microseconds."""
    return dict(connection.execute(_SQL["received"]).fetchall())


def in_force(connection: Connection, kind: DocumentKind) -> DocumentInForce:
    """What is in force of one kind.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    row = connection.execute(_SQL["document"], (kind,)).fetchone()
    if row is None:
        return DocumentInForce(0, b"")
    version, sha256, mark, _ = row
    check("document", mark, kind, version, sha256)
    return DocumentInForce(version, sha256)


def policy(connection: Connection) -> Policy:
    """The policy in force, or the built-in one.

    Decoded once per version and thread: the hash is compared, so an undone transaction is seen.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    row = connection.execute(_SQL["document"], ("policy",)).fetchone()
    if row is None:
        return BUILT_IN
    _, sha256, _, content = row
    if getattr(_decoded, "sha256", None) != sha256:
        if digest(content) != sha256:
            raise QuartermasterError("store.damaged", "a document has changed", where="policy")
        _decoded.policy = decode_policy(content)
        _decoded.sha256 = sha256
    return _decoded.policy


def heads(connection: Connection, site: SiteId) -> Heads:
    """The retrained heads in force; none where nothing was said.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    row = connection.execute(_SQL["document"], ("heads",)).fetchone()
    if row is None:
        return Heads(site, [])
    _, sha256, _, content = row
    if content is None or digest(content) != sha256:
        raise QuartermasterError("store.damaged", "a document has changed", where="heads")
    return decode_heads(content)


def read_document(offer: Offer, content: bytes, *, site: SiteId) -> Document:
    """Read what an offer announced. Pure, and for a large document slow: not for the event loop.

    Raises:
        QuartermasterError: ``downlink.hash`` (other bytes than announced), ``downlink.foreign`` (of
            another site) or ``downlink.malformed``.
    """
    if len(content) != offer.size or digest(content) != offer.sha256:
        raise QuartermasterError("downlink.hash", f"{offer.kind} {offer.version}")
    if offer.kind == "policy":
        return decode_policy(content)
    document = _DECODERS[offer.kind](content)
    if document.site != site:
        raise QuartermasterError("downlink.foreign", f"site {document.site}")
    return document


def put_in_force(
    connection: Connection,
    offer: Offer,
    content: bytes,
    *,
    site: SiteId,
    now: int,
    document: Document | None = None,
    entering: Entering = Entering(),  # noqa: B008 - a tuple is not changed
) -> bool:
    """Check a verified offer against what is in force and apply it; False when it already is.

    Args:
        connection: the transaction.
        offer: as the cloud signed it.
        content: the document's bytes.
        site: this gateway's.
        now: when, microseconds.
        document: what :func:`read_document` made of the content, if it has.
        entering: what other rooms do with it.

    Raises:
        QuartermasterError: ``downlink.rollback`` (older), ``downlink.base`` (a delta from another
            version), ``downlink.hash`` (other bytes than announced), ``downlink.foreign`` (of
            another site) or ``downlink.malformed``; the last good document stays in force.
    """
    present = in_force(connection, offer.kind)
    if offer.version == present.version:
        return False
    refuse_stale(offer, present)
    if document is None:
        document = read_document(offer, content, site=site)
    kept = content if isinstance(document, Policy | Heads) else None
    mark = mark_of("document", offer.kind, offer.version, offer.sha256)
    connection.execute(
        _SQL["set_document"], (offer.kind, offer.version, offer.sha256, kept, now, mark)
    )
    match document:
        case Catalog():
            enter(connection, document, snapshot=offer.base == 0)
        case People():
            entering.people(connection, document, now)
        case Plan():
            entering.plan(connection, document, now)
        case Leases():
            entering.leases(connection, document, now)
        case Heads():
            entering.heads(connection, document, now)
        case Policy():
            pass
    return True


def forget_documents(connection: Connection) -> None:
    """Hold no document any more: the next heartbeat tells, and the cloud offers them anew."""
    clear(connection)
    connection.execute(_SQL["clear_documents"])


def forget_entered_documents(connection: Connection) -> None:
    """As :func:`forget_documents`, for what was entered in other rooms' tables only."""
    connection.execute(_SQL["clear_entered_documents"])


def refuse_stale(offer: Offer, present: DocumentInForce) -> None:
    """Refuse an offer below the version in force, or a delta that starts elsewhere.

    Raises:
        QuartermasterError: ``downlink.rollback`` or ``downlink.base``.
    """
    if offer.version < present.version:
        raise QuartermasterError(
            "downlink.rollback", f"{offer.kind} {offer.version}, in force is {present.version}"
        )
    if offer.base not in {0, present.version}:
        raise QuartermasterError(
            "downlink.base", f"{offer.kind} from {offer.base}, in force is {present.version}"
        )


_DECODERS: Final[
    dict[DocumentKind, Callable[[bytes], Catalog | People | Plan | Leases | Heads]]
] = {
    "catalog": decode_catalog,
    "people": decode_people,
    "plan": decode_plan,
    "leases": decode_leases,
    "heads": decode_heads,
}
