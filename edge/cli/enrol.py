"""``quartermaster gateway enrol`` and ``renew``: the gateway's part of getting its identity."""

from __future__ import annotations

import socket
from typing import Annotated, Final

import msgspec
import typer

from edge.cli.options import FOLDER, Data, Json
from edge.link import enrolment
from edge.link.identity import Identity
from edge.ports import SystemClock
from shared.enrolment import read_slip

_FOLDER: Final = "identity"


def enrol(
    *,
    token: Annotated[str, typer.Option(help="The one-time token from `gateways add`.")],
    api: Annotated[str, typer.Option(help="The cloud's address, https://…")],
    data: Data = FOLDER,
    host: Annotated[
        list[str] | None,
        typer.Option(help="A further name by which scanners reach this gateway; repeatable."),
    ] = None,
    new_event_key: Annotated[
        bool, typer.Option("--new-event-key", help="Sign with a new key, e.g. after a revocation.")
    ] = False,
    json: Json = False,
) -> None:
    """Make this gateway's keys and exchange a one-time token for its certificate.

    Example: quartermaster gateway enrol --token qme_… --api https://cloud.example:8443
    """
    identity = enrolment.enrol(
        data / _FOLDER,
        read_slip(token),
        api_url=api,
        clock=SystemClock(),
        hosts=[socket.gethostname(), *(host or [])],
        new_event_key=new_event_key,
    )
    _say("enrolled", identity, json=json)


def renew(
    data: Data = FOLDER,
    *,
    json: Json = False,
) -> None:
    """Renew this gateway's certificate now; the running gateway does it by itself in time.

    Example: quartermaster gateway renew
    """
    _say("renewed", enrolment.renew(data / _FOLDER), json=json)


def _say(what: str, identity: Identity, *, json: bool) -> None:
    record = {
        "gateway": identity.gateway,
        "site": identity.site,
        "epoch": identity.epoch,
        "event_key": identity.kid.hex(),
        "certificate_until": identity.not_after,
        "broker": f"{identity.broker_host}:{identity.broker_port}",
    }
    if json:
        typer.echo(msgspec.json.encode(record).decode())
        return
    days = (identity.not_after - SystemClock().now()) // (86_400 * 1_000_000)
    typer.echo(
        f"{what}: {identity.gateway} at {identity.site}, epoch {identity.epoch}, "
        f"certificate for {days + 1} days, broker {record['broker']}"
    )
