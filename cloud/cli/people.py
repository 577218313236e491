"""``quartermaster cloud people``: who works at a site, and the secrets by which they sign in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import msgspec
import typer
from argon2 import PasswordHasher

from cloud.cli.documents import STDIN, DryRun, File, Json, Read, Site, named, publish_read, tell
from cloud.fleet.people_file import LONGEST_SECRET, read_people, refuse_weak
from shared.errors import QuartermasterError

app: Final = typer.Typer(
    help="Publish who works at a site; make the hashes of their secrets.", no_args_is_help=True
)
_HASHER: Final = PasswordHasher()
"""RFC 9106, its second recommended option: 64 MiB, three passes, four lanes."""


@app.command()
def publish(file: File, *, site: Site, dry_run: DryRun = False, json: Json = False) -> None:
    """Publish a site's people, all of them or, if an entry is wrong, none (exit 65)."""
    publish_read(_read(file, site), site=site, dry_run=dry_run, json=json)


@app.command()
def check(file: File, *, site: Site, json: Json = False) -> None:
    """Validate a people file without publishing it (exit 65 if an entry is wrong)."""
    tell(_read(file, site), site=site, version=None, dry_run=True, json=json)


@app.command()
def secret(*, json: Json = False) -> None:
    """Hash a secret, asked for twice or read from the standard input; it is kept nowhere."""
    if sys.stdin.isatty():
        plain = str(typer.prompt("Secret", hide_input=True, confirmation_prompt=True, err=True))
    else:
        plain = sys.stdin.readline(LONGEST_SECRET + 2).removesuffix("\n").removesuffix("\r")
    refuse_weak(plain)
    encoded = _HASHER.hash(plain)
    typer.echo(msgspec.json.encode({"secret": encoded}).decode() if json else encoded)


def _read(file: Path, site: str) -> Read:
    """Read a file; plain secrets only come from where they are not kept.

    Raises:
        QuartermasterError: ``file.unreadable``, ``payload.too-large`` or ``document.file``.
    """
    pins = _HASHER.hash if file == STDIN else None

    def read(content: bytes) -> Read:
        people, faults = read_people(content, site=site, pins=pins)
        return Read("people", people, len(people.people), faults)

    try:
        return named(file, read)
    except UnicodeEncodeError:
        raise QuartermasterError("document.file", "a secret is no text", where=str(file)) from None
