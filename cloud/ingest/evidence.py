"""Read the ledger's evidence again: every stored segment, its signature, its links, its events.

What stands in the segments is what gateways signed; everything else in the database follows from
it. Events that are set aside and were not released since are left out, as they were never applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cloud.db import Connection
from cloud.ingest import store
from shared.errors import QuartermasterError
from shared.events import Event
from shared.ids import GatewayId
from shared.segment import GENESIS, parse, verify


class Evidence(NamedTuple):
    """A stored segment: the events of it that are in force, or why it proves nothing."""

    gateway: str
    site_id: int
    epoch: int
    first_seq: int
    last_seq: int
    events: list[Event]
    flaw: QuartermasterError | None


def stored_events(connection: Connection) -> int:
    """How many events the stored segments hold."""
    return store.stored_events(connection)


def evidence(connection: Connection, *, trust_domain: str) -> Iterator[Evidence]:
    """Every stored segment, by gateway, epoch and sequence, verified with the registered keys.

    A key that was revoked later still proves what it signed before. ``flaw`` is the code with
    which ingest would have refused the segment, or ``segment.link`` where it does not follow the
    segment before it.
    """
    keys = store.event_keys(connection)
    aside = store.set_aside(connection)
    chain: tuple[int, int] | None = None
    link: tuple[int, bytes] = (0, GENESIS)
    for gateway_id, gateway, site_id, epoch, first_seq, last_seq, body in store.segments(
        connection
    ):
        if chain != (gateway_id, epoch):
            chain, link = (gateway_id, epoch), (0, GENESIS)
        events: list[Event] = []
        flaw: QuartermasterError | None = None
        try:
            message = parse(bytes(body))
            if (gateway_id, message.kid) not in keys:
                raise QuartermasterError("segment.foreign", f"key {message.kid.hex()}")  # noqa: TRY301 - one place makes the record
            segment = verify(
                message,
                keys[gateway_id, message.kid],
                trust_domain=trust_domain,
                gateway=GatewayId(gateway),
            )
            if (segment.epoch, segment.first_seq, segment.last_seq) != (epoch, first_seq, last_seq):
                raise QuartermasterError("segment.chain", "kept under another range")  # noqa: TRY301 - as above
            if link[0] + 1 == first_seq and link[1] != segment.prev_hash:
                raise QuartermasterError("segment.link")  # noqa: TRY301 - as above
            link = (last_seq, segment.last_hash)
            events = segment.events
            if aside:
                own = (gateway_id, epoch)
                events = [event for event in events if (*own, event.seq) not in aside]
        except QuartermasterError as error:
            flaw = error
        yield Evidence(gateway, site_id, epoch, first_seq, last_seq, events, flaw)
