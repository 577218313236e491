"""The use cases: reserve (many at once), confirm, extend, release, look.

Stock is given away under the locks of ``cloud.orders.lock``, which frees what has ended and settles
what was picked; then it is read, then granted in the order in which it was asked for. One
transaction grants as many wishes as wait: a hot item is locked once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cloud import catalog
from cloud.db import Connection
from cloud.orders import service as orders
from cloud.orders import store as account_store
from cloud.orders.model import Account
from cloud.orders.reservations import store
from cloud.orders.reservations.model import (
    LONGEST,
    MAX_SITES,
    SHORTEST,
    Ask,
    Key,
    PartRow,
    Portion,
    Reservation,
    apportion,
)
from shared.errors import QuartermasterError
from shared.units import MAX_QUANTITY, SECOND, Micros

__all__ = ["confirm", "extend", "page", "release", "reservation", "reserve"]

Answer = Reservation | QuartermasterError
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Pair = tuple[str, str]


class _Wanted(NamedTuple):
    """A wish that can be tried: ways to fulfil it, the best first, and sites to do it at."""

    ask: Ask
    item_id: int
    sites: tuple[int, ...]
    ways: tuple[tuple[tuple[int, int], ...], ...]

    def places(self) -> set[Key]:
        """The accounts that it may be taken from."""
        return {(site, item) for site in self.sites for way in self.ways for item, _ in way}


def reserve(
    connection: Connection, asks: Sequence[Ask], *, code: Callable[[], str], now: Micros
) -> list[Answer]:
    """Reserve what is free, wish by wish in this order; the answers are in the same.

    A key that was used before gets the reservation that it made then, as it stands. What cannot be
    had is an answer, not an exception: ``reservation.not-free``, ``reservation.key-reused``,
    ``request.not-found``, ``request.invalid``. Nothing is kept of a refusal: the same key may ask
    again.
    """
    world = _World(connection, asks)
    wanted, refused = _wanted(world, asks, now=now)
    orders.lock(connection, [key for each in wanted.values() for key in each.places()], now=now)
    pairs = sorted({(ask.asked_by, ask.key) for ask in asks})
    known = store.known(connection, pairs)
    made = _grant(
        connection,
        world,
        {pair: each for pair, each in wanted.items() if pair not in known},
        refused,
        code=code,
        now=now,
    )
    if lost := [pair for pair in pairs if pair not in {*known, *made, *refused}]:
        known |= store.known(connection, lost)
    before = _read(connection, [found for _, found in known.values()], now=now)
    return [_answer(ask, known, before, made, refused) for ask in asks]


def _answer(
    ask: Ask,
    known: dict[_Pair, tuple[str, str]],
    before: dict[str, Reservation],
    made: dict[_Pair, tuple[Ask, Reservation]],
    refused: dict[_Pair, QuartermasterError],
) -> Answer:
    pair = (ask.asked_by, ask.key)
    if pair in known:
        asked, found = known[pair]
        answer: Answer = before[found]
    elif pair in made:
        asked, answer = made[pair][0].text(), made[pair][1]
    elif pair in refused:
        return refused[pair]
    else:  # made when this asker still saw other sites
        return QuartermasterError("reservation.key-reused", where="idempotency-key")
    if asked != ask.text():
        return QuartermasterError("reservation.key-reused", answer.code, where="idempotency-key")
    return answer


class _World:
    """What the wishes of one batch name."""

    def __init__(self, connection: Connection, asks: Sequence[Ask]) -> None:
        self.connection = connection
        self.items = store.items(connection, sorted({ask.sku for ask in asks}))
        codes = sorted({ask.site for ask in asks if ask.site})
        regions = sorted({ask.region for ask in asks if ask.region})
        everywhere = any(not ask.site and not ask.region for ask in asks)
        rows = store.sites(connection, codes, regions, everywhere=everywhere)
        self.codes = {site_id: site for site_id, site, _ in rows}
        self.by_site = {site: site_id for site_id, site, _ in rows}
        self.by_region: dict[str, list[int]] = {}
        for site_id, _, region in rows:
            self.by_region.setdefault(region, []).append(site_id)
        self.skus = {item_id: sku for sku, (item_id, _) in self.items.items()}

    def sites_for(self, ask: Ask, item_id: int) -> tuple[int, ...]:
        """Where a wish may be fulfilled.

        Raises:
            QuartermasterError: ``request.not-found``, the same for a foreign and an unknown place.
        """
        if ask.site:
            site_id = self.by_site.get(ask.site)
            if site_id is None or not (ask.sites is None or site_id in ask.sites):
                raise QuartermasterError("request.not-found", f"site {ask.site}", where="site")
            return (site_id,)
        found = self.by_region.get(ask.region, []) if ask.region else list(self.codes)
        found = [site for site in found if ask.sites is None or site in ask.sites]
        if not found:
            raise QuartermasterError("request.not-found", f"region {ask.region}", where="region")
        if len(found) <= MAX_SITES:
            return tuple(sorted(found))
        return tuple(store.stocked(self.connection, item_id, found, limit=MAX_SITES))

    def ways(self, ask: Ask, *, now: Micros) -> tuple[tuple[tuple[int, int], ...], ...]:
        """The item itself, or, of a kit, its components."""
        item_id, kit = self.items[ask.sku]
        itself = ((item_id, ask.quantity),)
        if not kit:
            return (itself,)
        day = (_EPOCH + timedelta(microseconds=now)).date()
        revision = catalog.revision_as_of(self.connection, None)
        needs = catalog.explode(self.connection, ask.sku, ask.quantity, on=day, revision=revision)
        wanted = {need.sku: need.quantity for need in needs if not need.made}
        ids = catalog.item_ids(self.connection, wanted)
        self.skus |= {item: sku for sku, item in ids.items()}
        return (itself, tuple((ids[sku], quantity) for sku, quantity in sorted(wanted.items())))


def _wanted(
    world: _World, asks: Sequence[Ask], *, now: Micros
) -> tuple[dict[_Pair, _Wanted], dict[_Pair, QuartermasterError]]:
    wanted: dict[_Pair, _Wanted] = {}
    refused: dict[_Pair, QuartermasterError] = {}
    for ask in asks:
        pair = (ask.asked_by, ask.key)
        if pair in wanted or pair in refused:
            continue
        try:
            demand_sound(ask)
            if ask.sku not in world.items:
                raise QuartermasterError("request.not-found", f"item {ask.sku}", where="item")  # noqa: TRY301
            item_id = world.items[ask.sku][0]
            sites = world.sites_for(ask, item_id)
            wanted[pair] = _Wanted(ask, item_id, sites, world.ways(ask, now=now))
        except QuartermasterError as error:
            refused[pair] = error
    return wanted, refused


def demand_sound(ask: Ask) -> None:
    """Demand that a wish makes sense.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    if not 0 < ask.quantity <= MAX_QUANTITY:
        raise QuartermasterError("request.invalid", f"1 to {MAX_QUANTITY}", where="quantity")
    _demand_lifetime(ask.lifetime)
    if ask.site and ask.region:
        raise QuartermasterError("request.invalid", "a site or a region", where="site")


