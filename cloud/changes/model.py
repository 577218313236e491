"""Changes, where a reader stands among them, and the messages that they become. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from shared.errors import QuartermasterError
from shared.units import Micros

Kind = Literal["stock", "order", "purchase", "reservation", "promise", "exception"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_CURSOR: Final = re.compile(r"(\d{1,9})-(\d{1,18})-(\d{1,9})\Z", re.ASCII)


class Change(NamedTuple):
    """Something changed. ``position`` is its place in the one order of all changes."""

    position: int
    at: Micros
    kind: str
    subject: str
    site_id: int | None
    site: str | None
    body: Mapping[str, Any]


class Cursor(NamedTuple):
    """How far a reader has come: all before ``position``, and ``part`` messages of what is there.

    A cloud that was restored from a backup counts anew from where the backup ended, so a cursor
    belongs to a ``generation`` of the cloud.
    """

    generation: int
    position: int
    part: int = 0

    def __str__(self) -> str:
        """As it is handed out; :meth:`read` takes it back."""
        return f"{self.generation}-{self.position}-{self.part}"

    @classmethod
    def read(cls, text: str) -> Cursor:
        """A cursor as it was handed out.

        Raises:
            QuartermasterError: ``request.invalid``.
        """
        found = _CURSOR.match(text)
        if found is None:
            raise QuartermasterError("request.invalid", "made up", where="cursor")
        return cls(*(int(part) for part in found.groups()))


class Message(NamedTuple):
    """What a reader is told; ``cursor`` is where it stands afterwards."""

    cursor: Cursor
    at: Micros
    kind: str
    subject: str
    site_id: int | None
    site: str | None
    body: Mapping[str, Any]

    def told(self) -> dict[str, Any]:
        """As JSON says it."""
        return {
            "id": str(self.cursor),
            "at": self.at,
            "kind": self.kind,
            "subject": self.subject,
            "site": self.site,
            "data": dict(self.body),
        }


Tell: TypeAlias = Callable[[Any, Change], Sequence[tuple[str, Mapping[str, Any]]]]
"""Makes (subject, body) pairs of one change, always the same ones in the same order. For kinds
whose change is only a pointer to where the log of the thing itself stands."""


class Wanted(NamedTuple):
    """What a reader wants and may see; ``None`` is all of them."""

    kinds: frozenset[str] | None = None
    sites: frozenset[int] | None = None

    def wants(self, change: Change) -> bool:
        """Whether a change is of these; one without a site is for readers of all sites."""
        return (self.kinds is None or change.kind in self.kinds) and (
            self.sites is None or change.site_id in self.sites
        )


def messages(
    change: Change, parts: Sequence[tuple[str, Mapping[str, Any]]], after: Cursor
) -> Iterator[Message]:
    """The messages of one change that a reader who stands ``after`` has not had."""
    skip = after.part if change.position == after.position else 0
    for part, (subject, body) in enumerate(parts, 1):
        if part > skip:
            last = part == len(parts)
            cursor = Cursor(
                after.generation,
                change.position + 1 if last else change.position,
                0 if last else part,
            )
            yield Message(
                cursor, change.at, change.kind, subject, change.site_id, change.site, body
            )
