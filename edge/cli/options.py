"""The options that commands share, and names that a shell may complete from the data folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from edge.db import Queries
from edge.db.looking import looking
from edge.settings import DATABASE
from shared.errors import QuartermasterError

DATA: Final = "QM_GATEWAY_DATA"
FOLDER: Final = Path("gateway")
_MANY: Final = 50

Data = Annotated[Path, typer.Option(help="The gateway's data folder.", envvar=DATA)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="List at most so many.")]


def names(query: str) -> Callable[[typer.Context, str], list[tuple[str, str]]]:
    """Completes a word with the names that a query of this room finds, each with a few words.

    What cannot be read completes nothing: a shell is no place for an error.
    """

    def complete(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        try:
            with looking(Path(ctx.params.get("data") or FOLDER) / DATABASE) as reader:
                where = {"begins": incomplete, "limit": _MANY}
                rows: list[Any] = reader.execute(Queries("edge.cli")[query], where).fetchall()
        except (QuartermasterError, sqlite3.Error, OSError):
            return []
        return [(str(name), str(says)) for name, says in rows]

    return complete
