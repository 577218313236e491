"""The OpenAPI document is true: whatever a client makes of it, the API answers as it promises."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from schemathesis import GenerationMode

from cloud import catalog
from cloud.access import ROLES, SCOPES
from cloud.api.routes_identity import identity_router
from cloud.db import unit_of_work
from cloud.exceptions import raise_exception
from cloud.gateways.authority import Authority
from cloud.gateways.model import MeetingPoints
from tests.support import FakeClock, WallClock
from tests.support.openapi import held_to, some_of
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

FOREIGN = ("S-gw-b", "gw-b", "FOREIGN")
"""What tells of the other site."""
pytestmark = pytest.mark.database


@pytest.fixture
def planner(pool: ConnectionPool[Connection], pki: Path) -> Planner:
    clock = FakeClock(WallClock().now())
    identity = identity_router(
        pool=pool,
        authority=Authority.load(pki),
        meeting=MeetingPoints(broker_host="localhost", broker_port=1, door_url="https://x"),
        clock=clock,
    )
    planner = Planner(pool, clock, identity)
    planner.receive("gw-a", *((f"SKU-{n % 5}", n, "L0", f"LOT-{n}") for n in range(1, 9)))
    planner.receive("gw-b", *((f"SKU-{n % 5}", n, "L1", f"FOREIGN-{n}") for n in range(1, 9)))
    with unit_of_work(pool) as connection:
        sites = catalog.site_ids(connection, ["S-gw-b"])
        raise_exception(
            connection,
            "count.mismatch",
            "FOREIGN",
            "at L1",
            at=clock.now(),
            site_id=sites["S-gw-b"],
        )
    return planner


def test_every_operation_is_described_with_its_refusals(planner: Planner) -> None:
    document = planner.client.get("/v1/openapi.json").json()
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), (method, path)
            if path.startswith("/v1/") and operation.get("security"):
                assert {"401", "403"} <= operation["responses"].keys(), (method, path)
            described = operation["responses"].get("422", {}).get("content", {})
            assert "application/json" not in described, (method, path)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_the_document_allows_or_forbids_is_answered_as_it_promises(
    planner: Planner, mode: GenerationMode
) -> None:
    key = planner.key(*SCOPES)
    tried = 0
    for operation in _operations(planner):
        tried += held_to(operation, mode, bearer(key), examples=6)
    assert tried > 10


def test_every_role_is_answered_without_a_fault_and_without_another_sites_rows(
    planner: Planner,
) -> None:
    """Whatever each role asks, by turns; and each list as a whole, by all of them."""
    tokens = {role: planner.person(role, f"{role}@S-gw-a") for role in ROLES}
    turns = itertools.cycle(tokens.values())
    own = 0

    def check(answer: Any, what: object) -> None:
        assert answer.status_code < 500, what
        told = [mark for mark in FOREIGN if mark in answer.text]
        assert not told or answer.status_code >= 400, (what, told)

    for operation in _operations(planner):
        for case in some_of(operation, len(ROLES)):
            check(case.call(headers=bearer(next(turns))), operation.label)
        if operation.method.upper() != "GET" or "{" in operation.path:
            continue
        for role, token in tokens.items():
            answer = planner.client.get(operation.path, headers=bearer(token))
            check(answer, (role, operation.path))
            own += "S-gw-a" in answer.text
    assert own >= len(ROLES), "what is their own is told"


def _operations(planner: Planner) -> list[Any]:
    """All of the document, but for the stream that has no end: test_changes.py reads it."""
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", planner.app)
    found: list[Any] = [result.ok() for result in schema.get_all_operations()]
    return [operation for operation in found if not operation.path.endswith("/stream")]
