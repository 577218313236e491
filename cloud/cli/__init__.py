"""``quartermaster cloud``: run the cloud's processes and tend what it knows."""

from __future__ import annotations

import signal
from collections.abc import Callable
from secrets import SystemRandom, token_hex
from threading import Event
from types import FrameType
from typing import Annotated, Final

import msgspec
import typer

from cloud.cli import (
    accounts,
    audit,
    catalog,
    demand,
    exceptions,
    feeds,
    gateways,
    keys,
    leases,
    ledger,
    mappings,
    orders,
    people,
    plan,
    policy,
    privacy,
    purchases,
    vision,
    webhooks,
    x12,
)
from cloud.cli.heads import heads
from cloud.cli.ingest import ingest, quarantine
from cloud.cli.quality import quality
from cloud.cli.rehoming import histories, rehome
from cloud.cli.replay import list_replays, replay
from cloud.clock import SystemClock
from cloud.db import Connection, before_commit, pending
from cloud.db import migrate as bring_up_to_date
from cloud.settings import load

__all__ = ["app"]

_WORKING: Final = frozenset({"serve", "worker", "ingest", "migrate"})
"""What these write, gateways and planners say: the audit trail tells what people do."""
app: Final = typer.Typer(
    help="Run the cloud; its catalog, gateways and keys.", no_args_is_help=True
)
app.add_typer(accounts.app, name="accounts")
app.add_typer(audit.app, name="audit")
app.add_typer(catalog.app, name="catalog")
app.add_typer(demand.app, name="demand")
app.add_typer(exceptions.app, name="exceptions")
app.add_typer(feeds.app, name="feeds")
gateways.app.command()(heads)
gateways.app.command()(histories)
gateways.app.command()(rehome)
app.add_typer(gateways.app, name="gateways")
app.add_typer(keys.app, name="keys")
app.add_typer(leases.app, name="leases")
app.add_typer(ledger.app, name="ledger")
app.add_typer(orders.app, name="orders")
app.add_typer(mappings.app, name="mappings")
app.add_typer(people.app, name="people")
app.add_typer(plan.app, name="plan")
app.add_typer(policy.app, name="policy")
app.add_typer(privacy.app, name="privacy")
app.add_typer(purchases.app, name="purchases")
quarantine.command()(replay)
quarantine.command("replays")(list_replays)
app.add_typer(quarantine, name="quarantine")
app.add_typer(vision.app, name="vision")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(x12.app, name="x12")
app.command()(ingest)
app.command()(quality)


@app.callback()
def before(context: typer.Context) -> None:
    """Run the cloud; its catalog, gateways and keys."""
    name = context.invoked_subcommand or ""
    _say_last(context, None if name in _WORKING else audit.told_as(name))


def before_below(context: typer.Context) -> None:
    """As before, for the commands of a group."""
    told = audit.told_as(f"{context.info_name} {context.invoked_subcommand}")
    _say_last(context, None if context.info_name == "audit" else told)


def _say_last(context: typer.Context, word: Callable[[Connection], None] | None) -> None:
    """Let every transaction of this command end with a word; the next command has its own."""
    before = before_commit.set(word)
    context.call_on_close(lambda: before_commit.reset(before))


for _group in app.registered_groups:
    if _group.typer_instance is not None:
        _group.typer_instance.callback()(before_below)


@app.command()
def migrate(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is missing; exit 1 if anything is.")
    ] = False,
) -> None:
    """Bring the database's tables up to this version."""
    url = load().database_url
    changed = pending(url) if check else bring_up_to_date(url)
    for name in changed:
        typer.echo(f"{'missing' if check else 'applied'} {name}")
    if not changed:
        typer.echo("The database is up to date.")
    elif check:
        raise typer.Exit(1)


@app.command()
def openapi() -> None:
    """Print the API's OpenAPI document; `make client` makes a typed Python client of it."""
    from cloud.app.serve import document  # noqa: PLC0415 - the web's libraries, only where needed

    typer.echo(msgspec.json.encode(document(SystemClock())).decode())


@app.command()
def serve() -> None:
    """Serve the public API and the gateway door over HTTPS."""
    from cloud.app.serve import serve as serve_until_stopped  # noqa: PLC0415 - the web's libraries

    serve_until_stopped(load(), SystemClock())


@app.command()
def worker() -> None:
    """Offer catalog and policies to gateways until they hold them."""
    from cloud.app.worker import run as work_until_stopped  # noqa: PLC0415 - as above

    stop = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    work_until_stopped(
        load(), SystemClock(), stop, name=token_hex(4), randomness=SystemRandom().random
    )
