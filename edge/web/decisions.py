"""What this gateway decided, what it may promise, and what devices ask to be decided.

====================================  ========================================================
``GET /v1/decisions``                 the newest first; ``since`` ``kind`` ``limit`` ``before``
``POST /v1/decisions/{id}/override``  ``{"outcome", "reason"}``, by an operator
``POST /v1/allocations``              ``{"id", "sku", "quantity", "document", "channel"}``
``POST /v1/routes``                   ``{"id", "kind", "sku", "quantity", "own", "sscc"}``
``GET /v1/leases``                    what may be promised, lease by lease
====================================  ========================================================

Times are microseconds, quantities base units. An allocation is promised whole or refused with what
remains; the same id gets the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge import fallback, stock
from edge.db import Database
from edge.fallback import Fallback
from edge.web.guard import Guard, encode, json_answer
from edge.web.paired import PairedDoor
from shared.errors import QuartermasterError
from shared.policy import DECISION_KINDS
from shared.rates import RateLimit

_MAX: Final = 500


def decisions_room(
    database: Database, decider: Fallback, limit: RateLimit
) -> Callable[[Guard], Sequence[BaseRoute]]:
    """The routes above, for :func:`edge.web.api.create`."""
    door = _Door(database, decider, limit)

    def routes(guard: Guard) -> Sequence[BaseRoute]:
        return [
            Route("/v1/decisions", guard(door.get_decisions), methods=["GET"]),
            Route("/v1/decisions/{id}/override", guard(door.post_override), methods=["POST"]),
            Route("/v1/allocations", guard(door.post_allocation), methods=["POST"]),
            Route("/v1/routes", guard(door.post_route), methods=["POST"]),
            Route("/v1/leases", guard(door.get_leases), methods=["GET"]),
        ]

    return routes


class _Door(PairedDoor):
    def __init__(self, database: Database, decider: Fallback, limit: RateLimit) -> None:
        super().__init__(database, limit)
        self._decider = decider

    async def get_decisions(self, request: Request) -> Response:
        self._device(request)
        asked, reader = request.query_params, self._database.reader
        kind = asked.get("kind")
        if kind is not None and kind not in DECISION_KINDS:
            raise QuartermasterError("request.invalid", ", ".join(DECISION_KINDS), where="kind")
        limit = _number(asked.get("limit"), "limit", otherwise=100, least=1, most=_MAX)
        since = _number(asked.get("since"), "since", otherwise=0, least=0, most=2**53)
        before = asked.get("before")
        found = fallback.decisions(
            reader,
            since=since,
            kind=kind,
            before=fallback.decision(reader, _id(before, "before").bytes) if before else None,
            limit=limit + 1,
        )
        page = [decision.in_words() for decision in found[:limit]]
        return json_answer(
            encode(
                {
                    "decisions": page,
                    "next": page[-1]["id"] if len(found) > limit else None,
                    **self._decider.report(reader),
                    "versions": stock.versions(reader),
                }
            )
        )

    async def post_override(self, request: Request) -> Response:
        device, body = await self._posted(request)
        decision = _id(request.path_params["id"], "decision")
        overridden = await self._decider.override(decision, body, device=device)
        return json_answer(encode(overridden.in_words()))

    async def post_allocation(self, request: Request) -> Response:
        device, body = await self._posted(request)
        answer = await self._decider.allocate(body, device=device)
        return json_answer(answer.body, answer.status)

    async def post_route(self, request: Request) -> Response:
        device, body = await self._posted(request)
        answer = await self._decider.route(body, device=device)
        return json_answer(answer.body, answer.status)

    async def get_leases(self, request: Request) -> Response:
        self._device(request)
        reader = self._database.reader
        return json_answer(
            encode(
                {
                    "leases": [_lease(each) for each in self._decider.leases(reader)],
                    "versions": stock.versions(reader),
                }
            )
        )


def _lease(standing: fallback.Standing) -> dict[str, Any]:
    lease = standing.lease
    return {
        "code": lease.code,
        "sku": lease.sku,
        "channel": lease.channel or None,
        "quantity": lease.quantity,
        "committed": standing.committed,
        "remaining": standing.remaining,
        "not_after": lease.not_after,
    }


def _number(text: str | None, where: str, *, otherwise: int, least: int, most: int) -> int:
    if text is None:
        return otherwise
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise QuartermasterError("request.invalid", f"{least} to {most}", where=where)
    return int(text)


def _id(text: str, where: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise QuartermasterError("request.invalid", "not an id", where=where) from None
