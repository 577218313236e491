"""The room's face: what devices ask, what others tell, what people see, and what runs by itself."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from edge import stock
from edge.db import Connection, Database
from edge.fallback import leases
from edge.fallback.asking import Allocating, Asked, Overriding, RoutingPallet
from edge.fallback.book import Decision
from edge.fallback.deciding import Deciding
from edge.fallback.leases import Standing
from edge.fallback.model import StockoutModel
from edge.fallback.noting import Notes, Refusal
from edge.fallback.requests import decode_allocation, decode_override, decode_route
from edge.fallback.rounds import Rounds
from edge.fallback.surroundings import Surroundings
from edge.ports import Ids, ScanAnswer, ScanPoint
from shared.leases import Leases
from shared.policy import LEAVES_TO_THE_CLOUD_MINUTES, narrowing


class Fallback:
    """Takes decisions and keeps what was promised.

    Args:
        database: the store.
        surroundings: the ports.
        ids: for what it tells by itself.
        retention: microseconds for which decisions are kept.
        model: of running out, where there is one.
    """

    def __init__(
        self,
        database: Database,
        surroundings: Surroundings,
        ids: Ids,
        *,
        retention: int,
        model: StockoutModel | None = None,
    ) -> None:
        self._database = database
        self._around = surroundings
        self._model = model
        self._deciding = Deciding(surroundings.here, surroundings.append, ids)
        self.notes = Notes()
        """What the outbox and the database tell."""
        self.rounds = Rounds(
            database,
            surroundings,
            self._deciding,
            self.notes,
            retention=retention,
            model=model,
        )
        """What it does by itself."""

    async def allocate(self, body: bytes, *, device: str) -> ScanAnswer:
        """Promise stock to an order.

        Raises:
            QuartermasterError: ``request.invalid``, ``request.conflict``, ``scan.unknown-item``,
                ``payload.too-large`` or ``disk.full``. What leases do not allow is an answer.
        """
        request = decode_allocation(body)
        unit = Allocating(self._deciding, self._around.whose, request, self._asked(device))
        return await self._database.run(unit)

    async def route(self, body: bytes, *, device: str) -> ScanAnswer:
        """Say where goods go.

        Raises:
            QuartermasterError: ``request.invalid``, ``request.conflict``, ``scan.unknown-item``,
                ``scan.unknown-location``, ``payload.too-large`` or ``disk.full``.
        """
        request, occupied = decode_route(body), self._around.occupied()
        unit = RoutingPallet(self._deciding, request, self._asked(device), occupied)
        return await self._database.run(unit)

    async def override(self, decision: UUID, body: bytes, *, device: str) -> Decision:
        """Keep that an operator decided otherwise.

        Raises:
            QuartermasterError: ``request.invalid``, ``request.not-found``,
                ``decision.overridden``, ``disk.full``, or without an operator signed in.
        """
        request = decode_override(body)
        unit = Overriding(self._deciding, decision.bytes, request, self._asked(device))
        return await self._database.run(unit)

    def watched(self, scans: ScanPoint) -> ScanPoint:
        """The same scan point; picks that it refuses are noted."""
        return _Watched(scans, self.notes)

    def enter_leases(self, connection: Connection, document: Leases, _now: int) -> None:
        """Take a leases document, in the transaction that puts it in force."""
        whose = self._around.whose(connection)
        for returned in leases.enter(connection, document, whose=whose):
            self._deciding.tell(connection, returned, self._around.moment(connection))

    def leases(self, connection: Connection) -> list[Standing]:
        """The leases that this gateway may use now."""
        whose = self._around.whose(connection)
        return [each for each in leases.in_force(connection) if each.is_ours(whose)]

    def report(self, connection: Connection) -> dict[str, Any]:
        """How far this gateway decides alone: for status and console.

        ``heard_at`` is when the cloud last confirmed anything. Before it ever has, that is None and
        so is for how long it has been away.
        """
        moment, policy = self._around.moment(connection), stock.policy(connection)
        heard_at = self._around.heard_at(connection) or None
        return {
            "heard_at": heard_at,
            "away_minutes": moment.away_minutes if heard_at else None,
            "alone": moment.away_minutes >= LEAVES_TO_THE_CLOUD_MINUTES,
            "narrowed": narrowing(policy, moment.away_minutes) or None,
            "shadow": list(policy.shadow),
            "model": self._model.sha256.hex() if self._model is not None else None,
        }

    def _asked(self, device: str) -> Asked:
        return Asked(device, self._around.moment(self._database.reader), self._around.full())


class _Watched(NamedTuple):
    """Implements the port ScanPoint."""

    scans: ScanPoint
    notes: Notes

    async def scan(self, request: bytes, *, device: str) -> ScanAnswer:
        """Answer one scan, and note it where it was refused."""
        answer = await self.scans.scan(request, device=device)
        if answer.status != 200:
            self.notes.refusals.append(Refusal(request, answer.body, device))
        return answer
