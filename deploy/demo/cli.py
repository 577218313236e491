"""The commands ``quartermaster demo`` and ``quartermaster simulate``."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, TypeVar

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.demo.play import Outcome, Play
from deploy.demo.replay import Replay, Replayed
from deploy.demo.stack import DatabaseKind
from deploy.demo.verdict import Verdict
from edge.simulator.demand import read_demand
from shared.errors import QuartermasterError

RUNS: Final = Path(".run")
_Ended = TypeVar("_Ended", Outcome, Replayed)

demo_app: Final = typer.Typer(add_completion=False)
simulate_app: Final = typer.Typer(add_completion=False)

Database = Annotated[
    str, typer.Option("--database", "--db", help="embedded (PostgreSQL) or timescale.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the JSON line only.")]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the run's folder, with data and keys.")]


@demo_app.command()
def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Tell the story once in plain lines, check, and end.")
    ] = False,
    database: Database = "embedded",
    as_json: Json = False,
    keep: Keep = False,
) -> None:
    """Start everything on this machine, cut one gateway off, heal it, and check the ledger.

    Exit code 0 only if nothing was lost, doubled or missing.
    """
    console = Console(stderr=as_json)
    kind = database_kind(database)
    with _run_folder("demo", console, keep=keep) as folder:
        play = Play(folder, console=console, once=once or as_json, database=kind)
        outcome = play.run()
        _tell(outcome, outcome.verdict, console, _demo_rows(outcome))
    raise typer.Exit(0 if outcome.good else 1)


@simulate_app.command()
def simulate(
    demand: Annotated[Path, typer.Option(help="A demand table: CSV or parquet.")],
    *,
    sites: Annotated[int, typer.Option(min=1, max=32, help="How many sites: the busiest.")] = 2,
    rate: Annotated[
        float, typer.Option(min=1, max=5000, help="Scans per second over all sites.")
    ] = 200.0,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many scans.")] = None,
    columns: Annotated[
        str, typer.Option(help="Names of columns, e.g. site=store,item=article,units=sold.")
    ] = "",
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out rows that cannot be used.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Varies lots, order sizes and shelves.")] = 1,
    database: Database = "embedded",
    as_json: Json = False,
    keep: Keep = False,
) -> None:
    """Replay a real demand table as receipts, picks and shipments through real gateways.

    Exit code 0 only if nothing was lost, doubled or missing.
    """
    console = Console(stderr=as_json)
    kind = database_kind(database)
    table = read_demand(demand, columns=read_columns(columns), skip_broken=skip_broken)
    chosen = table.of_sites(sites)
    console.print(
        f"{demand.name}: {table.rows:,} rows, {table.skipped:,} left out, "
        f"{table.rounded:,} rounded to whole units; "
        f"{len(chosen.sales):,} sales of {len(chosen.sites)} sites are replayed."
    )
    with _run_folder("simulate", console, keep=keep) as folder:
        replay = Replay(folder, chosen, rate=rate, limit=limit, seed=seed, database=kind)
        with _progress(console, limit) as (say, progress):
            replayed = replay.run(say=say, progress=progress)
        _tell(replayed, replayed.verdict, console, _replay_rows(replayed))
    raise typer.Exit(0 if replayed.good else 1)


def database_kind(name: str) -> DatabaseKind:
    """The database that was asked for.

    Raises:
        QuartermasterError: ``settings.invalid``.
    """
    if name == "embedded":
        return "embedded"
    if name == "timescale":
        return "timescale"
    raise QuartermasterError("settings.invalid", "embedded or timescale", where="--database")


def read_columns(text: str) -> dict[str, str]:
    """``site=store,item=article`` as a mapping.

    Raises:
        QuartermasterError: ``demand.file``.
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not (name.strip() and column.strip()) for name, _, column in pairs):
        raise QuartermasterError("demand.file", f"{text[:60]!r}", where="--columns")
    return {name.strip(): column.strip() for name, _, column in pairs}


