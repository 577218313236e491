"""What has changed, in pages, as a stream of events, and over a WebSocket: nothing is skipped.

All three read one log and speak of places in it alike. Who comes back goes on where it was, by the
id of the last message; without one it begins with what is yet to come.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from cloud.access import Caller
from cloud.api.guard import ReadCaller, Service, ServiceDep, SocketCaller, own_site, who
from cloud.api.problem import problem, responses
from cloud.api.shapes import SiteCode, moment
from cloud.api.tail import Tail
from cloud.changes import Cursor, Kind, Log, Message, Read, Wanted
from shared.errors import QuartermasterError
from shared.units import SECOND, Micros

_QUIET_S: Final = 15.0
"""After so long without a message a stream says that it is alive."""
_CHECK_EVERY: Final = Micros(30 * SECOND)
"""So long a key that was revoked may go on to follow."""
_RETRY_MS: Final = 2_000
_PAGE: Final = 200
_POLICY: Final = 1008
"""RFC 6455, 7.4.1: an endpoint ends the connection because of its policy."""

router = APIRouter(prefix="/v1", tags=["changes"])

_REFUSALS: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "changes.cursor",
    "database.unreachable",
)
CursorText = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,9}-[0-9]{1,18}-[0-9]{1,9}$",
        description="The `id` of the last message had; absent: from now on.",
        examples=["1-4711-0"],
    ),
]


class Told(BaseModel):
    """One change. `data` says of stock by how much each position moved; of all else what is new."""

    id: CursorText
    at: datetime
    kind: Kind
    subject: Annotated[str, Field(description="What has changed: an item, an order, a case.")]
    site: str | None
    data: dict[str, Any]


class ChangePage(BaseModel):
    """Changes, oldest first. `next` is always there: ask with it again later."""

    items: list[Told]
    next: CursorText


class ChangeFilter(BaseModel):
    """Which changes; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")
    after: CursorText | None = None
    kinds: Annotated[
        list[Kind] | None, Field(max_length=20, description="Only of these kinds.")
    ] = None
    site: SiteCode | None = None


class ChangeQuery(ChangeFilter):
    """Which changes, and how many."""

    limit: Annotated[int, Field(ge=1, le=500, description="Changes per page.")] = 100


@router.get("/changes", responses=_REFUSALS)
def get_changes(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[ChangeQuery, Query()]
) -> ChangePage:
    """What has changed after a message; without `after` nothing, and where to begin."""
    follower = _Follower(service, caller, asked)
    read = follower.read(follower.start(asked.after), asked.limit)
    return ChangePage(
        items=[
            Told(
                id=str(each.cursor),
                at=moment(each.at),
                kind=each.kind,  # pyright: ignore[reportArgumentType] - the schema holds no other
                subject=each.subject,
                site=each.site,
                data=dict(each.body),
            )
            for each in read.messages
        ],
        next=str(read.cursor),
    )


@router.get(
    "/changes/stream",
    responses={**_REFUSALS, 200: {"content": {"text/event-stream": {}}}},
    response_class=StreamingResponse,
)
async def stream_changes(
    request: Request,
    caller: ReadCaller,
    service: ServiceDep,
    asked: Annotated[ChangeFilter, Query()],
    last_event_id: Annotated[CursorText | None, Header()] = None,
) -> StreamingResponse:
    """The same as a stream of server-sent events (WHATWG HTML, 9.2), until either side ends it.

    `Last-Event-ID`, which browsers send by themselves, goes before `after`.
    """
    follower = await run_in_threadpool(_Follower, service, caller, asked, _shown(request))
    start = await run_in_threadpool(follower.start, last_event_id or asked.after)
    tail = Tail.of(request.app)
    return StreamingResponse(
        _events(follower, tail, start),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


@router.websocket("/changes/socket")
async def follow_changes(
    socket: WebSocket, caller: SocketCaller, asked: Annotated[ChangeFilter, Query()]
) -> None:
    """The same over a WebSocket: one JSON text per change."""
    service: Service = socket.app.state.service
    await socket.accept()
    try:
        follower = await run_in_threadpool(_Follower, service, caller, asked, _shown(socket))
        here = await run_in_threadpool(follower.start, asked.after)
        tail = Tail.of(socket.app)
        listening = asyncio.ensure_future(_until_closed(socket))
        async with tail:
            while not listening.done():
                end = tail.end
                read = await run_in_threadpool(follower.read, here, _PAGE)
                for message in read.messages:
                    await socket.send_text(_text(message))
                here = read.cursor
                if not read.messages:
                    await tail.wait(end, _QUIET_S)
    except QuartermasterError as error:
        await socket.close(_POLICY, problem(error).code)
    except WebSocketDisconnect:
        return


async def _until_closed(socket: WebSocket) -> None:
    """Nothing is expected from the other side but that it goes."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _events(follower: _Follower, tail: Tail, here: Cursor) -> AsyncIterator[str]:
    yield f"retry: {_RETRY_MS}\nid: {here}\n\n"
    async with tail:
        while True:
            end = tail.end
            try:
                read = await run_in_threadpool(follower.read, here, _PAGE)
            except QuartermasterError as error:  # the key was revoked, or the place is gone
                told = json.dumps({"code": error.code, "says": error.entry.says})
                yield f"event: error\ndata: {told}\n\n"
                return
            for message in read.messages:
                yield f"id: {message.cursor}\nevent: {message.kind}\ndata: {_text(message)}\n\n"
            here = read.cursor
            if not read.messages and not await tail.wait(end, _QUIET_S):
                yield f": quiet\nid: {here}\n\n"


def _text(message: Message) -> str:
    told = {**message.told(), "at": moment(message.at).isoformat()}
    return json.dumps(told, separators=(",", ":"))


def _shown(connection: HTTPConnection) -> str:
    """The key that a stream was opened with; it is looked at again now and then."""
    return connection.headers.get("authorization", "").partition(" ")[2]


class _Follower:
    """One reader: what it may see, and what it wants.

    Raises:
        QuartermasterError: ``request.not-found`` for a site that is not the caller's.
    """

    def __init__(
        self, service: Service, caller: Caller, asked: ChangeFilter, shown: str = ""
    ) -> None:
        self._service = service
        self._caller = caller
        self._shown = shown
        self._checked_at = service.clock.now()
        self._log: Log = service.changes
        sites = caller.sites
        if asked.site is not None:
            with service.transaction_of(caller) as connection:
                sites = frozenset({own_site(connection, caller, asked.site)})
        self._wanted = Wanted(None if asked.kinds is None else frozenset(asked.kinds), sites)

    def start(self, after: str | None) -> Cursor:
        """Where to begin.

        Raises:
            QuartermasterError: ``changes.cursor``, ``request.invalid``.
        """
        with self._service.transaction_of(self._caller) as connection:
            if after is None:
                return self._log.end(connection)
            return self._log.checked(connection, Cursor.read(after))

    def read(self, here: Cursor, limit: int) -> Read:
        """What comes next, if the caller's key still opens.

        Raises:
            QuartermasterError: ``changes.cursor``, ``request.unauthenticated``.
        """
        now = self._service.clock.now()
        if self._shown and now - self._checked_at > _CHECK_EVERY:
            self._caller = who(self._service, self._shown).within("read")
            self._checked_at = now
        with self._service.transaction_of(self._caller) as connection:
            return self._log.read(connection, here, self._wanted, limit=limit)
