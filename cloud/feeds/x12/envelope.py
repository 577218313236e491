"""Bytes as interchanges, functional groups and transaction sets. Pure.

The rules, in the order in which they are kept:

1. The delimiters are what ISA says (X12.5): the separator is its 4th character, the 16 elements
   have fixed widths, the component separator is the 105th character, the terminator the 106th;
   from version 00402 on ISA11 is the repetition separator.
2. A byte-order mark, blanks and line breaks before a segment are passed over; the last segment
   may lack its terminator. Nothing else is forgiven.
3. Control numbers of header and trailer agree, and the counts are those of what came. Where they
   do not, what they enclose is refused: a set, a group or the interchange.
4. Nothing raises: what is wrong is a :class:`Fault` beside what could be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from cloud.feeds.x12.faults import Fault, Level

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_SEGMENTS: Final = 500_000
MAX_INTERCHANGES: Final = 1000
MAX_FAULTS: Final = 1000
"""Faults reported of one set, group or interchange."""
_WIDTHS: Final = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1)
_WIDTH_CODES: Final = (
    "010", "011", "012", "013", "005", "006", "007", "008", "014", "015", "002", "017", "018",
    "019", "020",
)  # fmt: skip
_VERSIONS: Final = re.compile(r"00(200|30[0-7]|40[0-6]|50[0-5]|60[0-5]|70[0-6]|80[0-6])\Z")
_REPETITION_SINCE: Final = "00402"
_BLANK: Final = " \t\r\n\x1a"
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{1,2}\Z")
_NINE: Final = re.compile(r"[0-9]{9}\Z", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
_NO_DELIMITER: Final = re.compile(r"[A-Za-z0-9 ]")


class Delimiters(NamedTuple):
    """What keeps things apart; ``repetition`` is empty before version 00402."""

    element: str = "*"
    component: str = ">"
    segment: str = "~"
    repetition: str = ""


class Segment(NamedTuple):
    """One segment. ``number`` counts those of the file, ``position`` those of its set."""

    name: str
    elements: tuple[str, ...]
    number: int
    position: int = 0

    def get(self, element: int) -> str:
        """An element by its number from 1, without blanks at its end; empty where there is none."""
        return self.elements[element - 1].rstrip() if element <= len(self.elements) else ""

    def fault(self, code: str, element: int = 0, **more: object) -> Fault:
        """A fault of this segment or of one of its elements."""
        level = Level.ELEMENT if element else Level.SEGMENT
        value = self.get(element) if element else ""
        known = Fault(level, code, self.number, self.name, self.position, element, value=value)
        return known._replace(**more)  # pyright: ignore[reportArgumentType]


class TransactionSet(NamedTuple):
    """From ST to SE. Where a fault refuses, nothing of it is applied."""

    kind: str
    control: str
    segments: tuple[Segment, ...]
    faults: tuple[Fault, ...]


class Group(NamedTuple):
    """From GS to GE."""

    header: Segment
    sets: tuple[TransactionSet, ...]
    faults: tuple[Fault, ...]
    included: str = ""
    """GE01, as it stands there."""

    @property
    def code(self) -> str:
        """GS01, such as PO."""
        return self.header.get(1)

    @property
    def control(self) -> str:
        """GS06."""
        return self.header.get(6)

    @property
    def version(self) -> str:
        """GS08, such as 004010."""
        return self.header.get(8)

    @property
    def refused(self) -> bool:
        """Whether no set of it may be applied."""
        return any(fault.refuses for fault in self.faults)


class Interchange(NamedTuple):
    """From ISA to IEA. ``tidings`` are the TA1 segments before its groups."""

    header: Segment
    delimiters: Delimiters
    groups: tuple[Group, ...]
    faults: tuple[Fault, ...]
    tidings: tuple[Segment, ...] = ()

    @property
    def control(self) -> str:
        """ISA13."""
        return self.header.get(13)

    @property
    def refused(self) -> bool:
        """Whether nothing of it may be applied."""
        return any(fault.refuses for fault in self.faults)


class File(NamedTuple):
    """All that a file holds; ``faults`` are of what stands outside any interchange."""

    interchanges: tuple[Interchange, ...]
    faults: tuple[Fault, ...]


def read(content: bytes) -> File:
    """Everything in a file, with what is wrong with it; raises nothing."""
    if len(content) > MAX_BYTES:
        return File((), (_broken(0, "022", detail=f"{len(content)} bytes; 16 MiB at most"),))
    text = decoded(content)
    found: list[Interchange] = []
    faults: list[Fault] = []
    at, number = 0, 1
    while (at := _past_blanks(text, at)) < len(text):
        if text[at : at + 3] != "ISA":
            says = "no interchange begins here: it would begin with ISA"
            faults.append(_broken(number, "022", value=text[at : at + 20], detail=says))
            break
        one, at, number = _interchange(text, at, number)
        found.append(one)
        if number > MAX_SEGMENTS or len(found) >= MAX_INTERCHANGES:
            says = f"over {MAX_SEGMENTS} segments or {MAX_INTERCHANGES} interchanges in a file"
            faults.append(_broken(number, "022", detail=says))
            break
    if not found and not faults:
        faults.append(_broken(0, "023", detail="the file is empty"))
    return File(tuple(found), tuple(faults))


def decoded(content: bytes) -> str:
    """As UTF-8 if it is, else byte by byte (X12 leaves the encoding to the partners)."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def sequence(control: str) -> int | None:
    """A control number as a number."""
    return int(control) if _DIGITS.match(control) else None


