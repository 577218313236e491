"""Feeds: how they do, what came by them, and the doors by which other systems deliver.

"Answer first, work after": what is sent is kept in one short transaction and answered; the worker
applies it. Whoever sends a webhook proves itself by the feed's secret; everybody else has a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from cloud import feeds
from cloud.access import Caller
from cloud.api.guard import Public, ReadCaller, Requires, Service, ServiceDep
from cloud.api.paging import Cursor, Page
from cloud.api.problem import Flaw as ProblemFlaw
from cloud.api.problem import problem, respond, responses
from cloud.api.rates import KNOWN
from cloud.api.shapes_feeds import (
    DeliveryFilter,
    DeliveryLine,
    FeedCode,
    FeedFilter,
    FeedLine,
    MappingFilter,
    MappingLine,
    NewMapping,
    SendOptions,
    Taken,
    Would,
    delivery_line,
    feed_line,
    mapping_line,
    would,
    wrong,
)
from cloud.feeds import Arrival, Feed, Flaw, Incoming, content_key
from cloud.feeds.model import MAX_FILE, MAX_KEY, MAX_WEBHOOK
from cloud.feeds.posted import read_content
from cloud.feeds.senders import proven
from shared.errors import QuartermasterError

PREFIX: Final = "/v1/feeds/"
LARGEST: Final = MAX_FILE

_FEEDS: Final = Cursor("feeds", "text")
_DELIVERIES: Final = Cursor("deliveries", "text", "bigint")
_WEBHOOK: Final = Depends(Public("who delivers proves itself by the feed's secret"))

router = APIRouter(prefix="/v1", tags=["feeds"])

Code = Annotated[FeedCode, Path()]
Writer = Annotated[Caller, Depends(Requires("feeds:write"))]

_ONE: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "feed.unknown",
    "database.unreachable",
)
_SENT: Final = responses(
    "request.unauthenticated",
    "request.forbidden",
    "feed.unknown",
    "feed.off",
    "feed.key-reused",
    "feed.content",
    "feed.document",
    "payload.too-large",
    "request.invalid",
    "database.unreachable",
)
_PROVEN: Final = responses(
    "webhook.unsigned",
    "webhook.stale",
    "feed.wrong-sender",
    "feed.secret",
    "feed.unknown",
    "feed.off",
    "feed.key-reused",
    "payload.too-large",
    "request.invalid",
    "database.unreachable",
)


def _body(*media: str) -> dict[str, Any]:
    content = {each: {"schema": {"type": "string", "format": "binary"}} for each in media}
    return {"requestBody": {"required": True, "content": content}}


_JSON: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "A document with its `type`, or several under `documents`.",
                },
                "example": {
                    "type": "tracking",
                    "reference": {"numbering": "tracking", "scope": "UPS", "number": "1Z2345"},
                    "shipment": [{"numbering": "tracking", "scope": "UPS", "number": "1Z2345"}],
                    "at": 1772366400000000,
                    "status": "in-transit",
                },
            }
        },
    }
}


@router.get("/feeds", responses=_ONE)
def get_feeds(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[FeedFilter, Query()]
) -> Page[FeedLine]:
    """Feeds by code: freshness, lag, errors, what reconciliation found.

    A key of some sites sees the feeds of these.
    """
    after = _FEEDS.read(asked.cursor)
    now = service.clock.now()
    with service.transaction() as connection:
        found = feeds.feeds(
            connection,
            sites=caller.sites,
            kind=asked.kind,
            after=None if after is None else str(after[0]),
            limit=asked.limit + 1,
        )
        health = feeds.health(connection, found, now=now)
    keyed = [(feed_line(each, health[each.feed_id], now), (each.code,)) for each in found]
    items, following = _FEEDS.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/feeds/{code}", responses=_ONE)
def get_feed(caller: ReadCaller, service: ServiceDep, code: Code) -> FeedLine:
    """One feed and how it does."""
    now = service.clock.now()
    with service.transaction() as connection:
        found = _own(caller, feeds.feed(connection, code))
        health = feeds.health(connection, [found], now=now)
    return feed_line(found, health[found.feed_id], now)


@router.get("/feeds/{code}/deliveries", responses=_ONE)
def get_deliveries(
    caller: ReadCaller, service: ServiceDep, code: Code, asked: Annotated[DeliveryFilter, Query()]
) -> Page[DeliveryLine]:
    """What came by a feed, the newest first, and what became of it."""
    after = _DELIVERIES.read(asked.cursor)
    with service.transaction() as connection:
        found = _own(caller, feeds.feed(connection, code))
        rows = feeds.deliveries(
            connection,
            found,
            standing=asked.standing,
            after=None if after is None else int(after[1]),
            limit=asked.limit + 1,
        )
    keyed = [(delivery_line(row), (code, row.delivery_id)) for row in rows]
    items, following = _DELIVERIES.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/feeds/{code}/deliveries/{delivery}", responses=_ONE | responses("request.not-found"))
def get_delivery(
    caller: ReadCaller,
    service: ServiceDep,
    code: Code,
    delivery: Annotated[int, Path(ge=1, lt=2**63)],
) -> DeliveryLine:
    """One delivery and what became of it."""
    with service.transaction() as connection:
        found = _own(caller, feeds.feed(connection, code))
        return delivery_line(feeds.delivery(connection, found, delivery))


@router.post(
    "/feeds/{code}/deliveries/{delivery}/retry",
    responses=_ONE | responses("request.not-found", "request.conflict"),
)
def post_retry(
    caller: Writer,
    service: ServiceDep,
    code: Code,
    delivery: Annotated[int, Path(ge=1, lt=2**63)],
) -> DeliveryLine:
    """Have a delivery read again, once what was wrong with it is mended."""
    with service.transaction() as connection:
        found = _own(caller, feeds.feed(connection, code))
        feeds.retry(connection, found, delivery, now=service.clock.now())
        return delivery_line(feeds.delivery(connection, found, delivery))


@router.get("/feeds/{code}/items", responses=_ONE)
def get_mappings(
    caller: ReadCaller, service: ServiceDep, code: Code, asked: Annotated[MappingFilter, Query()]
) -> Page[MappingLine]:
    """What a feed's own codes mean, by code; a page of at most 500."""
    with service.transaction() as connection:
        _own(caller, feeds.feed(connection, code))
        rows = feeds.mappings(connection, code, everything=asked.history, limit=asked.limit)
    return Page(items=[mapping_line(row) for row in rows])


