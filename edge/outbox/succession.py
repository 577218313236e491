"""What one epoch leaves to the next: events that go on in it, and words about how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from edge.db import Connection, Queries
from edge.outbox.reading import sealed_in, waiting_in
from edge.outbox.records import Opening
from edge.outbox.standing import begin_words, word, words
from edge.outbox.statements import Statement
from shared.events import EventsCarried, EventsLost
from shared.segment import header, parse

_SQL: Final = Queries(__package__ or "edge.outbox")


class Legacy(NamedTuple):
    """What is to be said first in the next epoch, and the events that go on in it."""

    statements: list[Statement]
    bodies: list[bytes]


def legacy(
    connection: Connection,
    opening: Opening | None,
    home: Mapping[int, int],
    *,
    frozen: int | None,
) -> Legacy:
    """Take out of earlier epochs what the cloud has not covered and would not take any more.

    Args:
        connection: the unit's.
        opening: the first event of the next epoch; nothing is said without it.
        home: the epochs to take from, and how far each is covered.
        frozen: the one of them of which another history exists: its numbers are that one's.
    """
    statements = _end_unknown(connection, opening, frozen=frozen)
    bodies: list[bytes] = []
    for epoch, reached in sorted(home.items()):
        taken = take_home(connection, epoch, reached)
        if opening is not None and taken and epoch != frozen:
            last = reached + len(taken)
            statements.append(EventsCarried(epoch, reached + 1, last, opening.data.reason))
        bodies.extend(taken)
    waiting = connection.execute(_SQL["waiting"], (-1,)).fetchall()
    bodies.extend(waiting_in(row)[0] for row in waiting)
    connection.execute(_SQL["clear_waiting"])
    return Legacy(statements, bodies)


def take_home(connection: Connection, epoch: int, reached: int) -> list[bytes]:
    """The events sealed in an epoch beyond ``reached``, which it gives up."""
    bodies: list[bytes] = []
    where = {"epoch": epoch, "reached": reached}
    for sealed in map(sealed_in, connection.execute(_SQL["uncovered"], where).fetchall()):
        skip = max(0, reached + 1 - sealed.first_seq)
        bodies.extend(header(parse(sealed.body)).events[skip:])
    connection.execute(_SQL["take_home"], where)
    return bodies


def signed_by_another(connection: Connection, kid: bytes) -> dict[int, int]:
    """Epochs of which the cloud takes nothing more, as their key is gone: covered through.

    A key comes with an epoch, so the oldest segment that is not covered tells for all.
    """
    found: dict[int, int] = {}
    for said in words(connection, 1):
        where = {"epoch": said.epoch, "reached": said.reached}
        oldest = connection.execute(_SQL["uncovered"], where).fetchone()
        if oldest is not None and parse(sealed_in(oldest).body).kid != kid:
            found[said.epoch] = said.reached
    return found


def remember(connection: Connection, epoch: int) -> None:
    """Keep that this database knows how an epoch ended, and says it in its own words."""
    begin_words(connection, epoch)


def _end_unknown(
    connection: Connection, opening: Opening | None, *, frozen: int | None
) -> list[Statement]:
    """What a database says of an epoch in which it did not go furthest itself."""
    if opening is None or not opening.data.previous_epoch:
        return []
    previous, reached = opening.data.previous_epoch, opening.data.previous_seq
    if word(connection, previous) is not None and frozen is None:
        return []
    return [EventsLost(previous, reached + 1, None, opening.data.reason)]
