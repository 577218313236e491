"""Which stock a reservation is made of, and what picks fulfil of it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.orders.model import Part, fulfilled
from cloud.orders.reservations.model import apportion

few = st.integers(min_value=0, max_value=9)


@settings(max_examples=150, deadline=None)
@given(free=st.dictionaries(st.tuples(few, st.just(1)), few, max_size=4), wanted=st.integers(1, 20))
def test_a_wish_is_fulfilled_whole_or_not_at_all_out_of_what_is_free(
    free: dict[tuple[int, int], int], wanted: int
) -> None:
    sites = sorted({site for site, _ in free})
    found = apportion(free, sites, [(1, wanted)])
    assert sum(portion.quantity for portion in found) == (
        wanted if sum(free.values()) >= wanted else 0
    )
    assert all(0 < each.quantity <= free[each.site_id, each.item_id] for each in found)
    enough_at_one = any(units >= wanted for units in free.values())
    assert not enough_at_one or len(found) == 1


def test_components_lie_at_one_site_or_nowhere() -> None:
    free = {(1, 1): 5, (1, 2): 0, (2, 1): 2, (2, 2): 2}
    assert [(p.site_id, p.item_id) for p in apportion(free, [1, 2], [(1, 2), (2, 2)])] == [
        (2, 1),
        (2, 2),
    ]
    assert apportion(free, [1, 2], [(1, 3), (2, 1)]) == []


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(st.builds(Part, st.integers(1, 9), few), max_size=4),
    picked=few,
    more=few,
)
def test_no_pick_fulfils_two_parts_nor_one_that_came_after_it(
    parts: list[Part], picked: int, more: int
) -> None:
    found = fulfilled(picked, parts)
    assert sum(found) <= picked
    for part, units in zip(parts, found, strict=True):
        assert 0 <= units <= min(part.quantity, max(picked - part.picked_before, 0))
    assert all(a <= b for a, b in zip(found, fulfilled(picked + more, parts), strict=True))
