"""``quartermaster gateway run``: the process, its log and its journal."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

import structlog
import typer

from edge.cli.options import FOLDER, Data

if TYPE_CHECKING:
    from edge.app import Journal


def run(
    data: Data = FOLDER,
    *,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log JSON lines.")] = False,
) -> None:
    """Run the gateway: the local API, the cameras, the uplink. SIGTERM ends it in order.

    Example: quartermaster gateway run --data /var/lib/quartermaster
    """
    from edge import app as gateway  # noqa: PLC0415 - a shell completes without it

    journal = gateway.journal_of(data)
    _log(journal, as_json=log_json)
    try:
        gateway.run(
            data, journal=journal, ready=lambda address: typer.echo(f"ready: {address}", err=True)
        )
    finally:
        journal.close()


def _log(journal: Journal, *, as_json: bool) -> None:
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
