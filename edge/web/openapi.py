"""What the local API takes and answers, as OpenAPI 3.1, for paired devices: ``/v1/openapi.json``.

Bodies and the answers to scans are derived from the records that read and write them. Of other
answers it says what is always there. Whatever is refused has one shape.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.db import Database
from edge.fallback.requests import AllocationRequest, OverrideRequest, RouteRequest
from edge.web import devices
from edge.web.guard import Guard, encode, json_answer
from edge.web.pairing import PairRequest
from edge.web.people import BadgeSignIn, SecretSignIn
from shared.policy import DECISION_KINDS

Schema = dict[str, Any]
_REF: Final = "#/components/schemas/{name}"
_OWN: Final[tuple[type, ...]] = (
    AllocationRequest,
    OverrideRequest,
    RouteRequest,
    PairRequest,
    BadgeSignIn,
    SecretSignIn,
)
_SAYS: Final = {
    200: "Done.",
    304: "As you have it.",
    401: "The token of a paired device is needed.",
    403: "Somebody else may do that.",
    404: "That is not here.",
    409: "It was done already, or differently, or cannot be done any more.",
    413: "Too large.",
    422: "It cannot be taken as it is.",
    429: "Too many; Retry-After says for how long to wait.",
    501: "What does that is not installed at this gateway.",
    503: "Not yet: what is needed has not come down.",
    507: "No room, or the store is damaged. Nothing was changed; send it again later.",
}


class Query(NamedTuple):
    """A parameter in the address."""

    name: str
    schema: Schema


class Operation(NamedTuple):
    """One method at one path."""

    method: Literal["get", "post"]
    path: str
    says: str
    good: Schema
    bad: tuple[int, ...] = ()
    body: Schema | None = None
    query: tuple[Query, ...] = ()
    media: str = "application/json"
    public: bool = False


def _ref(name: str) -> Schema:
    return {"$ref": _REF.format(name=name)}


def _with(*fields: str) -> Schema:
    return {"type": "object", "required": list(fields)}


def _upto(most: int, least: int = 1) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


_TEXT: Final[Schema] = {"type": "string"}
_LIMIT: Final = Query("limit", _upto(500))
_SCAN: Final[Schema] = {"anyOf": [_ref("ScanRequest"), _ref("Scans")]}
_SCANNED: Final[Schema] = {"anyOf": [_ref("Answer"), _ref("Answers")]}
_PERSON: Final = _with("person", "since", "until", "may_decide")
_SENT: Final = (413, 422, 429, 507)
_OPERATIONS: Final = (
    Operation(
        "post",
        "/v1/scans",
        "One scan, answered with the status of its outcome; or up to 256, answered one by one.",
        _SCANNED,
        (403, 404, 409, *_SENT, 503),
        _SCAN,
    ),
    Operation(
        "post",
        "/v1/undo",
        "Take a scan back.",
        _ref("Answer"),
        (403, 404, 409, *_SENT),
        _ref("UndoRequest"),
    ),
    Operation(
        "get",
        "/v1/stock",
        "What lies where.",
        _with("lines", "next", "versions"),
        (422,),
        query=(
            Query("sku", _TEXT),
            Query("location", _TEXT),
            Query("limit", _upto(1000)),
            Query("after", {"type": "string", "pattern": "^([0-9a-f]{2})+$"}),
        ),
    ),
    Operation(
        "get",
        "/v1/items/{code}",
        "An item by SKU, GTIN or label: on hand, where, lots and their expiry.",
        _with("sku", "name", "on_hand", "lines", "versions"),
        (404, 422),
    ),
    Operation(
        "get",
        "/v1/locations",
        "The site's locations with their role.",
        _with("version", "locations"),
        (304,),
    ),
    Operation(
        "get",
        "/v1/tasks",
        "Tasks by urgency, with what is expected, done and left.",
        _with("tasks", "versions"),
        (422,),
        query=(
            Query("kind", _TEXT),
            Query("zone", _TEXT),
            Query("status", {"enum": ["open", "started", "done", "short", "withdrawn"]}),
            _LIMIT,
        ),
    ),
    Operation(
        "get",
        "/v1/tasks/{code}",
        "One task.",
        _with("code", "kind", "status", "lines", "versions"),
        (404, 422),
    ),
    Operation(
        "post",
        "/v1/tasks/{code}",
        "Begin a task, finish it, or give up what is left.",
        _ref("TaskAnswer"),
        (403, 404, 409, *_SENT),
        _ref("TaskAction"),
    ),
    Operation(
        "get",
        "/v1/accuracy",
        "Inventory-record accuracy by zone.",
        _with("zones", "days"),
        (422,),
        query=(Query("days", _upto(3660)),),
    ),
    Operation(
        "get",
        "/v1/exceptions",
        "What a person should look at.",
        _with("exceptions"),
        (422,),
        query=(Query("status", {"enum": ["open", "resolved", "all"]}), _LIMIT),
    ),
    Operation(
        "post",
        "/v1/exceptions",
        "Somebody should look at this.",
        _ref("ExceptionAnswer"),
        (409, *_SENT),
        _ref("ExceptionReport"),
    ),
    Operation(
        "get",
        "/v1/exceptions/{name}/photo",
        "The photo, where one was kept.",
        {"type": "string", "contentEncoding": "binary"},
        (404, 422),
        media="image/jpeg",
    ),
    Operation(
        "post",
        "/v1/exceptions/{name}/label",
        "What the label on the photo says, null where it cannot be told for sure; its codes.",
        _with("exception", "lot", "expiry", "confidence", "text", "model", "seq", "codes"),
        (404, 413, 422, 429, 501),
    ),
    Operation(
        "post",
        "/v1/exceptions/{name}/resolve",
        "An exception is done with; by an operator who showed a secret.",
        _ref("ExceptionAnswer"),
        (403, 404, 409, *_SENT),
        _ref("Resolution"),
    ),
    Operation(
        "get",
        "/v1/decisions",
        "What the gateway decided by itself, the newest first.",
        _with("decisions", "next", "alone", "narrowed", "versions"),
        (404, 422),
        query=(
            Query("since", _upto(2**53, 0)),
            Query("kind", {"enum": list(DECISION_KINDS)}),
            Query("before", {"type": "string", "format": "uuid"}),
            _LIMIT,
        ),
    ),
    Operation(
        "post",
        "/v1/decisions/{id}/override",
        "An operator decides otherwise.",
        _with("id", "kind", "override"),
        (403, 404, 409, *_SENT),
        _ref("OverrideRequest"),
    ),
    Operation(
        "post",
        "/v1/allocations",
        "Promise stock to an order, whole, within the leases.",
        _with("id", "outcome", "leases", "remaining"),
        (403, 409, *_SENT, 503),
        _ref("AllocationRequest"),
    ),
    Operation(
        "post",
        "/v1/routes",
        "Where a pallet goes.",
        _with("id", "outcome"),
        (403, 409, *_SENT, 503),
        _ref("RouteRequest"),
    ),
    Operation("get", "/v1/leases", "What may be promised.", _with("leases", "versions")),
    Operation(
        "post",
        "/v1/sign-in",
        "Somebody is at this device: by badge, or by code and secret.",
        _PERSON,
        (403, 413, 422, 429, 503, 507),
        {"anyOf": [_ref("BadgeSignIn"), _ref("SecretSignIn")]},
    ),
    Operation("post", "/v1/sign-out", "Nobody is at this device.", _PERSON, (429, 507)),
    Operation(
        "get",
        "/v1/me",
        "Device, person, versions in force, what the policy allows.",
        _with("device", "person", "site", "gateway", "versions", "policy"),
    ),
    Operation("get", "/v1/status", "The whole state.", _with("gateway", "versions", "link")),
    Operation("get", "/v1/openapi.json", "This document.", _with("openapi", "paths")),
    Operation(
        "post",
        "/v1/pair",
        "A one-time code for a device's name and token.",
        _with("device", "token"),
        (403, 413, 422, 429, 507),
        _ref("PairRequest"),
        public=True,
    ),
    Operation("get", "/healthz", "The process answers.", _with("status"), public=True),
    Operation(
        "get",
        "/readyz",
        "Whether scans can be taken.",
        _with("ready", "why"),
        (503,),
        public=True,
    ),
    Operation(
        "get",
        "/metrics",
        "For Prometheus.",
        _TEXT,
        media="text/plain",
        public=True,
    ),
)


def document(records: Sequence[type], version: str) -> Schema:
    """The document; ``records`` are those of the rooms that the rim does not know by name."""
    _, found = msgspec.json.schema_components([*_OWN, *records], ref_template=_REF)
    schemas: Schema = {name: _plain(schema) for name, schema in sorted(found.items())}
    scans = {"type": "array", "items": _ref("ScanRequest"), "minItems": 1, "maxItems": 256}
    answers = {"type": "array", "items": _ref("Answer")}
    schemas["Scans"] = {
        "type": "object",
        "required": ["scans"],
        "properties": {"scans": scans},
        "additionalProperties": False,
    }
    schemas["Answers"] = {**_with("answers"), "properties": {"answers": answers}}
    error = {**_with("code", "says", "do"), "properties": {"code": _TEXT}}
    schemas["Refused"] = {**_with("error"), "properties": {"error": error}}
    paths: dict[str, Schema] = {}
    for operation in _OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _told(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Quartermaster gateway",
            "version": version,
            "description": "A gateway's local API. Times are microseconds, quantities base units. "
            "A request with an id may be sent again: it is done once.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"device": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"device": []}],
    }


def routes(
    database: Database, records: Sequence[type], version: str
) -> Callable[[Guard], Sequence[BaseRoute]]:
    """``GET /v1/openapi.json``, for paired devices."""
    body = encode(document(records, version))

    async def get(request: Request) -> Response:
        devices.authenticate(database.reader, request.headers.get("authorization"))
        return json_answer(body)

    return lambda guard: [Route("/v1/openapi.json", guard(get), methods=["GET"])]


def _told(operation: Operation) -> Schema:
    bad = operation.bad if operation.public else (401, *operation.bad)
    answers: Schema = {"200": _answer(200, operation.good, operation.media)}
    for status in sorted(bad):
        content = None if status == 304 else _ref("Refused")
        if operation.path == "/readyz":
            content = operation.good
        answers[str(status)] = _answer(status, content)
    told: Schema = {
        "summary": operation.says,
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": {**_TEXT, "minLength": 1}}
                for name in _names_in(operation.path)
            ),
            *(
                {"name": each.name, "in": "query", "schema": each.schema}
                for each in operation.query
            ),
        ],
        "responses": answers,
    }
    if operation.body is not None:
        content = {"application/json": {"schema": operation.body}}
        told["requestBody"] = {"required": True, "content": content}
    return told | ({"security": []} if operation.public else {})


def _answer(status: int, schema: Schema | None, media: str = "application/json") -> Schema:
    told: Schema = {"description": _SAYS[status]}
    return told | ({"content": {media: {"schema": schema}}} if schema is not None else {})


def _names_in(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _plain(schema: Any) -> Any:
    """The schema in the dialect of the web: patterns end with ``$``, texts stand at the margin."""
    if isinstance(schema, Mapping):
        return {name: _said(name, value) for name, value in schema.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(schema, list):
        return [_plain(each) for each in schema]  # pyright: ignore[reportUnknownVariableType]
    return schema


def _said(name: object, value: Any) -> Any:
    if name == "pattern" and isinstance(value, str):
        return value.replace(r"\Z", "$")
    if name == "description" and isinstance(value, str):
        return inspect.cleandoc(value)
    return _plain(value)
