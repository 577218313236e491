"""Answers as one short line: ``OK …`` for what was done, ``NO <code> …`` for what was not."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from edge.inputs.work import Work
from shared.errors import QuartermasterError

_MOST: Final = 300
_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def answered(body: bytes) -> str:
    """The answer to a scan, from its JSON."""
    answer: dict[str, Any] = msgspec.json.decode(body)
    if answer["outcome"] != "accepted":
        return _refused(answer["error"], answer.get("expected"))
    understood = answer["understood"]
    said = f"OK {understood['quantity']} {understood['name']}"
    if understood.get("lot"):
        said += f", lot {understood['lot']}"
    if (task := answer.get("task")) and task.get("left") is not None:
        said += f", {task['left']} left"
    for warning in answer["warnings"]:
        said += f" - mind: {warning['says']}"
    return _line(said)


def placed(code: str, work: Work) -> str:
    """A location's label was taken."""
    return _line(f"OK {code}: {work.next_in_words()}")


def refused(error: QuartermasterError) -> str:
    """Something was not taken."""
    return _refused(error.as_dict(), None)


def _refused(error: dict[str, str], expected: dict[str, Any] | None) -> str:
    said = f"NO {error['code']} {error['says']} {error['do']}"
    if error["detail"]:
        said += f" ({error['detail']})"
    elif expected is not None:
        said += f" ({expected['name']}, {expected['location'] or 'anywhere'})"
    return _line(said)


def _line(text: str) -> str:
    shown = _UNSEEN.sub("?", text)
    return shown if len(shown) <= _MOST else f"{shown[: _MOST - 1]}…"