@router.post("/feeds/{code}/items", responses=_ONE | responses("request.not-found"))
def post_mapping(
    caller: Writer, service: ServiceDep, code: Code, asked: NewMapping
) -> Page[MappingLine]:
    """Say what one of a feed's codes means from now on; what it meant before is kept."""
    now = service.clock.now()
    with service.transaction() as connection:
        _own(caller, feeds.feed(connection, code))
        feeds.map_item(
            connection,
            code,
            asked.theirs,
            asked.sku,
            quantity=asked.quantity,
            by=caller.name or caller.key_id,
            now=now,
        )
        rows = feeds.mappings(connection, code, theirs=asked.theirs, everything=True)
    return Page(items=[mapping_line(row) for row in rows])


@router.post(
    "/feeds/{code}/webhooks",
    responses=_PROVEN,
    dependencies=[_WEBHOOK],
    openapi_extra=_body("application/json"),
)
async def post_webhook(service: ServiceDep, code: Code, request: Request) -> Taken:
    """Deliver by a signed webhook: Shopify's signature, or Standard Webhooks."""
    body = await _sent(request, MAX_WEBHOOK)
    headers = {name.lower(): value for name, value in request.headers.items()}
    taken = await run_in_threadpool(_webhook, service, code, headers, body)
    request.scope[KNOWN] = True
    return taken


