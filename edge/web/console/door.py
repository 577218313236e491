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
``/console/crops``                    what they are unsure of (:mod:`edge.web.console.crops`)
``/console/system``                   link, room, versions, certificates, cameras
``/console/logs``                     the gateway's own last lines
``/console/tables/{name}``            exceptions, decisions, tasks, scans to take away (CSV)
====================================  ===================================================

Whoever is not an operator who has shown a secret sees the sign-in page and nothing else; who does
nothing for half an hour is signed out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge import tasks
from edge.db import Database
from edge.fallback import Fallback
from edge.people import Desk
from edge.ports import FloorPoint, Ids, LabelDesk, Recorder, ScanPoint, system_steady
from edge.web.console.cameras import CameraDoor, Sights
from edge.web.console.crops import CropDoor
from edge.web.console.deeds import Deeds
from edge.web.console.entrance import Entrance
from edge.web.console.facts import Certificate
from edge.web.console.feed import Feed
from edge.web.console.pages import Pages
from edge.web.console.refusals import refusal_in
from edge.web.console.said import LogLine
from edge.web.console.showing import Showing
from edge.web.console.trend import LOOK_S, Look, Trend, micros_to_full, room_in
from edge.web.console.visits import Behind, Visits
from edge.web.guard import Guard, Handler
from edge.web.installation import Authority
from shared.clock import Clock
from shared.units import SECOND


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
        labels: reads the print on them; None where nobody does.
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
        labels: LabelDesk | None = None,
        steady: Callable[[], float] = system_steady,
    ) -> None:
        self._clock = clock
        self._status = status
        self._trend = Trend()
        self._feed = Feed(clock)
        self._visits = Visits(database, desk, clock, steady, leaving=self._leave)
        self._pages = Pages(site=site, gateway=gateway, around=self._visits.around)
        self._entrance = Entrance(desk, self._visits, self._pages)
        self._deeds = Deeds(
            database,
            floor=floor,
            decider=decider,
            recorder=recorder,
            clock=clock,
            pages=self._pages,
            labels=labels,
            reached=reached,
            authority=authority,
            install_port=install_port,
        )
        self._cameras = CameraDoor(sights, database, self._pages, clock)
        self._crops = CropDoor(
            sights.crops if sights is not None else None,
            sights.cameras if sights is not None else None,
            self._pages,
            clock,
            steady=steady,
            tried=self._tried,
        )
        self._showing = Showing(
            database,
            decider=decider,
            photos=photos,
            labels=labels,
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

        show, do, entrance = self._showing, self._deeds, self._entrance
        asks, posts = self._visits.asks, self._visits.posts
        return [
            page("/", entrance.front),
            page("", entrance.to_front),
            page("/sign-in", entrance.sign_in, "POST"),
            page("/sign-out", posts(entrance.sign_out), "POST"),
            page("/stay", asks(self._visits.stay)),
            page("/overview", asks(show.overview)),
            page("/scans", asks(show.scans)),
            page("/tasks", asks(show.tasks)),
            page("/exceptions", asks(show.exceptions)),
            page("/exceptions/{name}/photo", asks(show.photo)),
            page("/exceptions/{name}/label", posts(do.read_label), "POST"),
            page("/exceptions/{name}/resolve", posts(do.resolve), "POST"),
            page("/decisions", asks(show.decisions)),
            page("/decisions/{id}/override", posts(do.override), "POST"),
            page("/devices", asks(show.devices)),
            page("/devices/pair", posts(do.pair), "POST"),
            page("/devices/{name}/revoke", posts(do.revoke), "POST"),
            page("/system", asks(show.system)),
            page("/trend", asks(show.trend)),
            page("/logs", asks(show.logs)),
            page("/logs.txt", asks(show.log_file)),
            page("/tables/{table}", asks(show.table)),
            *self._cameras.routes(Behind(page, asks, posts)),
            *self._crops.routes(Behind(page, asks, posts)),
            self._pages.route(guard),
        ]

    def watched(self, scans: ScanPoint) -> ScanPoint:
        """The same scan point; what passes is shown on the page of live scans."""
        return self._feed.watched(scans)

    async def run(self) -> None:
        """Watch how the store fills, close what nobody uses, settle words, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self._crops.run())

    async def _watch(self) -> None:
        while True:
            self.look()
            await self.close_idle()
            await asyncio.sleep(LOOK_S)

    async def close_idle(self) -> None:
        """Sign out whoever has done nothing for half an hour."""
        await self._visits.close_idle()

    async def settle_answers(self) -> None:
        """Make events of the words on crops that nobody has taken back for a while."""
        await self._crops.settle_over()

    async def _leave(self, device: str) -> None:
        await self._crops.leave(device)

    def _tried(self) -> Sequence[Mapping[str, Any]]:
        learning: Mapping[str, Any] | None = self._status.report().get("learning")
        return learning["shadow"] if learning else []

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

    def filling(self) -> dict[str, int | None]:
        """How long the store has been watched, and until when there is room at this pace."""
        looks = self._trend.looks
        full = micros_to_full(looks)
        return {
            "watched_seconds": (looks[-1].at - looks[0].at) // SECOND if looks else 0,
            "full_in_seconds": full // SECOND if full is not None else None,
        }

    def _in_words(self, handler: Handler) -> Handler:
        """A refusal as a page: people come here, no programs."""

        async def answer(request: Request) -> Response:
            response = await handler(request)
            if response.media_type is None and response.status_code >= HTTPStatus.BAD_REQUEST:
                told = refusal_in(response)
                if told is not None:
                    visit = self._visits.of(request)
                    return self._pages.page("error", response.status_code, error=told, visit=visit)
            return response

        return answer
