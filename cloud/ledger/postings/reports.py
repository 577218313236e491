"""A site's own word on its stock: reconciled where no gateway tells it, compared where one does.

An unknown item of a report is a case, and the rest is applied; but then nothing that the report
leaves out is taken for zero, since it may be what the unknown code means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from cloud.catalog.service import item_ids, location_ids
from cloud.db import Connection
from cloud.ledger.postings import store
from cloud.ledger.postings.model import Source, Stated, reconcile
from cloud.ledger.postings.service import adjusted, fingerprint, gateway_of, post
from cloud.ledger.service import stock_as_of
from shared.events import StockState
from shared.ids import is_code
from shared.movements import Position
from shared.units import Micros

_ALL: Final = 10_000_000
_ONE_BY_ONE: Final = 5
"""So many items are asked for singly; of more, all of the site is."""


class Report(NamedTuple):
    """What a site says its stock is at a moment; ``whole``: what it leaves out is zero."""

    site_id: int
    site: str
    at: Micros
    lines: Sequence[Stated]
    whole: bool


class Outcome(NamedTuple):
    """What became of a report: what differed from the ledger, and the posting that it made."""

    posting_id: int | None
    stale: bool
    differences: list[tuple[Position, int, int]]
    """Position, what the ledger had, what the report has."""


def take(
    connection: Connection, key: str, source: Source, report: Report, *, at: Micros
) -> Outcome:
    """Take a report in, in the caller's transaction.

    Of a site whose stock a gateway tells nothing moves; ``differences`` are for a case. Otherwise
    they are posted as adjustments, true at the report's moment. What is older than the newest word
    on an item changes nothing of it.

    Raises:
        QuartermasterError: ``stock.contradicts`` where this report said something else before.
    """
    store.lock_site_words(connection, report.site_id)
    owned = gateway_of(connection, report.site_id) is not None
    skus = {line.sku for line in report.lines}
    ids = dict(item_ids(connection, sorted(skus)))
    by_item, whole_at = store.stated(connection, report.site_id, set(ids.values()))
    if whole_at is not None and report.at < whole_at:
        return Outcome(None, stale=True, differences=[])
    lines = [
        line for line in report.lines if by_item.get((ids[line.sku], line.state), -1) <= report.at
    ]
    stale = bool(report.lines) and not lines
    held = {} if stale else _held(connection, report, skus)
    if report.whole and not stale:
        held = _without_newer(connection, report, held)
    changes = (
        []
        if stale
        else reconcile(
            _placed(connection, report.site_id, lines), held, silent_is_zero=report.whole
        )
    )
    differences = [
        (position, held.get(position, 0), held.get(position, 0) + quantity)
        for position, quantity in changes
    ]
    if owned or stale:
        return Outcome(None, stale, differences)
    posted = post(
        connection,
        f"report:{key}",
        source,
        [
            adjusted(report.site_id, p, quantity, reason=source.reason, occurred_at=report.at)
            for p, quantity in changes
        ],
        site_id=report.site_id,
        stated=fingerprint([report.at, report.whole, [list(line) for line in report.lines]]),
        at=at,
    )
    if posted.new:
        store.state_items(
            connection,
            report.site_id,
            {(ids[line.sku], line.state) for line in lines},
            stated_at=report.at,
            posting_id=posted.posting_id,
        )
        if report.whole:
            store.state_whole(
                connection, report.site_id, stated_at=report.at, posting_id=posted.posting_id
            )
    return Outcome(posted.posting_id, stale=False, differences=differences)


def _held(connection: Connection, report: Report, skus: set[str]) -> dict[Position, int]:
    """What the ledger had at the report's moment, by all that it knows now."""
    singly = sorted(skus) if not report.whole and len(skus) <= _ONE_BY_ONE else [None]
    return {
        Position(row.sku, row.location, row.lot, row.serial, row.state): row.quantity
        for sku in singly
        for row in stock_as_of(
            connection,
            sites=frozenset({report.site_id}),
            true_at=report.at,
            item=sku,
            limit=_ALL,
        )
        if row.state != StockState.IN_TRANSIT and (report.whole or row.sku in skus)
    }


def _without_newer(
    connection: Connection, report: Report, held: dict[Position, int]
) -> dict[Position, int]:
    """Leave out items on which there is a newer word than this report's."""
    ids = item_ids(connection, sorted({position.sku for position in held}))
    by_item, _ = store.stated(connection, report.site_id, set(ids.values()))
    return {
        position: quantity
        for position, quantity in held.items()
        if by_item.get((ids[position.sku], position.state), -1) <= report.at
    }


def _placed(connection: Connection, site_id: int, lines: Sequence[Stated]) -> list[Stated]:
    """Places that are none of ours are the other system's own business."""
    codes = {line.location for line in lines if is_code(line.location)}
    known = location_ids(connection, site_id, sorted(codes)) if codes else {}
    return [
        line._replace(location=line.location if line.location in known else "") for line in lines
    ]
