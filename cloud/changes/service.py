"""Note changes, bring them into their order, and read them from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cloud.changes import store
from cloud.changes.model import Change, Cursor, Kind, Message, Tell, Wanted, messages
from cloud.db import Connection
from shared.errors import QuartermasterError
from shared.units import DAY, Micros

KEPT_FOR: Final = Micros(7 * DAY)
_BATCH: Final = 2_000
_PAGE: Final = 200


def note(
    connection: Connection,
    kind: Kind,
    subject: str,
    body: Mapping[str, Any],
    *,
    at: Micros,
    site_id: int | None = None,
) -> None:
    """Write down, within the transaction that changes something, what it changes.

    Where a trigger of the schema already does (``note_change``), nobody else does.
    """
    store.note(connection, kind=kind, subject=subject, site_id=site_id, body=body, at=at)


def order_waiting(connection: Connection) -> int:
    """Give changes whose transactions have ended their positions; returns how many.

    Positions become visible in ascending order, because one transaction at a time gives them. Only
    what is committed can be seen to be waiting, so a slow transaction's changes come when it ends.
    """
    if not store.try_turn(connection):
        return 0
    return store.order_waiting(connection, _BATCH)


def give_up(connection: Connection, *, now: Micros) -> int:
    """Forget changes older than a week, some thousands at a time; returns how many."""
    return store.give_up(connection, Micros(now - KEPT_FOR), _BATCH)


def follow(connection: Connection, log: Log, name: str, tell: Callable[[Message], None]) -> int:
    """Tell a reader of ours, by name, what it has not had; returns how many messages.

    Its place is kept with this transaction: what ``tell`` took before a failure is told again. A
    reader that is new, or whose place was given up, begins with what is yet to come.
    """
    held = store.hold_reader(connection, name)
    if held is None:
        if not store.has_reader(connection, name):
            store.move_reader(connection, name, *log.end(connection)[1:])
        return 0
    here = log.end(connection)._replace(position=held[0], part=held[1])
    try:
        read = log.read(connection, here, Wanted())
    except QuartermasterError as error:
        if error.code != "changes.cursor":
            raise
        read = Read([], log.end(connection))
    for message in read.messages:
        tell(message)
    if read.cursor != here:
        store.move_reader(connection, name, read.cursor.position, read.cursor.part)
    return len(read.messages)


class Read(NamedTuple):
    """Messages in their order, and where to go on."""

    messages: list[Message]
    cursor: Cursor


class Log:
    """The log as readers see it.

    Args:
        generation: of the cloud; cursors of another one are refused.
        tells: how kinds are told whose change is only a pointer; others are told as they stand.
    """

    def __init__(self, generation: int, tells: Mapping[str, Tell]) -> None:
        self._generation: Final = generation
        self._tells: Final = tells

    def end(self, connection: Connection) -> Cursor:
        """Where somebody begins who wants only what is yet to come."""
        return Cursor(self._generation, store.ends(connection)[1])

    def begin(self, connection: Connection) -> Cursor:
        """The oldest change that is kept."""
        return Cursor(self._generation, store.ends(connection)[0])

    def checked(self, connection: Connection, cursor: Cursor) -> Cursor:
        """A cursor from which nothing would be missed.

        Raises:
            QuartermasterError: ``changes.cursor``: of another generation, or too old.
        """
        first, end = store.ends(connection)
        if cursor.generation != self._generation:
            raise QuartermasterError("changes.cursor", "the cloud was restored since")
        if cursor.position < first:
            raise QuartermasterError(
                "changes.cursor", f"kept from {first}, asked {cursor.position}"
            )
        if cursor.position > end:
            raise QuartermasterError("changes.cursor", "it lies in the future")
        return cursor

    def read(
        self, connection: Connection, after: Cursor, wanted: Wanted, *, limit: int = _PAGE
    ) -> Read:
        """What a reader has not had, up to ``limit`` messages.

        Raises:
            QuartermasterError: ``changes.cursor``.
        """
        self.checked(connection, after)
        end = store.ends(connection)[1]
        found: list[Message] = []
        here = after
        changes = store.since(connection, after.position, wanted, limit)
        for change in changes:
            for message in messages(change, self._parts(connection, change), after):
                if len(found) == limit:
                    return Read(found, found[-1].cursor)
                found.append(message)
            here = Cursor(after.generation, change.position + 1)
        if len(changes) < limit and end > here.position:  # nothing of the others was wanted
            here = Cursor(after.generation, end)
        return Read(found, here)

    def _parts(
        self, connection: Connection, change: Change
    ) -> Sequence[tuple[str, Mapping[str, Any]]]:
        tell = self._tells.get(change.kind)
        return [(change.subject, change.body)] if tell is None else tell(connection, change)
