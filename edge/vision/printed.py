"""What a printed label says about lot and expiry, by grammar and plausibility. Pure.

Only what stands behind a keyword counts (LOT, BATCH, CHARGE, EXP, USE BY, BBE, MHD, (10), (17)…),
and only in a form that is a lot or a date. Letters that print alike (O and 0, I and 1, S and 5,
B and 8) are taken for what the form wants: a keyword's letters, a date's digits. A lot has no such
form; whether its characters were seen surely is for the looks to say (:mod:`edge.vision.labels`).

A date that can be read in two ways is none, unless the site says in which order it writes dates.
Dots mean day first (DIN 5008); six digits alone may be GS1's YYMMDD or DDMMYY, and are taken where
only one of them is plausible.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from edge.vision.forms import Chances, fit, surely_digit

Order = Literal["day-first", "month-first", "year-first"]
"""How a site's labels write dates."""

MAX_ROWS: Final = 64
MAX_ROW: Final = 120
BEFORE_DAYS: Final = 90
"""Goods that expired longer than this before they came in are a misread."""
AHEAD_YEARS: Final = 15


class Row(NamedTuple):
    """A line of print: its text, and how surely each character was seen (0 to 1).

    ``chances``: what each may be instead, where that is known.
    """

    text: str
    sure: Sequence[float]
    chances: Sequence[Chances] = ()

    def known(self) -> Sequence[Chances]:
        """What each character may be: itself or something unknown, where nobody says."""
        if len(self.chances) >= len(self.text):
            return self.chances[: len(self.text)]
        return [{char: one, " ": 1 - one} for char, one in zip(self.text, self.sure, strict=True)]


class Claim(NamedTuple):
    """A value, and how surely its weakest character was seen.

    ``clear``: it stands apart from its keyword. ``border``: of a lot in one of the site's forms,
    how much likelier it is than in another form; of any other, how surely the weakest of those
    characters was seen that look like another kind, at an end or between letters and digits: within
    a run of digits a one is hardly an I, at its end it may be a J.
    """

    value: str
    sure: float
    clear: bool = True
    border: float = 1.0


class Printed(NamedTuple):
    """What one look at a label says; None where it says nothing, or more than one thing."""

    lot: Claim | None = None
    expiry: Claim | None = None


_ALIKE: Final = {
    "O": "[O0QD]",
    "D": "[DO0]",
    "I": "[I1L|]",
    "S": "[S5]",
    "B": "[B8]",
    "Z": "[Z2]",
    "G": "[G6]",
}
_TWO_KINDS: Final = frozenset("0ODQ1ILJ5S8B2Z6G")
_DIGITS: Final = str.maketrans("OQDILSBZ|", "000115821")
_LETTERS: Final = str.maketrans("0158", "OISB")
_D: Final = r"[0-9OQDILSBZ|]"
_GAP: Final = r"(?: ?[./\-] ?| )"


def _alike(words: Iterable[str]) -> str:
    """A pattern for any of the words, with the letters that print alike; blanks may be lost."""
    longest = sorted(words, key=len, reverse=True)
    return "|".join(
        "".join(r"[ .]*" if char == " " else _ALIKE.get(char, re.escape(char)) for char in word)
        for word in longest
    )


_LOT_WORDS: Final = ("LOT", "LOTE", "LOTTO", "BATCH", "CHARGE", "CH-B", "CHB", "PARTIE")
_EXP_WORDS: Final = (
    "EXP", "EXPIRY", "EXPIRES", "EXPIRY DATE", "EXP DATE", "USE BY", "BEST BEFORE",
    "BEST BEFORE END", "MHD", "VERFALL", "VERW BIS", "VERWENDBAR BIS",
    "MINDESTENS HALTBAR BIS", "SCAD", "DLC", "DLUO", "CAD",
)  # fmt: skip
_OTHER_WORDS: Final = ("MFG", "MFD", "PROD", "PKD", "PACKED", "SN", "SERIAL", "QTY", "REF")

