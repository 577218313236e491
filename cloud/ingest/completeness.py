"""What the cloud can say of each gateway: complete through N, missing a–b, these explained."""

from __future__ import annotations

from typing import Any, Final

from cloud.db import Connection
from cloud.ingest import store, store_histories
from cloud.ingest.gaps import MAX_RANGES, Tombstone, account
from cloud.ingest.model import Chain, GatewayCompleteness, QuarantineRow, ReversalRow
from shared.units import SECOND, Micros

SILENT_AFTER: Final = Micros(120 * SECOND)
"""A gateway's heartbeat is an event each minute: after two, a tail that was cut off is seen."""


def completeness(
    connection: Connection, site_id: int, now: Micros | None = None
) -> list[GatewayCompleteness]:
    """One row per gateway and epoch of a site; given ``now``, also who is silent.

    A gateway claims its head with every event, as the event carries its number, and what is new is
    sent beside what has gathered: a heartbeat that arrives names what is missing below it, one that
    does not arrive makes the gateway silent. So a tail that is cut off shows within two minutes,
    with no word besides the signed chain.
    """
    aside = store.quarantined_of_site(connection, site_id)
    taken = store.taken_of_site(connection, site_id)
    said, unnumbered = _said(connection, site_id)
    found = store.epochs_of_site(connection, site_id)
    newest = {row[0]: row[2] for row in found}
    heard: dict[int, int] = {}
    for row in found:
        if row[6] is not None:
            heard[row[0]] = max(heard.get(row[0], 0), row[6])
    rows = [
        _unnumbered(name, tombstones, aside.get(Chain(gateway_id, 0), {}), heard.get(gateway_id))
        for (gateway_id, name), tombstones in unnumbered.items()
    ]
    for gateway_id, name, epoch, contiguous, frozen, head, last_at, *following in found:
        chain = Chain(gateway_id, epoch)
        higher = head is not None and head > contiguous
        above = store.gaps_above(connection, chain, contiguous, MAX_RANGES) if higher else []
        numbers = account(contiguous, above, [*said.get(chain, []), *_unstated(following)])
        reasons = aside.get(chain, {})
        back, over = taken.get(chain, (0, 0))
        rows.append(
            GatewayCompleteness(
                gateway=name,
                epoch=epoch,
                contiguous_seq=contiguous,
                head_seq=numbers.through or head,
                missing=numbers.missing,
                missing_events=numbers.missing_events,
                missing_since=numbers.missing_since,
                explained=numbers.explained,
                followed_by=following[0],
                quarantined=sum(reasons.values()),
                reasons=reasons,
                last_received_at=last_at,
                frozen=frozen,
                complete=not frozen and numbers.whole,
                accounted=not frozen and numbers.named,
                last_heard_at=heard.get(gateway_id),
                silent=now is not None
                and epoch == newest[gateway_id]
                and now - heard.get(gateway_id, 0) >= SILENT_AFTER,
                reversed=back,
                rehomed=over,
            )
        )
    return sorted(rows, key=lambda row: (row.gateway, row.epoch))


def _said(
    connection: Connection, site_id: int
) -> tuple[dict[Chain, list[Tombstone]], dict[tuple[int, str], list[Tombstone]]]:
    """Tombstones by epoch, and by gateway those of what never was in one."""
    said: dict[Chain, list[Tombstone]] = {}
    unnumbered: dict[tuple[int, str], list[Tombstone]] = {}
    for gateway_id, name, epoch, tombstone in store.tombstones_of_site(
        connection, site_id, MAX_RANGES
    ):
        if epoch:
            said.setdefault(Chain(gateway_id, epoch), []).append(tombstone)
        else:
            unnumbered.setdefault((gateway_id, name), []).append(tombstone)
    return said, unnumbered


def _unstated(following: list[Any]) -> list[Tombstone]:
    """The doubt about an epoch while the first event of the next, which ends it, is not here."""
    epoch, previous_seq, reason, granted_at, opened = following
    if epoch is None or opened:
        return []
    detail = f"epoch {epoch} was granted, and has not said how this one ended"
    return [Tombstone(previous_seq + 1, None, "unknown", reason, detail, granted_at)]


def _unnumbered(
    name: str, tombstones: list[Tombstone], reasons: dict[str, int], heard: int | None
) -> GatewayCompleteness:
    """What a gateway lost of the events that it recorded while no epoch was in force."""
    return GatewayCompleteness(
        gateway=name,
        epoch=0,
        contiguous_seq=0,
        head_seq=None,
        missing=[],
        missing_events=0,
        missing_since=None,
        explained=account(0, [], tombstones).explained,
        followed_by=None,
        quarantined=sum(reasons.values()),
        reasons=reasons,
        last_received_at=None,
        frozen=False,
        complete=False,
        accounted=True,
        last_heard_at=heard,
    )


def reversals(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    site: str | None = None,
    gateway: str | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 100,
) -> list[ReversalRow]:
    """What was taken back, newest first, of the sites that the caller may see (``None``: all).

    ``after`` is the ``key`` of the last row of the page before.
    """
    key = after or (None,) * 4
    return store_histories.reversals(
        connection,
        {
            "sites": None if sites is None else sorted(sites),
            "site": site,
            "gateway": gateway,
            "after_at": key[0],
            "after_gateway": key[1],
            "after_epoch": key[2],
            "after_seq": key[3],
            "limit": limit,
        },
    )


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