def _broken(number: int, code: str, **more: object) -> Fault:
    known = Fault(Level.INTERCHANGE, code, number)
    return known._replace(**more)  # pyright: ignore[reportArgumentType]


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _interchange(text: str, at: int, number: int) -> tuple[Interchange, int, int]:
    """The interchange that begins at ``at``; where the next one may begin, and its number."""
    header, delimiters, faults, end = _header(text, at, number)
    if delimiters is None:
        return Interchange(header, Delimiters(), (), faults), len(text), number + 1
    walk = _Walk(header, list(faults))
    after = number + 1
    for name, elements, following in _split(text, end, delimiters):
        if name == "ISA":
            break  # the one before never ended
        end = following
        if walk.take(Segment(name, elements, after)):
            after += 1
            break
        after += 1
        if after > MAX_SEGMENTS:
            break
    return walk.finished(delimiters, after), end, after


def _header(
    text: str, at: int, number: int
) -> tuple[Segment, Delimiters | None, tuple[Fault, ...], int]:
    """ISA, what it says of delimiters, what is wrong with it, and where it ends."""
    element = text[at + 3 : at + 4]
    parts = text[at : at + 400].split(element, 16) if element else []
    if len(parts) < 17 or len(parts[16]) < 2 or _NO_DELIMITER.match(element):
        header = Segment("ISA", (), number)
        code = "026" if element and _NO_DELIMITER.match(element) else "022"
        says = "ISA has 16 elements of fixed widths, 106 characters in all"
        return header, None, (_broken(number, code, segment="ISA", detail=says),), at
    delimiters = Delimiters(element, parts[16][0], parts[16][1])
    values = tuple(parts[1:16])
    header = Segment("ISA", (*values, delimiters.component), number)
    if header.get(12) >= _REPETITION_SINCE and values[10] != "U":
        delimiters = delimiters._replace(repetition=values[10])
    faults = [*_of_widths(header), *_of_header(header), *_of_delimiters(header, delimiters)]
    end = at + sum(map(len, parts[:16])) + 16 + 2
    return header, delimiters, tuple(faults), end


def _of_widths(header: Segment) -> Iterator[Fault]:
    for element, (width, code) in enumerate(zip(_WIDTHS, _WIDTH_CODES, strict=True), start=1):
        value = header.elements[element - 1]
        if len(value) != width:
            says = f"it has {len(value)} characters where ISA has {width}"
            yield _isa(header, code, element, says)


