"""Bring the catalog in, by file."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from cloud import catalog
from cloud.access import Caller
from cloud.api.guard import Requires, Service, ServiceDep
from cloud.api.problem import Flaw, problem, respond, responses
from cloud.api.shapes import ImportReport, RowFlaw
from cloud.catalog import ImportKind, Report
from shared.errors import QuartermasterError

router = APIRouter(prefix="/v1", tags=["catalog"])

PREFIX: Final = "/v1/catalog/"
_CSV: Final = "text/csv"
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The whole file, UTF-8, at most 64 MiB.",
        "content": {
            _CSV: {
                "schema": {"type": "string"},
                "example": catalog.template("items"),
            }
        },
    }
}


class ImportOptions(BaseModel):
    """How to import."""

    model_config = ConfigDict(extra="forbid")
    dry_run: Annotated[bool, Field(description="Only say what would happen.")] = False


@router.post(
    "/catalog/{kind}",
    response_model=ImportReport,
    responses=responses(
        "request.unauthenticated",
        "request.forbidden",
        "payload.too-large",
        "request.invalid",
        "catalog.file",
        "catalog.row",
        "database.unreachable",
    ),
    openapi_extra=_BODY,
)
async def post_catalog(
    caller: Annotated[Caller, Depends(Requires("catalog:write"))],
    service: ServiceDep,
    kind: Annotated[ImportKind, Path(description="What the file holds.")],
    asked: Annotated[ImportOptions, Query()],
    request: Request,
) -> JSONResponse:
    """Import a CSV file: all of it, or nothing.

    Rows are matched by their natural key, so the same file twice changes nothing. A file with wrong
    rows is answered with every wrong cell: line, column, what is wrong, what to do. The key must be
    for all sites.
    """
    if caller.sites is not None:
        raise QuartermasterError("request.forbidden", "a key for all sites is needed")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != _CSV:
        raise QuartermasterError("request.invalid", f"send {_CSV}", where="content-type")
    content = await request.body()
    report = await run_in_threadpool(_import, service, kind, content, dry_run=asked.dry_run)
    if report.errors and not asked.dry_run:
        return _refusal(report)
    return JSONResponse(_report(report).model_dump())


def _import(service: Service, kind: ImportKind, content: bytes, *, dry_run: bool) -> Report:
    with service.transaction() as connection:
        return catalog.import_csv(connection, kind=kind, content=content, dry_run=dry_run)


def _refusal(report: Report) -> JSONResponse:
    flaws = [
        Flaw(
            where=f"line {error.line} {error.column}", code=error.code, says=error.says, do=error.do
        )
        for error in report.errors
    ]
    count = len(report.errors) + report.more_errors
    says = f"{count} errors in {report.rows} rows; nothing was imported"
    return respond(problem(QuartermasterError("catalog.row", says), errors=flaws))


def _report(report: Report) -> ImportReport:
    flaws = [RowFlaw.model_validate(error._asdict()) for error in report.errors]
    return ImportReport(
        kind=report.kind,
        dry_run=report.dry_run,
        rows=report.rows,
        inserted=report.inserted,
        changed=report.changed,
        unchanged=report.unchanged,
        revision=report.revision,
        errors=flaws,
        more_errors=report.more_errors,
    )
