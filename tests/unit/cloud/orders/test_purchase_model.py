"""An order of ours is the fold of what was said of it, in whatever order that came."""

from __future__ import annotations

import hashlib

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.orders.purchases.model import (
    AdviceSaid,
    Answered,
    Arrived,
    Billed,
    Body,
    ClosingSaid,
    ConfirmationSaid,
    InvoiceSaid,
    LineState,
    NoticeSaid,
    Ordered,
    OrderSaid,
    Sent,
    State,
    Statement,
    Term,
    TrackingSaid,
    breaches,
    changes,
    fold,
    judge,
)
from shared.units import DAY, Micros

T0 = Micros(1_763_650_000_000_000)


def said(body: Body, key: str = "1", *, version: int = 0, at: int = 0, by: str = "x") -> Statement:
    words = f"{key} {version} {at}".encode() + msgspec.json.encode(body)
    return Statement(key, version, Micros(T0 + at * DAY), by, hashlib.sha256(words).digest(), body)


def order(*lines: tuple[str, str, int], version: int = 1, **other: object) -> Statement:
    body = OrderSaid(
        number="PO-1",
        supplier="MILL",
        site="AMS",
        cancelled=bool(other.get("cancelled")),
        ordered_at=T0,
        lines=tuple(
            Ordered(number=number, sku=sku, quantity=quantity, price=100, wanted="2025-12-01")
            for number, sku, quantity in lines
        ),
        currency="EUR",
    )
    return said(body, "PO-1", version=version)


def answer(*lines: tuple[str, int, str], at: int = 1, **other: object) -> Statement:
    parts = tuple(
        Answered(number=number, sku="A", quantity=quantity, answer=word, **other)  # type: ignore[arg-type]
        for number, quantity, word in lines
    )
    return said(ConfirmationSaid(lines=parts), f"so-{at}", at=at)


def notice(shipment: str, *lines: tuple[str, int], **other: object) -> Statement:
    body = NoticeSaid(
        scope="MILL",
        shipment=shipment,
        site="AMS",
        shipped_at=Micros(T0 + 2 * DAY),
        lines=tuple(
            Sent(number=str(n), sku=sku, quantity=quantity)
            for n, (sku, quantity) in enumerate(lines)
        ),
        **other,  # type: ignore[arg-type]
    )
    return said(body, shipment, at=2)


def came(quantity: int, at: int = 5, document: str = "PO-1", **other: object) -> Arrived:
    source = f"event {quantity} {at} {document} {sorted(other.items())}"
    values = {"site": "AMS", "sku": "A", **other}
    return Arrived(
        source,
        True,
        quantity=quantity,
        at=Micros(T0 + at * DAY),
        document=document,
        **values,  # type: ignore[arg-type]
    )


def line(state: State | None, number: str = "1") -> LineState:
    assert state is not None
    return next(each for each in state.lines if each.number == number)


def flaws(state: State | None, *, today: str = "2025-11-21", at: int = 10) -> list[tuple[str, int]]:
    assert state is not None
    return [(f.kind, f.quantity) for f in judge(state, now=Micros(T0 + at * DAY), today=today)]


WHOLE = (
    order(("1", "A", 60), ("2", "A", 40), ("3", "B", 5)),
    order(("1", "A", 50), ("2", "A", 40), version=2),
    answer(("1", 30, "accepted"), ("1", 20, "backordered"), ("2", 40, "accepted"), price=101),
    answer(("1", 50, "accepted"), at=2, deliver_day="2025-12-03"),
    notice("S1", ("A", 70), eta=Micros(T0 + 4 * DAY), tracking=("1Z",)),
    notice("S2", ("A", 20)),
    said(TrackingSaid(numbers=("1Z",), status="in-transit", eta=Micros(T0 + 5 * DAY)), at=3),
    said(
        InvoiceSaid(
            day="2025-12-01",
            currency="EUR",
            lines=(Billed(number="1", sku="A", quantity=90, price=110),),
        ),
        "I1",
    ),
    said(ClosingSaid(line="2", why="no need"), at=6, by="pat"),
)
CAME = (came(60, 5, "S1"), came(15, 6, "PO-1"), came(3, 7, "PO-1", damaged=True))


@settings(max_examples=60)
@given(st.permutations(WHOLE), st.permutations(CAME), st.lists(st.integers(0, 8), max_size=4))
def test_any_order_of_arrival_and_any_repetition_give_one_state(
    statements: list[Statement], arrivals: list[Arrived], again: list[int]
) -> None:
    expected = fold(WHOLE, CAME)
    found = fold([*statements, *(WHOLE[n] for n in again)], [*arrivals, arrivals[0]])
    assert found == expected
    assert flaws(found) == flaws(expected) != []


_NUMBERS = st.integers(1, 30)
_ARRIVALS = st.lists(
    st.builds(came, _NUMBERS, st.integers(1, 9), st.sampled_from(["PO-1", "S1", "S9"])), max_size=5
)


@settings(max_examples=80)
@given(
    st.tuples(_NUMBERS, _NUMBERS),
    _ARRIVALS,
    st.sampled_from([(), ("",), ("1",), ("2",)]),
    st.sampled_from([1, 2]),
    _NUMBERS,
)
def test_what_was_ordered_is_received_open_or_cancelled(
    wanted: tuple[int, int],
    arrivals: list[Arrived],
    closed: tuple[str, ...],
    versions: int,
    sent: int,
) -> None:
    statements = [order(("1", "A", wanted[0]), ("2", "A", wanted[1])), notice("S1", ("A", sent))]
    if versions == 2:
        statements.append(order(("2", "A", wanted[1]), version=2))
    statements += [said(ClosingSaid(line=each, why="why"), each, by="pat") for each in closed]
    state = fold(statements, arrivals)
    assert state is not None
    for each in state.lines:
        over = max(0, each.received - each.ordered)
        assert each.ordered + over == each.received + each.open + each.cancelled
    assert sum(each.received for each in state.lines) == sum(a.quantity for a in set(arrivals))
    assert sum(r.quantity for r in state.receipts) == sum(a.quantity for a in set(arrivals))
    told = sum(each.shipped for each in state.lines)
    assert told == sent


