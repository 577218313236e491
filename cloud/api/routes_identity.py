"""The enrolment desk's window: whom to trust, enrol, renew, begin a new epoch.

These are open to anyone who reaches the API: who enrols proves itself by the token, who renews or
needs an epoch by its keys, and the bodies are signed, because the server does not show us the
client's certificate. Bodies are JSON as ``shared.enrolment`` defines them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from psycopg_pool import ConnectionPool

from cloud.api.guard import Public
from cloud.api.problem import responses
from cloud.db import Connection, unit_of_work
from cloud.gateways import epochs, service
from cloud.gateways.authority import Authority
from cloud.gateways.model import MeetingPoints
from cloud.ingest.service import known_head
from shared.clock import Clock
from shared.enrolment import Enrolled, EnrolRequest, EpochGranted, EpochRequest, RenewRequest
from shared.errors import Code, QuartermasterError

_log = structlog.stdlib.get_logger(__name__)
_TRUST: Final = Depends(Public("the root is public; the slip's fingerprint proves it"))
_ENROL: Final = Depends(Public("who enrols proves itself by its token and its keys"))
_RENEW: Final = Depends(Public("who renews proves itself by the keys in force"))
_EPOCH: Final = Depends(Public("who needs an epoch proves itself by the keys in force"))
_Body = TypeVar("_Body", EnrolRequest, RenewRequest, EpochRequest)


def identity_router(
    *, pool: ConnectionPool[Connection], authority: Authority, meeting: MeetingPoints, clock: Clock
) -> APIRouter:
    """The routes, over one desk."""
    router = APIRouter(prefix="/v1", tags=["identity"])

    def enrol(request: EnrolRequest) -> Enrolled:
        return service.enrol(
            pool, authority, request, meeting=meeting, heads=known_head, now=clock.now()
        )

    def renew(request: RenewRequest) -> Enrolled:
        with unit_of_work(pool) as connection:
            return service.renew(connection, authority, request, meeting=meeting, now=clock.now())

    def open_epoch(request: EpochRequest) -> EpochGranted:
        with unit_of_work(pool) as connection:
            granted = epochs.open_epoch(
                connection, authority, request, heads=known_head, now=clock.now()
            )
        if granted is None:  # the case that a person will see is committed
            raise QuartermasterError("epoch.undecided")
        return granted

    @router.get("/trust", response_class=Response, responses=_PEM, dependencies=[_TRUST])
    def get_trust() -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI keeps it
        """The root that this cloud's servers lead to, PEM: compare its fingerprint."""
        return Response(authority.trust_bundle(), media_type="application/x-pem-file")

    @router.post(
        "/enrol",
        response_class=Response,
        responses=_documented_answers("enrol.token", "enrol.proof", "enrol.too-many-tries"),
        openapi_extra=_documented_body(EnrolRequest),
        dependencies=[_ENROL],
    )
    async def post_enrol(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI keeps it
        """Exchange an enrolment token for a certificate."""
        return await _answer(request, EnrolRequest, enrol)

    @router.post(
        "/renew",
        response_class=Response,
        responses=_documented_answers("renew.proof", "renew.too-late", "request.too-many"),
        openapi_extra=_documented_body(RenewRequest),
        dependencies=[_RENEW],
    )
    async def post_renew(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI keeps it
        """Follow a gateway's certificate by one for a new key."""
        return await _answer(request, RenewRequest, renew)

    @router.post(
        "/epoch",
        response_class=Response,
        responses=_documented_answers(
            "epoch.proof", "epoch.undecided", "renew.too-late", "request.too-many", of=EpochGranted
        ),
        openapi_extra=_documented_body(EpochRequest),
        dependencies=[_EPOCH],
    )
    async def post_epoch(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI keeps it
        """Begin a new epoch for a gateway whose database is lost, or when a person has decided."""
        return await _answer(request, EpochRequest, open_epoch)

    return router


async def _answer(
    request: Request, shape: type[_Body], use_case: Callable[[_Body], Enrolled | EpochGranted]
) -> Response:
    try:
        asked = msgspec.json.decode(await request.body(), type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise QuartermasterError("request.invalid", str(error)) from None
    what = shape.__name__
    try:
        granted = await run_in_threadpool(use_case, asked)
    except QuartermasterError as error:
        _log.warning(
            "identity.refused", asked=what, gateway=asked.gateway, code=error.code, why=error.detail
        )
        raise
    _log.info("identity.granted", asked=what, gateway=granted.gateway, epoch=granted.epoch)
    return Response(
        msgspec.json.encode(granted),
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


def _schema(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """A record's JSON schema: OpenAPI speaks of the same records as the wire."""
    _, components = msgspec.json.schema_components([shape])
    return components[shape.__name__]


def _documented_answers(
    *codes: Code, of: type[Enrolled | EpochGranted] = Enrolled
) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": _schema(of)}}
    return {
        200: {"description": "What the gateway is given.", "content": content},
        **responses(
            *codes,
            "gateway.revoked",
            "payload.too-large",
            "request.invalid",
            "database.unreachable",
        ),
    }


def _documented_body(shape: type[msgspec.Struct]) -> dict[str, Any]:
    content = {"application/json": {"schema": _schema(shape)}}
    return {"requestBody": {"required": True, "content": content}}


_PEM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A PEM bundle.",
        "content": {"application/x-pem-file": {"schema": {"type": "string"}}},
    }
}
