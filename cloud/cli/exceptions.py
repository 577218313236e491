"""``quartermaster cloud exceptions``: what a person should look at; close it for a reason.

Exit codes: 0 done, also when the same was done before; 64 for a case that is not there, that was
closed otherwise, or a reason that is missing; 69 while the database is away.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.cli.person import By, person
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.exceptions import Case, case, cases, earlier
from cloud.exceptions import close as close_one
from cloud.settings import load
from shared.errors import CATALOGUE, QuartermasterError

app: Final = typer.Typer(help="Cases that a person should look at.", no_args_is_help=True)
_console: Final = Console()

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_cases(
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
    code: Annotated[str | None, typer.Option(help="Only with this code.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only about this, e.g. a gateway.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    json: Json = False,
) -> None:
    """List open cases, the one raised last first."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = cases(
            connection,
            sites=None,
            site=site,
            code=code,
            subject=subject,
            standing="all" if everything else "open",
            limit=limit,
        )
    if json:
        _print_json([_record(row) for row in found])
        return
    if not found:
        _console.print("Nothing is open." if not everything else "There was never a case.")
        return
    table = Table("id", "code", "subject", "site", "times", "last", "closed by", "detail")
    for row in found:
        table.add_row(
            str(row.exception_id),
            row.code,
            row.subject,
            row.site or "–",
            str(row.times),
            _time(row.last_at),
            row.closed_by or "",
            row.detail,
        )
    _console.print(table)


@app.command()
def show(
    number: Annotated[int, typer.Argument(min=1, help="The id that the list shows.")],
    *,
    json: Json = False,
) -> None:
    """Show one case: what it means, what to do, and how the same was closed before.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = case(connection, number, sites=None)
        before = earlier(connection, found)
    record = _record(found)
    if json:
        _print_json({**record, "earlier": [_record(row) for row in before]})
        return
    for name, value in record.items():
        _console.print(f"{name.replace('_', ' '):14} {'–' if value is None else value}")
    for row in before:
        _console.print(
            f"before         {row.exception_id}: {row.times} times until {_time(row.last_at)}, "
            f"closed by {row.closed_by}: {row.closed_reason}"
        )


@app.command()
def close(
    numbers: Annotated[list[int], typer.Argument(min=1, help="The ids that the list shows.")],
    reason: Annotated[str, typer.Option(help="What was found and done, in a few words.")],
    by: By = "",
    *,
    json: Json = False,
) -> None:
    """Close cases for a reason, all or none; what happens again opens a new one.

    Raises:
        QuartermasterError: ``request.invalid`` without a reason; ``request.not-found``;
            ``request.conflict`` when one was closed by somebody else or for another reason.
    """
    if not reason.strip():
        raise QuartermasterError("request.invalid", "a reason is needed", where="--reason")
    now, who = SystemClock().now(), person(by)
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        for number in sorted(set(numbers)):
            close_one(connection, number, reason=reason, by=who, sites=None, at=now)
        found = [case(connection, number, sites=None) for number in sorted(set(numbers))]
    if json:
        _print_json([_record(row) for row in found])
        return
    for row in found:
        _console.print(f"Closed {row.exception_id}: {row.code}, {row.subject}.")


def _record(row: Case) -> dict[str, Any]:
    entry = CATALOGUE.get(row.code)
    return {
        "id": row.exception_id,
        "code": row.code,
        "says": entry.says if entry else "",
        "do": entry.do if entry else "",
        "subject": row.subject,
        "site": row.site,
        "detail": row.detail,
        "times": row.times,
        "raised_at": _time(row.raised_at),
        "last_at": _time(row.last_at),
        "closed_at": None if row.closed_at is None else _time(row.closed_at),
        "closed_by": row.closed_by,
        "closed_reason": row.closed_reason,
    }


def _time(micros: int) -> str:
    return datetime.fromtimestamp(micros // 1_000_000, UTC).isoformat().replace("+00:00", "Z")


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.encode(value).decode())