def _of_header(header: Segment) -> Iterator[Fault]:
    for element in (6, 8):
        if not header.get(element).strip():
            yield _isa(header, "006" if element == 6 else "008", element, "it is empty")
    if not re.match(r"\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\Z", header.get(9), re.ASCII):
        yield _isa(header, "014", 9, "YYMMDD")
    if not re.match(r"([01]\d|2[0-3])[0-5]\d\Z", header.get(10), re.ASCII):
        yield _isa(header, "015", 10, "HHMM")
    if not _VERSIONS.match(header.get(12)):
        yield _isa(header, "017", 12, "such as 00401 or 00501")
    yield from _of_repetition(header)
    if not _NINE.match(header.get(13)):
        yield _isa(header, "018", 13, "nine digits")
    if header.get(14) not in {"0", "1"}:
        yield _isa(header, "019", 14, "0 or 1")
    if header.get(15) not in {"P", "T", "I"}:
        yield _isa(header, "020", 15, "P, T or I")


def _of_repetition(header: Segment) -> Iterator[Fault]:
    """ISA11: the standard (U) before version 00402, a separator from then on."""
    separates, is_standard = header.get(12) >= _REPETITION_SINCE, header.get(11) == "U"
    if separates == is_standard and _VERSIONS.match(header.get(12)):
        known = "the repetition separator; taken as none" if separates else "U; taken as such"
        says = f"in this version it is {known}"
        yield _isa(header, "002", 11, says)._replace(refuses=False)


def _of_delimiters(header: Segment, delimiters: Delimiters) -> Iterator[Fault]:
    named = {"026": delimiters.element, "027": delimiters.component, "004": delimiters.segment}
    if delimiters.repetition:
        named["002"] = delimiters.repetition
    seen: set[str] = set()
    for code, character in named.items():
        if character in seen or _NO_DELIMITER.match(character):
            yield _broken(header.number, code, segment="ISA", value=character)
        seen.add(character)


def _isa(header: Segment, code: str, element: int, says: str) -> Fault:
    value = header.elements[element - 1]
    return _broken(header.number, code, segment="ISA", element=element, value=value, detail=says)


