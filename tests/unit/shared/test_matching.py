"""Which line of a task a scan counts for."""

from __future__ import annotations

import pytest

from shared.policy.matching import STEPS_OF, Goods, Match, Wanted, expected, match, place_of
from shared.policy.rules import Step


def line(number: int, sku: str = "TEA", **over: object) -> Wanted:
    given: dict[str, object] = {
        "line": number,
        "sku": sku,
        "quantity": 10,
        "location": None,
        "to": None,
        "lot": None,
        "done": 0,
    }
    return Wanted(**(given | over))  # type: ignore[arg-type]


def goods(sku: str = "TEA", quantity: int = 1, **over: str | None) -> Goods:
    return Goods(sku, quantity, over.get("location", "A"), over.get("to"), over.get("lot"))


@pytest.mark.parametrize(
    ("lines", "scanned", "taken"),
    [
        ([line(1), line(2)], goods(), 1),
        ([line(1, done=10), line(2)], goods(), 2),
        ([line(1, done=8), line(2)], goods(quantity=5), 2),
        ([line(1, done=8), line(2, done=9)], goods(quantity=5), 1),
        ([line(1, ""), line(2)], goods(), 2),
        ([line(1, ""), line(2, "OAT")], goods(), 1),
        ([line(1, location="B"), line(2, location="A")], goods(), 2),
        ([line(1, lot="X"), line(2, lot="Y")], goods(lot="Y"), 2),
        ([line(1, lot="X"), line(2)], goods(lot="Y"), 2),
        ([line(1, done=10)], goods(), 1),
    ],
)
def test_the_line_that_fits_in_most_respects_is_taken(
    lines: list[Wanted], scanned: Goods, taken: int
) -> None:
    found = match("receive", lines, scanned)
    assert found.missed == ""
    assert found.line is not None
    assert found.line.line == taken


@pytest.mark.parametrize(
    ("step", "lines", "scanned", "missed", "wanted"),
    [
        ("pick", [line(1, "OAT"), line(2, "SOAP")], goods(), "item", 1),
        ("pick", [line(1, "OAT", done=10), line(2, "SOAP")], goods(), "item", 2),
        ("pick", [line(1, location="B")], goods(), "location", 1),
        ("pick", [line(1, to="S1")], goods(to="S2"), "location", 1),
        ("pick", [line(1, lot="X")], goods(lot="Y"), "lot", 1),
        ("pick", [line(1, lot="X")], goods(), "lot", 1),
        ("receive", [line(1, to="B")], goods(), "location", 1),
        ("count", [line(1, location="B", quantity=0)], goods(), "location", 1),
    ],
)
def test_what_was_missed_is_named_with_what_was_expected(
    step: Step, lines: list[Wanted], scanned: Goods, missed: str, wanted: int
) -> None:
    found = match(step, lines, scanned)
    assert (found.line, found.missed) == (None, missed)
    assert found.wanted is not None
    assert found.wanted.line == wanted


def test_a_task_without_lines_expects_nothing() -> None:
    assert match("pick", [], goods()) == Match(None, "item", None)
    assert expected([]) is None


def test_goods_that_arrive_do_so_where_they_are_to_go() -> None:
    assert place_of("receive", line(1, to="B")) == "B"
    assert place_of("receive", line(1, location="DOCK", to="B")) == "DOCK"
    assert place_of("pick", line(1, to="B")) is None


def test_a_line_without_a_number_takes_any() -> None:
    assert line(1, quantity=0, done=7).left is None
    assert line(1, done=12).left == 0


def test_every_kind_of_task_has_its_steps() -> None:
    from typing import get_args

    from shared.plan import TaskKind

    assert set(STEPS_OF) == set(get_args(TaskKind))
