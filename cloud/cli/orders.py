"""``quartermaster cloud orders``: customers' orders, and which feed said what of them.

Exit codes: 0 done; 64 for an order that is not there; 69 while the database is away.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.db import open_pool, unit_of_work
from cloud.orders import sales
from cloud.settings import load

app: Final = typer.Typer(help="Customers' orders: what feeds say of them.", no_args_is_help=True)
_console: Final = Console()
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_orders(
    *,
    channel: Annotated[str | None, typer.Option(help="Only of this channel.")] = None,
    status: Annotated[
        str | None, typer.Option(help="awaited, open, part-shipped, shipped or cancelled.")
    ] = None,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    item: Annotated[str | None, typer.Option(help="Only with this SKU.")] = None,
    number: Annotated[str | None, typer.Option(help="Only with this number of any feed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    json: Json = False,
) -> None:
    """List orders, the newest first."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = sales.page(
            connection,
            sites=None,
            channel=channel,
            status=status,
            site=site,
            item=item,
            number=number,
            limit=limit,
        )
    if json:
        _print([row._asdict() for row in found])
        return
    table = Table("id", "number", "channel", "status", "site", "placed", "look at")
    for row in found:
        named = f"{row.numbering} {row.scope} {row.number}"
        flaws = "; ".join((*row.differs.splitlines(), *row.unresolved.splitlines()))
        table.add_row(
            *(str(row.order_id), named, row.channel, row.status, row.site or "–"),
            *(_time(row.placed_at), flaws),
        )
    _console.print(table)


@app.command()
def show(
    order: Annotated[int, typer.Argument(min=1, help="The id that the list shows.")],
    *,
    json: Json = False,
) -> None:
    """Show an order: its lines, what contradicts, what each feed said and what that changed.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        whole = sales.whole(connection, order, sites=None)
    if json:
        _print(
            {
                **whole.row._asdict(),
                "lines": [line._asdict() for line in whole.lines],
                "picked": whole.picked,
                "moved": [row._asdict() for row in whole.moved],
                "numbers": whole.references,
                "said": [
                    {
                        "feed": row.said.feed,
                        "counts": row.current,
                        "delivery": row.delivery_id,
                        "position": row.position,
                        "document": row.said.document,
                    }
                    for row in whole.statements
                ],
                "changes": [row._asdict() for row in whole.changes],
            }
        )
        return
    row = whole.row
    _console.print(f"order {row.order_id}: {row.status}, {row.channel}, {row.site or 'no site'}")
    for numbering, scope, number in whole.references:
        _console.print(f"  {numbering} {scope} {number}", highlight=False)
    table = Table("item", "ordered", "cancelled", "picked", "shipped", "returned", "open")
    for line in whole.lines:
        picked = whole.picked.get(line.item, 0)
        counts = (line.quantity, line.cancelled, picked, line.shipped, line.returned, line.open)
        table.add_row(line.item, *map(str, counts))
    _console.print(table)
    for text in (*whole.differences, *row.unresolved.splitlines()):
        _console.print(f"[bold]look at:[/bold] {text}", highlight=False)
    for change in whole.changes:
        moved = f"{change.before} → {change.after}" if change.before else change.after
        about = f"{change.what} of {change.item}" if change.item else change.what
        _console.print(f"{_time(change.at)} {change.by}: {about} {moved}", highlight=False)


def _time(at: int | None) -> str:
    if at is None:
        return "–"
    return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _print(value: Any) -> None:
    typer.echo(msgspec.json.encode(value))
