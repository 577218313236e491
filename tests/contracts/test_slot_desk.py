"""What every place keeps its promises about in which slots are kept that operators draw."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from edge.app import opened
from edge.app.slots import Slots
from edge.app.store import Store
from edge.ports import SlotDesk, SlotShown, SystemIds
from shared.errors import QuartermasterError
from shared.events import SettingChanged, decode_event
from tests.support.gateway import enrol, equip_store
from tests.support.people import employ
from tests.support.sights import FakeSlots, picture

SQUARE = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.5), (0.1, 0.5))
SLOT = SlotShown("dock-1", "A-01-3", "A-01", SQUARE)
CONSOLE = "console-0"


class Desk(NamedTuple):
    """A slot desk, and what became known of it."""

    slots: SlotDesk
    store: Store

    def put(self, slot: SlotShown = SLOT, still: bytes = picture()) -> None:
        asyncio.run(self.slots.put(slot, still, shows="full", reason="new", device=CONSOLE))

    def remove(self, camera: str, name: str) -> None:
        asyncio.run(self.slots.remove(camera, name, reason="gone", device=CONSOLE))

    def told(self) -> list[str]:
        rows = self.store.database.reader.execute("SELECT body FROM waiting ORDER BY seq")
        data = [decode_event(body).data for (body,) in rows.fetchall()]
        return [each.reason for each in data if isinstance(each, SettingChanged)]


def _real(store: Store) -> SlotDesk:
    return Slots(
        store.database,
        store.outbox.append,
        store.clock,
        SystemIds(),
        cut=lambda still, _polygon: still,
    )


@pytest.fixture(params=["fake", "real"])
def desk(request: Any, tmp_path: Path, pki: Path) -> Iterator[Desk]:
    enrol(tmp_path / "gw", pki)
    with opened(tmp_path / "gw") as store:
        equip_store(store)
        employ(store)
        yield Desk(FakeSlots(store.pipeline) if request.param == "fake" else _real(store), store)


def test_a_slot_is_there_once_it_was_put_and_says_nothing_before_it_was_seen(desk: Desk) -> None:
    assert desk.slots.slots("dock-1") == []
    desk.put()
    assert desk.slots.slots("dock-1") == [SLOT]
    assert desk.slots.slots("dock-2") == []
    assert desk.told() == ["new"]


def test_a_slot_drawn_anew_takes_the_place_of_the_one_with_its_name(desk: Desk) -> None:
    desk.put(SLOT._replace(name="B-1"))
    desk.put()
    desk.put(SLOT._replace(location=None))
    assert [(each.name, each.location) for each in desk.slots.slots("dock-1")] == [
        ("A-01-3", None),
        ("B-1", "A-01"),
    ]


@pytest.mark.parametrize(
    ("slot", "code"),
    [
        (SLOT._replace(polygon=SQUARE[:2]), "slot.invalid"),
        (SLOT._replace(name="no code"), "request.invalid"),
        (SLOT._replace(location="NOWHERE"), "scan.unknown-location"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_and_nothing_is_told(
    desk: Desk, slot: SlotShown, code: str
) -> None:
    with pytest.raises(QuartermasterError) as refused:
        desk.put(slot)
    assert refused.value.code == code
    assert (desk.slots.slots("dock-1"), desk.told()) == ([], [])


def test_a_slot_is_forgotten_once(desk: Desk) -> None:
    desk.put()
    desk.remove("dock-1", "A-01-3")
    assert desk.slots.slots("dock-1") == []
    assert desk.told() == ["new", "gone"]
    with pytest.raises(QuartermasterError) as refused:
        desk.remove("dock-1", "A-01-3")
    assert refused.value.code == "request.not-found"
    assert desk.told() == ["new", "gone"]
