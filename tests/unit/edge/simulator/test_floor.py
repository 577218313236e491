"""What simulated people scan: labels that read back, and never more than the shelf holds."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from edge.simulator.demand import Sale
from edge.simulator.floor import MAX_PICK, Floor, places
from edge.simulator.goods import good_of, goods_of
from edge.simulator.oracle import Oracle
from shared.gs1 import read

TODAY = date(2026, 3, 1)
SKUS = ["1111009477", "88491212971", "7500", "HOBBIES_2_001", "2000000001", "OAT-500"]


def _sales(days: int = 30) -> list[Sale]:
    start = date(2024, 1, 1)
    return [
        Sale(start + timedelta(days=day), "S1", sku, (day * 7 + place * 13) % 90 + 1)
        for day in range(days)
        for place, sku in enumerate(SKUS)
    ]


def test_every_label_reads_back_as_what_was_printed() -> None:
    for good in goods_of(SKUS).values():
        for case in (True, False):
            for lot in ("", "L240011"):
                expiry = date(2027, 3, 31) if lot else None

                scanned = read(good.label(case=case, lot=lot, expiry=expiry))

                assert scanned.gtin == (good.case if case else f"0{good.each}")
                assert (scanned.lot or "") == lot
                assert scanned.expiry == ("2027-03-31" if lot else None)
                assert not scanned.warnings


def test_codes_that_are_trade_item_numbers_keep_their_digits() -> None:
    assert good_of("1111009477").each.startswith("001111009477")
    assert good_of("OAT-500").each.startswith("952")


def test_no_two_items_share_a_number() -> None:
    goods = goods_of(f"ITEM-{n}" for n in range(3000))

    numbers = [number for good in goods.values() for number in (good.each, good.case)]
    assert len(set(numbers)) == len(numbers) == 6000


def test_the_same_seed_makes_the_same_scans_and_another_seed_others() -> None:
    goods = goods_of(SKUS)

    def made(seed: int) -> list[object]:
        return list(Floor("S1", goods, today=TODAY, seed=seed).scans(_sales()))

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_stock_never_falls_below_zero_anywhere() -> None:
    balance: Counter[tuple[str, str, str]] = Counter()
    known = {place.code for place in places()}
    for planned in Floor("S1", goods_of(SKUS), today=TODAY).scans(_sales()):
        assert planned.location in known
        assert planned.to is None or planned.to in known
        key = (planned.sku, planned.location, planned.lot)
        if planned.step != "receive":
            balance[key] -= planned.units
            assert balance[key] >= 0
            assert planned.step == "put_away" or planned.units <= MAX_PICK
        else:
            balance[key] += planned.units
        if planned.to:
            balance[planned.sku, planned.to, planned.lot] += planned.units


def test_all_that_was_sold_is_shipped() -> None:
    sales = _sales()

    shipped = Counter[str]()
    for planned in Floor("S1", goods_of(SKUS), today=TODAY).scans(sales):
        if planned.step == "ship":
            shipped[planned.sku] += planned.units

    sold = Counter[str]()
    for sale in sales:
        sold[sale.item] += sale.units
    assert shipped == sold


def test_goods_that_come_back_are_returned_to_the_dock() -> None:
    sale = Sale(date(2024, 1, 1), "S1", "7500", -3)

    (planned,) = Floor("S1", goods_of(["7500"]), today=TODAY).scans([sale])

    assert (planned.step, planned.location, planned.units) == ("return", "DOCK-1", 3)


def test_the_oracle_folds_only_what_was_accepted() -> None:
    oracle = Oracle()
    plans = list(
        Floor("S1", goods_of(["7500"]), today=TODAY).scans(
            [Sale(date(2024, 1, 1), "S1", "7500", 5)]
        )
    )
    for number, planned in enumerate(plans):
        oracle.sending(str(number), "S1", planned)
    receive, put_away, pick, ship = plans
    assert [p.step for p in plans] == ["receive", "put_away", "pick", "ship"]

    for number, planned in enumerate(plans[:3]):
        understood = {"sku": "7500", "lot": planned.lot or None, "quantity": planned.units}
        oracle.answered(str(number), {"outcome": "accepted", "understood": understood})
    oracle.answered("3", {"outcome": "refused", "error": {"code": "scan.quantity"}})

    stock = {(key.location, key.state): units for key, units in oracle.stock().items()}
    assert stock == {
        (put_away.to, "available"): receive.units - pick.units,
        (pick.to, "allocated"): ship.units,
    }
    assert oracle.refusals() == {"scan.quantity": 1}
    assert not oracle.misunderstood()
    assert oracle.accepted_ids() == {"0", "1", "2"}


def test_the_oracle_notices_what_was_misunderstood() -> None:
    oracle = Oracle()
    planned = next(iter(Floor("S1", goods_of(["7500"]), today=TODAY).scans(
        [Sale(date(2024, 1, 1), "S1", "7500", 5)])))  # fmt: skip
    oracle.sending("a", "S1", planned)

    oracle.answered("a", {"outcome": "accepted", "understood": {"sku": "7501", "quantity": 1}})

    assert len(oracle.misunderstood()) == 1


def test_no_lot_leaves_while_another_here_expires_earlier() -> None:
    shelf: Counter[tuple[str, str, str]] = Counter()
    expiry: dict[tuple[str, str], str] = {}
    picks = 0
    for planned in Floor("S1", goods_of(SKUS), today=TODAY).scans(_sales()):
        scanned = read(planned.raw)
        if scanned.lot and scanned.expiry:
            expiry[planned.sku, scanned.lot] = scanned.expiry
        if planned.step == "put_away":
            shelf[planned.sku, planned.to or "", planned.lot] += planned.units
        if planned.step == "pick":
            here = [
                expiry[sku, lot]
                for (sku, location, lot), units in shelf.items()
                if (sku, location) == (planned.sku, planned.location) and lot and units > 0
            ]
            assert not here or min(here) == expiry[planned.sku, planned.lot]
            shelf[planned.sku, planned.location, planned.lot] -= planned.units
            picks += bool(here)
    assert picks > 100
