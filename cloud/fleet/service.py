"""The fleet's use cases: publish, report, compare, prepare.

Desired versions follow from the catalog and the published documents; nothing is scheduled per
gateway. Signing and sending are the worker's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from cloud import catalog
from cloud.db import Connection
from cloud.fleet import store
from cloud.fleet.model import GENERATION_STEP, MAX_SHELF, Shelf, Step, Wanted, ahead
from shared.downlink import (
    DOCUMENT_KINDS,
    MAX_DOCUMENT,
    MAX_INLINE,
    DocumentKind,
    Offer,
    digest,
    encode,
)
from shared.errors import QuartermasterError
from shared.heads import Heads, decode_heads
from shared.leases import Leases, decode_leases
from shared.people import People, decode_people
from shared.plan import Plan, decode_plan
from shared.policy import decode_policy
from shared.units import DAY, Micros

PUBLISHED: Final[tuple[DocumentKind, ...]] = tuple(
    kind for kind in DOCUMENT_KINDS if kind != "catalog"
)
"""The kinds that are published whole; the catalog follows from what was imported."""

_DECODERS: Final[Mapping[DocumentKind, Callable[[bytes], People | Plan | Leases | Heads]]] = {
    "people": decode_people,
    "plan": decode_plan,
    "leases": decode_leases,
    "heads": decode_heads,
}

_KEEP = Micros(2 * DAY)
"""A document that was offered within this time can still be fetched."""
_KEEP_SUPERSEDED = Micros(92 * DAY)
"""Plans, leases and heads are kept so long after others have followed: to look into a quarter."""

_log = structlog.stdlib.get_logger(__name__)


def reported(
    connection: Connection,
    gateway_id: int,
    *,
    catalog: int,
    policy: int,
    people: int = 0,
    plan: int = 0,
    leases: int = 0,
    heads: int = 0,
    at: Micros,
) -> None:
    """Note the versions that a gateway's heartbeat names; ``at`` is when it was received."""
    versions: dict[DocumentKind, int] = {
        "catalog": catalog,
        "policy": policy,
        "people": people,
        "plan": plan,
        "leases": leases,
        "heads": heads,
    }
    store.report(connection, gateway_id, versions, at)


def desired(connection: Connection) -> list[Wanted]:
    """Every active gateway with what it should hold and what it says it holds."""
    published = store.versions_in_force(connection)
    of_site: dict[int, dict[DocumentKind, int]] = {}
    wanted: list[Wanted] = []
    for gateway in store.active_gateways(connection):
        site_id = gateway.site_id
        if site_id not in of_site:
            of_site[site_id] = {
                "catalog": catalog.current_version(connection, site_id),
                **{
                    kind: published.get((kind, site_id), published.get((kind, None), 0))
                    for kind in PUBLISHED
                },
            }
        wanted.append(
            Wanted(gateway.gateway_id, gateway.name, site_id, of_site[site_id], gateway.reported)
        )
    return wanted


def floor(connection: Connection) -> int:
    """The oldest catalog version that a delta may start from."""
    return store.catalog_floor(connection)


def offer(connection: Connection, step: Step, shelf: Shelf, *, now: Micros) -> Offer:
    """The offer of one step: the document itself where it is small, else laid ready at the door.

    Raises:
        QuartermasterError: ``payload.too-large`` for a document beyond 64 MiB.
    """
    site_id, version = step.wanted.site_id, step.wanted.version(step.kind)
    key = (step.kind, site_id, step.base, version)
    ready = shelf.get(key)
    if ready is not None and (
        ready.content is not None or store.keep_alive(connection, ready.sha256, now)
    ):
        return ready
    base, content = _document(connection, step.kind, site_id, step.base, version)
    if len(content) > MAX_DOCUMENT:
        what = f"{step.kind} {version}: {len(content)} bytes"
        raise QuartermasterError("payload.too-large", what)
    inline = len(content) <= MAX_INLINE
    sha256 = digest(content)
    if not inline and not store.keep_alive(connection, sha256, now):
        store.insert_document(
            connection, store.Document(sha256, step.kind, site_id, version, content), now
        )
    made = Offer(step.kind, base, version, sha256, len(content), content if inline else None)
    while len(shelf) >= MAX_SHELF:
        del shelf[next(iter(shelf))]
    shelf[key] = made
    return made


def _document(
    connection: Connection, kind: DocumentKind, site_id: int, base: int, version: int
) -> tuple[int, bytes]:
    """The base that the content starts from, and the content.

    A delta too large for a message gives way to a snapshot that is no larger.
    """
    if kind != "catalog":
        return 0, store.published(connection, kind, version)
    if base:
        change = encode(catalog.delta(connection, site_id, base))
        if len(change) <= MAX_INLINE:
            return base, change
        whole = encode(catalog.snapshot(connection, site_id))
        return (base, change) if len(change) < len(whole) else (0, whole)
    return 0, encode(catalog.snapshot(connection, site_id))


def sweep(connection: Connection, *, now: Micros) -> None:
    """Forget what nobody has been offered for two days, and old plans, leases and heads."""
    store.delete_documents(connection, Micros(now - _KEEP))
    store.forget_superseded(connection, Micros(now - _KEEP_SUPERSEDED))