def _split(
    text: str, at: int, delimiters: Delimiters
) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Name and elements of each segment from ``at`` on, and where the next one begins."""
    while (at := _past_blanks(text, at)) < len(text):
        end = text.find(delimiters.segment, at)
        following = len(text) if end < 0 else end + 1
        body = text[at:] if end < 0 else text[at:end]
        if end < 0:
            body = body.rstrip(_BLANK)
        at = following
        if body:
            name, *elements = body.split(delimiters.element)
            yield name, tuple(elements), following


class _Walk:
    """Sorts segments into groups and sets; knows what is open."""

    def __init__(self, header: Segment, faults: list[Fault]) -> None:
        self.header = header
        self.faults = faults
        self.groups: list[Group] = []
        self.tidings: list[Segment] = []
        self.ended = False
        self._group: Segment | None = None
        self._group_faults: list[Fault] = []
        self._sets: list[TransactionSet] = []
        self._controls: set[str] = set()
        self._group_controls: set[str] = set()
        self._set: list[Segment] = []
        self._set_faults: list[Fault] = []

    def take(self, segment: Segment) -> bool:
        """Put one segment where it belongs; whether the interchange ends with it."""
        if segment.name == "IEA":
            self._end(segment)
            return True
        if segment.name == "GS":
            self._close_group(None, segment.number)
            self._open_group(segment)
        elif segment.name == "GE" and self._group is not None:
            self._close_group(segment, segment.number)
        elif segment.name == "ST" and self._group is not None:
            self._close_set(None)
            self._set = [segment._replace(position=1)]
        elif segment.name == "SE" and self._set:
            self._close_set(segment._replace(position=len(self._set) + 1))
        elif self._set:
            self._add(segment._replace(position=len(self._set) + 1))
        elif segment.name == "TA1" and self._group is None:
            self.tidings.append(segment)
        elif not (self._group is None and segment.name in {"ISB", "ISE", "TA3"}):
            self._stray(segment)
        return False

    def finished(self, delimiters: Delimiters, number: int) -> Interchange:
        """All that was taken."""
        if not self.ended:
            self._close_group(None, number)
            says = "its trailer IEA is missing"
            self.faults.append(_broken(number - 1, "023", segment="IEA", detail=says))
        groups, faults = tuple(self.groups), tuple(self.faults[:MAX_FAULTS])
        return Interchange(self.header, delimiters, groups, faults, tuple(self.tidings))

    def _stray(self, segment: Segment) -> None:
        if len(self.faults) < MAX_FAULTS:
            where = "a set (ST … SE)" if self._group is not None else "a group (GS … GE)"
            says = f"it stands outside {where}"
            fault = _broken(segment.number, "024", segment=segment.name[:3], detail=says)
            self.faults.append(fault)

    def _add(self, segment: Segment) -> None:
        self._set.append(segment)
        if not _NAME.match(segment.name):
            shown = segment._replace(name=segment.name[:3])
            self._set_faults.append(shown.fault("1", value=segment.name))

    def _open_group(self, segment: Segment) -> None:
        self._group, self._controls = segment, set()
        if sequence(segment.get(6)) is None or segment.get(6) in self._group_controls:
            self._group_faults.append(_of_group(segment, "6", segment.get(6)))
        if not re.match(r"00[2-9]\d{3}", segment.get(8), re.ASCII):
            self._group_faults.append(_of_group(segment, "2", segment.get(8)))

    def _close_group(self, trailer: Segment | None, number: int) -> None:
        header = self._group
        if header is None:
            return
        self._close_set(None)
        included = ""
        if trailer is None:
            self._group_faults.append(_of_group(header, "3", "")._replace(number=number))
        else:
            included = trailer.get(1)
            if trailer.get(2) != header.get(6):
                says = f"GS06 is {header.get(6)[:20]}"
                fault = _of_group(trailer, "4", trailer.get(2))._replace(detail=says)
                self._group_faults.append(fault)
            if sequence(included) != len(self._sets):
                says = f"{len(self._sets)} came"
                self._group_faults.append(_of_group(trailer, "5", included)._replace(detail=says))
        faults = tuple(self._group_faults[:MAX_FAULTS])
        self.groups.append(Group(header, tuple(self._sets), faults, included))
        self._group_controls.add(header.get(6))
        self._group, self._group_faults, self._sets = None, [], []

    def _close_set(self, trailer: Segment | None) -> None:
        if not self._set:
            return
        header, faults = self._set[0], self._set_faults
        control = header.get(2)
        if trailer is None:
            faults.append(_of_set(header, "2", "", "SE"))
        else:
            self._set.append(trailer)
            faults.extend(_of_trailer(header, trailer))
        if not 1 <= len(control) <= 9 or control in self._controls:
            faults.append(_of_set(header, "7", control, "ST"))
        known = TransactionSet(header.get(1), control, tuple(self._set), tuple(faults[:MAX_FAULTS]))
        self._sets.append(known)
        self._controls.add(control)
        self._set, self._set_faults = [], []

    def _end(self, trailer: Segment) -> None:
        self.ended = True
        self._close_group(None, trailer.number)
        if trailer.get(2) != self.header.get(13):
            says = f"ISA13 is {self.header.get(13)[:20]}"
            self._of_end(trailer, "001", 2, says)
        if sequence(trailer.get(1)) != len(self.groups):
            self._of_end(trailer, "021", 1, f"{len(self.groups)} came")

    def _of_end(self, trailer: Segment, code: str, element: int, says: str) -> None:
        fault = _broken(trailer.number, code, segment="IEA", element=element, detail=says)
        self.faults.append(fault._replace(value=trailer.get(element)))


def _of_group(segment: Segment, code: str, value: str) -> Fault:
    return Fault(Level.GROUP, code, segment.number, segment.name, value=value)


def _of_set(segment: Segment, code: str, value: str, name: str) -> Fault:
    return Fault(Level.SET, code, segment.number, name, value=value)


def _of_trailer(header: Segment, trailer: Segment) -> Iterator[Fault]:
    if trailer.get(2) != header.get(2):
        says = f"ST02 is {header.get(2)[:20]}"
        yield _of_set(trailer, "3", trailer.get(2), "SE")._replace(detail=says)
    if sequence(trailer.get(1)) != trailer.position:
        says = f"{trailer.position} came"
        yield _of_set(trailer, "4", trailer.get(1), "SE")._replace(detail=says)
