"""``quartermaster cloud privacy``: what is held about a customer, erasing it, for how long."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.cli.person import By, person
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.orders import persons
from cloud.settings import load

app: Final = typer.Typer(
    help="What is held about a customer; erase it; how long it is kept.", no_args_is_help=True
)
_console: Final = Console()

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Pseudonym = Annotated[str, typer.Argument(help="The pseudonym that find shows.")]


@app.command()
def find(
    who: Annotated[str, typer.Argument(help="E-mail, telephone, a source's number, pseudonym.")],
    *,
    json: Json = False,
) -> None:
    """Find a customer's pseudonyms: one for each source that knows the customer."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = persons.find(connection, who)
    if json:
        typer.echo(msgspec.json.encode([each._asdict() for each in found]).decode())
        return
    table = Table("pseudonym", "source", "reference", "name", "erased")
    for each in found:
        erased = "yes" if each.erased_at is not None else "–"
        table.add_row(each.pseudonym, each.source, each.reference, each.name, erased)
    _console.print(table)


@app.command()
def export(pseudonym: Pseudonym) -> None:
    """Print all that is held about a customer, as JSON: the answer to who asks for it."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = persons.held(connection, pseudonym)
    told = {
        "customer": found.customer._asdict(),
        "orders": [order._asdict() for order in found.orders],
        "deliveries": found.deliveries,
    }
    typer.echo(msgspec.json.encode(told).decode())


@app.command()
def erase(
    pseudonym: Pseudonym,
    why: Annotated[str, typer.Option(help="On whose wish, by which letter; no names.")],
    by: By = "",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    json: Json = False,
) -> None:
    """Erase a customer, for good. Orders keep the pseudonym; a certificate says what was done."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        done = persons.erase(
            connection,
            pseudonym,
            why=why,
            by=person(by),
            at=SystemClock().now(),
            dry_run=dry_run,
        )
    if json:
        typer.echo(msgspec.json.encode(done._asdict()).decode())
    elif dry_run:
        typer.echo(
            f"{done.pseudonym} would be erased: {done.orders} orders keep the pseudonym,"
            f" {done.deliveries} deliveries spoke of them."
        )
    else:
        typer.echo(
            f"Certificate {done.number}: {done.pseudonym} is erased. {done.orders} orders keep the"
            f" pseudonym, {done.deliveries} deliveries' contents are forgotten, {done.waiting}"
            " still wait to be read."
        )


@app.command()
def retention(
    kind: Annotated[str, typer.Argument(help=", ".join(persons.KINDS))] = "",
    days: Annotated[int, typer.Argument(help="Keep it so many days.")] = 0,
    *,
    json: Json = False,
) -> None:
    """Say how many days each kind of data is kept, or keep one for as many from now on."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        if kind:
            persons.set_retention(connection, kind, days)
        kept = persons.retention(connection)
    if json:
        typer.echo(msgspec.json.encode(kept).decode())
        return
    for name, number in kept.items():
        typer.echo(f"{name}: {number} days")
