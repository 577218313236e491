"""``quartermaster cloud x12``: what a file holds and what is wrong with it; partners; what is sent.

Exit codes: 0 done, accepted; 65 for a file of which something is refused, and for what cannot be
written; 64 for a partner's profile that contradicts another's; 66 for a file that cannot be read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.feeds import x12
from cloud.feeds.documents import Document
from cloud.feeds.x12 import Partner
from cloud.feeds.x12.envelope import MAX_BYTES, read
from cloud.feeds.x12.showing import answer_of, as_dict, lines_of, looked_at, segments_of
from cloud.feeds.x12.writing import LAST_CONTROL, following
from cloud.settings import load
from shared.errors import QuartermasterError

app: Final = typer.Typer(help="X12 with trading partners.", no_args_is_help=True)
partners: Final = typer.Typer(help="Trading partners, as agreed with.", no_args_is_help=True)
app.add_typer(partners, name="partners")
_console: Final = Console()

File = Annotated[Path, typer.Argument(help="An X12 file.")]
Code = Annotated[str, typer.Argument(help="The partner's code.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(
    file: File,
    partner: Annotated[str, typer.Option(help="As this partner's; else all is agreed.")] = "",
    profile: Annotated[
        Path | None, typer.Option(help="As a partner's with this profile (TOML).")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Say what would be accepted and refused of a file, and why (exit 65 if anything is)."""
    found = read(_read(file))
    agreed = _agreed(partner, profile)
    looked = looked_at(found, agreed)
    said = as_dict(found, looked)
    if json:
        typer.echo(msgspec.json.encode(said).decode())
    else:
        for line in lines_of(found, looked):
            typer.echo(line)
        for each in looked:
            for row in answer_of(each, agreed):
                typer.echo(f"answer: {row}")
    if not said["accepted"]:
        raise typer.Exit(65)


def _agreed(partner: str, profile: Path | None) -> Partner | None:
    if profile is not None:
        return x12.read_partner(_read(profile))
    if not partner:
        return None
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        return x12.known_partner(connection, partner).profile


@app.command()
def show(file: File) -> None:
    """Show a file segment by segment, each element with its number."""
    for line in segments_of(read(_read(file))):
        typer.echo(line)


@app.command()
def send(
    partner: Code,
    file: Annotated[Path, typer.Argument(help="A document, or a list of them, as JSON.")],
    *,
    json: Json = False,
) -> None:
    """Send documents to a partner, all or none; an order that was told before goes as a change."""
    content = _read(file)
    try:
        documents = (
            msgspec.json.decode(content, type=list[Document])
            if content.lstrip().startswith(b"[")
            else [msgspec.json.decode(content, type=Document)]
        )
    except msgspec.DecodeError as error:
        raise QuartermasterError("document.file", str(error)[:200], where=str(file)) from None
    now = SystemClock().now()
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        control = x12.send(connection, partner, documents, now=now)
    if json:
        typer.echo(msgspec.json.encode({"interchange": control}).decode())
    elif control is None:
        typer.echo("Nothing has changed: nothing is sent.")
    else:
        typer.echo(f"Interchange {control:09d} goes to {partner}.")


@app.command("sent")
def list_sent(
    partner: Code,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    *,
    json: Json = False,
) -> None:
    """List what was sent to a partner, and what it said to it."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = x12.sent(connection, partner, limit=limit)
    if json:
        typer.echo(msgspec.json.encode([row._asdict() for row in found]).decode())
        return
    table = Table("interchange", "group", "set", "kind", "document", "made", "answer")
    for row in found:
        answer = "waiting" if row.due_at is not None else ""
        if row.answered_at is not None:
            answer = "accepted" if row.accepted else f"rejected: {row.says}"
        table.add_row(
            f"{row.interchange:09d}",
            str(row.group),
            row.control,
            row.kind,
            row.reference,
            datetime.fromtimestamp(row.made_at // 1_000_000, UTC).isoformat(),
            answer,
        )
    _console.print(table)


@partners.command("add")
def add_partner(
    file: Annotated[Path, typer.Argument(help="The partner's profile (TOML).")],
) -> None:
    """Add a partner with its feed, or change what is agreed with it."""
    profile = x12.read_partner(_read(file))
    now = SystemClock().now()
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        x12.save_partner(connection, profile, now=now)
    typer.echo(f"Partner {profile.code}: a {profile.role} at {_address(profile)}.")


@partners.command("list")
def list_partners(*, json: Json = False) -> None:
    """List the partners."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = x12.partners(connection)
    if json:
        rows = [
            {"profile": row.profile, "sent": row.interchanges, "heard": row.heard} for row in found
        ]
        typer.echo(msgspec.json.encode(rows).decode())
        return
    table = Table("partner", "role", "address", "version", "test", "last sent", "last heard")
    for row in found:
        table.add_row(
            row.profile.code,
            row.profile.role,
            _address(row.profile),
            row.profile.version,
            "test" if row.profile.test else "",
            f"{row.interchanges:09d}",
            "" if row.heard is None else f"{row.heard:09d}",
        )
    _console.print(table)


@partners.command("renumber")
def renumber_partner(
    code: Code,
    last: Annotated[int, typer.Option(min=0, max=LAST_CONTROL, help="The last ISA13 they have.")],
) -> None:
    """After a restore: go on after the last interchange number that a partner has from us."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        x12.renumber(connection, code, last)
    typer.echo(f"The next interchange to {code} is {following(last):09d}.")


@partners.command("show")
def show_partner(code: Code) -> None:
    """Show what is agreed with a partner, as JSON."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = x12.known_partner(connection, code)
    typer.echo(msgspec.json.format(msgspec.json.encode(found.profile), indent=2).decode())


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise QuartermasterError("payload.too-large", "16 MiB at most", where=str(path))
        return path.read_bytes()
    except OSError as error:
        says = error.strerror or type(error).__name__
        raise QuartermasterError("file.unreadable", says, where=str(path)) from None


def _address(profile: Partner) -> str:
    return f"{profile.them.qualifier}/{profile.them.id}"
