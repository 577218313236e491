"""Crops wait for a person's word, within bounds; the word is one event, and the crop is gone."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import people, stock
from edge.db import Level
from edge.outbox.retention import age, grow_older
from edge.ports import SystemIds
from edge.vision.crops import MAX_IMAGE, Around, Bounds, Crops, Known, is_embedding
from edge.vision.lanes import Finding, Uncertain
from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.events import CodeSeen, CropLabelled, DamageSuspected, Event, SlotSeen, decode_event
from shared.ids import SiteId
from shared.units import DAY, MINUTE
from tests.support.gateway import SITE, offer_of
from tests.support.people import PEOPLE

if TYPE_CHECKING:
    from edge.app.store import Store

CLASSES = ("empty", "low", "full")
KNOWN = {"slots": Known(CLASSES, "backbone-1", bytes(range(32)))}
EMBEDDING = struct.pack("<4e", 0.5, -1.0, 2.0, 0.0)
NOW = 1_000_000_000_000


def jpeg(text: str, size: int = 0) -> bytes:
    return b"\xff\xd8\xff" + text.encode().ljust(size, b".") + b"\xff\xd9"


def finding(name: str = "S-1", at: int = NOW, **over: Any) -> Finding:
    """An uncertain look at a slot; each name is another picture."""
    camera = over.pop("camera", "aisle")
    doubt = Uncertain("slots", over.pop("predicted", "low"), over.pop("embedding", EMBEDDING))
    fact = SlotSeen(camera, "left", at, "slots-1", bytes(32), 510, None, name, None, "low", "full")
    return Finding(fact, over.pop("image", jpeg(f"{name} {at}")), over.pop("doubt", doubt))


def desk(store: Store, **over: Any) -> Crops:
    around = {"append": store.outbox.append, "age": age, "known": KNOWN.get}
    bounds = over.pop("bounds", Bounds())
    allowed = over.pop("allowed", frozenset({"aisle"}))
    ports = Around(**(around | over))
    return Crops(store.database, store.clock, SystemIds(), ports, allowed=allowed, bounds=bounds)


def kept(crops: Crops, *names: str) -> list[str]:
    for name in names:
        assert crops.keep(finding(name), about=name)
    return [crop.id for crop in crops.waiting(100)]


def say(crops: Crops, crop: str, label: str | None) -> None:
    asyncio.run(crops.label(crop, label, device="sc-01"))


def refusal(crops: Crops, crop: str, label: str | None) -> str:
    with pytest.raises(QuartermasterError) as refused:
        say(crops, crop, label)
    return refused.value.code


def told(store: Store) -> list[Event]:
    """The labels that were recorded."""
    rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    events = [decode_event(body) for (body,) in rows]
    return [event for event in events if isinstance(event.data, CropLabelled)]


def test_a_crop_waits_with_what_a_person_needs_to_know(store: Store) -> None:
    crops = desk(store)
    assert crops.keep(finding(), about="S-1")
    (shown,) = crops.waiting(10)
    assert (shown.camera, shown.zone, shown.about) == ("aisle", "left", "S-1")
    assert (shown.head, shown.predicted, shown.confidence) == ("slots", "low", 510)
    assert (shown.classes, shown.taken_at) == (CLASSES, NOW)
    assert abs(shown.gone_at - store.clock.now() - 14 * DAY) < MINUTE
    assert crops.image(shown.id) == finding().crop
    assert (crops.count(), crops.retention_days) == (1, 14)


def test_no_camera_keeps_crops_unless_it_was_allowed_to(store: Store) -> None:
    crops = desk(store, allowed=frozenset({"dock"}))
    assert not crops.keep(finding())
    assert not desk(store, allowed=frozenset()).keep(finding())
    assert crops.keep(finding(camera="dock"))
    assert crops.count() == 1


@pytest.mark.parametrize(
    ("unfit", "why"),
    [
        (finding(predicted="gone"), "unknown head"),
        (finding(doubt=Uncertain("other", "low", EMBEDDING)), "unknown head"),
        (finding(embedding=struct.pack("<2e", 1.0, float("nan"))), "no numbers"),
        (finding(embedding=struct.pack("<2e", 1.0, float("inf"))), "no numbers"),
        (finding(embedding=b"\0\0\0"), "no numbers"),
        (finding(embedding=b""), "no numbers"),
        (finding(image=None), "no picture"),
        (finding(image=b"GIF89a"), "no picture"),
        (finding(image=jpeg("large", MAX_IMAGE)), "no picture"),
    ],
)
def test_what_nothing_can_be_learned_from_is_left_out_and_counted(
    store: Store, unfit: Finding, why: str
) -> None:
    crops = desk(store)
    assert not crops.keep(unfit)
    assert (crops.count(), crops.left_out) == (0, {why: 1})


def test_what_is_certain_or_no_sight_is_not_kept(store: Store) -> None:
    crops = desk(store)
    assert not crops.keep(finding(doubt=None))
    assert not crops.keep(Finding(CodeSeen("aisle", "1", "EAN13"), jpeg("x"), finding().uncertain))
    assert crops.count() == 0


def test_of_one_thing_one_waits_at_a_time(store: Store) -> None:
    crops = desk(store)
    assert crops.keep(finding(at=NOW), about="S-1")
    assert not crops.keep(finding(at=NOW + MINUTE), about="S-1")
    assert crops.keep(finding("S-2", at=NOW + MINUTE), about="S-2")
    assert crops.keep(finding(at=NOW + 11 * MINUTE), about="S-1")
    assert crops.left_out["alike"] == 1


def test_the_same_picture_waits_once(store: Store) -> None:
    crops = desk(store)
    assert crops.keep(finding(), about="here")
    assert not crops.keep(finding(), about="there")
    assert crops.count() == 1


def test_the_oldest_go_first_when_there_are_too_many_and_are_counted(store: Store) -> None:
    crops = desk(store, bounds=Bounds(crops=2))
    for number, name in enumerate(("a", "b", "c", "d")):
        store.database.run_blocking(lambda connection: grow_older(connection, 1))
        assert crops.keep(finding(name), about=name), number
    assert [crop.about for crop in crops.waiting(9)] == ["c", "d"]
    assert crops.left_out["pushed out"] == 2


def test_the_oldest_go_first_when_they_are_too_large_even_if_somebody_skipped_it(
    store: Store,
) -> None:
    crops = desk(store, bounds=Bounds(total=3000))
    assert crops.keep(finding("a", image=jpeg("a", 1200)), about="a")
    asyncio.run(crops.skip(crops.waiting(1)[0].id))
    for name in ("b", "c"):
        store.database.run_blocking(lambda connection: grow_older(connection, 1))
        assert crops.keep(finding(name, image=jpeg(name, 1200)), about=name)
    assert [crop.about for crop in crops.waiting(9)] == ["b", "c"]


def test_a_crop_that_nobody_looked_at_goes_after_its_days(store: Store) -> None:
    crops = desk(store, bounds=Bounds(days=3))
    kept(crops, "S-1")
    clean = store.database.run_blocking
    clean(lambda connection: grow_older(connection, 3 * DAY))
    assert clean(lambda connection: crops.clean(connection, limit=10)) == 0
    clean(lambda connection: grow_older(connection, 1))
    assert clean(lambda connection: crops.clean(connection, limit=10)) == 1
    assert (crops.count(), crops.left_out["too old"]) == (0, 1)


def test_where_room_is_scarce_none_is_kept(store: Store) -> None:
    crops = desk(store, level=lambda: Level.SCARCE)
    assert not crops.keep(finding())
    assert crops.left_out == {"no room": 1}


def test_a_word_is_an_event_in_the_operators_name_and_the_crop_is_gone(store: Store) -> None:
    content = encode(PEOPLE)

    def unit(connection: Any) -> None:
        offer = offer_of(content, 1, kind="people")
        entering = stock.Entering(people=people.enter)
        stock.put_in_force(connection, offer, content, site=SiteId(SITE), now=5, entering=entering)

    store.database.run_blocking(unit)
    desk_of_people = people.Desk(
        store.database, store.pipeline, store.clock, lambda: 0.0, lambda: None
    )
    asyncio.run(desk_of_people.sign_in_by_badge("sc-01", "B-ADA"))
    crops = desk(store)
    (crop,) = kept(crops, "S-1")
    say(crops, crop, "empty")
    (event,) = told(store)
    data = event.data
    assert isinstance(data, CropLabelled)
    assert (data.head, data.label, data.predicted) == ("slots", "empty", "low")
    assert (data.model, data.model_sha256) == ("backbone-1", bytes(range(32)))
    assert (data.embedding, data.camera, data.zone) == (EMBEDDING, "aisle", "left")
    assert (data.frame_at, data.confidence) == (NOW, 510)
    assert (event.operator, event.device, event.id.hex()) == ("ada", "sc-01", crop.replace("-", ""))
    assert crops.count() == 0
    assert crops.image(crop) is None


def test_labelled_twice_is_labelled_once(store: Store) -> None:
    crops = desk(store)
    (crop,) = kept(crops, "S-1")
    say(crops, crop, "empty")
    assert refusal(crops, crop, "full") == "request.not-found"
    assert len(told(store)) == 1


def test_a_class_that_the_head_does_not_know_is_refused_and_the_crop_waits_on(
    store: Store,
) -> None:
    crops = desk(store)
    (crop,) = kept(crops, "S-1")
    assert refusal(crops, crop, "half") == "request.invalid"
    assert (crops.count(), told(store)) == (1, [])


def test_who_cannot_tell_throws_it_away_and_nothing_is_learned(store: Store) -> None:
    heard: list[Any] = []
    crops = desk(store, judged=lambda *said: heard.append(said))
    (crop,) = kept(crops, "S-1")
    say(crops, crop, None)
    assert (crops.count(), told(store), heard) == (0, [], [])


def test_a_word_that_cannot_be_recorded_leaves_the_crop(store: Store) -> None:
    def fails(*_: Any, **__: Any) -> int:
        raise QuartermasterError("disk.full")

    crops = desk(store, append=fails)
    (crop,) = kept(crops, "S-1")
    assert refusal(crops, crop, "empty") == "disk.full"
    assert (crops.count(), told(store)) == (1, [])


def test_whoever_compares_heads_hears_each_word_in_its_transaction(store: Store) -> None:
    heard: list[Any] = []
    crops = desk(
        store,
        judge=lambda head, embedding: (head, embedding),
        judged=lambda _connection, verdict, label: heard.append((verdict, label)),
    )
    (crop,) = kept(crops, "S-1")
    say(crops, crop, "full")
    assert heard == [(("slots", EMBEDDING), "full")]


def test_a_skipped_crop_comes_last_and_again_last(store: Store) -> None:
    crops = desk(store)
    for name in ("a", "b", "c"):
        store.database.run_blocking(lambda connection: grow_older(connection, 1))
        crops.keep(finding(name), about=name)
    first, second, _ = (crop.id for crop in crops.waiting(9))
    asyncio.run(crops.skip(first))
    asyncio.run(crops.skip(second))
    assert [crop.about for crop in crops.waiting(9)] == ["c", "a", "b"]


@pytest.mark.parametrize("crop", ["", "x", "{", "0" * 32, "../../etc/passwd", "\0", "ä" * 500])
def test_what_is_no_crop_is_not_found(store: Store, crop: str) -> None:
    crops = desk(store)
    kept(crops, "S-1")
    assert crops.image(crop) is None
    assert refusal(crops, crop, "empty") == "request.not-found"
    with pytest.raises(QuartermasterError) as refused:
        asyncio.run(crops.skip(crop))
    assert refused.value.code == "request.not-found"
    assert crops.count() == 1


def test_a_picture_that_is_not_what_it_was_is_not_shown(store: Store) -> None:
    crops = desk(store)
    (crop,) = kept(crops, "S-1")

    def spoil(connection: Any) -> None:
        connection.execute("UPDATE crop SET image = ?", (jpeg("another"),))

    store.database.run_blocking(spoil)
    assert crops.image(crop) is None


def test_a_suspected_damage_waits_like_any_other(store: Store) -> None:
    known = {"damage": Known(("whole", "damaged"), "backbone-1", bytes(32))}
    crops = desk(store, known=known.get)
    fact = DamageSuspected("aisle", None, NOW, "damage-1", bytes(32), 480, None, "carton")
    assert crops.keep(Finding(fact, jpeg("d"), Uncertain("damage", "damaged", EMBEDDING)))


@given(st.lists(st.floats(width=16), min_size=1, max_size=64))
def test_an_embedding_is_one_when_each_of_its_numbers_is_finite(numbers: list[float]) -> None:
    packed = struct.pack(f"<{len(numbers)}e", *numbers)
    finite = all(abs(number) <= 65504 for number in numbers)  # NaN compares false
    assert is_embedding(packed) == finite
