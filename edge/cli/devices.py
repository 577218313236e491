"""``quartermaster gateway devices``: pair scanners with this gateway."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, TypeVar

import typer

from edge import settings as settings_file
from edge.cli import screen
from edge.cli.options import FOLDER, Data, Json, Limit, names, reading
from edge.cli.profile import profile
from edge.cli.screen import Column
from edge.db import Connection, Queries
from edge.inputs.work import LineStep
from edge.ports import SystemClock
from shared.errors import QuartermasterError
from shared.events import decode_event
from shared.segment import header, parse
from shared.words import ago

if TYPE_CHECKING:
    from edge.web.devices import Paired
    from edge.web.installation import Authority

Result = TypeVar("Result")

_SQL: Final = Queries("edge.cli")
_SHOWN: Final = 500
_NEWEST: Final = (2000, 8)
"""Among so many waiting events and sealed segments a device is looked for."""

Device = Annotated[
    str,
    typer.Argument(help="The device's name, e.g. sc-01.", autocompletion=names("device_names")),
]

app: Final = typer.Typer(help="The scanners paired with this gateway.", no_args_is_help=True)


Address = Annotated[
    str | None, typer.Option(help="Its lines come from this address over TCP; '' for none.")
]
Step = Annotated[LineStep | None, typer.Option(help="What a bare line of it does.")]
At = Annotated[
    str | None, typer.Option(help="Where it stands, until it scans another label; '' for nowhere.")
]


@app.command()
def add(
    name: Device,
    data: Data = FOLDER,
    *,
    address: Address = None,
    step: Step = None,
    location: At = None,
    json: Json = False,
) -> None:
    """Pair a device and print its token, once; a known device gets a new one.

    Example: quartermaster gateway devices add sc-01
    """
    from edge.web import devices  # noqa: PLC0415 - the whole door, only to change something

    now = SystemClock().now()

    def unit(connection: Connection) -> str:
        token = devices.add(connection, name, now=now)
        _speak(connection, name, address, step, location)
        return token

    token = _change(data, unit)
    if json:
        screen.show_json({"device": name, "token": token})
        return
    typer.echo(f"{name} is paired. Its token, shown this once:")
    typer.echo(token)


@app.command()
def speak(
    name: Device,
    data: Data = FOLDER,
    *,
    address: Address = None,
    step: Step = None,
    location: At = None,
    json: Json = False,
) -> None:
    """Say where a paired device's lines come from over TCP, and what they mean.

    Example: quartermaster gateway devices speak sc-01 --address 10.0.0.7 --step put_away
    """
    now = _change(data, lambda connection: _speak(connection, name, address, step, location))
    if json:
        told = {"address": now.address, "step": now.step, "location": now.location, "to": now.to}
        screen.show_json({"device": name, **told})
        return
    whence = f"its lines come from {now.address}" if now.address else "its lines bring its token"
    where = f", at {now.location}" if now.location else ""
    typer.echo(f"{name}: {whence}; a bare line is {now.step}{where}.")


app.command()(profile)


@app.command()
def pair(
    name: Device,
    data: Data = FOLDER,
    *,
    host: Annotated[
        str | None, typer.Option(help="The name by which the device reaches this gateway.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the QR codes by which a phone trusts this gateway and becomes this device, once.

    Example: quartermaster gateway devices pair ph-01 --host gw.hall-3.example
    """
    # the whole door, only to change something
    from edge.web import installation, pairing  # noqa: PLC0415

    settings = settings_file.load(data)
    reached = host or next(iter(settings.api.names), socket.gethostname())
    now = SystemClock().now()
    begun = _change(data, lambda connection: pairing.begin(connection, name, now=now))
    api = settings.api
    url, first = installation.addresses(reached, api.port, api.install_port, begun.code)
    try:
        authority = installation.authority_in(data / settings_file.IDENTITY / "local")
    except QuartermasterError:
        authority = None  # it is made when the gateway runs for the first time
    if json:
        told = {"device": name, "url": url, "code": begun.code, "expires_at": begun.expires_at}
        more = {"install_url": first, "sha256": authority.sha256 if authority else None}
        screen.show_json(told | more)
        return
    if first:
        typer.echo(f"Does {name} not trust this gateway yet? Start here: {first}")
        typer.echo(_drawn(first))
        _show_fingerprints(authority, name)
        typer.echo(f"Does {name} trust it already? Scan this instead: {url}")
    else:
        typer.echo(f"Scan this with {name}'s camera, or open on it: {url}")
    typer.echo(_drawn(url))
    typer.echo(f"Its code, should it ask: {begun.code}. Good once, for ten minutes.")
    if authority is not None and reached not in authority.names:
        typer.echo(
            f"{reached} is none of the names of this gateway's certificate "
            f"({', '.join(authority.names)}): no device can trust it under that name. "
            'Add it to "names" under [api] in gateway.toml and restart the gateway.',
            err=True,
        )


