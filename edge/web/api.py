"""The gateway's local HTTPS API: scans in, the site's own picture and state out.

=======================  ==============================================================
``POST /v1/scans``       one scan, or ``{"scans": [...]}`` with at most 256
``GET /v1/stock``        positions, ``?sku=``, ``?location=``, ``?limit=``, ``?after=``
``GET /v1/status``       versions, outbox, watermark, link, totals
``GET /healthz``         the process answers
``GET /readyz``          scans can be taken: the store is writable, a catalog is in force
``GET /metrics``         Prometheus
=======================  ==============================================================

Everything under ``/v1`` needs the bearer token of a paired device. A single scan is answered with
the status of its outcome, a batch with 200 and one answer each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge import stock
from edge.db import Database
from edge.ports import ScanPoint
from edge.web.guard import Guard, Handler, body_of, encode, guarded, http_error, json_answer
from edge.web.paired import PairedDoor
from shared.errors import QuartermasterError
from shared.events import StockState
from shared.movements import Position
from shared.rates import RateLimit

MAX_BATCH: Final = 256
_MAX_LINES: Final = 1000


class Status(Protocol):
    """What the rim may ask of the rest of the gateway."""

    def report(self) -> dict[str, Any]:
        """The whole state, for ``/v1/status``."""
        ...

    def not_ready(self) -> str:
        """Why no scans can be taken now; empty when they can."""
        ...


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    scans: list[msgspec.Raw]


_batch: Final = msgspec.json.Decoder(_Batch)


def create(
    database: Database,
    scans: ScanPoint,
    status: Status,
    limit: RateLimit,
    registry: CollectorRegistry,
    *,
    rooms: Sequence[Callable[[Guard], Sequence[BaseRoute]]] = (),
) -> Starlette:
    """The ASGI application: the routes above, and those of the rooms given."""
    door = _Door(database, scans, status, limit, registry)

    def guard(handler: Handler) -> Handler:
        return guarded(handler, database.noticed)

    return Starlette(
        routes=[
            Route("/v1/scans", guard(door.post_scans), methods=["POST"]),
            Route("/v1/stock", guard(door.get_stock), methods=["GET"]),
            Route("/v1/status", guard(door.get_status), methods=["GET"]),
            Route("/healthz", guard(door.get_health), methods=["GET"]),
            Route("/readyz", guard(door.get_ready), methods=["GET"]),
            Route("/metrics", guard(door.get_metrics), methods=["GET"]),
            *(route for room in rooms for route in room(guard)),
        ],
        exception_handlers={HTTPException: http_error},
    )


class _Door(PairedDoor):
    def __init__(
        self,
        database: Database,
        scans: ScanPoint,
        status: Status,
        limit: RateLimit,
        registry: CollectorRegistry,
    ) -> None:
        super().__init__(database, limit)
        self._scans = scans
        self._status = status
        self._registry = registry

    async def post_scans(self, request: Request) -> Response:
        device = self._device(request)
        body = await body_of(request)
        batch = _batch_in(body)
        self._take(device, 1 if batch is None else max(len(batch), 1))
        if batch is None:
            answer = await self._scans.scan(body, device=device)
            return json_answer(answer.body, answer.status)
        answers = await asyncio.gather(
            *(self._scans.scan(bytes(scan), device=device) for scan in batch)
        )
        return json_answer(b'{"answers":[' + b",".join(answer.body for answer in answers) + b"]}")

    async def get_stock(self, request: Request) -> Response:
        self._device(request)
        sku = request.query_params.get("sku")
        location = request.query_params.get("location")
        limit = _limit_of(request)
        lines = stock.lines(
            self._database.reader,
            sku=sku,
            location=location,
            after=_cursor(request.query_params.get("after")),
            limit=limit + 1,
        )
        more = len(lines) > limit
        page = lines[:limit]
        return json_answer(
            encode(
                {
                    "lines": [
                        {
                            "sku": line.position.sku,
                            "location": line.position.location,
                            "lot": line.position.lot or None,
                            "serial": line.position.serial or None,
                            "state": StockState(line.position.state).name.lower(),
                            "quantity": line.quantity,
                        }
                        for line in page
                    ],
                    "next": encode(page[-1].position).hex() if more else None,
                    "versions": stock.versions(self._database.reader),
                }
            )
        )

    async def get_status(self, request: Request) -> Response:
        self._device(request)
        return json_answer(encode(self._status.report()))

    async def get_health(self, _request: Request) -> Response:
        return json_answer(b'{"status":"ok"}')

    async def get_ready(self, _request: Request) -> Response:
        why = self._status.not_ready()
        return json_answer(encode({"ready": not why, "why": why}), 503 if why else 200)

    async def get_metrics(self, _request: Request) -> Response:
        return Response(
            generate_latest(self._registry), headers={"content-type": CONTENT_TYPE_LATEST}
        )


def _batch_in(body: bytes) -> list[msgspec.Raw] | None:
    """The scans of a batch; None when the body is a single scan (or nonsense).

    Raises:
        QuartermasterError: ``payload.too-large`` or ``payload.malformed``.
    """
    try:
        scans = _batch.decode(body).scans
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if len(scans) > MAX_BATCH:
        raise QuartermasterError("payload.too-large", f"{len(scans)} scans in one batch")
    if not scans:
        raise QuartermasterError("payload.malformed", "an empty batch", where="scans")
    return scans


def _limit_of(request: Request) -> int:
    text = request.query_params.get("limit", "200")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_LINES:
        raise QuartermasterError("request.invalid", f"1 to {_MAX_LINES}", where="limit")
    return int(text)


def _cursor(text: str | None) -> Position | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(bytes.fromhex(text), type=Position)
    except (ValueError, msgspec.DecodeError):
        raise QuartermasterError("request.invalid", "not a cursor", where="after") from None
