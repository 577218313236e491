"""``run``, ``status``, ``queue``: the last two read the store, whether or not the gateway runs."""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import msgspec
import structlog
import typer

from edge import app as gateway

Data = Annotated[Path, typer.Option(help="The gateway's data folder.", envvar="QM_GATEWAY_DATA")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def run(
    data: Data = Path("gateway"),
    *,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log JSON lines.")] = False,
) -> None:
    """Run the gateway: the local API, the cameras, the uplink. SIGTERM ends it in order."""
    journal = gateway.journal_of(data)
    _log(journal, as_json=log_json)
    try:
        gateway.run(
            data, journal=journal, ready=lambda address: typer.echo(f"ready: {address}", err=True)
        )
    finally:
        journal.close()


def status(data: Data = Path("gateway"), *, json: Json = False) -> None:
    """What the gateway holds: versions, outbox, watermark, totals."""
    with gateway.opened(data) as store:
        state = gateway.state_of(store)
    if json:
        _print(state)
        return
    for name, value in state.items():
        typer.echo(f"{name:>22}  {value}")


def _print(value: dict[str, Any]) -> None:
    typer.echo(msgspec.json.encode(value).decode())


def _log(journal: gateway.Journal, *, as_json: bool) -> None:
    """To standard error and to the gateway's journal."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    logging.getLogger().addHandler(journal.handler())
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            journal,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Patient(sys.stderr))),
        cache_logger_on_first_use=True,
    )


class _Patient:
    """A stream that loses lines rather than fail: the log may lie on a full disk."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if it can be."""
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        """Flush, if it can be."""
        with contextlib.suppress(OSError):
            self._stream.flush()
