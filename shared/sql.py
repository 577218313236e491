"""SQL as named text: every statement lives in a room's ``queries.sql``, never in Python.

A query starts with ``-- name: the_name`` and a comment that describes it; values are always bound.
What comes out is typed as :class:`LiteralString`, so that SQL built from data does not type.
"""

from __future__ import annotations

import re
from typing import Final, LiteralString, cast

_NAME: Final = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def statements(text: str, *, room: str) -> dict[str, LiteralString]:
    """The statements of a room's ``queries.sql``, by name.

    Raises:
        ValueError: a name is used twice; a programming error.
    """
    parts = _NAME.split(text)[1:]
    names = parts[::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{room}: a query name is used twice")
    return {
        name: cast("LiteralString", body.strip())
        for name, body in zip(names, parts[1::2], strict=True)
    }
