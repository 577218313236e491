"""Pages by cursor: opaque, bound to their route, stable while rows come and go.

A cursor is the key of the last row of the page before. Clients hand it back as it came; one that
was made up or belongs elsewhere is refused before it can reach a query.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import QuartermasterError

MAX_LIMIT: Final = 500
DEFAULT_LIMIT: Final = 100
_MAX_CURSOR: Final = 1024

Part = Literal["int", "bigint", "text"]
"""The column types that a key's parts have."""

Row = TypeVar("Row", bound=BaseModel)


class Page(BaseModel, Generic[Row]):
    """Some rows, and where to go on."""

    items: list[Row]
    next: Annotated[
        str | None,
        Field(description="Hand this back as `cursor` for the next page; absent on the last."),
    ] = None


class Paged(BaseModel):
    """The query parameters of every list; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Rows per page.")] = DEFAULT_LIMIT
    cursor: Annotated[
        str | None, Field(max_length=_MAX_CURSOR, description="`next` of the page before.")
    ] = None


class Cursor:
    """The cursors of one route, whose key has these types.

    Args:
        name: the route's own, so that another route's cursor is refused.
        shape: the types of the key's parts.
    """

    def __init__(self, name: str, *shape: Part) -> None:
        self._name = name
        self._shape = shape

    def read(self, text: str | None) -> tuple[int | str, ...] | None:
        """The key to go on after.

        Raises:
            QuartermasterError: ``request.invalid``.
        """
        if text is None:
            return None
        try:
            name, *key = cast("list[Any]", json.loads(base64.urlsafe_b64decode(text + "==")))
        except (binascii.Error, ValueError, TypeError, RecursionError):
            raise QuartermasterError("request.invalid", "made up", where="cursor") from None
        if name != self._name or not self._fits(key):
            raise QuartermasterError("request.invalid", "of another list", where="cursor")
        return tuple(key)

    def write(self, key: Sequence[int | str]) -> str:
        """The cursor after a row with this key."""
        text = json.dumps([self._name, *key], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def page(
        self, keyed: Sequence[tuple[Row, Sequence[int | str]]], limit: int
    ) -> tuple[list[Row], str | None]:
        """Rows and next cursor, from up to ``limit + 1`` rows: the extra one says there is more."""
        rows = [row for row, _ in keyed[:limit]]
        more = len(keyed) > limit
        return rows, self.write(keyed[limit - 1][1]) if more else None

    def _fits(self, key: list[Any]) -> bool:
        return len(key) == len(self._shape) and all(
            _is_storable(part, kind) for part, kind in zip(key, self._shape, strict=True)
        )


def _is_storable(part: object, kind: Part) -> bool:
    """Whether a column of this type can hold a value; no key of ours is negative."""
    match kind:
        case "int":
            return type(part) is int and 0 <= part < 2**31
        case "bigint":
            return type(part) is int and 0 <= part < 2**63
        case "text":
            return isinstance(part, str) and part.isprintable()
