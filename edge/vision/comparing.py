"""Adds up how candidates do beside the heads in force, and tells the cloud.

Counted is what cameras' workers compared, and at each person's word which of the two was right. A
pair of heads is counted from when both were in force; when one of them changes, the last word on
the pair is told, and counting begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from edge.db import Connection, Database, Queries
from edge.ports import Ids
from shared.clock import Clock
from shared.events import ShadowCompared
from shared.heads import Heads
from shared.units import MINUTE

_SQL: Final = Queries(__package__ or "edge.vision")
_EVERY: Final = 15 * MINUTE


class Pair(NamedTuple):
    """Two heads of one name, each by name with version and by SHA-256."""

    head: str
    version: str
    sha256: bytes
    candidate: str
    candidate_sha256: bytes


class Verdict(NamedTuple):
    """What each of a pair says of one crop."""

    pair: Pair
    active: str
    candidate: str


class Comparing:
    """The sums.

    Args:
        database: the store.
        clock: when the counting of a pair began.
        ids: of what is told.
        append: chains an event, as the outbox does.
        gateway: in whose name it is told.
        shipped: name with version and SHA-256 of the head that ships; None where no camera judges.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        *,
        append: Callable[..., int],
        gateway: str,
        shipped: Callable[[str], tuple[str, bytes] | None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._append = append
        self._gateway = gateway
        self._shipped = shipped

    def enter(self, connection: Connection, heads: Heads, now: int) -> None:
        """Count the pairs of a document that comes into force, in its transaction."""
        pairs = {pair.head: pair for pair in self._pairs(heads)}
        for row in connection.execute(_SQL["shadows"]).fetchall():
            pair = Pair(*row[: len(Pair._fields)])
            if pairs.get(pair.head) == pair:
                del pairs[pair.head]
                continue
            self._tell(connection, row, changed=True)
            connection.execute(_SQL["remove_shadow"], (pair.head,))
        for pair in pairs.values():
            connection.execute(_SQL["put_shadow"], (*pair, now, now))

    def add(self, told: ShadowCompared) -> bool:
        """Add what a worker compared; of a pair that is no longer compared, nothing counts."""
        pair = (told.head, told.sha256, told.candidate_sha256)
        values = (told.compared, told.agreed, *pair)
        return self._database.run_blocking(
            lambda connection: connection.execute(_SQL["add_compared"], values).rowcount > 0
        )

    def judged(self, connection: Connection, verdict: object, label: str) -> None:
        """Count a person's word on a crop, in the transaction that records it."""
        if not isinstance(verdict, Verdict):
            return
        pair = verdict.pair
        values = (verdict.active == label, verdict.candidate == label)
        connection.execute(
            _SQL["add_labelled"], (*values, pair.head, pair.sha256, pair.candidate_sha256)
        )

    async def tell(self) -> int:
        """Tell what is new: words at once, agreement each quarter of an hour; how many events."""
        due = [row for row in self._rows(self._database.reader) if self._is_due(row)]
        if not due:
            return 0

        def unit(connection: Connection) -> int:
            rows = [row for row in self._rows(connection) if self._is_due(row)]
            return sum(self._tell(connection, row, changed=False) for row in rows)

        return await self._database.run(unit)

    def report(self) -> list[dict[str, Any]]:
        """Each pair and how it goes, for people and ``--json``."""
        return [
            {
                "head": row[0],
                "version": row[1],
                "candidate": row[3],
                "since": row[5],
                "compared": row[6],
                "agreed": row[7],
                "labelled": row[8],
                "right": row[9],
                "candidate_right": row[10],
            }
            for row in self._rows(self._database.reader)
        ]

    def _pairs(self, heads: Heads) -> Iterable[Pair]:
        for head in heads.heads:
            if head.role != "shadow":
                continue
            active, shipped = heads.of(head.name, "active"), self._shipped(head.name)
            if shipped is not None:
                known = (active.version, active.sha256) if active else shipped
                yield Pair(head.name, *known, head.version, head.sha256)

    def _rows(self, connection: Connection) -> list[tuple[Any, ...]]:
        return connection.execute(_SQL["shadows"]).fetchall()

    def _is_due(self, row: tuple[Any, ...]) -> bool:
        *_, compared, _, labelled, _, _, told_compared, told_labelled, told_at = row
        waited = abs(self._clock.now() - told_at) >= _EVERY
        return labelled != told_labelled or (compared != told_compared and waited)

    def _tell(self, connection: Connection, row: tuple[Any, ...], *, changed: bool) -> bool:
        """One event, unless nothing is new; at a change the last word, even of no comparison."""
        *counts, told_compared, told_labelled, _ = row
        told = ShadowCompared(*counts)
        if not changed and (told.compared, told.labelled) == (told_compared, told_labelled):
            return False
        now = self._clock.now()
        self._append(
            connection,
            told,
            event_id=self._ids.uuid7(),
            device=self._gateway,
            occurred_at=now,
            clock_state=int(self._clock.state()),
        )
        connection.execute(_SQL["shadow_told"], (told.compared, told.labelled, now, told.head))
        return True
