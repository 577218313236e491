"""The options that commands share, and names that a shell may complete from the data folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from edge.db import Connection, Queries
from edge.db.looking import looking
from edge.settings import DATABASE
from shared.errors import QuartermasterError

DATA: Final = "QM_GATEWAY_DATA"
FOLDER: Final = Path("gateway")
_MANY: Final = 50

Data = Annotated[Path, typer.Option(help="The gateway's data folder.", envvar=DATA, readable=False)]
"""Whether it can be read is found by reading: then whoever may not is told who may."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="List at most so many.")]


@contextmanager
def reading(data: Path) -> Generator[Connection]:
    """The gateway's database, to look into it; whether or not the gateway runs.

    Raises:
        QuartermasterError: ``file.unreadable`` where there is none, else as
            :func:`edge.db.looking.looking`.
    """
    demand_folder(data)
    with looking(data / DATABASE) as reader:
        yield reader


def demand_folder(data: Path) -> None:
    """Refuse a folder that is not there, and say how to name another.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    if not data.is_dir():
        says = f"no such folder; name the gateway's with --data or {DATA}"
        raise QuartermasterError("file.unreadable", says, where=str(data))


def names(query: str) -> Callable[[typer.Context, str], list[tuple[str, str]]]:
    """Completes a word with the names that a query of this room finds, each with a few words.

    What cannot be read completes nothing: a shell is no place for an error.
    """

    def complete(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        try:
            with reading(Path(ctx.params.get("data") or FOLDER)) as reader:
                where = {"begins": incomplete, "limit": _MANY}
                rows: list[Any] = reader.execute(Queries("edge.cli")[query], where).fetchall()
        except (QuartermasterError, sqlite3.Error, OSError):
            return []
        return [(str(name), str(says)) for name, says in rows]

    return complete
