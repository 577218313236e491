"""What a segment's elements say, as values; what cannot be taken is that element's fault. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from cloud.catalog.money import digits
from cloud.feeds.documents import Goods, Party
from cloud.feeds.x12.checks import century, decimal, is_day
from cloud.feeds.x12.dictionary import reference_of
from cloud.feeds.x12.envelope import Group, Segment, TransactionSet
from cloud.feeds.x12.faults import UnreadableError
from cloud.feeds.x12.partner import Partner
from shared.units import MAX_QUANTITY, Micros

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UTC_CODES: Final = frozenset({"UT", "GM", "Z"})
_HOURS: Final = {
    "ET": -5, "ES": -5, "ED": -4, "CT": -6, "CS": -6, "CD": -5, "MT": -7, "MS": -7, "MD": -6,
    "PT": -8, "PS": -8, "PD": -7,
}  # fmt: skip
_ZONES: Final = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
}
_PER: Final = {"HP": 100, "PN": 10, "TP": 1000, "HT": 100, "TT": 10_000}
"""Price bases (element 639) that are for more than one."""
_MAX_MINOR: Final = 10**15
_Meaning = TypeVar("_Meaning")


class Context(NamedTuple):
    """What is known around a set when it is read."""

    partner: Partner
    group: Group
    one: TransactionSet
    version: int
    """Orders what one partner says: the group's moment, then the interchange's number."""

    def the(self, name: str) -> Segment:
        """The first segment of a name, which the checks have found."""
        return next(segment for segment in self.one.segments if segment.name == name)

    def all(self, name: str) -> list[Segment]:
        """All segments of a name."""
        return [segment for segment in self.one.segments if segment.name == name]


def refuse(segment: Segment, element: int, says: str, code: str = "7") -> UnreadableError:
    """The refusal of a value, to be raised."""
    reference = reference_of(segment.name, element)
    return UnreadableError(segment.fault(code, element, reference=reference, detail=says))


def loops(segments: tuple[Segment, ...] | list[Segment], name: str) -> Iterator[list[Segment]]:
    """The stretches that begin with a segment of a name, up to the next one or the totals."""
    stretch: list[Segment] = []
    for segment in segments:
        if segment.name in {name, "CTT", "TDS", "SE", "W76", "W03", "W14"}:
            if stretch:
                yield stretch
            stretch = [segment] if segment.name == name else []
        elif stretch:
            stretch.append(segment)
    if stretch:
        yield stretch


def heading(context: Context, detail: str) -> list[Segment]:
    """What stands before the first line."""
    found: list[Segment] = []
    for segment in context.one.segments:
        if segment.name == detail:
            break
        found.append(segment)
    return found


def first(segments: list[Segment], name: str, qualifier: str | frozenset[str] = "") -> str:
    """The second element of the first segment of a name that has such a first one."""
    wanted = {qualifier} if isinstance(qualifier, str) else qualifier
    for segment in segments:
        if segment.name == name and segment.get(1) in wanted:
            return segment.get(2)
    return ""


def whole(segment: Segment, element: int) -> int:
    """A quantity of whole units.

    Raises:
        UnreadableError: for a fraction, less than none, or more than can be kept.
    """
    found = signed(segment, element)
    if found < 0:
        raise refuse(segment, element, "a quantity is not below zero")
    return found


def signed(segment: Segment, element: int) -> int:
    """A difference of whole units; absent is none.

    Raises:
        UnreadableError: as above.
    """
    text = segment.get(element)
    found = decimal(text) if text else Decimal(0)
    if found is None:
        raise refuse(segment, element, "it is no number", "6")
    if found != found.to_integral_value():
        raise refuse(segment, element, "units are counted whole")
    if abs(found) > MAX_QUANTITY:
        raise refuse(segment, element, f"at most {MAX_QUANTITY} units", "5")
    return int(found)


def needed(segment: Segment, element: int) -> int:
    """A quantity that has to be there.

    Raises:
        UnreadableError: where it is missing or as above.
    """
    if not segment.get(element):
        raise refuse(segment, element, "a line has a quantity", "1")
    return whole(segment, element)


def price(segment: Segment, element: int, currency: str, basis: str = "") -> int | None:
    """A price for one in minor units; None where there is none or it is finer than those.

    Raises:
        UnreadableError: where it is no number or cannot be kept.
    """
    text = segment.get(element)
    if not text:
        return None
    amount = decimal(text)
    if amount is None or abs(amount) * 1000 > _MAX_MINOR:
        raise refuse(segment, element, "it is no price", "6")
    minor = amount * 10 ** digits(currency) / _PER.get(basis, 1)
    return int(minor) if minor == minor.to_integral_value() else None


def amount(segment: Segment, element: int, currency: str) -> int | None:
    """An amount with two implied decimals (type N2) in minor units.

    Raises:
        UnreadableError: where it is no number or cannot be kept.
    """
    text = segment.get(element)
    if not text:
        return None
    found = decimal(text)
    if found is None or abs(found) > _MAX_MINOR:
        raise refuse(segment, element, "it is no amount", "6")
    minor = found * 10 ** digits(currency) / 100
    return int(minor) if minor == minor.to_integral_value() else None


def day(segment: Segment, element: int) -> str | None:
    """A date as ISO 8601 writes it.

    Raises:
        UnreadableError: for what is no date.
    """
    text = century(segment.get(element))
    if not text:
        return None
    if not is_day(text):
        raise refuse(segment, element, "a date is written CCYYMMDD", "8")
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def moment(
    partner: Partner, segment: Segment, date: int, time: int = 0, code: int = 0
) -> Micros | None:
    """A date and a time, in the partner's zone unless the segment names one.

    Raises:
        UnreadableError: for what is no date or time.
    """
    found = day(segment, date)
    if found is None:
        return None
    text = segment.get(time) if time else ""
    if len(text) not in {0, 4, 6, 7, 8} or (text and not text.isdigit()):
        raise refuse(segment, time, "a time is written HHMM or HHMMSS", "9")
    text = (text or "0000").ljust(6, "0")[:6]
    try:
        local = datetime.fromisoformat(f"{found}T{text[:2]}:{text[2:4]}:{text[4:]}")
    except ValueError:
        raise refuse(segment, time, "a time is written HHMM or HHMMSS", "9") from None
    aware = local.replace(tzinfo=_zone(partner, segment.get(code) if code else ""))
    return Micros((aware - _EPOCH) // timedelta(microseconds=1))


def _zone(partner: Partner, code: str) -> tzinfo:
    if code in _UTC_CODES:
        return UTC
    if code in _ZONES:
        return ZoneInfo(_ZONES[code])
    if code in _HOURS:
        return timezone(timedelta(hours=_HOURS[code]))
    return ZoneInfo(partner.timezone)


def dated(
    partner: Partner, segments: list[Segment], *qualifiers: str, name: str = "DTM"
) -> tuple[str | None, Micros | None]:
    """The day and the moment that the first of some qualifiers is given with.

    Raises:
        UnreadableError: for what is no date or time.
    """
    for qualifier in qualifiers:
        for segment in segments:
            if segment.name == name and segment.get(1) == qualifier and segment.get(2):
                time, code = (3, 4) if name == "DTM" else (4, 5)
                return day(segment, 2), moment(partner, segment, 2, time, code)
    return None, None


def meaning(segment: Segment, element: int, table: Mapping[str, _Meaning]) -> _Meaning:
    """What a code means.

    Raises:
        UnreadableError: for a code that the table does not have.
    """
    code = segment.get(element)
    if code not in table:
        says = f"known here: {', '.join(sorted(table))}"
        raise refuse(segment, element, says, "7" if code else "1")
    return table[code]


def goods(
    partner: Partner,
    segment: Segment,
    start: int,
    name: str = "",
    *,
    upc: int = 0,
    pairs: int = 10,
) -> Goods:
    """The item that pairs of qualifier and code name, from an element on.

    Raises:
        UnreadableError: where it is named by nothing that was agreed.
    """
    said = {
        segment.get(at): segment.get(at + 1)
        for at in range(start, min(len(segment.elements), start + 2 * pairs), 2)
        if segment.get(at) and segment.get(at + 1)
    }
    if upc and segment.get(upc):
        said["UP"] = segment.get(upc)
    names = partner.names
    found = {
        kind: next((said[code] for code in codes if code in said), "")
        for kind, codes in (("gtin", names.gtin), ("sku", names.ours), ("theirs", names.theirs))
    }
    if not any(found.values()):
        agreed = ", ".join((*names.ours, *names.theirs, *names.gtin))
        raise refuse(segment, start, f"the item has no code that was agreed: {agreed}", "2")
    gtin = found["gtin"]
    if gtin and not (gtin.isascii() and gtin.isdigit() and len(gtin) <= 14):
        at = next(n for n, text in enumerate(segment.elements, start=1) if text.rstrip() == gtin)
        raise refuse(segment, at, "a trade item number has up to 14 digits")
    return Goods(
        sku=found["sku"], gtin=gtin.zfill(14) if gtin else "", theirs=found["theirs"], name=name
    )


def serial_code(segment: Segment) -> str:
    """The SSCC in a MAN segment, without the application identifier 00 that some put before it.

    Raises:
        UnreadableError: where it is none.
    """
    text = segment.get(2)
    text = text[2:] if len(text) == 20 and text.startswith("00") else text
    if len(text) != 18 or not (text.isascii() and text.isdigit()):
        raise refuse(segment, 2, "an SSCC has 18 digits")
    return text


def party(segments: list[Segment], *codes: str) -> Party:
    """The party that one of some N1 codes names, with its address; empty where there is none."""
    for stretch in loops(segments, "N1"):
        segment = stretch[0]
        if segment.get(1) not in codes:
            continue
        found = {one.name: one for one in reversed(stretch)}
        street, city = found.get("N3"), found.get("N4")
        phones = _contacts(stretch)
        return Party(
            reference=segment.get(4),
            name=segment.get(2),
            street=" ".join(text for text in street.elements if text).strip() if street else "",
            city=city.get(1) if city else "",
            region=city.get(2) if city else "",
            postcode=city.get(3) if city else "",
            country=city.get(4) if city else "",
            phone=phones.get("TE", "")[:80],
            email=phones.get("EM", ""),
        )
    return Party()


def _contacts(segments: list[Segment]) -> dict[str, str]:
    return {
        segment.get(at): segment.get(at + 1)
        for segment in segments
        if segment.name == "PER"
        for at in (3, 5, 7)
        if segment.get(at)
    }
