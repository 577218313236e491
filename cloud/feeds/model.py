"""Feeds, deliveries and what readers make of them, as records. Pure.

A delivery is kept as it came, then read, then applied in one transaction. It waits until it was
applied or refused; what speaks of something that has not arrived yet is tried again for a day.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from cloud.feeds.documents import Document
from shared.errors import Code, QuartermasterError
from shared.units import DAY, MINUTE, SECOND, Micros

MAX_WEBHOOK: Final = 1024 * 1024
"""Bytes of one webhook; Shopify's largest orders are well below."""
MAX_FILE: Final = 64 * 1024 * 1024
MAX_KEY: Final = 200
MAX_ITEM_AGE: Final = Micros(DAY)
"""How old a feed's word on an important item may be."""
KEPT_FOR: Final = Micros(30 * DAY)
"""Content of settled deliveries is forgotten after this; it may hold customers' addresses."""

Standing = Literal["waiting", "applied", "partly", "stale", "refused", "unrouted"]
"""``stale``: something newer was known of all that it speaks of, so it changed nothing."""
Origin = Literal["push", "poll", "file"]

_FIRST_PAUSE: Final = Micros(5 * SECOND)
_LONGEST_PAUSE: Final = Micros(15 * MINUTE)
_LONGEST_WAIT: Final = Micros(DAY)
_MOST_ATTEMPTS: Final = 10
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")

TRANSIENT: Final[frozenset[Code]] = frozenset({"feed.too-early", "feed.source", "database.slow"})
"""Refusals that pass by themselves; ``database.unreachable`` stops the whole round instead."""


class Feed(NamedTuple):
    """A feed as registered. ``site`` is the one it speaks of; None: its documents name theirs."""

    feed_id: int
    code: str
    kind: str
    standing: Literal["on", "off"]
    site_id: int | None
    site: str | None
    channel: str
    partner: str
    settings: Mapping[str, Any]
    interval_s: int | None
    created_at: Micros


class Arrival(NamedTuple):
    """What is taken in: content as it came, under the number that its source gives it."""

    content: bytes
    key: str
    topic: str = ""
    origin: Origin = "push"
    otherwise: str = ""
    """The number to keep it under where other content has come under the first."""


class Receipt(NamedTuple):
    """What became of an arrival; ``fresh`` is False when just this had come before."""

    delivery_id: int
    fresh: bool


class Incoming(NamedTuple):
    """What a reader gets."""

    feed: Feed
    delivery_id: int
    topic: str
    content: bytes
    received_at: Micros


class Flaw(NamedTuple):
    """One thing that is wrong with a delivery or a document of it."""

    code: Code
    where: str
    says: str


class Subject(NamedTuple):
    """A thing that a delivery tells the state of, and as of which version."""

    name: str
    version: int


class Read(NamedTuple):
    """What a reader found.

    Any flaw refuses the whole delivery, unless its documents stand ``apart``: then one that is
    refused does not hold the others back (the transactions of an X12 interchange). ``subjects``
    are named where the source gives versions: a delivery of which all are older than what was
    applied changes nothing. Where documents stand apart, ``together`` says how many in a row stand
    or fall as one (those of one X12 set); each by itself where it is empty.
    """

    documents: tuple[Document, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    subjects: tuple[Subject, ...] = ()
    apart: bool = False
    together: tuple[int, ...] = ()


class Outcome(NamedTuple):
    """How a delivery ended, or would end."""

    standing: Standing
    documents: int = 0
    flaws: tuple[Flaw, ...] = ()


class DeliveryRow(NamedTuple):
    """A delivery as listed."""

    delivery_id: int
    feed: str
    topic: str
    origin: Origin
    key: str
    sha256: str
    size: int
    received_at: Micros
    standing: Standing
    repeats: int
    attempts: int
    settled_at: Micros | None
    documents: int
    error_code: str | None
    error_where: str
    error_says: str


class Health(NamedTuple):
    """How a feed does. Counts and shares are of the last 24 hours."""

    last_received_at: Micros | None
    waiting: int
    oldest_waiting_at: Micros | None
    received: int
    applied: int
    refused: int
    unrouted: int
    repeats: int
    lag_ms: int | None
    """Received to applied, the mean."""
    last_error: DeliveryRow | None
    silent_at: Micros | None
    stale_items: int
    polled_at: Micros | None
    poll_until: Micros | None
    poll_looked: int | None
    poll_missed: int | None
    poll_error: str

    @property
    def error_rate(self) -> float | None:
        """Refused of settled."""
        settled = self.applied + self.refused + self.unrouted
        return None if not settled else (self.refused + self.unrouted) / settled


class ItemMapping(NamedTuple):
    """What a feed's code means, or meant."""

    theirs: str
    sku: str
    quantity: int
    since: Micros
    until: Micros | None
    by: str


class NewFeed(NamedTuple):
    """A feed to be registered."""

    code: str
    kind: str
    site: str | None = None
    channel: str = ""
    partner: str = ""
    settings: Mapping[str, Any] = {}
    interval_s: int | None = None


def checked_code(code: str) -> str:
    """A feed's name: it is part of an address and the name of a file.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    if not _CODE.match(code):
        raise QuartermasterError(
            "request.invalid", "small letters, digits and hyphens, at most 63", where="code"
        )
    return code


def checked_key(key: str) -> str:
    """A delivery's number as it is kept.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable() or not key.isascii():
        raise QuartermasterError(
            "request.invalid", f"1 to {MAX_KEY} printable ASCII characters", where="key"
        )
    return key


def content_key(content: bytes) -> str:
    """The number of a delivery that its source gives none: the same content is the same."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def next_try(attempts: int, *, received_at: Micros, now: Micros, code: Code) -> Micros | None:
    """When a delivery that failed for ``code`` is tried again; None: not any more.

    What is too early waits for what it speaks of, up to a day; other trouble is tried ten times.
    """
    if code not in TRANSIENT and code != "internal.unexpected":
        return None
    pause = min(_FIRST_PAUSE * 2 ** min(attempts, 20), _LONGEST_PAUSE)
    if code == "feed.too-early":
        return None if now - received_at >= _LONGEST_WAIT else Micros(now + pause)
    return None if attempts + 1 >= _MOST_ATTEMPTS else Micros(now + pause)


def is_stale(subjects: tuple[Subject, ...], known: Mapping[str, int]) -> bool:
    """Whether something newer was applied of all that a delivery speaks of."""
    return bool(subjects) and all(
        known.get(subject.name, subject.version) > subject.version for subject in subjects
    )
