"""What may be promised to customers, and what was."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from cloud import promise
from cloud.access import Caller
from cloud.api.guard import service_of
from cloud.api.problem import responses
from cloud.api.recently import Recently
from cloud.api.shapes_promise import Atp, AtpAsked, atp_answer

router = APIRouter(prefix="/v1", tags=["promise"])

_ONE: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)
Asker = Annotated[Caller, Depends(Recently("read"))]


@router.get("/atp", responses=_ONE, response_model=Atp)
def get_atp(request: Request, caller: Asker, asked: Annotated[AtpAsked, Query()]) -> Response:
    """What may be promised of an item, now and by hour, by site and together.

    On hand less what is held, with what is to come by its chance, and less what a silent site has
    probably sold unseen: a range, with the numbers that it comes from.
    """
    service = service_of(request)
    with service.transaction() as connection:
        found = promise.atp(
            connection,
            asked.item,
            region=asked.region,
            site=asked.site,
            horizon_hours=int(asked.horizon[:-1]),
            allowed=caller.sites,
            now=service.clock.now(),
        )
    return Response(atp_answer(found).model_dump_json(), media_type="application/json")
