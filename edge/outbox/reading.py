"""What was written is what is read, or it is not used.

Our own hashes tell: a flipped bit in a body is none of SQLite's business.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple

from shared.errors import QuartermasterError
from shared.events import event_hash
from shared.segment import MAX_BYTES

_ENVELOPE_BYTES: Final = 1024
"""Room for headers, signature and the length of each of 256 events."""


class Sealed(NamedTuple):
    """A stored segment, ready to be sent, again and again, byte for byte."""

    epoch: int
    first_seq: int
    last_seq: int
    body: bytes

    @property
    def events(self) -> int:
        """How many events it holds."""
        return self.last_seq - self.first_seq + 1


def segment_hash(body: bytes) -> bytes:
    """What is kept beside a segment's bytes."""
    return hashlib.sha256(body).digest()


def sealed_in(row: tuple[Any, ...]) -> Sealed:
    """A segment from its row: epoch, first_seq, last_seq, body, sha256.

    Raises:
        QuartermasterError: ``store.damaged`` when its bytes are not those that were signed.
    """
    epoch, first_seq, last_seq, body, digest = row
    if digest is not None and segment_hash(body) != digest:
        where = f"epoch {epoch}: {first_seq}-{last_seq}"
        raise QuartermasterError("store.damaged", "a segment's bytes have changed", where=where)
    return Sealed(int(epoch), int(first_seq), int(last_seq), bytes(body))


def waiting_in(row: tuple[Any, ...]) -> tuple[bytes, bytes]:
    """An event that waits, and its hash, from its row: seq, body, hash.

    Raises:
        QuartermasterError: ``store.damaged`` when its bytes are not those that were chained.
    """
    seq, body, digest = row
    found = event_hash(body)
    if digest is not None and found != digest:
        where = f"sequence {seq}"
        raise QuartermasterError("store.damaged", "an event's bytes have changed", where=where)
    return bytes(body), found


def fitting(bodies: list[bytes]) -> list[bytes]:
    """The first events that fit into one segment of at most 128 KiB."""
    room = MAX_BYTES - _ENVELOPE_BYTES
    for number, body in enumerate(bodies):
        room -= len(body)
        if room < 0:
            return bodies[:number]
    return bodies
