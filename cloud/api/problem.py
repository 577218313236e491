"""One renderer for every refusal: problem documents (RFC 9457) from the error catalogue.

No stack trace ever leaves. What nobody foresaw is logged with a reference, and answered with that
reference only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Annotated, Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from cloud.db import circuit
from shared.errors import Code, QuartermasterError

MEDIA_TYPE: Final = "application/problem+json"
_MAX_ERRORS: Final = 50


class Flaw(BaseModel):
    """One thing that is wrong with a request or a file."""

    where: Annotated[str, Field(description="The parameter, or the line and column.")]
    code: str
    says: str
    do: str = ""


class Problem(BaseModel):
    """What went wrong, in the form of RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:quartermaster:error:request.not-found",
                "title": "There is nothing here with that name.",
                "status": 404,
                "detail": "site AMS9",
                "code": "request.not-found",
                "do": "Check the name and your access to its site.",
                "where": "site",
            }
        }
    )
    type: Annotated[str, Field(description="A URN that ends in the catalogue's stable code.")]
    title: str
    status: int
    detail: str
    code: str
    do: Annotated[str, Field(description="What to do about it.")]
    where: str = ""
    reference: Annotated[str | None, Field(description="Quote this to support.")] = None
    errors: Annotated[list[Flaw] | None, Field(description="All that is wrong, bounded.")] = None


def problem(
    error: QuartermasterError, *, errors: Sequence[Flaw] = (), reference: str | None = None
) -> Problem:
    """The document of one error."""
    return Problem(
        type=f"urn:quartermaster:error:{error.code}",
        title=error.entry.says,
        status=error.entry.status,
        detail=error.detail or error.entry.says,
        code=error.code,
        do=error.entry.do,
        where=error.where,
        reference=reference,
        errors=list(errors) or None,
    )


def respond(content: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer that carries a problem."""
    extra = dict(headers or {})
    if content.status == HTTPStatus.UNAUTHORIZED:
        extra.setdefault("www-authenticate", "Bearer")
    return JSONResponse(
        content.model_dump(exclude_none=True),
        status_code=content.status,
        media_type=MEDIA_TYPE,
        headers=extra,
    )


def responses(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """What a route's OpenAPI entry says of its refusals."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        entry = QuartermasterError(code).entry
        says = by_status.get(entry.status, {}).get("description", "")
        by_status[entry.status] = {
            "description": f"{says} `{code}`: {entry.says}".strip(),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return by_status


_TOO_MANY: Final = {str(status): each for status, each in responses("request.too-many").items()}
"""What every route may answer, before it is asked."""


def install(app: FastAPI) -> None:
    """Give every refusal of ``app`` this face."""
    app.add_exception_handler(QuartermasterError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _refused(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, QuartermasterError):  # pragma: no cover - Starlette dispatches by type
        raise error
    content = problem(error)
    if content.status != HTTPStatus.SERVICE_UNAVAILABLE:
        return respond(content)
    service = getattr(request.app.state, "service", None)
    breaker = None if service is None else circuit(service.pool)
    wait = 0.0 if breaker is None else breaker.retry_after()
    return respond(content, {"retry-after": str(max(1, ceil(wait)))})


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):  # pragma: no cover - as above
        raise error
    flaws = [
        Flaw(
            where=".".join(str(part) for part in flaw["loc"])[:200],
            code="request.invalid",
            says=str(flaw["msg"])[:300],
        )
        for flaw in error.errors()[:_MAX_ERRORS]
    ]
    where = flaws[0].where if flaws else ""
    detail = flaws[0].says if flaws else ""
    return respond(
        problem(QuartermasterError("request.invalid", detail, where=where), errors=flaws)
    )


def _http(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):  # pragma: no cover - as above
        raise error
    code: Code
    match error.status_code:
        case 404:
            code = "request.not-found"
        case 405:
            code = "request.method"
        case 413:
            code = "payload.too-large"
        case _:
            code = "request.invalid"
    return respond(problem(QuartermasterError(code)), error.headers)


def describe(app: FastAPI) -> None:
    """Put the shape of a problem into the OpenAPI document, and take FastAPI's own out."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        schema = plain()
        if fresh:
            shapes = schema.setdefault("components", {}).setdefault("schemas", {})
            found = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            shapes.update(found.pop("$defs", {}))
            shapes["Problem"] = found
            for path in schema.get("paths", {}).values():
                for operation in path.values():
                    operation["responses"].update(_TOO_MANY)
            for name in ("HTTPValidationError", "ValidationError"):
                shapes.pop(name, None)
        return schema

    app.openapi = openapi
