"""997 and TA1: what is answered to a partner, and what partners answer. Pure.

An acknowledgement is written from the faults that a person is shown. Acknowledgements are never
acknowledged (X12.20).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Final, Literal, NamedTuple

from cloud.feeds.x12.envelope import Interchange, Segment, TransactionSet, sequence
from cloud.feeds.x12.faults import Fault, Level
from cloud.feeds.x12.partner import Partner
from cloud.feeds.x12.reading import Judged, JudgedGroup
from cloud.feeds.x12.writing import Message, Row

Verdict = Literal["A", "E", "P", "R"]
"""Accepted, accepted with errors, partly accepted, rejected (elements 715 and 717)."""
_MOST_CODES: Final = 5
_MOST_NOTES: Final = 99
_QUOTABLE: Final = re.compile(r"[ -~]{1,99}\Z")
_ACCEPTED: Final = frozenset({"A", "E", "P"})


class Answered(NamedTuple):
    """What a partner says to one set of ours, or to a whole group where ``control`` is empty."""

    group_code: str
    group: str
    control: str
    accepted: bool
    words: str


def tidings(interchange: Interchange, faults: Sequence[Fault]) -> Row | None:
    """The TA1 about an interchange: where it is refused, or wished for (ISA14).

    None where there is nothing to say, or its own numbers cannot be quoted.
    """
    header = interchange.header
    refusing = [fault for fault in faults if fault.refuses]
    if not refusing and header.get(14) != "1":
        return None
    number, date, time = header.get(13), header.get(9), header.get(10)
    quotable = re.match(r"\d{9}\Z", number, re.ASCII) and len(date) == 6 and len(time) == 4
    if not quotable or not (date + time).isdigit():
        return None
    first = (refusing or list(faults) or [None])[0]
    verdict = "R" if refusing else ("E" if faults else "A")
    return ("TA1", number, date, time, verdict, "000" if first is None else first.code)


def acknowledgement(partner: Partner, judged: JudgedGroup) -> Message | None:
    """The 997 about a group; None for a group of acknowledgements."""
    group = judged.group
    if group.code == "FA":
        return None
    release = _text(group.version, 1, 12)
    version = (release,) if partner.version >= "005010" and group.version else ()
    rows: list[Row] = [("AK1", _text(group.code, 2, 2), _number(group.control), *version)]
    for one in judged.sets:
        rows.extend(_of_set(partner, one, refused=judged.refused))
    came, taken = len(judged.sets), len(taken_of(judged))
    included = sequence(group.included)
    codes = list(dict.fromkeys(fault.code for fault in judged.faults))[:_MOST_CODES]
    rows.append(
        ("AK9", verdict_of(judged), str(came if included is None else min(included, 999_999)),
         str(came), str(taken), *codes)
    )  # fmt: skip
    return Message("997", tuple(rows), f"{group.code} {group.control}"[:80])


def taken_of(judged: JudgedGroup) -> tuple[Judged, ...]:
    """The sets of a group that may be applied."""
    return () if judged.refused else tuple(one for one in judged.sets if one.accepted)


def verdict_of(judged: JudgedGroup) -> Verdict:
    """AK901."""
    taken = taken_of(judged)
    if judged.refused or (judged.sets and not taken):
        return "R"
    if len(taken) < len(judged.sets):
        return "P"
    return "E" if judged.faults or any(one.faults for one in taken) else "A"


def _of_set(partner: Partner, judged: Judged, *, refused: bool) -> list[Row]:
    one = judged.one
    rows: list[Row] = [("AK2", _text(one.kind, 3, 3), _text(one.control, 4, 9))]
    within = [fault for fault in judged.faults if fault.level in {Level.SEGMENT, Level.ELEMENT}]
    within.sort(key=lambda fault: (fault.position, fault.segment, fault.element))
    if len(one.kind) == 3:
        for (position, name), faults in groupby(within, key=lambda f: (f.position, f.segment)):
            rows.extend(_of_segment(partner, position, name, list(faults)))
    codes = [fault.code for fault in judged.faults if fault.level is Level.SET]
    if within:
        codes.append("5")
    verdict = "A" if not judged.faults else "E"
    if refused or not judged.accepted:
        verdict = "R"
    rows.append(("AK5", verdict, *list(dict.fromkeys(codes))[:_MOST_CODES]))
    return rows


def _of_segment(partner: Partner, position: int, name: str, faults: list[Fault]) -> list[Row]:
    own = [fault for fault in faults if fault.level is Level.SEGMENT]
    code = own[0].code if own else "8"
    rows: list[Row] = [("AK3", _text(name, 2, 3), str(position), "", code)]
    marks = set("".join(partner.delimiters))
    for fault in faults[:_MOST_NOTES]:
        if fault.level is not Level.ELEMENT:
            continue
        value = fault.value.strip()
        quoted = value if _QUOTABLE.match(value) and not marks & set(value) else ""
        reference = str(fault.reference) if fault.reference else ""
        rows.append(("AK4", str(fault.element), reference, fault.code, quoted))
    return rows


def _text(value: str, shortest: int, longest: int) -> str:
    """What can be quoted of an identifier, which may be anything, in the length it needs."""
    kept = re.sub(r"[^A-Z0-9]", "", value.upper())[:longest]
    return kept.rjust(shortest, "0")


def _number(value: str) -> str:
    return value if sequence(value) is not None else "0"


def answers(one: TransactionSet) -> tuple[Answered, ...]:
    """What a 997 says, set by set; of the group as a whole where it names none."""
    group_code, group = "", ""
    found: list[Answered] = []
    notes: list[str] = []
    open_set: Segment | None = None
    for segment in one.segments:
        if segment.name == "AK1":
            group_code, group = segment.get(1), segment.get(2)
        elif segment.name == "AK2":
            open_set, notes = segment, []
        elif segment.name in {"AK3", "AK4"}:
            notes.append(" ".join(text for text in segment.elements if text))
        elif segment.name == "AK5" and open_set is not None:
            accepted = segment.get(1) in _ACCEPTED
            words = "; ".join((" ".join(segment.elements), *notes))[:400]
            found.append(Answered(group_code, group, open_set.get(2), accepted, words))
            open_set = None
        elif segment.name == "AK9":
            words = " ".join(segment.elements)[:400]
            accepted = segment.get(1) in _ACCEPTED
            # Of sets that it does not name it says the group's verdict; P leaves those open.
            if segment.get(1) != "P":
                found.append(Answered(group_code, group, "", accepted, words))
    return tuple(found)
