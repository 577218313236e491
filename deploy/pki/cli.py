"""``quartermaster pki``: make a development PKI, and show what one holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from cryptography import x509
from rich.console import Console
from rich.table import Table

from cloud.db import open_pool, unit_of_work
from cloud.gateways.authority import Authority
from cloud.gateways.revocation import FILE, publish
from deploy.clock import SystemClock
from deploy.pki import create, revocations
from deploy.pki import renew as renew_all
from deploy.pki import subscriber as make_subscriber
from deploy.settings import environment
from shared.certificates import fingerprint, load_chain
from shared.errors import QuartermasterError
from shared.revocations import load_revocation_list
from shared.topics import ALL_CHANGES

app: Final = typer.Typer(help="Make and show the public-key infrastructure.", no_args_is_help=True)
_console: Final = Console()

Folder = Annotated[Path, typer.Option(help="The PKI's folder.", envvar="QM_PKI")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_NAMES: Final = ("root", "devices", "services", "server", "ingest")


@app.command()
def init(
    folder: Folder = Path("pki"),
    trust_domain: Annotated[
        str, typer.Option(help="Named in every identity.", envvar="QM_TRUST_DOMAIN")
    ] = "quartermaster.local",
    host: Annotated[
        list[str] | None,
        typer.Option(help="A name or address of the servers besides localhost; repeatable."),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Make a root, the authorities for devices and services, and the cloud's own certificates."""
    create(folder, trust_domain=trust_domain, clock=SystemClock(), hosts=host or [])
    show(folder, json=json)


@app.command()
def renew(
    folder: Folder = Path("pki"),
    host: Annotated[
        list[str] | None, typer.Option(help="A further name or address of the servers.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Renew all certificates below the root for the same keys; then restart broker and cloud."""
    renew_all(folder, clock=SystemClock(), hosts=host or [])
    show(folder, json=json)


@app.command()
def crl(
    folder: Folder = Path("pki"),
    *,
    json: Json = False,
) -> None:
    """Issue the list of revoked gateway certificates anew, valid for seven days.

    With QM_DATABASE_URL it names what the registry has revoked, else what it named before. The
    cloud's worker does this by itself; the broker reads it on SIGHUP.
    """
    url = environment().database_url
    if url is None:
        revocations(folder, clock=SystemClock())
    else:
        with open_pool(url, size=1) as pool, unit_of_work(pool) as connection:
            publish(connection, Authority.load(folder), folder, now=SystemClock().now())
    issued = load_revocation_list((folder / FILE).read_bytes())
    record = {
        "file": FILE,
        "revoked": len(issued),
        "until": str(issued.next_update_utc),
    }
    if json:
        typer.echo(msgspec.json.encode(record).decode())
    else:
        _console.print(f"{FILE}: {len(issued)} revoked, valid until {issued.next_update_utc}")


@app.command()
def subscriber(
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    folder: Folder = Path("pki"),
    *,
    json: Json = False,
) -> None:
    """Make a month's certificate for a system that may read at the broker what has changed.

    It joins the services' listener and may subscribe to qm/v1/changes/{site}/{kind}, nothing else.
    """
    certificate, key = make_subscriber(folder, name, clock=SystemClock())
    record = {"certificate": str(certificate), "key": str(key), "topics": ALL_CHANGES}
    if json:
        typer.echo(msgspec.json.encode(record).decode())
    else:
        _console.print(f"{certificate}, {key}: may read {ALL_CHANGES}", soft_wrap=True)


@app.command()
def show(
    folder: Folder = Path("pki"),
    *,
    json: Json = False,
) -> None:
    """Show the certificates of a PKI and the fingerprint that enrolment slips carry."""
    found = {name: _certificate(folder / f"{name}.crt") for name in _NAMES}
    pinned = fingerprint(found["root"]).hex()
    records = [
        {
            "file": f"{name}.crt",
            "subject": certificate.subject.rfc4514_string(),
            "issuer": certificate.issuer.rfc4514_string(),
            "until": certificate.not_valid_after_utc.date().isoformat(),
        }
        for name, certificate in found.items()
    ]
    if json:
        document = {"fingerprint": pinned, "certificates": records}
        typer.echo(msgspec.json.encode(document).decode())
        return
    table = Table("file", "subject", "issuer", "until")
    for record in records:
        table.add_row(*record.values())
    _console.print(table)
    _console.print(f"Root's fingerprint: {pinned}", soft_wrap=True)


def _certificate(path: Path) -> x509.Certificate:
    try:
        return load_chain(path.read_bytes())[0]
    except OSError as error:
        raise QuartermasterError("file.unreadable", type(error).__name__, where=path.name) from None
