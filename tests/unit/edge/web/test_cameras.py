"""The console's pages of the cameras: what they show, what is done there, and what is refused."""

from __future__ import annotations

import asyncio
import html
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from edge.ports import LineShown, SlotShown, TrackShown
from edge.web.console import Sights, sights
from edge.web.console.answers import MOMENT_S
from shared.errors import QuartermasterError
from shared.events import SettingChanged
from shared.units import SECOND
from tests.support.clock import START
from tests.support.people import employ
from tests.support.sights import CROP, DEAD, WATCHING, FakeCameras, FakeCrops, FakeSlots
from tests.unit.edge.web.test_console import VIEWS, Browser

if TYPE_CHECKING:
    from edge.app.store import Store

SQUARE = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.5], [0.1, 0.5]]
SLOT = {
    "name": "A-01-3",
    "location": "A-01",
    "shows": "full",
    "reason": "A new shelf",
    "polygon": json.dumps(SQUARE),
}


class Here:
    """Ada's browser at a gateway with two cameras, one of them dead."""

    def __init__(self, store: Store) -> None:
        self.cameras = FakeCameras(WATCHING, DEAD)
        self.slots = FakeSlots(store.pipeline)
        self.crops = FakeCrops(CROP, CROP._replace(id="c-2", about="A-01-4"))
        self.ada = Browser(store, Sights(self.cameras, self.slots, self.crops))
        employ(store)
        assert self.ada.sign_in().headers["location"] == "/console/overview"

    def draw(self, **over: str) -> Any:
        return self.ada.post("cameras/dock-1/slots", **{**SLOT, **over})


@pytest.fixture
def here(bare_store: Store) -> Here:
    return Here(bare_store)


def test_each_camera_is_shown_with_what_it_knows_and_why_it_sees_nothing(here: Here) -> None:
    page = here.ada.get("cameras").text
    for words in (
        "Watching",
        "4.9 a second",
        "at most 5",
        "18 % of one core",
        "1,204",
        "12 cartons in, 1 pallet out",
        ">0109506000134352</span> TEA-1",
        "Unreadable",
        "5 tries without a frame",
        "Check its power",
        "rack &lt;7&gt;/a",
        "No picture",
        "2 pictures wait",
    ):
        assert words in page, words
    assert page.count("<img") == 1
    assert "rack <7>" not in page


@pytest.mark.parametrize("is_watching", [False, True])
def test_a_gateway_without_cameras_says_how_to_have_one(
    bare_store: Store, *, is_watching: bool
) -> None:
    nothing = Sights(FakeCameras(), FakeSlots(bare_store.pipeline), FakeCrops())
    ada = Browser(bare_store, nothing if is_watching else None)
    employ(bare_store)
    ada.sign_in()
    assert "No camera is set up" in ada.get("cameras").text
    assert "There is no camera yet" in ada.get("crops").text
    for path in ("cameras/none/still", "cameras/none/slots", "crops/c-1"):
        assert ada.get(path).status_code == 404


def test_a_still_is_for_operators_only_and_kept_by_nobody(here: Here) -> None:
    answer = here.ada.get("cameras/dock-1/still")
    assert answer.content == here.cameras.still("dock-1")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    assert here.ada.get("cameras/rack%20%3C7%3E%2Fa/still").status_code == 503
    assert here.ada.get("cameras/elsewhere/still").status_code == 404
    here.ada.post("sign-out")
    for path in ("cameras", "cameras/dock-1/still", "crops/c-1"):
        refused = here.ada.get(path)
        assert (refused.status_code, refused.headers["location"]) == (303, "/console/")


def test_a_page_that_renews_its_pictures_keeps_nobody_signed_in(here: Here) -> None:
    here.ada.get("cameras")
    here.ada.seconds += 1799
    picture = here.ada.get("cameras/dock-1/still")
    assert picture.headers["qm-left"] == "1"
    assert here.ada.get("cameras").headers["qm-left"] == "1800"


@pytest.mark.parametrize(
    ("state", "says", "blind"),
    [
        ("starting", "Starting", False),
        ("watching", "Watching", False),
        ("frozen", "stands still", True),
        ("black", "covered", True),
        ("failed", "started again by itself", True),
        ("ended", "Ended", False),
    ],
)
def test_every_state_of_a_camera_has_words_and_what_to_do(
    here: Here, state: str, says: str, *, blind: bool
) -> None:
    here.cameras.change(state=state)
    assert says in here.ada.get("cameras").text
    here.ada.status.told["cameras"] = [
        {**each, "state": state} for each in here.ada.status.told["cameras"]
    ]
    assert ("0 of 1" in here.ada.get("overview").text) == blind


