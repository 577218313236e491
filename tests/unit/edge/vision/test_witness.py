"""Where goods went: who scanned, what cameras saw, what the ledger holds."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from edge.vision.witness import Check, Glimpse, Handled, judge
from shared.units import SECOND

AT = 1_768_000_000_000_000
PUT = Handled("TEA-1", 4, "DOCK-1", "A-01", AT)
PICK = Handled("TEA-1", 2, "A-01", "STAGE-1", AT, picked=True)
SHELF = ("A-01", "A-02")


def code(location: str, sku: str = "TEA-1", *, after: int = 5, frames: int = 2) -> Glimpse:
    return Glimpse("cam-1", location, location, AT + after * SECOND, sku, frames=frames)


def track(location: str, net: int = 0, *, after: int = 5) -> Glimpse:
    return Glimpse("cam-1", location, location, AT + after * SECOND, net=net)


def check(
    handled: Handled,
    *glimpses: Glimpse,
    others: tuple[Handled, ...] = (),
    ledger: dict[tuple[str, str], int] | None = None,
    watched: Collection[str] = SHELF,
) -> Check | None:
    held = ledger or {}
    return judge(
        handled,
        glimpses,
        others,
        on_record=lambda sku, location: held.get((sku, location), 0),
        watched=watched,
    )


def verdict(found: Check | None) -> tuple[str, str, str] | None:
    return None if found is None else (found.verdict, found.sku, found.location)


def test_goods_seen_where_they_were_scanned_to_agree() -> None:
    found = check(PUT, code("A-01"), ledger={("TEA-1", "A-01"): 4})
    assert found is not None
    assert verdict(found) == ("agreed", "TEA-1", "A-01")
    assert (found.by_scan, found.by_camera, found.by_ledger) == (4, 4, 4)


def test_goods_seen_elsewhere_and_not_there_disagree() -> None:
    found = check(PUT, code("A-02"), ledger={("TEA-1", "A-01"): 4})
    assert found is not None
    assert verdict(found) == ("disagreed", "TEA-1", "A-02")
    assert (found.by_scan, found.by_camera, found.by_ledger) == (0, 1, 0)
    assert found.why == "TEA-1 seen at A-02: scanned to A-01"


@pytest.mark.parametrize(
    ("glimpse", "how"),
    [
        (code("A-02"), {"ledger": {("TEA-1", "A-02"): 7}}),
        (code("A-02"), {"others": (Handled("TEA-1", 1, "DOCK-1", "A-02", AT - 9 * SECOND),)}),
        (code("A-02"), {"watched": ("A-02",)}),
    ],
    ids=["lies there anyway", "somebody brought it", "carried past"],
)
def test_what_may_have_another_reason_is_unsure(glimpse: Glimpse, how: dict[str, object]) -> None:
    found = check(PUT, glimpse, **how)  # type: ignore[arg-type]
    assert verdict(found) == ("unsure", "TEA-1", "A-02")


def test_the_code_that_was_just_scanned_is_no_misreading() -> None:
    found = check(PUT, code("A-02", frames=1))
    assert verdict(found) == ("disagreed", "TEA-1", "A-02")


def test_another_code_needs_two_frames_or_a_track() -> None:
    once = code("A-01", "OAT-1", frames=1)
    assert verdict(check(PUT, once)) == ("unsure", "OAT-1", "A-01")
    assert verdict(check(PUT, once, track("A-01"))) == ("disagreed", "OAT-1", "A-01")


def test_what_was_followed_out_of_the_picture_is_not_there() -> None:
    seen = (code("A-02"), track("A-02")._replace(track=b"7"))
    gone = track("A-02", after=9)._replace(track=b"7", gone=True)
    assert verdict(check(PUT, *seen)) == ("disagreed", "TEA-1", "A-02")
    found = check(PUT, *seen, gone)
    assert found is not None
    assert (found.verdict, found.why) == ("unsure", "TEA-1 seen at A-02: it went on from there")
    other = gone._replace(track=b"8")
    assert verdict(check(PUT, *seen, other)) == ("disagreed", "TEA-1", "A-02")


def test_carried_past_on_the_way_agrees_and_seen_there_before_is_unsure() -> None:
    on_the_way = check(PUT, code("A-02", after=2), code("A-01", after=20))
    assert verdict(on_the_way) == ("agreed", "TEA-1", "A-01")
    moved_on = check(PUT, code("A-01", after=2), code("A-02", after=20))
    assert verdict(moved_on) == ("unsure", "TEA-1", "A-02")


def test_another_item_in_its_place_disagrees_unless_it_belongs_there() -> None:
    assert verdict(check(PUT, code("A-01", "OAT-1"))) == ("disagreed", "OAT-1", "A-01")
    assert check(PUT, code("A-01", "OAT-1"), ledger={("OAT-1", "A-01"): 3}) is None


def test_the_goods_where_they_came_from_say_nothing() -> None:
    assert check(PUT, code("DOCK-1")) is None
    assert check(PUT) is None


def test_a_pallet_seen_elsewhere_disagrees_also_beside_others_of_its_goods() -> None:
    pallet = PUT._replace(unit="006141411234567890")
    seen = code("A-02")._replace(sku=None, unit=pallet.unit)
    ledger = {("TEA-1", "A-02"): 40}
    found = check(pallet, seen, ledger=ledger)
    assert found is not None
    assert verdict(found) == ("disagreed", "TEA-1", "A-02")
    assert (found.by_scan, found.by_camera, found.by_ledger) == (40, 41, 40)
    assert check(pallet, seen._replace(unit="106141411234567897")) is None
    assert check(PUT, seen) is None
    there = code("A-01")._replace(sku=None, unit=pallet.unit)
    assert verdict(check(pallet, there)) == ("agreed", "TEA-1", "A-01")


def test_a_pick_from_the_next_place_disagrees() -> None:
    ledger = {("TEA-1", "A-01"): 6, ("TEA-1", "A-02"): 9}
    found = check(PICK, code("A-02"), track("A-02", -1), ledger=ledger)
    assert found is not None
    assert verdict(found) == ("disagreed", "TEA-1", "A-02")
    assert (found.by_scan, found.by_camera, found.by_ledger) == (9, 8, 9)


def test_a_pick_seen_leaving_where_it_was_scanned_agrees() -> None:
    ledger = {("TEA-1", "A-01"): 6}
    found = check(PICK, code("A-01"), track("A-01", -1), ledger=ledger)
    assert verdict(found) == ("agreed", "TEA-1", "A-01")


def test_a_pick_that_somebody_else_made_explains_what_left() -> None:
    ledger = {("TEA-1", "A-01"): 6, ("TEA-1", "A-02"): 9}
    other = Handled("TEA-1", 1, "A-02", "STAGE-1", AT + SECOND, picked=True)
    found = check(PICK, code("A-02"), track("A-02", -1), others=(other,), ledger=ledger)
    assert found is None


def test_scan_and_camera_together_doubt_the_ledger() -> None:
    ledger = {("TEA-1", "A-01"): -2}
    found = check(PICK, code("A-01"), track("A-01", -1), ledger=ledger)
    assert found is not None
    assert verdict(found) == ("disagreed", "TEA-1", "A-01")
    assert (found.by_scan, found.by_camera, found.by_ledger) == (0, 0, -2)
