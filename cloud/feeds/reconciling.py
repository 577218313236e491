"""Asks a shop itself what its webhooks may have missed, and takes it in by the same door.

Pages of the Admin REST API: changes since the last time, with an overlap, up to a minute ago (what
is younger may still be on its way). A thing counts as missed when no delivery has told its version;
then its payload goes into the inbox as a webhook's would.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
from msgspec import Raw
from psycopg_pool import ConnectionPool

from cloud.db import Connection, unit_of_work
from cloud.exceptions import raise_exception
from cloud.feeds import service, store
from cloud.feeds.kinds import ShopifySettings, settings_of
from cloud.feeds.model import Arrival, Feed, Subject
from cloud.feeds.reading import strict_json
from cloud.feeds.shopify import subject_of
from shared.errors import QuartermasterError
from shared.units import DAY, MINUTE, Micros

_OVERLAP: Final = Micros(10 * MINUTE)
_GRACE: Final = Micros(MINUTE)
_PAGE: Final = 250
"""The most that Shopify gives at once."""
_MOST_PAGES: Final = 400
_MOST_BYTES: Final = 32 * 1024 * 1024
_NEXT: Final = re.compile(r'<([^<>]{1,2000})>\s*;\s*rel="?next"?')


class Reconciled(NamedTuple):
    """What asking a shop brought."""

    looked: int
    missed: int
    error: str = ""


class _Told(NamedTuple):
    """A payload that the shop gave, as a webhook would have brought it."""

    topic: str
    subject: Subject
    content: bytes


def due(connection: Connection, of: Feed, *, now: Micros) -> bool:
    """Whether a shop is to be asked now; not while something of it is still to be read."""
    if of.standing != "on":
        return False
    every = settings_of(of.settings, ShopifySettings).poll_s * 1_000_000
    last = store.last_attempt(connection, of.feed_id)
    if last is not None and now - last < every:
        return False
    return of.feed_id not in store.due_feeds(connection, now)


def reconcile(
    pool: ConnectionPool[Connection], of: Feed, client: httpx.Client, token: str, *, now: Micros
) -> Reconciled:
    """Ask a shop what has changed; whatever goes wrong is written down, and asked again next time.

    Raises:
        QuartermasterError: ``database.unreachable``.
    """
    with unit_of_work(pool) as connection:
        last = store.last_poll(connection, of.feed_id)
    since = Micros(max(of.created_at - DAY, now - 30 * DAY) if last is None else last - _OVERLAP)
    until = Micros(now - _GRACE)
    looked = missed = 0
    error = ""
    try:
        for page in _pages(of, client, token, since, until):
            with unit_of_work(pool) as connection:
                missed += _take(connection, of, page, now)
            looked += len(page)
    except QuartermasterError as refusal:
        if refusal.code == "database.unreachable":
            raise
        error = f"{refusal.code}: {refusal.detail}"
    with unit_of_work(pool) as connection:
        store.note_poll(
            connection,
            of.feed_id,
            began=now,
            until=None if error else until,
            looked=looked,
            missed=missed,
            error=error,
        )
        if missed:
            says = f"{missed} of {looked} changes"
            raise_exception(
                connection, "feed.missed", f"feed {of.code}", says, at=now, site_id=of.site_id
            )
    return Reconciled(looked, missed, error)


def _take(connection: Connection, of: Feed, page: Sequence[_Told], now: Micros) -> int:
    """Put what no delivery has told into the inbox; how many."""
    seen = store.seen(connection, of.feed_id, [told.subject.name for told in page])
    missed = 0
    for told in page:
        if seen.get(told.subject.name, -1) >= told.subject.version:
            continue
        key = f"poll {told.subject.name} {told.subject.version}"
        arrival = Arrival(told.content, key, told.topic, "poll")
        try:
            missed += service.accept(connection, of, arrival, now=now).fresh
        except QuartermasterError as error:
            if error.code != "feed.key-reused":  # the shop words the same version anew
                raise
    return missed


def _pages(
    of: Feed, client: httpx.Client, token: str, since: Micros, until: Micros
) -> Iterator[list[_Told]]:
    """Everything that changed, page by page.

    Raises:
        QuartermasterError: ``feed.source``; ``feed.content`` or ``feed.document`` where an answer
            is not what it should be.
    """
    settings = settings_of(of.settings, ShopifySettings)
    span = {"updated_at_min": _text(since), "updated_at_max": _text(until), "limit": _PAGE}
    wanted: list[tuple[str, str, dict[str, Any]]] = [
        ("products", "products/update", span),
        ("orders", "orders/updated", {**span, "status": "any"}),
    ]
    if settings.locations:
        places = ",".join(sorted(settings.locations)[:50])  # as many as one question may name
        levels = {"updated_at_min": _text(since), "limit": _PAGE, "location_ids": places}
        wanted.append(("inventory_levels", "inventory_levels/update", levels))
    for name, topic, query in wanted:
        base = f"https://{settings.shop}/admin/api/{settings.api_version}/{name}.json"
        url: str | None = f"{base}?{urlencode(query)}"
        for _ in range(_MOST_PAGES):
            if url is None:
                break
            content, url = _asked(client, url, token, settings.shop)
            yield [told for raw in _listed(content, name) for told in _told(topic, raw)]
        else:
            raise QuartermasterError("feed.source", f"more than {_MOST_PAGES} pages of {name}")


def _asked(client: httpx.Client, url: str, token: str, shop: str) -> tuple[bytes, str | None]:
    """One page and the address of the next, which must be of the same shop."""
    headers = {"x-shopify-access-token": token, "accept": "application/json"}
    try:
        with client.stream("GET", url, headers=headers, follow_redirects=False) as answer:
            if answer.status_code != HTTPStatus.OK:
                raise QuartermasterError("feed.source", f"it answers {answer.status_code}")
            parts: list[bytes] = []
            for part in answer.iter_bytes():
                parts.append(part)
                if sum(map(len, parts)) > _MOST_BYTES:
                    raise QuartermasterError("feed.source", "its answer is too long")
            link = _NEXT.search(answer.headers.get("link", ""))
    except httpx.HTTPError as error:
        raise QuartermasterError("feed.source", type(error).__name__) from None
    if link is None:
        return b"".join(parts), None
    following = urlsplit(link[1])
    if (following.scheme, following.netloc) != ("https", shop):
        raise QuartermasterError("feed.source", "its next page is elsewhere")
    return b"".join(parts), link[1]


def _listed(content: bytes, name: str) -> list[Raw]:
    """The payloads of a page, each as it came."""
    try:
        page = msgspec.json.decode(content, type=dict[str, list[Raw]])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise QuartermasterError("feed.source", f"{name}: {error}") from None
    return page.get(name, [])


def _told(topic: str, raw: Raw) -> Iterator[_Told]:
    """A payload, and for an order what lies in it: its refunds and fulfillments."""
    content = bytes(raw)
    value = strict_json(content)
    yield _Told(topic, subject_of(topic, value), content)
    if topic == "orders/updated":
        parts = (("refunds", "refunds/create"), ("fulfillments", "fulfillments/update"))
        for name, part_topic in parts:
            for each in _parts(content, name):
                subject = subject_of(part_topic, strict_json(bytes(each)))
                yield _Told(part_topic, subject, bytes(each))


def _parts(content: bytes, name: str) -> list[Raw]:
    members = msgspec.json.decode(content, type=dict[str, Raw])
    return msgspec.json.decode(members[name], type=list[Raw]) if name in members else []


def _text(at: Micros) -> str:
    return datetime.fromtimestamp(at // 1_000_000, UTC).isoformat()