def _drawn(address: str) -> str:
    """An address as a QR code of half blocks."""
    import segno  # noqa: PLC0415 - draws, only here

    picture = io.StringIO()
    segno.make(address, error="m", micro=False).terminal(picture, border=2, compact=True)
    return picture.getvalue()


def _show_fingerprints(authority: Authority | None, name: str) -> None:
    """What a device shows before it says yes, to be compared."""
    from edge.web.installation import grouped  # noqa: PLC0415 - as above

    if authority is None:
        typer.echo("The gateway has not run yet: run it once, and there is something to trust.")
        return
    typer.echo(f"{name} must show these fingerprints of {authority.title}, group by group:")
    groups = grouped(authority.sha256)
    typer.echo(f"  SHA-256  {' '.join(groups[:4])}")
    typer.echo(f"           {' '.join(groups[4:])}")
    typer.echo(f"  SHA-1    {' '.join(grouped(authority.sha1))}  (as Windows shows it)")
    typer.echo("")


class _Shown(NamedTuple):
    """A device, and who is signed in there; times in microseconds."""

    name: str
    added_at: int
    revoked_at: int | None
    person: str | None
    role: str | None
    since: int | None


@app.command("list")
def list_devices(data: Data = FOLDER, *, limit: Limit = _SHOWN, json: Json = False) -> None:
    """List the paired devices: who is signed in there, and when they were last heard of.

    Example: quartermaster gateway devices list
    """
    with reading(data) as reader:
        found = [_Shown(*row) for row in reader.execute(_SQL["devices"], (limit + 1,)).fetchall()]
        seen = _last_seen(reader)
    shown = found[:limit]
    if json:
        screen.show_json([each._asdict() | {"last_event": seen.get(each.name)} for each in shown])
        return
    now = SystemClock().now()
    screen.show_table(
        [Column("device"), Column("stands"), Column("last event"), Column("signed in", wide=True)],
        [
            (
                each.name,
                "paired" if each.revoked_at is None else f"revoked {ago(each.revoked_at, now)}",
                ago(seen[each.name], now) if each.name in seen else "none of late",
                f"{each.person} ({each.role}), {ago(each.since, now)}" if each.since else "nobody",
            )
            for each in shown
        ],
        empty="No device is paired. Pair one: quartermaster gateway devices pair NAME",
    )
    if len(found) > limit:
        screen.show_text(screen.more_of("devices", limit))


@app.command()
def revoke(name: Device, data: Data = FOLDER, *, json: Json = False) -> None:
    """Take a device's token out of force, at once.

    Example: quartermaster gateway devices revoke sc-01
    """
    from edge.web import devices  # noqa: PLC0415 - the whole door, only to change something

    now = SystemClock().now()
    _change(data, lambda connection: devices.revoke(connection, name, now=now))
    if json:
        screen.show_json({"device": name, "revoked_at": now})
        return
    typer.echo(f"{name} is revoked.")


def _speak(
    connection: Connection, name: str, address: str | None, step: str | None, location: str | None
) -> Paired:
    """Change what is said, keep what is not.

    Raises:
        QuartermasterError: ``request.not-found``, ``request.invalid``, ``request.conflict`` or
            ``scan.unknown-location``.
    """
    from edge import stock  # noqa: PLC0415 - as the next
    from edge.web import devices  # noqa: PLC0415 - the whole door, only to change something

    now = devices.by_name(connection, name)
    if now is None:
        raise QuartermasterError("request.not-found", name, where="device")
    if location and not stock.has_location(connection, location):
        raise QuartermasterError("scan.unknown-location", location, where="--location")
    if (address, step, location) == (None, None, None):
        return now
    devices.speak(
        connection,
        name,
        address=(now.address or "") if address is None else address,
        step=now.step if step is None else step,
        location=(now.location or "") if location is None else location,
    )
    return devices.by_name(connection, name) or now


def _change(data: Path, unit: Callable[[Connection], Result]) -> Result:
    """Run one unit of work, whether or not the gateway runs: its transactions take turns."""
    from edge.app.store import open_database  # noqa: PLC0415 - all of the gateway, only to change

    database = open_database(data, settings_file.load(data))
    try:
        return database.run_blocking(unit)
    finally:
        database.close()


def _last_seen(reader: Connection) -> dict[str, int]:
    """When each device made its last event, among the newest that are still here."""
    waiting, segments = _NEWEST
    bodies = [row[0] for row in reader.execute(_SQL["newest_waiting"], (waiting,)).fetchall()]
    for (sealed,) in reader.execute(_SQL["newest_segments"], (segments,)).fetchall():
        try:
            bodies.extend(header(parse(sealed)).events)
        except QuartermasterError:  # damage is for the scrub to find
            continue
    seen: dict[str, int] = {}
    for body in bodies:
        try:
            event = decode_event(body)
        except QuartermasterError:
            continue
        seen[event.device] = max(event.occurred_at, seen.get(event.device, 0))
    return seen
