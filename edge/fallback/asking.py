"""The units of work of what devices ask to be decided: answered once, everything or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from edge import people, stock, tasks
from edge.db import Connection
from edge.fallback import book, gathering, leases
from edge.fallback.book import Decision
from edge.fallback.deciding import About, By, Deciding, Moment, Taken
from edge.fallback.gathering import Pallet
from edge.fallback.leases import SQL, Whose
from edge.fallback.requests import AllocationRequest, OverrideRequest, RouteRequest, refusal
from edge.ports import ScanAnswer
from shared.errors import QuartermasterError
from shared.events import DecisionOverridden, LeaseCommitted
from shared.policy import Allocation, may_promise

encode: Final = msgspec.json.Encoder().encode


class Asked(NamedTuple):
    """Who asks, when, and whether there is room for something new."""

    device: str
    moment: Moment
    full: bool


class Allocating(NamedTuple):
    """Promise stock to an order within this site's leases, or say what can be had."""

    deciding: Deciding
    whose: Callable[[Connection], Whose]
    request: AllocationRequest
    asked: Asked

    def __call__(self, connection: Connection) -> ScanAnswer:
        """Run it."""
        request, asked = self.request, self.asked
        content = request.content_hash(asked.device)
        return _once(connection, request.id, content, asked, lambda: self._decide(connection))

    def _decide(self, connection: Connection) -> tuple[int, dict[str, Any]]:
        request, moment = self.request, self.asked.moment
        if stock.item_of_sku(connection, request.sku) is None:
            raise QuartermasterError("scan.unknown-item", request.sku, where="sku")
        whose = self.whose(connection)
        by = _by(connection, request, self.asked.device)
        for returned in leases.expire(connection, moment.now, whose=whose):
            self.deciding.tell(connection, returned, moment)
        taken = self.deciding.take(
            connection,
            About("allocate", request.sku, request.sku, str(request.id)),
            self._input(connection, whose),
            moment,
            by=by,
            decision_id=request.id.bytes,
        )
        if taken is None:
            raise QuartermasterError("request.conflict", str(request.id), where="id")
        decision, outcome = taken
        if decision.carried_out:
            for part in outcome.parts:
                leases.commit(connection, part.source, part.quantity)
                fact = LeaseCommitted(part.source, request.sku, part.quantity, request.document)
                self.deciding.tell(connection, fact, moment, by=by)
            leases.promise(connection, request.sku, request.document, outcome.quantity)
        return self._answer(connection, taken, whose)

    def _input(self, connection: Connection, whose: Whose) -> Allocation:
        request = self.request
        return gathering.allocation(
            connection,
            sku=request.sku,
            quantity=request.quantity,
            document=request.document,
            channel=request.channel or "",
            whose=whose,
            moment=self.asked.moment,
        )

    def _answer(
        self, connection: Connection, taken: Taken, whose: Whose
    ) -> tuple[int, dict[str, Any]]:
        request, (decision, outcome) = self.request, taken
        more: dict[str, Any] = {
            "sku": request.sku,
            "quantity": request.quantity,
            "document": request.document,
            "remaining": may_promise(self._input(connection, whose)),
            "decision": decision.in_words(),
            "versions": stock.versions(connection),
        }
        if not decision.carried_out:
            code = "decision.shadow" if outcome.acts else "lease.exhausted"
            error = QuartermasterError(code, outcome.outcome)
            return error.entry.status, refusal(request.id, error, **more)
        parts = [{"lease": part.source, "quantity": part.quantity} for part in outcome.parts]
        return 200, {"id": str(request.id), "outcome": "committed", "leases": parts, **more}


class RoutingPallet(NamedTuple):
    """Say where goods go."""

    deciding: Deciding
    request: RouteRequest
    asked: Asked
    occupied: frozenset[str]

    def __call__(self, connection: Connection) -> ScanAnswer:
        """Run it."""
        request, asked = self.request, self.asked
        content = request.content_hash(asked.device)
        return _once(connection, request.id, content, asked, lambda: self._decide(connection))

    def _decide(self, connection: Connection) -> tuple[int, dict[str, Any]]:
        request, moment = self.request, self.asked.moment
        if stock.item_of_sku(connection, request.sku) is None:
            raise QuartermasterError("scan.unknown-item", request.sku, where="sku")
        if request.own is not None and stock.place(connection, request.own) is None:
            raise QuartermasterError("scan.unknown-location", request.own, where="own")
        subject = request.sscc or request.sku
        pallet = Pallet(subject, request.sku, request.quantity, request.own or "")
        taken = self.deciding.take(
            connection,
            About(request.kind, subject, subject, str(request.id)),
            gathering.routing(connection, request.kind, pallet, moment, self.occupied),
            moment,
            by=_by(connection, request, self.asked.device),
            decision_id=request.id.bytes,
        )
        if taken is None:
            raise QuartermasterError("request.conflict", str(request.id), where="id")
        decision, outcome = taken
        return 200, {
            "id": str(request.id),
            "outcome": "send" if outcome.place else "wait",
            "location": outcome.place or None,
            "own": request.own,
            "quantity": request.quantity,
            "decision": decision.in_words(),
            "versions": stock.versions(connection),
        }


class Overriding(NamedTuple):
    """An operator decides otherwise; a task that carries the decision out is taken back."""

    deciding: Deciding
    decision: bytes
    request: OverrideRequest
    asked: Asked

    def __call__(self, connection: Connection) -> Decision:
        """Run it.

        Raises:
            QuartermasterError: ``request.not-found``, ``decision.overridden``, ``disk.full``, or
                without an operator signed in at the device.
        """
        person = people.demand_operator(connection, self.asked.device)
        found = book.decision(connection, self.decision)
        outcome, why = self.request.outcome.strip(), self.request.reason.strip()
        if (found.instead, found.why, found.overridden_by) == (outcome, why, person.person):
            return found
        if self.asked.full:
            raise QuartermasterError("disk.full")
        now = self.asked.moment.now
        book.override(connection, found.id, outcome=outcome, why=why, by=person.person, at=now)
        data = DecisionOverridden(found.id, outcome, why)
        by = By(self.asked.device, person.person)
        self.deciding.tell(connection, data, self.asked.moment, by=by)
        if found.task is not None:
            tasks.withdraw(connection, found.task, now=now)
        return book.decision(connection, found.id)


def _by(connection: Connection, request: AllocationRequest | RouteRequest, device: str) -> By:
    return By(device, people.operator_of(connection, device, request.operator))


def _once(
    connection: Connection,
    request_id: UUID,
    content: bytes,
    asked: Asked,
    decide: Callable[[], tuple[int, dict[str, Any]]],
) -> ScanAnswer:
    """The answer that a request got already, or the one that it gets now and for ever.

    Raises:
        QuartermasterError: ``request.conflict`` for an id that was used for something else,
            ``disk.full``, or what keeps it from being decided, which is not kept.
    """
    row = connection.execute(SQL["decided"], (request_id.bytes,)).fetchone()
    if row is not None:
        if row[0] != content:
            raise QuartermasterError("request.conflict", str(request_id), where="id")
        return ScanAnswer(row[1], bytes(row[2]))
    if asked.full:
        raise QuartermasterError("disk.full")
    status, answer = decide()
    body = encode(answer)
    values = (request_id.bytes, content, status, body)
    connection.execute(SQL["remember"], values)
    return ScanAnswer(status, body)
