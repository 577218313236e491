"""What the console shows: a page for each thing that an operator looks at, and tables to take away.

Pages are made beside nothing: each takes a few milliseconds of the gateway's one loop at most.
Tables, which may be long, are made in a thread of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from edge import fallback, stock, tasks
from edge.db import Database
from edge.fallback import Fallback
from edge.ports import Ids, LabelDesk, LabelTold
from edge.web.console import exports, facts, said, views
from edge.web.console.facts import Certificate
from edge.web.console.feed import Feed
from edge.web.console.pages import Pages
from edge.web.console.said import LogLine
from edge.web.console.sessions import Visit
from edge.web.console.trend import Trend
from edge.web.guard import encode, json_answer
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.units import SECOND
from shared.words import moment

_DONE: Final = {
    "resolved": "The exception is closed.",
    "overridden": "Your decision is kept; it stands instead.",
    "revoked": "The device is revoked: it can do nothing any more.",
}
_SCANS: Final = 60
_FEW: Final = 4
_LONGEST_WORDS: Final = 100
_PICTURE: Final = 400
"""Points of the trend that a picture can show."""


class Showing:
    """The pages of one console that only show.

    Args:
        database: the store.
        decider: what the gateway decided.
        photos: of exceptions.
        labels: what was read off them; None where nobody reads.
        clock: the gateway's.
        ids: for forms that may be sent twice.
        report: how the gateway stands.
        pages: renders.
        trend: how the store fills.
        feed: the last scans.
        lines: the gateway's log, the newest first.
        certificates: those that it shows and trusts.
        gateway: names what is taken away.
    """

    def __init__(
        self,
        database: Database,
        *,
        decider: Fallback,
        photos: tasks.Photos,
        labels: LabelDesk | None,
        clock: Clock,
        ids: Ids,
        report: Callable[[], dict[str, Any]],
        pages: Pages,
        trend: Trend,
        feed: Feed,
        lines: Callable[[], Sequence[LogLine]],
        certificates: Callable[[], Sequence[Certificate]],
        gateway: str,
    ) -> None:
        self._database = database
        self._decider = decider
        self._photos = photos
        self._labels = labels
        self._clock = clock
        self._ids = ids
        self._report = report
        self._pages = pages
        self._trend = trend
        self._feed = feed
        self._lines = lines
        self._certificates = certificates
        self._gateway = gateway

    async def overview(self, _request: Request, visit: Visit) -> Response:
        """Whether all is well, and what is not."""
        report, now = self._report(), self._clock.now()
        glance = views.glance(self._database.reader, now)
        notices = facts.notices(report, now, self._certificates())
        return self._pages.page(
            "overview",
            visit=visit,
            notices=notices,
            tiles=facts.tiles(report, self._trend.looks, glance, now),
            raised=views.exceptions_shown(self._database.reader, limit=_FEW),
            refused=self._feed.refused(_FEW),
            now=now,
        )

    async def system(self, _request: Request, visit: Visit) -> Response:
        """The machine and its link in full: what one reads to somebody on the telephone."""
        report, now = self._report(), self._clock.now()
        reader = self._database.reader
        (report["schema"],) = reader.execute("PRAGMA user_version").fetchone()
        return self._pages.page(
            "system",
            visit=visit,
            groups={
                "Link and completeness": facts.link_facts(report, now),
                "Room": facts.room_facts(report, self._trend.looks),
                "Versions": facts.version_facts(report, stock.received(reader), now),
                "Certificates": facts.certificate_facts(self._certificates(), now),
                "Machine": facts.machine_facts(report, now),
                "Cameras": facts.camera_facts(report),
                "Listeners and sensors": facts.input_facts(report, now),
            },
        )

    async def trend(self, _request: Request, _visit: Visit) -> Response:
        """The numbers of the picture on the system page."""
        looks = self._trend.looks
        looks = looks[:: max(len(looks) // _PICTURE, 1)]
        return json_answer(
            encode(
                {
                    "at": [look.at // SECOND for look in looks],
                    "waiting": [look.waiting for look in looks],
                    "room": [look.room for look in looks],
                }
            )
        )

    async def scans(self, _request: Request, visit: Visit) -> Response:
        """The last scans, refused ones too."""
        return self._pages.page(
            "scans", visit=visit, scans=self._feed.last(self._database.reader, _SCANS)
        )

    async def tasks(self, _request: Request, visit: Visit) -> Response:
        """What is to be done, and how right the record is."""
        reader, now = self._database.reader, self._clock.now()
        return self._pages.page(
            "tasks",
            visit=visit,
            tasks=views.tasks_shown(reader),
            zones=views.accuracy(reader, now),
            now=now,
        )

    async def exceptions(self, request: Request, visit: Visit) -> Response:
        """What somebody should look at."""
        raised = views.exceptions_shown(self._database.reader)
        cameras: list[dict[str, Any]] = self._report()["cameras"] or []
        return self._pages.page(
            "exceptions",
            visit=visit,
            done=_done(request),
            raised=[
                (each, str(UUID(bytes=self._ids.uuid7())), self._told(each.name)) for each in raised
            ],
            cameras={each["name"] for each in cameras},
            reads_labels=self._labels is not None,
            now=self._clock.now(),
        )

    def _told(self, exception: str) -> LabelTold | None:
        return self._labels.told(exception) if self._labels is not None else None

    async def photo(self, request: Request, _visit: Visit) -> Response:
        """The photo of an exception.

        Raises:
            QuartermasterError: ``request.not-found``.
        """
        found = tasks.exception(self._database.reader, request.path_params["name"])
        content = self._photos.read(found.photo_sha256) if found.photo_sha256 is not None else None
        if content is None:
            raise QuartermasterError("request.not-found", "no photo was kept", where="photo")
        return Response(content, media_type="image/jpeg", headers=self._pages.headers)

    async def decisions(self, request: Request, visit: Visit) -> Response:
        """What the gateway decided, and how far it decides alone."""
        reader, now = self._database.reader, self._clock.now()
        report = self._report()
        return self._pages.page(
            "decisions",
            visit=visit,
            done=_done(request),
            cloud=facts.cloud(report, now),
            alone=report["decisions"],
            decisions=fallback.decisions(reader, limit=50),
            now=now,
        )

    async def devices(self, request: Request, visit: Visit) -> Response:
        """Who is signed in where."""
        shown, consoles = views.devices_shown(self._database.reader)
        return self._pages.page(
            "devices",
            visit=visit,
            done=_done(request),
            devices=shown,
            consoles=consoles,
            now=self._clock.now(),
        )

    async def logs(self, request: Request, visit: Visit) -> Response:
        """The gateway's own last lines."""
        level, words = _asked(request)
        return self._pages.page(
            "logs",
            visit=visit,
            lines=said.said(self._lines(), level=level, words=words),
            levels=said.LEVELS,
            level=level,
            words=words,
            shown=said.SHOWN,
            now=self._clock.now(),
        )

    async def log_file(self, request: Request, _visit: Visit) -> Response:
        """The same lines and all before them, to be sent to somebody."""
        level, words = _asked(request)
        text = await asyncio.to_thread(said.as_text, self._lines(), level=level, words=words)
        return self._file(text.encode("utf-8", "backslashreplace"), "logs", "txt", "text/plain")

    async def table(self, request: Request, _visit: Visit) -> Response:
        """A list as a spreadsheet reads it.

        Raises:
            QuartermasterError: ``request.not-found``.
        """
        name = request.path_params["table"]

        def read() -> bytes:
            with closing(self._database.another_reader()) as reader:
                return exports.export(name, reader, self._feed)

        return self._file(await asyncio.to_thread(read), name, "csv", "text/csv")

    def _file(self, content: bytes, name: str, suffix: str, media: str) -> Response:
        at = moment(self._clock.now()).replace(":", "").replace("-", "")
        file = f"{self._gateway}-{name}-{at}.{suffix}"
        headers = self._pages.headers | {"content-disposition": f'attachment; filename="{file}"'}
        return Response(content, media_type=f"{media}; charset=utf-8", headers=headers)


def _asked(request: Request) -> tuple[str, str]:
    """Which lines somebody asks for."""
    asked = request.query_params
    level = asked.get("level", "")
    words = " ".join(asked.get("words", "").split())[:_LONGEST_WORDS]
    return (level if level in said.LEVELS else "all"), words


def _done(request: Request) -> str:
    return _DONE.get(request.query_params.get("done", ""), "")
