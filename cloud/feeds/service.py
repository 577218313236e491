"""Take deliveries in, read and apply them, say how feeds do.

"Answer first, work after": :func:`accept` is one statement; :func:`work` reads what waits, feed by
feed in the order of arrival, one transaction for each delivery.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import structlog
from msgspec import Struct
from psycopg import errors as database
from psycopg_pool import ConnectionPool

from cloud import catalog
from cloud.db import Connection, unit_of_work
from cloud.exceptions import raise_exception
from cloud.feeds import store
from cloud.feeds.documents import Delivery, Document, Goods
from cloud.feeds.items import gtin14
from cloud.feeds.kinds import checked_settings
from cloud.feeds.model import (
    KEPT_FOR,
    MAX_FILE,
    MAX_ITEM_AGE,
    Arrival,
    DeliveryRow,
    Feed,
    Flaw,
    Health,
    Incoming,
    NewFeed,
    Outcome,
    Read,
    Receipt,
    checked_code,
    checked_key,
    is_stale,
    next_try,
)
from cloud.feeds.ports import Routes
from shared.errors import QuartermasterError
from shared.units import DAY, Micros

_KNOWN_FLAWS: Final = 50
_PER_FEED: Final = 500
"""Deliveries that one round reads of one feed, so that a full inbox does not starve the others."""

_log = structlog.stdlib.get_logger(__name__)


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """Rolls a delivery's documents back."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def add(connection: Connection, new: NewFeed, *, now: Micros) -> Feed:
    """Register a feed.

    Raises:
        QuartermasterError: ``request.invalid``; ``feed.exists``; ``feed.unknown-site``.
    """
    code = checked_code(new.code)
    checked_settings(new.kind, new.settings)
    site_id = _site_id(connection, new.site)
    if store.insert_feed(connection, new, site_id, now) is None:
        raise QuartermasterError("feed.exists", code)
    return feed(connection, code)


def change(connection: Connection, new: NewFeed) -> Feed:
    """Change a feed's channel, partner, settings, site or interval; its kind stays.

    Raises:
        QuartermasterError: ``feed.unknown``; ``feed.unknown-site``.
    """
    found = feed(connection, new.code)
    checked_settings(found.kind, new.settings)
    store.update_feed(connection, found.feed_id, new, _site_id(connection, new.site))
    return feed(connection, new.code)


def switch(connection: Connection, code: str, *, on: bool) -> None:
    """Switch a feed on or off; what waits is kept.

    Raises:
        QuartermasterError: ``feed.unknown``.
    """
    if not store.switch(connection, code, "on" if on else "off"):
        raise QuartermasterError("feed.unknown", code)


def feed(connection: Connection, code: str) -> Feed:
    """One feed.

    Raises:
        QuartermasterError: ``feed.unknown``.
    """
    found = store.feed(connection, code)
    if found is None:
        raise QuartermasterError("feed.unknown", code[:80], where="feed")
    return found


def find(connection: Connection, code: str) -> Feed | None:
    """One feed, where there is one of this name."""
    return store.feed(connection, code)


