"""The segments and sets that are read here, as X12 004010 and 005010 define them. Pure.

Only what is used stands here, with the wider bounds of the two versions: other segments are passed
over unread, so that a partner's additions are no fault. An element is written
``reference:type:shortest-longest`` with ``!`` where it is mandatory; ``…`` repeats the last pair
for as long as the segment goes on.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Element(NamedTuple):
    """One element of a segment; ``kind`` is the standard's type (AN, ID, N0, N2, R, DT, TM)."""

    reference: int
    kind: str
    shortest: int
    longest: int
    mandatory: bool


class Shape(NamedTuple):
    """What a set has to have. ``begin`` follows ST; ``detail`` begins each of its lines."""

    group: str
    begin: str
    needs: tuple[str, ...] = ()
    detail: tuple[str, ...] = ()
    after: tuple[tuple[str, str], ...] = ()
    """(segment, what has to stand before it)."""


_PAIRS: Final = "235:ID:2-2 234:AN:1-80 …"
_STORED: Final = "438:AN:12-12 235:ID:2-2 234:AN:1-80"
_MORE: Final = "235:ID:2-2 234:AN:1-80 451:AN:1-20"
_SEGMENTS: Final = f"""
ST   143:ID:3-3! 329:AN:4-9! 1705:AN:1-35
SE   96:N0:1-10! 329:AN:4-9!
BEG  353:ID:2-2! 92:ID:2-2! 324:AN:1-22! 328:AN:1-30 373:DT:8-8! 367:AN:1-30
BCH  353:ID:2-2! 92:ID:2-2! 324:AN:1-22! 328:AN:1-30 327:AN:1-8 373:DT:8-8!
BAK  353:ID:2-2! 587:ID:2-2! 324:AN:1-22! 373:DT:8-8! 328:AN:1-30 326:AN:1-45
BCA  353:ID:2-2! 587:ID:2-2! 324:AN:1-22! 328:AN:1-30 327:AN:1-8 373:DT:8-8!
BSN  353:ID:2-2! 396:AN:2-30! 373:DT:8-8! 337:TM:4-8! 1005:ID:4-4
BIG  373:DT:8-8! 76:AN:1-22! 373:DT:8-8 324:AN:1-22
BIA  353:ID:2-2! 755:ID:2-2! 127:AN:1-50! 373:DT:8-8! 337:TM:4-8
XQ   305:ID:1-2! 373:DT:8-8! 373:DT:8-8
W05  473:ID:1-1! 285:AN:1-22 324:AN:1-22
W06  514:ID:1-1! 285:AN:1-22 373:DT:8-8 145:AN:1-30 531:AN:1-30 324:AN:1-22
W17  514:ID:1-1! 373:DT:8-8! 394:AN:1-12! 285:AN:1-22 145:AN:1-30
W15  373:DT:8-8! 31:AN:1-22 75:AN:1-22
B10  127:AN:1-50 145:AN:1-30 140:ID:2-4!
N1   98:ID:2-3! 93:AN:1-60 66:ID:1-2 67:AN:2-80
N2   93:AN:1-60! 93:AN:1-60
N3   166:AN:1-55! 166:AN:1-55
N4   19:AN:2-30 156:ID:2-2 116:ID:3-15 26:ID:2-3
PER  366:ID:2-2! 93:AN:1-60 365:ID:2-2 364:AN:1-256 365:ID:2-2 364:AN:1-256 365:ID:2-2 364:AN:1-256
REF  128:ID:2-3! 127:AN:1-50 352:AN:1-80
DTM  374:ID:3-3! 373:DT:8-8 337:TM:4-8 623:ID:2-2
CUR  98:ID:2-3! 100:ID:3-3!
PO1  350:AN:1-20 330:R:1-15 355:ID:2-2 212:R:1-17 639:ID:2-2 {_PAIRS}
POC  350:AN:1-20 670:ID:2-2! 330:R:1-15 671:R:1-9 355:ID:2-2 212:R:1-17 639:ID:2-2 {_PAIRS}
ACK  668:ID:2-2! 380:R:1-15 355:ID:2-2 374:ID:3-3 373:DT:8-8 326:AN:1-45 {_PAIRS}
PID  349:ID:1-1! 750:ID:2-3 559:ID:2-2 751:AN:1-12 352:AN:1-80
PO4  356:N0:1-6 357:R:1-8 355:ID:2-2
LIN  350:AN:1-20 235:ID:2-2! 234:AN:1-80! {_PAIRS}
SN1  350:AN:1-20 382:R:1-10! 355:ID:2-2! 646:R:1-15 330:R:1-15 355:ID:2-2
HL   628:AN:1-12! 734:AN:1-12 735:ID:1-2! 736:ID:1-1
MAN  88:ID:1-2! 87:AN:1-48!
PRF  324:AN:1-22! 328:AN:1-30 327:AN:1-8 373:DT:8-8
TD5  133:ID:1-2 66:ID:1-2 67:AN:2-80 91:ID:1-2
IT1  350:AN:1-20 358:R:1-15 355:ID:2-2 212:R:1-17 639:ID:2-2 {_PAIRS}
TDS  610:N2:1-18!
SAC  248:ID:1-1! 1300:ID:4-4 559:ID:2-2 1301:AN:1-10 610:N2:1-18
QTY  673:ID:2-2! 380:R:1-15
ZA   859:ID:2-2! 380:R:1-15 355:ID:2-2 374:ID:3-3 373:DT:8-8
SDQ  355:ID:2-2! 66:ID:1-2 67:AN:2-80! 380:R:1-15!
CTT  354:N0:1-6! 347:R:1-10
LX   554:N0:1-6!
W01  330:R:1-15! 355:ID:2-2! {_STORED} 235:ID:2-2 234:AN:1-80
W12  368:ID:2-2! 330:R:1-15 382:R:1-10 411:R:1-10 355:ID:2-2 {_STORED} 451:AN:1-20
W07  413:N0:1-8! 355:ID:2-2! {_STORED} {_MORE}
W19  181:ID:2-2! 477:R:1-10! 355:ID:2-2! {_STORED} {_MORE}
W14  413:N0:1-8!
W76  330:R:1-15!
W27  91:ID:1-2! 140:ID:2-4
G62  432:ID:2-2 373:DT:8-8 176:ID:1-2 337:TM:4-8
N9   128:ID:2-3! 127:AN:1-50
AT7  1650:ID:2-2 1651:ID:2-2 1652:ID:2-2 1651:ID:2-2 373:DT:8-8 337:TM:4-8 623:ID:2-2
L11  127:AN:1-50 128:ID:2-3
AK1  479:ID:2-2! 28:N0:1-9! 480:AN:1-12
AK2  143:ID:3-3! 329:AN:4-9!
AK3  721:ID:2-3! 719:N0:1-10! 447:AN:1-6 720:ID:1-3
AK4  722:AN:1-10! 725:N0:1-4 723:ID:1-3! 724:AN:1-99
AK5  717:ID:1-1! 718:ID:1-3 718:ID:1-3 718:ID:1-3 718:ID:1-3 718:ID:1-3
AK9  715:ID:1-1! 97:N0:1-6! 123:N0:1-6! 2:N0:1-6! 716:ID:1-3
"""

