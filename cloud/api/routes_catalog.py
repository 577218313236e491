"""The catalog by file: in, out, and corrected."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from cloud import catalog, tables
from cloud.access import Caller
from cloud.api.guard import ReadCaller, Requires, Service, ServiceDep
from cloud.api.problem import Flaw, problem, respond, responses
from cloud.api.routes_trade import for_all_sites
from cloud.api.shapes import ImportReport, RowFlaw, moment
from cloud.api.shapes_mappings import MappingName, MappingShape, ProposalOptions
from cloud.api.shapes_trade import Then
from cloud.catalog import ImportKind, Report
from cloud.db import Connection
from cloud.tables import WORKBOOK, is_workbook, written
from shared.errors import QuartermasterError

router = APIRouter(prefix="/v1", tags=["catalog"])

PREFIX: Final = "/v1/catalog/"
_CSV: Final = "text/csv"
_FILES: Final[dict[str, Any]] = {
    _CSV: {"schema": {"type": "string"}, "example": catalog.template("items")},
    WORKBOOK: {"schema": {"type": "string", "format": "binary"}},
}
_GIVEN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {WORKBOOK: {"schema": {"type": "string", "format": "binary"}}}}
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The whole file, CSV in UTF-8 or Excel (.xlsx), at most 64 MiB.",
        "content": _FILES,
    }
}


Kind = Annotated[ImportKind, Path(description="What the file holds.")]


Format = Literal["csv", "xlsx"]
_MEDIA: Final[dict[Format, str]] = {"csv": _CSV, "xlsx": WORKBOOK}


class File(Response):
    """A whole file."""

    media_type = _CSV


class FileOptions(BaseModel):
    """Which file."""

    model_config = ConfigDict(extra="forbid")
    format: Annotated[Format, Field(description="CSV in UTF-8, or an Excel workbook.")] = "csv"


class ExportOptions(Then):
    """Which export."""

    format: Annotated[Format, Field(description="CSV in UTF-8, or an Excel workbook.")] = "csv"


class ImportOptions(BaseModel):
    """How to import."""

    model_config = ConfigDict(extra="forbid")
    dry_run: Annotated[bool, Field(description="Only say what would happen.")] = False
    mapping: MappingName | None = None


class CorrectedOptions(BaseModel):
    """How to read the file."""

    model_config = ConfigDict(extra="forbid")
    mapping: MappingName | None = None


@router.post(
    "/catalog/{kind}",
    response_model=ImportReport,
    responses=responses(
        "request.unauthenticated",
        "request.forbidden",
        "payload.too-large",
        "request.invalid",
        "request.not-found",
        "catalog.file",
        "catalog.row",
        "catalog.cycle",
        "database.unreachable",
    ),
    openapi_extra=_BODY,
)
async def post_catalog(
    caller: Annotated[Caller, Depends(Requires("catalog:write"))],
    service: ServiceDep,
    kind: Kind,
    asked: Annotated[ImportOptions, Query()],
    request: Request,
) -> JSONResponse:
    """Import a CSV or Excel file: all of it, or nothing.

    Rows are matched by their natural key, so the same file twice changes nothing. A file with wrong
    rows is answered with every wrong cell: line, column, what is wrong, what to do. The key must be
    for all sites.
    """
    content = await _sent(caller, request)
    report = await run_in_threadpool(
        _import, service, kind, content, asked.mapping, dry_run=asked.dry_run
    )
    if report.errors and not asked.dry_run:
        return _refusal(report)
    return JSONResponse(_report(report).model_dump())


@router.post(
    "/catalog/{kind}/corrected",
    response_class=File,
    responses=_GIVEN
    | responses(
        "request.unauthenticated",
        "request.forbidden",
        "payload.too-large",
        "request.invalid",
        "request.not-found",
        "catalog.file",
        "database.unreachable",
    ),
    openapi_extra=_BODY,
)
async def post_corrected(
    caller: Annotated[Caller, Depends(Requires("catalog:write"))],
    service: ServiceDep,
    kind: Kind,
    asked: Annotated[CorrectedOptions, Query()],
    request: Request,
) -> Response:
    """The file as it came, with a last column that says what is wrong with each row.

    Nothing is imported. Correct the cells and send the file in: the column is passed over.
    """
    content = await _sent(caller, request)
    return await run_in_threadpool(_corrected, service, kind, content, asked.mapping)


@router.post(
    "/catalog/{kind}/proposal",
    responses=responses(
        "request.unauthenticated",
        "request.forbidden",
        "payload.too-large",
        "request.invalid",
        "catalog.file",
        "database.unreachable",
    ),
    openapi_extra=_BODY,
)
async def post_proposal(
    caller: Annotated[Caller, Depends(Requires("catalog:write"))],
    kind: Kind,
    asked: Annotated[ProposalOptions, Query()],
    request: Request,
) -> MappingShape:
    """A first mapping for a file of another system, by the names in its header.

    Nothing is imported or kept. Look it over, complete it, and save it under a name. The key must
    be for all sites.
    """
    content = await _sent(caller, request)
    return MappingShape.of(
        await run_in_threadpool(catalog.proposal, kind, content, header=asked.header)
    )


@router.get(
    "/catalog/{kind}/template",
    response_class=File,
    responses=_GIVEN
    | responses(
        "request.unauthenticated", "request.forbidden", "request.invalid", "database.unreachable"
    ),
)
def get_template(
    caller: ReadCaller, kind: Kind, asked: Annotated[FileOptions, Query()]
) -> Response:
    """An example file that imports as it is, in the order of the kinds."""
    del caller  # the same for everybody
    found = catalog.template(kind) if asked.format == "csv" else catalog.template_workbook(kind)
    return _file(found, f"{kind}-template", asked.format)


@router.get(
    "/catalog/{kind}/export",
    response_class=File,
    responses=_GIVEN
    | responses(
        "request.unauthenticated", "request.forbidden", "request.invalid", "database.unreachable"
    ),
)
def get_export(
    caller: ReadCaller, service: ServiceDep, kind: Kind, asked: Annotated[ExportOptions, Query()]
) -> Response:
    """All that the catalog holds, or held, of a kind: a file whose import changes nothing.

    The key must be for all sites.
    """
    for_all_sites(caller)
    with service.transaction() as connection:
        revision = catalog.revision_as_of(connection, asked.at)
        first = catalog.export_rows(connection, kind, revision=revision)
    parts = _parts(service, kind, revision, *first)
    if asked.format == "xlsx":
        return _file(catalog.workbook(kind, chain.from_iterable(parts)), kind, asked.format)
    return StreamingResponse(
        map(written, parts), media_type=_CSV, headers=_named(kind, asked.format)
    )


def _parts(
    service: Service,
    kind: ImportKind,
    revision: int,
    rows: list[list[str]],
    after: tuple[str, ...] | None,
) -> Iterator[list[list[str]]]:
    """An export in parts, each in a transaction of its own: a slow reader holds none open."""
    yield rows
    while after is not None:
        with service.transaction() as connection:
            rows, after = catalog.export_rows(connection, kind, revision=revision, after=after)
        yield rows


def _named(name: str, form: Format) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}.{form}"'}


def _file(content: bytes | str, name: str, form: Format) -> Response:
    return File(content, media_type=_MEDIA[form], headers=_named(name, form))


async def _sent(caller: Caller, request: Request) -> bytes:
    """The file that a caller who may write the whole catalog has sent."""
    for_all_sites(caller)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _FILES:
        says = f"send {_CSV}, or {WORKBOOK}"
        raise QuartermasterError("request.invalid", says, where="content-type")
    return await request.body()


def _corrected(service: Service, kind: ImportKind, content: bytes, mapping: str | None) -> Response:
    report = _import(service, kind, content, mapping, dry_run=True)
    with service.transaction() as connection:
        columns = _mapping(connection, kind, mapping)
    remarked = catalog.remarked(kind, content, report.errors, columns)
    answer = _file(remarked, f"{kind}-corrected", "xlsx" if is_workbook(content) else "csv")
    if columns is not None and not is_workbook(content):
        answer.headers["content-type"] = f"{_CSV}; charset={columns.encoding}"
    return answer


def _import(
    service: Service, kind: ImportKind, content: bytes, mapping: str | None, *, dry_run: bool
) -> Report:
    at = moment(service.clock.now())
    with service.transaction() as connection:
        return catalog.import_csv(
            connection,
            kind=kind,
            content=content,
            dry_run=dry_run,
            at=at,
            mapping=_mapping(connection, kind, mapping),
        )


def _mapping(
    connection: Connection, kind: ImportKind, name: str | None
) -> tables.ColumnMapping | None:
    if name is None:
        return None
    mapping = tables.saved(connection, name).mapping
    if mapping.kind != kind:
        says = f"{name} reads {mapping.kind}, not {kind}"
        raise QuartermasterError("request.invalid", says, where="mapping")
    return mapping


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
