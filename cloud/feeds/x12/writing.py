"""Interchanges as bytes: strict, whatever the partner's delimiters. Pure.

A text for people loses what cannot be written (accents, delimiters, control characters); a number
or code that cannot be written is refused. What leaves here has passed the checks that we put to
what comes in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud.catalog.money import digits
from cloud.feeds.documents import Goods, Numbering, Party, Reference
from cloud.feeds.x12.checks import faults_of
from cloud.feeds.x12.dictionary import SHAPES
from cloud.feeds.x12.envelope import read
from cloud.feeds.x12.partner import Partner
from shared.errors import QuartermasterError
from shared.units import Micros

LAST_CONTROL: Final = 999_999_999
"""Control numbers have nine digits; after the last comes 1 again."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNPRINTABLE: Final = re.compile(r"[^ -~]")

Row = tuple[str, ...]
"""A segment's name and its elements."""


class Message(NamedTuple):
    """A transaction set to be sent, without ST and SE; ``reference`` is our document's number."""

    kind: str
    rows: tuple[Row, ...]
    reference: str = ""


class Placed(NamedTuple):
    """Under which numbers a message lies in its interchange."""

    message: Message
    group_code: str
    group: int
    control: str


class Written(NamedTuple):
    """An interchange as bytes, with where each message lies in it."""

    content: bytes
    placed: tuple[Placed, ...]


def following(control: int) -> int:
    """The control number after one."""
    return control % LAST_CONTROL + 1


def write(
    partner: Partner,
    messages: Sequence[Message],
    *,
    control: int,
    group: int,
    at: Micros,
    tidings: Sequence[Row] = (),
) -> Written:
    """One interchange with a group for each kind of set, in the order given.

    Args:
        partner: to whom.
        messages: the sets.
        control: ISA13.
        group: GS06 of the first group; the others count on.
        at: when.
        tidings: TA1 segments.

    Raises:
        QuartermasterError: ``x12.unwritable``, naming what cannot be written.
    """
    placed: list[Placed] = []
    body: list[Row] = list(tidings)
    groups = 0
    for code, members in groupby(messages, key=lambda one: SHAPES[one.kind].group):
        number = (group - 1 + groups) % LAST_CONTROL + 1
        groups += 1
        rows, found = _group(partner, code, list(members), number, at)
        body.extend(rows)
        placed.extend(found)
    header = _header(partner, control, at)
    rows = [*body, ("IEA", str(groups), f"{control:09d}")]
    content = (header + "".join(_line(partner, row) for row in rows)).encode("ascii")
    _demand_sound(content)
    return Written(content, tuple(placed))


def _group(
    partner: Partner, code: str, messages: list[Message], number: int, at: Micros
) -> tuple[list[Row], list[Placed]]:
    local = _local(partner, at)
    rows: list[Row] = [
        ("GS", code, partner.us.application, partner.them.application, f"{local:%Y%m%d}",
         f"{local:%H%M}", str(number), "X", partner.version)
    ]  # fmt: skip
    placed: list[Placed] = []
    for at_set, message in enumerate(messages, start=1):
        control = f"{at_set:04d}"
        rows.append(("ST", message.kind, control))
        rows.extend(message.rows)
        rows.append(("SE", str(len(message.rows) + 2), control))
        placed.append(Placed(message, code, number, control))
    rows.append(("GE", str(len(messages)), str(number)))
    return rows, placed


def _header(partner: Partner, control: int, at: Micros) -> str:
    local, marks = _local(partner, at), partner.delimiters
    version = f"00{partner.version[2:5]}"
    elements = (
        "ISA", "00", " " * 10, "00", " " * 10,
        partner.us.qualifier, partner.us.id.ljust(15),
        partner.them.qualifier, partner.them.id.ljust(15),
        f"{local:%y%m%d}", f"{local:%H%M}", marks.repetition or "U", version,
        f"{control:09d}", "0", "T" if partner.test else "P", marks.component,
    )  # fmt: skip
    return marks.element.join(elements) + _end(partner)


def _line(partner: Partner, row: Row) -> str:
    marks = partner.delimiters
    for value in row:
        forbidden = {marks.element, marks.segment, marks.component, marks.repetition} - {""}
        if _UNPRINTABLE.search(value) or any(mark in value for mark in forbidden):
            raise QuartermasterError("x12.unwritable", f"{value[:60]!r}", where=row[0])
    text = marks.element.join(row).rstrip(marks.element)
    return text + _end(partner)


def _end(partner: Partner) -> str:
    return partner.marks.segment + ("\n" if partner.marks.line_breaks else "")


def _demand_sound(content: bytes) -> None:
    """Our own checks on our own words.

    Raises:
        QuartermasterError: ``x12.unwritable`` with the first fault.
    """
    found = read(content)
    for interchange in found.interchanges:
        faults = [*interchange.faults]
        for group in interchange.groups:
            faults.extend(group.faults)
            for one in group.sets:
                faults.extend((*one.faults, *faults_of(group, one)))
        if faults:
            raise QuartermasterError("x12.unwritable", faults[0].says, where=faults[0].segment)


