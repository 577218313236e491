"""Send goods on their way, have them arrive, and say what never did.

A transfer has two ends. Where a gateway tells the sending or the receiving site's stock, its own
scans are that end's movement, and only what is in transit between is posted here; at a site without
one, both are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Final

from cloud.catalog.service import site_ids
from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.ledger.postings.model import UNDER_WAY, UNPLACED, Cause, Fact, Source, fact
from cloud.ledger.postings.service import fingerprint, gateway_of, post, undo
from cloud.ledger.transit import store
from cloud.ledger.transit.model import (
    Consignment,
    Goods,
    InTransit,
    Line,
    Standing,
    allot,
    gathered,
)
from cloud.ledger.transit.store import Noted, Origin
from shared.errors import QuartermasterError
from shared.events import Line as Scanned
from shared.events import Received, StockState
from shared.movements import Movement, Position
from shared.units import Micros

__all__ = [
    "Consignment",
    "Goods",
    "InTransit",
    "Origin",
    "announce",
    "arrive",
    "cancel",
    "close",
    "expect",
    "expected",
    "in_transit",
    "overdue",
    "received",
    "shipped",
    "take_back",
    "take_back_ranges",
    "taken_in",
]

_LOST: Final = "written off"


def announce(
    connection: Connection,
    said: Consignment,
    goods: Sequence[Goods],
    source: Source,
    *,
    at: Micros,
) -> int:
    """Goods are on their way: all of them as they stand now; the same again changes nothing.

    A transfer from a site without a gateway takes them out of its stock at once. From a site with
    one, its scans say what leaves (:func:`shipped`), and ``goods`` stay empty.

    Returns:
        The consignment's number.

    Raises:
        QuartermasterError: ``request.not-found`` for a site, ``event.unknown-item``,
            ``stock.gateway-owns``, ``transit.closed``.
    """
    sites = _sites(connection, said)
    named = (said.kind, said.scope, said.reference)
    new = store.open_consignment(connection, said, site_id=sites[0], from_site_id=sites[1], at=at)
    standing = store.hold(connection, named=named)
    if standing is None or standing.site_id != sites[0]:
        where = "" if standing is None else f"{said.reference} goes to {standing.site}"
        raise QuartermasterError("stock.contradicts", where)
    if new is None:
        store.expect(
            connection,
            standing.consignment_id,
            eta=said.eta,
            carrier=said.carrier,
            aliases=said.aliases,
        )
    if goods:
        _dispatch(connection, standing, goods, source, occurred_at=said.shipped_at, at=at)
    return standing.consignment_id


def expect(connection: Connection, consignment_id: int, *, eta: Micros) -> None:
    """A consignment is expected at another moment.

    Raises:
        QuartermasterError: ``transit.unknown``.
    """
    standing = _held(connection, consignment_id, None)
    store.expect(connection, standing.consignment_id, eta=eta, carrier="", aliases=())


def arrive(
    connection: Connection,
    consignment_id: int,
    goods: Sequence[Goods],
    source: Source,
    *,
    key: str,
    occurred_at: Micros,
    sites: frozenset[int] | None,
    at: Micros,
) -> int:
    """Goods of a consignment arrived at a site without a gateway, which has them from now on.

    Returns:
        The number of the posting.

    Raises:
        QuartermasterError: ``transit.unknown``, ``transit.closed``; ``stock.gateway-owns`` where
            the site's gateway scans what arrives.
    """
    standing = _held(connection, consignment_id, sites)
    if (gateway := gateway_of(connection, standing.site_id)) is not None:
        raise QuartermasterError("stock.gateway-owns", f"{standing.site}: {gateway}")
    if standing.closed_at is not None:
        raise QuartermasterError("transit.closed", standing.reference)
    return _arrived(
        connection, standing.site_id, [consignment_id], goods, source,
        key=key, occurred_at=occurred_at, at=at, is_stocked=True,
    )  # fmt: skip


def expected(connection: Connection, named: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Which of these (site, document or pallet) an open consignment may be meant by."""
    return store.expected(connection, named) if named else set()


