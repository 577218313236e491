"""How commands show things: tables that fit the terminal, words where there is nothing to show.

Colours are for terminals only. Whatever somebody else has written (a note, a barcode, a device's
name) is shown so that no terminal obeys it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.findings import Finding, Level

WIDE: Final = 200
"""Where there is no terminal: a line is a line, for whoever searches in it."""
_LOOKS: Final[dict[Level, str]] = {"ok": "green", "note": "yellow", "problem": "bold red"}
_SIGNS: Final[dict[Level, str]] = {"ok": "✔", "note": "●", "problem": "✘"}
_NAMES: Final = 14


class Column(NamedTuple):
    """A column; one that is ``wide`` takes the room that others leave, in as many lines."""

    name: str
    wide: bool = False
    right: bool = False


class Fact(NamedTuple):
    """A named line; ``look`` is how good it is, where that can be said."""

    name: str
    says: str
    look: Level | None = None


def console() -> Console:
    """Where to print."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def show_json(value: Any) -> None:
    """One line of JSON."""
    typer.echo(msgspec.json.encode(value).decode())


def show_table(columns: Sequence[Column], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """Rows under the names of their columns; ``empty`` where there are none."""
    screen, shown = console(), list(rows)
    if not shown:
        screen.print(Text(empty))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=not column.wide,
            overflow="fold" if column.wide else "ellipsis",
            ratio=1 if column.wide and screen.is_terminal else None,
        )
    for row in shown:
        table.add_row(*(Text(printable(cell)) for cell in row))
    screen.print(table)


def show_facts(facts: Iterable[Fact]) -> None:
    """Named lines, what they say beside their names however long it is."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, min_width=_NAMES)
    table.add_column(overflow="fold")
    for fact in facts:
        look = _LOOKS[fact.look] if fact.look not in {None, "ok"} and fact.look else ""
        table.add_row(Text(fact.name, "dim"), Text(printable(fact.says), look))
    console().print(table)


def show_findings(findings: Iterable[Finding]) -> None:
    """Each with its sign, and below it what to do."""
    screen = console()
    for finding in findings:
        says = Text.assemble((f"{finding.check}: ", "bold"), printable(finding.says))
        screen.print(_hanging(Text(_SIGNS[finding.level], _LOOKS[finding.level]), says))
        if finding.do:
            screen.print(Padding(_hanging(Text("→"), Text(printable(finding.do))), (0, 0, 0, 2)))


def show_text(text: str, style: str = "") -> None:
    """A line."""
    console().print(Text(printable(text), style))


def _hanging(sign: Text, text: Text) -> Table:
    """A text whose further lines stand under its first word, not under its sign."""
    table = Table.grid(padding=0)
    table.add_column(width=2, no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(sign, text)
    return table


def printable(text: str) -> str:
    """The text with GS shown as ␝, and escapes for what a terminal would obey."""
    return "".join(c if c.isprintable() else "␝" if c == "\x1d" else ascii(c)[1:-1] for c in text)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def more_of(what: str, limit: int) -> str:
    """What is said below a list that was cut."""
    return f"Only {limit} {what} are shown; --limit shows more."
