"""What every place keeps its promises about in which crops wait for a person's word."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from edge.app import opened
from edge.app.store import Store
from edge.outbox.retention import age
from edge.ports import CropDesk, SystemIds
from edge.vision.crops import Around, Crops, Known
from edge.vision.lanes import Finding, Uncertain
from shared.errors import QuartermasterError
from shared.events import SlotSeen
from tests.support.gateway import enrol, equip_store
from tests.support.sights import CROP, FakeCrops, picture

KNOWN = {"slots": Known(CROP.classes, "backbone-1", bytes(32))}


class Desk(NamedTuple):
    """A desk at which three crops wait, and what each is of."""

    crops: CropDesk
    about: Callable[[], list[str]]

    def ids(self) -> list[str]:
        return [each.id for each in self.crops.waiting(10)]


def _real(store: Store) -> CropDesk:
    around = Around(append=store.outbox.append, age=age, known=KNOWN.get)
    crops = Crops(
        store.database, store.clock, SystemIds(), around, allowed=frozenset({CROP.camera})
    )
    for number in range(3):
        fact = SlotSeen(
            *(CROP.camera, CROP.zone, CROP.taken_at + number, "slots-1", bytes(32)),
            *(CROP.confidence, None, f"S-{number}", None, "low", "full"),
        )
        doubt = Uncertain("slots", CROP.predicted, struct.pack("<2e", 0.5, float(number)))
        assert crops.keep(Finding(fact, picture(64 + number, 64), doubt), about=f"S-{number}")
    return crops


@pytest.fixture(params=["fake", "real"])
def desk(request: Any, tmp_path: Path, pki: Path) -> Iterator[Desk]:
    enrol(tmp_path / "gw", pki)
    with opened(tmp_path / "gw") as store:
        equip_store(store)
        fakes = [CROP._replace(id=f"c-{n}", about=f"S-{n}") for n in range(3)]
        crops: CropDesk = FakeCrops(*fakes) if request.param == "fake" else _real(store)
        yield Desk(crops, lambda: [each.about for each in crops.waiting(10)])


def label(desk: Desk, crop: str, word: str | None) -> None:
    asyncio.run(desk.crops.label(crop, word, device="sc-01"))


def test_the_longest_waiting_is_first_and_says_what_a_person_needs(desk: Desk) -> None:
    assert (desk.crops.count(), desk.crops.retention_days) == (3, 14)
    (first,) = desk.crops.waiting(1)
    assert first.about == "S-0"
    assert (first.head, first.predicted, first.confidence) == ("slots", "low", 412)
    assert first.classes == ("empty", "low", "full")
    assert first.gone_at > first.taken_at
    assert (desk.crops.image(first.id) or b"").startswith(b"\xff\xd8\xff")


def test_a_word_ends_the_waiting_and_so_does_none(desk: Desk) -> None:
    first, second, _ = desk.ids()
    label(desk, first, "full")
    label(desk, second, None)
    assert desk.about() == ["S-2"]
    assert desk.crops.image(first) is None
    for crop in (first, second, "c-99", "\ud800"):
        with pytest.raises(QuartermasterError) as refused:
            label(desk, crop, "full")
        assert refused.value.code == "request.not-found"


def test_a_word_that_the_head_does_not_know_is_refused_and_the_crop_waits_on(desk: Desk) -> None:
    with pytest.raises(QuartermasterError) as refused:
        label(desk, desk.ids()[0], "torn")
    assert refused.value.code == "request.invalid"
    assert desk.crops.count() == 3


def test_a_skipped_crop_waits_behind_the_others(desk: Desk) -> None:
    asyncio.run(desk.crops.skip(desk.ids()[0]))
    assert desk.about() == ["S-1", "S-2", "S-0"]
    with pytest.raises(QuartermasterError) as refused:
        asyncio.run(desk.crops.skip("c-99"))
    assert refused.value.code == "request.not-found"


def test_what_does_not_wait_has_no_picture(desk: Desk) -> None:
    assert [desk.crops.image(crop) for crop in ("c-99", "", "../c-1", "\ud800")] == [None] * 4