def taken_in(
    connection: Connection,
    site_id: int,
    goods: Sequence[Goods],
    source: Source,
    *,
    numbers: Sequence[str],
    key: str,
    occurred_at: Micros,
    at: Micros,
) -> int:
    """A site without a gateway says what it took in, under any of these numbers.

    What of it was on its way is so no more; the rest is simply received.

    Returns:
        The number of the posting.
    """
    found: list[int] = []
    for number in numbers:
        for each in store.coming(connection, site_id, document=number, sscc=""):
            if each not in found:
                found.append(each)
    return _arrived(
        connection, site_id, found, goods, source,
        key=key, occurred_at=occurred_at, at=at, is_stocked=True,
    )  # fmt: skip


def received(
    connection: Connection,
    site_id: int,
    goods: Goods,
    *,
    document: str,
    key: str,
    origin: Origin,
    occurred_at: Micros,
    at: Micros,
) -> bool:
    """A gateway received goods: what of them was on its way is so no more. Whether any was."""
    found = store.coming(connection, site_id, document=document, sscc=goods.sscc)
    if not found:
        return False
    source = Source("transit", "arrival", document or goods.sscc, "received by the gateway")
    _arrived(
        connection, site_id, found, [goods], source,
        key=key, occurred_at=occurred_at, at=at, is_stocked=False, origin=origin,
    )  # fmt: skip
    return True


def shipped(
    connection: Connection,
    site_id: int,
    goods: Goods,
    *,
    document: str,
    key: str,
    origin: Origin,
    occurred_at: Micros,
    at: Micros,
) -> bool:
    """A gateway shipped goods for a transfer: they are on their way. Whether there is one."""
    found = store.coming(connection, site_id, document=document, sscc="", departing=True)
    standing = store.hold(connection, consignment_id=found[0]) if found else None
    if standing is None:
        return False
    source = Source("transit", "departure", document, "shipped by the gateway")
    lines = store.lines(connection, [standing.consignment_id])
    line = next(
        (each for each in lines if each[2:6] == (goods.sku, goods.lot, goods.serial, goods.sscc)),
        None,
    )
    posting_id = _post_in_transit(
        connection, key, source, standing, {_named(goods): goods.quantity},
        cause=Cause.DISPATCHED, occurred_at=occurred_at, at=at,
    )  # fmt: skip
    if posting_id is not None:
        number = standing.consignment_id
        row = Line(number, len(lines) + 1, *_named(goods), goods.quantity, 0, 0)
        if line is None:
            store.add_line(connection, row)
        else:
            row = line
            store.change_line(connection, number, line.line, dispatched=goods.quantity)
        noted = Noted(number, row.line, goods.quantity, 0, posting_id)
        store.note(connection, key, noted, origin)
    return True


def close(
    connection: Connection,
    consignment_id: int,
    *,
    why: str,
    by: str,
    sites: frozenset[int] | None,
    at: Micros,
    is_cancelled: bool = False,
) -> int:
    """Nothing more of a consignment will arrive; how many base units are written off.

    What was never sent (``is_cancelled``) is no discrepancy; the rest is a case.

    Raises:
        QuartermasterError: ``transit.unknown``; ``transit.closed`` when it was.
    """
    standing = _held(connection, consignment_id, sites)
    if standing.closed_at is not None:
        raise QuartermasterError("transit.closed", standing.reference)
    missing = [line for line in store.lines(connection, [consignment_id]) if line.under_way]
    if missing:
        source = Source("transit", "write-off", standing.reference, why, person=by)
        sums = gathered(_goods(line, line.under_way) for line in missing)
        _post_in_transit(
            connection, f"transit:{consignment_id}:{_LOST}", source, standing,
            {name: -quantity for name, quantity in sums.items()},
            cause=Cause.WRITTEN_OFF, occurred_at=at, at=at,
        )  # fmt: skip
        for line in missing:
            store.change_line(connection, consignment_id, line.line, lost=line.under_way)
        if not is_cancelled:
            raise_exception(
                connection, "transit.short", f"{standing.site}: {standing.reference}",
                f"{_told(missing)} never arrived: {why}", at=at, site_id=standing.site_id,
            )  # fmt: skip
    store.close(connection, consignment_id, why=why, by=by, at=at)
    return sum(line.under_way for line in missing)


def cancel(connection: Connection, consignment_id: int, *, by: str, at: Micros) -> None:
    """A consignment was never sent, or is not any more; said again it changes nothing."""
    standing = _held(connection, consignment_id, None)
    if standing.closed_at is None:
        close(
            connection, consignment_id, why="cancelled by its sender", by=by, sites=None, at=at,
            is_cancelled=True,
        )  # fmt: skip


