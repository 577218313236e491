"""SQL of the feeds room; private to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from psycopg.types.json import Jsonb

from cloud.db import Connection, Queries
from cloud.feeds.model import (
    Arrival,
    DeliveryRow,
    Feed,
    Flaw,
    Health,
    Incoming,
    ItemMapping,
    NewFeed,
    Outcome,
    Receipt,
    Subject,
)
from shared.units import DAY, Micros

_Q: Final = Queries(__package__ or "")


class Due(NamedTuple):
    """A delivery to be read, held until the commit."""

    incoming: Incoming
    attempts: int


class Silence(NamedTuple):
    """A feed that has stopped."""

    code: str
    site_id: int | None
    interval_s: int
    last_at: Micros


class StaleItems(NamedTuple):
    """Items that a feed has not spoken of; the first of them by name."""

    code: str
    site_id: int | None
    items: int
    skus: Sequence[str]


def insert_feed(
    connection: Connection, new: NewFeed, site_id: int | None, now: Micros
) -> int | None:
    """Register a feed; None where the name is taken."""
    row = connection.execute(
        _Q["insert_feed"], _feed_values(new, site_id) | {"now": now}
    ).fetchone()
    return None if row is None else int(row[0])


def update_feed(connection: Connection, feed_id: int, new: NewFeed, site_id: int | None) -> None:
    """Change a feed."""
    connection.execute(_Q["update_feed"], _feed_values(new, site_id) | {"feed_id": feed_id})


def _feed_values(new: NewFeed, site_id: int | None) -> dict[str, Any]:
    return {
        "code": new.code,
        "kind": new.kind,
        "site_id": site_id,
        "channel": new.channel,
        "partner": new.partner,
        "settings": Jsonb(dict(new.settings)),
        "interval_s": new.interval_s,
    }


def switch(connection: Connection, code: str, standing: str) -> bool:
    """Switch a feed; False where there is none."""
    values = {"code": code, "standing": standing}
    return connection.execute(_Q["switch"], values).fetchone() is not None


def feeds(
    connection: Connection,
    *,
    sites: frozenset[int] | None,
    kind: str | None,
    after: str | None,
    limit: int,
) -> list[Feed]:
    """Feeds by code."""
    values = {
        "sites": None if sites is None else sorted(sites),
        "kind": kind,
        "after": after,
        "limit": limit,
    }
    return [Feed(*row) for row in connection.execute(_Q["feeds"], values)]


def feed(connection: Connection, code: str) -> Feed | None:
    """One feed."""
    row = connection.execute(_Q["feed"], {"code": code}).fetchone()
    return None if row is None else Feed(*row)


def keep(
    connection: Connection, feed_id: int, arrival: Arrival, sha256: bytes, now: Micros
) -> Receipt | None:
    """Keep a delivery; None where something else came under its number."""
    row = connection.execute(
        _Q["keep"],
        {
            "feed_id": feed_id,
            "topic": arrival.topic,
            "origin": arrival.origin,
            "key": arrival.key,
            "sha256": sha256,
            "size": len(arrival.content),
            "content": arrival.content,
            "now": now,
        },
    ).fetchone()
    return None if row is None else Receipt(*row)


def due_feeds(connection: Connection, now: Micros) -> list[int]:
    """Feeds with something to be read."""
    return [row[0] for row in connection.execute(_Q["due_feeds"], {"now": now})]


def take_feed(connection: Connection, feed_id: int) -> bool:
    """Be the one who reads a feed until the commit; False where another is."""
    row = connection.execute(_Q["take_feed"], {"feed_id": feed_id}).fetchone()
    return row is not None and bool(row[0])


def next_due(connection: Connection, feed_id: int, now: Micros) -> Due | None:
    """The first delivery of a feed that is to be read."""
    row = connection.execute(_Q["next_due"], {"feed_id": feed_id, "now": now}).fetchone()
    if row is None:
        return None
    delivery_id, topic, content, received_at, attempts = row[11:]
    return Due(Incoming(Feed(*row[:11]), delivery_id, topic, content, received_at), attempts)


def settle(connection: Connection, delivery_id: int, outcome: Outcome, now: Micros) -> None:
    """Write down what became of a delivery."""
    flaw = outcome.flaws[0] if outcome.flaws else None
    connection.execute(
        _Q["settle"],
        {
            "delivery_id": delivery_id,
            "standing": outcome.standing,
            "documents": outcome.documents,
            "now": now,
            **_flaw_values(flaw),
        },
    )


def postpone(connection: Connection, delivery_id: int, flaw: Flaw, due: Micros) -> None:
    """Have a delivery read again later."""
    connection.execute(
        _Q["postpone"], {"delivery_id": delivery_id, "due": due, **_flaw_values(flaw)}
    )


def _flaw_values(flaw: Flaw | None) -> dict[str, Any]:
    if flaw is None:
        return {"code": None, "where": "", "says": ""}
    says = flaw.says.replace("\0", "\\0")[:500]
    return {"code": flaw.code, "where": flaw.where.replace("\0", "\\0")[:200], "says": says}


def known(connection: Connection, feed_id: int, subjects: Sequence[str]) -> dict[str, int]:
    """The newest versions applied of some things."""
    values = {"feed_id": feed_id, "subjects": list(subjects)}
    return {row[0]: row[1] for row in connection.execute(_Q["known"], values)}


def see(connection: Connection, feed_id: int, subjects: Sequence[Subject]) -> None:
    """Note versions as come."""
    connection.execute(_Q["see"], _subject_values(feed_id, subjects))


def seen(connection: Connection, feed_id: int, subjects: Sequence[str]) -> dict[str, int]:
    """The newest versions that came of some things."""
    values = {"feed_id": feed_id, "subjects": list(subjects)}
    return {row[0]: row[1] for row in connection.execute(_Q["seen"], values)}


def know(connection: Connection, feed_id: int, subjects: Sequence[Subject]) -> None:
    """Note versions that came as applied."""
    connection.execute(_Q["know"], _subject_values(feed_id, subjects))


def _subject_values(feed_id: int, subjects: Sequence[Subject]) -> dict[str, Any]:
    return {
        "feed_id": feed_id,
        "subjects": [subject.name for subject in subjects],
        "versions": [subject.version for subject in subjects],
    }


def mention(
    connection: Connection,
    feed_id: int,
    *,
    skus: Iterable[str],
    gtins: Iterable[str],
    theirs: Iterable[str],
    now: Micros,
) -> None:
    """Note that a feed spoke of items."""
    connection.execute(
        _Q["mention"],
        {
            "feed_id": feed_id,
            "skus": sorted(skus),
            "gtins": sorted(gtins),
            "theirs": sorted(theirs),
            "now": now,
        },
    )


def deliveries(
    connection: Connection, feed_id: int, *, standing: str | None, after: int | None, limit: int
) -> list[DeliveryRow]:
    """Deliveries, the newest first."""
    values = {"feed_id": feed_id, "standing": standing, "after": after, "limit": limit}
    return [DeliveryRow(*row) for row in connection.execute(_Q["deliveries"], values)]


def delivery(connection: Connection, feed_id: int, delivery_id: int) -> DeliveryRow | None:
    """One delivery."""
    values = {"feed_id": feed_id, "delivery_id": delivery_id}
    row = connection.execute(_Q["delivery"], values).fetchone()
    return None if row is None else DeliveryRow(*row)


def content(connection: Connection, delivery_id: int) -> bytes | None:
    """A delivery's content; None where it was forgotten."""
    row = connection.execute(_Q["content"], {"delivery_id": delivery_id}).fetchone()
    return None if row is None else row[0]


