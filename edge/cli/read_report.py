"""What ``gateway read`` prints: a table a place, or one JSON object a line, and the summary."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.cli.places import Found, Looked
from edge.cli.screen import printable
from shared.errors import QuartermasterError
from shared.events import LabelRead
from shared.gs1 import Scanned


class Summary(msgspec.Struct, kw_only=True):
    """The last line of a run."""

    files: int = 0
    codes: int = 0
    events: int = 0
    refused: int = 0
    unconfirmed: int = 0
    without_code: int = 0
    unreadable: int = 0
    recorded: bool = False
    seconds: float = 0.0


def meaning(says: Scanned) -> str:
    """What a label says, in a person's words."""
    if says.kind == "plain":
        return "plain text"
    parts = {
        "GTIN": says.gtin,
        "SSCC": says.sscc,
        "lot": says.lot,
        "serial": says.serial,
        "expires": says.expiry,
        "quantity": None if says.quantity is None else str(says.quantity),
    }
    words = [f"{name} {value}" for name, value in parts.items() if value is not None]
    if not words:
        words = [f"({ai}) {value}" for ai, value in says.fields]
    return " · ".join([*words, *(f"warning {code}" for code in says.warnings)])


def show_table(
    looked: Looked, sequence: list[int | None], error: QuartermasterError | None
) -> None:
    """One place: its codes, what they say, and the events (``sequence`` as they were recorded)."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 240)
    frames = f"  {looked.frames} frames, {looked.dropped} dropped" if looked.frames > 1 else ""
    console.print(Text(printable(looked.place), style="bold"), Text(frames))
    if error is not None:
        console.print(Text(f"  {printable(str(error))}", style="red"))
        if not looked.frames:
            return
    if looked.label is not None:
        console.print(Text(f"  {_printed(looked.label)}"))
    if not looked.found:
        console.print(Text("  no code", style="dim"))
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    numbers = iter(sequence)
    for found in looked.found:
        outcome = _outcome(found, next(numbers, None) if found.event else None)
        raw = printable(found.code.text)
        table.add_row(
            "",
            Text(f"{found.code.symbology} {found.code.aim}"),
            Text(raw if len(raw) <= 60 else f"{raw[:59]}…"),
            Text("" if found.says is None else printable(meaning(found.says))),
            Text(outcome, style="red" if found.refusal else ""),
        )
    console.print(table)


def _printed(label: LabelRead) -> str:
    """What a label's print says; what it does not say surely is left to a person."""
    lot = label.lot or "not sure"
    expiry = label.expiry or "not sure"
    return printable(f"print: lot {lot} · expires {expiry} · {label.confidence / 10:.0f} % sure")


def _outcome(found: Found, number: int | None) -> str:
    if found.refusal is not None:
        return f"{found.refusal.code}: {found.refusal.entry.says}"
    if found.event is None:
        return "no event: no second look confirmed it"
    item = "unknown item" if found.event.sku is None else found.event.sku
    recorded = "" if number is None else f" {number}"
    return f"event{recorded} ({item}, frames {found.event.frames})"


def show_json(looked: Looked, sequence: list[int | None], error: QuartermasterError | None) -> None:
    """One place as one line of JSON."""
    numbers = iter(sequence)
    codes: list[dict[str, Any]] = [_code_as_dict(found, numbers) for found in looked.found]
    _print_json(
        {
            "place": sendable(looked.place),
            "frames": looked.frames,
            "dropped": looked.dropped,
            "suppressed": looked.suppressed,
            "error": None if error is None else error.as_dict(),
            "codes": codes,
            **_label_as_dict(looked),
        }
    )


def _code_as_dict(found: Found, numbers: Iterator[int | None]) -> dict[str, Any]:
    says, event = found.says, found.event
    return {
        "symbology": found.code.symbology,
        "aim": found.code.aim,
        "text": sendable(found.code.text),
        "kind": None if says is None else says.kind,
        "meaning": None if says is None else meaning(says),
        "warnings": [] if says is None else list(says.warnings),
        "error": None if found.refusal is None else found.refusal.as_dict(),
        "event": None if event is None else msgspec.structs.asdict(event),
        "seq": None if event is None else next(numbers, None),
    }


def _label_as_dict(looked: Looked) -> dict[str, Any]:
    """Nothing where nobody asked for it."""
    if looked.label is None:
        return {}
    shown = msgspec.structs.asdict(looked.label)
    return {"label": {**shown, "text": sendable(looked.label.text)}}


def show_summary(summary: Summary, *, json: bool) -> None:
    """The last line."""
    if json:
        _print_json({"summary": msgspec.structs.asdict(summary)})
        return
    what = "recorded" if summary.recorded else "shown, not recorded"
    typer.echo(
        f"{summary.files} files, {summary.codes} codes, {summary.events} events ({what}), "
        f"{summary.refused} codes refused, {summary.unconfirmed} unconfirmed, "
        f"{summary.without_code} files without a code, {summary.unreadable} unreadable, "
        f"{summary.seconds:.1f} seconds"
    )


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(msgspec.json.encode(value).decode())


def sendable(text: str) -> str:
    """The text without what UTF-8 cannot carry."""
    return text.encode("utf-8", "backslashreplace").decode()