def _local(partner: Partner, at: Micros) -> datetime:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(partner.timezone))


def date_of(partner: Partner, at: Micros) -> str:
    """A moment as a date in the partner's zone."""
    return f"{_local(partner, at):%Y%m%d}"


def time_of(partner: Partner, at: Micros) -> str:
    """A moment as a time in the partner's zone, to the second where it has some."""
    local = _local(partner, at)
    return f"{local:%H%M%S}" if local.second else f"{local:%H%M}"


def compact(day: str | None) -> str:
    """2026-11-02 as 20261102."""
    return (day or "").replace("-", "")


def plain(partner: Partner, text: str, longest: int) -> str:
    """A text for people, with what cannot be written left out."""
    marks = partner.delimiters
    kept = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    kept = "".join(character for character in kept if not unicodedata.combining(character))
    kept = _UNPRINTABLE.sub(" ", kept)
    for mark in {marks.element, marks.segment, marks.component, marks.repetition} - {""}:
        kept = kept.replace(mark, " ")
    return " ".join(kept.split())[:longest].rstrip()


def money(minor: int | None, currency: str) -> str:
    """Minor units as X12's type R writes them; empty for none."""
    if minor is None:
        return ""
    count = digits(currency)
    sign, size = ("-" if minor < 0 else ""), abs(minor)
    whole, part = divmod(size, 10**count)
    fraction = f"{part:0{count}d}".rstrip("0") if count else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def implied(minor: int, currency: str) -> str:
    """Minor units as X12's type N2 writes them.

    Raises:
        QuartermasterError: ``x12.unwritable`` for what is finer than two decimals.
    """
    scaled, rest = divmod(minor * 100, 10 ** digits(currency))
    if rest:
        raise QuartermasterError("x12.unwritable", f"{minor} {currency} has over two decimals")
    return str(scaled)


def codes(partner: Partner, goods: Goods) -> Row:
    """An item's qualifiers and codes, in the order agreed.

    Raises:
        QuartermasterError: ``x12.unwritable`` where it has no code that was agreed.
    """
    names = partner.names
    found: list[str] = []
    if goods.gtin and (pair := _trade_number(goods.gtin, names.gtin)):
        found.extend(pair)
    for kinds, code in ((names.ours, goods.sku), (names.theirs, goods.theirs)):
        if kinds and code:
            found.extend((kinds[0], code))
    if not found:
        what = goods.sku or goods.theirs or goods.gtin or goods.name
        says = f"item {what[:60]!r} has no code that was agreed with {partner.code}"
        raise QuartermasterError("x12.unwritable", says)
    return tuple(found)


def _trade_number(gtin: str, agreed: Sequence[str]) -> Row:
    """A GTIN as the shortest kind that holds it, among those agreed."""
    full = gtin.zfill(14)
    for qualifier, size in (("UP", 12), ("EN", 13), ("UK", 14)):
        if qualifier in agreed and full[: 14 - size].strip("0") == "":
            return (qualifier, full[14 - size :])
    return ()


def parties(partner: Partner, code: str, party: Party, number: str = "") -> list[Row]:
    """N1 with N3 and N4, as far as there is something to say."""
    reference, name = number or party.reference, plain(partner, party.name, 60)
    if not reference and not name:
        return []
    rows: list[Row] = [("N1", code, name, *(("92", reference) if reference else ()))]
    if street := plain(partner, party.street, 110):
        rows.append(("N3", street[:55].rstrip(), street[55:].strip()))
    town = (
        _at_least(2, plain(partner, party.city, 30)),
        _at_least(2, plain(partner, party.region, 2)),
        _at_least(3, plain(partner, party.postcode, 15)),
        _at_least(2, plain(partner, party.country, 3)),
    )
    if any(town):
        rows.append(("N4", *town))
    return rows


def _at_least(shortest: int, text: str) -> str:
    """What is too short for its element is left out."""
    return text if len(text) >= shortest else ""


def place_of(partner: Partner, site: str) -> str:
    """Their number of a site of ours; ours where they have none."""
    return next((theirs for theirs, ours in partner.sites.items() if ours == site), site)


def number_of(references: Sequence[Reference], *numberings: Numbering) -> str:
    """The first number of some numberings, in their order; empty where there is none."""
    for numbering in numberings:
        for reference in references:
            if reference.numbering is numbering:
                return reference.number
    return ""


def demanded(value: str, what: str) -> str:
    """A number without which a set cannot be written.

    Raises:
        QuartermasterError: ``x12.unwritable``.
    """
    if not value:
        raise QuartermasterError("x12.unwritable", f"{what} is missing")
    return value