def retry(connection: Connection, feed_id: int, delivery_id: int, now: Micros) -> bool:
    """Have a delivery read again."""
    values = {"feed_id": feed_id, "delivery_id": delivery_id, "now": now}
    return connection.execute(_Q["retry"], values).fetchone() is not None


def retry_refused(connection: Connection, feed_id: int, now: Micros) -> int:
    """Have all refused deliveries read again; how many."""
    values = {"feed_id": feed_id, "now": now}
    return len(connection.execute(_Q["retry_refused"], values).fetchall())


def take_up_unrouted(connection: Connection, now: Micros) -> int:
    """Have what nothing could take read again; how many."""
    return len(connection.execute(_Q["take_up_unrouted"], {"now": now}).fetchall())


def forget(connection: Connection, before: Micros) -> int:
    """Forget contents; how many."""
    return len(connection.execute(_Q["forget"], {"before": before}).fetchall())


def forget_these(connection: Connection, deliveries: Sequence[int]) -> int:
    """Forget these contents; how many."""
    values = {"deliveries": list(deliveries)}
    return len(connection.execute(_Q["forget_these"], values).fetchall())


def contents_kept(connection: Connection, deliveries: Sequence[int]) -> int:
    """How many of these deliveries still have their content."""
    row = connection.execute(_Q["contents_kept"], {"deliveries": list(deliveries)}).fetchone()
    return 0 if row is None else int(row[0])


