"""Stock that people correct and send on its way; what is on which pallet."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Header, Path, Query

from cloud.access import Caller
from cloud.api.guard import ReadCaller, Requires, ServiceDep, own_site
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.shapes import Sscc, micros, state_number
from cloud.api.shapes_stock import (
    ArrivalAsked,
    ArrivalDone,
    ClosingDone,
    CorrectionAsked,
    CorrectionDone,
    GoodsAsked,
    InTransitFilter,
    InTransitLine,
    PostingFilter,
    PostingLine,
    SummaryFilter,
    SummaryLine,
    TransferAsked,
    TransferOpened,
    UndoAsked,
    UnitFilter,
    UnitLine,
    UnitMoment,
    in_transit_line,
    posting_line,
    unit_line,
)
from cloud.ledger.postings import corrections
from cloud.ledger.postings.corrections import Correction
from cloud.ledger.postings.model import Source
from cloud.ledger.postings.service import postings
from cloud.ledger.service import summary
from cloud.ledger.transit import service as transit
from cloud.ledger.transit.model import Consignment, Goods
from cloud.ledger.units import service as units
from shared.errors import QuartermasterError
from shared.movements import Position
from shared.units import Micros

_SUMMARY: Final = Cursor("summary", "int", "int")
_POSTINGS: Final = Cursor("postings", "bigint")
_IN_TRANSIT: Final = Cursor("in-transit", "bigint", "int")
_UNITS: Final = Cursor("units", "text")

router = APIRouter(prefix="/v1", tags=["stock"])

Writer = Annotated[Caller, Depends(Requires("stock:write"))]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,100}$",
        description="Of your choice, new for each statement: the same key says the same again.",
        examples=["5f0c2f7e-6b1f-4a5e-9d58-1f1d6d5f0a11"],
    ),
]
PostingId = Annotated[int, Path(ge=1, lt=2**63, description="A posting's number.")]
ConsignmentId = Annotated[int, Path(ge=1, lt=2**63, description="A consignment's number.")]

_READING: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)
_CHANGING: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "stock.gateway-owns",
    "stock.contradicts",
    "stock.undone",
    "transit.unknown",
    "transit.closed",
    "event.unknown-item",
    "event.unknown-location",
    "payload.too-large",
    "database.unreachable",
)


@router.get("/stock/summary", responses=_READING)
def get_summary(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[SummaryFilter, Query()]
) -> Page[SummaryLine]:
    """What each site has of each item, by what may be done with it, and what is towards it."""
    after = _SUMMARY.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        rows = summary(
            connection,
            sites=caller.sites,
            site=asked.site,
            item=asked.item,
            after=after,
            limit=asked.limit + 1,
        )
    keyed = [(SummaryLine.model_validate(row._asdict()), row.key) for row in rows]
    items, following = _SUMMARY.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/stock/postings", responses=_READING)
def get_postings(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[PostingFilter, Query()]
) -> Page[PostingLine]:
    """What moved stock beside gateways: documents, people, consignments; the newest first.

    `GET /v1/movements?posting=` shows what one of them moved.
    """
    after = _POSTINGS.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        rows = postings(
            connection,
            sites=caller.sites,
            site=asked.site,
            source=asked.source,
            after=after,
            limit=asked.limit + 1,
        )
    keyed = [(posting_line(row), (row.posting_id,)) for row in rows]
    items, following = _POSTINGS.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.post("/stock/corrections", responses=_CHANGING)
def post_correction(
    caller: Writer,
    service: ServiceDep,
    key: Key,
    asked: CorrectionAsked,
    dry_run: Annotated[bool, Query(description="Only say what it would do.")] = False,  # noqa: FBT002 - a query parameter
) -> CorrectionDone:
    """Correct stock of a site without a gateway: an event with its reason; the past stays.

    Where a gateway tells the site's stock this is a 409: have it counted there.
    """
    with service.transaction() as connection:
        site_id = own_site(connection, caller, asked.site)
        position = Position(
            asked.item,
            asked.location or "",
            asked.lot or "",
            asked.serial or "",
            state_number(asked.state) or 0,
        )
        done = corrections.correct(
            connection,
            Correction(
                site_id, asked.site, position, asked.quantity, asked.difference, asked.reason
            ),
            key=key,
            person=caller.who,
            is_dry_run=dry_run,
            at=service.clock.now(),
        )
    return CorrectionDone(posting=done.posting_id, before=done.before, after=done.after)


@router.post("/stock/corrections/{posting}/undo", responses=_CHANGING)
def post_undo(
    caller: Writer, service: ServiceDep, posting: PostingId, asked: Annotated[UndoAsked, Body()]
) -> PostingLine:
    """Take a correction back by its contrary, from the moment at which it was true."""
    with service.transaction() as connection:
        done = corrections.take_back(
            connection,
            posting,
            reason=asked.reason,
            person=caller.who,
            sites=caller.sites,
            at=service.clock.now(),
        )
        found = postings(connection, sites=caller.sites, posting_id=done.posting_id)
    return posting_line(found[0])


@router.get("/stock/in-transit", responses=_READING)
def get_in_transit(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[InTransitFilter, Query()]
) -> Page[InTransitLine]:
    """What is on its way to sites: transfers, and what suppliers have announced."""
    after = _IN_TRANSIT.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        rows = transit.in_transit(
            connection,
            sites=caller.sites,
            site=asked.site,
            item=asked.item,
            reference=asked.reference,
            sscc=asked.sscc,
            closed=asked.closed,
            after=after,
            limit=asked.limit + 1,
        )
    items, following = _IN_TRANSIT.page(
        [(in_transit_line(row), row.key) for row in rows], asked.limit
    )
    return Page(items=items, next=following)


@router.post("/transfers", responses=_CHANGING)
def post_transfer(caller: Writer, service: ServiceDep, asked: TransferAsked) -> TransferOpened:
    """Send goods from one site to another, as they stand now; the same again changes nothing.

    Where a gateway tells the sending site's stock its scans say what leaves: open the transfer
    without goods and have them shipped under its reference.
    """
    with service.transaction() as connection:
        own_site(connection, caller, asked.from_site)
        own_site(connection, caller, asked.site)
        if asked.from_site == asked.site:
            raise QuartermasterError("request.invalid", "it would stay where it is", where="site")
        said = Consignment(
            "transfer",
            asked.reference,
            asked.site,
            micros(asked.shipped_at) or Micros(0),
            from_site=asked.from_site,
            eta=micros(asked.eta),
            carrier=asked.carrier,
        )
        source = Source("person", "transfer", asked.reference, "sent", person=caller.who)
        number = transit.announce(
            connection, said, _goods(asked.goods), source, at=service.clock.now()
        )
    return TransferOpened(consignment=number)


@router.post("/consignments/{consignment}/arrivals", responses=_CHANGING)
def post_arrival(
    caller: Writer,
    service: ServiceDep,
    consignment: ConsignmentId,
    key: Key,
    asked: ArrivalAsked,
) -> ArrivalDone:
    """Goods of a consignment arrived at a site without a gateway; elsewhere its scans say so."""
    with service.transaction() as connection:
        source = Source("person", "arrival", key, "arrived", person=caller.who)
        posting_id = transit.arrive(
            connection,
            consignment,
            _goods(asked.goods),
            source,
            key=f"{consignment}:{key}",
            occurred_at=micros(asked.occurred_at) or Micros(0),
            sites=caller.sites,
            at=service.clock.now(),
        )
    return ArrivalDone(posting=posting_id)


@router.post("/consignments/{consignment}/close", responses=_CHANGING)
def post_close(
    caller: Writer,
    service: ServiceDep,
    consignment: ConsignmentId,
    asked: Annotated[UndoAsked, Body()],
) -> ClosingDone:
    """Nothing more of a consignment will arrive: the rest is written off, which is a case."""
    with service.transaction() as connection:
        lost = transit.close(
            connection,
            consignment,
            why=asked.reason,
            by=caller.who,
            sites=caller.sites,
            at=service.clock.now(),
        )
    return ClosingDone(lost=lost)


@router.get("/units", responses=_READING)
def get_units(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[UnitFilter, Query()]
) -> Page[UnitLine]:
    """Pallets and parcels that were ever seen at a site or held an item, as they are or were."""
    after = _UNITS.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        names, rows = units.units(
            connection,
            sites=caller.sites,
            site=asked.site,
            item=asked.item,
            true_at=micros(asked.at),
            known_at=micros(asked.known),
            after=after,
            limit=asked.limit,
        )
    following = _UNITS.write((names[-1],)) if len(names) == asked.limit else None
    return Page(items=[unit_line(row) for row in rows], next=following)


@router.get("/units/{sscc}", responses=_READING)
def get_unit(
    caller: ReadCaller,
    service: ServiceDep,
    sscc: Annotated[Sscc, Path()],
    asked: Annotated[UnitMoment, Query()],
) -> UnitLine:
    """What is on a pallet, and on the units that stand on it, now or at a moment."""
    with service.transaction() as connection:
        found = units.unit(
            connection,
            sscc,
            sites=caller.sites,
            true_at=micros(asked.at),
            known_at=micros(asked.known),
        )
    if found is None:
        raise QuartermasterError("request.not-found", f"unit {sscc}", where="sscc")
    return unit_line(found)


def _goods(asked: list[GoodsAsked]) -> list[Goods]:
    return [
        Goods(each.item, each.quantity, each.lot or "", each.serial or "", each.sscc or "")
        for each in asked
    ]
