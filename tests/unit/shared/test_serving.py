"""Who is served first, and when the others can expect their goods."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy.serving import Claim, in_order
from shared.replenishment import Supply, Want, windows
from shared.units import Micros


def test_who_paid_comes_first_then_priority_segment_margin_and_time() -> None:
    claims = [
        Claim("late", 1, Micros(9), Micros(9)),
        Claim("unpaid", 1, Micros(1), None, priority=9, segment="gold", margin=900),
        Claim("urgent", 1, Micros(8), Micros(8), priority=1),
        Claim("gold", 1, Micros(7), Micros(7), segment="gold"),
        Claim("dear", 1, Micros(6), Micros(6), margin=50),
        Claim("early", 1, Micros(2), Micros(2)),
    ]
    served = [claim.name for claim in in_order(claims, ["gold", "silver"])]
    assert served == ["urgent", "gold", "dear", "early", "late", "unpaid"]
    assert in_order(claims[::-1], ["gold", "silver"]) == in_order(claims, ["gold", "silver"])


def test_first_receipts_go_to_who_is_served_first() -> None:
    supplies = [
        Supply("PO-2", 1, 10, Micros(30), Micros(40)),
        Supply("PO-1", 1, 6, Micros(10), Micros(20)),
    ]
    found = windows([Want("a", 5), Want("b", 3), Want("c", 9)], supplies)
    assert (found["a"] or ())[:3] == (10, 20, (("PO-1", 5),))
    assert (found["b"] or ())[:3] == (30, 40, (("PO-1", 1), ("PO-2", 2)))
    assert found["c"] is None, "only eight are left of all that comes"


def test_goods_that_do_not_keep_long_enough_or_come_elsewhere_serve_nobody() -> None:
    short = Supply("PO-1", 1, 9, Micros(1), Micros(2), keeps_days=5)
    elsewhere = Supply("PO-2", 2, 9, Micros(3), Micros(4))
    found = windows(
        [Want("a", 1, keeps_days=6), Want("b", 1, site_id=1, keeps_days=6)], [short, elsewhere]
    )
    assert (found["a"] or ())[2] == (("PO-2", 1),)
    assert found["b"] is None


wants = st.lists(
    st.builds(Want, st.uuids().map(str), st.integers(1, 9), st.sampled_from([None, 1, 2])),
    max_size=5,
)
supplies = st.lists(
    st.builds(
        lambda name, site, units, early, more: Supply(
            name, site, units, Micros(early), Micros(early + more)
        ),
        st.uuids().map(str),
        st.sampled_from([1, 2]),
        st.integers(1, 9),
        st.integers(0, 99),
        st.integers(0, 99),
    ),
    max_size=5,
)


@settings(max_examples=100, deadline=None)
@given(wants=wants, supplies=supplies)
def test_nothing_is_promised_twice_and_every_promise_is_whole(
    wants: list[Want], supplies: list[Supply]
) -> None:
    found = windows(wants, supplies)
    taken: dict[str, int] = {}
    for want in wants:
        window = found[want.name]
        if window is not None:
            assert sum(units for _, units in window.takes) == want.quantity
            assert window.early <= window.late
            for name, units in window.takes:
                taken[name] = taken.get(name, 0) + units
    assert all(taken.get(each.name, 0) <= each.quantity for each in supplies)