def health(connection: Connection, feed_ids: Sequence[int], now: Micros) -> dict[int, Health]:
    """How feeds do."""
    values = {"feed_ids": list(feed_ids), "since": now - DAY}
    found: dict[int, Health] = {}
    for row in connection.execute(_Q["health"], values).fetchall():
        wrong = connection.execute(_Q["last_error"], {"feed_id": row[0]}).fetchone()
        last_error = None if wrong is None else DeliveryRow(*wrong)
        found[row[0]] = Health._make([*row[1:10], last_error, *row[10:]])
    return found


def silent(connection: Connection, now: Micros) -> list[Silence]:
    """Feeds that have newly stopped."""
    connection.execute(_Q["heard"])
    return [Silence(*row) for row in connection.execute(_Q["silent"], {"now": now})]


def stale_items(connection: Connection, before: Micros, now: Micros) -> list[StaleItems]:
    """Feeds with items that have newly grown old, with all that are."""
    values = {"before": before, "now": now}
    return [StaleItems(*row) for row in connection.execute(_Q["stale_items"], values)]


def items_by_sku(connection: Connection, skus: Sequence[str]) -> dict[str, int]:
    """Items by our own name."""
    return dict(connection.execute(_Q["items_by_sku"], {"skus": list(skus)}).fetchall())


def items_by_gtin(connection: Connection, gtins: Sequence[str]) -> dict[str, tuple[int, str, int]]:
    """Item, SKU and what one holds, by trade item number."""
    rows = connection.execute(_Q["items_by_gtin"], {"gtins": list(gtins)})
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def items_by_theirs(
    connection: Connection, feed: str, theirs: Sequence[str]
) -> dict[str, tuple[int, str, int]]:
    """Item, SKU and base units, by what a feed calls them."""
    rows = connection.execute(_Q["items_by_theirs"], {"feed": feed, "theirs": list(theirs)})
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def packs(connection: Connection, item_ids: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    """Level and base units of items' packs."""
    found: dict[int, list[tuple[str, int]]] = {}
    for item_id, level, quantity in connection.execute(_Q["packs"], {"item_ids": list(item_ids)}):
        found.setdefault(item_id, []).append((level, quantity))
    return found


def map_item(
    connection: Connection,
    feed_id: int,
    theirs: str,
    item_id: int,
    quantity: int,
    *,
    by: str,
    delivery_id: int | None,
    now: Micros,
) -> bool:
    """Let a code mean an item from now on; False where it does already."""
    values: Mapping[str, Any] = {
        "feed_id": feed_id,
        "theirs": theirs,
        "item_id": item_id,
        "quantity": quantity,
        "by": by,
        "delivery_id": delivery_id,
        "now": now,
    }
    connection.execute(_Q["end_mapping"], values)
    return connection.execute(_Q["map"], values).fetchone() is not None


def mappings(
    connection: Connection, feed_id: int, *, theirs: str | None, everything: bool, limit: int
) -> list[ItemMapping]:
    """What a feed's codes mean."""
    values = {"feed_id": feed_id, "all": everything, "theirs": theirs, "limit": limit}
    return [ItemMapping(*row) for row in connection.execute(_Q["mappings"], values)]


def last_poll(connection: Connection, feed_id: int) -> Micros | None:
    """Up to when a feed's changes have been seen."""
    row = connection.execute(_Q["last_poll"], {"feed_id": feed_id}).fetchone()
    return None if row is None else row[0]


def last_attempt(connection: Connection, feed_id: int) -> Micros | None:
    """When a feed was last asked."""
    row = connection.execute(_Q["last_attempt"], {"feed_id": feed_id}).fetchone()
    return None if row is None else row[0]


def note_poll(
    connection: Connection,
    feed_id: int,
    *,
    began: Micros,
    until: Micros | None,
    looked: int,
    missed: int,
    error: str,
) -> None:
    """Write down what asking a feed brought."""
    connection.execute(
        _Q["note_poll"],
        {
            "feed_id": feed_id,
            "began": began,
            "until": until,
            "looked": looked,
            "missed": missed,
            "error": error[:500],
        },
    )


def drop_old_polls(connection: Connection, before: Micros) -> None:
    """Forget polls of before a moment."""
    connection.execute(_Q["drop_old_polls"], {"before": before})


def mapping_of(connection: Connection, feed_id: int, theirs: str) -> ItemMapping | None:
    """What one of a feed's codes means now."""
    values = {"feed_id": feed_id, "theirs": theirs}
    row = connection.execute(_Q["mapping_of"], values).fetchone()
    return None if row is None else ItemMapping(*row)
