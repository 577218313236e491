"""A scorecard, worked out by hand."""

from __future__ import annotations

from fractions import Fraction

from cloud.orders.purchases.scorecard import Figure, LineFacts, OrderFacts, score

# Three orders of a supplier:
#
#   PO-1  line 1: 100 ordered at 2.00, promised on day 10; 60 came on day 10, 40 on day 15;
#                 100 invoiced at 2.10. One shipment of one line: 100 announced, 100 came.
#   PO-2  line 1: 50 ordered at 4.00, promised on day 8; 50 came on day 8; 50 invoiced at 4.00.
#         line 2: 50 ordered, promised on day 8; 40 came on day 12, the rest was given up.
#                 Two lines announced: 50 of 50 and 50 of 40.
#   PO-3  line 1: 80 ordered, promised on day 20; 20 came on day 6, 60 are open. Nothing announced.
ORDERS = [
    OrderFacts(
        "PO-1",
        (LineFacts(100, 0, 10, 200, 1, 100, 21_000, ((60, 10), (40, 15))),),
        ((100, 100),),
    ),
    OrderFacts(
        "PO-2",
        (
            LineFacts(50, 0, 8, 400, 1, 50, 20_000, ((50, 8),)),
            LineFacts(50, 0, 8, None, 1, 0, 0, ((40, 12),)),
        ),
        ((50, 50), (50, 40)),
    ),
    OrderFacts("PO-3", (LineFacts(80, 60, 20, 100, 1, 0, 0, ((20, 6),)),)),
]


def test_each_figure_is_worked_out_and_names_its_orders() -> None:
    card = score(ORDERS)
    all_three, ended = ("PO-1", "PO-2", "PO-3"), ("PO-1", "PO-2")
    # the mean of 10, 8 and 20
    assert card.promised_days == Figure(Fraction(38, 3), all_three)
    # PO-1: (60*10 + 40*15) / 100 = 12; PO-2: (50*8 + 40*12) / 90 = 88/9; PO-3: 6
    actual = [Fraction(12), Fraction(88, 9), Fraction(6)]
    mean = Fraction(250, 27)
    assert card.actual_days == Figure(mean, all_three)
    assert card.actual_variance.value == sum((each - mean) ** 2 for each in actual) / 3
    # PO-1: (60*0 + 40*5) / 100 = 2; PO-2: (50*0 + 40*4) / 90 = 16/9; PO-3: 6 - 20 = -14
    assert card.late_days == Figure((2 + Fraction(16, 9) - 14) / 3, all_three)
    # (100 + 50 + 40) / (100 + 50 + 50); PO-3 is still open
    assert card.fill == Figure(Fraction(190, 200), ended)
    # 410.00 were asked for what was ordered at 400.00
    assert card.price_drift == Figure(Fraction(1, 40), ended)
    # one of one, one of two
    assert card.asn_accuracy == Figure(Fraction(2, 3), ended)
    assert [each.fill for each in card.orders] == [1, Fraction(9, 10), None]
    assert card.orders[0].price_drift == Fraction(1, 20)


def test_a_supplier_without_orders_has_figures_without_values() -> None:
    card = score([])
    assert card.fill == card.actual_variance == card.price_drift == Figure(None, ())
