"""A person corrects stock where no gateway tells it: an event with a reason, no changed past."""

from __future__ import annotations

from typing import NamedTuple

from cloud.db import Connection
from cloud.ledger.postings import service, store
from cloud.ledger.postings.model import UNPLACED, Fact, Posted, Source
from cloud.ledger.postings.service import adjusted, fingerprint, gateway_of, keys_of, post, undo
from cloud.ledger.service import stock
from shared.errors import QuartermasterError
from shared.movements import Position
from shared.units import Micros


class Correction(NamedTuple):
    """What is wrong, and what is there: either all of it, or how much more (or less)."""

    site_id: int
    site: str
    position: Position
    quantity: int | None
    difference: int | None
    reason: str


class Corrected(NamedTuple):
    """What a correction did, or would do; ``posting_id`` is None in a dry run."""

    posting_id: int | None
    before: int
    after: int


def correct(
    connection: Connection,
    said: Correction,
    *,
    key: str,
    person: str,
    is_dry_run: bool,
    at: Micros,
) -> Corrected:
    """Correct one position, in the caller's transaction; the same key again changes nothing.

    Raises:
        QuartermasterError: ``stock.gateway-owns``, ``event.unknown-item``,
            ``event.unknown-location``, ``stock.contradicts`` for a key used for something else.
    """
    if (gateway := gateway_of(connection, said.site_id)) is not None:
        raise QuartermasterError("stock.gateway-owns", f"{said.site}: {gateway}")
    place = said.position._replace(location=said.position.location or UNPLACED)
    probe = adjusted(said.site_id, place, 1, reason=said.reason, occurred_at=at)
    keys_of(connection, [probe])
    name = f"correction:{said.site}:{key}"
    stated = fingerprint([list(place), said.quantity, said.difference, said.reason])
    held = _held(connection, said.site_id, place)
    known = store.known(connection, name)
    change = 0
    if known is None:
        change = said.difference if said.quantity is None else said.quantity - held
    facts: list[Fact] = []
    if change:
        facts = [adjusted(said.site_id, place, change, reason=said.reason, occurred_at=at)]
    if is_dry_run:
        return Corrected(None, held, held + (change or 0))
    source = Source("person", "correction", key, said.reason, person=person)
    done = post(connection, name, source, facts, site_id=said.site_id, stated=stated, at=at)
    return Corrected(done.posting_id, held, _held(connection, said.site_id, place))


def take_back(
    connection: Connection,
    posting_id: int,
    *,
    reason: str,
    person: str,
    sites: frozenset[int] | None,
    at: Micros,
) -> Posted:
    """Undo a correction by its contrary; the same again changes nothing.

    Raises:
        QuartermasterError: ``request.not-found``; ``stock.undone`` for what is no correction.
    """
    found = service.postings(connection, sites=sites, posting_id=posting_id)
    if not found:
        raise QuartermasterError("request.not-found", f"posting {posting_id}")
    if found[0].what != "correction":
        raise QuartermasterError("stock.undone", f"posting {posting_id} is a {found[0].what}")
    source = Source("person", "undo", found[0].reference, reason, person=person)
    return undo(connection, posting_id, source, sites=sites, at=at)


def _held(connection: Connection, site_id: int, place: Position) -> int:
    rows = stock(
        connection,
        sites=frozenset({site_id}),
        item=place.sku,
        location=place.location,
        lot=place.lot,
        serial=place.serial,
        state=place.state,
    )
    return sum(row.quantity for row in rows)