_BEFORE: Final = r"(?<![A-Z0-9])"
_LOT: Final = re.compile(
    rf"(?:{_BEFORE}(?:(?:{_alike(_LOT_WORDS)})(?:[ .]*(?:N[O0]|NR)(?=[ .:#]))?|L(?=[ :]))|\(10\))"
    r"(?P<gap>[ .:#]*)(?P<value>[A-Z0-9][A-Z0-9/\-]*)?"
)
_BB: Final = r"[B8][B8][DO0E]?(?=[ .:])"  # else the 880 of a lot were BBD
_EXP: Final = re.compile(rf"(?:{_BEFORE}(?:{_alike(_EXP_WORDS)}|{_BB})|\(17\))[ .:\-]*")
_KEYWORD: Final = re.compile(
    rf"\s*(?:{_alike((*_LOT_WORDS, *_EXP_WORDS, *_OTHER_WORDS))}|\(\d\d\)|$)"
)
_LOT_FORM: Final = re.compile(r"(?=.*\d)[A-Z0-9](?:[A-Z0-9/\-]{1,18}[A-Z0-9])\Z")

_MONTHS: Final = {
    "JAN": 1, "FEB": 2, "MAR": 3, "MRZ": 3, "APR": 4, "MAY": 5, "MAI": 5, "JUN": 6, "JUL": 7,
    "AUG": 8, "SEP": 9, "OCT": 10, "OKT": 10, "NOV": 11, "DEC": 12, "DEZ": 12,
}  # fmt: skip
_END: Final = r"(?![A-Z0-9]| ?[./\-] ?\d)"
_NAMED: Final = re.compile(
    rf"(?:(?P<day>{_D}{{1,2}})[ .\-/]?)?(?P<name>[A-Z][A-Z0-9][A-Z]|0[CK]T)[A-Z]{{0,6}}[ .\-/]*"
    rf"(?P<year>{_D}{{4}}|{_D}{{2}}){_END}"
)
_YEAR_FIRST: Final = re.compile(rf"({_D}{{4}}){_GAP}({_D}{{2}}){_GAP}({_D}{{2}}){_END}")
_THREE: Final = re.compile(
    rf"({_D}{{1,2}})(?P<gap>{_GAP})({_D}{{1,2}})(?P<next>{_GAP})({_D}{{4}}|{_D}{{2}}){_END}"
)
_MONTH_YEAR: Final = re.compile(rf"({_D}{{1,2}}){_GAP}({_D}{{4}}|{_D}{{2}}){_END}")
_YEAR_MONTH: Final = re.compile(rf"({_D}{{4}}){_GAP}({_D}{{2}}){_END}")
_EIGHT: Final = re.compile(rf"({_D}{{8}}){_END}")
_SIX: Final = re.compile(rf"({_D}{{6}}){_END}")


def understand(
    rows: Sequence[Row],
    *,
    received: date,
    order: Order | None = None,
    forms: Sequence[str] = (),
) -> Printed:
    """What the rows of a label say, from top to bottom.

    Args:
        rows: what was read; a value may stand in the row below its keyword.
        received: when the goods came in, by which an expiry is judged.
        order: how dates are written at this site, where anybody knows.
        forms: how lots are written here, where anybody knows; then no other is taken for one. See
            :mod:`edge.vision.forms`.
    """
    clean = [_cleaned(row) for row in rows[:MAX_ROWS]]
    lots: list[Claim] = []
    expiries: list[Claim | None] = []
    for at, row in enumerate(clean):
        below = clean[at + 1] if at + 1 < len(clean) else Row("", ())
        lots.extend(_lots(row, below, forms))
        expiries.extend(_expiries(row, below, received, order))
    return Printed(_only(lots), _only(expiries))


def _only(claims: Sequence[Claim | None]) -> Claim | None:
    """The one value that all claims name, seen as surely as its best; None where they differ."""
    named = [claim for claim in claims if claim is not None]
    if not named or len(named) < len(claims) or len({claim.value for claim in named}) > 1:
        return None
    return max(named, key=lambda claim: (claim.clear, claim.sure))


