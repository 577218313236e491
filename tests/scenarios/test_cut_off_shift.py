"""A shift without the cloud: a day's receiving, picking and counting, promises and decisions.

When the line heals, the cloud's stock equals the floor's, and it has taken every decision of the
gateway again, alike. Six hours are made to pass by setting back when the cloud was last heard.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest
import uuid_utils

from cloud import fleet, orders
from cloud.app.promises import publish_leases
from cloud.catalog.service import import_csv
from cloud.db import Connection, open_pool, unit_of_work
from cloud.exceptions import open_cases
from deploy.clock import SystemClock
from edge import settings as gateway_settings
from edge.simulator.floor import DOCK
from shared.downlink import DocumentKind, encode
from shared.events import Data
from shared.people import People, Person
from shared.plan import PickFace, Plan, Task, TaskLine
from shared.policy import Policy
from shared.units import DAY, HOUR
from tests.scenarios.conftest import Floor, eventually
from tests.support.people import hashed

pytestmark = [pytest.mark.database, pytest.mark.broker]

SITE, SKU = "AMS1", "COF-500"
PLACES = """site,code,role,zone,capacity
AMS1,R-01,reserve,r,0
AMS1,R-02,reserve,r,0
AMS1,DOCK-2,dock,in,1000
"""
POLICY = Policy(
    "cut off", order_units=500, order_units_a_day=800, transfer_units=20, count_every_days=(0, 0, 0)
)
PLAN = Plan(
    SITE,
    [
        Task("PO-1", "receive", [TaskLine(SKU, 24, location=DOCK)], document="PO-1"),
        Task("SO-1", "pick", [TaskLine(SKU, 14, location="A-01")], document="SO-1"),
        Task("CC-1", "count", [TaskLine(SKU, location="R-02")]),
    ],
    [PickFace(SKU, "A-01", 10, 40)],
)
PEOPLE = People(SITE, [Person("ada", "Ada Lovelace", "operator", hashed("ada's secret"))])


class Shift:
    """The floor, asked by one device, and the cloud behind it."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.site = floor.stack.sites[SITE]
        self.raw = f"]E0{floor.stack.assortment.goods[SKU].each}"
        door = self.site.doors["sc-01"]
        self.http = httpx.Client(
            base_url=f"https://{door.host}:{door.port}",
            headers={"authorization": f"Bearer {door.token}"},
            verify=door.tls,
            timeout=30,
            trust_env=False,
        )

    @contextmanager
    def cloud(self) -> Iterator[Connection]:
        with (
            closing(open_pool(self.floor.stack.database_url, size=1)) as pool,
            unit_of_work(pool) as connection,
        ):
            yield connection

    def publish(self, kind: DocumentKind, document: Data) -> None:
        with self.cloud() as connection:
            now = SystemClock().now()
            fleet.publish(connection, kind, encode(document), site=SITE, now=now)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        return self.http.post(path, json={"id": str(uuid_utils.uuid7()), **body}).json()

    def get(self, path: str, **asked: Any) -> dict[str, Any]:
        answer = self.http.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def scan(self, step: str, quantity: int, **over: Any) -> dict[str, Any]:
        answer = self.post("/v1/scans", raw=self.raw, step=step, quantity=quantity, **over)
        assert answer["outcome"] == "accepted", answer
        return answer

    def decisions(self) -> list[dict[str, Any]]:
        return self.get("/v1/decisions", limit=500)["decisions"]

    def here(self) -> dict[tuple[str, str, str], int]:
        """What lies where, as the gateway has it."""
        lines = self.get("/v1/stock", limit=1000)["lines"]
        return {(row["sku"], row["location"], row["state"]): row["quantity"] for row in lines}

    def there(self) -> dict[tuple[str, str, str], int]:
        """What lies where, as the cloud has it."""
        rows = self.floor.cloud.rows("/v1/stock", site=SITE)
        return {(row["sku"], row["location"], row["state"]): row["quantity"] for row in rows}

    def hours_pass(self, hours: int) -> None:
        """Nothing was heard from the cloud for that long."""
        path = self.site.folder / gateway_settings.DATABASE
        with closing(sqlite3.connect(path, timeout=10)) as database, database:
            database.execute("UPDATE watermark SET received_at = received_at - ?", (hours * HOUR,))


@pytest.fixture
def shift(floor: Floor) -> Iterator[Shift]:
    """A site with reserve stock, a plan, a policy with ceilings, people and a lease of 100."""
    shift = Shift(floor)
    with shift.cloud() as connection:
        assert not import_csv(connection, kind="locations", content=PLACES).errors
    known = floor.status()["versions"]["catalog"]
    eventually(lambda: floor.status()["versions"]["catalog"] > known, says="new places came down")
    shift.scan("receive", 240, location="R-01")
    shift.scan("receive", 60, location="R-02")
    shift.scan("receive", 22, location="A-01")
    for kind, document in (("policy", POLICY), ("people", PEOPLE), ("plan", PLAN)):
        shift.publish(kind, document)  # type: ignore[arg-type]
    eventually(lambda: floor.on_hand(SKU) == 322, says="the cloud has the stock")
    with shift.cloud() as connection:
        now = SystemClock().now()
        orders.grant(
            connection, site=SITE, sku=SKU, quantity=100, lifetime=DAY, by="pat",
            code=lambda: "LE-1", now=now,
        )  # fmt: skip
        publish_leases(connection, SITE, now=now)
    for kind in ("plan", "people", "leases"):
        eventually(lambda k=kind: floor.status()["versions"][k] == 1, says=f"{kind} came down")  # type: ignore[misc]
    eventually(lambda: floor.status()["versions"]["policy"] == 2, says="the policy came down")
    yield shift
    shift.http.close()


