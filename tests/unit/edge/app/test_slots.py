"""Slots at a gateway: cut out apart, told as changes, and forgotten as seen when they change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge.app.slots import Slots, cut_apart
from edge.fallback import sights
from edge.ports import SlotShown, SystemIds
from edge.vision.calibration import MAX_REFERENCE, slots_of
from shared.errors import QuartermasterError
from shared.events import SettingChanged, SlotSeen, decode_event
from tests.support.people import employ
from tests.support.sights import picture

if TYPE_CHECKING:
    from edge.app.store import Store

SQUARE = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.5), (0.1, 0.5))
SLOT = SlotShown("dock-1", "A-01-3", "A-01", SQUARE)
SEEN = SlotSeen("dock-1", None, 5, "slots-1", bytes(32), 900, None, "A-01-3", "A-01", "low", "full")


def test_a_slot_is_cut_out_by_a_process_of_its_own() -> None:
    reference = cut_apart(picture(), SQUARE)
    assert len(reference) <= MAX_REFERENCE
    decoded = cv2.imdecode(np.frombuffer(reference, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert max(decoded.shape) < 640


@pytest.mark.parametrize("still", [b"", b"\xff\xd8\xff no picture \xff\xd9"])
def test_a_still_that_is_no_picture_is_refused(still: bytes) -> None:
    with pytest.raises(QuartermasterError) as refused:
        cut_apart(still, SQUARE)
    assert refused.value.code == "slot.invalid"


def test_a_change_names_the_operator_tells_the_cameras_and_forgets_what_was_seen(
    store: Store,
) -> None:
    employ(store)
    changed: list[str] = []
    desk = Slots(
        store.database,
        store.outbox.append,
        store.clock,
        SystemIds(),
        cut=lambda still, _polygon: still,
        changed=changed.append,
    )
    still = picture()
    asyncio.run(desk.put(SLOT, still, shows="full", reason="new shelf", device="console-0"))
    store.database.run_blocking(lambda connection: sights.note(connection, SEEN, 77))
    (slot,) = desk.slots("dock-1")
    assert (slot.state, slot.since) == ("low", 77)
    asyncio.run(desk.put(SLOT, still, shows="empty", reason="a post", device="console-0"))
    (slot,) = desk.slots("dock-1")
    assert (slot.state, slot.since) == ("unknown", 0)
    (kept,) = slots_of(store.database.reader, "dock-1")
    assert (kept.reference, kept.shows) == (still, "empty")
    asyncio.run(desk.remove("dock-1", "A-01-3", reason="gone", device="console-0"))
    rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    told = [
        event.data
        for (body,) in rows
        if isinstance((event := decode_event(body)).data, SettingChanged)
    ]
    corners = "0.100,0.100 0.400,0.100 0.400,0.500 0.100,0.500"
    assert [(each.setting, each.before, each.after, each.reason) for each in told] == [
        ("slot.dock-1.A-01-3", "", f"A-01, full: {corners}", "new shelf"),
        ("slot.dock-1.A-01-3", f"A-01, full: {corners}", f"A-01, empty: {corners}", "a post"),
        ("slot.dock-1.A-01-3", f"A-01, empty: {corners}", "", "gone"),
    ]
    assert changed == ["dock-1"] * 3
