"""Slots are kept as they were drawn; what cannot be looked at is refused with its reason."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.calibration import (
    MAX_REFERENCE,
    MAX_SLOTS,
    Slot,
    area,
    check_polygon,
    put_slot,
    remove_slot,
    slots_of,
)
from shared.errors import QuartermasterError
from shared.units import Micros

if TYPE_CHECKING:
    from edge.app.store import Store

SQUARE = ((0.1, 0.1), (0.3, 0.1), (0.3, 0.4), (0.1, 0.4))
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
SLOT = Slot("aisle", "S-1", "A-01", SQUARE, JPEG, "full", "ann", Micros(7))


def put(store: Store, slot: Slot) -> None:
    store.database.run_blocking(lambda connection: put_slot(connection, slot))


def kept(store: Store, camera: str = "aisle") -> list[Slot]:
    return slots_of(store.database.reader, camera)


def test_a_slot_comes_back_as_it_was_drawn_and_only_for_its_camera(store: Store) -> None:
    put(store, SLOT)
    assert kept(store) == [SLOT]
    assert kept(store, "dock") == []


def test_a_slot_drawn_again_takes_the_place_of_the_one_before(store: Store) -> None:
    put(store, SLOT)
    again = SLOT._replace(location=None, shows="empty", drawn_by="bob", polygon=SQUARE[:3])
    put(store, again)
    assert kept(store) == [again]


def test_a_removed_slot_is_gone_and_cannot_be_removed_twice(store: Store) -> None:
    put(store, SLOT)

    def remove() -> None:
        store.database.run_blocking(lambda connection: remove_slot(connection, "aisle", "S-1"))

    remove()
    assert kept(store) == []
    with pytest.raises(QuartermasterError) as refused:
        remove()
    assert refused.value.code == "request.not-found"


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"polygon": SQUARE[:2]}, "slot.invalid", "2 corners"),
        ({"polygon": tuple((i / 40, (i % 2) / 2) for i in range(33))}, "slot.invalid", "33"),
        ({"polygon": (*SQUARE[:3], (0.1, 1.01))}, "slot.invalid", "outside"),
        ({"polygon": (*SQUARE[:3], (-0.1, 0.4))}, "slot.invalid", "outside"),
        ({"polygon": (*SQUARE[:3], (math.nan, 0.4))}, "slot.invalid", "outside"),
        ({"polygon": ((0.1, 0.1), (0.3, 0.4), (0.3, 0.1), (0.1, 0.4))}, "slot.invalid", "crosses"),
        ({"polygon": ((0.1, 0.1), (0.1, 0.1), (0.3, 0.4))}, "slot.invalid", "crosses"),
        ({"polygon": ((0.1, 0.1), (0.2, 0.2), (0.3, 0.3))}, "slot.invalid", "crosses|small"),
        ({"polygon": ((0.1, 0.1), (0.101, 0.1), (0.101, 0.101))}, "slot.invalid", "small"),
        ({"reference": b""}, "slot.invalid", "none"),
        ({"reference": JPEG[:-2]}, "slot.invalid", "JPEG"),
        ({"reference": b"\x89PNG\r\n\x1a\n"}, "slot.invalid", "JPEG"),
        ({"reference": JPEG[:-2] + bytes(MAX_REFERENCE) + JPEG[-2:]}, "slot.invalid", "bytes"),
        ({"location": "NOWHERE"}, "scan.unknown-location", "NOWHERE"),
        ({"location": "GONE-1"}, "scan.unknown-location", "GONE-1"),
        ({"name": "no name!"}, "request.invalid", "no name"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(
    store: Store, change: dict[str, object], code: str, says: str
) -> None:
    with pytest.raises(QuartermasterError, match=says) as refused:
        put(store, SLOT._replace(**change))
    assert refused.value.code == code
    assert kept(store) == []


def test_a_camera_has_so_many_slots_and_no_more(store: Store) -> None:
    for number in range(MAX_SLOTS):
        put(store, SLOT._replace(name=f"S-{number}"))
    put(store, SLOT._replace(name="S-7", location=None))
    with pytest.raises(QuartermasterError, match="64 slots"):
        put(store, SLOT._replace(name="one-more"))
    put(store, SLOT._replace(camera="dock"))
    assert len(kept(store)) == MAX_SLOTS


@given(
    st.integers(3, 32),
    st.floats(0.05, 0.45),
    st.floats(0, math.tau),
    st.lists(st.floats(0.4, 1), min_size=32, max_size=32),
)
def test_whatever_winds_once_around_a_point_may_be_drawn_in_either_direction(
    corners: int, radius: float, turn: float, reach: list[float]
) -> None:
    star = tuple(
        (
            0.5 + radius * reach[i] * math.cos(turn + math.tau * i / corners),
            0.5 + radius * reach[i] * math.sin(turn + math.tau * i / corners),
        )
        for i in range(corners)
    )
    if area(star) > 0.0002:
        check_polygon(star)
        check_polygon(star[::-1])
