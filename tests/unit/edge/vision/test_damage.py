"""Damage is suspected once of each object, with a crop; nothing is ever told to be whole."""

from __future__ import annotations

import hashlib
from typing import Any, cast

import numpy as np
import pytest

from edge.ports import Frame
from edge.vision.damage import DamageLane, Followed
from edge.vision.lanes import Finding, Lane, Look, Zone
from shared.events import DamageSuspected
from shared.units import Micros
from tests.support.sight_models import backbone, head

CLASSES = ("whole", "suspect")
BOX = (10, 10, 50, 50)
A, B = bytes(15) + b"a", bytes(15) + b"b"


def darkness(rows: Any) -> Any:
    """What is dark is damaged."""
    dark = 1 - rows[:, 0]
    return np.stack([1 - dark, dark], axis=1)


class Dock:
    """A camera that follows objects, or none."""

    def __init__(self, *, follows: bool = True, answer: Any = darkness, sure: float = 0.9) -> None:
        self.objects: list[Followed] = [Followed(A, "carton", BOX)]
        self.lane = DamageLane(
            "dock",
            (lambda: self.objects) if follows else None,
            backbone=backbone(),
            head=head("damage", CLASSES, answer, sure=sure),
        )
        self.number = 0

    def sees(self, level: int, zone: Zone | None = None, *, times: int = 1) -> list[Finding]:
        found: list[Finding] = []
        for _ in range(times):
            image = np.full((100, 200, 3), level, np.uint8)
            self.number += 1
            frame = Frame(image, self.number, float(self.number))
            found += self.lane.look(Look(frame, Micros(self.number), zone))
        return found


def test_two_looks_of_three_make_a_suspicion_and_it_is_told_once() -> None:
    dock = Dock()
    assert dock.sees(0) == []
    (finding,) = dock.sees(0)
    fact = finding.fact
    assert isinstance(fact, DamageSuspected)
    assert (fact.seen, fact.track, fact.confidence, fact.frame_at) == ("carton", A, 1000, 2)
    assert finding.crop is not None
    assert fact.image_sha256 == hashlib.sha256(finding.crop).digest()
    assert finding.uncertain is None
    assert dock.sees(0, times=20) == []
    assert cast("Lane", dock.lane).name == "damage"


def test_one_look_in_many_is_no_suspicion() -> None:
    dock = Dock()
    for _ in range(5):
        assert dock.sees(0) == []
        assert dock.sees(255, times=3) == []


def test_nothing_is_told_of_what_looks_whole() -> None:
    assert Dock().sees(255, times=50) == []


def test_each_object_is_suspected_by_itself() -> None:
    dock = Dock()
    dock.objects.append(Followed(B, "pallet", (60, 10, 90, 50)))
    told = [finding.fact for finding in dock.sees(0, times=5)]
    assert [(fact.seen, fact.track) for fact in told if isinstance(fact, DamageSuspected)] == [
        ("carton", A),
        ("pallet", B),
    ]


def test_people_forklifts_and_what_is_outside_the_zone_are_not_judged() -> None:
    dock = Dock()
    dock.objects = [
        Followed(A, "person", BOX),
        Followed(B, "forklift", BOX),
        Followed(b"c" * 16, "carton", (150, 10, 190, 50)),
    ]
    zone = Zone("bench", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)), ("damage",))
    assert dock.sees(0, zone, times=5) == []


def test_a_box_outside_the_picture_is_nothing_to_judge() -> None:
    dock = Dock()
    dock.objects = [
        Followed(A, "carton", (90, 40, 90, 60)),
        Followed(B, "carton", (80, 20, 81, 90)),
    ]
    assert dock.sees(0, times=5) == []


def test_a_zone_without_tracks_is_suspected_again_when_it_has_looked_whole_for_a_while() -> None:
    dock = Dock(follows=False)
    zone = Zone("bench", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)), ("damage",))
    (finding,) = dock.sees(0, zone, times=9)
    assert isinstance(finding.fact, DamageSuspected)
    assert (finding.fact.zone, finding.fact.track) == ("bench", None)
    assert dock.sees(255, zone, times=3) == []
    assert dock.sees(0, zone, times=9) == []
    assert dock.sees(255, zone, times=10) == []
    assert len(dock.sees(0, zone, times=9)) == 1


def test_a_suspicion_that_is_not_quite_sure_asks_for_a_word() -> None:
    dock = Dock()
    (finding,) = dock.sees(15, times=2)
    assert finding.uncertain is not None
    assert (finding.uncertain.head, finding.uncertain.predicted) == ("damage", "suspect")
    assert len(finding.uncertain.embedding) == 128
    assert Dock().sees(40, times=5) == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda rows: np.full((len(rows), 2), np.nan),
        lambda rows: np.full((len(rows), 2), 1.0),
        lambda rows: np.full((len(rows), 4), 0.25),
    ],
    ids=["NaN", "no probabilities", "another shape"],
)
def test_scores_that_mean_nothing_are_an_abstention(answer: Any) -> None:
    assert Dock(answer=answer).sees(0, times=10) == []


def test_objects_without_end_cost_no_memory_without_end() -> None:
    dock = Dock()
    for number in range(600):
        dock.objects = [Followed(number.to_bytes(16, "big"), "carton", BOX)]
        dock.sees(0)
    assert len(dock.lane._histories) == 256