@router.post(
    "/feeds/{code}/documents",
    response_model=Taken | Would,
    responses=_SENT,
    openapi_extra=_JSON,
    status_code=202,
)
async def post_documents(  # noqa: PLR0917 - FastAPI hands them in by name
    caller: Writer,
    service: ServiceDep,
    code: Code,
    asked: Annotated[SendOptions, Query()],
    request: Request,
    idempotency_key: Annotated[
        str,
        Header(min_length=1, max_length=MAX_KEY, description="The same again is answered alike."),
    ],
) -> Any:
    """Post documents in our own form (see `documents`), all of them or none.

    The same key with the same body gives the same answer and does nothing more; with another body
    it is refused. A dry run says what would happen.
    """
    body = await _sent(request, MAX_WEBHOOK)
    arrival = Arrival(body, idempotency_key, "documents")
    if asked.dry_run:
        return await run_in_threadpool(_dry_run, service, caller, code, arrival)
    return await run_in_threadpool(_documents, service, caller, code, arrival)


@router.post(
    "/feeds/{code}/files",
    responses=_SENT,
    openapi_extra=_body("text/csv", "application/octet-stream"),
    status_code=202,
)
async def post_file(
    caller: Writer,
    service: ServiceDep,
    code: Code,
    asked: Annotated[SendOptions, Query()],
    request: Request,
) -> Taken | Would:
    """Send a file as the feed's kind has it; the same content again changes nothing."""
    body = await _sent(request, MAX_FILE)
    arrival = Arrival(body, content_key(body), "", "file")
    if asked.dry_run:
        return await run_in_threadpool(_dry_run, service, caller, code, arrival)
    return await run_in_threadpool(_kept, service, caller, code, arrival)


async def _sent(request: Request, limit: int) -> bytes:
    """The body, never more of it than may be."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise QuartermasterError("payload.too-large", f"at most {limit} bytes")
        parts.append(part)
    if not size:
        raise QuartermasterError("request.invalid", "it is empty", where="body")
    return b"".join(parts)


def _webhook(service: Service, code: str, headers: dict[str, str], body: bytes) -> Taken:
    now = service.clock.now()
    with service.as_owner() as connection:
        found = feeds.feed(connection, code)
        arrival = proven(found, headers, body, service.feed_secrets(code), now=now)
        receipt = feeds.accept(connection, found, arrival, now=now)
    return Taken(delivery=receipt.delivery_id)


def _documents(
    service: Service, caller: Caller, code: str, arrival: Arrival
) -> Taken | JSONResponse:
    read = read_content(arrival.content)
    if read.flaws:
        return _refusal(read.flaws)
    taken = _kept(service, caller, code, arrival)
    return taken.model_copy(update={"documents": len(read.documents)})


def _refusal(found: Sequence[Flaw]) -> JSONResponse:
    flaws = [
        ProblemFlaw(where=each.where, code=each.code, says=each.says, do=each.do)
        for each in map(wrong, found)
    ]
    error = QuartermasterError("feed.document", f"{len(flaws)} errors", where=flaws[0].where)
    return respond(problem(error, errors=flaws))


def _kept(service: Service, caller: Caller, code: str, arrival: Arrival) -> Taken:
    with service.transaction() as connection:
        found = _takes(_own(caller, feeds.feed(connection, code)), arrival)
        receipt = feeds.accept(connection, found, arrival, now=service.clock.now())
    return Taken(delivery=receipt.delivery_id)


def _dry_run(service: Service, caller: Caller, code: str, arrival: Arrival) -> Would:
    """Apply as the worker would, with its rights, and take all of it back."""
    with service.transaction() as connection:
        found = _takes(_own(caller, feeds.feed(connection, code)), arrival)
    incoming = Incoming(found, 0, arrival.topic, arrival.content, service.clock.now())
    with service.as_owner() as connection:
        return would(feeds.dry_run(connection, service.feed_routes, incoming))


def _takes(found: Feed, arrival: Arrival) -> Feed:
    """Documents go to a connector's feed, files to any other.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    if (arrival.topic == "documents") != (found.kind == "rest"):
        says = f"a feed of the kind {found.kind} takes this by another door"
        raise QuartermasterError("request.invalid", says, where="feed")
    return found


def _own(caller: Caller, found: Feed) -> Feed:
    """A feed that the caller may see.

    Raises:
        QuartermasterError: ``feed.unknown``, the same for another site's.
    """
    if caller.sites is not None and (found.site_id is None or not caller.sees(found.site_id)):
        raise QuartermasterError("feed.unknown", found.code, where="feed")
    return found
