"""``quartermaster gateway devices``: pair scanners with this gateway."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import Annotated, Final

import msgspec
import segno
import typer

from edge import settings as settings_file
from edge.app import open_database
from edge.ports import SystemClock
from edge.web import devices as paired
from edge.web import pairing

Data = Annotated[Path, typer.Option(help="The gateway's data folder.", envvar="QM_GATEWAY_DATA")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Device = Annotated[str, typer.Argument(help="The device's name, e.g. sc-01.")]

app: Final = typer.Typer(help="The scanners paired with this gateway.", no_args_is_help=True)


@app.command()
def add(name: Device, data: Data = Path("gateway"), *, json: Json = False) -> None:
    """Pair a device and print its token, once. A device known already gets a new token."""
    database = open_database(data, settings_file.load(data))
    try:
        now = SystemClock().now()
        token = database.run_blocking(lambda connection: paired.add(connection, name, now=now))
    finally:
        database.close()
    if json:
        typer.echo(msgspec.json.encode({"device": name, "token": token}).decode())
        return
    typer.echo(f"{name} is paired. Its token, shown this once:")
    typer.echo(token)


@app.command()
def pair(
    name: Device,
    data: Data = Path("gateway"),
    *,
    host: Annotated[
        str | None, typer.Option(help="The name by which the device reaches this gateway.")
    ] = None,
    json: Json = False,
) -> None:
    """Show a QR code by which a phone or a browser becomes this device: once, for ten minutes."""
    settings = settings_file.load(data)
    reached = host or next(iter(settings.api.names), socket.gethostname())
    database = open_database(data, settings)
    try:
        now = SystemClock().now()
        begun = database.run_blocking(lambda connection: pairing.begin(connection, name, now=now))
    finally:
        database.close()
    url = f"https://{reached}:{settings.api.port}/scan/#pair={begun.code}"
    if json:
        told = {"device": name, "url": url, "code": begun.code, "expires_at": begun.expires_at}
        typer.echo(msgspec.json.encode(told).decode())
        return
    picture = io.StringIO()
    segno.make(url, error="m", micro=False).terminal(picture, border=2, compact=True)
    typer.echo(picture.getvalue())
    typer.echo(f"Scan this with {name}'s camera, or open on it: {url}")
    typer.echo(f"Its code, should it ask: {begun.code}. Good once, for ten minutes.")


@app.command("list")
def list_devices(data: Data = Path("gateway"), *, json: Json = False) -> None:
    """The paired devices."""
    database = open_database(data, settings_file.load(data))
    try:
        known = paired.known(database.reader)
    finally:
        database.close()
    if json:
        rows = [device._asdict() for device in known]
        typer.echo(msgspec.json.encode(rows).decode())
        return
    for device in known:
        typer.echo(f"{device.name}  {'revoked' if device.revoked_at is not None else 'paired'}")


@app.command()
def revoke(name: Device, data: Data = Path("gateway")) -> None:
    """Take a device's token out of force, at once."""
    database = open_database(data, settings_file.load(data))
    try:
        now = SystemClock().now()
        database.run_blocking(lambda connection: paired.revoke(connection, name, now=now))
    finally:
        database.close()
    typer.echo(f"{name} is revoked.")
