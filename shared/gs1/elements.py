"""Element strings: application identifiers, their values, and the lost separator.

A variable-length field must be followed by a separator (FNC1, sent as GS) unless it is the last.
A scanner that drops the GS makes the field swallow what follows, and nothing in the syntax tells.
It is told here by evidence, in this order:

1. a field ran to its maximum length and more follows without a GS;
2. the scan holds no GS at all, and the last variable-length field ends in a complete fixed-length
   element that the scan does not have yet: a date identifier with a possible date near the present,
   a weight, or a key with a right check digit.

``…10LOT21SERIAL`` gives no such evidence and stays one lot: almost any lot would match.
"""

from __future__ import annotations

import re
from calendar import monthrange
from typing import Final, NamedTuple

from biip import ParseError
from biip.gs1_element_strings import GS1ElementString

from shared.errors import Code, QuartermasterError
from shared.gs1.digits import demand_valid, is_valid

GS: Final = "\x1d"

DATES: Final = frozenset({"11", "12", "13", "15", "16", "17"})
_SWALLOWING: Final = frozenset({"10", "21", "22", "240", "241", "250", "251", "254", "400"})
_COUNTS: Final = frozenset({"30", "37"})
_BRACKETED: Final = re.compile(r"\((\d{2,4})\)")
_FIXED: Final = re.compile(
    r"(?P<date>1[1235-7])(?P<day>\d{6})"
    r"|(?P<key>0[12](?=\d{14})|00(?=\d{18})|41[0-7](?=\d{13}))(?P<digits>\d{13,18})"
    r"|(?P<measure>3[123]0[0-5])\d{6}",
    re.ASCII,
)
_KEY_LENGTHS: Final = {"00": 18, "01": 14, "02": 14}
_AFTER_FIXED: Final = re.compile(r"(?:10|21|22|24[01]|30|37|400)[!-z]", re.ASCII)


class Elements(NamedTuple):
    """The fields of one label in their order, and what is doubtful about them."""

    fields: tuple[tuple[str, str], ...]
    warnings: tuple[Code, ...] = ()

    def get(self, ai: str) -> str | None:
        """The value of an application identifier, if the label has it."""
        return next((value for name, value in self.fields if name == ai), None)


def parse_message(text: str, *, year: int) -> Elements:
    """Read ``text`` (no AIM identifier, ASCII) as concatenated element strings.

    Raises:
        QuartermasterError: ``gs1.syntax``, ``gs1.check-digit``, or ``gs1.lost-separator`` where
            what follows a field without its separator makes no sense.
    """
    found: list[GS1ElementString] = []
    lost = False
    rest = text.strip(GS)
    while rest:
        try:
            element = GS1ElementString.extract(rest)
        except ParseError as error:
            if lost and GS not in text and found[-1].ai.ai in _SWALLOWING | _COUNTS:
                raise QuartermasterError("gs1.lost-separator", repr(text[:80])) from None
            raise QuartermasterError("gs1.syntax", str(error)) from None
        found.append(element)
        rest = rest[len(element) :]
        if element.ai.separator_required and rest and rest[0] != GS:
            lost = True
        rest = rest.lstrip(GS)
    fields = _checked(found)
    if not lost and fields and GS not in text:
        lost = _swallowed(fields, year)
    return Elements(fields, ("gs1.lost-separator",) if lost else ())


def parse_bracketed(text: str) -> Elements:
    """Read the human-readable form ``(01)…(10)…``.

    Raises:
        QuartermasterError: ``gs1.syntax`` or ``gs1.check-digit``.
    """
    before, *parts = _BRACKETED.split(text)
    if before.strip() or not parts:
        raise QuartermasterError("gs1.syntax", repr(text[:80]))
    try:
        found = [
            GS1ElementString.parse(ai + value.strip(" " + GS))
            for ai, value in zip(parts[::2], parts[1::2], strict=True)
        ]
    except ParseError as error:
        raise QuartermasterError("gs1.syntax", str(error)) from None
    if any(element.ai.ai != ai for element, ai in zip(found, parts[::2], strict=True)):
        raise QuartermasterError("gs1.syntax", repr(text[:80]))
    return Elements(_checked(found))


def checked_elements(found: list[GS1ElementString]) -> Elements:
    """The fields that biip found elsewhere (a Digital Link), after our own checks.

    Raises:
        QuartermasterError: ``gs1.syntax`` or ``gs1.check-digit``.
    """
    return Elements(_checked(found))


def date_of(value: str, *, year: int) -> str:
    """A YYMMDD date as ``YYYY-MM-DD``; day 00 is the month's last (GS1 Gen. Specs. 3.4, 7.12).

    ``year`` is the present one: two digits mean the year from 49 back to 50 ahead.

    Raises:
        QuartermasterError: ``gs1.syntax`` when there is no such day.
    """
    full = year - year % 100 + int(value[:2])
    if full - year > 50:
        full -= 100
    elif full - year < -49:
        full += 100
    month, day = int(value[2:4]), int(value[4:6])
    if not 1 <= month <= 12 or day > monthrange(full, month)[1]:
        raise QuartermasterError("gs1.syntax", f"{value!r} is not a date")
    return f"{full:04}-{month:02}-{day or monthrange(full, month)[1]:02}"


def _checked(found: list[GS1ElementString]) -> tuple[tuple[str, str], ...]:
    fields: dict[str, str] = {}
    for element in found:
        ai, value = element.ai.ai, element.value
        if fields.setdefault(ai, value) != value:
            raise QuartermasterError("gs1.syntax", f"({ai}) stands twice, with different values")
        if not value:
            raise QuartermasterError("gs1.syntax", f"({ai}) is empty", where=f"({ai})")
        if ai in {"00", "01", "02"} or (ai[:2] == "41" and len(value) == 13):
            demand_valid(value, name=f"({ai})")
    if "02" in fields and "37" not in fields:
        # GS1 Gen. Specs. 4.13: without its count, a pallet would be taken for one piece.
        raise QuartermasterError("gs1.syntax", "(02) needs its count (37)", where="(02)")
    return tuple(fields.items())


def _swallowed(fields: tuple[tuple[str, str], ...], year: int) -> bool:
    ai, value = fields[-1]
    if ai not in _SWALLOWING:
        return False
    present = {name for name, _ in fields}
    # Position 0 is left out: a field swallows only after characters of its own.
    return any(_is_fixed(value, start, present, year) for start in range(1, len(value) - 7))


def _is_fixed(value: str, start: int, present: set[str], year: int) -> bool:
    match = _FIXED.match(value, start)
    if match is None:
        return False
    end = match.end()
    if match["date"] is not None:
        ai, good = match["date"], _is_near(match["day"], year)
    elif match["key"] is not None:
        ai = match["key"]
        length = _KEY_LENGTHS.get(ai, 13)
        end = match.start("digits") + length
        good = is_valid(match["digits"][:length])
    else:
        ai, good = match["measure"], True
    return (
        good
        and ai not in present
        and (end == len(value) or _AFTER_FIXED.match(value, end) is not None)
    )


def _is_near(day: str, year: int) -> bool:
    try:
        when = int(date_of(day, year=year)[:4])
    except QuartermasterError:
        return False
    return year - 20 <= when <= year + 30
