"""From a scan to what it says."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

import msgspec
from biip import ParseError
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.upc import Upc

from shared.errors import Code, QuartermasterError
from shared.events import MAX_RAW
from shared.gs1.digits import demand_valid, is_valid
from shared.gs1.elements import (
    GS,
    Elements,
    checked_elements,
    date_of,
    parse_bracketed,
    parse_message,
)

Kind = Literal["gtin", "sscc", "element-string", "digital-link", "plain"]

REFERENCE_YEAR: Final = 2026
"""Where two-digit years are counted from when the caller names no year."""

_AIM: Final = re.compile(r"\][A-Za-z][0-9A-Za-z]", re.ASCII)
_GS1_AIMS: Final = frozenset({"]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1", "]z1"})
_FORBIDDEN: Final = re.compile("[\x00-\x1c\x1e\x1f\x7f-\x9f\ud800-\udfff]")
_BARE_ELEMENTS: Final = re.compile(r"(?:1[1235-7]\d{6}|20\d\d)*(?:00\d{18}|0[12]\d{14})", re.ASCII)
"""A key, perhaps behind dates or a variant: what a label without AIM identifier starts with."""
_BRACKET: Final = re.compile(r"\(\d{2,4}\)", re.ASCII)
_LINK_GTIN: Final = re.compile(r"/01/(\d*)(?:[/?#]|$)", re.ASCII)
_LINK_KEY: Final = re.compile(r"/(?:00|01)/\d{8,18}(?:[/?#]|$)", re.ASCII)


class Scanned(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one scan says.

    ``raw`` is the string as it came, ``aim`` its AIM identifier (``]C1``), ``text`` the rest
    without the scanner's line end. ``gtin`` has 14 digits and is AI 01, or AI 02 for what a
    logistic unit holds; ``quantity`` is then AI 37, else AI 30, in packs of that GTIN. ``expiry``
    is AI 17. ``fields`` are all application identifiers with their values, in order.
    """

    raw: str
    aim: str | None
    text: str
    kind: Kind
    gtin: str | None = None
    sscc: str | None = None
    lot: str | None = None
    serial: str | None = None
    expiry: str | None = None
    quantity: int | None = None
    fields: tuple[tuple[str, str], ...] = ()
    warnings: tuple[Code, ...] = ()


@lru_cache(maxsize=2048)
def read(raw: str, *, year: int = REFERENCE_YEAR) -> Scanned:
    """Read a scan, AIM identifier allowed in front. ``year`` is the present one (for AI 17).

    Raises:
        QuartermasterError: ``scan.empty``, ``scan.too-long``, ``scan.malformed``,
            ``gs1.check-digit``, ``gs1.syntax`` or ``gs1.lost-separator``.
    """
    if len(raw) > MAX_RAW:
        raise QuartermasterError("scan.too-long", f"{len(raw)} characters, {MAX_RAW} are allowed")
    aim, text = _split(raw)
    if not text.strip(GS):
        raise QuartermasterError("scan.empty")
    if _FORBIDDEN.search(text) is not None:
        raise QuartermasterError("scan.malformed", "it holds control characters")
    if aim in _GS1_AIMS:
        return _read_gs1(raw, aim, text, year)
    if aim is not None and aim[1] in "EI":
        return _read_retail(raw, aim, text)
    return _read_unmarked(raw, aim, text, year)


def _split(raw: str) -> tuple[str | None, str]:
    """AIM identifier and content; a scanner's line end, Tab and outer blanks are not content."""
    text = raw.strip(" \t\r\n")
    if _AIM.match(text) is None:
        return None, text
    return text[:3], text[3:]


def _read_gs1(raw: str, aim: str | None, text: str, year: int) -> Scanned:
    if text[:4].lower() == "http":
        scanned = _read_link(raw, aim, text, year)
        if scanned.kind == "plain":
            raise QuartermasterError("gs1.syntax", "the address holds no GS1 key")
        return scanned
    if not text.isascii():
        raise QuartermasterError("gs1.syntax", repr(text[:80]))
    if _BRACKET.match(text) is not None:
        return _say(
            raw, aim, text, kind="element-string", elements=parse_bracketed(text), year=year
        )
    return _say(
        raw, aim, text, kind="element-string", elements=parse_message(text, year=year), year=year
    )


