"""The service about itself: alive, ready, what it is, whom to tell."""

from __future__ import annotations

from datetime import date
from importlib.metadata import version
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from cloud.access import Caller
from cloud.api.edge import Metrics
from cloud.api.guard import Public, Requires, ServiceDep
from cloud.api.problem import responses
from cloud.api.shapes import moment
from cloud.db import circuit, missing
from shared.errors import QuartermasterError
from shared.units import DAY

router = APIRouter(tags=["service"])

_STANDING = Depends(Public("says nothing but whether the service stands"))
_ABOUT = Depends(Public("what is published anyway"))
_SECURITY_TXT_DAYS: Final = 180


class Alive(BaseModel):
    """The process answers."""

    status: str = "ok"


class Ready(BaseModel):
    """The service can do its work."""

    status: str = "ready"
    circuits: Annotated[
        dict[str, str], Field(description="`closed`, `open` or `half-open`, by dependency.")
    ]


class About(BaseModel):
    """What this is."""

    name: str
    version: str
    api: str
    generation: int
    support_until: date


@router.get("/healthz", dependencies=[_STANDING])
def get_health() -> Alive:
    """The process is alive; nothing else is asked."""
    return Alive()


@router.get(
    "/readyz",
    dependencies=[_STANDING],
    responses=responses("database.unreachable", "database.schema"),
)
def get_ready(service: ServiceDep) -> Ready:
    """The database can be reached and its schema is this version's."""
    with service.transaction() as connection:
        lacking = missing(connection)
    if lacking:
        raise QuartermasterError("database.schema", f"{len(lacking)} migrations are missing")
    breaker = circuit(service.pool)
    return Ready(circuits={} if breaker is None else {breaker.name: breaker.state})


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=responses("request.unauthenticated", "request.forbidden", "database.unreachable"),
)
def get_metrics(
    caller: Annotated[Caller, Depends(Requires("metrics"))],
    service: ServiceDep,
    request: Request,
) -> Response:
    """Prometheus' text format; the scraper needs a key with the scope `metrics`."""
    del caller
    metrics: Metrics = request.app.state.metrics
    if breaker := circuit(service.pool):
        metrics.circuits.tell(breaker)
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/about", dependencies=[_ABOUT])
def get_about(service: ServiceDep) -> About:
    """Version, and until when it gets security updates."""
    return About(
        name="Quartermaster",
        version=version("quartermaster"),
        api="v1",
        generation=service.generation,
        support_until=date.fromisoformat(service.support_until),
    )


@router.get("/.well-known/security.txt", dependencies=[_ABOUT], response_class=PlainTextResponse)
def get_security_txt(service: ServiceDep) -> str:
    """Whom to tell of a vulnerability (RFC 9116)."""
    until = moment(service.clock.now() + _SECURITY_TXT_DAYS * DAY)
    expires = until.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"Contact: {service.security_contact}\nExpires: {expires}\nPreferred-Languages: en\n"