SHAPES: Final[dict[str, Shape]] = {
    "850": Shape("PO", "BEG", ("PO1",), ("PO1",), (("N2", "N1"), ("PO4", "PO1"))),
    "855": Shape("PR", "BAK", (), ("PO1",), (("N2", "N1"), ("ACK", "PO1"))),
    "860": Shape("PC", "BCH", (), ("POC",), (("N2", "N1"),)),
    "865": Shape("CA", "BCA", (), ("POC",), (("N2", "N1"), ("ACK", "POC"))),
    "856": Shape("SH", "BSN", ("HL",), ("HL",), (("SN1", "LIN"), ("LIN", "HL"), ("PRF", "HL"))),
    "810": Shape("IN", "BIG", ("TDS",), ("IT1",), (("N2", "N1"),)),
    "846": Shape("IB", "BIA", ("LIN",), ("LIN",), (("QTY", "LIN"),)),
    "852": Shape("PD", "XQ", ("LIN",), ("LIN",), (("ZA", "LIN"), ("SDQ", "ZA"))),
    "940": Shape("OW", "W05", ("W01",), (), (("W01", "LX"),)),
    "945": Shape("SW", "W06", ("W12",), (), (("W12", "LX"),)),
    "944": Shape("RE", "W17", ("W07",)),
    "947": Shape("AW", "W15", ("W19",)),
    "214": Shape("QM", "B10", (), (), (("AT7", "B10"),)),
    "997": Shape("FA", "AK1", ("AK9",), (), (("AK3", "AK2"), ("AK4", "AK3"), ("AK5", "AK2"))),
}
"""Every set that is known here. N3 and N4 without their N1 change nothing and are passed over."""


def _element(text: str) -> Element:
    reference, kind, bounds = text.rstrip("!").split(":")
    shortest, longest = bounds.split("-")
    return Element(int(reference), kind, int(shortest), int(longest), text.endswith("!"))


def _segments() -> dict[str, tuple[tuple[Element, ...], bool]]:
    found: dict[str, tuple[tuple[Element, ...], bool]] = {}
    for line in _SEGMENTS.strip().splitlines():
        name, *elements = line.split()
        listed = tuple(_element(text) for text in elements if text != "…")
        found[name] = (listed, elements[-1] == "…")
    return found


_KNOWN: Final = _segments()


def elements_of(segment: str, count: int) -> tuple[Element, ...]:
    """The first ``count`` elements of a segment, and its mandatory ones; empty if it is unknown."""
    listed, repeats = _KNOWN.get(segment, ((), False))
    if repeats and count > len(listed):
        pair = (*listed[-2:],)
        listed += pair * ((count - len(listed) + 1) // 2)
    last = max((n for n, one in enumerate(listed, start=1) if one.mandatory), default=0)
    return listed[: max(count, last)]


def reference_of(segment: str, element: int) -> int:
    """The number of an element in X12's dictionary; 0 where it is not listed."""
    found = elements_of(segment, element)
    return found[element - 1].reference if len(found) >= element else 0