def test_a_line_goes_from_open_to_received() -> None:
    one = order(("1", "A", 10))
    assert line(fold([one])).status == "open"
    assert line(fold([one, answer(("1", 10, "accepted"))])).status == "confirmed"
    assert line(fold([one, answer(("1", 8, "accepted"))])).status == "changed"
    assert line(fold([one, answer(("1", 10, "backordered"))])).status == "backordered"
    assert line(fold([one, answer(("1", 10, "rejected"))])).status == "rejected"
    assert line(fold([one, notice("S1", ("A", 10))])).status == "shipped"
    assert line(fold([one, notice("S1", ("A", 10))], [came(10)])).status == "received"
    assert line(fold([one, said(ClosingSaid(line="1", why="no"))], [came(4)])).status == "closed"
    gone = fold([one, order(version=2)])
    assert (line(gone).status, line(gone).cancelled) == ("cancelled", 10)
    assert fold([answer(("1", 10, "accepted"))]) is None


def test_both_sides_are_shown_of_whatever_does_not_agree() -> None:
    one = order(("1", "A", 10))
    assert flaws(fold([one, answer(("1", 8, "accepted"))])) == [("confirmed-less", 2)]
    assert flaws(fold([one, answer(("1", 10, "accepted"), price=102)])) == []
    assert flaws(fold([one, answer(("1", 10, "accepted"), price=103)])) == [("price", 10)]
    assert flaws(fold([one, notice("S1", ("A", 12))])) == [("shipped-more", 2)]
    assert flaws(fold([one], [came(11)])) == [("over", 1)]
    assert flaws(fold([one], [came(10, damaged=True)])) == [("damaged", 10)]
    assert flaws(fold([one], [came(2, sku="B")])) == [("wrong-item", 2)]
    assert flaws(fold([one]), today="2025-12-02") == [("late", 10)]
    bill = InvoiceSaid(
        day="2025-12-01",
        currency="USD",
        lines=(Billed(number="1", sku="A", quantity=11, price=100),),
    )
    assert flaws(fold([one, said(bill)])) == [("invoiced-more", 1), ("price", 0)]


def test_what_is_missing_of_a_delivered_shipment_is_short_after_a_day_of_unloading() -> None:
    state = fold([order(("1", "A", 10)), notice("S1", ("A", 10))], [came(7, 5, "S1")])
    assert flaws(state, at=6) == []
    assert flaws(state, at=7) == [("short", 3)]
    assert state is not None
    assert [(s.number, s.status) for s in state.shipments] == [("S1", "delivered")]


def test_a_warehouse_that_tells_of_a_gateways_receipts_is_compared_not_added() -> None:
    told = AdviceSaid(
        site="AMS", received_at=Micros(T0 + 6 * DAY), lines=(Sent(number="1", sku="A", quantity=9),)
    )
    one = order(("1", "A", 10))
    alone = fold([one, said(told)])
    both = fold([one, said(told)], [came(10)])
    assert (line(alone).received, line(both).received) == (9, 10)
    assert flaws(both) == [("receipt-differs", 1)]


def test_a_notice_that_was_cancelled_stays_so_and_what_it_named_is_open_again() -> None:
    sent = [order(("1", "A", 10)), notice("S1", ("A", 10)), notice("S1", ("A", 10), cancelled=True)]
    for statements in (sent, sent[::-1]):
        state = fold(statements)
        assert (line(state).shipped, line(state).open) == (0, 10)


def test_the_first_promise_counts_for_punctuality_and_the_last_for_what_is_due() -> None:
    state = fold(
        [
            order(("1", "A", 10)),
            answer(("1", 10, "accepted"), at=1, deliver_day="2025-12-05"),
            answer(("1", 10, "accepted"), at=2, deliver_day="2025-12-09"),
        ]
    )
    assert (line(state).promised_day, line(state).deliver_day) == ("2025-12-05", "2025-12-09")


def test_changes_name_line_by_line_what_became_of_it() -> None:
    before, after = fold([order(("1", "A", 10))]), fold([order(("1", "A", 12), version=2)])
    assert before is not None
    assert after is not None
    assert [tuple(c) for c in changes(before.lines, after.lines)] == [("1", "ordered", "10", "12")]
    assert changes(after.lines, after.lines) == []


def test_a_breach_of_the_suppliers_terms_is_told_with_its_figures() -> None:
    term = Term(48, 12, "EUR", 1, ((48, 89), (480, 81)))
    assert (term.cost(47), term.cost(48), term.cost(500)) == (None, 89, 81)
    lines = [
        Ordered(number="1", sku="A", quantity=30, price=89),
        Ordered(number="2", sku="B", quantity=1),
    ]
    assert breaches(lines, {"A": term}, minimum=25_000, currency="EUR") == [
        ("1", "A: 30, the least is 48"),
        ("1", "A: 30 is no multiple of 12 (24 or 36)"),
        ("2", "B: this supplier has no offer of it"),
        ("", "worth 26.70 EUR, the least is 250.00"),
    ]
