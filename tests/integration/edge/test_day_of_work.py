"""A day's receiving, picking and counting at a real gateway that is cut off, and what arrives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.downlink import encode
from shared.events import TaskChanged
from shared.movements import movements_of
from shared.plan import Plan, Task, TaskLine
from tests.support.floor import CATALOG, SSCC, TEA, label, new_id
from tests.support.gateway import (
    FakeCloud,
    RunningGateway,
    enrol,
    equip,
    offer_of,
    public_key,
    running,
    wait_until,
)

if TYPE_CHECKING:
    from deploy.broker import Broker

PLAN = Plan(
    "berlin",
    [
        Task("R-1", "receive", [TaskLine("TEA-1", 24), TaskLine("OAT-1", 6, sscc=SSCC)],
             document="ASN-1"),
        Task("P-1", "pick", [TaskLine("TEA-1", 5, location="A-01")], document="SO-1", priority=1),
        Task("C-1", "count", [TaskLine("TEA-1", location="A-01")], zone="a"),
        Task("X-1", "pick", [TaskLine("SOAP-1", 1, location="B-01")]),
    ],
)  # fmt: skip


def ask(gateway: RunningGateway, **request: Any) -> dict[str, Any]:
    answer = gateway.http.post("/v1/scans", json={"id": new_id(), **request})
    return answer.json()


def good(gateway: RunningGateway, **request: Any) -> dict[str, Any]:
    answer = ask(gateway, **request)
    assert answer["outcome"] == "accepted", answer
    return answer


def morning(gateway: RunningGateway) -> None:
    tea = label(lot="T1", expiry="480131")
    good(gateway, raw=tea, step="receive", quantity=24, task="R-1")
    good(gateway, raw=SSCC, step="receive")
    good(gateway, raw=tea, step="put_away", quantity=24, to="A-01")
    wrong = ask(gateway, raw=tea, step="pick", location="A-02", task="P-1")
    assert wrong["error"]["code"] == "task.wrong-location"
    assert wrong["expected"]["location"] == "A-01"
    slip = good(gateway, raw=tea, step="pick", quantity=2, location="A-01", task="P-1")
    undone = gateway.http.post("/v1/undo", json={"id": new_id(), "undoes": slip["id"]})
    assert undone.json()["task"]["left"] == 5


def afternoon(gateway: RunningGateway) -> None:
    tea = label(lot="T1")
    good(gateway, raw=tea, step="pick", quantity=5, location="A-01", task="P-1")
    for _ in range(2):
        good(gateway, raw=tea, step="count", quantity=18, location="A-01", task="C-1")
    report = {"id": new_id(), "about": "scan.unknown-item", "subject": "4006381333931"}
    assert gateway.http.post("/v1/exceptions", json=report).status_code == 200


def test_a_days_work_goes_on_without_the_cloud_and_arrives_with_its_tasks(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    keys = {"gw-01": public_key(identity)}
    with FakeCloud(pki, broker.service_port, keys) as cloud, running(data, token) as gateway:
        wait_until(lambda: gateway.status()["link"]["up"], "the link")
        cloud.offer("gw-01", offer_of(encode(CATALOG), 2))
        cloud.offer("gw-01", offer_of(encode(PLAN), 1, kind="plan"))
        told = wait_until(lambda: gateway.http.get("/v1/tasks").json()["tasks"], "the plan")
        assert [task["code"] for task in told] == ["P-1", "C-1", "R-1", "X-1"]
    broker.stop()
    with running(data, token) as gateway:
        morning(gateway)
        gateway.kill()
    with running(data, token) as gateway:
        assert gateway.http.get("/v1/tasks/R-1").json()["status"] == "done"
        assert gateway.http.get("/v1/tasks/P-1").json()["lines"][0]["done"] == 0
        afternoon(gateway)
        broker.start()
        with FakeCloud(pki, broker.service_port, keys) as cloud:
            wait_until(lambda: gateway.status()["link"]["up"], "the link")
            less = Plan("berlin", PLAN.tasks[:1])
            cloud.offer("gw-01", offer_of(encode(less), 2, kind="plan"))
            wait_until(lambda: gateway.status()["versions"]["plan"] == 2, "the later plan")
            wait_until(lambda: gateway.status()["watermark"] == gateway.status()["seq"], "drained")
            stock = gateway.http.get("/v1/stock").json()["lines"]
            item = gateway.http.get(f"/v1/items/{TEA}").json()
        events = [event for _, event in sorted(cloud.events.items())]
        assert not cloud.errors
    arrived: Counter[tuple[str, str, str]] = Counter()
    for event in events:
        for (sku, location, lot, *_), quantity in movements_of(event.data):
            arrived[sku, location, lot] += quantity
    here = {(line["sku"], line["location"], line["lot"] or ""): line["quantity"] for line in stock}
    assert here == {
        ("TEA-1", "A-01", "T1"): 18,
        ("TEA-1", "STAGE-1", "T1"): 5,
        ("OAT-1", "DOCK-1", ""): 6,
    }
    assert {place: quantity for place, quantity in arrived.items() if quantity} == here
    assert item["lines"][0]["expiry"] == "2048-01-31"
    changes = [
        (event.data.task, event.data.status)
        for event in events
        if isinstance(event.data, TaskChanged)
    ]
    assert changes.count(("C-1", "recount")) == 1
    assert ("X-1", "withdrawn") in changes
    assert ("P-1", "done") in changes
    assert ("R-1", "done") in changes
    assert {event.task for event in events} >= {"R-1", "P-1", "C-1"}
