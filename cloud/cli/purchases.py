"""``quartermaster cloud purchases``: our orders to suppliers, and how suppliers do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.db import open_pool, unit_of_work
from cloud.orders import purchases
from cloud.settings import load

app: Final = typer.Typer(
    help="See orders to suppliers, and how suppliers do.", no_args_is_help=True
)
_console: Final = Console()
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_orders(
    *,
    supplier: Annotated[str | None, typer.Option(help="Only to this supplier.")] = None,
    site: Annotated[str | None, typer.Option(help="Only for this site.")] = None,
    status: Annotated[str | None, typer.Option(help="Only those that stand so, e.g. open.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1000,
    json: Json = False,
) -> None:
    """List orders, by number."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        rows = purchases.orders(
            connection, sites=None, supplier=supplier, site=site, status=status, limit=limit
        )
    if json:
        _print([row._asdict() for row in rows])
        return
    table = Table("order", "supplier", "site", "status", "ordered", "kept by")
    for row in rows:
        ordered = _day(row.ordered_at)
        table.add_row(row.number, row.supplier, row.site, row.status, ordered, row.keeper)
    _console.print(table)


@app.command()
def show(
    number: Annotated[str, typer.Argument(help="The order's number.")], *, json: Json = False
) -> None:
    """Show an order: its lines, how they came to stand as they do, and what does not agree."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = purchases.view(connection, number)
        changes = purchases.changes(connection, number, sites=None, limit=1000)
        flaws = purchases.discrepancies(
            connection, sites=None, order=number, closed=False, limit=1000
        )
    if json:
        _print(
            {
                **found.order._asdict(),
                "lines": [line._asdict() for line in found.lines],
                "changes": [row._asdict() for row in changes],
                "discrepancies": [row._asdict() for row in flaws],
            }
        )
        return
    order = found.order
    typer.echo(f"{order.number} to {order.supplier} for {order.site}: {order.status}")
    lines = Table("line", "item", "ordered", "confirmed", "shipped", "received", "open", "status")
    for line in found.lines:
        counts = (line.ordered, line.confirmed, line.shipped, line.received, line.open)
        lines.add_row(line.number, line.sku, *(str(count) for count in counts), line.status)
    _console.print(lines)
    for row in flaws:
        typer.echo(f"{row.kind} {row.line} {row.item}: {row.ours}; {row.theirs}")
    for row in changes:
        what = f"{row.line} {row.what}".strip()
        typer.echo(f"{_day(row.known_at)} {what}: {row.before or '–'} → {row.after}, {row.said_by}")


@app.command()
def scorecard(
    supplier: Annotated[str, typer.Argument(help="The supplier's code.")], *, json: Json = False
) -> None:
    """Show what a supplier's last twelve orders say of it, each figure with its orders."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = purchases.scorecard(connection, supplier)
    figures = {
        name: figure
        for name, figure in found._asdict().items()
        if isinstance(figure, purchases.Figure)
    }
    if json:
        _print(
            {
                name: {
                    "value": None if figure.value is None else round(float(figure.value), 4),
                    "orders": figure.orders,
                }
                for name, figure in figures.items()
            }
        )
        return
    table = Table("figure", "value", "orders")
    for name, figure in figures.items():
        value = "–" if figure.value is None else f"{float(figure.value):.3f}"
        table.add_row(name.replace("_", " "), value, ", ".join(figure.orders))
    _console.print(table)


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).date().isoformat()


def _print(value: Any) -> None:
    typer.echo(msgspec.json.encode(value).decode())
