"""Tasks, items, undo and exceptions over the local API."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from edge.app.store import Store
from edge.ports import LabelTold, ReadShown
from edge.web import RateLimit, create, devices
from edge.web.tasks import tasks_room
from shared.errors import QuartermasterError
from shared.plan import Task, TaskLine
from tests.support.floor import CARTON, OAT, SSCC, TEA, FloorAt, label, new_id

NOBODY = "wrong"
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 100 + b"\xff\xd9"


class Calm:
    """A gateway about which there is nothing to say."""

    def report(self) -> dict[str, Any]:
        return {}

    def not_ready(self) -> str:
        return ""


READ = (ReadShown("4006381333931", None, 7),)


class Desk:
    """Has read one label, and reads no other."""

    async def read(self, exception: str, *, device: str) -> LabelTold:
        if exception != "ex-1":
            raise QuartermasterError("model.missing", "rapidocr is not installed")
        return LabelTold("KR43796", None, 970, "LOT KR43796", f"ocr of {device}", 0, READ)

    def told(self, exception: str) -> None:
        assert exception


class Door:
    """The app, asked by a paired device."""

    def __init__(self, store: Store, *, burst: int = 1000) -> None:
        self.floor = FloorAt(store)
        self.token = store.database.run_blocking(
            lambda connection: devices.add(connection, "sc-01", now=1)
        )
        limit = RateLimit(1, burst)
        clock: Any = self.floor.clock
        room = tasks_room(store.database, store.floor, store.photos, limit, clock, labels=Desk())
        self.app = create(
            store.database, store.pipeline, Calm(), limit, CollectorRegistry(), rooms=[room]
        )

    def ask(self, method: str, path: str, **over: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="https://gw") as client:
                headers = {"authorization": f"Bearer {over.pop('token', self.token)}"}
                return await client.request(method, path, headers=headers, **over)

        return asyncio.run(go())

    def get(self, path: str, **params: Any) -> Any:
        response = self.ask("GET", path, params=params)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
def door(bare_store: Store) -> Door:
    return Door(bare_store)


PLAN = [
    Task("P-LATE", "pick", [TaskLine("TEA-1", 5, location="A-01", to="STAGE-1")], due_at=900),
    Task("P-SOON", "pick", [TaskLine("TEA-1", 2, location="A-01", lot="T1")], due_at=100, zone="a"),
    Task("P-NOW", "pick", [TaskLine("OAT-1", 1, location="A-02")], priority=9, document="SO-1"),
    Task("R/1", "receive", [TaskLine("TEA-1", 30)], blind=True),
    Task("C-1", "count", [TaskLine("", location="A-01")], zone="a"),
]


def test_tasks_are_listed_by_urgency_with_what_is_expected(door: Door) -> None:
    door.floor.plan(*PLAN)
    told = door.get("/v1/tasks")
    assert [task["code"] for task in told["tasks"]] == ["P-NOW", "P-SOON", "P-LATE", "C-1", "R/1"]
    assert told["versions"]["plan"] == 1
    assert [task["code"] for task in door.get("/v1/tasks", kind="pick", zone="a")["tasks"]] == [
        "P-SOON"
    ]
    soon = door.get("/v1/tasks/P-SOON")
    assert soon["lines"] == [
        {
            "line": 1,
            "sku": "TEA-1",
            "name": "Green tea",
            "gtin": TEA,
            "location": "A-01",
            "to": None,
            "lot": "T1",
            "quantity": 2,
            "done": 0,
            "left": 2,
        }
    ]
    assert (soon["status"], soon["due_at"], soon["document"]) == ("open", 100, None)


def test_of_blind_work_nobody_is_told_how_many(door: Door) -> None:
    door.floor.plan(*PLAN)
    door.floor.good(TEA, "receive", 7, location="A-01")
    door.floor.good(TEA, "count", 3, location="A-01", task="C-1")
    assert door.get("/v1/tasks/R/1")["lines"][0]["quantity"] is None
    count = door.get("/v1/tasks/C-1")
    assert (count["blind"], count["lines"][0]["left"]) == (True, None)
    assert count["again"] == [
        {"line": 1, "sku": "TEA-1", "location": "A-01", "lot": None, "serial": None}
    ]
    assert "7" not in str({**count, "versions": None})


def test_a_task_is_begun_worked_on_and_ended(door: Door) -> None:
    door.floor.plan(*PLAN)
    begun = door.ask("POST", "/v1/tasks/P-LATE", json={"id": new_id(), "action": "start"})
    assert (begun.status_code, begun.json()["status"]) == (200, "started")
    scan = {"id": new_id(), "raw": TEA, "step": "pick", "location": "A-01", "quantity": 2}
    answer = door.ask("POST", "/v1/scans", json={**scan, "task": "P-LATE"}).json()
    assert answer["task"]["left"] == 3
    finished = door.ask("POST", "/v1/tasks/P-LATE", json={"id": new_id(), "action": "finish"})
    assert (finished.status_code, finished.json()["error"]["code"]) == (409, "task.incomplete")
    undone = door.ask("POST", "/v1/undo", json={"id": new_id(), "undoes": scan["id"]})
    assert (undone.status_code, undone.json()["task"]["left"]) == (200, 5)
    unknown = door.ask("POST", "/v1/tasks/NONE", json={"id": new_id(), "action": "start"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "task.unknown")
    assert door.ask("GET", "/v1/tasks/NONE").status_code == 404


def test_an_item_is_found_by_number_sku_and_label(door: Door) -> None:
    door.floor.good(label(lot="T1", expiry="270101"), "receive", 5, location="A-01")
    door.floor.good(TEA, "return", 2)
    for code in ("TEA-1", TEA, TEA.lstrip("0"), CARTON, label(lot="Z")):
        told = door.get(f"/v1/items/{code}")
        assert (told["sku"], told["gtin"], told["on_hand"]) == ("TEA-1", TEA, 7)
    assert told["count_class"] == "A"
    assert told["lines"][0] == {
        "location": "A-01",
        "lot": "T1",
        "serial": None,
        "expiry": "2027-01-01",
        "state": "available",
        "quantity": 5,
    }
    for code, error in (("NOTHING", 422), ("09506000134353", 422), ("x" * 600, 422)):
        assert door.ask("GET", f"/v1/items/{code}").status_code == error


def test_an_exception_is_raised_shown_and_its_photo_with_it(door: Door) -> None:
    photo = base64.b64encode(JPEG).decode()
    request = {"id": new_id(), "about": "scan.unknown-item", "subject": "123", "photo": photo}
    raised = door.ask("POST", "/v1/exceptions", json=request)
    assert raised.status_code == 200, raised.text
    (shown,) = door.get("/v1/exceptions")["exceptions"]
    assert (shown["subject"], shown["device"], shown["resolution"]) == ("123", "sc-01", None)
    picture = door.ask("GET", f"/v1/exceptions/{shown['name']}/photo")
    assert picture.content == JPEG
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["x-content-type-options"] == "nosniff"
    closing = {"id": new_id(), "resolution": "discarded"}
    refused = door.ask("POST", f"/v1/exceptions/{shown['name']}/resolve", json=closing)
    assert refused.json()["error"]["code"] == "people.not-signed-in"
    assert door.get("/v1/exceptions", status="resolved")["exceptions"] == []
    assert door.ask("GET", "/v1/exceptions/ex-none/photo").status_code == 404


def test_what_a_label_says_is_asked_for_and_so_is_what_to_install(door: Door) -> None:
    answer = door.ask("POST", "/v1/exceptions/ex-1/label")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "exception": "ex-1",
        "lot": "KR43796",
        "expiry": None,
        "confidence": 970,
        "text": "LOT KR43796",
        "model": "ocr of sc-01",
        "seq": None,
        "codes": [{"text": "4006381333931", "sku": None}],
    }
    refused = door.ask("POST", "/v1/exceptions/ex-2/label")
    assert (refused.status_code, refused.json()["error"]["code"]) == (501, "model.missing")
    assert "quartermaster[edge,ocr]" in refused.json()["error"]["do"]


def test_accuracy_is_told_by_zone(door: Door) -> None:
    door.floor.good(TEA, "receive", 7, location="A-01")
    door.floor.good(OAT, "receive", 7, location="B-01")
    door.floor.plan(
        Task("C-2", "count", [TaskLine("TEA-1", location="A-01")]),
        Task("C-3", "count", [TaskLine("OAT-1", location="B-01")]),
    )
    door.floor.good(TEA, "count", 7, location="A-01", task="C-2")
    for _ in range(2):
        door.floor.good(OAT, "count", 2, location="B-01", task="C-3")
    zones = door.get("/v1/accuracy")["zones"]
    assert [(zone["zone"], zone["positions"], zone["permille"]) for zone in zones] == [
        ("a", 1, 1000),
        ("b", 1, 0),
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/tasks"),
        ("GET", "/v1/tasks/P-1"),
        ("POST", "/v1/tasks/P-1"),
        ("POST", "/v1/undo"),
        ("GET", "/v1/items/TEA-1"),
        ("GET", "/v1/accuracy"),
        ("GET", "/v1/exceptions"),
        ("POST", "/v1/exceptions"),
        ("GET", "/v1/exceptions/x/photo"),
        ("POST", "/v1/exceptions/x/label"),
        ("POST", "/v1/exceptions/x/resolve"),
    ],
)
def test_nobody_comes_in_without_a_paired_devices_token(door: Door, method: str, path: str) -> None:
    assert door.ask(method, path, token=NOBODY).status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/v1/tasks?status=lost", "/v1/tasks?limit=0", "/v1/tasks?limit=x", "/v1/tasks?limit=99999",
     "/v1/accuracy?days=0", "/v1/accuracy?days=-1", "/v1/exceptions?status=x"],
)  # fmt: skip
def test_a_bad_question_is_refused_in_words(door: Door, path: str) -> None:
    response = door.ask("GET", path)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "request.invalid")


def test_all_that_is_posted_counts_for_the_devices_rate(bare_store: Store) -> None:
    door = Door(bare_store, burst=2)
    body = {"id": new_id(), "undoes": new_id()}
    assert door.ask("POST", "/v1/undo", json=body).status_code == 404
    assert door.ask("POST", "/v1/exceptions", json={}).status_code == 422
    assert door.ask("POST", "/v1/tasks/X", json={}).status_code == 429


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("09506000134353", "gs1.check-digit"),
        ("]C10109506000134353", "gs1.check-digit"),
        ("]C101095060001343", "gs1.syntax"),
        (f"]C101{TEA}17", "gs1.syntax"),
        (f"]C101{TEA}179913", "gs1.syntax"),
        (f"]C101{TEA}10" + "L" * 30, "gs1.lost-separator"),
        (f"]C100{SSCC[:-1]}1", "gs1.check-digit"),
        ("9" * 600, "scan.too-long"),
        ("a\x00b", "scan.malformed"),
        ("a\x07b", "scan.malformed"),
        ("", "scan.empty"),
        ("   ", "scan.empty"),
        ("\x1d", "scan.empty"),
    ],
)
def test_a_bad_label_is_refused_for_a_task_as_without_one(door: Door, raw: str, code: str) -> None:
    door.floor.plan(*PLAN)
    before = door.floor.trace()
    scan = {"id": new_id(), "raw": raw, "step": "pick", "location": "A-01", "task": "P-LATE"}
    response = door.ask("POST", "/v1/scans", json=scan)
    assert (response.status_code, response.json()["error"]["code"]) == (422, code)
    assert response.json()["error"]["do"]
    assert door.floor.trace() == before


def test_a_barcode_of_ten_thousand_characters_is_refused(door: Door) -> None:
    scan = {"id": new_id(), "raw": "9" * 10_240, "step": "receive"}
    response = door.ask("POST", "/v1/scans", json=scan)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "payload.too-large")