def feeds(
    connection: Connection,
    *,
    sites: frozenset[int] | None = None,
    kind: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[Feed]:
    """Feeds by code; ``sites`` None means all, and also feeds that belong to no one site."""
    return store.feeds(connection, sites=sites, kind=kind, after=after, limit=limit)


def health(connection: Connection, found: Sequence[Feed], *, now: Micros) -> dict[int, Health]:
    """How feeds do, by their keys."""
    return store.health(connection, [each.feed_id for each in found], now)


def accept(connection: Connection, to: Feed, arrival: Arrival, *, now: Micros) -> Receipt:
    """Keep a delivery until it is read; just the same again is counted and changes nothing.

    Raises:
        QuartermasterError: ``feed.off``; ``payload.too-large``; ``request.invalid`` for its
            number; ``feed.key-reused`` where something else came under it.
    """
    if to.standing != "on":
        raise QuartermasterError("feed.off", to.code)
    if len(arrival.content) > MAX_FILE:
        raise QuartermasterError("payload.too-large", f"at most {MAX_FILE} bytes")
    checked_key(arrival.key)
    sha256 = hashlib.sha256(arrival.content).digest()
    kept = store.keep(connection, to.feed_id, arrival, sha256, now)
    if kept is None and arrival.otherwise:
        second = arrival._replace(key=checked_key(arrival.otherwise))
        kept = store.keep(connection, to.feed_id, second, sha256, now)
    if kept is None:
        raise QuartermasterError("feed.key-reused", arrival.key, where=to.code)
    return kept


def work(pool: ConnectionPool[Connection], routes: Routes, *, now: Micros) -> int:
    """Read what is due, each delivery in a transaction of its own; returns how many were.

    A feed that another worker reads is left to it.

    Raises:
        QuartermasterError: ``database.unreachable``.
    """
    with unit_of_work(pool) as connection:
        due = store.due_feeds(connection, now)
    done = 0
    for feed_id in due:
        for _ in range(_PER_FEED):
            if not work_one(pool, routes, feed_id, now=now):
                break
            done += 1
    return done


def work_one(
    pool: ConnectionPool[Connection], routes: Routes, feed_id: int, *, now: Micros
) -> bool:
    """Read the first delivery of a feed that is due; False where there is none.

    Raises:
        QuartermasterError: ``database.unreachable``.
    """
    with unit_of_work(pool) as connection:
        if not store.take_feed(connection, feed_id):
            return False
        due = store.next_due(connection, feed_id, now)
        if due is None:
            return False
        outcome = _outcome(connection, routes, due.incoming)
        _settle(connection, due, outcome, now)
    return True


def dry_run(connection: Connection, routes: Routes, incoming: Incoming) -> Outcome:
    """What a delivery would do; nothing stays of it."""
    with connection.transaction(force_rollback=True):
        return _outcome(connection, routes, incoming)


def _outcome(connection: Connection, routes: Routes, incoming: Incoming) -> Outcome:
    """Read and apply one delivery; whatever goes wrong with it is its own outcome."""
    reader = routes.readers.get(incoming.feed.kind)
    if reader is None:
        says = f"feeds of the kind {incoming.feed.kind}"
        return Outcome("unrouted", 0, (Flaw("feed.unrouted", "", says),))
    try:
        with connection.transaction():
            read = reader(connection, incoming)
        return _applied(connection, routes, incoming, read)
    except QuartermasterError as error:
        if error.code == "database.unreachable":
            raise
        return Outcome("refused", 0, (_flaw(error),))
    except database.OperationalError as error:
        if connection.closed:
            raise
        flaw = Flaw("database.slow", "", type(error).__name__)  # a deadlock, a time-out
        return Outcome("refused", 0, (flaw,))
    except Exception as error:  # noqa: BLE001 - a bug of one reader or handler never stops the other feeds
        _log.exception("feeds.unexpected", feed=incoming.feed.code, delivery=incoming.delivery_id)
        return Outcome("refused", 0, (Flaw("internal.unexpected", "", type(error).__name__),))


def _applied(connection: Connection, routes: Routes, incoming: Incoming, read: Read) -> Outcome:
    if read.subjects:
        store.see(connection, incoming.feed.feed_id, read.subjects)
    read = read._replace(flaws=(*read.flaws, *_foreign(incoming.feed, read.documents)))
    if read.flaws and not read.apart:
        return Outcome("refused", 0, read.flaws)
    unrouted = sorted(
        {_tag(document) for document in read.documents if type(document) not in routes.handlers}
    )
    if unrouted:
        return Outcome("unrouted", 0, (Flaw("feed.unrouted", "", ", ".join(unrouted)),))
    names = [subject.name for subject in read.subjects]
    known = store.known(connection, incoming.feed.feed_id, names) if names else {}
    if is_stale(read.subjects, known):
        return Outcome("stale", 0)
    outcome = (_apart if read.apart else _together)(connection, routes, incoming, read)
    if outcome.documents or not read.documents:
        if read.subjects:
            store.know(connection, incoming.feed.feed_id, read.subjects)
        _mention(connection, incoming, read.documents)
    return outcome


def _foreign(of: Feed, documents: Sequence[Document]) -> Iterator[Flaw]:
    """A feed of one site speaks of no other."""
    for document in documents:
        site: str = getattr(document, "site", "")
        if of.site is not None and site not in ("", of.site):
            yield Flaw("feed.unknown-site", name_of(document), f"{site}; this feed is of {of.site}")


def _together(connection: Connection, routes: Routes, incoming: Incoming, read: Read) -> Outcome:
    """All documents or none."""
    try:
        with connection.transaction():
            for position, document in enumerate(read.documents):
                try:
                    _apply(connection, routes, incoming, position, document)
                except QuartermasterError as error:
                    raise _Refused(Outcome("refused", 0, (_flaw(error, document),))) from error
    except _Refused as refused:
        return refused.outcome
    return Outcome("applied", len(read.documents))


def _apart(connection: Connection, routes: Routes, incoming: Incoming, read: Read) -> Outcome:
    """Each document, or each stretch that stands together, by itself; what was applied stays."""
    flaws = list(read.flaws)
    applied, position = 0, 0
    for count in read.together or (1,) * len(read.documents):
        stretch = read.documents[position : position + count]
        about = stretch[0] if stretch else None
        try:
            with connection.transaction():
                for at, about in enumerate(stretch, start=position):
                    _apply(connection, routes, incoming, at, about)
            applied += len(stretch)
        except QuartermasterError as error:
            flaws.append(_flaw(error, about))
        position += count
    if not flaws:
        return Outcome("applied", applied)
    return Outcome("partly" if applied else "refused", applied, tuple(flaws[:_KNOWN_FLAWS]))


def _apply(
    connection: Connection,
    routes: Routes,
    incoming: Incoming,
    position: int,
    document: Document,
) -> None:
    delivery = Delivery(
        feed=incoming.feed.code,
        delivery_id=incoming.delivery_id,
        position=position,
        received_at=incoming.received_at,
    )
    routes.handlers[type(document)](connection, document, delivery)


def _settle(connection: Connection, due: store.Due, outcome: Outcome, now: Micros) -> None:
    """Write down how it ended; what a person must see becomes a case in the same transaction."""
    incoming = due.incoming
    if outcome.flaws and outcome.standing in ("refused", "partly"):
        first = outcome.flaws[0]
        later = next_try(due.attempts, received_at=incoming.received_at, now=now, code=first.code)
        if later is not None:
            store.postpone(connection, incoming.delivery_id, first, later)
            return
        for flaw in sorted(outcome.flaws[:_KNOWN_FLAWS], key=lambda flaw: flaw.code):
            _raise(connection, incoming, flaw, now)
    store.settle(connection, incoming.delivery_id, outcome, now)
    _log.info(
        "feeds.settled",
        feed=incoming.feed.code,
        delivery=incoming.delivery_id,
        standing=outcome.standing,
        documents=outcome.documents,
        code=outcome.flaws[0].code if outcome.flaws else None,
    )


def _raise(connection: Connection, incoming: Incoming, flaw: Flaw, now: Micros) -> None:
    topic = f" ({incoming.topic})" if incoming.topic else ""
    where = f"{flaw.where}: " if flaw.where else ""
    raise_exception(
        connection,
        flaw.code,
        f"feed {incoming.feed.code} delivery {incoming.delivery_id}",
        f"{where}{flaw.says}{topic}",
        at=now,
        site_id=incoming.feed.site_id,
    )


def _flaw(error: QuartermasterError, document: Document | None = None) -> Flaw:
    about = "" if document is None else name_of(document)
    return Flaw(error.code, " ".join(filter(None, (about, error.where))), error.detail)


def name_of(document: Document) -> str:
    """A document as a person calls it: its kind and its first number."""
    references = getattr(document, "references", None) or ()
    reference = references[0] if references else getattr(document, "reference", None)
    return _tag(document) if reference is None else f"{_tag(document)} {reference.number}"


def _tag(document: Struct) -> str:
    return str(document.__struct_config__.tag)


def _mention(connection: Connection, incoming: Incoming, documents: Iterable[Document]) -> None:
    """Note of which important items a feed has spoken."""
    goods = [each for document in documents for each in goods_of(document)]
    if goods:
        store.mention(
            connection,
            incoming.feed.feed_id,
            skus={each.sku for each in goods if each.sku},
            gtins={gtin14(each.gtin) for each in goods if each.gtin} - {""},
            theirs={each.theirs for each in goods if each.theirs},
            now=incoming.received_at,
        )


def goods_of(document: Document) -> list[Goods]:
    """All goods that a document names."""
    lines = getattr(document, "lines", ())
    found = [getattr(getattr(line, "line", line), "goods", None) for line in lines]
    own: object = getattr(document, "goods", None)
    return [each for each in [*found, own] if isinstance(each, Goods)]


def deliveries(
    connection: Connection,
    of: Feed,
    *,
    standing: str | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[DeliveryRow]:
    """Deliveries of a feed, the newest first."""
    return store.deliveries(connection, of.feed_id, standing=standing, after=after, limit=limit)


def delivery(connection: Connection, of: Feed, delivery_id: int) -> DeliveryRow:
    """One delivery.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    found = store.delivery(connection, of.feed_id, delivery_id)
    if found is None:
        raise QuartermasterError("request.not-found", f"delivery {delivery_id}", where="delivery")
    return found


def content(connection: Connection, of: Feed, delivery_id: int) -> bytes | None:
    """What came, as it came; None where it was forgotten.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    return store.content(connection, delivery(connection, of, delivery_id).delivery_id)


def retry(connection: Connection, of: Feed, delivery_id: int | None = None, *, now: Micros) -> int:
    """Have a delivery, or all refused ones of a feed, read again; returns how many.

    Raises:
        QuartermasterError: ``request.not-found``; ``request.conflict`` where its content has been
            forgotten.
    """
    if delivery_id is None:
        return store.retry_refused(connection, of.feed_id, now)
    if not store.retry(connection, of.feed_id, delivery_id, now):
        found = delivery(connection, of, delivery_id)
        raise QuartermasterError("request.conflict", f"the content of {found.key} is gone")
    return 1


class Watched(NamedTuple):
    """What a look after all feeds found."""

    silent: int
    stale: int
    forgotten: int


def take_up(connection: Connection, *, now: Micros) -> int:
    """Have what nothing could take before read again, as a new version starts; how many."""
    return store.take_up_unrouted(connection, now)


def watch(connection: Connection, *, now: Micros) -> Watched:
    """Raise a case for each feed that stopped or leaves important items out; forget old content.

    Important are items of class A. Each silence, and each item that grows old, is told once.
    """
    silences = store.silent(connection, now)
    for one in sorted(silences):
        says = (
            f"nothing for {(now - one.last_at) // 60_000_000} min; {one.interval_s // 60} allowed"
        )
        raise_exception(
            connection, "feed.silent", f"feed {one.code}", says, at=now, site_id=one.site_id
        )
    stale = store.stale_items(connection, Micros(now - MAX_ITEM_AGE), now)
    for each in stale:
        more = f" and {each.items - len(each.skus)} more" if each.items > len(each.skus) else ""
        says = f"{each.items} items of class A: {', '.join(each.skus)}{more}"
        raise_exception(
            connection, "feed.stale-items", f"feed {each.code}", says, at=now, site_id=each.site_id
        )
    forgotten = store.forget(connection, Micros(now - KEPT_FOR))
    store.drop_old_polls(connection, Micros(now - 30 * DAY))
    return Watched(len(silences), len(stale), forgotten)


def forget_contents(connection: Connection, deliveries: Sequence[int]) -> int:
    """Forget what these deliveries contained, where they are settled; how many did."""
    return store.forget_these(connection, deliveries)


def contents_kept(connection: Connection, deliveries: Sequence[int]) -> int:
    """How many of these deliveries still hold what they contained."""
    return store.contents_kept(connection, deliveries)


def forget_settled(connection: Connection, before: Micros) -> int:
    """Forget what deliveries contained that were settled before a moment; how many did."""
    return store.forget(connection, before)


def _site_id(connection: Connection, site: str | None) -> int | None:
    if not site:
        return None
    site_id = catalog.site_ids(connection, [site]).get(site)
    if site_id is None:
        raise QuartermasterError("feed.unknown-site", site, where="site")
    return site_id
