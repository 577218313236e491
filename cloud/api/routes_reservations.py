"""Reserve, confirm, extend, release: exactly once, and never beyond what is free.

Reserving is asked by many at once: who just came is authorized from memory (:mod:`.recently`), and
all who wait are granted in one transaction, in the order in which they came (:mod:`.gathering`).
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request, Response

from cloud.access import Caller, enter
from cloud.api.gathering import Gathering
from cloud.api.guard import ReadCaller, Requires, Service, ServiceDep, own_site
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.recently import Recently
from cloud.api.shapes_reservations import (
    Confirming,
    Extending,
    ReservationFilter,
    ReservationLine,
    Wish,
    reservation_line,
)
from cloud.db import unit_of_work
from cloud.orders import reservations
from cloud.orders.reservations import Ask, Reservation
from shared.errors import QuartermasterError
from shared.units import SECOND, Micros

_RESERVATIONS: Final = Cursor("reservations", "bigint")

router = APIRouter(prefix="/v1", tags=["reservations"])

_REFUSALS: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)
_RESERVING: Final = _REFUSALS | responses(
    "reservation.not-free", "reservation.key-reused", "payload.too-large"
)
_CHANGING: Final = _REFUSALS | responses("reservation.over", "payload.too-large")

Buyer = Annotated[Caller, Depends(Recently("reservations:write"))]
Changer = Annotated[Caller, Depends(Requires("reservations:write"))]
Code = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="Its `id`.", examples=["RS-4f1c09d2a7b3"]),
]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,100}$",
        description="Of your choice, new for each wish: the same key gives the same reservation.",
        examples=["5f0c2f7e-6b1f-4a5e-9d58-1f1d6d5f0a11"],
    ),
]
_Asked = tuple[Caller, Ask]
_Answer = Reservation | QuartermasterError


@router.post("/reservations", responses=_RESERVING, status_code=201, response_model=ReservationLine)
async def post_reservation(request: Request, caller: Buyer, wish: Wish, key: Key) -> Response:
    """Hold stock for a buyer until it is confirmed or its time has come."""
    ask = Ask(
        caller.key_id,
        key,
        wish.item,
        wish.quantity,
        wish.site or "",
        wish.region or "",
        wish.channel or "",
        wish.order or "",
        Micros(wish.ttl_s * SECOND),
        caller.sites,
    )
    answer = await _gathering(request).ask((caller, ask))
    if isinstance(answer, QuartermasterError):
        raise answer
    text = reservation_line(answer).model_dump_json()
    return Response(text, status_code=201, media_type="application/json")


def _gathering(request: Request) -> Gathering[_Asked, _Answer]:
    """The application's one queue of wishes."""
    state: Any = request.app.state
    if not hasattr(state, "reserving"):
        service = cast("Service", state.service)
        state.reserving = Gathering[_Asked, _Answer](lambda asked: _reserve(service, asked))
    return cast("Gathering[_Asked, _Answer]", state.reserving)


def _reserve(service: Service, asked: Sequence[_Asked]) -> list[_Answer]:
    """Those who see the same sites go together: the database shows them those and no others."""
    groups: dict[frozenset[int] | None, list[int]] = {}
    for position, (caller, _) in enumerate(asked):
        groups.setdefault(caller.sites, []).append(position)
    answers: dict[int, _Answer] = {}
    for positions in groups.values():
        with unit_of_work(service.pool) as connection:
            enter(connection, asked[positions[0]][0])
            found = reservations.reserve(
                connection,
                [asked[position][1] for position in positions],
                code=lambda: f"RS-{token_hex(6)}",
                now=service.clock.now(),
            )
        answers |= dict(zip(positions, found, strict=True))
    return [answers[position] for position in range(len(asked))]


@router.get("/reservations", responses=_REFUSALS)
def get_reservations(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[ReservationFilter, Query()]
) -> Page[ReservationLine]:
    """Reservations, the newest first; ended ones too."""
    after = _RESERVATIONS.read(asked.cursor)
    with service.transaction() as connection:
        if asked.site is not None:
            own_site(connection, caller, asked.site)
        found = reservations.page(
            connection,
            site=asked.site,
            sku=asked.item,
            document=asked.order,
            allowed=caller.sites,
            after=None if after is None else int(after[0]),
            limit=asked.limit + 1,
            now=service.clock.now(),
        )
    keyed = [(reservation_line(each), (each.reservation_id,)) for each in found]
    items, following = _RESERVATIONS.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/reservations/{code}", responses=_REFUSALS)
def get_reservation(caller: ReadCaller, service: ServiceDep, code: Code) -> ReservationLine:
    """One reservation as it stands."""
    with service.transaction() as connection:
        found = reservations.reservation(
            connection, code, sites=caller.sites, now=service.clock.now()
        )
    return reservation_line(found)


@router.post("/reservations/{code}/confirm", responses=_CHANGING)
def post_confirmation(
    caller: Changer, service: ServiceDep, code: Code, confirming: Annotated[Confirming, Body()]
) -> ReservationLine:
    """Make it an order's: it ends no more by itself. Saying it again changes nothing."""
    with service.transaction() as connection:
        found = reservations.confirm(
            connection,
            code,
            sites=caller.sites,
            document=confirming.order,
            now=service.clock.now(),
        )
    return reservation_line(found)


@router.post("/reservations/{code}/extend", responses=_CHANGING)
def post_extension(
    caller: Changer, service: ServiceDep, code: Code, extending: Annotated[Extending, Body()]
) -> ReservationLine:
    """Hold a pending one for so long from now."""
    with service.transaction() as connection:
        found = reservations.extend(
            connection,
            code,
            sites=caller.sites,
            lifetime=Micros(extending.ttl_s * SECOND),
            now=service.clock.now(),
        )
    return reservation_line(found)


@router.post("/reservations/{code}/release", responses=_CHANGING)
def post_release(caller: Changer, service: ServiceDep, code: Code) -> ReservationLine:
    """Give back what was not picked; what is over stays as it is."""
    with service.transaction() as connection:
        found = reservations.release(connection, code, sites=caller.sites, now=service.clock.now())
    return reservation_line(found)
