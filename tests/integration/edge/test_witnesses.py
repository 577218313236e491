"""A putaway to the wrong place, a camera that sees it: the real process has it counted and learns.

The camera looks at a picture of two shelf places, in the right one of which a carton stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp

from edge import stock
from edge.app.store import opened
from shared.downlink import encode
from shared.events import CodeSeen, CountClosed, SightChecked, decode_event
from shared.plan import Plan, Task, TaskLine
from tests.support.gateway import (
    GTIN,
    SITE,
    RunningGateway,
    enrol,
    equip_store,
    offer_of,
    running,
    wait_until,
)

PLAN = Plan(SITE, [Task("PA-1", "put_away", [TaskLine("TEA-1", 4, "DOCK-1", "A-01")])])
SOONER = (
    "from edge.app import witnessing\n"
    "from edge.vision.witness import Window\n"
    "witnessing.WINDOW = Window(60_000_000, 1_000_000)\n"
    "from edge.cli import app\n"
    "app()"
)
"""The gateway waits a second for what a camera may see, not a minute."""


def shelf(path: Path) -> Path:
    """Two places; in the right one stands a carton of green tea."""
    code = zxingcpp.create_barcode(GTIN[1:], zxingcpp.BarcodeFormat.EAN13)
    drawn = np.array(zxingcpp.write_barcode_to_image(code, scale=3))
    picture = np.full((480, 1280), 255, np.uint8)
    height, width = drawn.shape[:2]
    picture[140 : 140 + height, 760 : 760 + width] = drawn
    cv2.imwrite(str(path), picture)
    return path


@pytest.fixture
def gateway(tmp_path: Path, pki: Path) -> Iterator[RunningGateway]:
    data = tmp_path / "gw"
    enrol(data, pki)
    with opened(data) as store:
        token = equip_store(store)
        content = encode(PLAN)
        entering = stock.Entering(plan=store.floor.enter_plan)
        store.database.run_blocking(
            lambda connection: stock.put_in_force(
                connection,
                offer_of(content, 1, kind="plan"),
                content,
                site=store.identity.site,
                now=1,
                entering=entering,
            )
        )
    camera = f"""
[[camera]]
name = "shelf-cam"
source = "{shelf(tmp_path / "shelf.png")}"
[[camera.zones]]
name = "left"
polygon = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
location = "A-01"
[[camera.zones]]
name = "right"
polygon = [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]
location = "A-02"
"""
    with running(data, token, extra=camera, program=SOONER) as started:
        yield started


def facts(gateway: RunningGateway, kind: type[Any]) -> list[Any]:
    with opened(gateway.data) as store:
        rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    found = [decode_event(body).data for (body,) in rows]
    return [data for data in found if isinstance(data, kind)]


def good(gateway: RunningGateway, **fields: Any) -> dict[str, Any]:
    answer = gateway.scan(**fields).json()
    assert answer["outcome"] == "accepted", answer
    return answer


def test_a_putaway_to_the_wrong_place_is_seen_counted_and_labelled(
    gateway: RunningGateway,
) -> None:
    http = gateway.http
    wait_until(lambda: gateway.status()["cameras"][0]["codes_seen"], "the camera has seen it")
    good(gateway, step="receive", quantity=4, location="DOCK-1")
    good(gateway, step="put_away", quantity=4, location="DOCK-1", to="A-01", task="PA-1")

    def counts() -> list[dict[str, Any]]:
        return http.get("/v1/tasks", params={"kind": "count"}).json()["tasks"]

    (count,) = wait_until(counts, "a count")
    assert [line["location"] for line in count["lines"]] == ["A-02", "A-01"]
    assert "seen at A-02" in count["note"]
    (raised,) = http.get("/v1/exceptions").json()["exceptions"]
    assert (raised["about"], raised["location"]) == ("count.disputed", "A-02")
    (line,) = http.get("/v1/stock").json()["lines"]
    assert (line["location"], line["quantity"]) == ("A-01", 4), "no camera moves stock"

    for place, found in (("A-02", 4), ("A-02", 4), ("A-01", 0), ("A-01", 0)):
        good(gateway, step="count", quantity=found, location=place, task=count["code"])
    wait_until(lambda: not http.get("/v1/exceptions").json()["exceptions"], "it is settled")
    left = {each["location"]: each["quantity"] for each in http.get("/v1/stock").json()["lines"]}
    assert (left["A-02"], left.get("A-01", 0)) == (4, 0), "people do"
    assert gateway.stop() == 0

    (seen,) = facts(gateway, CodeSeen)
    assert (seen.zone, seen.sku) == ("right", "TEA-1")
    (closed,) = facts(gateway, CountClosed)
    assert (closed.task, closed.exact) == (count["code"], 0)
    check, label = facts(gateway, SightChecked)
    assert (check.verdict, check.task, check.location) == ("disagreed", "PA-1", "A-02")
    assert (label.verdict, label.task) == ("agreed", count["code"])
    assert label.why == "counted: camera was right; scan and ledger were wrong"
    assert label.model_sha256 == check.model_sha256 == seen.model_sha256
    assert label.image_sha256 == seen.image_sha256
