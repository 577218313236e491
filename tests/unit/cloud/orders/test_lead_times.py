"""Lead times are distributions: open orders count, few observations lean on what is believed."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.orders.purchases.leadtimes import (
    HOUSE,
    Arrival,
    Cell,
    Distribution,
    Observation,
    arrival,
    beyond,
    chance_within,
    estimate,
    fallback,
    learn,
    mean,
    punctual,
    quantile,
    stated,
    thinned,
)
from shared.units import DAY, HOUR, Micros

SCMS = Path("/work/shared/data/demand/scms_leadtimes_dev.csv")
NOW = Micros(1_763_650_000_000_000)


def test_without_a_base_it_is_the_product_limit_estimator() -> None:
    # The remission times of Kaplan and Meier's kind: Freireich et al. 1963, drug 6-MP, as tabled
    # by Cox and Oakes; survival .857 after 6, .807 after 7, .753 after 10, .448 after 23.
    ended = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    still = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    found = estimate(
        [Observation(day, 1.0) for day in ended]
        + [Observation(day, 1.0, open=True) for day in still]
    )
    told = {day: round(1 - chance_within(found, day), 3) for day in (6, 7, 10, 23)}
    assert told == {6: 0.857, 7: 0.807, 10: 0.753, 23: 0.448}


def test_few_observations_lean_on_what_is_stated_and_many_outweigh_it() -> None:
    base = stated(14)
    medians = [
        quantile(estimate([Observation(28, 1.0)] * n, base, 4.0), 0.5) for n in (0, 1, 3, 5, 40)
    ]
    assert medians[0] == 14
    assert medians == sorted(medians)
    assert medians[-1] == 28


def test_open_orders_make_the_rest_later() -> None:
    seen = [Observation(10, 1.0), Observation(12, 1.0)]
    waiting = [Observation(30, 1.0, open=True)] * 2
    base = stated(10)
    assert mean(estimate(seen + waiting, base, 4.0)) > mean(estimate(seen, base, 4.0))


def test_the_parts_of_a_line_weigh_by_their_quantity() -> None:
    found = estimate([Observation(5, 0.75), Observation(9, 0.25)])
    assert found == Distribution((5, 9), (0.25, 0.0))
    assert (quantile(found, 0.5), quantile(found, 0.75), quantile(found, 0.76)) == (5, 5, 9)


_SEEN = st.lists(
    st.builds(Observation, st.integers(0, 60), st.just(1.0), st.booleans()), max_size=12
)


@settings(max_examples=60)
@given(_SEEN, st.integers(1, 40), st.integers(0, 80))
def test_a_distribution_falls_from_one_and_stays_one_when_time_has_passed(
    seen: list[Observation], median: int, age: int
) -> None:
    found = estimate(seen, stated(median), 4.0)
    for each in (found, beyond(found, age)):
        chances = (1.0, *each.survival)
        assert all(high >= low >= 0 for high, low in pairwise(chances))
        assert list(each.days) == sorted(set(each.days))
    assert beyond(found, age).days[0] > age


def test_a_thinned_distribution_is_nearly_the_same() -> None:
    found = estimate([Observation(day, 1.0) for day in range(300)], stated(100), 4.0)
    short = thinned(found)
    assert len(short.days) < 70 < len(found.days)
    assert all(
        abs(chance_within(found, day) - chance_within(short, day)) < 1 / 32 for day in range(400)
    )


def test_a_cell_leans_on_its_supplier() -> None:
    rare, often = Cell("MILL", "sea", "Food"), Cell("MILL", "air", "Food")
    seen = {rare: [Observation(40, 1.0)], often: [Observation(6, 1.0)] * 30}
    found = learn(seen, {"MILL": 7, "FARM": 3})
    assert set(found) == {rare, often, Cell("MILL"), HOUSE}
    assert quantile(found[rare].distribution, 0.5) < 10
    assert quantile(found[rare].distribution, 0.95) == 40
    assert (found[rare].observed, found[Cell("MILL")].observed) == (1.0, 31.0)


def test_a_supplier_that_states_nothing_leans_on_all_suppliers() -> None:
    slow = {Cell(f"S{n}"): [Observation(90, 1.0)] * 20 for n in range(5)}
    found = learn({**slow, Cell("NEW"): [Observation(80, 1.0)]}, {})
    assert quantile(found[Cell("NEW")].distribution, 0.5) == 90
    known = {(HOUSE, "ordered"): found[HOUSE].distribution}
    assert quantile(fallback(known, "ordered", None), 0.5) == 90  # type: ignore[arg-type]
    assert quantile(fallback(known, "ordered", 7), 0.5) == 7  # type: ignore[arg-type]


def test_an_arrival_is_certain_only_in_the_end_and_never_past() -> None:
    when = arrival(punctual(), Micros(NOW + 2 * DAY), NOW)
    assert when.by(NOW) == 0
    assert 0.3 < when.by(Micros(NOW + 2 * DAY + 12 * HOUR)) < 0.6
    assert when.at(0.1) < when.at(0.5) < when.at(0.9)
    assert when.at(0.01) > NOW
    late = arrival(punctual(), Micros(NOW - 30 * DAY), NOW)
    assert late.by(Micros(NOW + DAY)) < 0.2
    assert late.by(Micros(NOW + 90 * DAY)) > 0.99
    assert Arrival((NOW, Micros(NOW + DAY)), (0.0, 1.0)).by(Micros(NOW + 6 * HOUR)) == 0.25


@pytest.mark.skipif(not SCMS.is_file(), reason="the real lead times are not on this machine")
def test_eighty_percent_intervals_hold_about_eighty_percent_of_real_later_orders() -> None:
    rows = [
        (row, date.fromisoformat(row["po_date"]), date.fromisoformat(row["delivered"]))
        for row in csv.DictReader(SCMS.read_text("latin-1").splitlines())
        if row["po_date"] and row["delivered"]
    ]
    # Some order dates lie years before the order: misread when the table was made.
    rows = [row for row in rows if 0 <= (row[2] - row[1]).days <= 400]
    rows.sort(key=lambda row: row[1])
    held = tried = 0
    for tenths in (4, 6, 8):
        cut = rows[len(rows) * tenths // 10][1]
        seen: dict[Cell, list[Observation]] = defaultdict(list)
        later: list[tuple[Cell, int]] = []
        for row, ordered, delivered in rows:
            cell = Cell(row["vendor"], f"{row['country']}/{row['mode']}", row["product_group"])
            if ordered > cut:
                later.append((cell, (delivered - ordered).days))
            elif delivered <= cut:
                seen[cell].append(Observation((delivered - ordered).days, 1.0))
            else:
                seen[cell].append(Observation((cut - ordered).days, 1.0, open=True))
        learnt = learn(seen, {})
        for cell, took in later:
            found = learnt.get(cell) or learnt.get(Cell(cell.supplier)) or learnt[HOUSE]
            low, high = (quantile(found.distribution, share) for share in (0.1, 0.9))
            held += low <= took <= high
        tried += len(later)
    assert tried > 2000
    assert 0.76 <= held / tried <= 0.84
