"""What people say of crops becomes a head, is tried out where they said it, and is compared there.

The gateway and the cloud are real processes; the camera's worker is played: embeddings in which one
number speaks come from it. The head that ships takes low for full.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from cloud.cli import app
from cloud.db import open_pool, unit_of_work
from cloud.vision import service as vision
from edge import stock
from edge.app.learning import Learning
from edge.app.safe_mode import chosen
from edge.app.store import Store, opened
from edge.ports import Frame
from edge.settings import Camera
from edge.vision.embedding import judged, kept
from edge.vision.lanes import Finding, Look, Uncertain
from edge.vision.shadow import Shadowed, WithShadow, shadowed
from shared.events import DeviceHealth, ShadowCompared, SlotSeen
from shared.units import MINUTE, Micros
from tests.scenarios.conftest import Floor, eventually
from tests.support.heads import CLASSES, SIZE, by_corner, ship

pytestmark = [pytest.mark.database, pytest.mark.broker]

SITE = "AMS1"
JPEG = b"\xff\xd8\xff a crop \xff\xd9"
SHIPPED = by_corner((0, 3, 2))  # low is what number 3 says, which never speaks
SHIPPED[1, 2] = 4
TRUTH = [number % 3 for number in range(30)]
LATER = [0, 1, 1, 2]


def embedding(number: int, spoken: int) -> Any:
    row = np.eye(SIZE)[spoken] * 2
    return (row + np.random.default_rng(number).normal(0, 0.1, SIZE)).astype(np.float32)


def look(number: int, spoken: int) -> Finding:
    """What the worker found of a slot: its head was not sure of it, and wrong about low."""
    predicted = CLASSES[0 if spoken == 0 else 2]
    slot = f"S-{number}"
    at = Micros(1_000_000 + number)
    fact = SlotSeen("aisle", None, at, "slots-1", bytes(32), 410, None, slot, None, "low", "full")
    image = JPEG.replace(b"crop", slot.encode())
    doubt = Uncertain("slots", predicted, kept(embedding(number, spoken)))
    return Finding(fact, image, doubt)


class Lane:
    """A lane that asks its head about each of the later crops."""

    name = "slots"

    def __init__(self, head: Shadowed) -> None:
        self._head = head

    def look(self, look: Look) -> list[Finding]:
        number = look.frame.number
        judged(self._head, embedding(100 + number, LATER[number % len(LATER)])[None])
        return [Finding(DeviceHealth("aisle", "watching"))]


class Warehouse:
    """The gateway's store beside its process, as a gateway with a camera would hold it."""

    def __init__(self, floor: Floor, store: Store, models: Path) -> None:
        self.floor = floor
        self.store = store
        self.models = models
        self.learning = Learning(store, models=models)

    def label(self, first: int, truth: list[int]) -> None:
        """Crops come to the desk, and a person says of each what it shows."""
        for number, spoken in enumerate(truth, start=first):
            self.learning.heard(look(number, spoken))
        desk = self.learning.crops
        truths = {f"S-{number}": CLASSES[each] for number, each in enumerate(truth, start=first)}
        for crop in desk.waiting(100):
            asyncio.run(desk.label(crop.id, truths[crop.about], device="sc-01"))
        assert desk.count() == 0

    def renew(self) -> None:
        """The worker judges by what is in force now."""
        self.store.database.run_blocking(self.learning._begin)

    def watch(self, minutes: int) -> None:
        """The worker looks six times a minute, and tells how the shadow did."""
        heads = stock.heads(self.store.database.reader, self.store.identity.site)
        head = shadowed("slots", heads, self.models)
        lane = WithShadow(Lane(head), "slots", head)
        for number in range(6 * minutes + 1):
            for found in lane.look(Look(Frame(None, number, 0.0), Micros(number * MINUTE // 6))):
                if isinstance(found.fact, ShadowCompared):
                    self.learning.compared(found.fact)


@pytest.fixture
def warehouse(floor: Floor, tmp_path: Path) -> Iterator[Warehouse]:
    ship(tmp_path / "models", SHIPPED)
    data = floor.stack.sites[SITE].folder
    present = chosen(data)
    camera = Camera(name="aisle", source="played", keep_crops=True)
    settings = msgspec.structs.replace(present.settings, camera=[camera])
    with opened(data, replace(present, settings=settings)) as store:
        yield Warehouse(floor, store, tmp_path / "models")


def cloud(*arguments: str) -> Any:
    """What a command answers."""
    result = CliRunner().invoke(app, ["vision", *arguments, "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def labels_in_the_cloud(floor: Floor) -> int:
    with (
        closing(open_pool(floor.stack.database_url, size=1)) as pool,
        unit_of_work(pool) as connection,
    ):
        return len(vision.labels(connection, "slots"))


def test_a_label_becomes_a_head_that_is_tried_out_and_compared_where_it_was_said(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor = warehouse.floor
    monkeypatch.setenv("QM_DATABASE_URL", floor.stack.database_url)
    warehouse.label(0, TRUTH)
    eventually(lambda: labels_in_the_cloud(floor) == len(TRUTH), says="the labels came up")

    made = cloud("retrain", "slots")
    assert made["labels"]["labels"] == {"empty": 10, "full": 10, "low": 10}
    words = made["compared"]["words"]
    assert (words["crops"], words["right"], words["candidate_right"]) == (30, 20, 30)
    cloud("publish", made["candidate"], "--shadow", SITE)
    eventually(lambda: floor.status()["versions"]["heads"] == 1, says="the shadow came down")
    assert floor.status()["learning"]["heads"] == [{"head": made["candidate"], "role": "shadow"}]

    warehouse.renew()
    warehouse.watch(minutes=2)
    warehouse.label(100, LATER)

    def told() -> list[dict[str, Any]]:
        (row,) = cloud("candidates")
        return [each for each in row["shadow"] if each["labelled"] == len(LATER)]

    eventually(lambda: len(told()) == 1, says="the comparison came up")
    (shadow,) = told()
    assert (shadow["site"], shadow["version"]) == (SITE, "slots-1")
    assert shadow["candidate"] == made["candidate"]
    assert (shadow["compared"], shadow["agreed"]) == (13, 7)
    assert (shadow["right"], shadow["candidate_right"]) == (2, 4)

    cloud("withdraw", "slots", "--shadow", SITE)
    eventually(lambda: floor.status()["versions"]["heads"] == 2, says="it was withdrawn")
    assert floor.status()["learning"]["shadow"] == []
    assert floor.status()["notices"] == []
