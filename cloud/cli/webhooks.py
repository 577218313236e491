"""``quartermaster cloud webhooks``: who is told of what has changed, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from secrets import token_bytes
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud import catalog
from cloud.app.changes import log
from cloud.app.feeds import write_secret as keep_secret
from cloud.changes import KINDS, webhooks
from cloud.cli.person import By, person
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.settings import load
from shared.errors import QuartermasterError
from shared.webhooks import write_secret

app: Final = typer.Typer(
    help="Tell other systems of what has changed, and see whether they heard.",
    no_args_is_help=True,
)
_console: Final = Console()
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Code = Annotated[str, typer.Argument(help="The webhook's code.")]
_SECRET_BYTES: Final = 32


@app.command()
def add(
    code: Code,
    url: Annotated[str, typer.Argument(help="An https address of the public internet.")],
    *,
    kind: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(KINDS)}; repeatable.")
    ] = None,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; repeatable.")] = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Tell a system of everything from now on; its secret is made and shown once.

    Raises:
        QuartermasterError: ``webhook.target``, ``request.invalid``, ``request.not-found``, or
            ``request.conflict`` for a code that is taken, ``settings.invalid`` without a folder
            for secrets.
    """
    settings = load()
    if settings.feed_secrets is None:
        raise QuartermasterError("settings.invalid", "not set", where="QM_FEED_SECRETS")
    with open_pool(settings.database_url, size=1) as pool, unit_of_work(pool) as connection:
        known = catalog.site_ids(connection, site or [])
        if missing := [each for each in site or [] if each not in known]:
            raise QuartermasterError("request.not-found", f"site {missing[0][:60]}", where="site")
        webhooks.add(
            connection,
            log(settings.generation),
            code=code,
            url=url,
            kinds=kind or list(KINDS),
            sites=sorted(known.values()) if site else None,
            by=person(by),
            at=SystemClock().now(),
        )
        secret = write_secret(token_bytes(_SECRET_BYTES))
        path = keep_secret(settings.feed_secrets, webhooks.secret_of(code), secret)
    if json:
        _print({"code": code, "secret": secret, "file": str(path)})
        return
    typer.echo(f"{code} is told from now on. Its secret, shown once and kept in {path}:")
    typer.echo(secret)


@app.command("list")
def list_webhooks(*, json: Json = False) -> None:
    """Who is told, and how many messages wait or were given up."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = webhooks.webhooks(connection)
    if json:
        _print([each._asdict() for each in found])
        return
    if not found:
        typer.echo("Nobody is told by webhook. Begin with: quartermaster cloud webhooks add")
        return
    table = Table("code", "url", "kinds", "waiting", "given up", "standing")
    for each in found:
        table.add_row(
            each.code,
            each.url,
            ", ".join(each.kinds),
            str(each.waiting),
            str(each.given_up),
            f"paused: {each.why}" if each.paused_at else "told",
        )
    _console.print(table)


@app.command()
def messages(
    code: Code,
    *,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 20,
    json: Json = False,
) -> None:
    """What was sent and what became of it, the newest first.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        webhooks.one(connection, code)
        found = webhooks.sent(connection, code, limit=limit)
    if json:
        _print([each._asdict() for each in found])
        return
    if not found:
        typer.echo(f"Nothing was sent to {code} yet.")
        return
    table = Table("id", "kind", "made", "attempts", "last answer", "standing")
    for each in found:
        standing = (
            "delivered" if each.delivered_at else "given up" if each.given_up_at else "waiting"
        )
        answer = " ".join(str(part) for part in (each.status, each.answer[:60]) if part)
        table.add_row(
            each.name, each.kind, _when(each.made_at), str(each.attempts), answer, standing
        )
    _console.print(table)


@app.command()
def replay(
    code: Code,
    message: Annotated[
        str | None, typer.Argument(help="A message's id; without, all that were given up.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Send again; the ids stay, so that the receiver can tell what it has had.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        count = webhooks.replay(connection, code, message, at=SystemClock().now())
    if json:
        _print({"messages": count})
    else:
        typer.echo(f"{count} to be sent again.")


@app.command()
def resume(code: Code) -> None:
    """Send again to a receiver that had said it was gone.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        webhooks.resume(connection, code)
    typer.echo(f"{code} is told again.")


@app.command()
def remove(code: Code) -> None:
    """Tell a system no more; what waited is given up. Its secret's file is yours to delete.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        webhooks.remove(connection, code, at=SystemClock().now())
    typer.echo(f"{code} is told no more.")


def _print(told: Any) -> None:
    typer.echo(msgspec.json.encode(told).decode())


def _when(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
