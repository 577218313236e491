"""A gateway is revoked while it is connected: nothing counts any more, and it is shown the door."""

from __future__ import annotations

import pytest

from cloud.db import open_pool, unit_of_work
from cloud.gateways import revocation
from cloud.gateways import service as registry
from cloud.gateways.authority import root_fingerprint
from deploy.clock import SystemClock
from deploy.demo.verdict import judge
from edge.link import enrolment
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


def test_one_that_is_trusted_again_sends_under_its_new_key_what_the_old_one_had_sealed(
    floor: Floor,
) -> None:
    site = floor.stack.sites["AMS1"]
    arrival = received(floor.stack)
    floor.scan(arrival)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="the first scan is there")
    ingest = floor.stack.services["ingest"]
    ingest.stop()
    floor.scan(*[arrival] * 3)
    eventually(lambda: floor.status()["unacknowledged"] >= 3, says="they are sealed and sent")
    site.process.stop()

    now = SystemClock().now()
    with (
        open_pool(floor.stack.database_url, size=1) as pool,
        unit_of_work(pool) as connection,
    ):
        registry.revoke(connection, "gw-amsterdam", now=now)
        slip = registry.new_token(
            connection,
            name="gw-amsterdam",
            fingerprint=root_fingerprint(floor.stack.pki),
            now=now,
        )
    enrolment.enrol(
        site.folder / "identity",
        slip,
        api_url=floor.stack.api_url,
        clock=SystemClock(),
        new_event_key=True,
    )
    ingest.start()
    floor.stack.start_gateway("AMS1")

    def settled() -> bool:
        state = floor.status()
        return state["epoch"] == 2 and state["waiting"] + state["unacknowledged"] == 0

    eventually(settled, says="all that it had has arrived", seconds=60)
    found = judge(floor.cloud, floor.oracle)
    assert (found.lost, found.doubled, found.stock) == (0, 0, ())
    old, new = floor.cloud.get("/v1/sites/AMS1/completeness")["gateways"]
    assert (old["accounted"], old["missing"], old["followed_by"]) == (True, [], 2)
    (gap,) = old["explained"]
    assert (gap["outcome"], gap["reason"]) == ("carried", "enrolment")
    assert gap["first"] == old["contiguous_seq"] + 1
    assert (new["epoch"], new["complete"]) == (2, True)
