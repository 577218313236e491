"""What a person is told of orders: cases that close by themselves once the sources agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cloud.db import Connection
from cloud.exceptions import cases, close, raise_exception
from cloud.orders.sales.model import Number
from shared.errors import Code
from shared.units import Micros

_DIFFERS: Final[Mapping[str, Code]] = {
    "over-shipped": "order.over-shipped",
    "cancelled-shipped": "order.cancelled-shipped",
}


def tell(
    connection: Connection,
    order_id: int,
    old: Mapping[str, str],
    new: Mapping[str, str],
    *,
    title: Number,
    site_id: int | None,
    at: Micros,
) -> None:
    """Raise a case for what contradicts, and close it once the sources agree."""
    was, now = _told(old), _told(new)
    subject = f"order {order_id}"
    for code in sorted(was.keys() | now.keys()):
        if code not in now:
            settle(connection, code, subject, at=at)
        elif was.get(code) != now[code]:
            detail = f"{named(title)}: {now[code]}"
            raise_exception(connection, code, subject, detail, at=at, site_id=site_id)


def settle(connection: Connection, code: Code, subject: str, *, at: Micros) -> None:
    """Nobody has to look at it any more."""
    for case in cases(connection, sites=None, code=code, subject=subject):
        close(
            connection,
            case.exception_id,
            reason="the sources agree now",
            by="reconciliation",
            sites=None,
            at=at,
        )


def _told(texts: Mapping[str, str]) -> dict[Code, str]:
    found: dict[Code, list[str]] = {}
    for line in texts.get("differs", "").splitlines():
        found.setdefault(_DIFFERS.get(line.split(" ")[0], "order.differs"), []).append(line)
    for line in texts.get("unresolved", "").splitlines():
        found.setdefault("order.unresolved", []).append(line)
    return {code: "; ".join(lines) for code, lines in found.items()}


def named(number: Number) -> str:
    """A number in words."""
    return " ".join(part for part in number if part)
