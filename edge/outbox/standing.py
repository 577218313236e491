"""Where the outbox stands: the end of what was sealed, and how far the cloud has each epoch.

On these few rows everything turns: a number too high in one of them would free what nobody has, or
chain to what never was. Each carries a mark (:mod:`edge.db.marks`); they are read and written here
and nowhere else.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from edge.db import Connection, Queries
from edge.db.marks import check, mark_of
from shared.segment import GENESIS

_SQL: Final = Queries(__package__ or "edge.outbox")


class Head(NamedTuple):
    """The end of what was sealed; ``epoch`` 0 while none is in force, ``frozen`` says why."""

    epoch: int
    seq: int
    hash: bytes
    frozen: str


class Word(NamedTuple):
    """The last word of the cloud about one epoch; generation 0 before it spoke."""

    epoch: int
    generation: int
    reached: int
    head_hash: bytes


UNOPENED: Final = Head(0, 0, GENESIS, "")


def head(connection: Connection) -> Head:
    """Where the database stands (any connection, once the outbox was opened).

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    found = head_if_any(connection)
    assert found is not None, "the outbox has been opened"  # noqa: S101
    return found


def head_if_any(connection: Connection) -> Head | None:
    """As :func:`head`; None in a database that was never opened.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    row = connection.execute(_SQL["head"]).fetchone()
    return None if row is None else head_in(row)


def head_in(row: tuple[Any, ...]) -> Head:
    """The head from its row: epoch, seq, hash, frozen, mark.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    epoch, seq, digest, frozen, mark = row
    check("head", mark, epoch, seq, digest, frozen)
    return Head(int(epoch), int(seq), bytes(digest), frozen or "")


def put_head(connection: Connection, stands: Head) -> None:
    """Stand there from now on."""
    values = (*stands[:3], stands.frozen or None)
    connection.execute(_SQL["put_head"], (*values, mark_of("head", *values)))


def freeze(connection: Connection, why: str) -> None:
    """Seal no more in this epoch; the first reason stays."""
    stands = head(connection)
    if not stands.frozen:
        put_head(connection, stands._replace(frozen=why))


def word_in(row: tuple[Any, ...]) -> Word:
    """A word of the cloud from its row: epoch, generation, sequence, hash, mark.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    epoch, generation, reached, digest, mark = row
    check("watermark", mark, epoch, generation, reached, digest)
    return Word(int(epoch), int(generation), int(reached), bytes(digest))


def word(connection: Connection, epoch: int) -> Word | None:
    """The last word about an epoch; None where nothing was ever sealed in it.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    row = connection.execute(_SQL["watermark"], (epoch,)).fetchone()
    return None if row is None else word_in(row)


def words(connection: Connection, since: int = 0) -> list[Word]:
    """The last words about an epoch and those after it, oldest first.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    return [word_in(row) for row in connection.execute(_SQL["watermarks"], (since,)).fetchall()]


def put_word(connection: Connection, said: Word, now: int) -> None:
    """Keep a word of the cloud, in place of the one before."""
    connection.execute(_SQL["put_watermark"], (*said, now, mark_of("watermark", *said)))


def begin_words(connection: Connection, epoch: int) -> None:
    """Begin an epoch that the cloud has not spoken about, unless it has."""
    if word(connection, epoch) is None:
        put_word(connection, Word(epoch, 0, 0, GENESIS), 0)


def doubt_others(connection: Connection, said: Word) -> None:
    """A newer generation speaks: what an older one confirmed of other epochs it may not have.

    They are sent again; what it has after all are duplicates.
    """
    for each in words(connection):
        if each.epoch != said.epoch and each.generation < said.generation:
            put_word(connection, Word(each.epoch, said.generation, 0, bytes(32)), 0)