def test_a_picture_that_is_not_of_now_says_so(here: Here) -> None:
    here.cameras.change(frame_at=START - 16 * SECOND)
    assert "Last picture 16 seconds ago" in here.ada.get("cameras").text
    here.cameras.change(frame_at=0)
    assert "No picture yet" in here.ada.get("cameras").text


@pytest.mark.parametrize(
    ("state", "fps", "says"),
    [
        ("watching", 0.0, "Not counted yet"),
        ("watching", 4.93, "4.9 a second"),
        ("unreadable", 0.0, "0.0 a second"),
        ("ended", 1684.5, "No more come"),
    ],
)
def test_frames_are_counted_where_there_are_any(state: Any, fps: float, says: str) -> None:
    camera = WATCHING._replace(state=state, fps=fps)
    assert sights.seen(camera, [], START).facts[0].says == says


def test_a_worker_beyond_its_budget_is_told() -> None:
    assert sights.seen(WATCHING, [], START).facts[1].look == ""
    assert sights.seen(WATCHING._replace(cpu=0.31), [], START).facts[1].look == "warned"


def test_a_way_of_looking_that_there_is_not_is_told_with_why(here: Here) -> None:
    here.cameras.change(lacking=(("detect", "The model's file is another one."),))
    page = here.ada.get("cameras").text
    assert "It does not do this: detect.</b> The model&#39;s file is another one." in page


def test_what_is_drawn_keeps_the_shape_of_the_picture() -> None:
    drawn = sights.drawing(WATCHING, [], START)
    assert drawn.high == 562.5
    assert drawn.zones[0].points == "50.0,196.9 600.0,196.9 600.0,534.4 50.0,534.4"
    assert (drawn.tracks[0].left, drawn.tracks[0].width) == (220.0, 180.0)
    assert sights.drawing(DEAD._replace(width=0, height=0), [], START).high == 562.5
    assert "line sill: 12 cartons in, 1 pallet out" in drawn.says
    assert sights.drawing(DEAD, [], START).says == "nothing is marked"


def test_the_arrow_of_a_line_points_to_its_right_where_in_is() -> None:
    (line,) = sights.drawing(
        WATCHING._replace(lines=(LineShown("l", (0.2, 0.5), (0.8, 0.5), {}),)), [], START
    ).lines
    assert line.says == "none so far"
    assert line.tip[1] > line.middle[1], "who walks to the right has the right hand below"
    (point,) = sights.drawing(
        WATCHING._replace(lines=(LineShown("l", (0.5, 0.5), (0.5, 0.5), {}),)), [], START
    ).lines
    assert point.tip == point.middle


# Slots


def test_a_slot_is_kept_with_the_picture_of_now_by_whom_and_why(here: Here) -> None:
    answer = here.draw()
    assert answer.headers["location"] == "/console/cameras/dock-1/slots?done=drawn"
    (slot,) = here.slots.slots("dock-1")
    assert slot == SlotShown("dock-1", "A-01-3", "A-01", tuple(map(tuple, SQUARE)))  # pyright: ignore[reportArgumentType]
    assert here.slots.pictures == [(here.cameras.still("dock-1"), "full")]
    assert [each.reason for each in here.ada.events(SettingChanged)] == ["A new shelf"]
    assert here.ada.operators()[-1] == ("SettingChanged", "ada")
    page = here.ada.get("cameras/dock-1/slots?done=drawn").text
    assert "The slot is kept" in page
    assert "Not seen yet" in page
    here.slots.kept["dock-1", "A-01-3"] = slot._replace(state="low", since=START - 120 * SECOND)
    assert "Low, since 2 minutes ago" in here.ada.get("cameras/dock-1/slots").text
    assert "slot A-01-3: low" in here.ada.get("cameras").text


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ({"polygon": "[]"}, "0 corners"),
        ({"polygon": ""}, "no corners"),
        ({"polygon": "[[0.1]]"}, "no corners"),
        ({"polygon": '[["a", 0]]'}, "no corners"),
        ({"polygon": "[[NaN, 0], [1, 1], [0, 1]]"}, "no corners"),
        ({"polygon": json.dumps([[0.1, 0.2]] * 65)}, "65 corners"),
        ({"name": ""}, "it is missing"),
        ({"name": "A 01"}, "A 01"),
        ({"reason": " "}, "it is missing"),
        ({"shows": "half"}, "empty or full"),
        ({"location": "NOWHERE"}, "NOWHERE"),
    ],
)
def test_a_slot_that_is_refused_says_why_and_keeps_the_drawing(
    here: Here, over: dict[str, str], says: str
) -> None:
    answer = here.draw(**over)
    assert answer.status_code in {404, 422}
    assert html.escape(says) in answer.text
    assert 'role="alert"' in answer.text
    for name, value in (SLOT | over).items():
        if name in {"polygon", "reason"}:
            assert f'value="{html.escape(value).replace("&quot;", "&#34;")}"' in answer.text
    assert here.slots.slots("dock-1") == []
    assert here.ada.events(SettingChanged) == []


