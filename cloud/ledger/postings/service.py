"""Post what other systems and people say, once, and take it back by saying the contrary."""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from cloud.catalog.service import item_ids, location_ids
from cloud.db import Connection
from cloud.ledger import model as ledger
from cloud.ledger.postings import store
from cloud.ledger.postings.model import (
    MAX_LEGS,
    MOST,
    UNDER_WAY,
    UNPLACED,
    Fact,
    Posted,
    Posting,
    Source,
)
from cloud.ledger.postings.store import Leg
from shared.errors import QuartermasterError
from shared.events import Adjusted, Line, StockState
from shared.ids import is_code
from shared.movements import movements_of
from shared.units import Micros

__all__ = ["gateway_of", "keys_of", "post", "postings", "undo"]

_SPECIAL: Final = frozenset({UNPLACED, UNDER_WAY})
_ADJUSTED: Final = 8


def gateway_of(connection: Connection, site_id: int) -> str | None:
    """The gateway that tells this site's stock: what it tells, nobody else does (design.md §4)."""
    return store.owner(connection, site_id)


def fingerprint(said: Any) -> bytes:
    """A hash of what was said: the same again is known by it."""
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).digest()


def post(
    connection: Connection,
    key: str,
    source: Source,
    facts: Sequence[Fact],
    *,
    site_id: int,
    stated: bytes,
    at: Micros,
) -> Posted:
    """Post these facts under a key, in the caller's transaction; the same again moves nothing.

    What a site without a gateway told of an item's stock already held everything that happened
    before: a fact that arrives later is posted, and taken off again at the moment of that word.

    Raises:
        QuartermasterError: ``stock.contradicts`` where something else was posted under this key;
            ``event.unknown-item``, ``event.unknown-location``; ``payload.too-large``.
    """
    if (before := _known(connection, key, stated)) is not None:
        return Posted(before, new=False)
    legs = _legs(connection, key, facts)
    legs += _already_told(connection, key, legs, len(facts))
    if len(legs) > MAX_LEGS:
        raise QuartermasterError("payload.too-large", f"{len(legs)} movements in one posting")
    posting_id = store.begin(
        connection,
        key,
        source,
        site_id=site_id,
        stated=stated,
        movements=len(legs),
        occurred_at=max((fact.occurred_at for fact in facts), default=at),
        at=at,
    )
    if posting_id is None:
        return Posted(_known(connection, key, stated) or 0, new=False)
    if legs:
        store.append(connection, posting_id, legs, device=source.person or source.feed, at=at)
        _follow(connection, ((leg.position, leg.quantity) for leg in legs), at)
    return Posted(posting_id, new=True)


def undo(
    connection: Connection,
    posting_id: int,
    source: Source,
    *,
    sites: frozenset[int] | None,
    at: Micros,
) -> Posted:
    """Take a posting back by the contrary movements: true at the same moments, known from now on.

    Raises:
        QuartermasterError: ``request.not-found``, the same for another site's; ``stock.undone``
            where it takes another one back itself.
    """
    found = store.postings(connection, {"posting_id": posting_id, "sites": _sorted(sites)})
    if not found:
        raise QuartermasterError("request.not-found", f"posting {posting_id}")
    before = found[0]
    if before.reverses is not None:
        raise QuartermasterError(
            "stock.undone", f"posting {posting_id} took {before.reverses} back"
        )
    if before.reversed_by is not None:
        return Posted(before.reversed_by, new=False)
    number = store.begin(
        connection,
        f"undo:{posting_id}",
        source,
        site_id=before.site_id,
        stated=fingerprint(["undo", posting_id]),
        movements=before.movements,
        occurred_at=before.occurred_at,
        at=at,
        reverses=posting_id,
    )
    if number is None:
        known = store.known(connection, f"undo:{posting_id}")
        return Posted(known[0] if known else 0, new=False)
    device = source.person or source.feed
    rows = store.append_contrary(connection, number, posting_id, device=device, at=at)
    _follow(connection, rows, at)
    return Posted(number, new=True)


def posting_under(connection: Connection, key: str) -> int | None:
    """The number of what was posted under a key."""
    known = store.known(connection, key)
    return None if known is None else known[0]


def fold_postings(connection: Connection) -> int:
    """Add all that was posted to the fold of a rebuild; how many movements that were."""
    return store.fold_postings(connection)


def postings(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    posting_id: int | None = None,
    site: str | None = None,
    source: str | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 100,
) -> list[Posting]:
    """Postings of the sites that the caller may see, the newest first."""
    return store.postings(
        connection,
        {
            "posting_id": posting_id,
            "sites": _sorted(sites),
            "site": site,
            "source": source,
            "after": None if after is None else after[0],
            "limit": limit,
        },
    )


