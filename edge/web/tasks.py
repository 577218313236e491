"""Tasks, what lies where, undo and exceptions: what people on the floor see and do beside scanning.

====================================  ========================================================
``GET /v1/tasks``                     ``?kind=`` ``?zone=`` ``?status=open`` ``?limit=``
``GET|POST /v1/tasks/{code}``         one task; ``{"id", "action": start|finish|short, "reason"}``
``POST /v1/undo``                     ``{"id", "undoes": the scan's id}``
``GET /v1/items/{code}``              an item by GTIN, SKU or label: on hand, lots, where
``GET /v1/accuracy``                  inventory-record accuracy by zone, ``?days=90``
``GET|POST /v1/exceptions``           what a person should look at; ``?status=open|resolved|all``
``GET /v1/exceptions/{name}/photo``   the photo, where it was kept
``POST /v1/exceptions/{name}/label``  lot, expiry and codes off the photo; it takes seconds
``POST /v1/exceptions/{name}/resolve``  ``{"id", "resolution", "note"}``, by an operator
====================================  ========================================================

Of blind work it is never told how many are expected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge import stock, tasks
from edge.db import Connection, Database
from edge.ports import FloorPoint, LabelDesk, ScanAnswer
from edge.web.guard import Guard, encode, json_answer
from edge.web.paired import PairedDoor
from shared import gs1
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.events import StockState
from shared.policy.matching import Wanted
from shared.rates import RateLimit
from shared.units import DAY

_MAX: Final = 500
_MAX_DAYS: Final = 3660
_MAX_CODE: Final = 512
_STATUSES: Final = frozenset({"open", "started", "done", "short", "withdrawn"})
_EXCEPTIONS: Final = frozenset({"open", "resolved", "all"})


def tasks_room(
    database: Database,
    floor: FloorPoint,
    photos: tasks.Photos,
    limit: RateLimit,
    clock: Clock,
    *,
    labels: LabelDesk,
) -> Callable[[Guard], Sequence[BaseRoute]]:
    """The routes above, for :func:`edge.web.api.create`."""
    door = _Door(database, floor, photos, limit, clock, labels=labels)

    def routes(guard: Guard) -> Sequence[BaseRoute]:
        return [
            Route("/v1/tasks", guard(door.get_tasks), methods=["GET"]),
            Route("/v1/tasks/{code:path}", guard(door.get_task), methods=["GET"]),
            Route("/v1/tasks/{code:path}", guard(door.post_task), methods=["POST"]),
            Route("/v1/undo", guard(door.post_undo), methods=["POST"]),
            Route("/v1/items/{code:path}", guard(door.get_item), methods=["GET"]),
            Route("/v1/accuracy", guard(door.get_accuracy), methods=["GET"]),
            Route("/v1/exceptions", guard(door.get_exceptions), methods=["GET"]),
            Route("/v1/exceptions", guard(door.post_exception), methods=["POST"]),
            Route("/v1/exceptions/{name}/photo", guard(door.get_photo), methods=["GET"]),
            Route("/v1/exceptions/{name}/label", guard(door.post_label), methods=["POST"]),
            Route("/v1/exceptions/{name}/resolve", guard(door.post_resolve), methods=["POST"]),
        ]

    return routes


class _Door(PairedDoor):
    def __init__(
        self,
        database: Database,
        floor: FloorPoint,
        photos: tasks.Photos,
        limit: RateLimit,
        clock: Clock,
        *,
        labels: LabelDesk,
    ) -> None:
        super().__init__(database, limit)
        self._floor = floor
        self._photos = photos
        self._labels = labels
        self._clock = clock

    async def get_tasks(self, request: Request) -> Response:
        self._device(request)
        asked = request.query_params
        status = asked.get("status", "open")
        if status not in _STATUSES:
            raise QuartermasterError(
                "request.invalid", ", ".join(sorted(_STATUSES)), where="status"
            )
        reader = self._database.reader
        found = tasks.open_tasks(
            reader,
            kind=asked.get("kind"),
            zone=asked.get("zone"),
            status=status,
            limit=_number(asked.get("limit"), "limit", otherwise=200, most=_MAX),
        )
        told = [_task(reader, task) for task in found]
        return json_answer(encode({"tasks": told, "versions": stock.versions(reader)}))

    async def get_task(self, request: Request) -> Response:
        self._device(request)
        reader = self._database.reader
        task = tasks.find(reader, request.path_params["code"])
        if task is None:
            raise QuartermasterError("task.unknown", request.path_params["code"][:80])
        return json_answer(encode({**_task(reader, task), "versions": stock.versions(reader)}))

    async def post_task(self, request: Request) -> Response:
        device, body = await self._posted(request)
        return _answer(await self._floor.act(request.path_params["code"], body, device=device))

    async def post_undo(self, request: Request) -> Response:
        device, body = await self._posted(request)
        return _answer(await self._floor.undo(body, device=device))

    async def get_item(self, request: Request) -> Response:
        self._device(request)
        code = request.path_params["code"]
        if len(code) > _MAX_CODE:
            raise QuartermasterError("scan.too-long", f"{len(code)} characters")
        reader = self._database.reader
        sku = _sku_of(reader, code)
        item = stock.item_told(reader, sku) if sku is not None else None
        if sku is None or item is None:
            raise QuartermasterError("scan.unknown-item", code[:80])
        lines = stock.lines(reader, sku=sku, limit=_MAX)
        return json_answer(
            encode(
                {
                    "sku": sku,
                    "name": item.name,
                    "gtin": item.gtin,
                    "count_class": item.count_class,
                    "removed": item.removed,
                    "on_hand": stock.on_hand(reader, sku),
                    "lines": [
                        {
                            "location": line.position.location,
                            "lot": line.position.lot or None,
                            "serial": line.position.serial or None,
                            "expiry": stock.expiry_of(reader, sku, line.position.lot),
                            "state": StockState(line.position.state).name.lower(),
                            "quantity": line.quantity,
                        }
                        for line in lines
                    ],
                    "versions": stock.versions(reader),
                }
            )
        )

    async def get_accuracy(self, request: Request) -> Response:
        self._device(request)
        days = _number(request.query_params.get("days"), "days", otherwise=90, most=_MAX_DAYS)
        since = self._clock.now() - days * DAY
        found = tasks.accuracy_by_zone(self._database.reader, since=since)
        zones = [
            {
                "zone": each.zone or None,
                "tasks": each.tasks,
                **each.accuracy._asdict(),
                "permille": each.accuracy.permille,
                "last_at": each.last_at,
            }
            for each in found
        ]
        return json_answer(encode({"zones": zones, "days": days}))

    async def get_exceptions(self, request: Request) -> Response:
        self._device(request)
        status = request.query_params.get("status", "open")
        if status not in _EXCEPTIONS:
            raise QuartermasterError(
                "request.invalid", ", ".join(sorted(_EXCEPTIONS)), where="status"
            )
        limit = _number(request.query_params.get("limit"), "limit", otherwise=200, most=_MAX)
        found = tasks.exceptions(self._database.reader, status=status, limit=limit)
        return json_answer(encode({"exceptions": [_exception(each) for each in found]}))

    async def post_exception(self, request: Request) -> Response:
        device, body = await self._posted(request)
        return _answer(await self._floor.report(body, device=device))

    async def get_photo(self, request: Request) -> Response:
        self._device(request)
        found = tasks.exception(self._database.reader, request.path_params["name"])
        content = self._photos.read(found.photo_sha256) if found.photo_sha256 is not None else None
        if content is None:
            raise QuartermasterError("request.not-found", "no photo was kept", where="photo")
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        return Response(content, media_type="image/jpeg", headers=headers)

    async def post_label(self, request: Request) -> Response:
        device, _ = await self._posted(request)
        name = request.path_params["name"]
        told = await self._labels.read(name, device=device)
        return json_answer(
            encode(
                {
                    "exception": name,
                    **told._asdict(),
                    "seq": told.seq or None,
                    "codes": [{"text": code.text, "sku": code.sku} for code in told.codes],
                }
            )
        )

    async def post_resolve(self, request: Request) -> Response:
        device, body = await self._posted(request)
        name = request.path_params["name"]
        return _answer(await self._floor.resolve(name, body, device=device))


def _answer(answer: ScanAnswer) -> Response:
    return json_answer(answer.body, answer.status)


def _task(reader: Connection, task: tasks.TaskFound) -> dict[str, Any]:
    blind = task.blind or task.kind == "count"
    return {
        "code": task.code,
        "kind": task.kind,
        "document": task.document,
        "priority": task.priority,
        "due_at": task.due_at or None,
        "zone": task.zone,
        "blind": blind,
        "note": task.note,
        "origin": task.origin,
        "status": task.status,
        "lines": [_line(reader, line, blind=blind) for line in tasks.lines_of(reader, task.code)],
        "again": _counted_again(reader, task),
    }


def _line(reader: Connection, line: Wanted, *, blind: bool) -> dict[str, Any]:
    item = stock.item_told(reader, line.sku) if line.sku else None
    return {
        "line": line.line,
        "sku": line.sku,
        "name": item.name if item is not None else line.sku,
        "gtin": item.gtin if item is not None else None,
        "location": line.location,
        "to": line.to,
        "lot": line.lot,
        "quantity": None if blind or not line.quantity else line.quantity,
        "done": line.done,
        "left": None if blind else line.left,
    }


def _counted_again(reader: Connection, task: tasks.TaskFound) -> list[dict[str, Any]]:
    """What of a count task is to be counted once more, and never how many there should be."""
    if task.kind != "count":
        return []
    return [
        {
            "line": each.line,
            "sku": place.sku,
            "location": place.location,
            "lot": place.lot or None,
            "serial": place.serial or None,
        }
        for place, each in tasks.results(reader, task.code)
        if each.is_pending
    ]


def _exception(each: tasks.Raised) -> dict[str, Any]:
    photo = each.photo_sha256
    return {**each._asdict(), "photo_sha256": photo.hex() if photo is not None else None}


def _sku_of(reader: Connection, code: str) -> str | None:
    """The item behind a SKU, a GTIN or a whole label."""
    if stock.item_of_sku(reader, code) is not None:
        return code
    scanned = gs1.read(code)
    found = stock.item_of_gtin(reader, scanned.gtin) if scanned.gtin is not None else None
    return found.sku if found is not None else None


def _number(text: str | None, where: str, *, otherwise: int, most: int) -> int:
    if text is None:
        return otherwise
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= most:
        raise QuartermasterError("request.invalid", f"1 to {most}", where=where)
    return int(text)
