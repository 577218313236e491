"""Text of other systems, read strictly: what two readers could understand differently is refused.

JSON as RFC 8259 and I-JSON (RFC 7493) have it: UTF-8, no NaN, no member named twice, no lone
surrogates; and no NUL, which a database cannot keep. Pure.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from cloud.catalog.money import minor_units
from shared.errors import QuartermasterError
from shared.units import Micros

_MAX_DEPTH: Final = 40
_AMOUNT: Final = re.compile(r"\d{1,16}\.\d+\Z", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


def strict_json(content: bytes) -> Any:
    """The value that JSON text means; numbers with a point are Decimals.

    Raises:
        QuartermasterError: ``feed.content``, with the place where there is one.
    """
    try:
        value: Any = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_members,
            parse_constant=_no_number,
            parse_float=Decimal,
        )
    except UnicodeDecodeError as error:
        raise QuartermasterError("feed.content", "not UTF-8", where=f"byte {error.start}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise QuartermasterError("feed.content", error.msg, where=where) from None
    except RecursionError:
        raise QuartermasterError("feed.content", "nested too deeply") from None
    except ValueError as error:
        raise QuartermasterError("feed.content", str(error)) from None
    _check(value, 0)
    return value


def shaped(value: object, shape: type[_T]) -> _T:
    """A JSON value in its shape; the refusal names the field.

    Raises:
        QuartermasterError: ``feed.document``.
    """
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        says, _, where = str(error).partition(" - at `")
        raise QuartermasterError("feed.document", says, where=where.rstrip("`")) from None


def moment(text: str, *, where: str) -> Micros:
    """A time with its offset from UTC (RFC 3339).

    Raises:
        QuartermasterError: ``feed.document``.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 2000 <= found.year <= 2100:
        says = f"{text[:40]!r} is no time with an offset, such as 2026-03-01T12:00:00+01:00"
        raise QuartermasterError("feed.document", says, where=where)
    delta = found - _EPOCH
    return Micros((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds)


def amount(text: str, currency: str, *, where: str) -> int:
    """An amount of money in minor units; zeros beyond the currency's decimals say nothing.

    Raises:
        QuartermasterError: ``feed.document``.
    """
    plain = text
    while _AMOUNT.match(plain) and plain.endswith("0"):
        plain = plain[:-1].removesuffix(".")
    try:
        return minor_units(plain, currency)
    except ValueError as error:
        raise QuartermasterError("feed.document", str(error), where=where) from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]!r} stands twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _check(value: object, depth: int) -> None:
    """Refuse what msgspec and the database would stumble over."""
    if depth > _MAX_DEPTH:
        raise QuartermasterError("feed.content", "nested too deeply")
    match value:
        case str():
            if "\0" in value or not value.isprintable():
                _check_text(value)
        case dict():
            for name, each in value.items():  # pyright: ignore[reportUnknownVariableType] - JSON
                _check(name, depth + 1)  # pyright: ignore[reportUnknownArgumentType]
                _check(each, depth + 1)  # pyright: ignore[reportUnknownArgumentType]
        case list():
            for each in value:  # pyright: ignore[reportUnknownVariableType] - JSON
                _check(each, depth + 1)  # pyright: ignore[reportUnknownArgumentType]
        case int() if not -(2**63) <= value < 2**63:
            raise QuartermasterError("feed.content", f"{str(value)[:30]} is too large a number")
        case _:
            pass


def _check_text(text: str) -> None:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise QuartermasterError("feed.content", "a text holds NUL or half a character")
