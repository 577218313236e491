"""What a gateway says of its earlier epochs: which events it lost, which go on in this one.

It is said once, right after the event that opens the epoch which follows. The id of a statement
follows from what it says and from the occasion: should it be said again, because the first time may
have been lost as well, it counts once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

import msgspec

from shared.events import KIND_OF, EventsCarried, EventsLost
from shared.ids import GatewayId

Statement = EventsLost | EventsCarried

_VERSION_AND_VARIANT = (0xF << 76) | (0b11 << 62)
_CUSTOM = (8 << 76) | (0b10 << 62)


def statement_id(gateway: GatewayId, statement: Statement, occasion: int) -> bytes:
    """The id of a statement: a UUID of version 8 (RFC 9562, 5.8) out of a hash.

    Args:
        gateway: who says it.
        statement: what is said.
        occasion: what tells it from the same words on another day: numbers that were given while
            no epoch was in force are given again.
    """
    said = msgspec.json.encode((gateway, occasion, int(KIND_OF[type(statement)]), statement))
    number = int.from_bytes(hashlib.sha256(said).digest()[:16], "big")
    return UUID(int=(number & ~_VERSION_AND_VARIANT) | _CUSTOM).bytes


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Closed ranges in order, neighbours and overlaps as one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