def document(connection: Connection, sha256: bytes) -> tuple[int, bytes]:
    """A document for the gateway door: its site and its bytes.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    found = store.document(connection, sha256)
    if found is None:
        raise QuartermasterError("request.not-found", sha256.hex())
    return found


def publish(
    connection: Connection,
    kind: DocumentKind,
    content: bytes,
    *,
    site: str | None = None,
    now: Micros,
) -> int:
    """Publish a document for one site; returns its version. Gateways get it by themselves.

    The same content again is the version already in force. A policy without a site is for all
    that have none of their own.

    Raises:
        QuartermasterError: ``downlink.malformed``, ``downlink.foreign`` (the document is another
            site's), ``payload.too-large``, or ``request.not-found`` for an unknown site.
    """
    _refuse_unfit(kind, content, site)
    store.lock_state(connection)
    site_id: int | None = None
    if site is not None:
        site_id = catalog.site_ids(connection, [site]).get(site)
        if site_id is None:
            raise QuartermasterError("request.not-found", f"site {site[:80]!r}", where="site")
    present = store.present(connection, kind, site_id)
    sha256 = digest(content)
    if present is not None and bytes(present.sha256) == sha256:
        return present.version
    version = store.newest(connection, kind) + 1
    store.publish(connection, store.Published(kind, version, site_id, sha256, content), now)
    return version


def hold(connection: Connection) -> None:
    """Keep other publishers waiting until this transaction ends, to change what is in force."""
    store.lock_state(connection)


def published(connection: Connection, kind: DocumentKind, version: int) -> bytes:
    """A published document's bytes, e.g. the policy that a decision names.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    try:
        return store.published(connection, kind, version)
    except LookupError:
        raise QuartermasterError("request.not-found", f"{kind} {version}") from None


def in_force(connection: Connection, kind: DocumentKind, site: str) -> tuple[int, bytes] | None:
    """Version and bytes of what is in force for one site, its own or everybody's.

    Raises:
        QuartermasterError: ``request.not-found`` for an unknown site.
    """
    site_id = catalog.site_ids(connection, [site]).get(site)
    if site_id is None:
        raise QuartermasterError("request.not-found", f"site {site[:80]!r}", where="site")
    found = store.present(connection, kind, site_id) or store.present(connection, kind, None)
    return None if found is None else (found.version, bytes(found.content))


def _refuse_unfit(kind: DocumentKind, content: bytes, site: str | None) -> None:
    """Nothing is published that a gateway would refuse."""
    if len(content) > MAX_DOCUMENT:
        raise QuartermasterError("payload.too-large", f"{kind}: {len(content)} bytes")
    if kind == "catalog":
        raise QuartermasterError("downlink.malformed", "a catalog is imported, not published")
    if kind == "policy":
        decode_policy(content)
        return
    document = _DECODERS[kind](content)
    if document.site != site:
        raise QuartermasterError("downlink.foreign", f"{kind} of site {document.site}")


def catch_up(connection: Connection, wanted: list[Wanted], *, now: Micros) -> bool:
    """Lift versions above those that gateways hold from before a restore; whether any moved."""
    moved = False
    for gateway in wanted:
        if ahead(gateway, "catalog"):
            raised = catalog.raise_above(connection, gateway.site_id, gateway.held("catalog"))
            store.set_floor(connection, raised)
            _log.warning("fleet.catalog-raised", gateway=gateway.gateway, version=raised)
            moved = True
        for kind in PUBLISHED:
            if gateway.version(kind) and ahead(gateway, kind):
                store.lock_state(connection)
                _raise_above(
                    connection, kind, gateway.version(kind), above=gateway.held(kind), now=now
                )
                _log.warning("fleet.document-raised", gateway=gateway.gateway, kind=kind)
                moved = True
    return moved


def begin_generation(connection: Connection, generation: int, *, now: Micros) -> bool:
    """Begin a cloud generation, once: every version jumps above any that a lost cloud made.

    Gateways then get snapshots, since a version from before may have meant other rows.
    Returns whether it was begun now. An older generation than the one begun changes nothing.
    """
    state = store.lock_state(connection)
    if generation <= state.generation:
        return False
    store.set_generation(connection, generation, now)
    if state.generation == 0:
        return True
    for site in catalog.sites(connection, limit=None):
        jump = catalog.current_version(connection, site.site_id) + GENERATION_STEP
        store.set_floor(connection, catalog.raise_above(connection, site.site_id, jump))
    for current in store.in_force(connection):
        above = store.newest(connection, current.kind) + GENERATION_STEP
        store.republish(connection, current, above + 1, now)
    return True


def generation(connection: Connection) -> tuple[int, int | None]:
    """The generation that a worker has begun (0: none yet), and when, in microseconds."""
    return store.generation(connection)


def _raise_above(
    connection: Connection, kind: DocumentKind, version: int, *, above: int, now: Micros
) -> None:
    for current in store.in_force(connection):
        if (current.kind, current.version) == (kind, version):
            higher = max(above, store.newest(connection, kind)) + 1
            store.republish(connection, current, higher, now)
