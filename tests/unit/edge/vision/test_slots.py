"""A slot's state is told when it has held, once; what is not sure flips nothing."""

from __future__ import annotations

import hashlib
from typing import Any, cast

import numpy as np
import pytest

from edge.ports import Frame
from edge.vision.calibration import Slot
from edge.vision.embedding import jpeg_of
from edge.vision.lanes import Lane, Look, Zone
from edge.vision.slots import Holding, SlotLane, compared
from shared.errors import QuartermasterError
from shared.events import SlotSeen
from shared.units import Micros
from tests.support.sight_models import WIDTH, backbone, head

CLASSES = ("empty", "low", "full", "unknown")
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
LEVELS = {"empty": 20, "low": 100, "full": 180, "unknown": 240, "either": 60}
HOLDING = Holding(looks=3, seconds=2.0, patience=60.0)


def by_brightness(rows: Any) -> Any:
    """A head that knows slots by how bright they are; between two it is of two minds."""
    level = rows[:, 0] * 255
    table = np.full((len(rows), 4), 0.01)
    for number, name in enumerate(CLASSES):
        table[np.abs(level - LEVELS[name]) < 15, number] = 0.97
    table[np.abs(level - LEVELS["either"]) < 15] = (0.49, 0.49, 0.01, 0.01)
    return table


def slot(name: str, polygon: Any = LEFT, **over: Any) -> Slot:
    reference = jpeg_of(np.full((64, 64, 3), LEVELS["full"], np.uint8))
    drawn = Slot("aisle", name, "A-01", polygon, reference, "full", "ann", Micros(1))
    return drawn._replace(**over)


class Aisle:
    """A camera before two slots."""

    def __init__(self, *slots: Slot, answer: Any = by_brightness) -> None:
        self.lane = SlotLane(
            "aisle",
            slots or (slot("S-1"), slot("S-2", RIGHT, location="A-02")),
            backbone=backbone(),
            head=head("slots", CLASSES, answer),
            holding=HOLDING,
        )
        self.number = 0
        self.at = 100.0

    def sees(self, left: str, right: str = "either", *, times: int = 1) -> list[SlotSeen]:
        """So many looks, a second apart."""
        facts: list[SlotSeen] = []
        for _ in range(times):
            image = np.zeros((40, 80, 3), np.uint8)
            image[:, :40], image[:, 40:] = LEVELS[left], LEVELS[right]
            frame = Frame(image, self.number, self.at)
            for finding in self.lane.look(Look(frame, Micros(int(self.at * 1e6)))):
                assert isinstance(finding.fact, SlotSeen)
                assert finding.crop is not None
                digest = hashlib.sha256(finding.crop).digest()
                assert finding.fact.image_sha256 == digest
                facts.append(finding.fact)
            self.number += 1
            self.at += 1.0
        return facts


def states(facts: list[SlotSeen]) -> list[tuple[str, str, str]]:
    return [(fact.slot, fact.before, fact.state) for fact in facts]


def test_a_state_is_told_once_when_it_has_held() -> None:
    aisle = Aisle()
    assert aisle.sees("low", times=2) == []
    (fact,) = aisle.sees("low")
    assert (fact.camera, fact.slot, fact.location) == ("aisle", "S-1", "A-01")
    assert (fact.before, fact.state, fact.confidence) == ("unknown", "low", 970)
    assert (fact.frame_at, fact.zone) == (102_000_000, None)
    assert (fact.model, fact.model_sha256) == ("slots-t", hashlib.sha256(b"slots").digest())
    assert aisle.sees("low", times=30) == []
    assert states(aisle.sees("empty", times=3)) == [("S-1", "low", "empty")]


def test_each_slot_has_its_own_state() -> None:
    aisle = Aisle()
    told = aisle.sees("low", "full", times=5)
    assert states(told) == [("S-1", "unknown", "low"), ("S-2", "unknown", "full")]
    assert [fact.location for fact in told] == ["A-01", "A-02"]
    assert cast("Lane", aisle.lane).name == "slots"


def test_a_state_that_flickers_is_never_told() -> None:
    aisle = Aisle()
    for _ in range(10):
        assert aisle.sees("low", times=2) == []
        assert aisle.sees("full", times=2) == []


def test_what_is_not_sure_neither_confirms_nor_contradicts() -> None:
    aisle = Aisle()
    aisle.sees("full", times=3)
    assert aisle.sees("either", times=20) == []
    assert aisle.sees("unknown", times=20) == []
    assert aisle.sees("full", times=5) == []
    aisle.sees("low", times=2)
    aisle.sees("unknown", times=5)
    assert states(aisle.sees("low")) == [("S-1", "full", "low")]