def _demand_lifetime(lifetime: Micros) -> None:
    if not SHORTEST <= lifetime <= LONGEST:
        says = f"{SHORTEST // SECOND} to {LONGEST // SECOND} seconds"
        raise QuartermasterError("request.invalid", says, where="ttl_s")


def _grant(
    connection: Connection,
    world: _World,
    wanted: dict[_Pair, _Wanted],
    refused: dict[_Pair, QuartermasterError],
    *,
    code: Callable[[], str],
    now: Micros,
) -> dict[_Pair, tuple[Ask, Reservation]]:
    """Grant in this order, out of what is free; what was made, by asker and key."""
    keys = sorted({key for each in wanted.values() for key in each.places()})
    accounts = account_store.accounts(connection, keys) if keys else {}
    free = {key: account.free() for key, account in accounts.items()}
    rows: list[store.New] = []
    for pair, each in wanted.items():
        portions = _portions(free, each)
        if not portions:
            refused[pair] = _not_free(world, each, accounts, free)
            continue
        taken = tuple((site, item, units, free[site, item]) for site, item, units in portions)
        for site_id, item_id, quantity, _ in taken:
            free[site_id, item_id] -= quantity
        expires = Micros(now + each.ask.lifetime)
        rows.append(store.New(code(), each.ask, each.item_id, expires, taken))
    ids = store.insert(connection, rows, now=now) if rows else {}
    rows = [row for row in rows if row.code in ids]
    held: dict[Key, int] = {}
    for row in rows:
        for site_id, item_id, quantity, _ in row.portions:
            held[site_id, item_id] = held.get((site_id, item_id), 0) + quantity
    account_store.hold(connection, held)
    return {
        (row.ask.asked_by, row.ask.key): (row.ask, _fresh(world, row, ids[row.code], now=now))
        for row in rows
    }


def _portions(free: dict[Key, int], wanted: _Wanted) -> list[Portion]:
    """Where to take it from, in the first way that is possible."""
    for way in wanted.ways:
        if portions := apportion(free, wanted.sites, way):
            return portions
    return []


def _fresh(world: _World, row: store.New, reservation_id: int, *, now: Micros) -> Reservation:
    return Reservation(
        reservation_id,
        row.code,
        row.ask.sku,
        row.ask.quantity,
        row.ask.channel,
        row.ask.document,
        "pending",
        now,
        row.expires_at,
        now,
        frozenset(portion[0] for portion in row.portions),
        tuple(
            sorted(
                PartRow(world.codes[site_id], world.skus[item_id], quantity, 0, free)
                for site_id, item_id, quantity, free in row.portions
            )
        ),
    )