def keys_of(
    connection: Connection, facts: Iterable[Fact]
) -> tuple[dict[str, int], dict[tuple[int, str], int]]:
    """The keys of the items and places that facts name; the two special places are made.

    Raises:
        QuartermasterError: ``event.unknown-item``, ``event.unknown-location``.
    """
    moves = [(fact.site_id, move.position) for fact in facts for move in fact.moves]
    skus = {position.sku for _, position in moves}
    items = dict(item_ids(connection, sorted(filter(is_code, skus))))
    if strange := sorted(skus - items.keys()):
        raise QuartermasterError("event.unknown-item", ", ".join(map(repr, strange[:10])))
    places: defaultdict[int, set[str]] = defaultdict(set)
    for site_id, position in moves:
        places[site_id].add(position.location)
    found: dict[tuple[int, str], int] = {}
    for site_id, codes in sorted(places.items()):
        known = location_ids(connection, site_id, sorted(codes))
        if lacking := sorted((codes & _SPECIAL) - known.keys()):
            store.make_places(connection, [(site_id, code) for code in lacking])
            known = location_ids(connection, site_id, sorted(codes))
        if unknown := sorted(codes - known.keys()):
            raise QuartermasterError("event.unknown-location", ", ".join(map(repr, unknown[:10])))
        found |= {(site_id, code): location_id for code, location_id in known.items()}
    return items, found


def _legs(connection: Connection, key: str, facts: Sequence[Fact]) -> list[Leg]:
    items, places = keys_of(connection, facts)
    legs: list[Leg] = []
    for number, fact in enumerate(facts):
        event_id = _event_id(key, number if fact.event is None else fact.event)
        for (sku, location, lot, serial, state), quantity in fact.moves:
            if "\0" in lot or "\0" in serial:
                raise QuartermasterError("event.malformed", "a text holds a NUL character")
            if abs(quantity) > MOST:
                raise QuartermasterError("request.invalid", f"{quantity} {sku} in one movement")
            place = places[fact.site_id, location]
            position = (fact.site_id, items[sku], place, lot, serial, int(state))
            legs.append(Leg(fact.occurred_at, event_id, position, quantity, fact.kind))
    return legs


def _already_told(connection: Connection, key: str, legs: Sequence[Leg], events: int) -> list[Leg]:
    """What takes these legs off again when the site told its stock, with them in it."""
    by_site: defaultdict[int, list[Leg]] = defaultdict(list)
    for leg in legs:
        if leg.position[5] != StockState.IN_TRANSIT and not key.startswith("report:"):
            by_site[leg.position[0]].append(leg)
    contrary: list[Leg] = []
    for site_id, here in sorted(by_site.items()):
        by_item, whole = store.stated(connection, site_id, {leg.position[1] for leg in here})
        for leg in here:
            # Each has an id of its own: none of them belongs to an event of the document.
            told = max(by_item.get((leg.position[1], leg.position[5]), -1), whole or -1)
            if leg.occurred_at <= told:
                event_id = _event_id(key, events + len(contrary))
                contrary.append(Leg(told, event_id, leg.position, -leg.quantity, _ADJUSTED))
    return contrary


def _follow(
    connection: Connection, rows: Iterable[tuple[ledger.Position, int]], at: Micros
) -> None:
    deltas: defaultdict[ledger.Position, int] = defaultdict(int)
    for position, quantity in rows:
        deltas[position] += quantity
    store.add_to_balances(connection, deltas, at)


def _known(connection: Connection, key: str, stated: bytes) -> int | None:
    known = store.known(connection, key)
    if known is None:
        return None
    if known[1] != stated:
        raise QuartermasterError("stock.contradicts", f"{key}: posting {known[0]} says otherwise")
    return known[0]


def _event_id(key: str, number: int) -> str:
    """An id made of what is posted: version 8 of RFC 9562."""
    digest = bytearray(hashlib.sha256(f"{key}\0{number}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def _sorted(sites: frozenset[int] | None) -> list[int] | None:
    return None if sites is None else sorted(sites)


def adjusted(site_id: int, position: Any, quantity: int, *, reason: str, occurred_at: int) -> Fact:
    """A correction of one position, as gateways' ``Adjusted`` is folded."""
    line = Line(
        position.sku, abs(quantity), lot=position.lot or None, serial=position.serial or None
    )
    state = StockState(position.state)
    data = Adjusted(line, position.location, quantity, reason[:200], state)
    return Fact(site_id, _ADJUSTED, movements_of(data), Micros(occurred_at))
