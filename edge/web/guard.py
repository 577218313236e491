"""What every route of the gateway's door shares: errors in words, bounded bodies, JSON out."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.errors import Code, QuartermasterError

_log: Final[Any] = structlog.get_logger("edge.web")
MAX_BODY: Final = 256 * 1024
encode: Final = msgspec.json.Encoder().encode

Handler = Callable[[Request], Awaitable[Response]]
Guard = Callable[[Handler], Handler]
"""Wraps a handler so that whatever it raises becomes an answer of the catalogue."""


def guarded(handler: Handler, noticed: Callable[[Exception], QuartermasterError | None]) -> Handler:
    """Turn every error into an answer of the catalogue; no stack trace leaves the house.

    ``noticed`` tells whether an error means that the database is damaged.
    """

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except QuartermasterError as error:
            return refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001 - the last door before a person
            if damage := noticed(error):
                return refusal(damage)
            reference = secrets.token_hex(4)
            _log.exception("web.unexpected", reference=reference, path=request.url.path)
            return refusal(QuartermasterError("internal.unexpected", f"reference {reference}"))

    return answer


async def http_error(_request: Request, error: Exception) -> Response:
    """A path or method that is not there."""
    code: Code = "request.not-found"
    if isinstance(error, HTTPException) and error.status_code != 404:
        code = "request.invalid"
        return refusal(QuartermasterError(code, error.detail), error.status_code)
    return refusal(QuartermasterError(code))


def refusal(error: QuartermasterError, status: int | None = None) -> Response:
    """An error as an answer."""
    response = json_answer(encode({"error": error.as_dict()}), status or error.entry.status)
    if error.code == "request.too-many":
        response.headers["retry-after"] = "1"
    if error.code == "request.unauthenticated":
        response.headers["www-authenticate"] = "Bearer"
    return response


def json_answer(body: bytes, status: int = 200) -> Response:
    """JSON that nobody keeps."""
    return Response(
        body,
        status_code=status,
        headers={"content-type": "application/json", "cache-control": "no-store"},
    )


async def body_of(request: Request) -> bytes:
    """The body, never more of it than is allowed.

    Raises:
        QuartermasterError: ``payload.too-large``.
    """
    with suppress(ValueError):
        if int(request.headers.get("content-length", "0")) > MAX_BODY:
            raise QuartermasterError("payload.too-large", f"at most {MAX_BODY} bytes")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise QuartermasterError("payload.too-large", f"at most {MAX_BODY} bytes")
        parts.append(part)
    return b"".join(parts)
