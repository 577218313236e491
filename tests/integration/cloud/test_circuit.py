"""A database that is away is told at once, tried now and then, and used again when it is back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from psycopg.errors import UndefinedTable

from cloud.breaker import LONGEST_PAUSE_S
from cloud.circuits import Circuits
from cloud.db import circuit, migrate, open_pool, unit_of_work
from deploy.database import FAST, Running, own_timescale
from shared.errors import QuartermasterError
from tests.support import FakeClock
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud.db import GuardedPool

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """A server that may crash."""
    with own_timescale(settings={**FAST, "synchronous_commit": "on"}) as running:
        migrate(running.url)
        yield running


@pytest.fixture
def pool(server: Running) -> Iterator[GuardedPool]:
    with open_pool(server.url, size=2) as opened:
        opened.timeout = 0.3
        yield opened


def use(pool: GuardedPool) -> str:
    """One transaction: the code of its refusal, or nothing."""
    try:
        with unit_of_work(pool) as connection:
            connection.execute("SELECT 1")
    except QuartermasterError as error:
        return error.code
    return ""


def test_the_circuit_opens_refuses_fast_and_closes_by_itself(
    server: Running, pool: GuardedPool, clock: FakeClock
) -> None:
    planner = Planner(pool, clock)
    key = planner.key("metrics")
    answer = planner.client.get("/readyz")
    assert answer.json() == {"status": "ready", "circuits": {"database": "closed"}}
    server.crash()
    try:
        while pool.breaker.state == "closed":
            assert use(pool) == "database.unreachable"
        started = time.perf_counter()
        refused = [planner.client.get("/readyz") for _ in range(20)]
        assert time.perf_counter() - started < 2.5  # one probe at most; unguarded it would be 6 s
        assert {answer.status_code for answer in refused} == {503}
        assert {answer.json()["code"] for answer in refused} == {"database.unreachable"}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert any("left alone" in answer.json()["detail"] for answer in refused)
    finally:
        server.start()
    back = time.perf_counter()
    while use(pool):
        assert time.perf_counter() - back < 3 * LONGEST_PAUSE_S
        time.sleep(0.05)
    assert planner.client.get("/readyz").json()["circuits"] == {"database": "closed"}
    metrics = planner.client.get("/metrics", headers=bearer(key)).text
    assert 'qm_circuit{dependency="database",state="closed"} 1.0' in metrics


def test_what_a_caller_does_wrong_leaves_the_circuit_closed(pool: GuardedPool) -> None:
    for _ in range(5):
        with pytest.raises(UndefinedTable), unit_of_work(pool) as connection:
            connection.execute("SELECT * FROM nothing")
    breaker = circuit(pool)
    assert breaker is not None
    registry = CollectorRegistry()
    Circuits(registry).watch(breaker)
    assert b'qm_circuit{dependency="database",state="open"} 0.0' in generate_latest(registry)
    assert use(pool) == ""


def test_lost_connections_count_as_failures(pool: GuardedPool) -> None:
    for _ in range(3):
        with pytest.raises(QuartermasterError), unit_of_work(pool) as connection:
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert pool.breaker.state == "open"
    time.sleep(pool.breaker.retry_after())
    assert use(pool) == ""
    assert pool.breaker.state == "closed"