def in_transit(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    site: str | None = None,
    item: str | None = None,
    reference: str | None = None,
    sscc: str | None = None,
    closed: bool = False,
    after: tuple[Any, ...] | None = None,
    limit: int = 100,
) -> list[InTransit]:
    """What is on its way to the sites that the caller may see; ``closed``: what was, too."""
    key = after or (None, None)
    return store.in_transit(
        connection,
        {
            "sites": None if sites is None else sorted(sites),
            "site": site,
            "item": item,
            "reference": reference,
            "sscc": sscc,
            "closed": closed,
            "after_consignment": key[0],
            "after_line": key[1],
            "limit": limit,
        },
    )


def overdue(connection: Connection, *, at: Micros) -> int:
    """Raise a case for each consignment that should have arrived; how many are new."""
    found = sorted(store.overdue(connection, at), key=lambda row: (row[2], row[1]))
    for consignment_id, reference, site, site_id, _ in found:
        missing = [line for line in store.lines(connection, [consignment_id]) if line.under_way]
        raise_exception(
            connection, "transit.overdue", f"{site}: {reference}",
            f"consignment {consignment_id}: {_told(missing)} still under way",
            at=at, site_id=site_id,
        )  # fmt: skip
    return len(found)


def take_back(connection: Connection, event_ids: Collection[str], *, at: Micros) -> None:
    """Gateways' events were undone where they were made: what they did here is, too."""
    _taken_back(connection, store.take_back_events(connection, event_ids), at)


def take_back_ranges(
    connection: Connection,
    gateway_id: int,
    epoch: int,
    ranges: Sequence[tuple[int, int]],
    *,
    at: Micros,
) -> None:
    """Gateways' events turned out not to link: what they did here is taken back."""
    _taken_back(connection, store.take_back_ranges(connection, gateway_id, epoch, ranges), at)


def _taken_back(connection: Connection, noted: Sequence[Noted], at: Micros) -> None:
    source = Source("transit", "taken-back", "", "the gateway's event was taken back")
    for posting_id in sorted({each.posting_id for each in noted}):
        undo(connection, posting_id, source, sites=None, at=at)
    for each in sorted(noted):
        store.change_line(
            connection, each.consignment_id, each.line,
            dispatched=-each.departed, arrived=-each.arrived,
        )  # fmt: skip
        store.reopen(connection, each.consignment_id)


def _sites(connection: Connection, said: Consignment) -> tuple[int, int | None]:
    codes = [said.to_site, *([said.from_site] if said.from_site else [])]
    known = site_ids(connection, codes)
    for code in codes:
        if code not in known:
            raise QuartermasterError("request.not-found", f"site {code}", where="site")
    return known[said.to_site], known[said.from_site] if said.from_site else None


def _held(connection: Connection, consignment_id: int, sites: frozenset[int] | None) -> Standing:
    found = store.hold(connection, consignment_id=consignment_id)
    if found is None or (sites is not None and found.site_id not in sites):
        raise QuartermasterError("transit.unknown", f"consignment {consignment_id}")
    return found


def _dispatch(
    connection: Connection,
    standing: Standing,
    goods: Sequence[Goods],
    source: Source,
    *,
    occurred_at: int,
    at: Micros,
) -> None:
    """Make the lines what is announced now, and post the difference."""
    sender = standing.from_site_id
    if sender is not None and (gateway := gateway_of(connection, sender)) is not None:
        what = f"{gateway} says what leaves: have it shipped there for {standing.reference}"
        raise QuartermasterError("stock.gateway-owns", what)
    lines = store.lines(connection, [standing.consignment_id])
    known = {line[2:6]: line for line in lines}
    wanted = gathered(goods)
    changes: dict[tuple[str, str, str, str], int] = {}
    for name in sorted({*wanted, *known}):
        line = known.get(name)
        settled = 0 if line is None else line.arrived + line.lost
        before = 0 if line is None else line.dispatched
        if difference := max(wanted.get(name, 0), settled) - before:
            changes[name] = difference
    if not changes:
        return
    if standing.closed_at is not None:
        raise QuartermasterError("transit.closed", standing.reference)
    said = fingerprint([sorted(wanted.items()), [line.dispatched for line in lines]])
    key = f"transit:{standing.consignment_id}:sent:{said.hex()[:16]}"
    _post_in_transit(
        connection, key, source, standing, changes,
        cause=Cause.DISPATCHED, occurred_at=occurred_at, at=at, is_taken_out=sender is not None,
    )  # fmt: skip
    number = len(lines)
    for name, difference in changes.items():
        line = known.get(name)
        if line is not None:
            store.change_line(connection, standing.consignment_id, line.line, dispatched=difference)
        else:
            number += 1
            store.add_line(
                connection, Line(standing.consignment_id, number, *name, difference, 0, 0)
            )


