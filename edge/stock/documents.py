"""The signed documents in force: versions only ever rise, a refused document changes nothing."""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

from edge.db import Connection, Queries
from edge.stock.catalog import clear, enter
from shared.downlink import DocumentKind, Offer, decode_catalog, digest
from shared.errors import QuartermasterError
from shared.ids import SiteId
from shared.policy import BUILT_IN, Policy, decode_policy

_SQL: Final = Queries(__package__ or "edge.stock")
_decoded: Final = threading.local()


class DocumentInForce(NamedTuple):
    """Version and hash of a document; version 0 when there is none yet."""

    version: int
    sha256: bytes


def versions(connection: Connection) -> dict[str, int]:
    """The versions that an answer or decision names."""
    known = dict(connection.execute(_SQL["versions"]).fetchall())
    return {"catalog": known.get("catalog", 0), "policy": known.get("policy", 0)}


def in_force(connection: Connection, kind: DocumentKind) -> DocumentInForce:
    """What is in force of one kind."""
    row = connection.execute(_SQL["document"], (kind,)).fetchone()
    return DocumentInForce(row[0], row[1]) if row is not None else DocumentInForce(0, b"")


def policy(connection: Connection) -> Policy:
    """The policy in force, or the built-in one.

    Decoded once per version and thread: the hash is compared, so an undone transaction is seen.
    """
    row = connection.execute(_SQL["document"], ("policy",)).fetchone()
    if row is None:
        return BUILT_IN
    if getattr(_decoded, "sha256", None) != row[1]:
        _decoded.policy = decode_policy(row[2])
        _decoded.sha256 = row[1]
    return _decoded.policy


def put_in_force(
    connection: Connection, offer: Offer, content: bytes, *, site: SiteId, now: int
) -> bool:
    """Check a verified offer against what is in force and apply it; False when it already is.

    Raises:
        QuartermasterError: ``downlink.rollback`` (older), ``downlink.base`` (a delta from another
            version), ``downlink.hash`` (other bytes than announced), ``downlink.foreign`` (of
            another site) or ``downlink.malformed``; the last good document stays in force.
    """
    present = in_force(connection, offer.kind)
    if offer.version == present.version:
        return False
    refuse_stale(offer, present)
    if len(content) != offer.size or digest(content) != offer.sha256:
        raise QuartermasterError("downlink.hash", f"{offer.kind} {offer.version}")
    kept: bytes | None = None
    if offer.kind == "catalog":
        catalog = decode_catalog(content)
        if catalog.site != site:
            raise QuartermasterError("downlink.foreign", f"site {catalog.site}")
        enter(connection, catalog, snapshot=offer.base == 0)
    else:
        decode_policy(content)
        kept = content
    connection.execute(_SQL["set_document"], (offer.kind, offer.version, offer.sha256, kept, now))
    return True


def forget_documents(connection: Connection) -> None:
    """Hold no document any more: the next heartbeat tells, and the cloud offers them anew."""
    clear(connection)
    connection.execute(_SQL["clear_documents"])


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
