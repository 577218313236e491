"""``quartermaster cloud gateways``: enter, enrol, list and revoke gateways; decide on epochs.

The enrolment token is printed once and kept nowhere; what is printed with it tells the gateway
whom to trust. With ``--json`` one JSON document goes to standard output.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.clock import SystemClock
from cloud.db import Connection, open_pool, unit_of_work
from cloud.gateways import service
from cloud.gateways.authority import Authority, root_fingerprint
from cloud.gateways.epochs import decide_epoch
from cloud.gateways.model import TOKEN_LIFETIME, Gateway
from cloud.gateways.revocation import publish
from cloud.ingest.service import known_head
from cloud.settings import Settings, load
from shared.enrolment import Slip
from shared.errors import QuartermasterError
from shared.units import HOUR, Micros

app: Final = typer.Typer(
    help="Enter, enrol, list and revoke gateways; decide on epochs.", no_args_is_help=True
)
_console: Final = Console()

Name = Annotated[str, typer.Argument(help="The gateway's name, gw-…")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Hours = Annotated[
    int, typer.Option(min=1, max=TOKEN_LIFETIME // HOUR, help="How long the token lives, in hours.")
]


@app.command()
def add(
    name: Name,
    site: Annotated[str, typer.Option(help="The code of the site it stands at.")],
    serial: Annotated[str, typer.Option(help="The serial number on its case.")] = "",
    hours: Hours = 24,
    *,
    json: Json = False,
) -> None:
    """Enter a new gateway and print its one-time enrolment token."""
    settings = load()
    fingerprint = root_fingerprint(settings.pki)
    with _transaction(settings) as connection:
        slip = service.register(
            connection,
            name=name,
            site=site,
            hw_serial=serial,
            fingerprint=fingerprint,
            lifetime=Micros(hours * HOUR),
            now=SystemClock().now(),
        )
    _show_slip(slip, settings, hours, json=json)


@app.command()
def token(
    name: Name,
    hours: Hours = 24,
    *,
    json: Json = False,
) -> None:
    """Print a new one-time token for a known gateway; every earlier one is void."""
    settings = load()
    fingerprint = root_fingerprint(settings.pki)
    with _transaction(settings) as connection:
        slip = service.new_token(
            connection,
            name=name,
            fingerprint=fingerprint,
            lifetime=Micros(hours * HOUR),
            now=SystemClock().now(),
        )
    _show_slip(slip, settings, hours, json=json)


@app.command("list")
def list_gateways(
    site: Annotated[str, typer.Option(help="Only those of one site.")] = "",
    *,
    json: Json = False,
) -> None:
    """List gateways with their standing, epoch and the end of their certificates."""
    with _transaction(load()) as connection:
        found = service.page(connection, sites=[site] if site else None, limit=10_000)
    _show(found, json=json)


@app.command()
def show(
    name: Name,
    *,
    json: Json = False,
) -> None:
    """Show one gateway."""
    with _transaction(load()) as connection:
        found = service.get(connection, name)
    _show_one(found, json=json)


@app.command()
def revoke(
    name: Name,
    *,
    json: Json = False,
) -> None:
    """End a gateway's standing at once: nothing that it sends from now on is applied.

    The worker ends its connections; where this machine holds the devices' authority, the list of
    revoked certificates is written right away.
    """
    settings = load()
    now = SystemClock().now()
    with _transaction(settings) as connection:
        found = service.revoke(connection, name, now=now)
    if (settings.pki / "devices.key").is_file():
        with _transaction(settings) as connection:
            publish(connection, Authority.load(settings.pki), settings.pki, now=now)
    _show_one(found, json=json)


@app.command()
def epoch(
    name: Name,
    reason: Annotated[str, typer.Option(help="What was found out, in a few words.")],
    number: Annotated[
        int | None,
        typer.Option(
            min=1, help="An epoch it works in already, forgotten when the cloud was restored."
        ),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Let a gateway whose history is disputed begin a new epoch, once no second copy of it runs.

    The gateway takes it when it asks next, and then sends what its scanners were answered for.
    """
    if not reason.strip():
        raise QuartermasterError("request.invalid", "a reason is needed", where="--reason")
    with _transaction(load()) as connection:
        decided = decide_epoch(
            connection,
            name,
            reason.strip(),
            heads=known_head,
            now=SystemClock().now(),
            number=number,
        )
    if json:
        _print_json(
            {
                "gateway": name,
                "epoch": decided.epoch,
                "awaited": decided.awaited,
                "previous_epoch": decided.previous_epoch,
                "previous_seq": decided.previous_seq,
                "reason": decided.reason,
            }
        )
        return
    when = "when it asks next" if decided.awaited else "now"
    _console.print(
        f"{name} gets epoch {decided.epoch} {when}; of epoch {decided.previous_epoch} "
        f"the cloud has everything through {decided.previous_seq}."
    )


@contextmanager
def _transaction(settings: Settings) -> Generator[Connection]:
    with open_pool(settings.database_url, size=1) as pool, unit_of_work(pool) as connection:
        yield connection


def _show_slip(slip: Slip, settings: Settings, hours: int, *, json: bool) -> None:
    command = (
        f"quartermaster gateway enrol --token {slip.text()} "
        f"--api {settings.public_api_url} --data DIR"
    )
    if json:
        _print_json(
            {
                "gateway": slip.gateway,
                "token": slip.text(),
                "fingerprint": slip.fingerprint.hex(),
                "api_url": settings.public_api_url,
                "valid_hours": hours,
                "command": command,
            }
        )
        return
    _console.print(f"Gateway [bold]{slip.gateway}[/bold] may enrol once within {hours} h.")
    _console.print("Authority (SHA-256 of its public key):")
    _console.print(f"  {slip.fingerprint.hex()}", soft_wrap=True)
    _console.print("On the gateway, run (this token is shown only now):")
    _console.print(f"  {command}", soft_wrap=True, highlight=False, markup=False)


def _show(gateways: list[Gateway], *, json: bool) -> None:
    if json:
        _print_json([_record(gateway) for gateway in gateways])
        return
    table = Table("gateway", "site", "status", "epoch", "certificate until")
    for gateway in gateways:
        table.add_row(
            gateway.name,
            gateway.site,
            gateway.status,
            str(gateway.epoch or "–"),
            _time(gateway.certificate_until) or "–",
        )
    _console.print(table)


def _show_one(gateway: Gateway, *, json: bool) -> None:
    record = _record(gateway)
    if json:
        _print_json(record)
        return
    for name, value in record.items():
        _console.print(f"{name.replace('_', ' '):18} {'–' if value is None else value}")


def _record(gateway: Gateway) -> dict[str, str | int | None]:
    return {
        "gateway": gateway.name,
        "site": gateway.site,
        "status": gateway.status,
        "serial_number": gateway.hw_serial,
        "epoch": gateway.epoch,
        "created_at": _time(gateway.created_at),
        "revoked_at": _time(gateway.revoked_at),
        "certificate_until": _time(gateway.certificate_until),
    }


def _time(micros: Micros | None) -> str | None:
    if micros is None:
        return None
    return datetime.fromtimestamp(micros // 1_000_000, UTC).isoformat().replace("+00:00", "Z")


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.encode(value).decode())
