"""A gateway with a camera before a shelf, as a process: an emptied slot is filled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cloud.vision.shelves import examples
from edge import stock
from edge.app import opened
from edge.vision.calibration import Slot, put_slot
from edge.vision.embedding import jpeg_of, reference_of
from shared.downlink import Catalog, Code, Item, Location, encode
from shared.events import SlotSeen, decode_event
from shared.plan import PickFace, Plan
from shared.units import Micros
from tests.support.gateway import GTIN, LABEL, enrol, equip_store, offer_of, running, wait_until

if TYPE_CHECKING:
    from edge.app.store import Store
    from edge.vision.lanes import Point

CATALOG = Catalog(
    "berlin",
    [Item("TEA-1", "Green tea", [Code(GTIN, 1)])],
    [Location("A-01", "shelf"), Location("R-01", "reserve"), Location("DOCK-1", "dock")],
)


def emptied() -> tuple[Any, Any, tuple[Point, ...]]:
    """A slot that was full when somebody drew it and is empty now; where it is."""
    for each in examples(11, 200, "train", hidden=0):
        if (each.shows, each.state) == ("full", "empty") and min(each.now.shape[:2]) > 90:
            height, width = each.now.shape[:2]
            polygon = tuple((float(x) / width, float(y) / height) for x, y in each.polygon)
            return each.then, each.now, polygon
    raise AssertionError("no such slot was drawn")


def filmed(path: Path, picture: Any, *, seconds: int) -> Path:
    """A video in which nothing moves; its noise is each frame's own."""
    rng = np.random.default_rng(1)
    large = cv2.resize(picture, (320, 240))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 2, (320, 240))
    for _ in range(2 * seconds):
        noise = rng.normal(0, 2, large.shape)
        writer.write(np.clip(large + noise, 0, 255).astype(np.uint8))
    writer.release()
    return path


def prepare(store: Store, slot: Slot) -> None:
    """A pick face and a drawn slot."""
    content = encode(Plan("berlin", [], [PickFace("TEA-1", "A-01", 5, 20)]))

    def unit(connection: Any) -> None:
        offer = offer_of(content, 1, kind="plan")
        entering = stock.Entering(plan=store.floor.enter_plan)
        stock.put_in_force(
            connection, offer, content, site=store.identity.site, now=1, entering=entering
        )
        put_slot(connection, slot)

    store.database.run_blocking(unit)


def sights(data: Path) -> list[SlotSeen]:
    with opened(data) as store:
        rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    facts = [decode_event(body).data for (body,) in rows]
    return [fact for fact in facts if isinstance(fact, SlotSeen)]


def test_a_slot_that_a_camera_sees_empty_is_filled_once_and_says_why(
    tmp_path: Path, pki: Path
) -> None:
    then, now, polygon = emptied()
    still = jpeg_of(cv2.resize(then, (320, 240)))
    slot = Slot(
        "aisle", "S-1", "A-01", polygon, reference_of(still, polygon), "full", "ann", Micros(1)
    )
    data = tmp_path / "gw"
    enrol(data, pki)
    with opened(data) as store:
        token = equip_store(store, catalog=CATALOG)
    video = filmed(tmp_path / "aisle.mp4", now, seconds=40)
    camera = f'\n[[camera]]\nname = "aisle"\nsource = "{video}"\ncpu = 1.0\n'
    with running(data, token) as gateway:
        for quantity, location in ((60, "R-01"), (12, "A-01")):
            answer = gateway.scan(raw=LABEL, quantity=quantity, location=location).json()
            assert answer["outcome"] == "accepted", answer
    with opened(data) as store:
        prepare(store, slot)
    with running(data, token, extra=camera) as gateway:

        def decided() -> list[dict[str, Any]]:
            return gateway.http.get("/v1/decisions?kind=replenish").json()["decisions"]

        wait_until(decided, "the decision to fill the face")
        (decision,) = decided()
    assert decision["reasons"][0] == "aisle/S-1 sees A-01 empty."
    assert (decision["quantity"], decision["carried_out"]) == (20, True)
    (fact,) = sights(data)
    assert (fact.camera, fact.slot, fact.location) == ("aisle", "S-1", "A-01")
    assert (fact.before, fact.state, fact.model) == ("unknown", "empty", "slots-1")
    assert fact.image_sha256 is None or len(fact.image_sha256) == 32
