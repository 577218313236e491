"""What the cloud can say of each gateway: complete through N, missing a–b, these set aside."""

from __future__ import annotations

from typing import Any, Final

from cloud.db import Connection
from cloud.ingest import store
from cloud.ingest.chain import MAX_MISSING
from cloud.ingest.model import Chain, GatewayCompleteness, QuarantineRow
from shared.units import SECOND, Micros

SILENT_AFTER: Final = Micros(120 * SECOND)
"""A gateway's heartbeat is an event each minute: after two, a tail that was cut off is seen."""


def completeness(
    connection: Connection, site_id: int, now: Micros | None = None
) -> list[GatewayCompleteness]:
    """One row per gateway and epoch of a site; given ``now``, also who is silent.

    ``head_seq`` is the highest sequence number that arrived (a heartbeat each minute makes a cut
    tail visible); an epoch is complete when its chain is verified through it.
    """
    aside = store.quarantined_of_site(connection, site_id)
    rows: list[GatewayCompleteness] = []
    found = store.epochs_of_site(connection, site_id)
    newest = {row[0]: row[2] for row in found}
    heard: dict[int, int] = {}
    for row in found:
        if row[6] is not None:
            heard[row[0]] = max(heard.get(row[0], 0), row[6])
    for gateway_id, name, epoch, contiguous, frozen, head, last_at in found:
        missing, since = _gaps(connection, Chain(gateway_id, epoch), contiguous, head)
        reasons = aside.get(Chain(gateway_id, epoch), {})
        rows.append(
            GatewayCompleteness(
                gateway=name,
                epoch=epoch,
                contiguous_seq=contiguous,
                head_seq=head,
                missing=missing,
                missing_since=since,
                quarantined=sum(reasons.values()),
                reasons=reasons,
                last_received_at=last_at,
                frozen=frozen,
                complete=not frozen and contiguous == (head or 0),
                last_heard_at=heard.get(gateway_id),
                silent=now is not None
                and epoch == newest[gateway_id]
                and now - heard.get(gateway_id, 0) > SILENT_AFTER,
            )
        )
    return rows


def _gaps(
    connection: Connection, chain: Chain, contiguous: int, head: int | None
) -> tuple[list[tuple[int, int]], int | None]:
    if head is None or head <= contiguous:
        return [], None
    missing: list[tuple[int, int]] = []
    since: int | None = None
    seen = contiguous
    for first, last, received_at in store.gaps_above(connection, chain, contiguous):
        if first > seen + 1 and len(missing) < MAX_MISSING:
            missing.append((seen + 1, first - 1))
        if missing:
            since = received_at if since is None else min(since, received_at)
        seen = last
    return missing, since


def quarantined(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    site: str | None = None,
    gateway: str | None = None,
    code: str | None = None,
    released: bool = False,
    after: tuple[Any, ...] | None = None,
    limit: int = 100,
) -> list[QuarantineRow]:
    """The quarantine, newest first, of the sites that the caller may see.

    Args:
        connection: an open connection.
        sites: the caller's sites; ``None`` means all, and also what belongs to no site.
        site: only this site's, by code.
        gateway: only this gateway's, by name.
        code: only with this reason.
        released: also what was applied since.
        after: the ``key`` of the last row of the page before.
        limit: at most as many rows.
    """
    rows = store.quarantined(
        connection,
        {
            "sites": None if sites is None else sorted(sites),
            "site": site,
            "gateway": gateway,
            "code": code,
            "released": released,
            "after": None if after is None else after[0],
            "limit": limit,
        },
    )
    return [QuarantineRow(*row, key=(row[0],)) for row in rows]


def quarantined_body(connection: Connection, quarantine_id: int) -> bytes | None:
    """The bytes of one quarantined segment or event; ``None`` when only its hash was kept."""
    return store.quarantined_body(connection, quarantine_id)