def test_a_slot_that_nobody_can_see_for_long_is_told_as_unknown_once() -> None:
    aisle = Aisle(slot("S-1"))
    aisle.sees("full", times=3)
    told = aisle.sees("unknown", times=200)
    assert states(told) == [("S-1", "full", "unknown")]
    assert aisle.sees("low", times=2) == []
    assert states(aisle.sees("low")) == [("S-1", "unknown", "low")]


def test_a_slot_that_was_never_seen_surely_is_not_told_at_all() -> None:
    assert Aisle().sees("either", times=200) == []


def test_doubt_travels_with_what_it_was_about() -> None:
    aisle = Aisle(slot("S-1"))
    aisle.sees("full", times=3)
    image = np.full((40, 80, 3), LEVELS["either"], np.uint8)
    found = [
        finding
        for number in range(100, 200)
        for finding in aisle.lane.look(Look(Frame(image, number, float(number + 100)), Micros(1)))
    ]
    (finding,) = found
    assert finding.uncertain is not None
    assert (finding.uncertain.head, finding.uncertain.predicted) == ("slots", "empty")
    assert len(finding.uncertain.embedding) == 2 * (3 * WIDTH + 1) <= 1024


def test_the_same_frame_counts_once() -> None:
    aisle = Aisle()
    frame = Frame(np.full((40, 80, 3), LEVELS["low"], np.uint8), 7, 100.0)
    for second in range(20):
        assert aisle.lane.look(Look(frame._replace(at=100.0 + second), Micros(1))) == []


def test_a_state_is_told_late_rather_than_of_looks_too_close_together() -> None:
    aisle = Aisle(slot("S-1"))
    image = np.full((40, 80, 3), LEVELS["low"], np.uint8)
    looks = [Look(Frame(image, n, 100 + n / 10), Micros(n)) for n in range(40)]
    told = [look.frame.number for look in looks if aisle.lane.look(look)]
    assert told == [20]


def test_a_zone_gives_the_fact_its_name() -> None:
    aisle = Aisle()
    zone = Zone("rack", LEFT, ("slots",))
    image = np.full((40, 80, 3), LEVELS["low"], np.uint8)
    looks = [Look(Frame(image, n, 100.0 + n), Micros(1), zone) for n in range(3)]
    found = [finding.fact for look in looks for finding in aisle.lane.look(look)]
    assert {fact.zone for fact in found if isinstance(fact, SlotSeen)} == {"rack"}


def test_a_slot_without_a_usable_reference_is_left_out_and_the_others_are_seen() -> None:
    aisle = Aisle(slot("S-0", reference=b""), slot("S-1"), slot("S-2", reference=b"\xff\xd8\xff"))
    assert states(aisle.sees("low", times=3)) == [("S-1", "unknown", "low")]
    assert {name: why.split(":")[0] for name, why in aisle.lane.left_out.items()} == {
        "S-0": "slot.invalid",
        "S-2": "slot.invalid",
    }


def test_a_camera_without_slots_sees_none() -> None:
    lane = SlotLane("aisle", [], backbone=backbone(), head=head("slots", CLASSES, by_brightness))
    image = np.zeros((4, 4, 3), np.uint8)
    assert lane.look(Look(Frame(image, 0, 0.0), Micros(0))) == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda rows: np.full((len(rows), 4), np.nan),
        lambda rows: np.full((len(rows), 4), np.inf),
        lambda rows: np.full((len(rows), 4), 7.0),
        lambda rows: np.full((len(rows), 3), 1 / 3),
        lambda rows: np.zeros((len(rows), 4)),
    ],
    ids=["NaN", "infinite", "no probabilities", "another shape", "nothing"],
)
def test_scores_that_mean_nothing_are_an_abstention(answer: Any) -> None:
    assert Aisle(answer=answer).sees("low", times=10) == []


def test_a_backbone_that_fails_on_the_references_is_told_at_once() -> None:
    with pytest.raises(QuartermasterError) as refused:
        SlotLane(
            "aisle",
            [slot("S-1")],
            backbone=backbone(lambda crops: np.full((len(crops), WIDTH), np.nan)),
            head=head("slots", CLASSES, by_brightness),
        )
    assert refused.value.code == "model.scores"


def test_how_far_a_slot_is_from_its_reference_stands_where_the_reference_says() -> None:
    now, then = np.full(WIDTH, 0.5, np.float32), np.full(WIDTH, 0.25, np.float32)
    full, empty = compared(now, then, "full"), compared(now, then, "empty")
    assert full.tolist() == [0.5] * WIDTH + [0.25] * WIDTH + [0.0] * WIDTH + [1.0]
    assert empty.tolist() == [0.5] * WIDTH + [0.0] * WIDTH + [0.25] * WIDTH + [0.0]
