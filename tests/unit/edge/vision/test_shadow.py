"""The head in force answers, the candidate is only compared; what does not fit is not used."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.ports import Frame
from edge.vision import judging
from edge.vision.embedding import judged
from edge.vision.lanes import Finding, Look
from edge.vision.shadow import Shadowed, Tally, WithShadow, refuse_unusable, shadowed
from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.events import DeviceHealth, ShadowCompared
from shared.heads import Head, Heads
from shared.units import MINUTE, Micros
from tests.support.heads import BACKBONE, CLASSES, SIZE, by_corner, corner, graph, head, ship

SWAPPED = by_corner((1, 0, 2))
"""Takes empty for low and low for empty."""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    ship(tmp_path / "models")
    return tmp_path / "models"


def shadow(weights: Any = SWAPPED, **over: Any) -> Head:
    return head(weights, role="shadow", version="slots-r2", **over)


def rows(*numbers: int) -> Any:
    return np.eye(SIZE, dtype=np.float32)[list(numbers)]


def said(head: Shadowed, *numbers: int) -> list[str]:
    return [verdict.label for verdict in judged(head, rows(*numbers))]


def refusal(*heads: Head, models: Path) -> QuartermasterError:
    with pytest.raises(QuartermasterError) as refused:
        refuse_unusable(Heads("berlin", list(heads)), models)
    return refused.value


def test_without_a_document_the_head_that_ships_answers(models: Path) -> None:
    alone = shadowed("slots", Heads("berlin", []), models)
    assert said(alone, 0, 1, 2) == ["empty", "low", "full"]
    assert alone.provenance[0] == "slots-1"
    assert (alone.pair, alone.take()) == (None, Tally())
    assert alone.card.thresholds == {"sure": 0.8}


def test_an_active_head_answers_in_place_of_the_one_that_ships(models: Path) -> None:
    active = head(SWAPPED)
    found = shadowed("slots", Heads("berlin", [active]), models)
    assert said(found, 0, 1, 2) == ["low", "empty", "full"]
    assert found.provenance == ("slots-r1", active.sha256)
    assert found.card.thresholds == {"sure": 0.8}


def test_a_shadow_never_answers_and_is_counted(models: Path) -> None:
    found = shadowed("slots", Heads("berlin", [shadow()]), models)
    assert said(found, 0, 1, 2, 2) == ["empty", "low", "full", "full"]
    assert found.provenance[0] == "slots-1"
    assert found.take() == Tally(compared=4, agreed=2)
    assert found.take() == Tally()
    assert found.both(rows(0)) == (0, 1)
    assert found.take() == Tally()


def test_classes_in_another_order_mean_the_same(models: Path) -> None:
    turned = head(by_corner((2, 1, 0)), classes=["full", "low", "empty"])
    other = shadow(by_corner((1, 2, 0)), classes=["low", "full", "empty"])
    found = shadowed("slots", Heads("berlin", [turned, other]), models)
    assert found.card.classes == CLASSES
    assert said(found, 0, 1, 2) == ["empty", "low", "full"]
    assert found.take() == Tally(3, 3)


def test_a_shadow_that_answers_with_no_number_disturbs_nothing(models: Path) -> None:
    poisoned = np.full((SIZE, 3), 3e38)  # times that it is infinite, and the softmax none
    found = shadowed("slots", Heads("berlin", [shadow(poisoned)]), models)
    loud = rows(0, 1) * np.float32(1e37)
    assert found.run(loud)["probabilities"].shape == (2, 3)
    assert found.take() == Tally()


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"backbone_sha256": bytes(32), "backbone": "backbone-2"}, "model.untrusted"),
        ({"sha256": bytes(32)}, "model.untrusted"),
        ({"classes": ["empty", "full"]}, "model.shape"),
        ({"classes": ["empty", "low", "half"]}, "model.shape"),
        ({"classes": ["empty", "low", "full", "gone"]}, "model.shape"),
        ({"dimensions": SIZE + 1}, "model.shape"),
        ({"model": b"no graph"}, "model.shape"),
        ({"model": graph(by_corner(), given="picture")}, "model.shape"),
        ({"model": graph(by_corner(), made="scores")}, "model.shape"),
        ({"model": graph(by_corner(), rows=1)}, "model.shape"),
        ({"model": graph(np.full((SIZE, 3), np.nan))}, "model.scores"),
        ({"name": "mood", "version": "mood-r1"}, "model.card"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_head_that_ships_goes_on(
    models: Path, over: dict[str, Any], code: str
) -> None:
    unfit = head(**over)
    assert refusal(unfit, models=models).code == code
    assert refusal(head(), shadow(), unfit, models=models).code == code
    found = shadowed("slots", Heads("berlin", [unfit]), models)
    assert found.provenance[0] == "slots-1"
    beside = msgspec.structs.replace(unfit, role="shadow")
    assert shadowed("slots", Heads("berlin", [beside]), models).pair is None


def test_what_fits_is_not_refused(models: Path) -> None:
    refuse_unusable(Heads("berlin", [head(), shadow()]), models)


class SayingLane:
    """A lane that asks its head about one embedding at each look."""

    name = "slots"

    def __init__(self, head: Shadowed) -> None:
        self.head = head

    def look(self, look: Look) -> list[Finding]:
        said(self.head, look.frame.number % 3)
        return [Finding(DeviceHealth("aisle", "looked"))]


def test_each_minute_a_lane_tells_how_its_shadow_did(models: Path) -> None:
    other = shadow()
    found = shadowed("slots", Heads("berlin", [other]), models)
    lane = WithShadow(SayingLane(found), "slots", found)
    assert lane.name == "slots"
    told = [
        finding.fact
        for number in range(13)
        for finding in lane.look(Look(Frame(None, number, 0.0), Micros(number * MINUTE // 6)))
        if not isinstance(finding.fact, DeviceHealth)
    ]
    first, second = (fact for fact in told if isinstance(fact, ShadowCompared))
    assert len(told) == 2
    assert (first.head, first.version, first.candidate) == ("slots", "slots-1", "slots-r2")
    assert (first.sha256, first.candidate_sha256) == (found.provenance[1], other.sha256)
    assert (first.since, first.compared, first.agreed) == (0, 7, 2)
    assert (second.since, second.compared, second.agreed) == (MINUTE, 6, 2)
    assert (first.labelled, first.right, first.candidate_right) == (0, 0, 0)


def test_without_a_shadow_a_lane_tells_what_it_finds_and_nothing_else(models: Path) -> None:
    found = shadowed("slots", Heads("berlin", []), models)
    lane = WithShadow(SayingLane(found), "slots", found)
    for number in range(3):
        look = Look(Frame(None, number, 0.0), Micros(number * MINUTE))
        assert [type(each.fact) for each in lane.look(look)] == [DeviceHealth]


def ask(heads: Heads, models: Path, **question: Any) -> tuple[int, Any, Any]:
    """As the process that is asked."""
    out, told = io.BytesIO(), io.BytesIO()
    line = msgspec.json.encode(question) + b"\n"
    status = judging.main(io.BytesIO(line + encode(heads)), out, told, models)
    answers = (msgspec.json.decode(each.getvalue() or b"null") for each in (out, told))
    return status, *answers


def test_asked_about_an_embedding_both_heads_are_heard(models: Path) -> None:
    other = shadow()
    status, answer, _ = ask(Heads("berlin", [other]), models, head="slots", embedding=corner(1))
    assert status == 0
    assert (answer["active_says"], answer["candidate_says"]) == ("low", "empty")
    assert (answer["version"], answer["candidate"]) == ("slots-1", "slots-r2")
    alone = ask(Heads("berlin", [head()]), models, head="slots", embedding=corner(1))
    assert alone == (0, None, None)


def test_asked_about_a_document_it_is_refused_in_the_words_of_the_error(models: Path) -> None:
    assert ask(Heads("berlin", [head()]), models) == (0, None, None)
    foreign = head(backbone_sha256=BACKBONE[::-1])
    status, _, told = ask(Heads("berlin", [foreign]), models)
    assert (status, told["code"], told["where"]) == (judging.REFUSED, "model.untrusted", "slots-r1")
    not_there = ask(Heads("berlin", [shadow()]), models / "x", head="slots", embedding=corner(1))
    assert not_there[2]["code"] == "model.card"
