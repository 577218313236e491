"""Every event that is still here, sent or not: what other rooms can be made from again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edge.db import Connection, Queries
from edge.outbox.reading import sealed_in, waiting_in
from shared.segment import header, parse

_SQL: Final = Queries(__package__ or "edge.outbox")


def recorded(connection: Connection) -> Iterator[bytes]:
    """The bytes of the events, the oldest epoch first; one that goes on in a later one, twice.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    at = (-1, 0)
    while keys := connection.execute(_SQL["segment_keys"], at).fetchall():
        for epoch, first_seq, _ in keys:
            row = connection.execute(_SQL["segment"], (epoch, first_seq)).fetchone()
            yield from header(parse(sealed_in(row[:5]).body)).events
        at = (keys[-1][0], keys[-1][1])
    for row in connection.execute(_SQL["waiting"], (-1,)).fetchall():
        yield waiting_in(row)[0]
