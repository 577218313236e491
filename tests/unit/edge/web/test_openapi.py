"""The local API's document names what there is, no more and no less."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from edge.pipeline import RECORDS
from edge.web import RateLimit, create, openapi, pairing, places
from edge.web.decisions import decisions_room
from edge.web.people import people_room
from edge.web.tasks import tasks_room


def nothing(_error: Exception) -> None:
    """Nobody notices anything."""


ABSENT: Any = SimpleNamespace(noticed=nothing)
"""Nothing is asked: only addresses are looked at."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document(RECORDS, "1.2.3")


def test_every_address_of_the_api_is_described_and_none_that_is_not_there(
    document: dict[str, Any],
) -> None:
    limit = RateLimit(1, 1)
    app = create(
        ABSENT,
        ABSENT,
        ABSENT,
        limit,
        CollectorRegistry(),
        rooms=[
            people_room(ABSENT, ABSENT, limit, site="berlin", gateway="gw-01"),
            tasks_room(ABSENT, ABSENT, ABSENT, limit, ABSENT, labels=ABSENT),
            decisions_room(ABSENT, ABSENT, limit),
            pairing.routes(ABSENT, ABSENT, ABSENT),
            places.routes(ABSENT),
            openapi.routes(ABSENT, RECORDS, "1"),
        ],
    )
    there = {
        (method.lower(), route.path.replace(":path", ""))
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    told = {(method, path) for path, found in document["paths"].items() for method in found}
    assert told == there


def test_every_shape_that_is_named_is_there_and_in_the_webs_own_dialect(
    document: dict[str, Any],
) -> None:
    text = json.dumps(document)
    shapes = document["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= set(shapes)
    assert r"\\Z" not in text
    assert shapes["ScanRequest"]["required"] == ["id", "raw", "step"]
    assert shapes["ScanRequest"]["additionalProperties"] is False


def test_only_what_needs_no_token_says_so(document: dict[str, Any]) -> None:
    public = {
        path
        for path, found in document["paths"].items()
        for operation in found.values()
        if operation.get("security") == []
    }
    assert public == {"/v1/pair", "/healthz", "/readyz", "/metrics"}
