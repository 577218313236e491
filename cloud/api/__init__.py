"""The API's faces: v1 for planners and systems, the door for gateways.

Both are built here and nowhere else: problems, limits, headers, metrics and access rules are the
same for every route, and a route without an access rule stops the start.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from cloud.api import (
    door,
    problem,
    routes_audit,
    routes_catalog,
    routes_changes,
    routes_decisions,
    routes_demand,
    routes_epcis,
    routes_exceptions,
    routes_feeds,
    routes_mappings,
    routes_orders,
    routes_people,
    routes_places,
    routes_planning,
    routes_promise,
    routes_purchases,
    routes_quality,
    routes_reservations,
    routes_service,
    routes_stock,
    routes_stock_changes,
    routes_trade,
    routes_webhooks,
)
from cloud.api.edge import Edge, Metrics
from cloud.api.guard import Rule, Service, rules
from cloud.api.rates import Rates, Turnstile
from cloud.api.representing import Csv, Validators, describe_lists
from cloud.tables import MAX_BYTES

__all__ = ["Rates", "Rule", "Service", "create_app", "create_door", "rules"]

_DESCRIPTION: Final = """
One event-sourced truth about all stock.

- **Access**: an API key or a session's access token as Bearer token; what it may do, and at which
  sites, is asked anew each time. Another site's things are 404.
- **Refusals** are problem documents (RFC 9457) with a stable `code`, what was wrong and what to do.
- **Lists** come in pages: hand `next` back as `cursor`. Accept `text/csv` and the whole list comes
  as a table.
- **Entity tags**: send what `ETag` said as `If-None-Match`; 304 says that nothing has changed.
- **Rates**: who asks too often is answered 429 and told by `Retry-After` when to come back.
- **Times** are RFC 3339, quantities are base units.
"""


_RATES: Final = Rates()


def _random_reference() -> str:
    return secrets.token_hex(8)


def create_app(
    service: Service,
    *,
    identity: APIRouter | None = None,
    rates: Rates = _RATES,
    reference: Callable[[], str] = _random_reference,
) -> FastAPI:
    """The public API; ``identity`` are the routes of the enrolment desk.

    ``rates`` say how often somebody may ask, ``reference`` makes the name under which an unforeseen
    error is logged and answered.

    Raises:
        RuntimeError: a route has no access rule.
    """
    app = _new(service, "Quartermaster", _DESCRIPTION, rates, reference)
    for module in (
        routes_reservations,
        routes_promise,
        routes_stock,
        routes_stock_changes,
        routes_epcis,
        routes_places,
        routes_decisions,
        routes_exceptions,
        routes_people,
        routes_feeds,
        routes_audit,
        routes_quality,
        routes_catalog,
        routes_mappings,
        routes_trade,
        routes_orders,
        routes_demand,
        routes_planning,
        routes_changes,
        routes_webhooks,
        routes_purchases,
        routes_service,
    ):
        app.include_router(module.router)
    if identity is not None:
        app.include_router(identity)
    rules(app)
    describe_lists(app)
    return app


def create_door(service: Service, *, rates: Rates = _RATES) -> FastAPI:
    """The gateway door; to be served with client certificates demanded.

    Whoever gets this far has one: each address may ask as often as a known key.
    """
    known = Rates(rates.known, rates.known)
    about = "Documents by hash."
    app = _new(service, "Quartermaster gateway door", about, known, _random_reference)
    app.include_router(door.router)
    rules(app)
    return app


def _operation_id(route: APIRoute) -> str:
    """An operation is called by its room and function, so that clients of the document keep it."""
    return "_".join([*map(str, route.tags[:1]), route.name])


def _new(
    service: Service, title: str, description: str, rates: Rates, reference: Callable[[], str]
) -> FastAPI:
    app = FastAPI(
        title=title,
        version=version("quartermaster"),
        description=description,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.state.service = service
    app.state.metrics = Metrics()
    app.add_middleware(Validators)
    app.add_middleware(Csv)
    app.add_middleware(
        Edge,
        metrics=app.state.metrics,
        limits={routes_catalog.PREFIX: MAX_BYTES, routes_feeds.PREFIX: routes_feeds.LARGEST},
        turnstile=Turnstile(rates),
        reference=reference,
    )
    problem.install(app)
    problem.describe(app)
    return app