def _not_free(
    world: _World, wanted: _Wanted, accounts: dict[Key, Account], free: dict[Key, int]
) -> QuartermasterError:
    """Why not, in the numbers of the item itself."""
    mine = [key for key in accounts if key[0] in wanted.sites and key[1] == wanted.item_id]
    available = sum(accounts[key].available for key in mine)
    leased = sum(accounts[key].leased() for key in mine)
    left = sum(max(free[key], 0) for key in mine)
    where = ", ".join(sorted(world.codes[site] for site, _ in mine)) or wanted.ask.region
    says = (
        f"{wanted.ask.quantity} of {wanted.ask.sku} at {where}: {left} free of {available} "
        f"available, {leased} leased, {available - leased - left} reserved"
    )
    return QuartermasterError("reservation.not-free", says, where="quantity")


def _read(connection: Connection, codes: Sequence[str], *, now: Micros) -> dict[str, Reservation]:
    if not codes:
        return {}
    found = store.reservations(connection, codes=codes, limit=len(codes))
    return {each.code: each.at(now) for each in found}


def reservation(
    connection: Connection, code: str, *, sites: frozenset[int] | None = None, now: Micros
) -> Reservation:
    """A reservation as it stands, for who may see these sites.

    Raises:
        QuartermasterError: ``request.not-found``, the same for a foreign and an unknown one.
    """
    found = _read(connection, [code], now=now).get(code)
    if found is None or not found.seen_by(sites):
        raise QuartermasterError("request.not-found", f"reservation {code[:64]}", where="code")
    return found


def page(
    connection: Connection,
    *,
    site: str | None = None,
    sku: str | None = None,
    document: str | None = None,
    allowed: frozenset[int] | None = None,
    after: int | None = None,
    limit: int,
    now: Micros,
) -> list[Reservation]:
    """Reservations, the newest first, before a ``reservation_id``."""
    found = store.reservations(
        connection,
        site=site,
        sku=sku,
        document=document,
        allowed=allowed,
        after=after,
        limit=limit,
    )
    return [each.at(now) for each in found]


def confirm(
    connection: Connection,
    code: str,
    *,
    sites: frozenset[int] | None = None,
    document: str | None = None,
    now: Micros,
) -> Reservation:
    """Make it an order's: it ends no more by itself, and holds until picked for its document.

    Once confirmed it stays so, however often that is said. ``document`` names the order where that
    was not known before.

    Raises:
        QuartermasterError: ``reservation.over``, or ``request.not-found``.
    """
    held = _locked(connection, code, sites=sites, now=now)
    if held.status == "confirmed":
        return reservation(connection, code, sites=sites, now=now)
    _demand_pending(connection, code, held, now=now)
    store.change(
        connection, held.reservation_id, status="confirmed", now=now, document=document or None
    )
    store.keep_parts(connection, held.reservation_id, expires=None, document=document or None)
    return reservation(connection, code, sites=sites, now=now)


def extend(
    connection: Connection,
    code: str,
    *,
    lifetime: Micros,
    sites: frozenset[int] | None = None,
    now: Micros,
) -> Reservation:
    """Let a pending one end ``lifetime`` from now.

    Raises:
        QuartermasterError: ``reservation.over``, ``request.invalid`` or ``request.not-found``.
    """
    _demand_lifetime(lifetime)
    held = _locked(connection, code, sites=sites, now=now)
    _demand_pending(connection, code, held, now=now)
    until = Micros(now + lifetime)
    store.change(connection, held.reservation_id, status="pending", now=now, expires=until)
    store.keep_parts(connection, held.reservation_id, expires=until, document=None)
    return reservation(connection, code, sites=sites, now=now)


def release(
    connection: Connection, code: str, *, sites: frozenset[int] | None = None, now: Micros
) -> Reservation:
    """Give back what was not picked; what is over stays as it is.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    held = _locked(connection, code, sites=sites, now=now)
    if held.status in {"pending", "confirmed"}:
        store.change(connection, held.reservation_id, status="released", now=now)
        freed = store.close_parts(connection, held.reservation_id)
        account_store.hold(connection, {key: -quantity for key, quantity in freed.items()})
    return reservation(connection, code, sites=sites, now=now)


def _locked(
    connection: Connection, code: str, *, sites: frozenset[int] | None, now: Micros
) -> store.Standing:
    """What it is, under the locks of its items, with what has ended freed."""
    reservation(connection, code, sites=sites, now=now)
    orders.lock(connection, store.keys(connection, code), now=now)
    return store.standing(connection, code)


def _demand_pending(
    connection: Connection, code: str, held: store.Standing, *, now: Micros
) -> None:
    """Demand that it is pending and whole.

    Raises:
        QuartermasterError: ``reservation.over``.
    """
    if held.status != "pending" or not held.whole:
        status = reservation(connection, code, now=now).status
        raise QuartermasterError("reservation.over", f"{code} is {status}", where="code")
