"""Read the other histories of a gateway's epochs: verified again, put together, counted.

What is set aside of an epoch is read from the quarantine, and where a body was past the quota, from
the stored segment that was taken back. Of a segment whose bytes were not kept at all, nothing can
be told.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

from cloud.db import Connection
from cloud.ingest import store, store_histories
from cloud.ingest.evidence import Keys, proven
from cloud.ingest.histories import History, histories_of, placed
from cloud.ingest.model import Chain, HistoryLine
from shared.errors import QuartermasterError
from shared.events import (
    EpochOpened,
    Event,
    EventsCarried,
    EventsLost,
    GatewayHealth,
    event_hash,
)
from shared.segment import GENESIS, Segment, header, parse

_OWN: Final = (GatewayHealth, EpochOpened, EventsLost, EventsCarried)


class Aside(NamedTuple):
    """A segment that is set aside, verified again, and the entries of the quarantine it is in."""

    entries: list[int]
    sha256: bytes
    body: bytes
    segment: Segment
    hashes: list[bytes]
    taken_back: bool
    received: tuple[int, int]


class Told(NamedTuple):
    """One epoch: what is set aside of it, and the histories that it tells."""

    chain: Chain
    asides: list[Aside]
    histories: list[History]

    def segments(self, history: History) -> list[Aside]:
        """Those that a history's events were read from."""
        return [self.asides[number] for number in sorted({e.segment for e in history.events})]

    def events(self, history: History) -> list[Event]:
        """A history's events, less those that cannot be read."""
        readable = {
            event.hash: event for aside in self.segments(history) for event in aside.segment.events
        }
        found = (readable.get(placed.hash) for placed in history.events)
        return [event for event in found if event is not None]


def of_itself(event: Event) -> bool:
    """Whether a gateway speaks of itself, or of its own epochs: nobody else can take that over."""
    return isinstance(event.data, _OWN)


def told(connection: Connection, gateway_id: int, name: str, *, trust_domain: str) -> list[Told]:
    """What is not in force of a gateway's epochs, in their order."""
    keys = store.event_keys(connection)
    found: dict[tuple[int, bytes], Aside] = {}
    for row in store_histories.aside_segments(connection, gateway_id):
        key = (row.epoch, row.sha256)
        if key in found:
            found[key].entries.append(row.quarantine_id)
        elif row.body is not None and (aside := _read(row, keys, gateway_id, name, trust_domain)):
            found[key] = aside
    by_epoch: defaultdict[int, list[Aside]] = defaultdict(list)
    for (epoch, _), aside in found.items():
        by_epoch[epoch].append(aside)
    return [
        _put_together(connection, Chain(gateway_id, epoch), asides)
        for epoch, asides in sorted(by_epoch.items())
    ]


def _put_together(connection: Connection, chain: Chain, asides: list[Aside]) -> Told:
    lowest = min(aside.segment.first_seq for aside in asides)
    events = (
        event
        for number, aside in enumerate(asides)
        for event in placed(number, aside.segment.first_seq, aside.segment.prev_hash, aside.hashes)
    )
    return Told(chain, asides, histories_of(events, _in_force(connection, chain, lowest - 1)))


def _read(
    row: store_histories.AsideRow, keys: Keys, gateway_id: int, name: str, trust_domain: str
) -> Aside | None:
    """A segment that is set aside, if it still proves what it says."""
    body = row.body or b""
    try:
        segment = proven(keys, gateway_id, name, body, trust_domain)
    except QuartermasterError:
        return None
    hashes = [event_hash(event) for event in header(parse(body)).events]
    received = (row.received_at, row.last_at)
    return Aside([row.quarantine_id], row.sha256, body, segment, hashes, row.taken_back, received)


def _in_force(connection: Connection, chain: Chain, seq: int) -> set[bytes]:
    """The hashes of the events that count, from ``seq`` on, and of the one before them."""
    found: set[bytes] = {GENESIS}
    for body in store_histories.bodies_in_force(connection, chain, seq):
        claims = header(parse(body))
        found.add(claims.prev_hash)
        found.update(map(event_hash, claims.events))
    return found


def line(connection: Connection, name: str, one: Told, history: History) -> HistoryLine:
    """A history as a person decides about it."""
    events = one.events(history)
    scans = [event for event in events if not of_itself(event)]
    counted = len(store_histories.claimed(connection, {event.id for event in scans}))
    received = [aside.received for aside in one.segments(history)]
    moments = [event.occurred_at for event in scans]
    return HistoryLine(
        name,
        one.chain.epoch,
        history.name,
        history.after,
        history.first_seq,
        history.last_seq,
        len(history.events),
        counted,
        len(events) - len(scans),
        len({event.id for event in scans}) - counted,
        sorted({event.device for event in scans}),
        min(moments, default=None),
        max(moments, default=None),
        min(first for first, _ in received),
        max(last for _, last in received),
    )
