"""``quartermaster cloud ledger``: prove that balances are what was recorded, or make them so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table

from cloud.app.rebuild import Read, from_segments
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.ledger.epcis.service import START, Key, Slice, page, written
from cloud.ledger.rebuild import Comparison, recompute
from cloud.ledger.snapshots import service as snapshots
from cloud.settings import load
from shared.errors import QuartermasterError
from shared.events import StockState

app: Final = typer.Typer(help="Prove the ledger.", no_args_is_help=True)
_console: Final = Console()
_DIFFERS: Final = 1
_PAGE: Final = 5_000
_MOMENTS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@app.callback()
def _group() -> None:  # pyright: ignore[reportUnusedFunction] - keeps "rebuild" a subcommand
    """Prove the ledger."""


@app.command("snapshots")
def make_snapshots(
    *,
    again: Annotated[bool, typer.Option("--again", help="Forget them all first.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only compare the newest one with the balances.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the snapshots that are due; exit 1 when one does not lead to the balances.

    Raises:
        QuartermasterError: ``request.invalid`` for options that contradict each other.
    """
    if again and verify:
        raise QuartermasterError("request.invalid", "to make anew and only to compare: say one")
    made = 0
    with open_pool(load().database_url, size=1) as pool:
        if again:
            with unit_of_work(pool) as connection:
                snapshots.forget(connection)
        while not verify:
            with unit_of_work(pool) as connection:
                if snapshots.make_next(connection, now=SystemClock().now()) is None:
                    break
            made += 1
        with unit_of_work(pool) as connection:
            wrong = len(snapshots.wrong(connection))
    if json:
        typer.echo(msgspec.json.encode({"made": made, "wrong": wrong}).decode())
    else:
        _console.print(f"{made} snapshots made; {wrong} positions do not lead to their balance.")
    if wrong:
        raise typer.Exit(_DIFFERS)


@app.command()
def epcis(
    *,
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
    item: Annotated[str | None, typer.Option(help="Only of this SKU.")] = None,
    lot: Annotated[str | None, typer.Option(help="Only of this lot.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Received at or after (UTC).", formats=_MOMENTS)
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Received at or before (UTC).", formats=_MOMENTS)
    ] = None,
) -> None:
    """Write a slice of the ledger as an EPCIS 2.0 document to standard output."""
    wanted = Slice(None, site, item, lot, _micros(since), _micros(until))
    with open_pool(load().database_url, size=1) as pool:

        def told() -> Iterator[dict[str, Any]]:
            after: Key | None = START
            while after is not None:
                with unit_of_work(pool) as connection:
                    found = page(connection, wanted, after, limit=_PAGE)
                yield from found.events
                after = found.next

        for text in written(told(), SystemClock().now(), _dump):
            typer.echo(text, nl=False)


def _dump(said: Any) -> str:
    return msgspec.json.encode(said).decode()


def _micros(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


@app.command()
def rebuild(
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute and compare only (the default).")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Replace the balances that differ.")
    ] = False,
    segments: Annotated[
        bool,
        typer.Option(
            "--from-segments", help="Recompute from the signed segments: slower, proves more."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recompute balances and compare them; exit 1 when they differ and were not replaced.

    Raises:
        QuartermasterError: ``request.invalid`` for options that contradict each other.
    """
    if apply and (segments or verify):
        raise QuartermasterError(
            "request.invalid", "balances are replaced from the movements, without --verify"
        )
    settings = load()
    started = time.perf_counter()
    read: Read | None = None
    with (
        open_pool(settings.database_url, size=1) as pool,
        unit_of_work(pool) as connection,
        Progress(
            *Progress.get_default_columns()[:-1],
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=json,
        ) as bar,
    ):
        task = bar.add_task("segments" if segments else "movements", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if segments:
            read = from_segments(connection, trust_domain=settings.trust_domain, progress=progress)
            found = read.comparison
        else:
            found = recompute(connection, apply=apply, at=SystemClock().now(), progress=progress)
    report = _report(found, read, time.perf_counter() - started)
    if json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _show(found, read, report)
    if found.differing > found.replaced or (read is not None and read.flawed):
        raise typer.Exit(_DIFFERS)


def _report(found: Comparison, read: Read | None, seconds: float) -> dict[str, Any]:
    report: dict[str, Any] = {
        "movements": found.movements,
        "positions": found.positions,
        "differing": found.differing,
        "replaced": found.replaced,
        "rebuild_s": round(seconds, 3),
        "movements_per_s": round(found.movements / seconds),
        "drift": [row._asdict() for row in found.drift],
    }
    if read is not None:
        report |= {
            "events": read.events,
            "unknown": read.unknown,
            "flawed_segments": read.flawed,
            "reversed_segments": read.reversed,
            "flaws": [flaw._asdict() for flaw in read.flaws],
        }
    return report


def _show(found: Comparison, read: Read | None, report: dict[str, Any]) -> None:
    if found.drift:
        table = Table("site", "item", "location", "lot", "serial", "state", "balance", "recomputed")
        for row in found.drift:
            state = StockState(row.state).name.lower()
            table.add_row(*row[:5], state, str(row.balance), str(row.folded))
        _console.print(table)
    if read is not None:
        for flaw in read.flaws:
            where = f"{flaw.gateway} epoch {flaw.epoch}: {flaw.first_seq}-{flaw.last_seq}"
            _console.print(f"{where} proves nothing: {flaw.code} {flaw.detail}")
        _console.print(
            f"{read.events:,} events in signed segments, {read.flawed} segments flawed, "
            f"{read.reversed} taken back, {read.unknown} movements of unknown names."
        )
    _console.print(
        f"{found.movements:,} movements at {found.positions:,} positions in "
        f"{report['rebuild_s']} s ({report['movements_per_s']:,}/s): "
        f"{found.differing} balances differ, {found.replaced} were replaced."
    )
