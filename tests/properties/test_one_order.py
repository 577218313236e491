"""Four feeds speak of one order, in any order and any number of times: it is the same one order."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud.feeds.documents import (
    CustomerReturn,
    Fulfilment,
    Goods,
    Line,
    Numbering,
    OrderStatus,
    Reference,
    SalesOrder,
)
from cloud.orders.sales.folding import fold
from cloud.orders.sales.model import Meaning, Order, Said, Term, orders

SHOP = Reference(numbering=Numbering.CHANNEL, scope="shop", number="1001")
OURS = Reference(numbering=Numbering.OURS, scope="erp", number="SO-7")
ORDER_940 = Reference(numbering=Numbering.WAREHOUSE, scope="3pl", number="W-55")
INVOICE = Reference(numbering=Numbering.INVOICE, scope="books", number="R-9")
PARCEL = Reference(numbering=Numbering.TRACKING, scope="carrier", number="1Z")
SHIPMENT = Reference(numbering=Numbering.SHIPMENT, scope="3pl", number="S-1")


def line(sku: str, quantity: int, price: int | None = 500) -> Line:
    return Line(number="1", goods=Goods(sku=sku), quantity=quantity, price=price)


def known(term: Term) -> Meaning | None:
    return Meaning(term.sku, 1) if term.sku else None


def ordered(*references: Reference, lines: tuple[Line, ...], version: int = 1) -> SalesOrder:
    return SalesOrder(
        references=references,
        channel="shop",
        status=OrderStatus.PLACED,
        version=version,
        placed_at=1_000_000,
        lines=lines,
        currency="EUR",
    )


PLACED = ordered(SHOP, lines=(line("OAT", 9), line("RYE", 2)))
CHANGED = replace(PLACED, version=2, lines=(line("OAT", 3), line("RYE", 2)))
FOUR_FEEDS = [
    Said("shop", PLACED),
    Said("shop", CHANGED),
    Said("erp", ordered(OURS, SHOP, lines=(line("OAT", 3), line("RYE", 2)))),
    Said("books", ordered(INVOICE, OURS, lines=(line("OAT", 2),))),
    Said(
        "3pl",
        Fulfilment(
            references=(SHIPMENT, PARCEL),
            order=(ORDER_940, OURS),
            site="AMS",
            shipped_at=5,
            lines=(line("OAT", 2),),
        ),
    ),
    Said(
        "shop",
        Fulfilment(
            references=(Reference(numbering=Numbering.CHANNEL, scope="shop", number="F1"), PARCEL),
            order=(SHOP,),
            site="",
            shipped_at=6,
            lines=(line("OAT", 2),),
        ),
    ),
    Said(
        "shop",
        CustomerReturn(
            references=(Reference(numbering=Numbering.CHANNEL, scope="shop", number="R1"),),
            order=(SHOP,),
            site="",
            at=9,
            lines=(line("OAT", 1),),
            restocked=True,
        ),
    ),
]


def only_order(said: list[Said]) -> Order:
    (found,) = orders(said)
    return fold(found, known)


@settings(max_examples=60, deadline=None)
@given(st.permutations(FOUR_FEEDS), st.lists(st.sampled_from(FOUR_FEEDS), max_size=6))
def test_any_order_of_arrival_and_any_repetition_make_the_same_order(
    said: list[Said], again: list[Said]
) -> None:
    order = only_order([*said, *again])
    assert order == only_order(FOUR_FEEDS)
    assert order.status == "part-shipped"
    assert order.title == ("channel", "shop", "1001")
    assert [(each.item, each.quantity, each.shipped, each.returned) for each in order.lines] == [
        ("OAT", 3, 2, 1),
        ("RYE", 2, 0, 0),
    ]
    assert [(each.site, each.quantity, each.feed) for each in order.shipments] == [
        ("AMS", 2, "3pl")
    ]
    assert order.differences == ()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            Said,
            st.sampled_from(["shop", "erp", "3pl"]),
            st.one_of(
                st.builds(
                    ordered,
                    st.sampled_from([SHOP, OURS, ORDER_940]),
                    st.sampled_from([SHOP, OURS, INVOICE]),
                    lines=st.tuples(st.builds(line, st.sampled_from("AB"), st.integers(0, 3))),
                    version=st.integers(1, 2),
                ),
                st.builds(
                    Fulfilment,
                    references=st.tuples(st.sampled_from([SHIPMENT, PARCEL, INVOICE])),
                    order=st.tuples(st.sampled_from([SHOP, OURS])),
                    site=st.sampled_from(["", "AMS", "RTM"]),
                    shipped_at=st.integers(1, 2),
                    lines=st.tuples(st.builds(line, st.sampled_from("AB"), st.integers(0, 3))),
                    cancelled=st.booleans(),
                ),
            ),
        ),
        max_size=7,
    ),
    st.randoms(use_true_random=False),
)
def test_whatever_contradictory_is_said_arrival_decides_nothing(
    said: list[Said], chance: random.Random
) -> None:
    mixed = list(said) + said[:2]
    chance.shuffle(mixed)
    one = [fold(group, known) for group in orders(said)]
    assert [fold(group, known) for group in orders(mixed)] == one
    for order in one:  # nothing that left counts twice: no feed spoke of more
        for each in order.lines:
            assert 0 <= each.open <= each.quantity


def test_what_sources_say_otherwise_is_kept_with_both_sides() -> None:
    said = [
        *FOUR_FEEDS,
        Said("report", ordered(SHOP, lines=(line("OAT", 4), line("RYE", 2, 490)), version=0)),
    ]
    found = only_order(said).differences
    assert [(each.kind, each.item) for each in found] == [("price", "RYE"), ("quantity", "OAT")]
    assert found[1].text() == "quantity of OAT: shop says 3, report says 4"


def test_cancelled_on_one_side_and_shipped_on_the_other_is_said_of_both() -> None:
    over = replace(CHANGED, version=3, status=OrderStatus.CANCELLED, cancelled_at=7)
    order = only_order([*FOUR_FEEDS, Said("shop", over)])
    assert order.status == "cancelled"
    assert {each.kind for each in order.differences} == {"status", "cancelled-shipped"}
    assert [(each.cancelled, each.shipped, each.open) for each in order.lines] == [
        (1, 2, 0),
        (2, 0, 0),
    ]


def test_a_number_that_was_cut_joins_nothing() -> None:
    cuts = frozenset({("channel", "shop", "1001"), ("tracking", "carrier", "1Z")})
    found = [fold(group, known) for group in orders(FOUR_FEEDS, cuts)]
    assert sorted(order.status for order in found) == [
        "awaited",
        "awaited",
        "open",
        "part-shipped",
    ]


def test_a_number_that_orders_of_one_feed_merely_quote_joins_them_only_once_somebody_owns_it() -> (
    None
):
    nothing = Reference(numbering=Numbering.CUSTOMER, scope="shop", number="N/A")
    second = replace(SHOP, number="1002")
    said = [
        Said("shop", ordered(each, nothing, lines=(line("OAT", 1),))) for each in (SHOP, second)
    ]
    assert len(orders(said)) == 2
    waiting = Fulfilment(
        references=(PARCEL,), order=(nothing,), site="AMS", shipped_at=5, lines=(line("OAT", 1),)
    )
    assert len(orders([*said, Said("3pl", waiting)])) == 3
    owner = Said("edi", ordered(nothing, lines=(line("OAT", 2),)))
    assert len(orders([*said, Said("3pl", waiting), owner])) == 1
