"""Signing in at the console with code and secret, and out again."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from edge.people import Desk, TooManyTriesError
from edge.web.console import sessions
from edge.web.console.forms import fields_of, line_in
from edge.web.console.pages import Pages, go
from edge.web.console.sessions import Visit
from edge.web.console.visits import SIGN_IN, Visits
from shared.errors import QuartermasterError
from shared.rates import RateLimit

_OVERVIEW: Final = "/console/overview"


class Entrance:
    """Where operators come in and go out.

    Args:
        desk: where people sign in.
        visits: who is in already.
        pages: renders.
    """

    def __init__(self, desk: Desk, visits: Visits, pages: Pages) -> None:
        self._desk = desk
        self._visits = visits
        self._pages = pages
        self._knocks = RateLimit(0.1, 20)

    async def to_front(self, _request: Request) -> Response:
        """Where somebody has left out the last stroke."""
        return RedirectResponse(SIGN_IN, HTTPStatus.PERMANENT_REDIRECT)

    async def front(self, request: Request) -> Response:
        """The sign-in page; whoever is signed in goes on."""
        if self._visits.of(request) is not None:
            return go(_OVERVIEW)
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

    async def sign_in(self, request: Request) -> Response:
        """Take a code and a secret; what is wrong with them is told on the same page.

        Raises:
            QuartermasterError: ``request.form``, ``request.invalid`` or ``request.too-many``.
        """
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
        response = sessions.keep_known(go(_OVERVIEW), self._desk.proof_for(code))
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

    async def sign_out(self, _request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
        """End a session."""
        await self._visits.end(visit)
        return sessions.drop(go(SIGN_IN))
