"""``quartermaster cloud gateways histories`` and ``rehome``: decide what a second history is worth.

Exit codes: 0 all that was meant counts now; 1 some of it cannot be applied yet; 64 no history of
that name, or no reason; 77 the gateway is unknown or revoked.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud.app.handlers import routes
from cloud.app.rehoming import take_over
from cloud.cli.person import By, person
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.ingest.model import HistoryLine, Rehoming
from cloud.ingest.rehoming import Decision, Rehomed, decisions
from cloud.ingest.rehoming import histories as list_histories
from cloud.settings import load
from shared.errors import QuartermasterError

_console: Final = Console()
_STILL_REFUSED: Final = 1

Name = Annotated[str, typer.Argument(help="The gateway's name, gw-…")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def histories(name: Name, *, json: Json = False) -> None:
    """Show the histories of a gateway that are not in force, and what was decided about them.

    A history that waits for a decision holds scans that count nowhere else.
    """
    settings = load()
    with open_pool(settings.database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = list_histories(connection, name, trust_domain=settings.trust_domain)
        taken = decisions(connection, name)
    if json:
        _print_json(
            {
                "gateway": name,
                "histories": [_record(line) for line in found],
                "taken_over": [_decided(row) for row in taken],
            }
        )
        return
    if not found:
        _console.print(f"{name} told one history only.")
        return
    table = Table("history", "epoch", "seq", "follows", "events", "waiting", "devices", "scanned")
    for line in found:
        table.add_row(
            line.name,
            str(line.epoch),
            f"{line.first_seq}-{line.last_seq}",
            line.after or "?",
            str(line.events),
            str(line.waiting),
            ", ".join(line.devices),
            _span(line.occurred_from, line.occurred_until),
        )
    _console.print(table)
    for row in taken:
        _console.print(
            f"{row.events} events of {', '.join(row.histories)} count in epoch {row.epoch} since "
            f"{_time(row.decided_at)}, decided by {row.by}: {row.reason}"
        )


def rehome(
    name: Name,
    reason: Annotated[str, typer.Option(help="What was found out, in a few words.")],
    history: Annotated[
        list[str] | None, typer.Option(help="A history's name, as `histories` shows it.")
    ] = None,
    by: By = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every history.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    json: Json = False,
) -> None:
    """Let the scans of a history that is not in force count, each once, under an epoch of its own.

    Asked again it changes nothing; exit 1 when some of its events cannot be applied yet.

    Raises:
        QuartermasterError: ``request.invalid`` without a reason or when it is not said which;
            ``request.not-found``, ``gateway.unknown``, ``gateway.revoked``.
    """
    if not reason.strip():
        raise QuartermasterError("request.invalid", "a reason is needed", where="--reason")
    if bool(history) == everything:
        raise QuartermasterError("request.invalid", "name histories, or say --all")
    settings = load()
    decision = Decision(reason.strip()[:500], person(by), SystemClock().now())
    with open_pool(settings.database_url, size=1) as pool, unit_of_work(pool) as connection:
        done = take_over(
            connection,
            name,
            None if everything else history,
            decision,
            routes=routes(),
            trust_domain=settings.trust_domain,
        )
        if dry_run:
            connection.rollback()
    if json:
        _print_json({"dry_run": dry_run, "epochs": [_outcome(item) for item in done]})
    else:
        _show(done, dry_run=dry_run)
    if any(item.refused for item in done):
        raise typer.Exit(_STILL_REFUSED)


def _show(done: list[Rehomed], *, dry_run: bool) -> None:
    if not done:
        _console.print("There is no other history.")
    for item in done:
        for refusal in item.refused:
            _console.print(
                f"{item.from_epoch}/{refusal.seq} stays: {refusal.code} {refusal.detail}"
            )
        verb = "would count" if dry_run else "count now"
        home = f" in epoch {item.epoch}" if item.epoch and not dry_run else ""
        _console.print(
            f"Of epoch {item.from_epoch}: {item.taken} scans {verb}{home}, {item.counted} counted "
            f"before, {len(item.refused)} stay. Count the places that they touched."
        )


def _outcome(item: Rehomed) -> dict[str, Any]:
    return {
        "gateway": item.gateway,
        "from_epoch": item.from_epoch,
        "epoch": item.epoch,
        "histories": item.histories,
        "taken": item.taken,
        "counted": item.counted,
        "own": item.own,
        "refused": [refusal._asdict() for refusal in item.refused],
    }


def _record(line: HistoryLine) -> dict[str, Any]:
    times = ("occurred_from", "occurred_until", "received_from", "received_until")
    return {**line._asdict(), **{key: _time(getattr(line, key)) for key in times}}


def _decided(row: Rehoming) -> dict[str, Any]:
    return {**row._asdict(), "decided_at": _time(row.decided_at)}


def _span(since: int | None, until: int | None) -> str:
    return "–" if since is None else f"{_time(since)} to {_time(until)}"


def _time(micros: int | None) -> str | None:
    if micros is None:
        return None
    return datetime.fromtimestamp(micros // 1_000_000, UTC).isoformat().replace("+00:00", "Z")


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.encode(value).decode())