def test_no_slot_is_kept_while_somebody_stands_before_it_or_there_is_no_picture(
    here: Here,
) -> None:
    before, beside = (0.3, 0.3, 0.6, 0.9), (0.5, 0.5, 0.6, 0.9)
    here.cameras.change(tracks=(TrackShown("018f-7a33", "person", before),))
    assert "somebody stands before it" in here.draw().text
    here.cameras.change(tracks=(), blurred=(beside, before))
    assert "somebody stands before it" in here.draw().text
    assert here.slots.pictures == []
    here.cameras.change(blurred=(beside,))
    assert here.draw().status_code == 303
    here.slots.pictures.clear()
    here.cameras.change(state="frozen")
    assert "it gives no picture" in here.draw().text
    here.cameras.change(state="watching")
    here.cameras.stills.clear()
    assert "it gives no picture" in here.draw().text
    assert here.slots.pictures == []


def test_a_slot_is_deleted_with_a_reason(here: Here) -> None:
    here.draw()
    path = "cameras/dock-1/slots/remove"
    assert here.ada.post(path, name="A-01-3").status_code == 422
    assert here.ada.post(path, name="A-01-3", reason="Moved").status_code == 303
    assert here.slots.slots("dock-1") == []
    assert here.ada.operators()[-1] == ("SettingChanged", "ada")
    assert here.ada.post(path, name="A-01-3", reason="Moved").status_code == 404


def test_the_name_of_a_camera_may_be_anything(here: Here) -> None:
    page = here.ada.get("cameras").text
    (address,) = set(re.findall(r'href="/console/(cameras/rack[^"]*)"', page))
    page = here.ada.get(address)
    assert page.status_code == 200
    assert "shows no picture now: 5 tries without a frame" in page.text


# Crops


def test_a_crop_is_shown_with_what_the_model_thought_and_its_classes(here: Here) -> None:
    page = here.ada.get("crops").text
    assert "How full is slot A-01-3?" in page
    assert "thought: <b>Low</b>, 41 % sure" in page
    assert re.findall(r'name="label" value="(\w+)" data-key="(\d)"', page) == [
        ("empty", "1"),
        ("low", "2"),
        ("full", "3"),
    ]
    assert "<b>2</b> wait" in page
    assert "Unsure pictures of dock-1 are kept at this gateway only, for 14 days" in page
    assert html.escape("rack <7>/a: set") in page
    picture = here.ada.get("crops/c-1")
    assert (picture.status_code, picture.headers["cache-control"]) == (200, "no-store")


def test_a_word_is_taken_in_the_name_of_the_operator_once_the_next_one_is_said(
    here: Here,
) -> None:
    assert here.ada.post("crops/c-1", label="full").headers["location"] == "/console/crops"
    page = here.ada.get("crops").text
    assert "Your answer: Full." in page
    assert "A-01-4" in page
    assert "<b>1</b> waits, 1 answered by you" in page
    assert here.crops.words == []
    assert here.ada.post("crops/c-2", do="cannot-tell").status_code == 303
    assert [(crop, label) for crop, label, _ in here.crops.words] == [("c-1", "full")]
    assert "No picture waits for an answer" in here.ada.get("crops").text
    here.ada.post("sign-out")
    assert [(crop, label) for crop, label, _ in here.crops.words[1:]] == [("c-2", None)]
    assert all(device.startswith("console-") for _, _, device in here.crops.words)


