"""The fleet's use cases: publish, report, compare, prepare.

Desired versions follow from the catalog and the published policies; nothing is scheduled per
gateway. Signing and sending are the worker's.
"""

from __future__ import annotations

import structlog

from cloud import catalog
from cloud.db import Connection
from cloud.fleet import store
from cloud.fleet.model import GENERATION_STEP, MAX_SHELF, Shelf, Step, Wanted, ahead
from shared.downlink import MAX_DOCUMENT, MAX_INLINE, DocumentKind, Offer, digest, encode
from shared.errors import QuartermasterError
from shared.units import DAY, Micros

_KEEP = Micros(2 * DAY)
"""A document that was offered within this time can still be fetched."""

_log = structlog.stdlib.get_logger(__name__)


def reported(
    connection: Connection, gateway_id: int, *, catalog: int, policy: int, at: Micros
) -> None:
    """Note the versions that a gateway's heartbeat names; ``at`` is when it was received."""
    store.report(connection, gateway_id, catalog=catalog, policy=policy, at=at)


def desired(connection: Connection) -> list[Wanted]:
    """Every active gateway with what it should hold and what it says it holds."""
    policies = store.policy_versions(connection)
    general = policies.get(None, 0)
    versions: dict[int, int] = {}
    wanted: list[Wanted] = []
    for gateway in store.active_gateways(connection):
        site_id = gateway.site_id
        if site_id not in versions:
            versions[site_id] = catalog.current_version(connection, site_id)
        wanted.append(
            Wanted(
                gateway.gateway_id,
                gateway.name,
                site_id,
                versions[site_id],
                policies.get(site_id, general),
                gateway.catalog,
                gateway.policy,
            )
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
    if kind == "policy":
        return 0, store.policy(connection, version)
    if base:
        change = encode(catalog.delta(connection, site_id, base))
        if len(change) <= MAX_INLINE:
            return base, change
        whole = encode(catalog.snapshot(connection, site_id))
        return (base, change) if len(change) < len(whole) else (0, whole)
    return 0, encode(catalog.snapshot(connection, site_id))


def sweep(connection: Connection, *, now: Micros) -> None:
    """Forget documents that nobody has been offered for two days."""
    store.delete_documents(connection, Micros(now - _KEEP))


def document(connection: Connection, sha256: bytes) -> tuple[int, bytes]:
    """A document for the gateway door: its site and its bytes.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    found = store.document(connection, sha256)
    if found is None:
        raise QuartermasterError("request.not-found", sha256.hex())
    return found


def publish_policy(
    connection: Connection, content: bytes, *, site: str | None = None, now: Micros
) -> int:
    """Publish a policy, for one site or for all that have none of their own; returns its version.

    The same content again is the version already in force. The caller has validated it.

    Raises:
        QuartermasterError: ``request.not-found`` for an unknown site.
    """
    store.lock_state(connection)
    site_id: int | None = None
    if site is not None:
        site_id = catalog.site_ids(connection, [site]).get(site)
        if site_id is None:
            raise QuartermasterError("request.not-found", f"site {site[:80]!r}", where="site")
    for current in store.policies_in_force(connection):
        if current.site_id == site_id and bytes(current.content) == content:
            return current.version
    version = store.newest_policy(connection) + 1
    store.insert_policy(connection, store.Policy(version, site_id, digest(content), content), now)
    return version


def catch_up(connection: Connection, wanted: list[Wanted], *, now: Micros) -> bool:
    """Lift versions above those that gateways hold from before a restore; whether any moved."""
    moved = False
    for gateway in wanted:
        if ahead(gateway, "catalog"):
            raised = catalog.raise_above(connection, gateway.site_id, gateway.reported_catalog)
            store.set_floor(connection, raised)
            _log.warning("fleet.catalog-raised", gateway=gateway.gateway, version=raised)
            moved = True
        if gateway.policy and ahead(gateway, "policy"):
            store.lock_state(connection)
            _republish(connection, gateway.policy, above=gateway.reported_policy, now=now)
            _log.warning("fleet.policy-raised", gateway=gateway.gateway)
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
    for current in store.policies_in_force(connection):
        above = store.newest_policy(connection) + GENERATION_STEP
        store.insert_policy(connection, current._replace(version=above + 1), now)
    return True


def generation(connection: Connection) -> tuple[int, int | None]:
    """The generation that a worker has begun (0: none yet), and when, in microseconds."""
    return store.generation(connection)


def _republish(connection: Connection, version: int, *, above: int, now: Micros) -> None:
    for current in store.policies_in_force(connection):
        if current.version == version:
            higher = max(above, store.newest_policy(connection)) + 1
            store.insert_policy(connection, current._replace(version=higher), now)
