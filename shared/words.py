"""Numbers and moments as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from shared.units import DAY, HOUR, MINUTE, SECOND

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS: Final = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"))
_SIZES: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
_THOUSAND: Final = 1024


def when(micros: int) -> str:
    """A moment: ``21 Nov 2026, 14:37 UTC``."""
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%d %b %Y, %H:%M UTC")


def when_exactly(micros: int) -> str:
    """A moment with its second: ``21 Nov, 14:37:05 UTC``."""
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%d %b, %H:%M:%S UTC")


def clock_time(micros: int) -> str:
    """The time of day: ``14:37:05 UTC``."""
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%H:%M:%S UTC")


def moment(micros: int | None) -> str:
    """A moment for machines: ``2026-11-21T14:37:05Z``; empty where there is none."""
    if not micros:
        return ""
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%SZ")


def lasting(micros: int) -> str:
    """A duration in its largest unit, rounded down: ``3 hours``."""
    for size, name in _STEPS:
        if micros >= size:
            number = micros // size
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "less than a second"


def ago(micros: int, now: int) -> str:
    """How long something is over."""
    return f"{lasting(now - micros)} ago" if now - micros >= SECOND else "just now"


def size(number: int) -> str:
    """Bytes: ``1.5 GiB``."""
    value, step = float(number), 0
    while value >= _THOUSAND and step < len(_SIZES) - 1:
        value, step = value / _THOUSAND, step + 1
    return f"{value:.0f} {_SIZES[step]}" if step == 0 else f"{value:.1f} {_SIZES[step]}"


def counted(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def many(number: int, one: str) -> str:
    """A number of things: ``1 event``, ``1,204 events``."""
    return f"{counted(number)} {one}{'' if number == 1 else 's'}"


def plain(code: str) -> str:
    """A code as words: ``put_away`` is ``Put away``."""
    return code.replace("_", " ").replace("-", " ").capitalize()
