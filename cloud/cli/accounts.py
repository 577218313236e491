"""``quartermaster cloud accounts``: who signs in to the cloud itself, and what they may do where.

Who works at a site's gateway is another matter: ``quartermaster cloud people``.
"""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table

from cloud.access import ROLES, people
from cloud.access.passwords import LONGEST
from cloud.access.people import Desk
from cloud.access.tokens import Signer
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.settings import load

app: Final = typer.Typer(
    help="Who signs in to the cloud, and what they may do where.", no_args_is_help=True
)
_console: Final = Console()

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Granted = Annotated[
    list[str],
    typer.Option("--role", help=f"ROLE or ROLE@SITE, may be repeated: {', '.join(ROLES)}."),
]
PersonId = Annotated[str, typer.Argument(help="The pseudonym that the list shows.")]


@app.command()
def add(
    account: Annotated[str, typer.Argument(help="The name to sign in under.")],
    role: Granted,
    name: Annotated[str, typer.Option(help="What to call the person.")] = "",
    *,
    json: Json = False,
) -> None:
    """Make a local account; its password is asked for twice or read from the standard input."""
    password = _password()
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        person = people.add(
            connection,
            _desk(),
            account=account,
            name=name,
            password=password,
            grants=role,
            now=SystemClock().now(),
        )
    typer.echo(msgspec.json.encode({"person": person}).decode() if json else f"Made {person}.")


@app.command("list")
def list_accounts(*, json: Json = False) -> None:
    """List people with their roles; never their secrets."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = people.listed(connection)
    if json:
        typer.echo(msgspec.json.encode([person._asdict() for person in found]).decode())
        return
    table = Table(
        Column("person", no_wrap=True), "account", "name", "roles", "since", "out of force"
    )
    for person in found:
        ended = person.disabled_at
        table.add_row(
            person.person_id,
            person.account or ("at the provider" if person.from_provider else "–"),
            person.name,
            " ".join(person.grants),
            _day(person.made_at),
            "–" if ended is None else _day(ended),
        )
    _console.print(table)


@app.command()
def grant(person: PersonId, role: Granted) -> None:
    """Say anew what a person may do where; it counts from the next request on."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        people.grant(connection, person, role)
    typer.echo(f"{person} is {', '.join(role)}.")


@app.command()
def password(person: PersonId) -> None:
    """Set a password anew, asked for twice or read from the standard input."""
    text = _password()
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        people.one(connection, person)
        people.set_password(connection, _desk(), person, text)
    typer.echo(f"The password of {person} is set.")


@app.command()
def disable(person: PersonId) -> None:
    """Put a person out of force at once and forget account and name."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        people.disable(connection, person, now=SystemClock().now())
    typer.echo(f"{person} is out of force.")


def _desk() -> Desk:
    return Desk(random_bytes=secrets.token_bytes, signer=Signer(secrets.token_bytes))


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline(LONGEST + 2).removesuffix("\n").removesuffix("\r")


def _day(micros: int) -> str:
    return f"{datetime.fromtimestamp(micros // 1_000_000, UTC):%Y-%m-%d}"
