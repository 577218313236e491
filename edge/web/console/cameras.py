"""The console's addresses of what cameras see; behind the sign-in as all others.

============================================  ===========================================
``/console/cameras``                          each camera: its picture with what it knows
``/console/cameras/{name}/still``             the newest picture; never kept by anybody
``/console/cameras/{name}/slots``             draw shelf slots on it
``/console/cameras/{name}/slots/remove``      forget one
============================================  ===========================================
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge import stock
from edge.db import Database
from edge.ports import CameraShown, CameraView, CropDesk, Point, SlotDesk, SlotShown
from edge.web.console import sights
from edge.web.console.forms import line_in
from edge.web.console.pages import Pages, go
from edge.web.console.sessions import Visit
from edge.web.console.visits import Behind
from shared.clock import Clock
from shared.errors import QuartermasterError

_HERE: Final = "/console/cameras"
_DONE: Final = {
    "drawn": "The slot is kept. Its state is known after a few looks.",
    "removed": "The slot is forgotten.",
}
_SHOWS: Final = ("empty", "full")
_MAX_NAME: Final = 64
_MAX_REASON: Final = 200
_MAX_CORNERS: Final = 64
_polygons: Final = msgspec.json.Decoder(list[tuple[float, float]])


class Sights(NamedTuple):
    """What the console shows of the cameras."""

    cameras: CameraView
    slots: SlotDesk
    crops: CropDesk


class CameraDoor:
    """The pages of the cameras.

    Args:
        sights: what cameras, slots and crops there are; None at a gateway that has no camera.
        database: the site's locations.
        pages: renders.
        clock: the gateway's.
    """

    def __init__(
        self, sights: Sights | None, database: Database, pages: Pages, clock: Clock
    ) -> None:
        self._sights = sights
        self._database = database
        self._pages = pages
        self._clock = clock

    def routes(self, behind: Behind) -> Sequence[Route]:
        """The addresses above."""
        page, asks, posts = behind
        return [
            page("/cameras", asks(self._cameras)),
            page("/cameras/{name:path}/still", asks(self._still, by_itself=True)),
            page("/cameras/{name:path}/slots", asks(self._slots)),
            page("/cameras/{name:path}/slots", posts(self._draw), "POST"),
            page("/cameras/{name:path}/slots/remove", posts(self._remove), "POST"),
        ]

    # Cameras

    async def _cameras(self, _request: Request, visit: Visit) -> Response:
        here, now = self._sights, self._clock.now()
        shown = here.cameras.cameras() if here is not None else []
        return self._pages.page(
            "cameras",
            visit=visit,
            cameras=[
                (sights.seen(each, here.slots.slots(each.name), now), self._has_still(each.name))
                for each in shown
                if here is not None
            ],
            crops=here.crops.count() if here is not None else 0,
        )

    def _has_still(self, name: str) -> bool:
        """Whether there is a picture to show; asked for now, there is one at the next look."""
        return self._sights is not None and self._sights.cameras.still(name) is not None

    async def _still(self, request: Request, _visit: Visit) -> Response:
        here, camera = self._camera(request)
        still = here.cameras.still(camera.name)
        if still is None:
            raise QuartermasterError("camera.unreadable", camera.why, where=camera.name)
        return Response(still, media_type="image/jpeg", headers=self._pages.headers)

    def _camera(self, request: Request) -> tuple[Sights, CameraShown]:
        """The camera that an address names.

        Raises:
            QuartermasterError: ``request.not-found``.
        """
        name = request.path_params["name"]
        if self._sights is not None:
            for camera in self._sights.cameras.cameras():
                if camera.name == name:
                    return self._sights, camera
        raise QuartermasterError("request.not-found", name[:_MAX_NAME], where="camera")

    # Slots

    async def _slots(self, request: Request, visit: Visit) -> Response:
        here, camera = self._camera(request)
        return self._slots_page(here, camera, visit, done=_done(request))

    def _slots_page(
        self,
        here: Sights,
        camera: CameraShown,
        visit: Visit,
        *,
        done: str = "",
        error: QuartermasterError | None = None,
        fields: dict[str, str] | None = None,
    ) -> Response:
        """Where slots are drawn; after a refusal with all that was filled in."""
        slots = here.slots.slots(camera.name)
        filled = {"name": "", "location": "", "shows": "", "reason": "", "polygon": "[]"}
        return self._pages.page(
            "cameras/slots",
            error.entry.status if error is not None else HTTPStatus.OK,
            visit=visit,
            camera=sights.seen(camera, slots, self._clock.now()),
            has_still=self._has_still(camera.name),
            locations=stock.locations(self._database.reader),
            fields=filled | (fields or {}),
            error=error.as_dict() if error is not None else None,
            done=done,
        )

    async def _draw(self, request: Request, visit: Visit, fields: dict[str, str]) -> Response:
        here, camera = self._camera(request)
        try:
            await self._put(here, camera, visit, fields)
        except QuartermasterError as error:  # the page again: a drawing is work
            return self._slots_page(here, camera, visit, error=error, fields=fields)
        return go(f"{_HERE}/{quote(camera.name, safe='')}/slots?done=drawn")

    async def _put(
        self, here: Sights, camera: CameraShown, visit: Visit, fields: dict[str, str]
    ) -> None:
        """Keep a slot as it was drawn, with the picture of now.

        Raises:
            QuartermasterError: what the fields lack, what the desk refuses, ``slot.invalid`` or
                ``slot.unseen``.
        """
        name = line_in(fields, "name", most=_MAX_NAME)
        location = line_in(fields, "location", most=_MAX_NAME, may_lack=True) or None
        reason = line_in(fields, "reason", most=_MAX_REASON)
        shows = fields.get("shows", "")
        if shows not in _SHOWS:
            raise QuartermasterError("request.invalid", "empty or full", where="shows")
        slot = SlotShown(camera.name, name, location, polygon_in(fields))
        if sights.somebody_before(camera, slot.polygon):
            raise QuartermasterError("slot.unseen", "somebody stands before it", where="camera")
        still = here.cameras.still(camera.name) if camera.state == "watching" else None
        if still is None:
            raise QuartermasterError("slot.unseen", "it gives no picture", where="camera")
        await here.slots.put(
            slot,
            still,
            shows=shows,
            reason=reason,
            device=visit.device,
        )

    async def _remove(self, request: Request, visit: Visit, fields: dict[str, str]) -> Response:
        here, camera = self._camera(request)
        name = line_in(fields, "name", most=_MAX_NAME)
        reason = line_in(fields, "reason", most=_MAX_REASON)
        await here.slots.remove(camera.name, name, reason=reason, device=visit.device)
        return go(f"{_HERE}/{quote(camera.name, safe='')}/slots?done=removed")


def polygon_in(fields: dict[str, str]) -> tuple[Point, ...]:
    """The corners that were drawn; whether they enclose anything is the desk's to say.

    Raises:
        QuartermasterError: ``slot.invalid``.
    """
    try:
        corners = _polygons.decode(fields.get("polygon", ""))
    except (msgspec.MsgspecError, UnicodeEncodeError):
        raise QuartermasterError("slot.invalid", "no corners", where="polygon") from None
    if len(corners) > _MAX_CORNERS:
        raise QuartermasterError("slot.invalid", f"{len(corners)} corners", where="polygon")
    return tuple(corners)


def _done(request: Request) -> str:
    return _DONE.get(request.query_params.get("done", ""), "")
