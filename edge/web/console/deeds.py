"""What operators do at the console: close, decide otherwise, pair, revoke; each names them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit
from uuid import UUID

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from edge.db import Connection, Database
from edge.fallback import Fallback
from edge.ports import FloorPoint, LabelDesk, Recorder
from edge.web import devices, pairing
from edge.web.console import sessions
from edge.web.console.forms import line_in
from edge.web.console.pages import Pages, go
from edge.web.console.refusals import demand_done
from edge.web.console.sessions import Visit
from edge.web.guard import encode
from edge.web.installation import Authority, addresses, grouped
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.events import DeviceHealth
from shared.ids import is_code
from shared.words import lasting

_HOST: Final = re.compile(r"^[A-Za-z0-9.-]{1,253}(:\d{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?$")
_ITSELF: Final = ("localhost", "127.", "[::1]")
_MAX_NOTE: Final = 200


class Deeds:
    """The forms of the console's pages.

    Args:
        database: the store.
        floor: closes exceptions.
        decider: is told otherwise.
        recorder: makes events.
        clock: the gateway's.
        pages: renders.
        labels: reads print; None where nobody does.
        reached: host and port by which phones reach it, where the browser's own will not do.
        authority: what devices are to trust, where there is one.
        install_port: where they come to trust it; 0: nowhere.
    """

    def __init__(
        self,
        database: Database,
        *,
        floor: FloorPoint,
        decider: Fallback,
        recorder: Recorder,
        clock: Clock,
        pages: Pages,
        labels: LabelDesk | None,
        reached: str,
        authority: Callable[[], Authority | None],
        install_port: int,
    ) -> None:
        self._database = database
        self._floor = floor
        self._decider = decider
        self._recorder = recorder
        self._clock = clock
        self._pages = pages
        self._labels = labels
        self._reached = reached
        self._authority = authority
        self._install_port = install_port

    async def resolve(self, request: Request, visit: Visit, fields: dict[str, str]) -> Response:
        """Close an exception.

        Raises:
            QuartermasterError: what the floor refuses.
        """
        asked = {
            "id": fields.get("id", ""),
            "resolution": fields.get("resolution", ""),
            "note": line_in(fields, "note", most=_MAX_NOTE, may_lack=True),
        }
        name = request.path_params["name"]
        answer = await self._floor.resolve(name, encode(asked), device=visit.device)
        demand_done(answer.status, answer.body)
        return go("/console/exceptions?done=resolved")

    async def read_label(self, request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
        """Have the label on an exception's photo read; its card says what it says.

        Raises:
            QuartermasterError: what the desk refuses, or ``request.not-found`` without one.
        """
        name = request.path_params["name"]
        if self._labels is None:
            raise QuartermasterError("request.not-found", "labels are not read here", where="label")
        await self._labels.read(name, device=visit.device)
        return go(f"/console/exceptions#{quote(name, safe='')}")

    async def pair(self, request: Request, visit: Visit, fields: dict[str, str]) -> Response:
        """Begin to pair a device; the page shows the codes that it reads.

        Raises:
            QuartermasterError: ``request.invalid``.
        """
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

    async def revoke(self, request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
        """Have a device come in no more.

        Raises:
            QuartermasterError: ``request.not-found``.
        """
        name, now = request.path_params["name"], self._clock.now()
        known = devices.known(self._database.reader)
        if name not in {each.name for each in known if each.revoked_at is None}:
            raise QuartermasterError("request.not-found", name[:80], where="device")
        await self._note(
            visit, name, "revoked"
        )  # first: history says rather too much than too little
        await self._database.run(lambda connection: devices.revoke(connection, name, now=now))
        return go("/console/devices?done=revoked")

    async def override(self, request: Request, visit: Visit, fields: dict[str, str]) -> Response:
        """Decide otherwise than the gateway did.

        Raises:
            QuartermasterError: what the decider refuses, or ``request.not-found``.
        """
        asked = {name: line_in(fields, name, most=_MAX_NOTE) for name in ("outcome", "reason")}
        decision = _id_in(request.path_params["id"])
        await self._decider.override(decision, encode(asked), device=visit.device)
        return go("/console/decisions?done=overridden")

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


def _id_in(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise QuartermasterError("request.not-found", where="decision") from None
