"""The same answers in other forms: whole lists as CSV, and only what the client has not got yet.

Plain ASGI layers around all routes, so that no route does either by itself.

- A list that is asked for as ``text/csv`` is answered whole, page by page as it is read: each page
  is a transaction of its own and goes on after the last row of the one before. Should one fail,
  the answer breaks off: a client never takes a part for the whole.
- Every JSON answer to a GET has an entity tag; asked with ``If-None-Match``, an answer that is
  still the same is 304 (RFC 9110, 13.1.2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeGuard, cast
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.api.paging import MAX_LIMIT, Page, Paged
from cloud.api.rates import KNOWN
from cloud.tables import written

_CSV: Final = "text/csv"
_JSON: Final = "application/json"


class _Answer(NamedTuple):
    """A whole answer of the application inside."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Csv:
    """Lists as CSV, for who accepts ``text/csv``; what is no list is answered as ever."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection scope."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _accepts_csv(scope):
            await self._app(scope, receive, send)
            return
        listing = listing_at(scope["app"], scope["path"])
        if listing is None:
            await self._app(scope, receive, send)
            return
        given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        asked = [pair for pair in given if pair[0] != "limit"]
        if listing.paged:
            asked.append(("limit", str(MAX_LIMIT)))
        first = await self._page(scope, receive, asked)
        if first.status != 200:
            await Response(first.body, first.status, dict(_text(first.headers)))(
                scope, receive, send
            )
            return
        name = scope["path"].strip("/").rpartition("/")[2]
        answer = StreamingResponse(
            self._rows(scope, receive, asked, listing.columns, first),
            media_type=f"{_CSV}; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}.csv"', "vary": "accept"},
        )
        await answer(scope, receive, send)

    async def _rows(
        self,
        scope: Scope,
        receive: Receive,
        asked: Sequence[tuple[str, str]],
        columns: Sequence[str],
        page: _Answer,
    ) -> AsyncIterator[str]:
        yield written([columns])
        going_on = [pair for pair in asked if pair[0] != "cursor"]
        while True:
            read = json.loads(page.body)
            yield written([[_cell(row, column) for column in columns] for row in read["items"]])
            if read["next"] is None:
                return
            page = await self._page(scope, receive, [*going_on, ("cursor", read["next"])])
            if page.status != 200:
                raise RuntimeError(f"a list broke off with {page.status}")

    async def _page(
        self, scope: Scope, receive: Receive, asked: Sequence[tuple[str, str]]
    ) -> _Answer:
        """One page as JSON. Whose request it is and where it went is noted in the request."""
        headers = [(key, value) for key, value in scope["headers"] if key != b"accept"]
        inner = {
            **scope,
            "query_string": urlencode(asked).encode("latin-1"),
            "headers": [*headers, (b"accept", _JSON.encode())],
        }
        answer = await _whole(self._app, inner, receive)
        scope.update({key: inner[key] for key in ("route", KNOWN) if key in inner})
        return answer


class Validators:
    """Entity tags for JSON answers, and 304 for who has the same already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection scope."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        held: list[Message] = []
        known = Headers(scope=scope).get("if-none-match", "")

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                kind = Headers(raw=message["headers"]).get("content-type", "")
                if message["status"] == 200 and kind == _JSON:
                    held.append(message)
                    return
            elif held:
                held.append(message)
                if not message.get("more_body"):
                    for each in _validated(held, known):
                        await send(each)
                return
            await send(message)

        await self._app(scope, receive, tagged)


def _validated(held: Sequence[Message], known: str) -> list[Message]:
    """An answer with its tag, or 304 where the client named it."""
    start, *parts = held
    body = b"".join(part.get("body", b"") for part in parts)
    headers: list[tuple[bytes, bytes]] = list(start["headers"])
    tag = dict(headers).get(b"etag", b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"')
    headers = [pair for pair in headers if pair[0] not in {b"etag", b"cache-control"}]
    headers += [(b"etag", tag), (b"cache-control", b"private, no-cache")]
    named = {each.strip().removeprefix("W/") for each in known.split(",")}
    if tag.decode("latin-1") in named or known.strip() == "*":
        kept = [pair for pair in headers if pair[0] not in {b"content-length", b"content-type"}]
        return [
            {**start, "status": 304, "headers": kept},
            {"type": "http.response.body", "body": b""},
        ]
    return [{**start, "headers": headers}, {"type": "http.response.body", "body": body}]


class Listing(NamedTuple):
    """A route that answers a list: its columns, and whether it comes in pages."""

    columns: list[str]
    paged: bool


def listing_at(app: FastAPI, path: str) -> Listing | None:
    """The list at a path; None where there is none."""
    for route in iter_route_contexts(app.routes):
        if route.path_regex.match(path) and (found := listing_of(route)) is not None:
            return found
    return None


def listing_of(route: RouteContext) -> Listing | None:
    """What a route lists, by its declared answer."""
    model: Any = getattr(route, "response_model", None)
    if not _is_model(model) or not issubclass(model, Page) or "GET" not in (route.methods or ()):
        return None
    (row,) = model.__pydantic_generic_metadata__["args"]
    asked = (each.field_info.annotation for each in route.dependant.query_params)
    paged = any(_is_model(kind) and issubclass(kind, Paged) for kind in asked)
    return Listing(flattened(row), paged)


def flattened(row: type[BaseModel], prefix: str = "") -> list[str]:
    """A row's columns; what lies within another thing has a point in its name."""
    columns: list[str] = []
    for name, field in row.model_fields.items():
        label = prefix + (field.serialization_alias or field.alias or name)
        if _is_model(field.annotation):
            columns += flattened(field.annotation, f"{label}.")
        else:
            columns.append(label)
    return columns


def _is_model(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _cell(row: Mapping[str, Any], column: str) -> str | float:
    value: Any = row
    for part in column.split("."):
        value = cast("dict[str, Any]", value).get(part) if isinstance(value, dict) else None
    told: Any = value
    match told:
        case None:
            return ""
        case bool():
            return "true" if told else "false"
        case dict() | list():
            return json.dumps(told, separators=(",", ":"), ensure_ascii=False)
        case int() | float():
            return told
        case _:
            return str(told)


def _accepts_csv(scope: Scope) -> bool:
    accepted = Headers(scope=scope).get("accept", "")
    return any(each.partition(";")[0].strip() == _CSV for each in accepted.split(","))


def _text(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(key.decode("latin-1"), value.decode("latin-1")) for key, value in headers]


async def _whole(app: ASGIApp, scope: Scope, receive: Receive) -> _Answer:
    status, headers, parts = 500, list[tuple[bytes, bytes]](), list[bytes]()

    async def keep(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    return _Answer(status, headers, b"".join(parts))


def describe_lists(app: FastAPI) -> None:
    """Say in the OpenAPI document which answers there are as CSV, too."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        schema = plain()
        if fresh:
            for route in iter_route_contexts(app.routes):
                if listing_of(route) is not None:
                    answer = schema["paths"][route.path]["get"]["responses"]["200"]
                    answer["content"][_CSV] = {"schema": {"type": "string"}}
        return schema

    app.openapi = openapi
