"""Signing in and out at a paired device, and who is there.

=====================  ==============================================================
``POST /v1/sign-in``   ``{"badge": text}`` or ``{"person": code, "secret": text}``
``POST /v1/sign-out``  whoever is signed in at this device
``GET /v1/me``         device, person, site, versions in force, what the policy allows
=====================  ==============================================================

Times are microseconds. ``may_decide`` says whether what needs an operator's authority would be
taken from this device now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge import people, stock
from edge.db import Database
from edge.people import Desk, SignedIn, TooManyTriesError
from edge.web.guard import Guard, encode, json_answer, refusal
from edge.web.paired import PairedDoor
from shared.errors import QuartermasterError
from shared.rates import RateLimit

_Badge = Annotated[str, Meta(min_length=1, max_length=512)]
_Code = Annotated[str, Meta(min_length=1, max_length=64)]
_Secret = Annotated[str, Meta(min_length=1, max_length=256)]


class BadgeSignIn(msgspec.Struct, forbid_unknown_fields=True):
    """Who shows a badge."""

    badge: _Badge


class SecretSignIn(msgspec.Struct, forbid_unknown_fields=True):
    """Who tells a secret."""

    person: _Code
    secret: _Secret


_badged: Final = msgspec.json.Decoder(BadgeSignIn)
_secretly: Final = msgspec.json.Decoder(SecretSignIn)


def people_room(
    database: Database, desk: Desk, limit: RateLimit, *, site: str, gateway: str
) -> Callable[[Guard], Sequence[BaseRoute]]:
    """The routes above, for :func:`edge.web.api.create`."""
    door = _Door(database, desk, limit, {"site": site, "gateway": gateway})

    def routes(guard: Guard) -> Sequence[BaseRoute]:
        return [
            Route("/v1/sign-in", guard(door.sign_in), methods=["POST"]),
            Route("/v1/sign-out", guard(door.sign_out), methods=["POST"]),
            Route("/v1/me", guard(door.me), methods=["GET"]),
        ]

    return routes


class _Door(PairedDoor):
    def __init__(
        self, database: Database, desk: Desk, limit: RateLimit, here: dict[str, str]
    ) -> None:
        super().__init__(database, limit)
        self._desk = desk
        self._here = here

    async def sign_in(self, request: Request) -> Response:
        device, body = await self._posted(request)
        asked = _asked(body)
        try:
            if isinstance(asked, BadgeSignIn):
                person = await self._desk.sign_in_by_badge(device, asked.badge)
            else:
                person = await self._desk.sign_in_by_secret(device, asked.person, asked.secret)
        except TooManyTriesError as error:
            response = refusal(error)
            response.headers["retry-after"] = str(error.seconds)
            return response
        return json_answer(encode(_told(person)))

    async def sign_out(self, request: Request) -> Response:
        device, _ = await self._posted(request)
        await self._desk.sign_out(device)
        return json_answer(encode(_told(None)))

    async def me(self, request: Request) -> Response:
        device = self._device(request)
        reader = self._database.reader
        policy = stock.policy(reader)
        return json_answer(
            encode(
                {
                    "device": device,
                    **_told(people.signed_in(reader, device)),
                    **self._here,
                    "versions": stock.versions(reader),
                    "policy": {
                        "name": policy.name,
                        "undo_minutes": policy.undo_minutes,
                        "max_quantity": policy.max_quantity,
                        "warn_quantity": policy.warn_quantity,
                    },
                }
            )
        )


def _told(person: SignedIn | None) -> dict[str, Any]:
    if person is None:
        return {"person": None, "since": None, "until": None, "may_decide": False}
    return {
        "person": {"code": person.person, "name": person.name, "role": person.role},
        "since": person.since,
        "until": person.until,
        "may_decide": person.may_decide,
    }


def _asked(body: bytes) -> BadgeSignIn | SecretSignIn:
    """What a device asks.

    Raises:
        QuartermasterError: ``request.invalid``, which never quotes what was sent: it is a secret.
    """
    for decoder in (_secretly, _badged):
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    raise QuartermasterError("request.invalid", "either a badge, or person and secret")
