"""Crops, words and heads joined: what cannot be used is refused, what is said counts."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge import stock
from edge.app.learning import Learning
from edge.app.safe_mode import chosen
from edge.app.store import Store, opened
from edge.vision import judging
from edge.vision.lanes import Finding, Uncertain
from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.events import CodeSeen, ShadowCompared, SlotSeen, decode_event
from shared.heads import Head, Heads
from shared.ids import SiteId
from tests.support.gateway import SITE, enrol, equip_store, offer_of
from tests.support.heads import CLASSES, by_corner, corner, head, ship

JPEG = b"\xff\xd8\xff a picture \xff\xd9"
SHADOW = head(by_corner((1, 0, 2)), role="shadow", version="slots-r2")


@pytest.fixture
def data(tmp_path: Path, pki: Path) -> Path:
    enrol(tmp_path / "gw", pki)
    ship(tmp_path / "models")
    return tmp_path / "gw"


@pytest.fixture
def store(data: Path) -> Iterator[Store]:
    (data / "gateway.toml").write_text(
        '[[camera]]\nname = "aisle"\nsource = "none"\nkeep_crops = true\n'
        '[[camera]]\nname = "dock"\nsource = "none"\n'
    )
    with opened(data, chosen(data)) as store:
        equip_store(store)
        yield store


@pytest.fixture
def learning(store: Store, tmp_path: Path) -> Learning:
    return joined(store, tmp_path / "models")


def joined(store: Store, models: Path, changed: Callable[[], object] = lambda: None) -> Learning:
    """The heads are asked in this process, which is quicker than in one of their own."""

    def ask(question: bytes) -> bytes:
        out, told = io.BytesIO(), io.BytesIO()
        if judging.main(io.BytesIO(question), out, told, models):
            error = msgspec.json.decode(told.getvalue())
            raise QuartermasterError(error["code"], error["detail"])
        return out.getvalue()

    return Learning(store, models=models, ask=ask, changed=changed)


def put(learning: Learning, store: Store, version: int, *heads: Head) -> None:
    """As the downlink does."""
    document = Heads(SITE, list(heads))
    learning.refuse_unusable(document)
    content = encode(document)
    entering = stock.Entering(heads=learning.enter)
    offer = offer_of(content, version, kind="heads")

    def unit(connection: Any) -> None:
        stock.put_in_force(
            connection, offer, content, site=SiteId(SITE), now=version, entering=entering
        )

    store.database.run_blocking(unit)


def look(number: int, predicted: str, camera: str = "aisle") -> Finding:
    """An unsure look at a slot; its embedding is the corner of that number."""
    slot = f"S-{number}"
    fact = SlotSeen(camera, None, 7, "slots-1", bytes(32), 400, None, slot, None, "low", "full")
    return Finding(
        fact, JPEG + slot.encode() + JPEG[-2:], Uncertain("slots", predicted, corner(number))
    )


def test_a_crop_waits_with_the_classes_of_its_head_and_what_it_is_of(learning: Learning) -> None:
    learning.heard(look(1, "low"))
    learning.heard(look(2, "low", camera="dock"))
    learning.heard(Finding(CodeSeen("aisle", "1", "EAN13")))
    (shown,) = learning.crops.waiting(9)
    assert (shown.camera, shown.about, shown.classes) == ("aisle", "S-1", CLASSES)
    assert learning.report()["crops"] == 1


def test_a_word_counts_for_the_head_in_force_or_for_the_shadow(
    learning: Learning, store: Store
) -> None:
    put(learning, store, 1, SHADOW)
    for number in (0, 1, 2):
        learning.heard(look(number, CLASSES[number]))
    of = {crop.about: crop.id for crop in learning.crops.waiting(9)}
    for about, label in (("S-0", "low"), ("S-1", "low"), ("S-2", "full")):
        asyncio.run(learning.crops.label(of[about], label, device="sc-01"))
    (row,) = learning.report()["shadow"]
    assert (row["version"], row["candidate"]) == ("slots-1", "slots-r2")
    assert (row["labelled"], row["right"], row["candidate_right"]) == (3, 2, 2)


def test_what_workers_compare_is_added_up(learning: Learning, store: Store) -> None:
    put(learning, store, 1, SHADOW)
    (row,) = learning.comparing.report()
    shipped = learning._shipped("slots")
    assert shipped is not None
    learning.compared(
        ShadowCompared("slots", *shipped, SHADOW.version, SHADOW.sha256, 1, 9, 8, 0, 0, 0)
    )
    (row,) = learning.comparing.report()
    assert (row["compared"], row["agreed"]) == (9, 8)


@pytest.mark.parametrize(
    ("unfit", "code"),
    [
        (head(backbone_sha256=bytes(32)), "model.untrusted"),
        (head(classes=["a", "b", "c"]), "model.shape"),
        (head(model=b"no graph"), "model.shape"),
        (head(name="mood", version="mood-r1"), "model.card"),
    ],
)
def test_a_head_that_cannot_be_used_is_refused_and_the_last_good_one_stays(
    learning: Learning, store: Store, unfit: Head, code: str
) -> None:
    put(learning, store, 1, SHADOW)
    for _ in range(2):  # the cloud offers it again and again
        with pytest.raises(QuartermasterError) as refused:
            put(learning, store, 2, unfit)
        assert refused.value.code == code
    heads = stock.heads(store.database.reader, SiteId(SITE))
    assert [each.version for each in heads.heads] == ["slots-r2"]
    put(learning, store, 3, head())
    assert learning.report()["heads"] == [{"head": "slots-r1", "role": "active"}]


def test_an_offer_that_comes_again_is_not_judged_again(store: Store, tmp_path: Path) -> None:
    asked: list[bytes] = []

    def ask(question: bytes) -> bytes:
        asked.append(question)
        raise QuartermasterError("model.shape", "as it was")

    learning = Learning(store, models=tmp_path / "models", ask=ask)
    for _ in range(3):
        with pytest.raises(QuartermasterError):
            learning.refuse_unusable(Heads(SITE, [head()]))
    assert len(asked) == 1


def test_at_the_start_counting_goes_on_or_begins_anew_as_what_ships_has_changed(
    learning: Learning, store: Store, tmp_path: Path
) -> None:
    put(learning, store, 1, SHADOW)
    shipped = learning._shipped("slots")
    assert shipped is not None
    told = ShadowCompared("slots", *shipped, SHADOW.version, SHADOW.sha256, 1, 9, 8, 0, 0, 0)
    learning.compared(told)
    again = joined(store, tmp_path / "models")
    store.database.run_blocking(again._begin)
    assert again.comparing.report()[0]["compared"] == 9
    ship(tmp_path / "models", by_corner((2, 0, 1)))
    newer = joined(store, tmp_path / "models")
    store.database.run_blocking(newer._begin)
    assert newer.comparing.report()[0]["compared"] == 0


def test_without_a_camera_no_head_is_judged_and_none_refused(data: Path, tmp_path: Path) -> None:
    def ask(_question: bytes) -> bytes:
        raise AssertionError("nobody looks here")

    with opened(data) as store:
        learning = Learning(store, models=tmp_path / "models", ask=ask)
        put(learning, store, 1, head(backbone_sha256=bytes(32)), SHADOW)
        assert learning.report()["shadow"] == []


def test_a_process_that_fails_is_an_error_and_a_word_still_counts(
    store: Store, tmp_path: Path
) -> None:
    learning = joined(store, tmp_path / "models")
    put(learning, store, 1, SHADOW)
    learning.heard(look(1, "low"))

    def ask(_question: bytes) -> bytes:
        raise QuartermasterError("program.failed")

    failing = Learning(store, models=tmp_path / "models", ask=ask)
    (crop,) = failing.crops.waiting(9)
    asyncio.run(failing.crops.label(crop.id, "low", device="sc-01"))
    assert failing.crops.count() == 0
    assert failing.comparing.report()[0]["labelled"] == 0


def test_heads_are_asked_in_a_process_of_their_own(store: Store, tmp_path: Path) -> None:
    learning = Learning(store, models=tmp_path / "models")
    put(learning, store, 1, SHADOW)
    verdict = learning._verdict("slots", corner(1))
    assert verdict is not None
    assert (verdict.active, verdict.candidate) == ("low", "empty")
    with pytest.raises(QuartermasterError) as refused:
        learning.refuse_unusable(Heads(SITE, [head(backbone_sha256=bytes(32))]))
    assert (refused.value.code, refused.value.where) == ("model.untrusted", "slots-r1")


def test_while_it_runs_workers_are_told_of_new_heads_and_the_cloud_of_words(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.app.learning._LOOK_S", 0.01)
    renewed = asyncio.Event()
    learning = joined(store, tmp_path / "models", renewed.set)
    learning.heard(look(1, "low"))

    async def work() -> None:
        running = asyncio.create_task(learning.run())
        await asyncio.sleep(0.05)
        assert not renewed.is_set()
        await asyncio.to_thread(put, learning, store, 1, SHADOW)
        await asyncio.wait_for(renewed.wait(), 10)
        (crop,) = learning.crops.waiting(9)
        await learning.crops.label(crop.id, "low", device="sc-01")
        for _ in range(1000):
            if told(store):
                break
            await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(asyncio.wait_for(work(), 30))
    (word,) = told(store)
    assert (word.labelled, word.right, word.candidate_right) == (1, 1, 0)


def told(store: Store) -> list[ShadowCompared]:
    rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    data: list[Any] = [decode_event(body).data for (body,) in rows]
    return [each for each in data if isinstance(each, ShadowCompared)]
