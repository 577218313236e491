"""What stands where, what moved, and what stood there at a past moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query

from cloud.access import Caller
from cloud.api.guard import ReadCaller, ServiceDep, own_site
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.shapes import (
    AsOfFilter,
    MovementFilter,
    MovementLine,
    PostedBy,
    StockFilter,
    StockLine,
    micros,
    moment,
    moment_or_none,
    state_name,
    state_number,
)
from cloud.db import Connection
from cloud.ledger import service as ledger
from cloud.ledger.model import MovementRow, Said, StockRow
from cloud.ledger.postings.model import cause_name
from shared.errors import QuartermasterError

STOCK_CURSOR: Final = Cursor("stock", "int", "int", "int", "text", "text", "int")
MOVEMENT_CURSOR: Final = Cursor("movements", "bigint", "int", "int", "bigint", "int")

router = APIRouter(prefix="/v1", tags=["stock"])

_REFUSALS: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)


@router.get("/stock", responses=_REFUSALS)
def get_stock(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[StockFilter, Query()]
) -> Page[StockLine]:
    """Balances now, by site, item, location, lot, serial and state; zero balances are left out."""
    after = STOCK_CURSOR.read(asked.cursor)
    with service.transaction() as connection:
        _check_site(connection, caller, asked.site)
        rows = ledger.stock(
            connection,
            sites=caller.sites,
            site=asked.site,
            item=asked.item,
            location=asked.location,
            lot=asked.lot,
            serial=asked.serial,
            state=state_number(asked.state),
            after=after,
            limit=asked.limit + 1,
        )
    return _stock_page(rows, STOCK_CURSOR, asked.limit)


@router.get("/stock/as-of", responses=_REFUSALS)
def get_stock_as_of(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[AsOfFilter, Query()]
) -> Page[StockLine]:
    """Balances at a past moment: as they were true (`at`), as they were known (`known`), or both.

    A scan that was made before `at` but arrived later counts for `at`, and not for `known`.
    """
    if asked.at is None and asked.known is None:
        raise QuartermasterError("request.invalid", "at or known is needed", where="at")
    after = STOCK_CURSOR.read(asked.cursor)
    with service.transaction() as connection:
        _check_site(connection, caller, asked.site)
        rows = ledger.stock_as_of(
            connection,
            sites=caller.sites,
            true_at=micros(asked.at),
            known_at=micros(asked.known),
            site=asked.site,
            item=asked.item,
            location=asked.location,
            lot=asked.lot,
            serial=asked.serial,
            state=state_number(asked.state),
            after=after,
            limit=asked.limit + 1,
        )
    return _stock_page(rows, STOCK_CURSOR, asked.limit)


@router.get("/movements", responses=_REFUSALS)
def get_movements(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[MovementFilter, Query()]
) -> Page[MovementLine]:
    """What moved, the newest received first, each with the event that says so."""
    after = MOVEMENT_CURSOR.read(asked.cursor)
    with service.transaction() as connection:
        _check_site(connection, caller, asked.site)
        rows = ledger.movements(
            connection,
            sites=caller.sites,
            site=asked.site,
            item=asked.item,
            location=asked.location,
            lot=asked.lot,
            serial=asked.serial,
            state=state_number(asked.state),
            gateway=asked.gateway,
            posting=asked.posting,
            since=micros(asked.since),
            until=micros(asked.until),
            after=after,
            limit=asked.limit + 1,
        )
    keyed = [(_movement_line(row), row.key) for row in rows]
    items, following = MOVEMENT_CURSOR.page(keyed, asked.limit)
    return Page(items=items, next=following)


def _check_site(connection: Connection, caller: Caller, site: str | None) -> None:
    if site is not None:
        own_site(connection, caller, site)


def _stock_page(rows: Sequence[StockRow], cursor: Cursor, limit: int) -> Page[StockLine]:
    items, following = cursor.page([(_stock_line(row), row.key) for row in rows], limit)
    return Page(items=items, next=following)


def _stock_line(row: StockRow) -> StockLine:
    return StockLine(
        site=row.site,
        sku=row.sku,
        name=row.name,
        location=row.location,
        lot=row.lot or None,
        serial=row.serial or None,
        state=state_name(row.state),
        quantity=row.quantity,
        updated_at=moment_or_none(row.updated_at),
    )


def _movement_line(row: MovementRow) -> MovementLine:
    return MovementLine(
        site=row.site,
        sku=row.sku,
        location=row.location,
        lot=row.lot or None,
        serial=row.serial or None,
        state=state_name(row.state),
        quantity=row.quantity,
        event=cause_name(row.kind),
        event_id=row.event_id,
        gateway=row.gateway,
        epoch=row.epoch,
        seq=row.seq,
        device=row.device,
        occurred_at=moment(row.occurred_at),
        received_at=moment(row.received_at),
        reversal=row.reversal,
        posting=None if row.said is None else _posted_by(row.said),
    )


def _posted_by(said: Said) -> PostedBy:
    return PostedBy.model_validate(
        {
            "id": said.posting_id,
            "source": said.source,
            "what": said.what,
            "reference": said.reference,
            "feed": said.feed,
            "delivery": said.delivery_id,
            "person": said.person,
            "reason": said.reason,
        }
    )