@contextmanager
def _run_folder(name: str, console: Console, *, keep: bool) -> Generator[Path]:
    """A fresh folder under ``.run``; removed after success, kept with its logs after a failure."""
    RUNS.mkdir(exist_ok=True)
    number = 1
    while (folder := RUNS / f"{name}-{number}").exists():
        number += 1
    folder.mkdir(mode=0o700)
    # The children have sessions of their own: whatever ends this process must end them too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        yield folder
    except KeyboardInterrupt:
        console.print("Stopped.")
        _remove(folder, keep=keep)
        raise typer.Exit(130) from None
    except BaseException:
        console.print(f"Something failed. The logs are in {(folder / 'logs').absolute()}")
        raise
    _remove(folder, keep=keep)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Being told to end is being interrupted."""
    del number, frame
    raise KeyboardInterrupt


def _remove(folder: Path, *, keep: bool) -> None:
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _progress(
    console: Console, total: int | None
) -> Generator[tuple[Callable[[str], None], Callable[[int], None]]]:
    """What is being started, then a bar with the scans answered; plain lines without terminal."""
    if not console.is_terminal:
        last = 0.0

        def line(done: int) -> None:
            nonlocal last
            if time.monotonic() - last >= 5.0:
                last = time.monotonic()
                console.print(f"{done:,} scans answered", highlight=False)

        yield (lambda what: console.print(f"… {what}", highlight=False)), line
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} scans"),
        TimeElapsedColumn(),
        console=console,
    ) as bar:
        task = bar.add_task("starting", total=total)
        yield (
            lambda what: bar.update(task, description=what),
            lambda done: bar.update(task, completed=done),
        )


def _tell(ended: _Ended, verdict: Verdict, console: Console, rows: list[tuple[str, str]]) -> None:
    """The summary for people, then the one JSON line."""
    table = Table(box=box.SIMPLE_HEAD, title="Summary", title_justify="left", show_header=False)
    for name, value in rows:
        table.add_row(name, value)
    for name, number in (
        ("lost", verdict.lost),
        ("doubled", verdict.doubled),
        ("gaps", verdict.gaps),
        ("quarantined", verdict.quarantined),
        ("labels misunderstood", verdict.misunderstood),
        ("stock positions that differ", len(verdict.stock)),
    ):
        table.add_row(name, f"[{'green' if number == 0 else 'bold red'}]{number}[/]")
    if verdict.visitors:
        table.add_row("scans of visitors, set apart", f"{verdict.visitors:,}")
    console.print(table)
    for difference in verdict.stock[:5]:
        console.print(f"  {difference}", style="red")
    for code, number in ended.refused.items():
        console.print(f"  refused at the gateway: {number} × {code}")
    print(json.dumps(ended.as_dict()))


def _demo_rows(outcome: Outcome) -> list[tuple[str, str]]:
    verdict = outcome.verdict
    return [
        ("scans answered", f"{outcome.scans:,}"),
        ("events made", f"{verdict.made:,}"),
        ("in the ledger", f"{verdict.in_ledger:,}"),
        ("backlog when the line healed", f"{outcome.backlog:,} events"),
        ("drained in", f"{outcome.drain_s:.1f} s"),
        ("scan answered, p95", f"{outcome.scan_p95_ms:.1f} ms"),
        ("scan visible through the API, p95", f"{outcome.visible_p95_ms:.0f} ms"),
        ("stock lines compared", f"{verdict.stock_lines:,}"),
    ]


def _replay_rows(replayed: Replayed) -> list[tuple[str, str]]:
    verdict = replayed.verdict
    return [
        ("sites", ", ".join(replayed.sites)),
        ("items", f"{replayed.items:,}"),
        ("scans answered", f"{replayed.scans:,} in {replayed.seconds:.0f} s"),
        ("events made", f"{verdict.made:,}"),
        ("in the ledger", f"{verdict.in_ledger:,}"),
        ("scan answered, p95", f"{replayed.scan_p95_ms:.1f} ms"),
        ("stock lines compared", f"{verdict.stock_lines:,}"),
    ]
