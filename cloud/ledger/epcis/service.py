"""Tell a slice of the ledger as EPCIS events, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from cloud.db import Connection
from cloud.ledger.epcis import store
from cloud.ledger.epcis.model import Row, aggregation, document, events, head, mistaken

__all__ = ["START", "Page", "Slice", "document", "head", "page", "written"]

MOVEMENTS: Final = "m"
UNITS: Final = "u"

Key = tuple[str, int, int, int, int, int]
"""Where a slice goes on: among the movements, then among the units."""
START: Final[Key] = (MOVEMENTS, 0, 0, 0, 0, 0)
_FEWEST: Final = 20
"""Rows read at once: an event of the floor has four at most."""


class Slice(NamedTuple):
    """Which part of the ledger: of which sites, what, and received when (both ends included)."""

    sites: frozenset[int] | None
    site: str | None = None
    item: str | None = None
    lot: str | None = None
    since: int | None = None
    until: int | None = None


class Page(NamedTuple):
    """Some events, and where to go on; None at the end."""

    events: list[dict[str, Any]]
    next: Key | None


def page(connection: Connection, wanted: Slice, after: Key = START, *, limit: int = 500) -> Page:
    """The events after a key, of about ``limit`` movements; no event is split over two pages."""
    limit = max(limit, _FEWEST)
    filters = {
        **wanted._asdict(),
        "sites": None if wanted.sites is None else sorted(wanted.sites),
        "limit": limit,
    }
    if after[0] == MOVEMENTS:
        names = ("after_at", "after_gateway", "after_epoch", "after_seq", "after_leg")
        key = dict(zip(names, after[1:] if after != START else (None,) * 5, strict=True))
        rows = store.movements(connection, {**filters, **key})
        if len(rows) == limit:
            rows = _whole(rows)
            return Page(list(events(rows)), (MOVEMENTS, *rows[-1].key))
        # The end of the movements: the units follow on the next page.
        return Page(list(events(rows)), (UNITS, 0, 0, 0, 0, 0))
    found = store.units(connection, {**filters, "after": after[1]})
    told = [
        event if row.declared_at is None else mistaken(event, row.declared_at)
        for row in found
        for event in [aggregation(row.fact, row.gtin, row.timezone)]
    ]
    return Page(told, (UNITS, found[-1].key, 0, 0, 0, 0) if len(found) == limit else None)


def written(
    told: Iterable[dict[str, Any]], created_at: int, dump: Callable[[Any], str]
) -> Iterator[str]:
    """A document as text, while its events are still being read."""
    yield dump(head(created_at))[:-1] + ', "epcisBody": {"eventList": ['
    for number, event in enumerate(told):
        yield (",\n" if number else "\n") + dump(event)
    yield "\n]}}\n"


def _whole(rows: list[Row]) -> list[Row]:
    """Without the last event, which may go on; all of them where there is but one."""
    last = (*rows[-1].key[:4], rows[-1].told)
    before = [row for row in rows if (*row.key[:4], row.told) != last]
    return before or rows