def _cleaned(row: Row) -> Row:
    """In capitals and plain characters, one for one, so that each keeps its certainty."""
    text = "".join(_plain(char) for char in row.text[:MAX_ROW])
    sure = [each if 0.0 <= each <= 1.0 else 0.0 for each in row.sure[: len(text)]]
    sure += [0.0] * (len(text) - len(sure))
    return Row(text, sure, [_plainly(each) for each in Row(text, sure, row.chances).known()])


def _plainly(chances: Chances) -> Chances:
    plain: dict[str, float] = {}
    for char, chance in chances.items():
        plain[_plain(char)] = plain.get(_plain(char), 0.0) + chance
    return plain


def _plain(char: str) -> str:
    folded = unicodedata.normalize("NFKC", char).upper()
    if len(folded) != 1 or not folded.isprintable() or folded.isspace():
        return " "
    return {"–": "-", "—": "-", "−": "-", "：": ":", ",": "."}.get(folded, folded)


def _lots(row: Row, below: Row, forms: Sequence[str]) -> list[Claim]:
    claims: list[Claim] = []
    for found in _LOT.finditer(row.text):
        if found["value"]:
            claim = _lot_at(
                row,
                found.start("value"),
                found.end(),
                forms,
                clear=bool(found["gap"]) or "(10)" in found[0],
            )
        elif (start := re.match(r" *([A-Z0-9][A-Z0-9/\-]*)", below.text)) is not None:
            claim = _lot_at(below, start.start(1), start.end(1), forms, clear=True)
        else:
            claim = None
        if claim is not None:
            claims.append(claim)
    return claims


def _lot_at(row: Row, start: int, end: int, forms: Sequence[str], *, clear: bool) -> Claim | None:
    """A lot between two places of a row; None where it has no lot's form or more follows."""
    value = row.text[start:end]
    if _LOT_FORM.match(value) is None or _KEYWORD.match(row.text, end) is None:
        return None
    sure = row.sure[start:end]
    if not forms:
        border = min((sure[at] for at in _borders(value)), default=1.0)
        return Claim(value, min(sure), clear, border)
    fitted = fit(row.chances[start:end], forms)
    return None if fitted is None else Claim(fitted.lot, fitted.sure, clear, fitted.alone)


def _borders(lot: str) -> list[int]:
    """Where a lot has a character that looks like one of the other kind, and no run to say which.

    Marks between (``-``, ``/``) end a run.
    """
    kinds = ["", *("1" if char.isdigit() else "A" if char.isalpha() else "" for char in lot), ""]
    return [
        at
        for at, char in enumerate(lot)
        if char in _TWO_KINDS and {kinds[at], kinds[at + 2]} != {kinds[at + 1]}
    ]


def _expiries(row: Row, below: Row, received: date, order: Order | None) -> list[Claim | None]:
    """A claim for each keyword; None for a keyword whose date cannot be told."""
    claims: list[Claim | None] = []
    for found in _EXP.finditer(row.text):
        where, start = row, found.end()
        if not row.text[start:].strip():
            where, start = below, len(below.text) - len(below.text.lstrip())
        only = "year-first" if "(17)" in found[0] else order
        claims.append(_date_at(where, start, received, only))
    return claims


def _date_at(row: Row, start: int, received: date, order: Order | None) -> Claim | None:
    for pattern, dates in _FORMS:
        found = pattern.match(row.text, start)
        if found is None:
            continue
        told = {name: day for name, day in dates(found) if day and is_plausible(day, received)}
        days = set(told.values())
        day = days.pop() if len(days) == 1 else told.get(order) if order else None
        if day is None:
            return None
        points = pattern is _THREE and _points_decide(found, received)
        return Claim(day.isoformat(), _seen_surely(row, found, points=points))
    return None


def _points_decide(found: re.Match[str], received: date) -> bool:
    """Whether the date would be another, or none, if its points were no points."""
    days = {day for _, day in _any_order(found) if day and is_plausible(day, received)}
    return len(days) > 1