def test_a_shift_without_the_cloud_is_worked_and_then_accounted_for(shift: Shift) -> None:
    shift.site.wire.cut()
    _receive(shift)
    _pick_and_fill(shift)
    _count(shift)
    _promise(shift)
    _run_short(shift)
    here, decided = shift.here(), shift.decisions()
    assert {each["kind"] for each in decided} >= {
        "dock", "replenish", "allocate", "stockout", "transfer", "order",
    }  # fmt: skip

    shift.site.wire.heal()

    floor = shift.floor
    eventually(lambda: shift.there() == here, says="the cloud's stock equals the floor's")
    eventually(lambda: _complete(floor), says="completeness is restored")
    path = f"/v1/sites/{SITE}/decisions"
    eventually(
        lambda: len(list(floor.cloud.rows(path))) == len(decided), says="every decision is known"
    )
    rows = list(floor.cloud.rows(path))
    assert {row["id"] for row in rows} == {each["id"] for each in decided}
    assert [row for row in rows if row["replay"]["verdict"] != "identical"] == []
    assert [row for row in rows if row["duplicate_of"]] == []
    (instead,) = [row for row in rows if row["override"]]
    assert (instead["kind"], instead["override"]["person"]) == ("transfer", "ada")
    with shift.cloud() as connection:
        account = orders.account(connection, site=SITE, sku=SKU)
        (lease,) = orders.leases(connection)
        codes = {case.code for case in open_cases(connection)}
    assert (lease.committed, lease.standing()) == (60, "in force")
    assert account.held() == 100 - 30  # of 60 promised 30 were picked; 40 may still be
    assert account.free() == account.available - 70 >= 0
    assert not codes & {"decision.diverged", "lease.exceeded", "count.mismatch"}


def _receive(shift: Shift) -> None:
    """Against the plan; a dock is blocked, and the pallet is sent to another."""
    shift.post("/v1/exceptions", about="dock.blocked", subject="a truck", location=DOCK)
    routed = shift.post("/v1/routes", kind="dock", sku=SKU, quantity=24, own=DOCK)
    assert (routed["outcome"], routed["location"]) == ("send", "DOCK-2")
    received = shift.scan("receive", 24, location=DOCK, task="PO-1", document="PO-1")
    assert received["task"]["complete"]
    shift.scan("put_away", 24, location=DOCK, to="R-02")


def _pick_and_fill(shift: Shift) -> None:
    """For an order; the pick face gets a task that fills it while nobody asks."""
    picked = shift.scan("pick", 14, location="A-01", task="SO-1", document="SO-1")
    assert picked["task"]["complete"]
    eventually(lambda: bool(_open(shift, "replenish")), says="the face is to be filled")
    (task,) = _open(shift, "replenish")
    assert [(line["location"], line["to"], line["quantity"]) for line in task["lines"]] == [
        ("R-01", "A-01", 32)
    ]
    filled = shift.scan("move", 32, location="R-01", to="A-01", task=task["code"])
    assert filled["task"]["complete"]


def _count(shift: Shift) -> None:
    shift.scan("count", 84, location="R-02", task="CC-1")
    shift.post("/v1/tasks/CC-1", action="finish")
    assert _open(shift, "count") == []


def _promise(shift: Shift) -> None:
    """Within the lease, and no further; half of it is picked."""
    promised = shift.post("/v1/allocations", sku=SKU, quantity=60, document="SO-9")
    assert (promised["outcome"], promised["remaining"]) == ("committed", 40)
    refused = shift.post("/v1/allocations", sku=SKU, quantity=41, document="SO-10")
    assert (refused["error"]["code"], refused["remaining"]) == ("lease.exhausted", 40)
    shift.scan("pick", 30, location="R-01", document="SO-9")


def _run_short(shift: Shift) -> None:
    """Hours later, and after a power cut, what runs out is asked for within the ceilings."""
    shift.scan("pick", 138, location="R-01", document="SO-11")
    shift.site.process.kill()
    shift.hours_pass(6)
    shift.floor.stack.start_gateway(SITE)
    eventually(
        lambda: {"stockout", "transfer", "order"} <= {each["kind"] for each in shift.decisions()},
        says="what runs out is asked for",
    )
    told = shift.get("/v1/decisions")
    assert told["alone"]
    assert told["away_minutes"] >= 360
    asked = {each["kind"]: each for each in told["decisions"]}
    assert asked["transfer"]["quantity"] == 20
    assert 0 < asked["order"]["quantity"] <= 500
    shift.http.post("/v1/sign-in", json={"person": "ada", "secret": "ada's secret"})
    overridden = shift.http.post(
        f"/v1/decisions/{asked['transfer']['id']}/override",
        json={"outcome": "transfer 40 units", "reason": "the other site called"},
    ).json()
    assert overridden["override"]["person"] == "ada"


def _open(shift: Shift, kind: str) -> list[dict[str, Any]]:
    return shift.get("/v1/tasks", kind=kind)["tasks"]


def _complete(floor: Floor) -> bool:
    return bool(floor.cloud.get(f"/v1/sites/{SITE}/completeness")["complete"])