def test_a_word_can_be_taken_back_until_its_moment_is_over(here: Here) -> None:
    here.ada.post("crops/c-1", label="full")
    assert here.ada.post("crops/c-1", label="low").status_code == 404, "somebody has answered"
    assert here.ada.post("crops/c-1", do="take-back").headers["location"].endswith("=back")
    page = here.ada.get("crops?done=back").text
    assert "Your answer is taken back." in page
    assert "How full is slot A-01-3?" in page
    assert "<b>2</b> wait<" in page
    here.ada.post("crops/c-1", label="low")
    here.ada.seconds += MOMENT_S - 1
    asyncio.run(here.ada.console.settle_answers())
    assert here.crops.words == []
    here.ada.seconds += 1
    asyncio.run(here.ada.console.settle_answers())
    assert [(crop, label) for crop, label, _ in here.crops.words] == [("c-1", "low")]
    assert here.ada.post("crops/c-1", do="take-back").status_code == 404
    assert "Take it back" not in here.ada.get("crops").text


def test_a_word_that_cannot_be_kept_is_asked_again(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any, **__: Any) -> None:
        raise QuartermasterError("disk.full")

    here.ada.post("crops/c-1", label="full")
    monkeypatch.setattr(here.crops, "label", full)
    here.ada.post("sign-out")
    assert (here.crops.count(), here.crops.words) == (2, [])
    here.ada.sign_in()
    assert "How full is slot A-01-3?" in here.ada.get("crops").text


def test_a_head_that_is_tried_out_is_shown_beside_the_one_that_decides(here: Here) -> None:
    assert "on trial" not in here.ada.get("crops").text
    shadow = {"head": "slots", "version": "slots-1", "candidate": "slots-2", "since": START}
    numbers = {"compared": 1300, "agreed": 1204, "labelled": 16, "right": 10, "candidate_right": 14}
    here.ada.status.told["learning"] = {"shadow": [shadow | numbers]}
    page = here.ada.get("crops").text
    for words in (
        "on trial",
        "slots-2",
        "1,204 of 1,300 looks",
        "14 of 16 answers",
        "slots-1: 10 of 16",
    ):
        assert words in page, words


@pytest.mark.parametrize(
    ("head", "about", "asked"),
    [
        ("slots", "", "How full is this slot?"),
        ("damage", "carton", "Is this carton damaged?"),
        ("damage", "018f7a3118f07a3118f07a3118f07a31", "Is this damaged?"),
        ("seals", "DOCK-1", "DOCK-1: what is it?"),
    ],
)
def test_each_head_asks_in_words_and_names_no_track(
    here: Here, head: str, about: str, asked: str
) -> None:
    here.crops.line[0] = CROP._replace(head=head, about=about)
    assert f"<h2>{asked}</h2>" in here.ada.get("crops").text


def test_a_skipped_crop_waits_behind_the_others(here: Here) -> None:
    assert here.ada.post("crops/c-1", do="skip").headers["location"].endswith("=skipped")
    assert [each.id for each in here.crops.line] == ["c-2", "c-1"]


@pytest.mark.parametrize(
    ("crop", "fields", "status"),
    [
        ("c-1", {}, 422),
        ("c-1", {"label": "torn"}, 422),
        ("c-9", {"label": "full"}, 404),
        ("c-9", {"do": "skip"}, 404),
        ("c-9", {"do": "cannot-tell"}, 404),
    ],
)
def test_a_word_that_says_nothing_changes_nothing(
    here: Here, crop: str, fields: dict[str, str], status: int
) -> None:
    assert here.ada.post(f"crops/{crop}", **fields).status_code == status
    assert (here.crops.count(), here.crops.words) == (2, [])


def test_where_nothing_is_kept_it_says_that_it_is_off_and_how_to_switch_it_on(here: Here) -> None:
    here.cameras.change(keep_crops=False)
    here.crops.line.clear()
    page = here.ada.get("crops").text
    assert "No camera keeps unsure pictures: that is off unless you allow it." in page
    assert "keep_crops = true" in page


def test_nothing_of_it_is_inline_and_nothing_comes_from_elsewhere(here: Here) -> None:
    here.draw()
    for path in ("cameras", "cameras/dock-1/slots", "crops"):
        answer = here.ada.get(path)
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)
        assert 'href="/console/cameras" aria-current="page"' in answer.text
    assert "cameras" in VIEWS


@pytest.mark.parametrize(
    "path", ["cameras/dock-1/slots", "cameras/dock-1/slots/remove", "crops/c-1"]
)
def test_a_form_that_another_site_sends_changes_nothing(here: Here, path: str) -> None:
    fields = SLOT | {"label": "full"}
    assert here.ada.post(path, {"sec-fetch-site": "cross-site"}, **fields).status_code == 403
    assert here.ada.post(path, **fields, form="0" * 64).status_code == 403
    assert (here.slots.kept, here.crops.words) == ({}, [])
