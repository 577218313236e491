"""Whose browser this is: a cookie that names a session, and forms that only its pages can send.

Rules:

1. the cookie holds 256 random bits; the gateway keeps none of them, only who is signed in at the
   device that their hash names (:mod:`edge.people`): what ends that session ends this one;
2. a token is new with each sign-in, so that none that somebody else knew becomes a session;
3. a browser at which somebody has signed in is known again: strangers' tries do not count there;
4. every form carries a value that follows from the cookie and that no other site can read, and a
   browser that says where a form comes from must name this gateway (OWASP CSRF Prevention).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from edge import people
from edge.db import Connection
from edge.people import Browser, SignedIn
from shared.errors import QuartermasterError

COOKIE: Final = "__Host-qm-console"
"""The prefix makes browsers take it from this host alone, over TLS (RFC 6265bis 4.1.3.2)."""
KNOWN: Final = "__Host-qm-known"
_KNOWN_SECONDS: Final = 180 * 24 * 3600
DEVICE: Final = "console-"
"""How the devices are named that stand for browsers; no scanner is called so."""
FIELD: Final = "form"
_MAX_TOKEN: Final = 128


class Visit(NamedTuple):
    """An operator's browser."""

    token: str
    device: str
    person: SignedIn

    @property
    def form(self) -> str:
        """What its forms carry."""
        return form_of(self.token)


Asked = Callable[[Request, Visit], Awaitable[Response]]
Posted = Callable[[Request, Visit, dict[str, str]], Awaitable[Response]]
"""What answers to an operator: to a question, and to the fields of a form."""


def new_token() -> str:
    """What a cookie holds."""
    return secrets.token_urlsafe(32)


def device_of(token: str) -> str:
    """The device at which a session's person is signed in; it tells nothing of the token."""
    return f"{DEVICE}{hashlib.sha256(f'session {token}'.encode()).hexdigest()[:24]}"


def form_of(token: str) -> str:
    """What the forms of a session's pages carry."""
    return hashlib.sha256(f"form {token}".encode()).hexdigest()


def token_in(cookies: Mapping[str, str]) -> str:
    """The token that a browser shows; empty where it shows none that could be one."""
    token = cookies.get(COOKIE, "")
    return token if token.isascii() and len(token) <= _MAX_TOKEN else ""


def visit(connection: Connection, token: str) -> Visit | None:
    """Whose session this is; None for anybody but an operator whose secret still counts."""
    if not token:
        return None
    device = device_of(token)
    person = people.signed_in(connection, device)
    return Visit(token, device, person) if person is not None and person.may_decide else None


def demand_form(headers: Mapping[str, str], token: str, fields: Mapping[str, str]) -> None:
    """Refuse what another site made a browser send.

    Raises:
        QuartermasterError: ``request.form``.
    """
    from_here = headers.get("sec-fetch-site", "same-origin") == "same-origin"
    origin, host = headers.get("origin"), headers.get("host", "")
    shown = fields.get(FIELD, "").encode("utf-8", "surrogatepass")
    right = bool(token) and hmac.compare_digest(shown, form_of(token).encode())
    if not (right and from_here and origin in {None, f"https://{host}"}):
        raise QuartermasterError("request.form")


def keep(response: Response, token: str) -> Response:
    """Have the browser show this token from now on, until it is closed."""
    response.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="strict")
    return response


def keep_known(response: Response, proof: str) -> Response:
    """Have the browser be known from now on; it is not signed in by that."""
    response.set_cookie(
        KNOWN,
        proof,
        max_age=_KNOWN_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return response


def browser_of(request: Request) -> Browser:
    """Whence somebody comes who is not signed in."""
    return Browser(address_of(request), request.cookies.get(KNOWN, ""))


def address_of(request: Request) -> str:
    """The address that tries are counted at: of IPv6 the network, within which one may choose."""
    text = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def drop(response: Response) -> Response:
    """Have the browser show it no more."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return response
