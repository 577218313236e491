"""Any slice of the ledger as EPCIS 2.0 (JSON-LD): in pages, or whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from cloud.access import Caller
from cloud.api.guard import ReadCaller, Service, ServiceDep, own_site
from cloud.api.paging import Cursor, Paged
from cloud.api.problem import responses
from cloud.api.shapes import ItemCode, Lot, Moment, SiteCode, micros
from cloud.ledger.epcis.service import START, Key, Slice, document, page, written

_CURSOR: Final = Cursor("epcis", "text", "bigint", "int", "int", "bigint", "int")
_MEDIA: Final = "application/ld+json"
_HEADERS: Final = {"GS1-EPCIS-Version": "2.0", "GS1-CBV-Version": "2.0"}

router = APIRouter(prefix="/v1/epcis", tags=["epcis"])

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
) | {
    200: {
        "description": "An EPCIS 2.0 document.",
        "content": {_MEDIA: {"schema": {"type": "object"}}},
        "headers": {
            "Link": {
                "description": "`rel=next`: the following page, where there is one.",
                "schema": {"type": "string"},
            }
        },
    }
}


class LinkedData(JSONResponse):
    """JSON-LD."""

    media_type = _MEDIA


class SliceFilter(BaseModel):
    """Which part of the ledger."""

    model_config = ConfigDict(extra="forbid")
    site: SiteCode | None = None
    item: ItemCode | None = None
    lot: Lot | None = None
    since: Annotated[Moment | None, Field(description="Received at or after.")] = None
    until: Annotated[Moment | None, Field(description="Received at or before.")] = None


class EventFilter(SliceFilter, Paged):
    """Which part of the ledger, and which page of it; `limit` counts movements."""


@router.get("/events", responses=_ANSWERS, response_class=LinkedData)
def get_events(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[EventFilter, Query()]
) -> Response:
    """EPCIS events, the oldest received first; `Link` names the next page, until there is none."""
    after = _key(_CURSOR.read(asked.cursor))
    wanted = _slice(service, caller, asked)
    with service.transaction() as connection:
        found = page(connection, wanted, after, limit=asked.limit)
    headers = dict(_HEADERS)
    if found.next is not None:
        headers["Link"] = f'<?cursor={_CURSOR.write(found.next)}>; rel="next"'
    return LinkedData(document(found.events, service.clock.now()), headers=headers)


@router.get("/document", responses=_ANSWERS, response_class=LinkedData)
def get_document(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[SliceFilter, Query()]
) -> StreamingResponse:
    """The whole slice as one EPCIS document, written while it is read."""
    wanted = _slice(service, caller, asked)

    def told() -> Iterator[dict[str, Any]]:
        after: Key | None = START
        while after is not None:
            with service.transaction() as connection:
                found = page(connection, wanted, after)
            yield from found.events
            after = found.next

    text = written(told(), service.clock.now(), json.dumps)
    return StreamingResponse(text, media_type=_MEDIA, headers=_HEADERS)


def _slice(service: Service, caller: Caller, asked: SliceFilter) -> Slice:
    if asked.site is not None:
        with service.transaction() as connection:
            own_site(connection, caller, asked.site)
    return Slice(
        caller.sites, asked.site, asked.item, asked.lot, micros(asked.since), micros(asked.until)
    )


def _key(read: tuple[int | str, ...] | None) -> Key:
    if read is None:
        return START
    stage, *rest = read
    at, gateway, epoch, seq, leg = (int(part) for part in rest)
    return (str(stage), at, gateway, epoch, seq, leg)
