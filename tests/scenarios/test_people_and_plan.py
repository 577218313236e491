"""Who works at a site and what it is to do goes down to the floor, and works there without us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest

from cloud import fleet
from cloud.db import Connection, open_pool, unit_of_work
from cloud.exceptions import open_cases
from deploy.clock import SystemClock
from shared.downlink import MAX_INLINE, DocumentKind, encode
from shared.events import Data
from shared.people import BREAK_GLASS, MAX_PEOPLE, People, Person
from shared.plan import Plan, Task, TaskLine
from tests.scenarios.conftest import Floor, eventually, received
from tests.support.people import badge, hashed

pytestmark = [pytest.mark.database, pytest.mark.broker]

SITE = "AMS1"
ADA = Person("ada", "Ada Lovelace", "operator", hashed("ada's secret"), [badge("B-ADA")])
PEOPLE = People(SITE, [ADA], hashed("in case of fire"))
ADA_SIGNS = {"person": "ada", "secret": "ada's secret"}
FIRE = {"person": BREAK_GLASS, "secret": "in case of fire"}
PLAN = Plan(SITE, [Task("SO-1", "pick", [TaskLine("COF-500", 3, location="A-01")])])


@contextmanager
def cloud(floor: Floor) -> Iterator[Connection]:
    with (
        closing(open_pool(floor.stack.database_url, size=1)) as pool,
        unit_of_work(pool) as connection,
    ):
        yield connection


def publish(floor: Floor, kind: DocumentKind, document: Data) -> int:
    with cloud(floor) as connection:
        now = SystemClock().now()
        return fleet.publish(connection, kind, encode(document), site=SITE, now=now)


def echoed(floor: Floor, kind: DocumentKind) -> int:
    """The version that the cloud has heard the gateway say."""
    with cloud(floor) as connection:
        (gateway,) = fleet.desired(connection)
        return gateway.held(kind)


def ask(floor: Floor, method: str, path: str, **body: Any) -> dict[str, Any]:
    door = floor.stack.sites[SITE].doors["sc-01"]
    answer = httpx.request(
        method,
        f"https://{door.host}:{door.port}{path}",
        headers={"authorization": f"Bearer {door.token}"},
        json=body or None,
        verify=door.tls,
        timeout=30,
        trust_env=False,
    )
    return answer.json()


def signed(floor: Floor) -> list[tuple[str, str]]:
    """Who signed in and out, as the cloud knows it."""
    with cloud(floor) as connection:
        rows = connection.execute(
            "SELECT data->>'person', data->>'signed' FROM observation WHERE kind = 24 ORDER BY seq"
        )
        return [(person, what) for person, what in rows]


def test_people_and_a_plan_come_down_are_echoed_and_serve_a_floor_that_is_cut_off(
    floor: Floor,
) -> None:
    assert ask(floor, "POST", "/v1/sign-in", badge="B-ADA")["error"]["code"] == "people.none-known"
    assert publish(floor, "people", PEOPLE) == 1
    assert publish(floor, "plan", PLAN) == 1
    eventually(lambda: floor.status()["versions"]["plan"] == 1, says="the plan came down")
    eventually(lambda: floor.status()["versions"]["people"] == 1, says="the people came down")
    eventually(lambda: echoed(floor, "people") == echoed(floor, "plan") == 1, says="both echoed")

    wire = floor.stack.sites[SITE].wire
    wire.cut()
    there = ask(floor, "POST", "/v1/sign-in", **ADA_SIGNS)
    assert (there["person"]["code"], there["may_decide"]) == ("ada", True)
    assert ask(floor, "GET", "/v1/me")["person"]["name"] == "Ada Lovelace"
    floor.scan(received(floor.stack))
    assert ask(floor, "POST", "/v1/sign-in", **FIRE)["may_decide"]
    notices = [notice["code"] for notice in floor.status()["notices"]]
    assert "people.break-glass" in notices
    wire.heal()

    eventually(
        lambda: signed(floor) == [("ada", "in"), ("ada", "out"), (BREAK_GLASS, "break-glass")],
        says="who signed in is known in the cloud",
    )
    with cloud(floor) as connection:
        cases = [case for case in open_cases(connection) if case.code == "people.break-glass"]
    assert [case.subject for case in cases] == ["gw-amsterdam: sc-01"]


def test_a_large_people_document_is_fetched_through_the_door_and_a_removed_person_is_out(
    floor: Floor,
) -> None:
    crowd = [Person(f"p{n}", f"Person {n}", "scanner") for n in range(MAX_PEOPLE - 1)]
    large = People(SITE, [*crowd, ADA])
    assert len(encode(large)) > MAX_INLINE
    publish(floor, "people", large)
    eventually(lambda: echoed(floor, "people") == 1, says="ten thousand people came down")
    assert ask(floor, "POST", "/v1/sign-in", badge="B-ADA")["person"]["code"] == "ada"
    publish(floor, "people", People(SITE, crowd))
    eventually(lambda: echoed(floor, "people") == 2, says="the smaller crowd came down")
    assert ask(floor, "GET", "/v1/me")["person"] is None
    eventually(lambda: signed(floor)[-1:] == [("ada", "out")], says="that she is out is known")
