"""Whether a set may be read at all: its elements, its order, its own totals. Pure.

Strict in what is used, tolerant in the rest: a text of a wrong length is told but refuses nothing
unless it could not be kept; a wrong number, date or code, a control character, a missing element
or line refuses the set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Final

from cloud.feeds.x12.dictionary import SHAPES, Element, Shape, elements_of
from cloud.feeds.x12.envelope import MAX_FAULTS, Group, Segment, TransactionSet
from cloud.feeds.x12.faults import Fault, Level

LONGEST: Final = 80
"""Of a number or code that is kept (``cloud.feeds.documents.Name``)."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER: Final = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_DECIMAL: Final = re.compile(r"-?(\d{1,18}(\.\d{0,9})?|\.\d{1,9})\Z", re.ASCII)
_DAY: Final = re.compile(r"(\d{4})(\d{2})(\d{2})\Z", re.ASCII)
_TIME: Final = re.compile(r"([01]\d|2[0-3])[0-5]\d([0-5]\d\d{0,2})?\Z", re.ASCII)
_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_TEXTS: Final = frozenset({93, 166, 352, 364, 19, 724})
"""Elements that are only shown to people."""
_SHORT_DATES: Final = "004010"
"""Before this version a date has six digits."""


def faults_of(group: Group, one: TransactionSet) -> tuple[Fault, ...]:
    """What is wrong within a set, beside what its envelope says already."""
    shape = SHAPES.get(one.kind)
    if shape is None:
        header = one.segments[0]
        code = "1" if re.match(r"[0-9]{3}\Z", one.kind, re.ASCII) else "6"
        return (Fault(Level.SET, code, header.number, "ST", value=one.kind),)
    found = list(_of_shape(group, one, shape))
    for segment in one.segments:
        found.extend(_of_segment(segment, group.version))
        if len(found) >= MAX_FAULTS:
            break
    return tuple(found[:MAX_FAULTS])


def decimal(text: str) -> Decimal | None:
    """A number of type R, or None."""
    return Decimal(text) if _DECIMAL.match(text) else None


def is_day(text: str) -> bool:
    """Whether this is a date, as CCYYMMDD."""
    found = _DAY.match(text)
    if found is None or not 1 <= (month := int(found[2])) <= 12 or found[1] == "0000":
        return False
    year, day = int(found[1]), int(found[3])
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= day <= (29 if leap else _LENGTHS[month - 1])


def century(text: str) -> str:
    """A date of six digits with its century, as X12 reads it before version 004010."""
    if len(text) != 6 or not text.isdigit():
        return text
    return ("20" if text < "70" else "19") + text


def _of_shape(group: Group, one: TransactionSet, shape: Shape) -> Iterator[Fault]:
    header, names = one.segments[0], [segment.name for segment in one.segments]
    if group.code != shape.group:
        says = f"a {one.kind} belongs in a group {shape.group}, this one is {group.code[:6]}"
        yield Fault(Level.SET, "6", header.number, "ST", value=one.kind, detail=says)
    if shape.begin not in names:
        yield _missing(one, shape.begin, 2)
    elif names[1] != shape.begin:
        begin = one.segments[names.index(shape.begin)]
        yield begin.fault("7", detail="it follows ST")
    if names.count(shape.begin) > 1:
        again = [segment for segment in one.segments if segment.name == shape.begin][1]
        yield again.fault("5")
    for name in shape.needs:
        if name not in names:
            yield _missing(one, name, len(names))
    yield from _of_order(one, shape)
    yield from _of_totals(one, shape)


def _missing(one: TransactionSet, name: str, position: int) -> Fault:
    number = one.segments[min(position, len(one.segments)) - 1].number
    return Fault(Level.SEGMENT, "3", number, name, position)


def _of_order(one: TransactionSet, shape: Shape) -> Iterator[Fault]:
    seen: set[str] = set()
    for segment in one.segments:
        for name, before in shape.after:
            if segment.name == name and before not in seen:
                yield segment.fault("2", detail=f"no {before} stands before it")
        if "CTT" in seen and segment.name in shape.detail:
            yield segment.fault("7", detail="it comes after the totals (CTT)")
        seen.add(segment.name)


def _of_totals(one: TransactionSet, shape: Shape) -> Iterator[Fault]:
    """CTT01 counts the lines; in an 856 some count its levels, others its items."""
    counts = {sum(segment.name in shape.detail for segment in one.segments)}
    if one.kind == "856":
        counts.add(sum(segment.name == "LIN" for segment in one.segments))
    for segment in one.segments:
        said = segment.get(1)
        if segment.name != "CTT" or not shape.detail or not _NUMBER.match(said):
            continue
        if int(said) not in counts:
            says = f"{' or '.join(map(str, sorted(counts)))} came"
            yield segment.fault("7", 1, reference=354, detail=says)


def _of_segment(segment: Segment, version: str) -> Iterator[Fault]:
    for number, value in enumerate(segment.elements, start=1):
        if _CONTROL.search(value):
            says = "a control character; perhaps a segment terminator is missing before it"
            yield segment.fault("6", number, value=value, detail=says)
    for number, element in enumerate(elements_of(segment.name, len(segment.elements)), start=1):
        value = segment.get(number)
        if not value and element.mandatory:
            yield segment.fault("1", number, reference=element.reference)
        elif value and not _CONTROL.search(value):
            yield from _of_element(segment, number, element, version)
    yield from _of_pairs(segment)


def _of_element(segment: Segment, number: int, element: Element, version: str) -> Iterator[Fault]:
    value = segment.get(number)
    code = _wrong(value, element, version)
    if code:
        kept = element.kind == "AN" and (element.reference in _TEXTS or len(value) <= LONGEST)
        yield segment.fault(code, number, reference=element.reference, refuses=not kept)


def _wrong(value: str, element: Element, version: str) -> str:
    """The code of what is wrong with an element's value; empty when nothing is."""
    if element.kind == "DT":
        full = century(value) if version < _SHORT_DATES else value
        return "" if is_day(full) else "8"
    if element.kind == "TM":
        return "" if _TIME.match(value) else "9"
    size = len(value)
    if element.kind in {"N0", "N2", "R"}:
        pattern = _DECIMAL if element.kind == "R" else _NUMBER
        if not pattern.match(value):
            return "6"
        size = sum(character.isdigit() for character in value)
    if size > element.longest:
        return "5"
    return "4" if size < element.shortest else ""


def _of_pairs(segment: Segment) -> Iterator[Fault]:
    """A qualifier and what it qualifies come together (the syntax notes P0304, P0607 …)."""
    listed = elements_of(segment.name, len(segment.elements) + 1)
    for number, (first, second) in enumerate(pairwise(listed), start=1):
        if (first.reference, second.reference) not in {(235, 234), (66, 67)}:
            continue
        has, follows = bool(segment.get(number)), bool(segment.get(number + 1))
        if has != follows and segment.name != "TD5":
            at = number + 1 if has else number
            yield segment.fault("2", at, reference=(second if has else first).reference)