def _read_retail(raw: str, aim: str, text: str) -> Scanned:
    """EAN/UPC and ITF, told by their AIM identifier."""
    digits = text.isascii() and text.isdigit()
    if aim[1] == "I" and not (digits and len(text) in {8, 12, 13, 14}):
        return Scanned(raw=raw, aim=aim, text=text, kind="plain")
    if aim in {"]E1", "]E2"} and digits:
        return Scanned(raw=raw, aim=aim, text=text, kind="plain")  # an add-on by itself
    number = text[:13] if aim == "]E3" and len(text) in {15, 18} else text
    if not digits or len(number) not in {8, 12, 13, 14}:
        raise QuartermasterError("gs1.syntax", f"{text[:40]!r} is no EAN or UPC")
    if aim == "]E0" and len(number) == 8:
        number = _expanded_upc_e(number) or number
    return _gtin(raw, aim, text, number)


def _read_unmarked(raw: str, aim: str | None, text: str, year: int) -> Scanned:
    """No AIM identifier, or one that leaves open whether the content is GS1's."""
    if text[:4].lower() == "http":
        return _read_link(raw, aim, text, year)
    if text.isascii():
        if text.isdigit() and len(text) in {8, 12, 13, 14, 18} and (aim is None or is_valid(text)):
            return _sscc(raw, aim, text) if len(text) == 18 else _gtin(raw, aim, text, text)
        if GS in text or _BRACKET.match(text) or _BARE_ELEMENTS.match(text):
            return _read_gs1(raw, aim, text, year)
    elif GS in text:
        raise QuartermasterError("gs1.syntax", repr(text[:80]))
    return Scanned(raw=raw, aim=aim, text=text, kind="plain")


def _read_link(raw: str, aim: str | None, text: str, year: int) -> Scanned:
    try:
        link = GS1DigitalLinkURI.parse(text) if text.isascii() else None
    except (ParseError, ValueError) as error:  # ValueError: urlsplit on a broken host
        if _LINK_KEY.search(text) is not None:
            raise QuartermasterError("gs1.syntax", str(error)) from None
        link = None
    if link is None:
        return Scanned(raw=raw, aim=aim, text=text, kind="plain")
    cut = _LINK_GTIN.search(text)
    if cut is not None and len(cut.group(1)) not in {8, 12, 13, 14}:
        # A GTIN has 8, 12, 13 or 14 digits; biip fills up whatever is there.
        raise QuartermasterError("gs1.syntax", f"{cut.group(1)!r} is no GTIN", where="(01)")
    return _say(
        raw,
        aim,
        text,
        kind="digital-link",
        elements=checked_elements(link.element_strings),
        year=year,
    )


def _gtin(raw: str, aim: str | None, text: str, digits: str) -> Scanned:
    demand_valid(digits, name="GTIN")
    return Scanned(raw=raw, aim=aim, text=text, kind="gtin", gtin=digits.zfill(14))


def _sscc(raw: str, aim: str | None, text: str) -> Scanned:
    demand_valid(text, name="SSCC")
    return Scanned(raw=raw, aim=aim, text=text, kind="sscc", sscc=text)


def _expanded_upc_e(digits: str) -> str | None:
    try:
        return Upc.parse(digits).as_upc_a()
    except ParseError:
        return None


def _say(
    raw: str, aim: str | None, text: str, *, kind: Kind, elements: Elements, year: int
) -> Scanned:
    if not elements.fields:
        raise QuartermasterError("scan.empty")
    gtin = elements.get("01")
    quantity = elements.get("30")
    if gtin is None:
        gtin = elements.get("02")
        quantity = elements.get("37") or quantity
    expiry = elements.get("17")
    return Scanned(
        raw=raw,
        aim=aim,
        text=text,
        kind=kind,
        gtin=gtin,
        sscc=elements.get("00"),
        lot=elements.get("10"),
        serial=elements.get("21"),
        expiry=None if expiry is None else date_of(expiry, year=year),
        quantity=None if quantity is None else int(quantity),
        fields=elements.fields,
        warnings=elements.warnings,
    )
