"""``quartermaster cloud policy``: publish what scans may do."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.fleet import publish as publish_document
from cloud.settings import load
from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.policy import Policy, from_toml_dict

app: Final = typer.Typer(help="Publish what scans may do.", no_args_is_help=True)
_MAX_BYTES: Final = 64 * 1024


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="A TOML file, as in firmware_config/policies.")],
    site: Annotated[
        str | None, typer.Option(help="Only for this site. Default: all without one of their own.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Validate a policy and publish it as the next version; gateways get it by themselves."""
    policy = read_policy(file)
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        now = SystemClock().now()
        version = publish_document(connection, "policy", encode(policy), site=site, now=now)
    if json:
        typer.echo(msgspec.json.encode({"policy": policy.name, "version": version}).decode())
        return
    typer.echo(f"Policy {policy.name} is version {version}.")


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A TOML file.")]) -> None:
    """Validate a policy without publishing it."""
    typer.echo(f"Policy {read_policy(file).name} is valid.")


def read_policy(file: Path) -> Policy:
    """A policy file's rules.

    Raises:
        QuartermasterError: ``file.unreadable`` or ``settings.invalid``, naming the file.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise QuartermasterError("payload.too-large", "64 KiB at most", where=str(file))
        table = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        says = error.strerror or type(error).__name__
        raise QuartermasterError("file.unreadable", says, where=str(file)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise QuartermasterError("settings.invalid", str(error), where=str(file)) from None
    try:
        return from_toml_dict(table)
    except QuartermasterError as error:
        raise QuartermasterError(error.code, error.detail, where=str(file)) from None
