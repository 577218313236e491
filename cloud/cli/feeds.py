"""``quartermaster cloud feeds``: which feeds there are, how they do, and what they refused.

Exit codes: 0 done; 64 for a request that cannot be; 65 for a feed or file that is refused; 69 while
the database is away.
"""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud import feeds
from cloud.app.documents import READERS, ROUTES
from cloud.app.feeds import write_secret
from cloud.cli.person import By, person
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.feeds import Arrival, DeliveryRow, Feed, Health, Incoming, NewFeed, content_key
from cloud.feeds.senders import SIGNED_KINDS
from cloud.settings import load
from shared import webhooks
from shared.errors import QuartermasterError
from shared.units import Micros

app: Final = typer.Typer(help="Other systems' feeds and what came by them.", no_args_is_help=True)
_console: Final = Console()

Code = Annotated[str, typer.Argument(metavar="FEED", help="The feed's code.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Site = Annotated[str, typer.Option(help="The one site it speaks of.")]
Channel = Annotated[str, typer.Option(help="The sales channel it speaks for.")]
Partner = Annotated[str, typer.Option(help="Whose it is.")]
Expected = Annotated[
    int | None, typer.Option(min=1, help="Minutes; silent for longer it is a case.")
]
Set = Annotated[
    list[str], typer.Option("--set", help="A setting as NAME=VALUE; the value may be JSON.")
]
_KINDS: Final = ", ".join(sorted(READERS))
_SHOWN: Final = 20


@app.command()
def add(
    code: Code,
    kind: Annotated[str, typer.Argument(help=f"One of {_KINDS}.")],
    *,
    site: Site = "",
    channel: Channel = "",
    partner: Partner = "",
    expected: Expected = None,
    settings: Set = [],  # noqa: B006 - typer copies it
    json: Json = False,
) -> None:
    """Register a feed; a fresh secret for its webhooks is shown once, here.

    Raises:
        QuartermasterError: ``feed.exists``, ``feed.unknown-site`` or ``request.invalid``.
    """
    if kind not in READERS:
        raise QuartermasterError("request.invalid", f"one of {_KINDS}", where="kind")
    given = load()
    new = NewFeed(
        code, kind, site or None, channel, partner, _settings(settings), _seconds(expected)
    )
    with open_pool(given.database_url, size=1) as pool, unit_of_work(pool) as connection:
        made = feeds.add(connection, new, now=SystemClock().now())
        secret = webhooks.write_secret(secrets.token_bytes(32)) if kind in SIGNED_KINDS else ""
        path = None
        if secret and given.feed_secrets is not None:
            path = write_secret(given.feed_secrets, code, secret)
    record = {
        "code": made.code,
        "kind": made.kind,
        "webhooks": f"{given.public_api_url}/v1/feeds/{made.code}/webhooks",
        "secret": secret or None,
        "kept_in": None if path is None else str(path),
    }
    if json:
        _print_json(record)
        return
    _console.print(f"Feed {made.code} of the kind {made.kind} is there.")
    if secret:
        _console.print(f"Webhooks go to {record['webhooks']}, signed with this secret:")
        typer.echo(secret)
        _console.print("It is not shown again." if path else _PLACE.format(code))
    elif kind == "shopify":
        _console.print(f"Webhooks go to {record['webhooks']}. {_PLACE.format(code)}")


_PLACE: Final = "Put the secret into the folder QM_FEED_SECRETS, in a file named {0}."


@app.command()
def change(
    code: Code,
    *,
    site: Site = "",
    channel: Channel = "",
    partner: Partner = "",
    expected: Expected = None,
    settings: Set = [],  # noqa: B006 - as above
) -> None:
    """Change what is given here; the rest stays as it is.

    Raises:
        QuartermasterError: ``feed.unknown``, ``feed.unknown-site`` or ``request.invalid``.
    """
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = feeds.feed(connection, code)
        new = NewFeed(
            code,
            found.kind,
            site or found.site,
            channel or found.channel,
            partner or found.partner,
            {**found.settings, **_settings(settings)},
            _seconds(expected) or found.interval_s,
        )
        feeds.change(connection, new)
    _console.print(f"Changed {code}.")


@app.command()
def switch(
    code: Code, standing: Annotated[str, typer.Argument(metavar="on|off", help="on or off")]
) -> None:
    """Switch a feed on or off; what waits is kept.

    Raises:
        QuartermasterError: ``feed.unknown`` or ``request.invalid``.
    """
    if standing not in ("on", "off"):
        raise QuartermasterError("request.invalid", "on or off", where="standing")
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        feeds.switch(connection, code, on=standing == "on")
    _console.print(f"{code} is {standing}.")


@app.command("list")
def list_feeds(*, json: Json = False) -> None:
    """List feeds: when they last spoke, what waits, what was refused."""
    now = SystemClock().now()
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = feeds.feeds(connection, limit=10_000)
        health = feeds.health(connection, found, now=now)
    if json:
        _print_json([_record(feed, health[feed.feed_id]) for feed in found])
        return
    if not found:
        _console.print("There is no feed yet: quartermaster cloud feeds add.")
        return
    table = Table("feed", "kind", "last", "waiting", "24 h", "refused", "lag", "reconciled")
    for feed in found:
        how = health[feed.feed_id]
        table.add_row(
            feed.code if feed.standing == "on" else f"{feed.code} (off)",
            feed.kind,
            ("! " if how.silent_at else "") + (_time(how.last_received_at) or "never"),
            str(how.waiting),
            str(how.received),
            str(how.refused + how.unrouted),
            "–" if how.lag_ms is None else f"{how.lag_ms / 1000:.1f} s",
            "–" if how.polled_at is None else how.poll_error or f"{how.poll_missed} missed",
        )
    _console.print(table)


@app.command()
def show(
    code: Code,
    standing: Annotated[
        str | None, typer.Option(help="Only deliveries with this standing.")
    ] = None,
    content: Annotated[
        int | None, typer.Option(min=1, help="Print what came by this delivery, as it came.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show a feed and its latest deliveries; or one delivery's content.

    Raises:
        QuartermasterError: ``feed.unknown``, ``request.not-found``; ``request.conflict`` where the
            content has been forgotten.
    """
    now = SystemClock().now()
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = feeds.feed(connection, code)
        if content is not None:
            kept = feeds.content(connection, found, content)
            if kept is None:
                raise QuartermasterError("request.conflict", "it has been forgotten")
            sys.stdout.buffer.write(kept)
            return
        health = feeds.health(connection, [found], now=now)[found.feed_id]
        rows = feeds.deliveries(connection, found, standing=standing, limit=_SHOWN)
    record = _record(found, health) | {"settings": dict(found.settings)}
    if json:
        _print_json({**record, "deliveries": [_delivery(row) for row in rows]})
        return
    for name, value in record.items():
        _console.print(f"{name.replace('_', ' '):18} {'–' if value in (None, '') else value}")
    table = Table("delivery", "received", "topic", "standing", "repeats", "documents", "why")
    for row in rows:
        why = f"{row.error_where}: {row.error_says}" if row.error_where else row.error_says
        table.add_row(
            str(row.delivery_id),
            _time(row.received_at),
            row.topic,
            row.standing,
            str(row.repeats),
            str(row.documents),
            f"{row.error_code} {why}" if row.error_code else "",
        )
    _console.print(table)


@app.command()
def retry(
    code: Code,
    delivery: Annotated[
        int | None, typer.Argument(min=1, help="One delivery; all refused ones without it.")
    ] = None,
) -> None:
    """Have deliveries read again, once what was wrong with them is mended.

    Raises:
        QuartermasterError: ``feed.unknown``, ``request.not-found``, ``request.conflict``.
    """
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = feeds.feed(connection, code)
        count = feeds.retry(connection, found, delivery, now=SystemClock().now())
    _console.print(f"{count} will be read again by the worker.")


@app.command()
def send(
    code: Code,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="As the kind has it.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    json: Json = False,
) -> None:
    """Put a file into a feed's inbox; the same content again changes nothing.

    Raises:
        QuartermasterError: ``feed.unknown``, ``feed.off``, ``payload.too-large``.
    """
    body = file.read_bytes()
    now = SystemClock().now()
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = feeds.feed(connection, code)
        if not dry_run:
            arrival = Arrival(body, content_key(body), file.name[:80], "file")
            receipt = feeds.accept(connection, found, arrival, now=now)
            record: dict[str, Any] = {"delivery": receipt.delivery_id, "fresh": receipt.fresh}
        else:
            incoming = Incoming(found, 0, file.name, body, now)
            outcome = feeds.dry_run(connection, ROUTES, incoming)
            record = {
                "standing": outcome.standing,
                "documents": outcome.documents,
                "errors": [flaw._asdict() for flaw in outcome.flaws],
            }
    if json:
        _print_json(record)
    elif dry_run:
        _console.print(f"It would be {record['standing']}, with {record['documents']} documents.")
        for flaw in record["errors"]:
            _console.print(f"  {flaw['where']}: {flaw['code']} {flaw['says']}")
    else:
        what = "is in the inbox" if record["fresh"] else "has come before; nothing changes"
        _console.print(f"Delivery {record['delivery']} {what}.")


@app.command("map")
def map_code(
    code: Code,
    theirs: Annotated[str, typer.Argument(help="What the feed calls it.")],
    sku: Annotated[str, typer.Argument(help="Our item.")],
    quantity: Annotated[int, typer.Option(min=1, help="Base units that one of theirs is.")] = 1,
    by: By = "",
) -> None:
    """Say what one of a feed's codes means from now on.

    Raises:
        QuartermasterError: ``feed.unknown``, ``request.not-found``, ``request.invalid``.
    """
    now, who = SystemClock().now(), person(by)
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        feeds.map_item(connection, code, theirs, sku, quantity=quantity, by=who, now=now)
    _console.print(f"{theirs} of {code} is {quantity} of {sku}.")


def _settings(given: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals:
            raise QuartermasterError("request.invalid", f"{each}: NAME=VALUE", where="--set")
        try:
            found[name] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            found[name] = text
    return found


def _seconds(minutes: int | None) -> int | None:
    return None if minutes is None else minutes * 60


def _record(feed: Feed, how: Health) -> dict[str, Any]:
    return {
        "code": feed.code,
        "kind": feed.kind,
        "standing": feed.standing,
        "site": feed.site,
        "channel": feed.channel,
        "partner": feed.partner,
        "interval_seconds": feed.interval_s,
        "last_received_at": _time(how.last_received_at),
        "silent_since": _time(how.silent_at),
        "waiting": how.waiting,
        "received": how.received,
        "applied": how.applied,
        "refused": how.refused,
        "unrouted": how.unrouted,
        "repeats": how.repeats,
        "error_rate": how.error_rate,
        "lag_ms": how.lag_ms,
        "stale_items": how.stale_items,
        "reconciled_at": _time(how.polled_at),
        "looked": how.poll_looked,
        "missed": how.poll_missed,
        "reconciliation_error": how.poll_error,
    }


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    return row._asdict() | {
        "received_at": _time(row.received_at),
        "settled_at": _time(row.settled_at),
    }


def _time(micros: Micros | None) -> str | None:
    if micros is None:
        return None
    return datetime.fromtimestamp(micros // 1_000_000, UTC).isoformat().replace("+00:00", "Z")


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.encode(value).decode())