def _post_in_transit(
    connection: Connection,
    key: str,
    source: Source,
    standing: Standing,
    changes: dict[tuple[str, str, str, str], int],
    *,
    cause: Cause,
    occurred_at: int,
    at: Micros,
    is_taken_out: bool = False,
) -> int | None:
    """The posting; None where it was made before."""
    facts: list[Fact] = []
    for number, ((sku, lot, serial, _), quantity) in enumerate(changes.items()):
        place = Position(sku, UNDER_WAY, lot, serial, int(StockState.IN_TRANSIT))
        moves = (Movement(place, quantity),)
        facts.append(Fact(standing.site_id, int(cause), moves, Micros(occurred_at), number))
        if is_taken_out and standing.from_site_id is not None:
            out = Movement(Position(sku, UNPLACED, lot, serial, 0), -quantity)
            facts.append(
                Fact(standing.from_site_id, int(cause), (out,), Micros(occurred_at), number)
            )
    posted = post(
        connection, key, source, facts,
        site_id=standing.site_id, stated=fingerprint([key, sorted(changes.items())]), at=at,
    )  # fmt: skip
    return posted.posting_id if posted.new else None


def _arrived(
    connection: Connection,
    site_id: int,
    consignment_ids: Sequence[int],
    goods: Sequence[Goods],
    source: Source,
    *,
    key: str,
    occurred_at: Micros,
    at: Micros,
    is_stocked: bool,
    origin: Origin | None = None,
) -> int:
    lines = {(line[0], line[1]): line for line in store.lines(connection, consignment_ids)}
    taken: Counter[tuple[int, int]] = Counter()
    over: list[Goods] = []
    facts: list[Fact] = []
    for name, expected in gathered(goods).items():
        each = Goods(name[0], expected, *name[1:])
        parts, more = allot(each, list(lines.values()))
        for line, quantity in parts:
            taken[line[0], line[1]] += quantity
            lines[line[0], line[1]] = line._replace(arrived=line.arrived + quantity)
            place = Position(line.sku, UNDER_WAY, line.lot, line.serial, int(StockState.IN_TRANSIT))
            facts.append(
                Fact(site_id, int(Cause.ARRIVED), (Movement(place, -quantity),), occurred_at)
            )
        if more:
            over.append(each._replace(quantity=more))
        if is_stocked:
            facts.append(fact(site_id, _receipt(each), occurred_at))
    posted = post(
        connection, f"arrival:{key}", source, facts,
        site_id=site_id, stated=fingerprint([list(each) for each in goods]), at=at,
    )  # fmt: skip
    if not posted.new:
        return posted.posting_id
    for (consignment_id, line), quantity in sorted(taken.items()):
        store.change_line(connection, consignment_id, line, arrived=quantity)
        noted = Noted(consignment_id, line, 0, quantity, posted.posting_id)
        store.note(connection, key, noted, origin or Origin())
    for number in sorted(set(consignment_ids)):
        mine = [each for (consignment, _), each in lines.items() if consignment == number]
        if mine and not any(each.under_way for each in mine):
            store.close(connection, number, why="arrived", by="", at=at)
    if over and consignment_ids:
        told = ", ".join(f"{each.quantity} {each.sku}" for each in over[:10])
        raise_exception(
            connection, "transit.over", f"{source.reference}: {over[0].sku}",
            f"{told} more than was on its way", at=at, site_id=site_id,
        )  # fmt: skip
    return posted.posting_id


def _receipt(goods: Goods) -> Received:
    line = Scanned(goods.sku, goods.quantity, lot=goods.lot or None, serial=goods.serial or None)
    return Received(line, UNPLACED)


def _named(goods: Goods) -> tuple[str, str, str, str]:
    return (goods.sku, goods.lot, goods.serial, goods.sscc)


def _goods(line: Line, quantity: int) -> Goods:
    return Goods(line.sku, quantity, line.lot, line.serial, line.sscc)


def _told(lines: Sequence[Line]) -> str:
    return ", ".join(f"{line.under_way} {line.sku}" for line in lines[:10]) or "nothing"
