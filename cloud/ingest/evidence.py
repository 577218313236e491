"""Read the ledger's evidence again: every stored segment, its signature, its links, its events.

What stands in the segments is what gateways signed; everything else in the database follows from
it. Events that are set aside and were not released since are left out, as they were never applied,
and so are segments that were taken back; events that a person took over from a history that is not
in force are read from the segments that were kept with the decision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import chain as one_after_the_other
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloud.db import Connection
from cloud.ingest import store, store_histories
from shared.errors import QuartermasterError
from shared.events import Event
from shared.ids import GatewayId
from shared.segment import GENESIS, Segment, parse, verify

Keys = Mapping[tuple[int, bytes], Ed25519PublicKey]


class Evidence(NamedTuple):
    """A kept segment: the events of it that are in force, or why it proves nothing.

    ``taken_back`` tells that none is, because it turned out not to link.
    """

    gateway: str
    site_id: int
    epoch: int
    first_seq: int
    last_seq: int
    events: list[Event]
    flaw: QuartermasterError | None
    taken_back: bool = False


def stored_events(connection: Connection) -> int:
    """How many events :func:`evidence` will read."""
    return store.stored_events(connection)


def evidence(connection: Connection, *, trust_domain: str) -> Iterator[Evidence]:
    """Every kept segment, by gateway, epoch and sequence, verified with the registered keys.

    A key that was revoked later still proves what it signed before. ``flaw`` is the code with
    which ingest would have refused the segment, or ``segment.link`` where it does not follow the
    segment before it.
    """
    keys = store.event_keys(connection)
    return one_after_the_other(
        _stored(connection, keys, trust_domain), _rehomed(connection, keys, trust_domain)
    )


def _stored(connection: Connection, keys: Keys, trust_domain: str) -> Iterator[Evidence]:
    aside = store.set_aside(connection)
    chain: tuple[int, int] | None = None
    link: tuple[int, bytes] = (0, GENESIS)
    for gateway_id, gateway, site_id, epoch, first_seq, last_seq, body, back in store.segments(
        connection
    ):
        if chain != (gateway_id, epoch):
            chain, link = (gateway_id, epoch), (0, GENESIS)
        events: list[Event] = []
        flaw: QuartermasterError | None = None
        try:
            segment = proven(keys, gateway_id, gateway, bytes(body), trust_domain)
            if (segment.epoch, segment.first_seq, segment.last_seq) != (epoch, first_seq, last_seq):
                raise QuartermasterError("segment.chain", "kept under another range")  # noqa: TRY301 - one place makes the record
            if not back:
                if link[0] + 1 == first_seq and link[1] != segment.prev_hash:
                    raise QuartermasterError("segment.link")  # noqa: TRY301 - as above
                link = (last_seq, segment.last_hash)
                events = segment.events
                if aside:
                    own = (gateway_id, epoch)
                    events = [event for event in events if (*own, event.seq) not in aside]
        except QuartermasterError as error:
            flaw = error
        yield Evidence(gateway, site_id, epoch, first_seq, last_seq, events, flaw, bool(back))


def _rehomed(connection: Connection, keys: Keys, trust_domain: str) -> Iterator[Evidence]:
    for gateway_id, gateway, site_id, epoch, first_seq, *kept in store_histories.rehomed_segments(
        connection
    ):
        from_epoch, from_seqs, sha256, body = kept
        events: list[Event] = []
        flaw: QuartermasterError | None = None
        try:
            segment = proven(keys, gateway_id, gateway, bytes(body), trust_domain)
            events = _chosen(segment, from_epoch, from_seqs)
            if hashlib.sha256(body).digest() != bytes(sha256):
                raise QuartermasterError("segment.chain", "kept under another hash")  # noqa: TRY301 - as above
        except QuartermasterError as error:
            events, flaw = [], error
        last_seq = first_seq + len(from_seqs) - 1
        yield Evidence(gateway, site_id, epoch, first_seq, last_seq, events, flaw)


def proven(keys: Keys, gateway_id: int, gateway: str, body: bytes, trust_domain: str) -> Segment:
    """A segment that one of the gateway's keys, past ones included, has signed.

    Raises:
        QuartermasterError: ``segment.foreign``, and what :func:`shared.segment.verify` raises.
    """
    message = parse(body)
    key = keys.get((gateway_id, message.kid))
    if key is None:
        raise QuartermasterError("segment.foreign", f"key {message.kid.hex()}")
    return verify(message, key, trust_domain=trust_domain, gateway=GatewayId(gateway))


def _chosen(segment: Segment, from_epoch: int, from_seqs: list[Any]) -> list[Event]:
    """The events that were taken over, as they were signed."""
    by_seq = {event.seq: event for event in segment.events}
    if segment.epoch != from_epoch or not by_seq.keys() >= set(from_seqs):
        raise QuartermasterError("segment.chain", "it does not hold what was taken over")
    return [by_seq[seq] for seq in from_seqs]
