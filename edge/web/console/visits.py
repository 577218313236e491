"""Who is here: operators who have shown a secret, each for as long as somebody does something."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.db import Database
from edge.people import Desk
from edge.web.console import sessions, views
from edge.web.console.forms import fields_of
from edge.web.console.idle import Idle
from edge.web.console.pages import go
from edge.web.console.sessions import Asked, Posted, Visit
from edge.web.guard import Handler, encode, json_answer
from shared.clock import Clock
from shared.units import SECOND

SIGN_IN: Final = "/console/"
_ENDED: Final = "/console/?ended"
_CONSOLE: Final = re.compile(rf"{sessions.DEVICE}[0-9a-f]{{24}}")


class Page(Protocol):
    """Makes a route whose refusals are pages."""

    def __call__(self, path: str, handler: Handler, method: str = "GET") -> Route:
        """The route."""
        ...


class Asks(Protocol):
    """Answers operators only; what a page asks ``by_itself`` keeps nobody signed in."""

    def __call__(self, handler: Asked, *, by_itself: bool = False) -> Handler:
        """The handler behind the sign-in."""
        ...


class Behind(NamedTuple):
    """How addresses come to lie behind the sign-in."""

    page: Page
    asks: Asks
    posts: Callable[[Posted], Handler]


class Visits:
    """The operators at this gateway's console.

    Args:
        database: the store.
        desk: where people sign in.
        clock: the gateway's.
        steady: seconds that never jump.
        leaving: told the device of an operator who goes, before they are signed out.
    """

    def __init__(
        self,
        database: Database,
        desk: Desk,
        clock: Clock,
        steady: Callable[[], float],
        *,
        leaving: Callable[[str], Awaitable[None]],
    ) -> None:
        self._database = database
        self._desk = desk
        self._clock = clock
        self._idle = Idle(steady)
        self._leaving = leaving

    def of(self, request: Request) -> Visit | None:
        """Who asks; None for anybody but an operator whose time is not over."""
        found = sessions.visit(self._database.reader, sessions.token_in(request.cookies))
        return found if found is not None and self.left(found) > 0 else None

    def left(self, visit: Visit) -> int:
        """Seconds until this session ends, unless somebody does something."""
        proven = (visit.person.decides_until - self._clock.now()) // SECOND
        return min(int(self._idle.left(visit.device)), proven)

    def around(self, visit: Visit) -> dict[str, Any]:
        """What every page shows: for how long one may stay, what is open, what is alarming."""
        return {
            "left": self.left(visit),
            "waiting": views.glance(self._database.reader, self._clock.now()),
            "alarms": [_CONSOLE.sub("a console", notice.detail) for notice in self._desk.notices()],
        }

    def asks(self, handler: Asked, *, by_itself: bool = False) -> Handler:
        """Behind the sign-in; what a page asks for by itself does not count as use."""

        async def answer(request: Request) -> Response:
            visit = self.of(request)
            if visit is None:
                return _to_sign_in(request)
            if not (by_itself or "hx-request" in request.headers):
                self._idle.use(visit.device)
            response = await handler(request, visit)
            response.headers["qm-left"] = str(self.left(visit))
            return response

        return answer

    def posts(self, handler: Posted) -> Handler:
        """Behind the sign-in, for forms that this console's own pages have sent."""

        async def answer(request: Request) -> Response:
            visit = self.of(request)
            if visit is None:
                return _to_sign_in(request)
            fields = await fields_of(request)
            sessions.demand_form(request.headers, visit.token, fields)
            self._idle.use(visit.device)
            return await handler(request, visit, fields)

        return answer

    async def stay(self, _request: Request, visit: Visit) -> Response:
        """For how many seconds one may stay; to ask is to do something."""
        return json_answer(encode({"left": self.left(visit)}))

    async def end(self, visit: Visit) -> None:
        """Sign somebody out who asks for it."""
        await self._leaving(visit.device)
        await self._desk.sign_out(visit.device)
        self._idle.forget(visit.device)

    async def close_idle(self) -> None:
        """Sign out whoever has done nothing for half an hour."""
        for device in self._idle.over():
            await self._leaving(device)
            await self._desk.sign_out(device, "half an hour without a click")
            self._idle.forget(device)


def _to_sign_in(request: Request) -> Response:
    """To the front; a part of a page that renews itself takes the whole page there."""
    front = _ENDED if sessions.token_in(request.cookies) else SIGN_IN
    if "hx-request" in request.headers:
        headers = {"hx-redirect": front, "cache-control": "no-store"}
        return Response(status_code=HTTPStatus.OK, headers=headers)
    return go(front)
