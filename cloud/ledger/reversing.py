"""Take events back: movements that say the contrary are appended, balances follow.

The ledger forgets nothing: what was known before a reversal is still told when it is asked for as
it was known then. A reversal is true at the moment of the movement that it takes back, since that
movement never was.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from cloud.db import Connection
from cloud.ledger import store
from cloud.ledger.model import Position
from shared.units import Micros


def reverse(
    connection: Connection,
    gateway_id: int,
    epoch: int,
    ranges: Sequence[tuple[int, int]],
    *,
    since: Micros,
    at: Micros,
) -> Mapping[int, int]:
    """Take back what these events moved; the caller sees to it that this is done once.

    Args:
        connection: the caller's transaction.
        gateway_id: whose events.
        epoch: of which of its epochs.
        ranges: their sequence numbers, both ends included.
        since: nothing of them was posted earlier.
        at: from when on this is known.

    Returns:
        How many movements were taken back, by sequence number.
    """
    rows = store.reverse_movements(connection, gateway_id, epoch, ranges, since=since, at=at)
    deltas: defaultdict[Position, int] = defaultdict(int)
    for _, position, quantity in rows:
        deltas[position] += quantity
    if deltas:
        store.add_to_balances(connection, deltas, at)
    store.forget_count_checks(connection, gateway_id, epoch, ranges)
    return Counter(seq for seq, _, _ in rows)
