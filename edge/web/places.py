"""``GET /v1/locations``: the site's locations, so that a scanner tells their labels from goods."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge import stock
from edge.db import Database
from edge.web import devices
from edge.web.guard import Guard, encode, json_answer


def routes(database: Database) -> Callable[[Guard], Sequence[BaseRoute]]:
    """The list by code, with each one's role; ``ETag`` is the catalog's version."""

    async def locations(request: Request) -> Response:
        devices.authenticate(database.reader, request.headers.get("authorization"))
        version = stock.versions(database.reader)["catalog"]
        tag = f'"catalog-{version}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag})
        answer = json_answer(
            encode({"version": version, "locations": stock.locations(database.reader)})
        )
        answer.headers["etag"] = tag
        return answer

    return lambda guard: [Route("/v1/locations", guard(locations), methods=["GET"])]
