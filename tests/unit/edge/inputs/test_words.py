"""Answers are one short line that a person understands."""

from __future__ import annotations

import json
from typing import Any

from edge.inputs import words
from edge.inputs.work import Work
from shared.errors import QuartermasterError

UNDERSTOOD = {"quantity": 12, "name": "Green tea", "lot": "L-7"}


def told(**over: Any) -> str:
    answer = {"outcome": "accepted", "understood": UNDERSTOOD, "warnings": [], "task": None} | over
    return words.answered(json.dumps(answer).encode())


def test_what_was_done_is_said_with_count_name_and_lot() -> None:
    assert told() == "OK 12 Green tea, lot L-7"
    assert told(task={"left": 3}) == "OK 12 Green tea, lot L-7, 3 left"
    assert told(warnings=[{"says": "The goods expire soon."}]).endswith(
        "mind: The goods expire soon."
    )


def test_what_was_not_done_is_said_with_its_code_and_remedy() -> None:
    error = QuartermasterError("scan.unknown-item", "4711").as_dict()
    said = told(outcome="refused", error=error)
    assert said.startswith("NO scan.unknown-item No item in the catalog carries this code. Set the")
    assert said.endswith("(4711)")


def test_what_was_expected_is_said() -> None:
    error = QuartermasterError("task.wrong-item").as_dict()
    expected = {"name": "Oats", "location": "A-01"}
    assert told(outcome="refused", error=error, expected=expected).endswith("(Oats, A-01)")


def test_a_place_says_what_comes_next() -> None:
    work = Work("move", "A-01")
    assert words.placed("A-01", work) == "OK A-01: now scan the place that you put it to"


def test_an_answer_is_one_line_however_its_words_look() -> None:
    said = words.refused(
        QuartermasterError("scan.malformed", "a\r\nOK 1 forged\x1b[2J" + "x" * 900)
    )
    assert "\r" not in said
    assert "\n" not in said
    assert "\x1b" not in said
    assert len(said) <= 300
