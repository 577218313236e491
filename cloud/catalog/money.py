"""Money as people write it and as it is kept: whole minor units of an ISO 4217 currency. Pure."""

from __future__ import annotations

import re
from typing import Final

MAX_MINOR: Final = 10**15
"""The largest amount, in minor units: JSON readers that count in floats still have it exactly."""
_MAJOR: Final = re.compile(r"(\d{1,16})(?:\.(\d{1,4}))?\Z", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}\Z")

_NONE: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"
_FOUR: Final = "CLF UYW"
_DIGITS: Final[dict[str, int]] = {
    code: digits
    for codes, digits in ((_NONE, 0), (_THREE, 3), (_FOUR, 4))
    for code in codes.split()
}
"""Digits after the point where they are not two (ISO 4217, list one)."""


def currency(text: str) -> str:
    """An ISO 4217 code; a ValueError says what is wrong with it."""
    if not _CURRENCY.match(text):
        raise ValueError(f"{text[:40]!r} is no ISO 4217 code")
    return text


def digits(of: str) -> int:
    """Digits after the point of a currency."""
    return _DIGITS.get(of, 2)


def minor_units(text: str, of: str) -> int:
    """``12.50`` EUR as 1250; a ValueError says what is wrong with it.

    A point only: a comma means thousands to some and decimals to others, so nobody guesses.
    """
    found = _MAJOR.match(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not an amount such as 12.50")
    whole, part = found[1], found[2] or ""
    count = digits(of)
    if len(part) > count:
        raise ValueError(f"{text} has {len(part)} decimals; {of or 'a currency'} has {count}")
    amount = int(whole) * 10**count + int(part.ljust(count, "0") or "0")
    if amount > MAX_MINOR:
        raise ValueError(f"{text} is above what can be kept")
    return amount


def major_units(amount: int, of: str) -> str:
    """1250 EUR as ``12.50``: what :func:`minor_units` reads back."""
    count = digits(of)
    if count == 0:
        return str(amount)
    whole, part = divmod(amount, 10**count)
    return f"{whole}.{part:0{count}d}"
