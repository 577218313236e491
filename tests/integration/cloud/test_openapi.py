"""The OpenAPI document is true: whatever a client makes of it, the API answers as it promises."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cloud.api.routes_identity import identity_router
from cloud.gateways.authority import Authority
from cloud.gateways.model import MeetingPoints
from tests.support import FakeClock, WallClock
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

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


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_the_document_allows_or_forbids_is_answered_as_it_promises(
    planner: Planner, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", planner.app)
    key = planner.key("read", "catalog:write", "exceptions:write", "metrics")
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if mode is GenerationMode.NEGATIVE and not takes_anything(operation):
            continue
        tried += 1
        fuzz(operation, mode, bearer(key))
    assert tried > 10


def takes_anything(operation: Any) -> bool:
    return bool(list(operation.iter_parameters())) or bool(operation.body)


def fuzz(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def every_case_holds(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    every_case_holds()
