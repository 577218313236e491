"""The console's addresses: signing in, one page each, and the few things that are done there.

====================================  ===================================================
``/console/``                         sign in with code and secret
``/console/overview``                 whether all is well; what is not, and what to do
``/console/scans``                    the last scans as they come, refused ones with the reason
``/console/tasks``                    what is to be done, and how right the record is
``/console/exceptions``               what a person should look at, each closed with one click
``/console/decisions``                what the gateway decided, and deciding otherwise
``/console/devices``                  who is signed in where; pair by QR code, revoke
``/console/cameras``                  what cameras see (:mod:`edge.web.console.cameras`)
``/console/system``                   link, room, versions, certificates, cameras
``/console/logs``                     the gateway's own last lines
``/console/tables/{name}``            exceptions, decisions, tasks, scans to take away (CSV)
====================================  ===================================================

Whoever is not an operator who has shown a secret sees the sign-in page and nothing else; who does
nothing for half an hour is signed out.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from edge import tasks
from edge.db import Connection, Database
from edge.fallback import Fallback
from edge.people import Desk, TooManyTriesError
from edge.ports import FloorPoint, Ids, Recorder, ScanPoint, system_steady
from edge.web import devices, pairing
from edge.web.console import sessions, views
from edge.web.console.cameras import Behind, CameraDoor, Sights
from edge.web.console.facts import Certificate
from edge.web.console.feed import Feed
from edge.web.console.forms import fields_of, line_in
from edge.web.console.idle import Idle
from edge.web.console.pages import Pages
from edge.web.console.said import LogLine
from edge.web.console.sessions import Asked, Posted, Visit
from edge.web.console.showing import Showing
from edge.web.console.trend import LOOK_S, Look, Trend, micros_to_full, room_in
from edge.web.guard import Guard, Handler, encode, json_answer
from edge.web.installation import Authority, addresses, grouped
from edge.web.limits import RateLimit
from shared.clock import Clock
from shared.errors import Code, QuartermasterError
from shared.events import DeviceHealth
from shared.ids import is_code
from shared.units import SECOND
from shared.words import lasting

_OVERVIEW: Final = "/console/overview"
_SIGN_IN: Final = "/console/"
_ENDED: Final = "/console/?ended"
_HOST: Final = re.compile(r"^[A-Za-z0-9.-]{1,253}(:\d{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?$")
_CONSOLE: Final = re.compile(rf"{sessions.DEVICE}[0-9a-f]{{24}}")
_ITSELF: Final = ("localhost", "127.", "[::1]")
_MAX_NOTE: Final = 200


class Status(Protocol):
    """What the console may ask of the rest of the gateway."""

    def report(self) -> dict[str, Any]:
        """The whole state."""
        ...


class Console:
    """The console of one gateway.

    Args:
        database: the store.
        desk: where people sign in.
        floor: closes exceptions.
        decider: decides, and is told otherwise.
        recorder: makes events.
        photos: of exceptions.
        clock: the gateway's.
        ids: for what is done here.
        status: how the gateway stands.
        site: whose it is.
        gateway: its name.
        reached: host and port by which phones reach it, where the browser's own will not do.
        authority: what devices are to trust, where there is one.
        install_port: where they come to trust it; 0: nowhere.
        lines: the gateway's log, the newest first.
        certificates: those that it shows and trusts.
        sights: what its cameras see; None where there are none.
        steady: seconds that never jump.
    """

    def __init__(
        self,
        database: Database,
        *,
        desk: Desk,
        floor: FloorPoint,
        decider: Fallback,
        recorder: Recorder,
        photos: tasks.Photos,
        clock: Clock,
        ids: Ids,
        status: Status,
        site: str,
        gateway: str,
        reached: str,
        authority: Callable[[], Authority | None] = lambda: None,
        install_port: int = 0,
        lines: Callable[[], Sequence[LogLine]] = tuple,
        certificates: Callable[[], Sequence[Certificate]] = tuple,
        sights: Sights | None = None,
        steady: Callable[[], float] = system_steady,
    ) -> None:
        self._database = database
        self._desk = desk
        self._floor = floor
        self._decider = decider
        self._recorder = recorder
        self._clock = clock
        self._status = status
        self._reached = reached
        self._authority = authority
        self._install_port = install_port
        self._pages = Pages(site=site, gateway=gateway, around=self._around)
        self._trend = Trend()
        self._feed = Feed(clock)
        self._idle = Idle(steady)
        self._knocks = RateLimit(0.1, 20)
        self._cameras = CameraDoor(sights, database, self._pages, clock)
        self._showing = Showing(
            database,
            decider=decider,
            photos=photos,
            clock=clock,
            ids=ids,
            report=status.report,
            pages=self._pages,
            trend=self._trend,
            feed=self._feed,
            lines=lines,
            certificates=certificates,
            gateway=gateway,
        )

    def routes(self, guard: Guard) -> Sequence[BaseRoute]:
        """The addresses above, for :func:`edge.web.api.create`."""

        def page(path: str, handler: Handler, method: str = "GET") -> Route:
            told = guard(self._in_words(guard(handler)))  # a refusal may not fit on a page, either
            return Route(f"/console{path}", told, methods=[method])

        show = self._showing
        return [
            page("/", self._front),
            page("", self._to_front),
            page("/sign-in", self._sign_in, "POST"),
            page("/sign-out", self._posts(self._sign_out), "POST"),
            page("/stay", self._asks(self._stay)),
            page("/overview", self._asks(show.overview)),
            page("/scans", self._asks(show.scans)),
            page("/tasks", self._asks(show.tasks)),
            page("/exceptions", self._asks(show.exceptions)),
            page("/exceptions/{name}/photo", self._asks(show.photo)),
            page("/exceptions/{name}/resolve", self._posts(self._resolve), "POST"),
            page("/decisions", self._asks(show.decisions)),
            page("/decisions/{id}/override", self._posts(self._override), "POST"),
            page("/devices", self._asks(show.devices)),
            page("/devices/pair", self._posts(self._pair), "POST"),
            page("/devices/{name}/revoke", self._posts(self._revoke), "POST"),
            page("/system", self._asks(show.system)),
            page("/trend", self._asks(show.trend)),
            page("/logs", self._asks(show.logs)),
            page("/logs.txt", self._asks(show.log_file)),
            page("/tables/{table}", self._asks(show.table)),
            *self._cameras.routes(Behind(page, self._asks, self._posts)),
            self._pages.route(guard),
        ]

    def watched(self, scans: ScanPoint) -> ScanPoint:
        """The same scan point; what passes is shown on the page of live scans."""
        return self._feed.watched(scans)

    async def run(self) -> None:
        """Watch how the store fills and close what nobody uses, until cancelled."""
        while True:
            self.look()
            await self.close_idle()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Note how the store stands."""
        report = self._status.report()
        self._trend.note(
            Look(
                self._clock.now(),
                room_in(report["disk"]),
                report["waiting"] + report["unacknowledged"],
                report["scans"],
                report["refused"],
            )
        )

    async def close_idle(self) -> None:
        """Sign out whoever has done nothing for half an hour."""
        for device in self._idle.over():
            await self._desk.sign_out(device, "half an hour without a click")
            self._idle.forget(device)

    def filling(self) -> dict[str, int | None]:
        """How long the store has been watched, and until when there is room at this pace."""
        looks = self._trend.looks
        full = micros_to_full(looks)
        return {
            "watched_seconds": (looks[-1].at - looks[0].at) // SECOND if looks else 0,
            "full_in_seconds": full // SECOND if full is not None else None,
        }

    # Who may come in

    def _visit(self, request: Request) -> Visit | None:
        found = sessions.visit(self._database.reader, sessions.token_in(request.cookies))
        return found if found is not None and self._left(found) > 0 else None

    def _left(self, visit: Visit) -> int:
        """Seconds until this session ends, unless somebody does something."""
        proven = (visit.person.decides_until - self._clock.now()) // SECOND
        return min(int(self._idle.left(visit.device)), proven)

    def _around(self, visit: Visit) -> dict[str, Any]:
        """What every page shows: for how long one may stay, what is open, what is alarming."""
        return {
            "left": self._left(visit),
            "waiting": views.glance(self._database.reader, self._clock.now()),
            "alarms": [_CONSOLE.sub("a console", notice.detail) for notice in self._desk.notices()],
        }

    def _asks(self, handler: Asked, *, by_itself: bool = False) -> Handler:
        """Behind the sign-in; what a page asks for by itself does not count as use."""

        async def answer(request: Request) -> Response:
            visit = self._visit(request)
            if visit is None:
                return _to_sign_in(request)
            if not (by_itself or "hx-request" in request.headers):
                self._idle.use(visit.device)
            response = await handler(request, visit)
            response.headers["qm-left"] = str(self._left(visit))
            return response

        return answer

    def _posts(self, handler: Posted) -> Handler:
        async def answer(request: Request) -> Response:
            visit = self._visit(request)
            if visit is None:
                return _to_sign_in(request)
            fields = await fields_of(request)
            sessions.demand_form(request.headers, visit.token, fields)
            self._idle.use(visit.device)
            return await handler(request, visit, fields)

        return answer

    async def _stay(self, _request: Request, visit: Visit) -> Response:
        return json_answer(encode({"left": self._left(visit)}))

    def _in_words(self, handler: Handler) -> Handler:
        """A refusal as a page: people come here, no programs."""

        async def answer(request: Request) -> Response:
            response = await handler(request)
            if response.media_type is None and response.status_code >= HTTPStatus.BAD_REQUEST:
                told = _refusal_in(response)
                if told is not None:
                    visit = self._visit(request)
                    return self._pages.page("error", response.status_code, error=told, visit=visit)
            return response

        return answer

    # Signing in and out

    async def _to_front(self, _request: Request) -> Response:
        return RedirectResponse(_SIGN_IN, HTTPStatus.PERMANENT_REDIRECT)

    async def _front(self, request: Request) -> Response:
        if self._visit(request) is not None:
            return _go(_OVERVIEW)
        ended = "ended" in request.query_params
        return self._front_page(sessions.token_in(request.cookies), ended=ended)

    def _front_page(
        self,
        token: str,
        error: QuartermasterError | None = None,
        person: str = "",
        *,
        ended: bool = False,
    ) -> Response:
        token = token or sessions.new_token()
        told = error.as_dict() if error is not None else None
        status = error.entry.status if error is not None else HTTPStatus.OK
        response = self._pages.page(
            "sign_in",
            status,
            form=sessions.form_of(token),
            error=told,
            person=person,
            ended=ended,
            visit=None,
        )
        return sessions.keep(response, token)

    async def _sign_in(self, request: Request) -> Response:
        token, fields = sessions.token_in(request.cookies), await fields_of(request)
        sessions.demand_form(request.headers, token, fields)
        code = line_in(fields, "person", most=64)
        self._hold_to_rate(request, code)
        fresh = sessions.new_token()
        try:
            await self._enter(request, sessions.device_of(fresh), code, fields.get("secret", ""))
        except QuartermasterError as error:
            response = self._front_page(token, error, code)
            if isinstance(error, TooManyTriesError):
                response.headers["retry-after"] = str(error.seconds)
            return response
        await self._desk.sign_out(sessions.device_of(token))
        response = sessions.keep_known(_go(_OVERVIEW), self._desk.proof_for(code))
        return sessions.keep(response, fresh)

    def _hold_to_rate(self, request: Request, code: str) -> None:
        """Refuse an address that tries without end; who is known there has a rate of their own.

        Raises:
            QuartermasterError: ``request.too-many``.
        """
        browser = sessions.browser_of(request)
        whence = browser.proof if self._desk.is_known(code, browser) else browser.address
        try:
            self._knocks.take(whence, 1, time.monotonic())
        except QuartermasterError:
            raise QuartermasterError(
                "request.too-many", f"sign-ins from {browser.address}"
            ) from None

    async def _enter(self, request: Request, device: str, code: str, secret: str) -> None:
        """Sign an operator in; somebody else is out again at once.

        Raises:
            QuartermasterError: what the desk refuses, or ``people.operator-needed``.
        """
        browser = sessions.browser_of(request)
        person = await self._desk.sign_in_by_secret(device, code, secret, browser)
        if not person.may_decide:
            await self._desk.sign_out(device)
            raise QuartermasterError("people.operator-needed", f"{person.name} is none")

    async def _sign_out(self, _request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
        await self._desk.sign_out(visit.device)
        self._idle.forget(visit.device)
        return sessions.drop(_go(_SIGN_IN))

    # What is done

    async def _resolve(self, request: Request, visit: Visit, fields: dict[str, str]) -> Response:
        asked = {
            "id": fields.get("id", ""),
            "resolution": fields.get("resolution", ""),
            "note": line_in(fields, "note", most=_MAX_NOTE, may_lack=True),
        }
        name = request.path_params["name"]
        answer = await self._floor.resolve(name, encode(asked), device=visit.device)
        _demand_done(answer.status, answer.body)
        return _go("/console/exceptions?done=resolved")

    async def _pair(self, request: Request, visit: Visit, fields: dict[str, str]) -> Response:
        name, now = line_in(fields, "name", most=64), self._clock.now()
        if not is_code(name) or name.startswith(sessions.DEVICE):
            raise QuartermasterError("request.invalid", f"{name} names no device", where="name")
        await self._note(visit, name, "pairing-begun")

        def unit(connection: Connection) -> pairing.Pairing:
            return pairing.begin(connection, name, now=now)

        begun = await self._database.run(unit)
        reached = urlsplit(f"//{self._host(request)}")
        url, first = addresses(reached.hostname or "", reached.port, self._install_port, begun.code)
        authority = self._authority()
        return self._pages.page(
            "pair",
            visit=visit,
            name=name,
            code=begun.code,
            url=url,
            picture=_drawn(url),
            first=first,
            first_picture=_drawn(first) if first else None,
            title=authority.title if authority else "",
            sha256=grouped(authority.sha256) if authority else [],
            sha1=grouped(authority.sha1) if authority else [],
            lasts=lasting(pairing.LIFETIME),
        )

    async def _revoke(self, request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
        name, now = request.path_params["name"], self._clock.now()
        known = devices.known(self._database.reader)
        if name not in {each.name for each in known if each.revoked_at is None}:
            raise QuartermasterError("request.not-found", name[:80], where="device")
        await self._note(
            visit, name, "revoked"
        )  # first: history says rather too much than too little
        await self._database.run(lambda connection: devices.revoke(connection, name, now=now))
        return _go("/console/devices?done=revoked")

    async def _override(self, request: Request, visit: Visit, fields: dict[str, str]) -> Response:
        asked = {name: line_in(fields, name, most=_MAX_NOTE) for name in ("outcome", "reason")}
        decision = _id_in(request.path_params["id"])
        await self._decider.override(decision, encode(asked), device=visit.device)
        return _go("/console/decisions?done=overridden")

    async def _note(self, visit: Visit, device: str, status: str) -> None:
        data = DeviceHealth(device, status, f"by {visit.person.person} at the console")
        await self._recorder.record(data, device=visit.device)

    def _host(self, request: Request) -> str:
        """By what a phone reaches this gateway: as this browser does, if that is from elsewhere."""
        host = request.headers.get("host", "")
        if host.startswith(_ITSELF) or not _HOST.match(host) or not _port_is_one(host):
            return self._reached
        return host


def _port_is_one(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").port != 0
    except ValueError:
        return False


def _drawn(address: str) -> Markup:
    """An address as a QR code."""
    picture = segno.make(address, error="m", micro=False).svg_inline(
        scale=7, border=4, light="white", svgclass="qr", lineclass=None, omitsize=True
    )
    return Markup(picture)  # noqa: S704 - drawn here, and nothing in it but squares


def _go(path: str) -> Response:
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, headers={"cache-control": "no-store"})


def _to_sign_in(request: Request) -> Response:
    """To the front; a part of a page that renews itself takes the whole page there."""
    front = _ENDED if sessions.token_in(request.cookies) else _SIGN_IN
    if "hx-request" in request.headers:
        headers = {"hx-redirect": front, "cache-control": "no-store"}
        return Response(status_code=HTTPStatus.OK, headers=headers)
    return _go(front)


def _id_in(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise QuartermasterError("request.not-found", where="decision") from None


class _Remark(msgspec.Struct):
    code: Code
    says: str
    do: str
    detail: str = ""
    where: str | None = None


class _Refusal(msgspec.Struct):
    error: _Remark | None = None


_refusals: Final = msgspec.json.Decoder(_Refusal)


def _refusal_in(response: Response) -> dict[str, Any] | None:
    try:
        found = _refusals.decode(response.body)
    except msgspec.MsgspecError:
        return None
    return msgspec.to_builtins(found.error) if found.error is not None else None


def _demand_done(status: int, body: bytes) -> None:
    """Raise what a room has refused.

    Raises:
        QuartermasterError: the same.
    """
    if status >= HTTPStatus.BAD_REQUEST:
        error = _refusals.decode(body).error
        if error is not None:
            raise QuartermasterError(error.code, error.detail, where=error.where or "")
        raise QuartermasterError("internal.unexpected")
