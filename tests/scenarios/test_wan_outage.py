"""The line to the cloud is cut, late, or for ever: the floor works on and nothing is lost."""

from __future__ import annotations

import pytest

from cloud.db import open_pool, unit_of_work
from cloud.gateways import service as registry
from deploy.clock import SystemClock
from deploy.demo.verdict import judge
from edge.simulator.floor import DOCK
from tests.scenarios.conftest import Floor, eventually, received

pytestmark = [pytest.mark.database, pytest.mark.broker]


@pytest.mark.parametrize("how", ["connections reset", "packets dropped"])
def test_scans_made_while_cut_off_arrive_once_when_the_line_heals(floor: Floor, how: str) -> None:
    site = floor.stack.sites["AMS1"]
    arrival = received(floor.stack)
    floor.scan(arrival)
    eventually(lambda: floor.on_hand("COF-500") == arrival.units, says="the line works")

    site.wire.cut(silent=how == "packets dropped")
    answers = floor.scan(*[arrival] * 40)
    assert [answer["outcome"] for answer in answers] == ["accepted"] * 40
    assert answers[-1]["on_hand"] == 41 * arrival.units
    assert floor.on_hand("COF-500") == arrival.units
    site.wire.heal()

    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="the backlog drained")
    assert floor.on_hand("COF-500") == 41 * arrival.units


def test_a_gateway_that_starts_before_its_broker_waits_and_works(floor: Floor) -> None:
    site = floor.stack.sites["AMS1"]
    arrival = received(floor.stack)
    floor.scan(arrival)
    eventually(lambda: floor.on_hand("COF-500") == arrival.units, says="the line works")
    site.process.stop()
    floor.stack.broker.stop()

    floor.stack.start_gateway("AMS1")
    answers = floor.scan(arrival, arrival)
    assert [answer["outcome"] for answer in answers] == ["accepted"] * 2
    floor.stack.broker.start()

    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="the events arrived")
    assert floor.on_hand("COF-500") == 3 * arrival.units


def test_a_broker_that_loses_everything_costs_nothing(floor: Floor) -> None:
    arrival = received(floor.stack)
    floor.scan(*[arrival] * 5)
    floor.stack.broker.kill()
    floor.scan(*[arrival] * 5)

    floor.stack.broker.start()
    floor.scan(*[arrival] * 5)

    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="all fifteen arrived")
    assert floor.on_hand("COF-500") == 15 * arrival.units


def test_a_gateway_that_loses_its_power_keeps_every_answered_scan(floor: Floor) -> None:
    site = floor.stack.sites["AMS1"]
    arrival = received(floor.stack)
    site.wire.cut()
    floor.scan(*[arrival] * 20)

    site.process.kill()
    site.wire.heal()
    floor.stack.start_gateway("AMS1")

    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="all twenty arrived")
    assert floor.on_hand("COF-500") == 20 * arrival.units


def test_an_ingest_worker_that_dies_is_replaced_without_loss(floor: Floor) -> None:
    arrival = received(floor.stack)
    floor.scan(*[arrival] * 5)
    floor.stack.services["ingest"].kill()
    floor.scan(*[arrival] * 5)

    floor.stack.services["ingest"].start()

    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="all ten arrived")
    assert floor.on_hand("COF-500") == 10 * arrival.units


def test_nothing_of_a_revoked_gateway_is_applied_any_more(floor: Floor) -> None:
    arrival = received(floor.stack)
    floor.scan(arrival)
    eventually(lambda: floor.on_hand("COF-500") == arrival.units, says="the line works")

    with (
        open_pool(floor.stack.database_url, size=1) as pool,
        unit_of_work(pool) as connection,
    ):
        registry.revoke(connection, "gw-amsterdam", now=SystemClock().now())
    floor.scan(*[arrival] * 3)

    eventually(
        lambda: any(row["code"] == "gateway.revoked" for row in floor.cloud.rows("/v1/quarantine")),
        says="its segments are quarantined with the reason",
    )
    assert floor.on_hand("COF-500") == arrival.units
    (movement,) = floor.cloud.rows("/v1/movements", site="AMS1", location=DOCK)
    assert movement["quantity"] == arrival.units
