"""``quartermaster cloud leases``: what sites may promise while they cannot ask."""

from __future__ import annotations

from datetime import UTC, datetime
from secrets import token_hex
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud import orders
from cloud.app.promises import publish_leases
from cloud.cli.person import By, person
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.settings import load
from shared.errors import QuartermasterError
from shared.units import HOUR, Micros

app: Final = typer.Typer(
    help="Grant, list and reclaim what sites may promise while they cannot ask.",
    no_args_is_help=True,
)
_console: Final = Console()
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def grant(
    site: Annotated[str, typer.Argument(help="Whose stock it is.")],
    sku: Annotated[str, typer.Argument(help="Of which item.")],
    quantity: Annotated[int, typer.Argument(min=1, help="Base units.")],
    *,
    channel: Annotated[str, typer.Option(help="Only for orders of this channel.")] = "",
    hours: Annotated[int, typer.Option(min=1, max=8784, help="How long it may be used.")] = 24,
    gateway: Annotated[
        str | None, typer.Option(help="Needed where the site has several gateways.")
    ] = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Grant a lease out of what nothing else holds; the site's gateway gets it by itself.

    Raises:
        QuartermasterError: ``lease.not-free``, ``request.not-found`` or ``request.invalid``.
    """
    now = SystemClock().now()
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        row = orders.grant(
            connection,
            site=site,
            sku=sku,
            quantity=quantity,
            lifetime=Micros(hours * HOUR),
            by=person(by),
            code=lambda: f"LE-{token_hex(6)}",
            now=now,
            channel=channel,
            gateway=gateway,
        )
        version = publish_leases(connection, site, now=now)
        account = orders.account(connection, site=site, sku=sku)
    if json:
        _print({**_as_dict(row), "version": version, "free": account.free()})
        return
    typer.echo(f"Lease {row.code}: {quantity} of {sku} to {row.gateway} for {hours} h.")
    typer.echo(f"{account.free()} of {account.available} available at {site} are still free.")


@app.command(name="list")
def list_leases(
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1000,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Ended ones, too.")] = False,
    json: Json = False,
) -> None:
    """List the leases, newest first: what was promised within them, and where each stands."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        rows = orders.leases(connection, site=site, limit=limit)
    shown = [row for row in rows if everything or row.standing() not in {"given back", "taken"}]
    if json:
        _print([_as_dict(row) for row in shown])
        return
    table = Table("lease", "site", "gateway", "item", "quantity", "promised", "until", "standing")
    for row in shown:
        table.add_row(
            row.code,
            row.site + (f" {row.channel}" if row.channel else ""),
            row.gateway,
            row.sku,
            str(row.quantity),
            str(row.committed),
            _moment(row.not_after),
            row.standing(),
        )
    _console.print(table)


@app.command()
def reclaim(
    code: Annotated[str, typer.Argument(help="The lease, as the list shows it.")],
    reason: Annotated[str, typer.Option(help="Why; needed with --force.")] = "",
    by: By = "",
    *,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Do not wait for the site: a gateway with a slow clock may be using it."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Ask for what is left of a lease; it is free again when the site has given it back.

    Raises:
        QuartermasterError: ``request.not-found``, or ``request.invalid`` for force without reason.
    """
    if reason and not force:
        raise QuartermasterError("request.invalid", "only force needs a reason", where="--reason")
    now = SystemClock().now()
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        if force:
            row = orders.take(connection, code, by=person(by), why=reason, now=now)
        else:
            row = orders.recall(connection, code, now=now)
        version = publish_leases(connection, row.site, now=now)
    if json:
        _print({**_as_dict(row), "version": version})
        return
    what = "is taken" if force else "is recalled: it is free again when its gateway says so"
    typer.echo(f"Lease {code} {what}.")


def _as_dict(row: orders.LeaseRow) -> dict[str, Any]:
    return {
        **row._asdict(),
        "granted_at": _moment(row.granted_at),
        "not_after": _moment(row.not_after),
        "standing": row.standing(),
    }


def _moment(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, tz=UTC).isoformat(timespec="seconds")


def _print(what: object) -> None:
    typer.echo(msgspec.json.encode(what).decode())
