"""A gateway is revoked while it is connected: nothing counts any more, and it is shown the door."""

from __future__ import annotations

import pytest

from cloud.db import open_pool, unit_of_work
from cloud.gateways import revocation
from cloud.gateways import service as registry
from deploy.clock import SystemClock
from tests.scenarios.conftest import Floor, eventually, received

pytestmark = [pytest.mark.database, pytest.mark.broker]


def test_a_revoked_gateway_loses_its_session_and_is_not_let_in_again_while_its_floor_works_on(
    floor: Floor,
) -> None:
    arrival = received(floor.stack)
    floor.scan(arrival)
    eventually(lambda: floor.on_hand("COF-500") == arrival.units, says="the line works")
    connections = floor.status()["link"]["connections"]

    with (
        open_pool(floor.stack.database_url, size=1) as pool,
        unit_of_work(pool) as connection,
    ):
        registry.revoke(connection, "gw-amsterdam", now=SystemClock().now())

    def on_the_list() -> bool:
        found = revocation.read(floor.stack.pki)
        return found is not None and len(found) == 1

    eventually(on_the_list, says="the worker wrote the list")
    eventually(lambda: not floor.status()["link"]["up"], says="the session was ended")
    eventually(
        lambda: floor.status()["link"]["auth_failures"] > 0,
        says="the broker refused it",
        seconds=60,
    )
    state = floor.status()
    assert state["link"]["connections"] == connections, "it was not let in once more"
    assert "broker.refused" in state["link"]["last_error"]
    assert [answer["outcome"] for answer in floor.scan(arrival)] == ["accepted"]
    assert floor.on_hand("COF-500") == arrival.units