def _seen_surely(row: Row, found: re.Match[str], *, points: bool) -> float:
    """How surely a date's least sure character was seen: a digit among digits, a month by letters.

    What stands between counts only where ``points`` decide.
    """
    begins, ends = found.span("name") if "name" in found.re.groupindex else (0, 0)
    least = 1.0
    for at, char in enumerate(found[0], found.start()):
        chances = row.chances[at]
        if begins <= at < ends:
            letter = char.translate(_LETTERS)
            same = sum(p for each, p in chances.items() if each.translate(_LETTERS) == letter)
            least = min(least, same / max(sum(chances.values()), 1.0))
        elif char.isalnum() or char == "|":
            least = min(least, surely_digit(chances, char.translate(_DIGITS)))
        elif points and char != " ":
            least = min(least, row.sure[at])
    return least


def is_plausible(day: date, received: date) -> bool:
    """Whether goods that came in then may expire on that day."""
    return (
        received - timedelta(days=BEFORE_DAYS)
        <= day
        <= received + timedelta(days=365 * AHEAD_YEARS + 4)
    )


_Dates = list[tuple[str, date | None]]


def _digits(text: str) -> int:
    return int(text.translate(_DIGITS))


def _day(year: int, month: int, day: int | None) -> date | None:
    """The day, the month's last where none is named; None where there is no such day."""
    if year < 100:
        year += 2000
    if not (2000 <= year < 2100 and 1 <= month <= 12):
        return None
    last = monthrange(year, month)[1]
    if day is None:
        return date(year, month, last)
    return date(year, month, day) if 1 <= day <= last else None


def _named(found: re.Match[str]) -> _Dates:
    month = _MONTHS.get(found["name"].translate(_LETTERS))
    if month is None:
        return []
    day = _digits(found["day"]) if found["day"] else None
    return [("day-first", _day(_digits(found["year"]), month, day))]


def _year_first(found: re.Match[str]) -> _Dates:
    return [("year-first", _day(*(_digits(part) for part in found.groups())))]


def _three(found: re.Match[str]) -> _Dates:
    dates = _any_order(found)
    return dates[:1] if "." in found["gap"] + found["next"] else dates


def _any_order(found: re.Match[str]) -> _Dates:
    one, two, three = _digits(found[1]), _digits(found[3]), _digits(found[5])
    dates: _Dates = [
        ("day-first", _day(three, two, one)),
        ("month-first", _day(three, one, two)),
    ]
    if len(found[5]) == 2:
        dates.append(("year-first", _day(one, two, three)))
    return dates


def _month_year(found: re.Match[str]) -> _Dates:
    month, year = _digits(found[1]), _digits(found[2])
    if len(found[2]) == 2 and year <= 12:  # a day and a month, perhaps
        return []
    return [("day-first", _day(year, month, None))]


def _year_month(found: re.Match[str]) -> _Dates:
    return [("year-first", _day(_digits(found[1]), _digits(found[2]), None))]


def _eight(found: re.Match[str]) -> _Dates:
    text = found[1]
    return [
        ("year-first", _day(_digits(text[:4]), _digits(text[4:6]), _digits(text[6:]))),
        ("day-first", _day(_digits(text[4:]), _digits(text[2:4]), _digits(text[:2]))),
        ("month-first", _day(_digits(text[4:]), _digits(text[:2]), _digits(text[2:4]))),
    ]


def _six(found: re.Match[str]) -> _Dates:
    """GS1's day 00 is the month's last (General Specifications 3.4)."""
    one, two, three = (_digits(found[1][at : at + 2]) for at in (0, 2, 4))
    return [
        ("year-first", _day(one, two, three or None)),
        ("day-first", _day(three, two, one)),
        ("month-first", _day(three, one, two)),
    ]


_FORMS: Final = (
    (_YEAR_FIRST, _year_first),
    (_THREE, _three),
    (_NAMED, _named),
    (_YEAR_MONTH, _year_month),
    (_MONTH_YEAR, _month_year),
    (_EIGHT, _eight),
    (_SIX, _six),
)
